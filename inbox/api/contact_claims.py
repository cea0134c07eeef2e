"""/contacts/{id}/claims: numbers and addresses that a person only said to be theirs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from inbox.api.contacts import NewKey, living_id, normalised
from inbox.api.endpoints import Answer, Api, Call, Endpoint, Nothing
from storage.reading.contact_keys import ClaimRow, claims_of
from storage.reading.sight import EVERYTHING


class Claim(Struct, frozen=True, kw_only=True):
    """Something the person only said: it is shown and suggests, and merges nobody."""

    id: UUID
    kind: str
    value: str
    display: str
    at: datetime
    proved_by: Annotated[UUID | None, Meta(description="Whose proved key it is.")]


class Claims(Struct, frozen=True, kw_only=True):
    items: list[Claim]


async def list_claims(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return await _claims(api, await living_id(api, call.id))


async def add_claim(api: Api, call: Call[Nothing, NewKey]) -> Answer:
    living = await living_id(api, call.id)
    value = normalised(call.body, 0)
    await api.desk.add_key(
        living, kind=call.body.kind, value=value, display=call.body.value.strip(), by=None
    )
    return await _claims(api, living)


async def remove_claim(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.desk.remove_key(call.id, by=None)
    return Answer()


async def _claims(api: Api, contact: UUID) -> Answer:
    async with api.engine.connect() as connection:
        rows = await claims_of(connection, contact, sight=EVERYTHING)
    return Answer(body=Claims(items=[_claim(row) for row in rows]))


def _claim(row: ClaimRow) -> Claim:
    return Claim(
        id=row.id,
        kind=row.kind,
        value=row.value,
        display=row.display,
        at=row.at,
        proved_by=row.proved_by,
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/contacts/{id}/claims",
        tag="Contacts",
        summary="What a person only said to be theirs",
        description="Numbers and addresses that nobody vouches for; proved ones are the contact's `identities`.",
        scope="read",
        handler=list_claims,
        what="contact",
        answers=Claims,
    ),
    Endpoint(
        method="POST",
        path="/contacts/{id}/claims",
        tag="Contacts",
        summary="Add a number or an address that a person says is theirs",
        description="Whoever has proved it is suggested as the same person. Answers with all of them.",
        scope="write",
        handler=add_claim,
        body=NewKey,
        what="contact",
        status=201,
        refuses=True,
        answers=Claims,
    ),
    Endpoint(
        method="DELETE",
        path="/claims/{id}",
        tag="Contacts",
        summary="Remove a number or an address that was only claimed",
        scope="write",
        handler=remove_claim,
        what="claim",
        answers=None,
        status=204,
    ),
)
