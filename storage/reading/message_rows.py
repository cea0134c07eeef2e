"""A message as it is shown, and the one query that dresses picked messages: author, files, delivery, what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import FromClause, Select, case, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from storage.reading.calls import ShownCall, of_message, shown_call
from storage.tables import (
    account,
    attachment,
    contact,
    conversation,
    delivery,
    message,
    user_account,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRow:
    """`state`: wanted (still at the platform), stored, failed (`error` says why)."""

    id: UUID
    kind: str
    name: str
    mime: str
    size: int | None
    width: int | None
    height: int | None
    duration: float | None
    cid: str
    sha256: str
    state: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """The newest attempt's life: queued, sending, sent, delivered, read, failed, unknown."""

    state: str
    attempts: int
    next_attempt_at: datetime
    error_family: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """The message this one answers, as far as a quote shows it."""

    id: UUID
    direction: str
    kind: str
    author: str
    text: str
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    id: UUID
    conversation_id: UUID
    contact_id: UUID
    """Whose conversation it is in; after a merge, the survivor."""
    seq: int
    account_id: UUID
    account: str
    channel: str
    external_id: str | None
    direction: str
    kind: str
    author: str
    author_contact: UUID | None
    author_user: UUID | None
    text: str
    html: str
    subject: str
    reply_to: UUID | None
    quote: str
    quoted: Quoted | None
    album: str
    automatic: str | None
    details: dict[str, Any]
    reactions: dict[str, Any]
    place: int
    sent_at: datetime
    received_at: datetime
    stored_at: datetime
    state: str
    error: str
    edited_at: datetime | None
    deleted_at: datetime | None
    attachments: tuple[AttachmentRow, ...]
    delivery: DeliveryRow | None
    call: ShownCall | None
    """Of the entry of a telephone call."""
    idempotency_key: str | None
    """By which its author's page recognises it."""


_m = message.c


def dressed(picked: FromClause, order: tuple[Any, ...]) -> Select[Any]:
    files = (
        select(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_object(
                        *(
                            part
                            for name in AttachmentRow.__dataclass_fields__
                            for part in (literal(name), attachment.c[name])
                        )
                    ),
                    attachment.c.position,
                    attachment.c.id,
                )
            ).label("files")
        )
        .where(attachment.c.message_id == _m.id)
        .lateral("files")
    )
    sending = (
        select(
            delivery.c.state,
            delivery.c.attempts,
            delivery.c.next_attempt_at,
            delivery.c.error_family,
            delivery.c.error,
        )
        .where(delivery.c.message_id == _m.id, _m.direction == "out")
        .order_by(delivery.c.created_at.desc(), delivery.c.id.desc())
        .limit(1)
        .lateral("sending")
    )
    telephoned = of_message(message)
    answered = message.alias("answered")
    answered_user = user_account.alias("answered_user")
    answered_contact = contact.alias("answered_contact")
    return (
        select(
            message,
            conversation.c.contact_id,
            account.c.slug.label("account_slug"),
            account.c.kind.label("channel"),
            _author(message, user_account, contact).label("author"),
            files.c.files,
            telephoned.c.call,
            sending.c.state.label("delivery_state"),
            sending.c.attempts,
            sending.c.next_attempt_at,
            sending.c.error_family,
            sending.c.error.label("delivery_error"),
            answered.c.id.label("answered_id"),
            answered.c.direction.label("answered_direction"),
            answered.c.kind.label("answered_kind"),
            func.left(answered.c.text, 300).label("answered_text"),
            answered.c.deleted_at.label("answered_deleted_at"),
            _author(answered, answered_user, answered_contact).label("answered_author"),
        )
        .select_from(picked)
        .join(message, _m.id == picked.c.id)
        .join(conversation, conversation.c.id == _m.conversation_id)
        .join(account, account.c.id == _m.account_id)
        .outerjoin(user_account, user_account.c.id == _m.author_user)
        .outerjoin(contact, contact.c.id == _customer(message))
        .outerjoin(files, literal(True))
        .outerjoin(sending, literal(True))
        .outerjoin(telephoned, literal(True))
        .outerjoin(answered, answered.c.id == _m.reply_to)
        .outerjoin(answered_user, answered_user.c.id == answered.c.author_user)
        .outerjoin(answered_contact, answered_contact.c.id == _customer(answered))
        .order_by(*order)
    )


def _customer(said: FromClause) -> Any:
    """Which customer wrote it: in a private chat the conversation's own, whom the message need not name."""
    return case(
        (said.c.direction == "in", func.coalesce(said.c.author_contact, conversation.c.contact_id))
    )


def _author(said: FromClause, colleague: FromClause, customer: FromClause) -> Any:
    """The name given with the message (a group's member, a token), or the colleague's, or the contact's."""
    return case(
        (said.c.author_name != "", said.c.author_name),
        else_=func.coalesce(colleague.c.name, customer.c.name, ""),
    )


def row_of(row: Any) -> MessageRow:
    return MessageRow(
        id=row.id,
        conversation_id=row.conversation_id,
        contact_id=row.contact_id,
        seq=row.seq,
        account_id=row.account_id,
        account=row.account_slug,
        channel=row.channel,
        external_id=row.external_id,
        direction=row.direction,
        kind=row.kind,
        author=row.author,
        author_contact=row.author_contact or (row.contact_id if row.direction == "in" else None),
        author_user=row.author_user,
        text=row.text,
        html=row.html,
        subject=row.subject,
        reply_to=row.reply_to,
        quote=row.quote,
        quoted=None
        if row.answered_id is None
        else Quoted(
            id=row.answered_id,
            direction=row.answered_direction,
            kind=row.answered_kind,
            author=row.answered_author,
            text=row.answered_text,
            deleted=row.answered_deleted_at is not None,
        ),
        album=row.album,
        automatic=row.automatic,
        details=row.details,
        reactions=row.reactions,
        place=row.place,
        sent_at=row.sent_at,
        received_at=row.received_at,
        stored_at=row.stored_at,
        state=row.state,
        error=row.error,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        attachments=msgspec.convert(row.files or [], tuple[AttachmentRow, ...]),
        delivery=None
        if row.delivery_state is None
        else DeliveryRow(
            state=row.delivery_state,
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_at,
            error_family=row.error_family,
            error=row.delivery_error,
        ),
        call=shown_call(row.call),
        idempotency_key=row.idempotency_key,
    )
