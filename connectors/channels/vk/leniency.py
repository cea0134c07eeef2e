"""Objects that cannot be read as they should be: as much of them as can be.

A field of another type than documented, bytes that are not quite JSON: whatever does not fit is left out, by itself.
"""

import json
from typing import Any, Final, TypeVar

import msgspec

from connectors.errors import Malformed
from router.clean_text import clean_text

T = TypeVar("T", bound=msgspec.Struct)

DEPTH: Final = 64


def readable_json(body: bytes) -> Any:
    """As much of JSON as Python can read, its texts fit for storing. Raises Malformed."""
    try:
        return _clean(json.loads(body.decode("utf-8-sig", errors="replace")), DEPTH)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error


def _clean(value: Any, depth: int) -> Any:  # noqa: PLR0911  # a table, a line each
    if depth == 0:
        return None
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {clean_text(name): _clean(item, depth - 1) for name, item in value.items()}
    # NaN, Infinity and integers of any length, which Python reads and msgspec does not write.
    if isinstance(value, float) and not -1e308 < value < 1e308:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return None
    return value


def as_far_as_it_goes(kind: type[T], told: Any) -> T:
    """The fields of `told` that are as they should be."""
    if not isinstance(told, dict):
        return kind()
    fields: dict[str, Any] = {}
    for each in msgspec.structs.fields(kind):
        if each.encode_name in told:
            try:
                fields[each.name] = msgspec.convert(told[each.encode_name], each.type, strict=False)
            except (msgspec.ValidationError, RecursionError):
                continue
    return kind(**fields)
