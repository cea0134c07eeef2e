"""What an administrator should look at, for the front page of the settings; nothing is counted to the end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ad_accounts import ailing_ad_accounts

MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    channels: int
    letters: int
    webhooks: int
    ad_accounts: int


async def troubles(connection: AsyncConnection, *, now: datetime) -> Troubles:
    found = await connection.execute(
        text("""
            select
                (select count(*) from account where state = 'broken'
                    or (state = 'active' and silent_since is not null)) as channels,
                (select count(*) from (select 1 from dead_letter where replayed_at is null and dropped_at is null
                    limit :most) as letter) as letters,
                (select count(*) from webhook where state = 'stopped' or failing_since is not null) as webhooks
        """),
        {"most": MOST},
    )
    row = found.one()
    return Troubles(
        channels=row.channels,
        letters=row.letters,
        webhooks=row.webhooks,
        ad_accounts=len(await ailing_ad_accounts(connection, now=now)),
    )
