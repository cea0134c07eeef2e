"""The form on the workshop's landing page, and people who fill it in."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
import structlog

from sandbox.pace import Pace
from sandbox.phrasebook import Phrasebook
from sandbox.stories import ENQUIRIES
from sandbox.telling import Story, somebody, tell
from sandbox.visitors import CAMPAIGNS, TIMEOUT

log = structlog.get_logger()

FIRST_AFTER_S: Final = (6.0, 9.0)
EVERY_S: Final = (40.0, 80.0)
REMEMBERED_S: Final = (100.0, 120.0)
"""For a colleague to see what was asked for."""


@dataclass(kw_only=True)
class Landing:
    """`address` takes the forms of `page`. `seed` decides who comes, `run_number` makes them others than before."""

    address: str
    page: str
    phrasebook: Phrasebook
    pace: Pace
    seed: str
    run_number: int
    _random: Random = field(init=False)
    _numbers: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(f"{self.seed}:forms")  # noqa: S311  # stories, not secrets
        # Beyond those who write and those who call.
        self._numbers = count(self.run_number * 100_000 + 80_001)

    async def run(self) -> None:
        """Until it is cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http, asyncio.TaskGroup() as group:
            await self.pace.moment(*FIRST_AFTER_S)
            while True:
                group.create_task(self._fill_in(self._random.choice(ENQUIRIES), http))
                await self.pace.moment(*EVERY_S)

    async def _fill_in(self, enquiry: Story, http: aiohttp.ClientSession) -> None:
        random = self._random
        person = somebody(next(self._numbers), random)
        (turn,) = tell(enquiry, person, random).turns
        campaign = random.choice(CAMPAIGNS)
        tags = {f"utm_{name}": value for name, value in campaign.utm.items()} | campaign.click_ids
        form = {
            "name": person.name,
            "phone": person.phone,
            "comment": " ".join(str(line) for line in turn.says),
            "_page": f"{self.page}?{urlencode(tags)}" if tags else self.page,
            "_referrer": campaign.referrer,
            "_seconds": round(random.uniform(12, 90), 1),
            "_submission": str(UUID(int=random.getrandbits(128), version=4)),
        }
        asked = self.phrasebook.begin(turn, person.name)
        asked.said.set()
        try:
            async with http.post(self.address, json=form) as answer:
                if answer.status != 200:
                    log.info("form_not_taken", status=answer.status)
            await self.pace.moment(*REMEMBERED_S)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.info("form_not_taken", error=repr(error)[:200])
        finally:
            self.phrasebook.forget(asked)
