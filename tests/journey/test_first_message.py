"""One process, nothing else on the machine: a customer writes, and is answered."""

from pathlib import Path

import pytest

from sandbox.mailbox import Mailbox
from sandbox.telegram import Telegram
from tests.journey.first_message import (
    everybody_is_answered_once,
    everybody_is_there_once,
    everybody_writes,
    nothing_waits,
    open_shop,
)
from tests.journey.processes import Place, Process

pytestmark = pytest.mark.timeout(300)


async def test_three_customers_write_and_each_is_answered_once(
    tmp_path: Path, telegram: Telegram, mailbox: Mailbox
) -> None:
    place = Place(tmp_path)
    async with place.process() as allo:
        await allo.ready()
        async with open_shop(
            place, door=allo, desk=allo, telegram=telegram, mailbox=mailbox
        ) as shop:
            await everybody_writes(shop)
            await everybody_is_there_once(shop)
            await everybody_is_answered_once(shop)
            await nothing_waits(shop)
        await _stops_in_order(allo)


async def _stops_in_order(allo: Process) -> None:
    assert await allo.stop() == 0
    assert allo.lines("database_stopped")
    assert "Traceback" not in allo.log.read_text()
