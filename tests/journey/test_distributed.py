"""Four processes, one role each, over RabbitMQ and PostgreSQL: the same journey, and a fifth process that helps."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.mailbox import Mailbox
from sandbox.telegram import Telegram
from tests.journey.conftest import Shared
from tests.journey.first_message import (
    everybody_is_answered_once,
    everybody_is_there_once,
    everybody_writes,
    nothing_waits,
    open_shop,
)
from tests.journey.processes import Place, Process

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Four:
    place: Place
    connectors: Process
    router: Process
    workers: Process
    inbox: Process

    @property
    def all(self) -> tuple[Process, ...]:
        return self.connectors, self.router, self.workers, self.inbox


@pytest.fixture
async def four(tmp_path: Path, shared: Shared) -> AsyncGenerator[Four]:
    """Started at the same moment on an empty installation, as an orchestrator would."""
    place = Place(tmp_path, **shared.environment)
    async with AsyncExitStack() as stack:
        processes = {
            role: await stack.enter_async_context(place.process(role))
            for role in ("connectors", "router", "workers", "inbox")
        }
        four = Four(place=place, **processes)
        for each in four.all:
            await each.ready()
        yield four


async def test_three_customers_write_and_each_is_answered_once_by_four_processes(
    four: Four, telegram: Telegram, mailbox: Mailbox
) -> None:
    async with open_shop(
        four.place, door=four.connectors, desk=four.inbox, telegram=telegram, mailbox=mailbox
    ) as shop:
        await everybody_writes(shop)
        await everybody_is_there_once(shop)
        await everybody_is_answered_once(shop)
        await nothing_waits(shop)
    administrators = [line for each in four.all for line in each.lines("One-time password:")]
    assert len(administrators) == 1, "four processes found one installation between them"
    for each in four.all:
        assert "NOT_FOUND" not in each.log.read_text(), "queues are there before they are used"
        assert await each.stop() == 0
        assert "Traceback" not in each.log.read_text(), each.last_words()
