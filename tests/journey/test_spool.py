"""The broker goes away, forms keep coming, the process is killed: whatever was answered with success is there in the end, once."""

import asyncio
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import pytest
from sqlalchemy.engine import make_url

from sandbox.telegram import Telegram
from storage.embedded import running_server_url
from tests.doubles.tcp_proxy import tcp_proxy
from tests.journey.conftest import Shared
from tests.journey.processes import Api, Place, Process, api_of, eventually

pytestmark = pytest.mark.timeout(180)

SECRET: Final = "7f3a91c2b8d04e65"
HOOK: Final = f"/hooks/leads/landing/{SECRET}"
FORMS: Final = 60
PEOPLE: Final = 12


async def test_forms_survive_a_broker_that_is_away_and_a_process_that_is_killed(
    tmp_path: Path, shared: Shared
) -> None:
    url = make_url(shared.broker_url)
    async with tcp_proxy(lambda: asyncio.open_connection(url.host, url.port or 5672)) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port)
        environment = shared.environment | {
            "ALLO_BROKER_URL": through.render_as_string(hide_password=False)
        }
        place = Place(tmp_path, **environment)
        async with place.process() as allo:
            await allo.ready()
            await place.add_channel("lead_form", "landing", path_secret=SECRET)
            await place.add_channel("telegram", "shop", token="1:T", webhook_secret=SECRET)
            token = await place.token()
            assert await _fill_in(allo, 0) == 200

            proxy.refuse()
            assert await _telegram_says(allo) == 503, "who comes again is told to"
            answered = await _fill_in_until_killed(allo)
            assert answered
            waits = [each for each in (tmp_path / "var" / "spool").rglob("*-*-*") if each.is_file()]
            assert len(waits) >= len(answered)
            said = await place.cli("doctor", check=False)
            assert "wait on this machine's disk" in said.out

            await allo.start()
            await proxy.restore()
            await allo.ready()
            async with api_of(allo, token=token) as api:

                async def all_there() -> bool:
                    there = await _numbers(api)
                    assert {0, *answered} <= set(there)
                    assert len(there) == len(set(there)), "none twice"
                    return not list((tmp_path / "var" / "spool").rglob("*-*-*"))

                await eventually(all_there)
                leads = await api.all("/leads")
                assert len(leads) == PEOPLE, "one lead a person"
            async with aiohttp.ClientSession() as http, http.get(f"{allo.url}/metrics") as answer:
                told = await answer.text()
            assert "allo_spool_requests 0.0" in told
            assert 'allo_events_received_total{kind="lead_form"}' in told
            assert (
                'allo_channel_state{account="landing",kind="lead_form",state="active"} 1.0' in told
            )
            assert "allo_spool_oldest_seconds 0.0" in told
            assert SECRET not in allo.log.read_text()


async def test_a_paused_channel_keeps_what_comes_until_it_is_resumed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    async with place.process() as allo:
        await allo.ready()
        await place.add_channel("lead_form", "landing", path_secret=SECRET)
        await place.add_channel(
            *("telegram", "shop"), token="1:T", webhook_secret=SECRET, mode="webhook"
        )
        assert await _fill_in(allo, 0) == 200
        token = await place.token()
        await place.cli("channel", "pause", "landing")
        await place.cli("channel", "pause", "shop")

        async def rests() -> bool:
            return await _telegram_says(allo) == 503

        await eventually(rests)
        assert await _fill_in(allo, 1) == 200
        async with api_of(allo, token=token) as api:

            async def first_there() -> bool:
                return await _numbers(api) == [0]

            await eventually(first_there)
            # Restarted while it rests, it still has it.
            await allo.restart()
            await allo.ready()
            assert await _numbers(api) == [0]
            await place.cli("channel", "resume", "landing")

            async def both_there() -> bool:
                return await _numbers(api) == [0, 1]

            await eventually(both_there)


async def test_a_paused_bot_is_not_asked_and_its_answers_wait(
    tmp_path: Path, telegram: Telegram
) -> None:
    bot = telegram.add_bot("600600:TEST")
    place = Place(tmp_path)
    async with place.process() as allo:
        await allo.ready()
        fields = {"token": bot.token, "mode": "polling", "api_base": telegram.url}
        await place.add_channel("telegram", "shop", **fields)
        async with api_of(allo, token=await place.token()) as api:

            async def texts() -> list[str]:
                return [each["text"] for each in await api.all("/messages?account=shop")]

            async def in_state(state: str) -> bool:
                (told,) = [each for each in await api.all("/accounts") if each["account"] == "shop"]
                return bool(told["state"] == state)

            async def taken(number: int) -> bool:
                return len(await texts()) == number

            bot.writes(700, "раз")
            await eventually(lambda: taken(1))
            (shop,) = [each for each in await api.all("/accounts") if each["account"] == "shop"]
            status, _ = await api.send("PATCH", f"/accounts/{shop['id']}", {"state": "paused"})
            assert status == 200
            await eventually(lambda: in_state("paused"))

            # The process hears of it within a moment, and gives back what it held for the polling.
            database = await asyncpg.connect(
                await running_server_url(tmp_path / "var" / "postgres")
            )

            async def nobody_asks() -> bool:
                async with aiohttp.ClientSession() as http, http.get(f"{allo.url}/metrics") as told:
                    if (
                        'account="shop",kind="telegram",state="paused"} 1.0'
                        not in await told.text()
                    ):
                        return False
                held = "select count(*) from lease where name like 'poll:%' and expires > now()"
                return await database.fetchval(held) == 0

            await eventually(nobody_asks)
            await database.close()
            bot.writes(700, "два")
            (talk,) = await api.all("/conversations")
            reply = await api.post(
                f"/conversations/{talk['id']}/messages",
                {"kind": "reply", "text": "1 400"},
                key="k1",
            )
            assert (reply["state"], bot.sent) == ("queued", [])
            assert await texts() == ["раз", "1 400"]

            await place.cli("channel", "resume", "shop")
            await eventually(lambda: taken(3))

            async def sent() -> bool:
                return bot.times("1 400", 700) == 1

            await eventually(sent)


async def _fill_in_until_killed(allo: Process) -> list[int]:
    """Forms come, one beside the other, and in the middle of it the process dies; which of them were answered with 200."""
    answered: list[int] = []
    enough = asyncio.Event()
    numbers = iter(range(1, FORMS + 1))

    async def some() -> None:
        for number in numbers:
            try:
                if await _fill_in(allo, number) == 200:
                    answered.append(number)
            except (aiohttp.ClientError, OSError):
                return
            if len(answered) >= FORMS // 2:
                enough.set()

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(some())
        await enough.wait()
        await allo.kill()
    return answered


async def _fill_in(allo: Process, number: int) -> int:
    form = {
        "name": f"Person {number % PEOPLE}",
        "phone": f"+7916123{4500 + number % PEOPLE}",
        "number": str(number),
    }
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{allo.url}{HOOK}", data=form) as answer,
    ):
        return answer.status


async def _telegram_says(allo: Process) -> int:
    update: dict[str, Any] = {
        "update_id": 1,
        "message": {
            "message_id": 1,
            "date": 1_763_700_000,
            "text": "hi",
            "from": {"id": 5, "is_bot": False, "first_name": "I"},
            "chat": {"id": 5, "type": "private"},
        },
    }
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{allo.url}/hooks/telegram/shop", json=update, headers=headers) as answer,
    ):
        return answer.status


async def _numbers(api: Api) -> list[int]:
    """Of the forms that are there."""
    told = await api.all("/messages?account=landing")
    return sorted(int(each["text"].partition("number: ")[2]) for each in told)
