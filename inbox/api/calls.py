"""/calls: telephone calls, and asking for one."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, Paged, listed
from inbox.api.problems import bad_request, not_found
from storage.reading.calls import CallFilter, CallRow, call_by_id, list_calls
from storage.reading.colleagues import list_users
from storage.reading.contacts import contact_by_id, resolve
from storage.reading.sight import EVERYTHING

Moment = Annotated[datetime, Meta(tz=True)]
Phase = Literal["ringing", "talking", "ended", "missed"]
Direction = Literal["in", "out"]


class Leg(Struct, frozen=True, kw_only=True):
    """Somebody of ours who was rung, or talked; or the other side, when the exchange reports it apart."""

    key: str
    phase: str
    extension: str
    user_id: UUID | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None


class Recording(Struct, frozen=True, kw_only=True):
    """`state`: wanted (still at the exchange), stored (`url` has it), failed."""

    id: UUID
    state: str
    url: str | None
    duration: float | None
    size: int | None


class TelephoneCall(Struct, frozen=True, kw_only=True):
    """`answered_at`: by a person. `missed`: ended, inbound, and nobody of ours talked. `duration`: seconds of conversation.
    `extension`, `user_id`: who of ours talked or, outbound, called. Without `conversation_id`, nobody has told yet who calls.
    """

    id: UUID
    account: str
    channel: str
    external_id: str
    direction: Direction
    phase: Phase
    ours: str
    theirs: str
    extension: str
    user_id: UUID | None
    transferred_to: str
    reason: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration: float | None
    asked_by: UUID | None
    contact_id: UUID | None
    conversation_id: UUID | None
    message_id: UUID | None
    legs: list[Leg]
    recordings: list[Recording]


def shown(row: CallRow) -> TelephoneCall:
    return TelephoneCall(
        id=row.id,
        account=row.account,
        channel=row.channel,
        external_id=row.key,
        direction=row.direction,
        phase=row.phase,
        ours=row.ours,
        theirs=row.theirs,
        extension=row.extension,
        user_id=row.user_id,
        transferred_to=row.transferred_to,
        reason=row.reason,
        started_at=row.started_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        duration=row.talked,
        asked_by=row.asked_by,
        contact_id=row.contact_id,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        legs=[
            Leg(
                key=each.key,
                phase=each.phase,
                extension=each.extension,
                user_id=each.user_id,
                started_at=each.started_at,
                answered_at=each.answered_at,
                ended_at=each.ended_at,
            )
            for each in row.legs
        ],
        recordings=[
            Recording(
                id=each.id,
                state=each.state,
                url=f"/api/v1/attachments/{each.id}" if each.state == "stored" else None,
                duration=each.duration,
                size=each.size,
            )
            for each in row.recordings
        ],
    )


class CallsQuery(Paged, frozen=True, kw_only=True):
    account: Annotated[str, Meta(description="Of this account only (its slug).")] = ""
    contact: UUID | None = None
    conversation: UUID | None = None
    user: Annotated[UUID | None, Meta(description="Whom of ours talked, or called.")] = None
    phase: Phase | None = None
    direction: Direction | None = None
    after: Annotated[Moment | None, Meta(description="Begun after this time.")] = None


class NewCall(Struct, frozen=True, kw_only=True):
    """Rings the colleague (`user_id`, or any `extension`), then the customer: `phone`, or the contact's number.

    The same `idempotency_key` again rings nobody twice.
    """

    phone: Annotated[str, Meta(max_length=64)] = ""
    contact_id: UUID | None = None
    user_id: UUID | None = None
    extension: Annotated[str, Meta(max_length=64)] = ""
    account: Annotated[str, Meta(max_length=64)] = ""
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Ringing(Struct, frozen=True, kw_only=True):
    """The exchange has taken it. The call itself appears in /calls once it is reported."""

    id: UUID


async def list_all_calls(api: Api, call: Call[CallsQuery, Nothing]) -> Answer:
    query = call.query
    wish = CallFilter(
        account=query.account,
        contact=query.contact,
        conversation=query.conversation,
        user=query.user,
        phase=query.phase or "",
        direction=query.direction or "",
        after=query.after,
    )
    async with api.engine.connect() as connection:
        page = await list_calls(connection, wish, cursor=query.cursor, limit=query.limit)
    return listed(page, shown)


async def show_call(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        row = await call_by_id(connection, call.id)
    if row is None:
        raise not_found("call")
    return Answer(body=shown(row))


async def ring(api: Api, call: Call[Nothing, NewCall]) -> Answer:
    new = call.body
    if new.user_id is None and not new.extension:
        raise bad_request("invalid", "Say who is to be rung (body.user_id, body.extension).")
    contact = await _contact(api, new)
    made = await api.telephone.call(
        new.phone or await _number(api, contact),
        by=await _user(api, new),
        account=new.account,
        extension=new.extension,
        contact=contact,
        idempotency_key=f"api:{call.token.id}:{new.idempotency_key}"
        if new.idempotency_key
        else None,
    )
    return Answer(body=Ringing(id=made))


async def _contact(api: Api, new: NewCall) -> UUID | None:
    if new.contact_id is None:
        return None
    async with api.engine.connect() as connection:
        living = await resolve(connection, new.contact_id)
    if living is None:
        raise bad_request("invalid", "There is no such contact (body.contact_id).")
    return living


async def _number(api: Api, contact: UUID | None) -> str:
    """The number the contact has proved, or else one that somebody has."""
    if contact is None:
        raise bad_request("invalid", "Say who is to be called (body.phone, body.contact_id).")
    async with api.engine.connect() as connection:
        row = await contact_by_id(connection, contact, sight=EVERYTHING)
    phones = [each for each in (row.identities if row else ()) if each.kind == "phone"]
    phones.sort(key=lambda each: (each.shared, not each.proved))
    if not phones:
        raise bad_request("invalid", "No telephone number of this contact is known (body.phone).")
    return phones[0].value


async def _user(api: Api, new: NewCall) -> UUID | None:
    if new.user_id is None:
        return None
    async with api.engine.connect() as connection:
        users = await list_users(connection)
    if not any(each.id == new.user_id and each.disabled_at is None for each in users):
        raise bad_request("invalid", "There is no such colleague (body.user_id).")
    return new.user_id


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/calls",
        tag="Calls",
        summary="Telephone calls, the newest first",
        scope="read",
        handler=list_all_calls,
        query=CallsQuery,
        answers=ListOf[TelephoneCall],
    ),
    Endpoint(
        method="GET",
        path="/calls/{id}",
        tag="Calls",
        summary="One call",
        scope="read",
        handler=show_call,
        what="call",
        answers=TelephoneCall,
    ),
    Endpoint(
        method="POST",
        path="/calls",
        tag="Calls",
        summary="Ring a colleague, then a customer",
        scope="write",
        handler=ring,
        body=NewCall,
        status=201,
        refuses=True,
        answers=Ringing,
    ),
)
