"""Where the workshop advertises: stand-ins of Yandex Direct and VK Реклама, which are asked what they took.

Their campaigns are those that `sandbox.visitors` come from, so that in reports the cost meets the leads.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.vk_ads import VkAds
from sandbox.yandex_direct import YandexDirect
from storage.ad_accounts import ad_account_named, add_ad_account, set_credentials
from storage.engine import transaction
from storage.sealing import Sealer
from workers.clock import Clock

DIRECT: Final = "Яндекс Директ"
VK: Final = "VK Реклама"
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


@asynccontextmanager
async def open_advertising() -> AsyncGenerator[Advertising]:
    direct = YandexDirect(now=time.time, queued=1, campaigns=(("7001", "brakes"), ("7002", "oil")))
    vk = VkAds(now=time.time, campaigns=("spring",))
    async with direct.running(), vk.running():
        yield Advertising(direct=direct, vk=vk)
