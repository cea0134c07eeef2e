"""How far a new installation has come, read off its own records: nobody has to tick anything."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Each: has it happened once?"""

    site_message: bool
    mail_message: bool
    answered: bool
    won: bool
    colleagues: bool
    hours: bool
    canned: bool | None
    notified: bool | None
    """None: this installation has no such thing."""


_PROGRESS: Final = text("""
    select
        exists (select 1 from account a join conversation c on c.account_id = a.id where a.kind = 'site_chat')
            as site_message,
        exists (select 1 from account a join conversation c on c.account_id = a.id where a.kind = 'email')
            as mail_message,
        exists (select 1 from delivery) as answered,
        exists (select 1 from lead where closed_at is not null and status = 'won') as won,
        (select count(*) > 1 from user_account where disabled_at is null) as colleagues,
        exists (select 1 from team where hours is not null) as hours,
        to_regclass('canned_reply') is not null as has_canned,
        to_regclass('push_subscription') is not null as has_push
""")


async def progress(connection: AsyncConnection) -> Progress:
    row = (await connection.execute(_PROGRESS)).one()
    canned: bool | None = None
    notified: bool | None = None
    if row.has_canned:
        found = await connection.execute(text("select exists (select 1 from canned_reply)"))
        canned = bool(found.scalar_one())
    if row.has_push:
        found = await connection.execute(text("select exists (select 1 from push_subscription)"))
        notified = bool(found.scalar_one())
    return Progress(
        site_message=row.site_message,
        mail_message=row.mail_message,
        answered=row.answered,
        won=row.won,
        colleagues=row.colleagues,
        hours=row.hours,
        canned=canned,
        notified=notified,
    )
