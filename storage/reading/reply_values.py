"""What the places of a canned reply are filled with, of one conversation."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyValues:
    """`manager` is who answers for the conversation, or else whoever writes. "" and None: there is none."""

    contact: str
    manager: str
    account: str
    language: str
    """Which the account speaks with its customers."""
    time_zone: str
    """The company's; "": as the installation has it."""
    company: str
    lead_number: int | None
    lead_title: str
    lead_value: int | None
    lead_currency: str


_VALUES: Final = text("""
    select c.name as contact, coalesce(nullif(m.name, ''), w.name, '') as manager, a.slug as account,
           a.language, coalesce((select value ->> 'time_zone' from setting where name = 'company'), '') as time_zone,
           coalesce((select value ->> 'name' from setting where name = 'company'), '') as company,
           l.number as lead_number, coalesce(l.title, '') as lead_title, l.value as lead_value,
           coalesce(l.currency, 'RUB') as lead_currency
    from conversation v
    join contact c on c.id = v.contact_id
    join account a on a.id = v.account_id
    left join user_account m on m.id = v.manager_id
    left join user_account w on w.id = :by
    left join lateral (
        select number, title, value, currency from lead
        where lead.contact_id = v.contact_id and lead.status = 'open' order by created_at desc, id desc limit 1
    ) l on true
    where v.id = :id
""")


async def values_for(
    connection: AsyncConnection, conversation_id: UUID, *, by: UUID | None
) -> ReplyValues | None:
    row = (await connection.execute(_VALUES, {"id": conversation_id, "by": by})).one_or_none()
    return None if row is None else ReplyValues(**row._mapping)  # noqa: SLF001  # a Row's public mapping
