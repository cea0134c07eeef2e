"""Fields as platforms really write them: numbers as texts, texts as numbers, forms that are not what they say.

Platforms sign what is in a form's fields, so nothing of a form is trimmed, folded or guessed; and what is declared about
the body is not relied on: one telephone exchange is known to announce another boundary than it uses.
"""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final
from urllib.parse import parse_qsl

from connectors.errors import Malformed
from router.clean_text import clean_line

MOST_FIELDS: Final = 300

_NAME: Final = re.compile(rb'[;\s]name="([^"\r\n]*)"', re.IGNORECASE)


def form_fields(body: bytes) -> dict[str, str]:
    """The first value of each name, URL-encoded or multipart, whichever it turns out to be. Raises Malformed."""
    found: dict[str, str] = {}
    try:
        for name, value in _multipart(body) if body.startswith(b"--") else _encoded(body):
            found.setdefault(name, value)
    except ValueError:
        # UnicodeDecodeError is one, too. Without the cause: it would quote the body.
        raise Malformed("not a form: not in UTF-8, or too many fields") from None
    return found


def _encoded(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(
        body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
    )


def _multipart(body: bytes) -> Iterator[tuple[str, str]]:
    boundary = body.partition(b"\r\n")[0]
    for part in body.split(boundary, MOST_FIELDS)[1:]:
        head, blank, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if blank and name:
            yield name[1].decode(), value.removesuffix(b"\r\n").decode()


def said(told: Mapping[str, Any], name: str, *, limit: int = 255) -> str:
    """A field's text, whether it is written as text or as a number; "" for what is neither."""
    value = told.get(name)
    match value:
        case str():
            return clean_line(value, limit=limit)
        case bool():
            return ""
        case int():
            return clean_line(f"{value}", limit=limit) if abs(value) < 1 << 63 else ""
        case float() if isfinite(value):
            return clean_line(f"{value:.15g}", limit=limit)
        case _:
            return ""


def seconds(text: str) -> float | None:
    """A length of time; None for what is no number, and for what nobody talks."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and 0 <= value <= 7 * 86_400 else None
