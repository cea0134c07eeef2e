"""A notification as the customer's template makes it: JSON with one field in a line, a form, or a query.

UIS puts values into the body as they are. A quotation mark in a contact's name or a search query then breaks the JSON of
the whole; read line by line, it breaks nothing, because a line of our template is one field. A placeholder that UIS does
not know for an event may stay as it is written: that is no value.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from connectors.errors import Malformed
from connectors.loose_fields import form_fields, said

_NAME: Final = re.compile(r"[A-Za-z_]{1,64}")
_PLACEHOLDER: Final = re.compile(r"\{\{.*\}\}|\{[a-z_]+\}|null|None|undefined")
MOST_LINES: Final = 300
VALUE_LIMIT: Final = 2000


def fields_of(body: bytes, query: Mapping[str, str]) -> dict[str, str]:
    """Of the query those that the body does not have. Raises Malformed."""
    found = dict(query)
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if text.startswith(b"{"):
        found |= _of_json(text)
    elif text:
        found |= form_fields(body)
    told = {name: said(found, name, limit=VALUE_LIMIT) for name in found if _NAME.fullmatch(name)}
    return {
        name: value for name, value in told.items() if value and not _PLACEHOLDER.fullmatch(value)
    }


def _of_json(text: bytes) -> dict[str, str]:
    try:
        told: Any = json.loads(text)
    except RecursionError:
        raise Malformed("nested too deep") from None
    except ValueError:
        return _line_by_line(text)
    return {name: _flat(value) for name, value in told.items()}


def _flat(value: Any) -> str:
    """Lists as a template cannot write them and a placeholder may: with spaces between."""
    if isinstance(value, list):
        return " ".join(said({"": each}, "", limit=VALUE_LIMIT) for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return said({"": value}, "", limit=VALUE_LIMIT)


def _line_by_line(text: bytes) -> dict[str, str]:
    found = {}
    for line in text.decode(errors="replace").splitlines()[:MOST_LINES]:
        name, colon, value = line.strip().removeprefix("{").partition(":")
        value = value.strip().rstrip("}").rstrip().removesuffix(",").rstrip()
        if colon and len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        if colon:
            found[name.strip().strip('"')] = value
    if "event" not in found and "numa" not in found:
        raise Malformed("neither JSON nor our template, a field in a line")
    return found
