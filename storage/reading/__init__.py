"""What pages and the API show: one module per resource, one query per page, frozen rows.

Nothing here writes. Every list is a keyset page (`storage.reading.paging`): stable while rows come in, and as quick on
its thousandth page as on its first. Who may see what is the caller's to decide, with the filters.
"""
