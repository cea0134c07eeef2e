"""Telephone calls as pages and the API show them: who called whom, who talked, for how long, what was recorded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, FromClause, func, literal, select
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID as PG_UUID, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.tables import account, attachment, call, call_leg, conversation, user_account


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRow:
    """Somebody who was rung, or talked."""

    key: str
    phase: str
    extension: str
    user_id: UUID | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRow:
    """A file of the call's entry; `state`: wanted (still at the platform), stored, failed."""

    id: UUID
    state: str
    duration: float | None
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCall:
    """What the entry in a conversation says of its call. `colleague`: whose extension it was, as they are called now."""

    id: UUID
    phase: str
    direction: str
    ours: str
    theirs: str
    extension: str
    colleague: str
    transferred_to: str
    transferred_colleague: str
    reason: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    talked: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """`talked`: seconds of conversation. `conversation_id` None: nobody has told yet who calls."""

    id: UUID
    account: str
    channel: str
    key: str
    phase: Literal["ringing", "talking", "ended", "missed"]
    direction: Literal["in", "out"]
    ours: str
    theirs: str
    extension: str
    user_id: UUID | None
    user_name: str
    transferred_to: str
    reason: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    talked: float | None
    asked_by: UUID | None
    conversation_id: UUID | None
    contact_id: UUID | None
    message_id: UUID | None
    legs: tuple[LegRow, ...]
    recordings: tuple[RecordingRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    account: str = ""
    contact: UUID | None = None
    conversation: UUID | None = None
    user: UUID | None = None
    phase: str = ""
    direction: str = ""
    after: datetime | None = None


_NAME: Final = "calls"


def of_message(message: FromClause) -> Any:
    """The call that a message is the entry of, as one JSON value: for the query that dresses messages."""
    whose, transferred = user_account.alias("whose"), user_account.alias("transferred")
    wanted = {
        **{
            name: call.c[name]
            for name in ShownCall.__dataclass_fields__
            if name not in {"colleague", "transferred_colleague"}
        },
        "colleague": func.coalesce(whose.c.name, ""),
        "transferred_colleague": func.coalesce(transferred.c.name, ""),
    }
    parts = (part for name, value in wanted.items() for part in (literal(name), value))
    return (
        select(func.jsonb_build_object(*parts).label("call"))
        .select_from(call)
        .outerjoin(whose, whose.c.id == call.c.user_id)
        .outerjoin(
            transferred,
            (transferred.c.extension == call.c.transferred_to)
            & (transferred.c.extension != "")
            & transferred.c.disabled_at.is_(None),
        )
        .where(message.c.kind == "call", call.c.message_id == message.c.id)
        .limit(1)
        .lateral("telephoned")
    )


def shown_call(value: Any) -> ShownCall | None:
    return None if value is None else msgspec.convert(value, ShownCall)


async def list_calls(
    connection: AsyncConnection, wish: CallFilter, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[CallRow]:
    """The newest first. Raises BadCursor."""
    conditions: list[ColumnElement[bool]] = []
    if cursor:
        at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID])
        before = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        conditions.append(func.row(call.c.started_at, call.c.id) < before)
    if wish.account:
        conditions.append(account.c.slug == wish.account)
    if wish.contact is not None:
        conditions.append(conversation.c.contact_id == wish.contact)
    if wish.conversation is not None:
        conditions.append(call.c.conversation_id == wish.conversation)
    if wish.user is not None:
        conditions.append(call.c.user_id == wish.user)
    if wish.phase:
        conditions.append(call.c.phase == wish.phase)
    if wish.direction:
        conditions.append(call.c.direction == wish.direction)
    if wish.after is not None:
        conditions.append(call.c.started_at > wish.after)
    rows = await connection.execute(
        _dressed()
        .where(*conditions)
        .order_by(call.c.started_at.desc(), call.c.id.desc())
        .limit(limit + 1)
    )
    return page_of(
        [_row(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda row: (row.started_at, row.id),
    )


async def call_by_id(connection: AsyncConnection, id_: UUID) -> CallRow | None:
    row = (await connection.execute(_dressed().where(call.c.id == id_))).one_or_none()
    return None if row is None else _row(row)


def _dressed() -> Any:
    legs = (
        select(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_object(
                        *(
                            part
                            for name in LegRow.__dataclass_fields__
                            for part in (literal(name), call_leg.c[name])
                        )
                    ),
                    call_leg.c.started_at,
                    call_leg.c.key,
                )
            ).label("legs")
        )
        .where(call_leg.c.call_id == call.c.id)
        .lateral("legs")
    )
    files = (
        select(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_object(
                        *(
                            part
                            for name in RecordingRow.__dataclass_fields__
                            for part in (literal(name), attachment.c[name])
                        )
                    ),
                    attachment.c.position,
                )
            ).label("files")
        )
        .where(attachment.c.message_id == call.c.message_id)
        .lateral("files")
    )
    return (
        select(
            call,
            account.c.slug,
            account.c.kind,
            conversation.c.contact_id,
            user_account.c.name.label("user_name"),
            legs.c.legs,
            files.c.files,
        )
        .select_from(call)
        .join(account, account.c.id == call.c.account_id)
        .outerjoin(conversation, conversation.c.id == call.c.conversation_id)
        .outerjoin(user_account, user_account.c.id == call.c.user_id)
        .outerjoin(legs, literal(True))
        .outerjoin(files, literal(True))
    )


def _row(row: Any) -> CallRow:
    own = {
        name: getattr(row, name)
        for name in CallRow.__dataclass_fields__
        if name not in {"account", "channel", "user_name", "legs", "recordings"}
    }
    return CallRow(
        **own,
        account=row.slug,
        channel=row.kind,
        user_name=row.user_name or "",
        legs=msgspec.convert(row.legs or [], tuple[LegRow, ...]),
        recordings=msgspec.convert(row.files or [], tuple[RecordingRow, ...]),
    )
