"""What colleagues asked an exchange to do: ring them, then a customer. Reports of the call are matched with it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    account_id: UUID
    user_id: UUID | None
    extension: str
    phone: str
    conversation_id: UUID | None = None
    idempotency_key: str | None = None


async def add_request(
    connection: AsyncConnection, request: NewRequest, *, now: datetime
) -> tuple[UUID, bool]:
    """(its id, whether it is new): the same key again gives the request that is there."""
    added = await connection.execute(
        text("""
            insert into call_request
                (id, account_id, user_id, extension, phone, conversation_id, idempotency_key, at)
            values (:id, :account_id, :user_id, :extension, :phone, :conversation_id, :idempotency_key, :now)
            on conflict (idempotency_key) where idempotency_key is not null do nothing returning id
        """),
        {
            "id": new_id(),
            "account_id": request.account_id,
            "user_id": request.user_id,
            "extension": request.extension,
            "phone": request.phone,
            "conversation_id": request.conversation_id,
            "idempotency_key": request.idempotency_key,
            "now": now,
        },
    )
    made: UUID | None = added.scalar()
    if made is not None:
        return made, True
    known = await connection.execute(
        text("select id from call_request where idempotency_key = :key"),
        {"key": request.idempotency_key},
    )
    return UUID(str(known.scalar_one())), False


async def request_taken(connection: AsyncConnection, request: UUID, *, call_key: str) -> None:
    """The exchange calls, and has told its key of the call; it may have reported the call before it answered us."""
    await connection.execute(
        text("update call_request set call_key = :key where id = :id"),
        {"id": request, "key": call_key},
    )
    await connection.execute(
        text("""
            update call c set asked_by = r.user_id, user_id = coalesce(c.user_id, r.user_id)
            from call_request r where r.id = :id and c.account_id = r.account_id and c.key = r.call_key
              and r.call_key <> '' and c.asked_by is null
        """),
        {"id": request},
    )


async def request_failed(connection: AsyncConnection, request: UUID, *, error: str) -> None:
    await connection.execute(
        text("update call_request set error = :error where id = :id"),
        {"id": request, "error": error[:500]},
    )


async def last_line(connection: AsyncConnection, contact: UUID) -> UUID | None:
    """The account on which the contact was last called, or called us."""
    found = await connection.execute(
        text("""
            select v.account_id from conversation v join call c on c.conversation_id = v.id
            where v.contact_id = :contact order by c.started_at desc limit 1
        """),
        {"contact": contact},
    )
    account: UUID | None = found.scalar()
    return account


async def private_conversation(connection: AsyncConnection, contact: UUID) -> UUID | None:
    found = await connection.execute(
        text("""
            select id from conversation where contact_id = :contact and chat_kind = 'private'
            order by last_message_at desc limit 1
        """),
        {"contact": contact},
    )
    conversation: UUID | None = found.scalar()
    return conversation
