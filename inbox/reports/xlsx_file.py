"""A sheet as a workbook: numbers that are numbers, in the company's currency; the question beside the answer."""

import io
from typing import Any, Final

import xlsxwriter
from babel.numbers import get_currency_precision, get_currency_symbol

from inbox.languages import Language
from inbox.reports.csv_file import flat, heading
from inbox.reports.sheet import Column, Line, Sheet
from storage.analytics.figures import Value

_WIDEST: Final = 60
_NARROWEST: Final = 12
_SHEET_NAME: Final = 31
"""Excel's limit."""
_NOT_IN_NAMES: Final = str.maketrans("", "", "[]:*?/\\'")


def xlsx_file(sheet: Sheet, language: Language) -> bytes:
    held = io.BytesIO()
    # What customers' links carry is in the cells: never a formula, never a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(held, options) as book:
        _figures(book, sheet, language)
        _question(book, sheet, language)
    return held.getvalue()


def _figures(book: Any, sheet: Sheet, language: Language) -> None:
    page = book.add_worksheet(_named(sheet.title))
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    page.write_string(0, 0, sheet.heading, bold)
    for place, column in enumerate(sheet.columns, start=1):
        page.write_string(0, place, heading(column, sheet), bold)
        page.write_comment(0, place, column.formula)
    lines = list(flat(sheet))
    shared = {
        column.name
        for column in sheet.columns
        if any((line.values.get(column.name) or 0) % 1 for _, line in lines)
    }
    looks: dict[tuple[str, bool], Any] = {}
    names: dict[tuple[int, bool], Any] = {}
    row = 0
    for row, (depth, line) in enumerate(lines, start=1):
        is_total = line is sheet.total
        if (depth, is_total) not in names:
            names[depth, is_total] = book.add_format(
                {"indent": depth, "bold": is_total, "top": is_total}
            )
        page.write_string(row, 0, line.name, names[depth, is_total])
        for place, column in enumerate(sheet.columns, start=1):
            key = column.name, is_total
            if key not in looks:
                looks[key] = book.add_format(
                    {
                        "num_format": _pattern(
                            column, sheet.currency, language, shared=column.name in shared
                        ),
                        "bold": is_total,
                        "top": is_total,
                    }
                )
            _write(page, row, place, _value(line, column, sheet.currency), looks[key])
    page.freeze_panes(1, 1)
    last = row - 1 if sheet.total is not None else row
    if last:
        page.autofilter(0, 0, last, len(sheet.columns))
    longest = max((len(line.name) + 2 * depth for depth, line in lines), default=0)
    page.set_column(0, 0, min(_WIDEST, max(_NARROWEST, longest + 2)))
    page.set_column(1, len(sheet.columns), _NARROWEST + 2)


def _write(page: Any, row: int, place: int, value: float | None, look: Any) -> None:
    if value is None:
        page.write_blank(row, place, None, look)
    else:
        page.write_number(row, place, value, look)


def _question(book: Any, sheet: Sheet, language: Language) -> None:
    """What was asked: whoever is sent the file sees what it is of."""
    page = book.add_worksheet(_named(language._("What was asked")))
    bold = book.add_format({"bold": True, "valign": "top"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    rows = [
        (language._("Report"), sheet.title),
        *sheet.asked,
        *((language._("Note"), each) for each in (*sheet.notes, *sheet.hints)),
        *((each.label, each.formula) for each in sheet.columns),
    ]
    for row, (what, answer) in enumerate(rows):
        page.write_string(row, 0, what, bold)
        page.write_string(row, 1, answer, wrapped)
    page.set_column(0, 0, 24)
    page.set_column(1, 1, 80)


def _named(title: str) -> str:
    return title.translate(_NOT_IN_NAMES)[:_SHEET_NAME] or "1"


def _value(line: Line, column: Column, currency: str) -> float | None:
    """Percents as parts of one and spans as parts of a day, as Excel counts them."""
    value: Value = line.values.get(column.name)
    if value is None:
        return None
    if column.kind == "money":
        value /= 10 ** get_currency_precision(currency)
    if column.kind == "seconds":
        value /= 24 * 60 * 60
    return float(value)


def _pattern(column: Column, currency: str, language: Language, *, shared: bool) -> str:
    """`shared`: leads that several touches earned are no whole ones."""
    match column.kind:
        case "money":
            digits = get_currency_precision(currency)
            symbol = get_currency_symbol(currency, locale=language.locale)
            return f'#,##0{"." + "0" * digits if digits else ""}\\ "{symbol}"'
        case "percent":
            return "0.0%"
        case "ratio" | "days":
            return "0.00"
        case "seconds":
            return "[h]:mm:ss"
        case _:
            return "#,##0.00" if shared else "#,##0"
