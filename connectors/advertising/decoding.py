"""Bytes to text: which of the encodings that spreadsheets and advertising accounts write in."""

import codecs
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 4096
_BINARY: Final = (
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"%PDF",
    b"\x1f\x8b",
    b"\x89PNG",
    b"\xff\xd8\xff",
)
"""Beginnings of what is no text: spreadsheets, documents, archives, pictures."""


def decoded(data: bytes) -> str | None:
    """The text; None when it is no text at all.

    Without a mark UTF-8 is told by being valid, which no Russian text in cp1251 is by accident; UTF-16 by its zero bytes.
    """
    if data.startswith(_BINARY):
        return None
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _text(data, name)
    sample = data[:_SAMPLE]
    if b"\0" in sample:
        return _unmarked_utf16(data)
    text = _text(data, "utf-8")
    if text is None:
        # Excel's "Unicode text" and Russian "CSV": cp1251 has a character for nearly every byte.
        text = data.decode("cp1251", errors="replace")
    return text if _is_text(text) else None


def _unmarked_utf16(data: bytes) -> str | None:
    even, odd = data[:_SAMPLE:2].count(0), data[1:_SAMPLE:2].count(0)
    text = _text(data, "utf-16-le" if odd >= even else "utf-16-be")
    return text if text is not None and _is_text(text) else None


def _text(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _is_text(text: str) -> bool:
    sample = text[:_SAMPLE]
    strange = sum(not (each.isprintable() or each.isspace()) for each in sample)
    return strange <= len(sample) // 50
