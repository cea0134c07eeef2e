"""Reports as people and programs ask for them and read them: one question, one sheet of figures, many ways to show it.

    address, API parameters, options of `allo report` ──▶ wish   which days, compared with which, by what, narrowed to what
        │  build        asks storage.analytics, gives every row its name in the reader's language
        ▼
    sheet             columns, lines, total: figures as numbers, not yet as text
        │
        ├──▶ a page, with charts          ├──▶ CSV, XLSX
        └──▶ the API, the command line    └──▶ a digest by email or Telegram

So a figure is the same wherever it is seen, and a new report is a module that makes a sheet, and a line in `catalogue`.
"""
