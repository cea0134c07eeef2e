"""Killed with events in its hands: the next process on the same directory goes on at once, and not when claims run out."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import text

from sandbox.telegram import Telegram
from storage.embedded import shared_postgres
from storage.engine import open_engine
from tests.journey.processes import Place, Process, api_of, eventually

pytestmark = pytest.mark.timeout(180)

TOKEN: Final = "600600:TEST"
SECRET: Final = "s3cret"
EVENTS: Final = 300
ROUTED_WITHIN_S: Final = 8.0
"""Three on a machine with nothing else to do; claims are made to last an hour here, so that waiting for them would show."""


async def test_what_a_killed_process_held_is_routed_as_soon_as_the_next_one_is_ready(
    tmp_path: Path, telegram: Telegram
) -> None:
    telegram.add_bot(TOKEN)
    place = Place(tmp_path)
    async with place.process() as allo:
        await allo.ready()
        await place.add_channel(
            *("telegram", "shop"),
            token=TOKEN,
            webhook_secret=SECRET,
            mode="webhook",
            api_base=telegram.url,
        )
        token = await place.token()
        await _everybody_writes(allo)
        await allo.kill()
        held = await _hold_on_for_an_hour(place)
        assert held["lease"], "a process that is killed gives nothing back"
        assert held["queue_message"], "it was killed before it had routed everything"

        await allo.start()
        await allo.ready()
        async with api_of(allo, token=token) as api:

            async def all_there() -> bool:
                return len(await api.all("/messages")) == EVENTS

            await eventually(all_there, within=ROUTED_WITHIN_S)
            assert await api.all("/dead-letters") == []


class Receiver:
    """A program that is told what happens; slow enough that a kill finds requests under way."""

    def __init__(self) -> None:
        self.told: dict[str, set[str]] = defaultdict(set)
        """What it was told of, by the id of the event: the ids of the deliveries that brought it."""
        self.requests = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = msgspec.json.decode(await request.read())
        self.told[body["id"]].add(request.headers["Allo-Delivery"])
        self.requests += 1
        await asyncio.sleep(0.05)
        return web.Response()


@asynccontextmanager
async def a_receiver() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/allo", receiver.take)
    async with TestServer(application) as server:
        receiver.url = str(server.make_url("/allo"))
        yield receiver


async def test_a_process_killed_in_a_burst_tells_everything_to_programs_and_nothing_twice_to_people(
    tmp_path: Path, telegram: Telegram
) -> None:
    telegram.add_bot(TOKEN)
    place = Place(tmp_path, ALLO_WEBHOOKS_PRIVATE="yes")
    async with a_receiver() as receiver, place.process() as allo:
        await allo.ready()
        await place.add_user("anna@example.com", name="Anna")
        await place.add_channel(
            *("telegram", "shop"),
            token=TOKEN,
            webhook_secret=SECRET,
            mode="webhook",
            api_base=telegram.url,
        )
        token = await place.token()
        async with api_of(allo, token=token) as api:
            events = ["message_received", "assigned", "lead_opened"]
            await api.post("/webhooks", {"url": receiver.url, "events": events})
        await _everybody_writes(allo)

        async def under_way() -> bool:
            return receiver.requests > 20

        await eventually(under_way)
        await allo.kill()
        before = receiver.requests
        waiting = await _ask(place, "select count(*) from webhook_delivery where state = 'waiting'")
        # Whoever claimed them is dead; that their minute has passed is all that is changed here.
        await _ask(place, "update webhook_delivery set claimed_until = null returning 1")

        await allo.start()
        await allo.ready()
        async with api_of(allo, token=token) as api:

            async def all_told() -> bool:
                facts = await _ask(
                    place,
                    "select count(*) filter (where state <> 'delivered'), count(*) from webhook_delivery",
                )
                return len(await api.all("/messages")) == EVENTS and facts[0][0] == 0

            await eventually(all_told, within=90, every=1)
        assert waiting[0][0], "it was killed before it had told everything"
        assert receiver.requests > before

        kept = await _ask(place, "select fact_id::text, id::text, event from webhook_delivery")
        assert {each[0]: {each[1]} for each in kept} == receiver.told
        counts = defaultdict(int)
        for each in kept:
            counts[each[2]] += 1
        talks = (await _ask(place, "select count(*) from conversation"))[0][0]
        assert counts == {"message_received": EVENTS, "assigned": talks, "lead_opened": talks}

        # And people: one word about each conversation that became theirs, one that counts its messages.
        notices = await _ask(
            place,
            "select kind, conversation_id, count(*) from notification group by 1, 2",
        )
        assert [each for each in notices if each[2] != 1] == []
        assert sum(1 for each in notices if each[0] == "assigned") == talks


async def _ask(place: Place, statement: str) -> list[Any]:
    async with shared_postgres(place.directory / "var" / "postgres") as url:
        engine = open_engine(url)
        async with engine.begin() as connection:
            rows = (await connection.execute(text(statement))).all()
        await engine.dispose()
    return list(rows)


async def _everybody_writes(allo: Process) -> None:
    """At once; every one is answered, so that none may be lost."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as http,
        asyncio.TaskGroup() as group,
    ):

        async def write(number: int) -> None:
            url = f"{allo.url}/hooks/telegram/shop"
            async with http.post(url, json=_update(number), headers=headers) as answer:
                assert answer.status == 200

        for number in range(EVENTS):
            group.create_task(write(number))


def _update(number: int) -> dict[str, Any]:
    who = {"id": 5_000_000 + number % 50, "first_name": "Иван"}
    return {
        "update_id": 90_000 + number,
        "message": {
            "message_id": number + 1,
            "date": 1_763_700_000 + number,
            "text": f"Здравствуйте, {number}",
            "from": {**who, "is_bot": False},
            "chat": {**who, "type": "private"},
        },
    }


async def _hold_on_for_an_hour(place: Place) -> dict[str, int]:
    """What the dead process held, made to be held for long; how much it was. What waited is held, too."""
    later = "now() + interval '1 hour'"
    held = {}
    async with shared_postgres(place.directory / "var" / "postgres") as url:
        engine = open_engine(url)
        async with engine.begin() as connection:
            for table, column in (("lease", "expires"), ("queue_message", "locked_until")):
                changed = await connection.execute(text(f"update {table} set {column} = {later}"))
                held[table] = changed.rowcount
        await engine.dispose()
    return held
