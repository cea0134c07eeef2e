"""Whether what a request names is the colleague's to see: asked at the door, for every page there is and will be.

The address and the posted form name things by id. What an id is of is told by the word before it (`/leads/{id}`) or by
the field it stands in (`contact=`). Somebody whose sight is limited is refused what is out of it, before the page begins,
in the same words as what is not there. An id of which nobody has said what it is of is refused too: a new page has to say.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.reading.sight import Kind, Sight, unseen

OF_CUSTOMERS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "conversations": "conversation",
        "contacts": "contact",
        "people": "contact",
        "leads": "lead",
        "tasks": "task",
        "messages": "message",
        "files": "file",
        "calls": "call",
        "suggestions": "suggestion",
        "merges": "merge",
    }
)
"""Words of addresses, each before an id."""

OF_THE_HOUSE: Final = frozenset(
    {
        "settings",
        "profile",
        "views",
        "labels",
        "canned",
        "fields",
        "pipelines",
        "notices",
        "notifications",
        "mentions",
        "sessions",
        "devices",
        "subscriptions",
        "colleagues",
    }
)
"""Addresses, by their first word, whose ids are of nothing that customers said: colleagues, teams, what is set up."""

FIELDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "conversation": "conversation",
        "conversations": "conversation",
        "to": "conversation",
        "contact": "contact",
        "contacts": "contact",
        "other": "contact",
        "with": "contact",
        "into": "contact",
        "survivor": "contact",
        "absorbed": "contact",
        "lead": "lead",
        "leads": "lead",
        "task": "task",
        "tasks": "task",
        "message": "message",
        "messages": "message",
        "reply_to": "message",
        "suggestion": "suggestion",
    }
)
"""Fields of forms. `ids` are of what the address begins with."""


def of_what(path: str) -> Iterator[tuple[str, Kind | None]]:
    """(name, kind) of every part of a page's address that may be an id; None: nobody's secret, or not known what."""
    parts = [part for part in path.split("/") if part]
    house = bool(parts) and parts[0] in OF_THE_HOUSE
    for before, part in zip(["", *parts], parts, strict=False):
        if part.startswith("{") and not house:
            yield part.strip("{}").partition(":")[0], OF_CUSTOMERS.get(before)


async def refuse_unseen(
    engine: AsyncEngine, sight: Sight, request: web.Request, *, path: str, posted: Any
) -> None:
    """Raises HTTPNotFound. `path` is the page's address with its {names}, `posted` the form, with all its values."""
    if sight.whole:
        return
    asked: dict[Kind, set[UUID]] = {}
    for name, kind in of_what(path):
        id_ = _uuid(request.match_info.get(name, ""))
        if id_ is None:
            continue
        if kind is None:
            raise web.HTTPNotFound
        asked.setdefault(kind, set()).add(id_)
    whose = OF_CUSTOMERS.get(path.split("/")[1])
    for name, value in posted.items():
        kind = whose if name in {"id", "ids"} else FIELDS.get(name)
        if kind is not None and isinstance(value, str):
            asked.setdefault(kind, set()).update(_uuids(value.split(",")))
    if not any(asked.values()):
        return
    async with engine.connect() as connection:
        for kind, ids in asked.items():
            if await unseen(connection, sight, kind, ids):
                raise web.HTTPNotFound


def _uuids(written: Iterable[str]) -> Iterator[UUID]:
    return (each for each in map(_uuid, written) if each is not None)


def _uuid(written: str) -> UUID | None:
    try:
        return UUID(written.strip())
    except ValueError:
        return None
