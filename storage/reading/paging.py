"""Pages by key, and the cursors that name the place to go on from.

A cursor is opaque to whoever holds it: the list's name and the sort key of the last row, URL-safe. It is checked when it
comes back (the right list, the right number and types of values). It grants nothing, a forged one only starts the same
list at another place, so it is not signed.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

DEFAULT_LIMIT: Final = 50
MOST: Final = 500
LONGEST_CURSOR: Final = 512

T = TypeVar("T")
Key = TypeVar("Key", bound=tuple[object, ...])


class BadCursor(ValueError):
    """Not a cursor of this list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next_cursor: str | None = None


def cursor_at(name: str, key: tuple[object, ...]) -> str:
    """The cursor that goes on behind the row with this sort key, in the list `name`."""
    body = msgspec.json.encode([name, *key])
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def key_of(cursor: str, name: str, shape: type[Key]) -> Key:
    """The sort key a cursor of the list `name` stands for. Raises BadCursor."""
    if len(cursor) > LONGEST_CURSOR:
        raise BadCursor("too long for a cursor")
    try:
        body = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        given, *key = msgspec.json.decode(body, type=list[object])
        decoded = msgspec.convert(key, type=shape)
    except (binascii.Error, msgspec.MsgspecError, ValueError, TypeError) as error:
        raise BadCursor("not a cursor") from error
    if given != name:
        raise BadCursor("a cursor of another list, or of another order of this one")
    return decoded


def page_of(
    rows: Sequence[T], *, limit: int, name: str, key: Callable[[T], tuple[object, ...]]
) -> Page[T]:
    """Cuts `limit` + 1 fetched rows to a page; the one too many says that there is more."""
    items = tuple(rows[:limit])
    if len(rows) <= limit:
        return Page(items=items)
    return Page(items=items, next_cursor=cursor_at(name, key(items[-1])))
