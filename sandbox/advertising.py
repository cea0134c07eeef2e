"""Where the workshop advertises: stand-ins of Yandex Direct and VK Реклама, which are asked what they took.

Their campaigns and what they take are those of `sandbox.three_months`, so that in reports the cost meets the leads.
"""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.spending import Spending, SpendRow
from sandbox.three_months import SEED, WAYS, spent_on
from sandbox.vk_ads import VkAds
from sandbox.yandex_direct import YandexDirect
from storage.ad_accounts import ad_account_named, add_ad_account, set_credentials
from storage.engine import transaction
from storage.sealing import Sealer
from storage.spending import write_spending
from workers.clock import Clock

DIRECT: Final = "Яндекс Директ"
VK: Final = "VK Реклама"
PLACES: Final = "Карты и каталоги"
VAT: Final = Decimal(22)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertising:
    direct: YandexDirect
    vk: VkAds

    async def connect(
        self, engine: AsyncEngine, *, sealer: Sealer, currency: str, now: Clock
    ) -> None:
        """Makes what is missing. The stand-ins of this run are at other addresses than those of the last."""
        for name, platform, source, fields in (
            (
                DIRECT,
                "yandex-direct",
                "yandex",
                {"token": self.direct.token, "api_base": self.direct.url},
            ),
            (
                VK,
                "vk-ads",
                "vk",
                {
                    "client_id": self.vk.client_id,
                    "client_secret": self.vk.client_secret,
                    "api_base": self.vk.url,
                },
            ),
        ):
            async with transaction(engine) as connection:
                known = await ad_account_named(connection, name)
                if known is not None and known.archived_at is not None:
                    continue
                account = (
                    known.id
                    if known is not None
                    else await add_ad_account(
                        connection,
                        name=name,
                        platform=platform,
                        source=source,
                        medium="cpc",
                        currency=currency,
                        vat_included=True,
                        vat_rate=VAT,
                        now=now(),
                    )
                )
                await set_credentials(connection, account, fields, sealer=sealer, now=now())


def _campaigns(source: str) -> list[str]:
    return [
        name
        for way in WAYS
        if (way.source, way.medium) == (source, "cpc")
        for name, _, _ in way.campaigns
    ]


def _cost(source: str, day: date, campaign: str) -> Decimal:
    return sum(
        (
            each.amount
            for each in spent_on(day, seed=SEED)
            if (each.source, each.campaign) == (source, campaign)
        ),
        Decimal(0),
    )


async def write_fixed(
    connection: AsyncConnection, *, days: Sequence[date], currency: str, now: datetime
) -> None:
    """Places that take so much a month, and tell no program: somebody has brought in a table."""
    account = await add_ad_account(
        connection,
        name=PLACES,
        platform="other",
        source="2gis",
        medium="referral",
        currency=currency,
        now=now,
    )
    rows = [
        SpendRow(
            first_day=day,
            last_day=day,
            amount=each.amount,
            level="campaign",
            object_id=each.source,
            object_name=each.source,
            source=each.source,
            medium=each.medium,
        )
        for day in days
        for each in spent_on(day, seed=SEED)
        if not each.campaign
    ]
    said = Spending(format="csv", rows=rows, covered=(days[0], days[-1]))
    await write_spending(
        connection,
        account,
        said,
        how="file",
        file_hash="demo",
        file_name="карты-и-каталоги.csv",
        by=None,
        now=now,
    )


@asynccontextmanager
async def open_advertising() -> AsyncGenerator[Advertising]:
    direct = YandexDirect(
        now=time.time,
        queued=1,
        campaigns=[(str(7001 + n), name) for n, name in enumerate(_campaigns("yandex"))],
        costs=partial(_cost, "yandex"),
    )
    vk = VkAds(now=time.time, campaigns=_campaigns("vk"), costs=partial(_cost, "vk"))
    async with direct.running(), vk.running():
        yield Advertising(direct=direct, vk=vk)
