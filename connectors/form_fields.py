"""The fields of a posted form, from the body alone: URL-encoded or multipart, whichever it turns out to be.

Platforms sign what is in the fields, so nothing is trimmed, folded or guessed; and what they declare about the body is
not relied on: one telephone exchange is known to announce another boundary than it uses.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from connectors.errors import Malformed

MOST_FIELDS: Final = 300

_NAME: Final = re.compile(rb'[;\s]name="([^"\r\n]*)"', re.IGNORECASE)


def form_fields(body: bytes) -> dict[str, str]:
    """The first value of each name. Raises Malformed."""
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
