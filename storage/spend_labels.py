"""Spend that is there already gets other origins: after its account's source, medium or way of naming campaigns has changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ad_accounts import ad_account_by_id
from storage.sources import origin_ids
from storage.spend_parts import origin_of


async def relabel(connection: AsyncConnection, account_id: UUID, *, now: datetime) -> None:
    """All rows of the account, by what each said of itself and the account as it is now. Raises NoSuchAdAccount."""
    account = await ad_account_by_id(connection, account_id)
    rows: Sequence[Any] = (
        await connection.execute(
            text("""
                select distinct source, medium, campaign, campaign_id from spend where ad_account_id = :account
            """),
            {"account": account_id},
        )
    ).all()
    origins = [origin_of(account, row) for row in rows]
    numbers = await origin_ids(connection, origins, now=now)
    await connection.execute(
        text("""
            update spend set origin_id = fresh.origin_id
            from unnest(cast(:sources as text[]), cast(:mediums as text[]), cast(:campaigns as text[]),
                        cast(:ids as text[]), cast(:origins as bigint[]))
                as fresh (source, medium, campaign, campaign_id, origin_id)
            where spend.ad_account_id = :account
              and (spend.source, spend.medium, spend.campaign, spend.campaign_id)
                = (fresh.source, fresh.medium, fresh.campaign, fresh.campaign_id)
              and spend.origin_id <> fresh.origin_id
        """),
        {
            "account": account_id,
            "sources": [row.source for row in rows],
            "mediums": [row.medium for row in rows],
            "campaigns": [row.campaign for row in rows],
            "ids": [row.campaign_id for row in rows],
            "origins": [numbers[origin] for origin in origins],
        },
    )
