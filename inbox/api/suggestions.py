"""/suggestions: pairs that are probably one person; somebody says yes or no, for good."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, Paged, listed
from inbox.api.problems import not_found
from storage.reading.sight import EVERYTHING
from storage.reading.suggestions import SuggestionRow, list_suggestions, suggestion_by_id

Decision = Literal["open", "accepted", "rejected", "moot"]


class SuggestedContact(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str


class Suggestion(Struct, frozen=True, kw_only=True):
    """`score` 0 to 100; `decision` moot: they became one in another way."""

    id: UUID
    contacts: list[SuggestedContact]
    score: int
    reasons: list[Any]
    decision: Decision
    decided_by: UUID | None
    decided_at: datetime | None
    at: datetime


def shown(row: SuggestionRow) -> Suggestion:
    return Suggestion(
        id=row.id,
        contacts=[
            SuggestedContact(id=row.first_id, name=row.first_name),
            SuggestedContact(id=row.second_id, name=row.second_name),
        ],
        score=row.score,
        reasons=row.reasons,
        decision=msgspec.convert(row.decision, Decision),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        at=row.at,
    )


async def list_open_suggestions(api: Api, call: Call[Paged, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        page = await list_suggestions(
            connection, sight=EVERYTHING, cursor=call.query.cursor, limit=call.query.limit
        )
    return listed(page, shown)


async def accept_suggestion(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.desk.decide_suggestion(call.id, accept=True, by=None)
    return await _shown(api, call.id)


async def reject_suggestion(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.desk.decide_suggestion(call.id, accept=False, by=None)
    return await _shown(api, call.id)


async def _shown(api: Api, id_: UUID) -> Answer:
    async with api.engine.connect() as connection:
        row = await suggestion_by_id(connection, id_)
    if row is None:
        raise not_found("suggestion")
    return Answer(body=shown(row))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/suggestions",
        tag="Contacts",
        summary="Who is probably the same person, the surest first",
        scope="read",
        handler=list_open_suggestions,
        query=Paged,
        answers=ListOf[Suggestion],
    ),
    Endpoint(
        method="POST",
        path="/suggestions/{id}/accept",
        tag="Contacts",
        summary="Yes, one person: merges them",
        scope="write",
        handler=accept_suggestion,
        what="suggestion",
        refuses=True,
        answers=Suggestion,
    ),
    Endpoint(
        method="POST",
        path="/suggestions/{id}/reject",
        tag="Contacts",
        summary="No, two: never suggested again",
        scope="write",
        handler=reject_suggestion,
        what="suggestion",
        refuses=True,
        answers=Suggestion,
    ),
)
