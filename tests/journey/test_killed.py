"""Killed with events in its hands: the next process on the same directory goes on at once, and not when claims run out."""

import asyncio
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
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
