"""/touches and /sources: where people came from."""

from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, Paged, listed
from inbox.languages import language
from inbox.source_names import SourceNames, read_names
from storage.reading.touches import SourceRow, TouchRow, list_sources, list_touches

_SPOKEN: Final = language("en")


class Touch(Struct, frozen=True, kw_only=True):
    """One moment somebody came by an advertisement, a link or a search; `raw` is what it was read from, `source_name` what
    the rules call it.
    """

    id: UUID
    contact_id: UUID | None
    visitor_id: UUID | None
    at: datetime
    channel: str
    source_name: str
    source: str
    medium: str
    campaign: str
    content: str
    term: str
    click_ids: dict[str, Any]
    landing: str
    referrer: str
    raw: dict[str, Any]


class Source(Struct, frozen=True, kw_only=True):
    """`name` is what the rules call it; what no rule names is as links say it."""

    name: str
    source: str
    medium: str
    campaign: str
    touches: int
    first_seen: datetime
    last_seen: datetime


class TouchesQuery(Paged, frozen=True, kw_only=True):
    contact: UUID | None = None


def shown(row: TouchRow, names: SourceNames) -> Touch:
    return Touch(
        id=row.id,
        contact_id=row.contact_id,
        visitor_id=row.visitor_id,
        at=row.at,
        channel=row.channel,
        source_name=names.name(_SPOKEN, row.source, row.medium, row.campaign),
        source=row.source,
        medium=row.medium,
        campaign=row.campaign,
        content=row.content,
        term=row.term,
        click_ids=row.click_ids,
        landing=row.landing,
        referrer=row.referrer,
        raw=row.raw,
    )


def shown_source(row: SourceRow, names: SourceNames) -> Source:
    return Source(
        name=names.name(_SPOKEN, row.source, row.medium, row.campaign),
        source=row.source,
        medium=row.medium,
        campaign=row.campaign,
        touches=row.touches,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
    )


async def list_all_touches(api: Api, call: Call[TouchesQuery, Nothing]) -> Answer:
    query = call.query
    async with api.engine.connect() as connection:
        page = await list_touches(
            connection, contact=query.contact, cursor=query.cursor, limit=query.limit
        )
        names = await read_names(connection)
    return listed(page, partial(shown, names=names))


async def list_all_sources(api: Api, call: Call[Paged, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        page = await list_sources(connection, cursor=call.query.cursor, limit=call.query.limit)
        names = await read_names(connection)
    return listed(page, partial(shown_source, names=names))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/touches",
        tag="Sources",
        summary="Where people came from, in the order it was recorded",
        scope="read",
        handler=list_all_touches,
        query=TouchesQuery,
        answers=ListOf[Touch],
    ),
    Endpoint(
        method="GET",
        path="/sources",
        tag="Sources",
        summary="Every source, medium and campaign seen",
        scope="read",
        handler=list_all_sources,
        query=Paged,
        answers=ListOf[Source],
    ),
)
