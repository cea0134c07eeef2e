"""What advertising accounts say of their cost: as files that somebody downloaded, and as answers of their APIs.

    bytes ─▶ decoding (text) ─▶ table (rows with their line numbers) ─▶ a format (which column is what) ─▶ Spending

`reading.read_spend` is the one way in: it finds the format by itself. A format is a module with the names that its platform
gives to columns; `ledger` makes rows of them. Nothing here raises for what a file says: every line that cannot be read
becomes a problem with its number and its reason.
"""
