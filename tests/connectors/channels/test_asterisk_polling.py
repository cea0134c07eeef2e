"""The held connection as the process holds it: one at a time, opened again, and nothing lost while the broker is away."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from connectors.channel_log import ChannelLog
from connectors.channels.asterisk import connector
from connectors.connector import Account, Incoming, NotDurable
from connectors.polling import Pace, Polling
from router.message import CallReported
from sandbox.asterisk import Manager
from tests.conftest import NOON
from tests.connectors.channels.asterisk_world import NO_HTTP, REAL, an_account, told
from tests.connectors.channels.telephony_door import Door, story


class World(Door):
    """Leases, cursors and conditions, too; `failing` times nothing can be made durable."""

    failing = 0

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.cursor = ""
        self.conditions: list[str] = []
        self.news = asyncio.Event()

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        self.news.set()
        if self.failing:
            self.failing -= 1
            raise NotDurable
        self.accepted.extend(incoming)

    async def take(self, name: str, *, seconds: float) -> bool:
        return True

    async def give_back(self, name: str) -> None: ...

    async def load(self, account: object, what: str) -> str:
        return self.cursor

    async def save(self, account: object, what: str, value: str) -> None:
        self.cursor = value
        self.news.set()

    async def works(self, account: Account) -> None:
        self.conditions.append("works")
        self.news.set()

    async def troubled(self, account: Account, reason: str) -> None:
        self.conditions.append(reason)

    async def broken(self, account: Account, reason: str) -> None:
        self.conditions.append(f"broken: {reason}")
        self.news.set()

    async def until(self, reports: int) -> list[CallReported]:
        async with asyncio.timeout(5):
            while len(self.reports) < reports:
                self.news.clear()
                await self.news.wait()
        return self.reports


@asynccontextmanager
async def polling(manager: Manager, **fields: str) -> AsyncGenerator[World]:
    world = World(an_account(port=str(manager.port), **fields))
    served = Polling(
        connectors={"asterisk": connector},
        accounts=world,
        intake=world,
        leases=world,
        cursors=world,
        conditions=world,
        counts=world,
        log=ChannelLog(world, lambda: NOON),
        http=NO_HTTP,
        chance=lambda: 0.5,
        pace=Pace(lease=0.3, look=0.01, first_wait=0.01, longest_wait=0.02, least=0.0),
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(served.run())
        yield world
        task.cancel()


async def test_calls_are_told_and_the_line_is_opened_again() -> None:
    events = REAL["inbound_missed_timeout"]
    async with Manager().running() as manager, polling(manager) as world:
        async with asyncio.timeout(5):
            await manager.until_listened_to()
        manager.tell(*events)
        await world.until(4)
        await manager.go_down()
        await manager.come_back()
        async with asyncio.timeout(5):
            await manager.until_listened_to()
        manager.tell(*REAL["inbound_answered_direct"])
        reports = await world.until(10)
    wanted = [*told(events), *told(REAL["inbound_answered_direct"])]
    assert story(reports) == story(wanted)
    assert world.conditions[0] == "works"
    assert world.conditions[-1] == "works"


async def test_what_cannot_be_stored_now_is_held_because_asterisk_would_not_say_it_again() -> None:
    events = REAL["inbound_answered_direct"]
    async with Manager().running() as manager, polling(manager) as world:
        world.failing = 5
        async with asyncio.timeout(5):
            await manager.until_listened_to()
        manager.tell(*events)
        reports = await world.until(6)
        assert story(reports) == story(told(events))
        assert sum(each["Action"] == "Login" for each in manager.asked) == 1


async def test_a_refused_manager_user_stops_this_account_only() -> None:
    async with Manager().running() as manager, polling(manager, secret="wrong") as world:
        async with asyncio.timeout(5):
            while not world.conditions:
                world.news.clear()
                await world.news.wait()
    assert world.conditions == [
        "broken: Asterisk does not accept the manager user and secret: Authentication failed"
    ]
