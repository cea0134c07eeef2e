"""The conversations in which a person can be answered: theirs, in every channel they wrote in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class WayRow:
    """`address_kind`, `address`: whom a reply goes to, as the channel knows them; "" when it is not known."""

    conversation_id: UUID
    contact_id: UUID
    account: str
    account_state: str
    channel: str
    chat_kind: str
    subject: str
    address_kind: str
    address: str
    seq: int
    last_inbound_at: datetime | None
    window_until: datetime | None
    unreachable: str
    contact_blocked: bool


MOST_WAYS = 30

_WAYS = text("""
    select v.id as conversation_id, v.contact_id, a.slug as account, a.state as account_state,
           a.kind as channel, v.chat_kind, v.subject, coalesce(known.kind, '') as address_kind,
           coalesce(nullif(known.display, ''), known.value, '') as address, v.seq,
           v.last_inbound_at, v.window_until, v.unreachable, c.blocked as contact_blocked
    from conversation here
    join conversation v on v.id = here.id
        or (v.contact_id = here.contact_id and here.chat_kind = 'private' and v.chat_kind = 'private')
    join account a on a.id = v.account_id
    join contact c on c.id = v.contact_id
    left join identity known on known.id = v.identity_id
    where here.id = :id
    order by v.id = here.id desc, v.last_inbound_at desc nulls last, v.id
    limit :most
""")


async def ways_to(connection: AsyncConnection, conversation_id: UUID) -> list[WayRow]:
    """The one asked about first, then the person's others, the one they wrote in last before the rest."""
    rows = await connection.execute(_WAYS, {"id": conversation_id, "most": MOST_WAYS})
    return [WayRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a colleague wrote to the customer."""

    seq: int
    name: str
    at: datetime
    words: str


async def answered_since(
    connection: AsyncConnection, conversation_id: UUID, *, seq: int, but: UUID
) -> Answered | None:
    """The last answer by somebody else than `but` after the message `seq`."""
    row = (
        await connection.execute(
            text("""
                select m.seq, coalesce(nullif(m.author_name, ''), u.name, '') as name, m.received_at as at,
                       left(m.text, 120) as words
                from message m left join user_account u on u.id = m.author_user
                where m.conversation_id = :id and m.seq > :seq and m.direction = 'out'
                  and m.automatic is null and m.details->>'automatic' is null
                  and m.author_user is distinct from :but
                order by m.seq desc limit 1
            """),
            {"id": conversation_id, "seq": seq, "but": but},
        )
    ).one_or_none()
    return None if row is None else Answered(**row._mapping)  # noqa: SLF001  # a Row's public mapping
