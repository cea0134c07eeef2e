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

from inbox.uuids import uuid_or_none
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
        "canned-replies",
        "macros",
        "macro-runs",
        "fields",
        "pipelines",
        "notices",
        "notifications",
        "mentions",
        "sessions",
        "devices",
        "subscriptions",
        "colleagues",
        "reports",
    }
)
"""Addresses, by their first word, whose ids are of nothing that customers said: colleagues, teams, what is set up."""

PICKED: Final = "pick."
"""Begins the name of a ticked box; the id is the rest of the name."""

OWN_DOING: Final = frozenset({"bulk"})
"""Words before the id of what somebody did, which they alone may take back; who it was is asked where it is taken back."""

ONE_BY_ONE: Final = frozenset({"/conversations/bulk"})
"""Pages that say of each of their `ids` what became of it: one that has just left somebody's sight stops none of the rest."""

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
"""Fields of forms and of questions. `ids` of a form are of what the address begins with; those of a question are narrowed
by whoever answers it."""


def of_what(path: str) -> Iterator[tuple[str, Kind | None]]:
    """(name, kind) of every part of a page's address that may be an id; None: nobody's secret, or not known what."""
    parts = [part for part in path.split("/") if part]
    house = bool(parts) and parts[0] in OF_THE_HOUSE
    for before, part in zip(["", *parts], parts, strict=False):
        if part.startswith("{") and not house and before not in OWN_DOING:
            yield part.strip("{}").partition(":")[0], OF_CUSTOMERS.get(before)


async def refuse_unseen(
    engine: AsyncEngine, sight: Sight, request: web.Request, *, path: str, posted: Any
) -> None:
    """Raises HTTPNotFound. `path` is the page's address with its {names}, `posted` the form, with all its values."""
    if sight.whole:
        return
    asked: dict[Kind, set[UUID]] = {}
    for kind, id_ in (*_in_address(request, path), *_in_fields(request, path, posted)):
        if kind is None:
            raise web.HTTPNotFound
        asked.setdefault(kind, set()).add(id_)
    if not asked:
        return
    async with engine.connect() as connection:
        for kind, ids in asked.items():
            if await unseen(connection, sight, kind, ids):
                raise web.HTTPNotFound


def _in_address(request: web.Request, path: str) -> Iterator[tuple[Kind | None, UUID]]:
    for name, kind in of_what(path):
        if (id_ := uuid_or_none(request.match_info.get(name, ""))) is not None:
            yield kind, id_


def _in_fields(request: web.Request, path: str, posted: Any) -> Iterator[tuple[Kind, UUID]]:
    """Of the form, and of the question behind the address."""
    whose = None if path in ONE_BY_ONE else OF_CUSTOMERS.get(path.split("/")[1])
    for name, value in posted.items():
        kind = whose if name in {"id", "ids"} or name.startswith(PICKED) else FIELDS.get(name)
        if kind is None or not isinstance(value, str):
            continue
        written = name.removeprefix(PICKED) if name.startswith(PICKED) else value
        yield from ((kind, id_) for id_ in _uuids(written.split(",")))
    for name, value in request.query.items():
        if (kind := FIELDS.get(name)) is not None:
            yield from ((kind, id_) for id_ in _uuids(value.split(",")))


def _uuids(written: Iterable[str]) -> Iterator[UUID]:
    found = (uuid_or_none(each.strip()) for each in written)
    return (each for each in found if each is not None)
