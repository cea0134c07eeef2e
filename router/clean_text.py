"""Text that PostgreSQL and JSON can hold: without NUL, lone surrogates and other characters no writing needs."""

import re

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def clean_text(text: str, *, limit: int | None = None) -> str:
    """`text` without what cannot be stored, cut at `limit` code points."""
    if not text:
        return text
    if _FORBIDDEN.search(text):
        text = _FORBIDDEN.sub("", text)
    return text if limit is None or len(text) <= limit else text[:limit]


def clean_line(text: str, *, limit: int = 128) -> str:
    """A name or a title: one line, spaces folded."""
    return clean_text(" ".join(text.split()), limit=limit)
