"""How many replies of a conversation failed, or may have, and have not been dealt with.

Kept on the conversation, in the transactions that change a reply's state (sending, a platform's report, another try), so
that the list need not look for them. Dealt with is what is sent again, what a colleague has dismissed, and what went
before a later answer of a colleague that went out: `failed_seen` is the number of the last such message.
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK: Final = text(
    "select id from conversation where id = any(cast(:ids as uuid[])) order by id for no key update"
)
_LOCK_OF: Final = text(
    "select id from conversation where id = (select conversation_id from message where id = :message)"
    " for no key update"
)
_RECOUNT: Final = text(
    "update conversation c set failed = k.n from (select id, (select count(*) from message m"
    "  where m.conversation_id = v.id and m.seq > v.failed_seen and m.direction = 'out'"
    "  and m.state in ('failed', 'unknown')) as n from conversation v where id = any(cast(:ids as uuid[]))) k"
    " where c.id = k.id and c.failed <> k.n"
)
_AGAIN: Final = text(
    "update conversation c set failed_seen = m.seq - 1 from message m where m.id = :message"
    " and c.id = m.conversation_id and c.failed_seen >= m.seq"
)
_WENT_OUT: Final = text(
    "update conversation c set failed = 0, failed_seen = m.seq from message m where m.id = :message"
    " and m.author_user is not null and c.id = m.conversation_id and c.failed > 0 and c.failed_seen < m.seq"
    # A reply that overtook the one that failed says nothing about it.
    " and not exists (select from message o where o.conversation_id = c.id and o.seq > m.seq"
    "  and o.direction = 'out' and o.state in ('failed', 'unknown'))"
)


async def lock(connection: AsyncConnection, conversations: Collection[UUID]) -> None:
    """Before its messages are changed: the order in which everybody locks them."""
    await connection.execute(_LOCK, {"ids": list(conversations)})


async def lock_of(connection: AsyncConnection, message: UUID) -> None:
    """`lock`, of the conversation this message is in."""
    await connection.execute(_LOCK_OF, {"message": message})


async def recount(connection: AsyncConnection, conversations: Collection[UUID]) -> None:
    """After states of replies have changed."""
    await connection.execute(_RECOUNT, {"ids": list(conversations)})


async def went_out(connection: AsyncConnection, message: UUID) -> None:
    """A colleague's answer reached the platform: what failed before it is history."""
    await connection.execute(_WENT_OUT, {"message": message})


async def tried_again(connection: AsyncConnection, message: UUID) -> None:
    """Should it fail once more, it is to be dealt with once more, whatever was dismissed before."""
    await connection.execute(_AGAIN, {"message": message})


async def dealt_with(connection: AsyncConnection, conversation: UUID, *, up_to: int) -> int:
    """Up to this message nothing is asked about any more; returns up to which it was not before."""
    found = await connection.execute(
        text("select failed_seen from conversation where id = :id"), {"id": conversation}
    )
    before: int = found.scalar_one()
    await connection.execute(
        text("update conversation set failed_seen = :up_to where id = :id"),
        {"id": conversation, "up_to": up_to},
    )
    await recount(connection, [conversation])
    return before
