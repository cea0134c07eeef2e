"""Advertising platforms are asked what they took: stand-ins that queue, restate, refuse, and a puller that dies."""

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from connectors.outgoing import open_http
from sandbox.exchange import Fault
from sandbox.vk_ads import VkAds
from sandbox.yandex_direct import YandexDirect
from storage.ad_accounts import (
    ad_account_by_id,
    add_ad_account,
    credentials_of,
    set_credentials,
    set_pulling,
)
from storage.engine import transaction
from storage.reading.spending import list_imports
from storage.reading.troubles import troubles
from storage.sealing import Sealer
from storage.spend_pulls import claim_pull
from tests.conftest import NOON
from tests.installation import Installation
from workers.doctor.advertising import examine_advertising
from workers.pull_spend import AT_FIRST, EVERY, RESTATED, SpendPuller

TODAY = date(2026, 11, 21)


async def until(condition):
    async with asyncio.timeout(30):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)


class Desk:
    """One account and the puller, on a clock that stands still unless it is moved."""

    def __init__(self, engine, platform, **account):
        self.engine, self.platform, self.account_fields = engine, platform, account
        self.sealer = Sealer(b"s" * 32)
        self.time = NOON
        self.puller = SpendPuller(
            engine=engine, sealer=self.sealer, now=lambda: self.time, chance=lambda: 0.5, pace=0.001
        )

    async def connect(self, **fields):
        await Installation(self.engine).found()
        async with transaction(self.engine) as connection:
            self.account = await add_ad_account(
                connection,
                name="Ads",
                platform=self.platform,
                source="ads",
                medium="cpc",
                currency="RUB",
                now=self.time,
                **self.account_fields,
            )
            await self.credentials(connection, **fields)
        return self

    async def credentials(self, connection, **fields):
        await set_credentials(connection, self.account, fields, sealer=self.sealer, now=self.time)

    def clock(self):
        return self.time.timestamp()

    def later(self, **by):
        self.time += timedelta(**by)

    async def steps(self, most=50):
        """All that is due now; how many steps that took."""
        async with open_http() as http:
            for number in range(most):
                if not await self.puller.step(http):
                    return number
        raise AssertionError("it never comes to rest")

    async def row(self):
        async with self.engine.connect() as connection:
            return await ad_account_by_id(connection, self.account)

    async def total(self):
        return (await self.figures())[0]

    async def figures(self):
        async with self.engine.connect() as connection:
            found = await connection.execute(
                text(
                    "select coalesce(sum(amount), 0), min(day), max(day), count(distinct day) from spend"
                )
            )
            return tuple(found.one())

    async def troubles(self):
        """As the front page of the settings counts them, and as doctor says them."""
        async with self.engine.connect() as connection:
            count = (await troubles(connection, now=self.time)).ad_accounts
        return count, [(each.level, each.text) for each in await examine_advertising(self.engine)]

    async def waiting(self):
        async with self.engine.connect() as connection:
            found = await connection.execute(
                text("""
                    select count(*) from pg_stat_activity
                    where datname = current_database() and query ilike '%insert into origin%' and pid <> pg_backend_pid()
                      and wait_event_type = 'Lock'
                """)
            )
            return found.scalar_one()

    async def is_held_up(self):
        return await self.waiting() > 0

    async def is_let_go(self):
        """The server has noticed that the process is gone: nothing of it holds the account."""
        async with self.engine.connect() as connection:
            found = await connection.execute(
                text("select 1 from ad_account where id = :id for update skip locked"),
                {"id": self.account},
            )
            return found.scalar() is not None

    async def is_claimed(self):
        return bool((await self.row()).pull_state.get("claim"))

    async def is_read(self):
        return (await self.row()).pulled_at is not None

    async def is_not(self, total):
        return await self.total() != total

    async def imports(self):
        async with self.engine.connect() as connection:
            return (await list_imports(connection)).items


@asynccontextmanager
async def direct_desk(database, **service):
    desk = Desk(database, "yandex-direct")
    direct = YandexDirect(now=desk.clock, **service)
    async with direct.running():
        await desk.connect(token="token", api_base=direct.url)
        yield desk, direct


@asynccontextmanager
async def vk_desk(database, **service):
    desk = Desk(database, "vk-ads")
    vk = VkAds(now=desk.clock, **service)
    async with vk.running():
        await desk.connect(client_id="client", client_secret="secret", api_base=vk.url)
        yield desk, vk


FIRST = TODAY - timedelta(days=AT_FIRST - 1)


async def test_direct_is_asked_for_three_months_and_then_for_the_last_days(database):
    async with direct_desk(database) as (desk, direct):
        await desk.steps()
        assert await desk.figures() == (direct.total(FIRST, TODAY), FIRST, TODAY, AT_FIRST)
        row = await desk.row()
        assert (row.condition, row.error, row.pulled_at) == ("working", "", NOON)
        assert row.next_pull_at == NOON + EVERY
        assert len(direct.names) == len(set(direct.names)) == 3

        # Clicks are taken back: a day of the last seven is another, an older one stays as it was told.
        inside, outside = TODAY - timedelta(days=RESTATED - 1), TODAY - timedelta(days=RESTATED)
        before = await desk.total()
        full = direct.total(inside, inside)
        direct.restate(inside, outside, by=Decimal(0))
        desk.later(hours=6)
        await desk.steps()
        assert await desk.total() == before - full
        assert len(direct.names) == 4
        assert len(await desk.imports()) == 4

        # Nothing new: asked again because somebody wanted it, and nothing is written down.
        async with transaction(database) as connection:
            await set_pulling(connection, desk.account, on=True, now=desk.time)
        await desk.steps()
        assert len(direct.names) == 5
        assert len(await desk.imports()) == 4


async def test_a_report_that_is_being_made_is_asked_for_with_the_same_request(database):
    async with direct_desk(database, queued=3, retry_in=7) as (desk, direct):
        assert await desk.steps() == 1
        row = await desk.row()
        assert row.next_pull_at == NOON + timedelta(seconds=7)
        assert (row.pull_state["report"]["params"]["ReportName"], row.error) == (
            direct.names[0],
            "",
        )
        assert await desk.total() == 0
        # Another process goes on: what is under way is in the database.
        desk.puller = SpendPuller(
            engine=database,
            sealer=desk.sealer,
            now=lambda: desk.time,
            chance=lambda: 0.5,
            pace=0.001,
        )
        for _ in range(20):
            desk.later(seconds=7)
            await desk.steps()
        assert len(set(direct.names)) == 3
        assert len(direct.reports) == 3
        assert await desk.total() == direct.total(FIRST, TODAY)


async def test_with_vat_is_asked_for_as_the_account_has_it(database):
    desk = Desk(database, "yandex-direct", vat_included=True, vat_rate=Decimal(22))
    direct = YandexDirect(now=desk.clock)
    async with direct.running():
        await desk.connect(token="token", api_base=direct.url)
        await desk.steps()
        assert {each.params["IncludeVAT"] for each in direct.reports.values()} == {"YES"}


async def test_a_refused_token_stops_the_asking_and_says_so_until_there_is_another(database):
    async with direct_desk(database) as (desk, direct):
        await desk.steps()
        kept = await desk.total()
        direct.token = "another"
        desk.later(hours=6)
        await desk.steps()
        row = await desk.row()
        assert (row.condition, row.next_pull_at) == ("broken", None)
        assert row.error == (
            "Yandex Direct does not let us in: Authorization error Invalid OAuth token. Give it a new token."
        )
        desk.later(days=1)
        asked = len(direct.requests)
        assert await desk.steps() == 0
        assert (len(direct.requests), await desk.total()) == (asked, kept)
        async with transaction(database) as connection:
            await desk.credentials(connection, token="another", api_base=direct.url)
        await desk.steps()
        assert (await desk.row()).condition == "working"


async def test_who_looks_after_it_learns_that_an_account_lets_nobody_in(database):
    async with direct_desk(database) as (desk, direct):
        await desk.steps()
        assert await desk.troubles() == (0, [("ok", "It was last asked at 2026-11-21 12:00 UTC.")])
        direct.token = "another"
        desk.later(hours=6)
        await desk.steps()
        count, ((level, words),) = await desk.troubles()
        assert (count, level) == (1, "error")
        assert "Yandex Direct does not let us in" in words


async def test_who_looks_after_it_learns_that_an_account_has_told_nothing_for_days(database):
    async with direct_desk(database) as (desk, direct):
        await desk.steps()
        began = desk.time + timedelta(hours=6)
        outage = Fault(kind="answer", status=502, times=-1)
        direct.go_wrong(outage)
        for _ in range(9):
            assert (await desk.troubles())[0] == 0
            desk.later(hours=6)
            await desk.steps()
            assert (await desk.row()).failing_since == began
        count, ((level, words),) = await desk.troubles()
        assert (count, level) == (1, "warning")
        assert words.startswith("Nothing was told since 2026-11-21 18:00 UTC: Yandex Direct is out")
        outage.times = 0
        desk.later(hours=6)
        await desk.steps()
        assert await desk.troubles() == (0, [("ok", "It was last asked at 2026-11-24 00:00 UTC.")])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (
            {
                "status": 400,
                "description": '{"error": {"error_code": "8000", "error_string": "No"}}',
            },
            "refuses the report: No",
        ),
        ({"status": 502, "description": "<html>"}, "is out of order: no reason given"),
        ({"status": 200, "description": ""}, "cannot be read: The file is empty."),
        (
            {"status": 200, "description": "Date\tCost\n2026-11-21\tx\n"},
            "cannot be read: “x” is not an amount.",
        ),
        ({"status": 200, "description": "Date\tCost\n2020-01-01\t5\n"}, "other days"),
    ],
)
async def test_what_goes_wrong_is_said_and_tried_again_later_and_nothing_is_lost(
    database, fault, error
):
    async with direct_desk(database) as (desk, direct):
        await desk.steps()
        kept = await desk.figures()
        direct.go_wrong(Fault(kind="answer", times=3, **fault))
        desk.later(hours=6)
        assert await desk.steps() == 1
        row = await desk.row()
        assert error in row.error
        assert row.condition == "failing"
        assert desk.time < row.next_pull_at < desk.time + timedelta(minutes=2)
        assert await desk.figures() == kept
        for _ in range(4):
            desk.later(minutes=10)
            await desk.steps()
        assert (await desk.row()).error == ""


async def test_a_line_that_breaks_is_tried_again_at_once(database):
    async with direct_desk(database) as (desk, direct):
        direct.go_wrong(Fault(kind="drop_after", times=2))
        await desk.steps()
        assert await desk.total() == direct.total(FIRST, TODAY)


async def test_a_platform_that_hangs_is_given_up_and_asked_again_later(database):
    async with direct_desk(database) as (desk, direct):
        desk.puller.patience = 0.2
        direct.go_wrong(Fault(kind="hang_before", times=1))
        assert await desk.steps() == 1
        row = await desk.row()
        assert (row.condition, row.error) == ("failing", "The platform did not answer in time")
        desk.puller.patience = 30
        desk.later(minutes=10)
        await desk.steps()
        assert await desk.total() == direct.total(FIRST, TODAY)


@pytest.mark.parametrize("said", ["nan", "-5", "in a while", "1e999"])
async def test_a_platform_that_names_no_time_is_asked_again_in_a_while(database, said):
    async with vk_desk(database) as (desk, vk):
        vk.go_wrong(Fault(kind="answer", status=429, headers={"Retry-After": said}, times=1))
        await desk.steps()
        row = await desk.row()
        assert row.condition == "failing"
        assert desk.time < row.next_pull_at <= desk.time + timedelta(days=1)


@pytest.mark.parametrize("lives", ['"nan"', "-1", "1e300", "null"])
async def test_a_token_of_a_strange_life_stops_nothing(database, lives):
    async with vk_desk(database) as (desk, vk):
        vk.go_wrong(
            Fault(
                kind="answer",
                status=200,
                description=f'{{"access_token": "x", "expires_in": {lives}}}',
                method="token.json",
                times=1,
            )
        )
        await desk.steps()
        # It is tried, and refused; so another was taken.
        assert (vk.given, (await desk.row()).error) == (1, "")
        assert await desk.total() == vk.total(FIRST, TODAY)


async def test_too_many_requests_wait_as_long_as_the_platform_says(database):
    async with vk_desk(database, quota=1) as (desk, vk):
        await desk.steps()
        row = await desk.row()
        assert "Hourly limit is used up" in row.error
        assert row.next_pull_at == NOON + timedelta(seconds=3601)
        vk.rate.limit = None
        desk.later(hours=2)
        await desk.steps()
        assert await desk.total() == vk.total(FIRST, TODAY)


async def test_vk_is_asked_in_pieces_with_one_token(database):
    async with vk_desk(database, campaigns=120) as (desk, vk):
        await desk.steps()
        assert await desk.figures() == (vk.total(FIRST, TODAY), FIRST, TODAY, AT_FIRST)
        assert [count for count, _, _ in vk.asked] == [50, 50, 20]
        async with database.connect() as connection:
            names = await connection.execute(
                text("select campaign from origin where source = 'ads' order by 1 limit 2")
            )
            assert list(names.scalars()) == ["кампания 1", "кампания 10"]
            kept = await credentials_of(connection, desk.account, sealer=desk.sealer)
        assert kept["_token"] == "token-1"
        vk.restate(TODAY)
        before = await desk.total()
        desk.later(hours=6)
        await desk.steps()
        assert await desk.total() < before
        assert vk.given == 1
        # It has run out, and then one that lives was taken back.
        desk.later(hours=24)
        await desk.steps()
        assert vk.given == 2
        vk.take_back_tokens()
        desk.later(hours=6)
        await desk.steps()
        assert (vk.given, (await desk.row()).error) == (3, "")


async def test_wrong_credentials_of_vk_are_said(database):
    async with vk_desk(database) as (desk, vk):
        vk.client_secret = "other"
        await desk.steps()
        row = await desk.row()
        assert row.condition == "broken"
        assert row.error == (
            "VK Ads does not let us in: Unknown client. Look at client_id and client_secret."
        )


async def test_dying_in_the_middle_writes_nothing_and_the_next_begins_again(database):
    """The answer is there, and the process dies before it is written."""
    async with direct_desk(database) as (desk, direct):
        direct.go_wrong(Fault(kind="hang_after", times=1))
        async with open_http() as http:
            dying = asyncio.create_task(desk.puller.step(http))
            await until(lambda: direct.names)
            dying.cancel()
            await asyncio.wait((dying,))
        assert await desk.total() == 0
        assert len(await desk.imports()) == 0
        # Whoever stops in order gives the account back; whoever is killed leaves a claim that runs out.
        async with transaction(database) as connection:
            assert await claim_pull(connection, now=desk.time) is not None
        assert await desk.steps() == 0
        desk.later(minutes=11)
        await desk.steps()
        assert await desk.total() == direct.total(FIRST, TODAY)
        assert (await desk.row()).condition == "working"


PULLING = """
import asyncio, sys
from datetime import datetime
from connectors.outgoing import open_http
from storage.engine import open_engine
from storage.sealing import Sealer
from workers.pull_spend import SpendPuller

async def main(url, now):
    puller = SpendPuller(
        engine=open_engine(url), sealer=Sealer(b"s" * 32), now=lambda: datetime.fromisoformat(now), chance=lambda: 0.5
    )
    async with open_http() as http:
        await puller.step(http)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_in_the_middle_of_writing_it_has_written_nothing(database, database_url):
    """A process of its own, with SIGKILL, when the old days are deleted and the new ones are not there yet."""
    async with direct_desk(database) as (desk, direct):
        await desk.steps()
        kept, imports = await desk.figures(), len(await desk.imports())
        direct.restate(TODAY)
        # Another campaign, so that there is an origin to be written down: that is where it is held up.
        direct.campaigns = (*direct.campaigns, ("7009", "Новая"))
        desk.later(hours=6)
        async with database.connect() as holding:
            await holding.execute(text("lock table origin in exclusive mode"))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", PULLING, database_url, desk.time.isoformat()
            )
            await until(desk.is_held_up)
            process.kill()
            assert await process.wait() == -signal.SIGKILL
            await holding.rollback()
        await until(desk.is_let_go)
        assert await desk.figures() == kept
        assert len(await desk.imports()) == imports
        # Its claim runs out, and then it is asked again.
        assert await desk.steps() == 0
        desk.later(minutes=11)
        await desk.steps()
        last = TODAY - timedelta(days=RESTATED - 1)
        async with database.connect() as connection:
            found = await connection.execute(
                text("select sum(amount) from spend where day >= :last"), {"last": last}
            )
            assert found.scalar_one() == pytest.approx(
                direct.total(last, TODAY), abs=Decimal("0.1")
            )
        assert len(await desk.imports()) == imports + 1


async def test_between_the_days_of_a_round_it_may_die_and_goes_on(database):
    async with direct_desk(database) as (desk, direct):
        async with open_http() as http:
            assert await desk.puller.step(http)
        assert (await desk.figures())[1:3] == (TODAY - timedelta(days=30), TODAY)
        assert len((await desk.row()).pull_state["pending"]) == 2
        await desk.steps()
        assert len(direct.names) == 3
        assert await desk.total() == direct.total(FIRST, TODAY)


async def test_of_two_processes_one_asks(database):
    async with direct_desk(database) as (desk, direct):
        async with open_http() as http, asyncio.TaskGroup() as group:
            done = [group.create_task(desk.puller.step(http)) for _ in range(4)]
        assert sum(each.result() for each in done) == len(direct.names)
        await desk.steps()
        assert len(direct.names) == 3


async def test_who_pauses_or_changes_it_meanwhile_is_not_overruled(database):
    async with direct_desk(database) as (desk, direct):
        direct.go_wrong(Fault(kind="slow", seconds=0.5))
        for meanwhile in ("pause", "credentials"):
            async with open_http() as http, asyncio.TaskGroup() as group:
                step = group.create_task(desk.puller.step(http))
                await until(desk.is_claimed)
                async with transaction(database) as connection:
                    if meanwhile == "pause":
                        await set_pulling(connection, desk.account, on=False, now=desk.time)
                    else:
                        await desk.credentials(connection, token="token", api_base=direct.url)
            assert step.result()
            if meanwhile == "pause":
                assert (await desk.row()).next_pull_at is None
                assert await desk.total() > 0
                async with transaction(database) as connection:
                    await set_pulling(connection, desk.account, on=True, now=desk.time)
                direct.go_wrong(Fault(kind="slow", seconds=0.5))
        # What was answered to the last credentials is not written as an answer to the new ones.
        assert (await desk.row()).pull_state == {}


async def test_it_runs_until_it_is_stopped_and_asks_when_somebody_wants_it(database):
    async with direct_desk(database) as (desk, direct):
        desk.puller.look = 0.05
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group, asyncio.timeout(30):
            group.create_task(desk.puller.run(stop))
            await until(desk.is_read)
            direct.restate(TODAY)
            before = await desk.total()
            async with transaction(database) as connection:
                await set_pulling(connection, desk.account, on=True, now=desk.time)
            await until(lambda: desk.is_not(before))
            stop.set()


def test_the_stand_in_keeps_the_rules_of_the_real_one():
    """Without which the tests above would prove little."""
    direct = YandexDirect(now=lambda: datetime(2026, 11, 21).timestamp(), queued=1)  # noqa: DTZ001
    params = {
        "SelectionCriteria": {"DateFrom": "2026-11-01", "DateTo": "2026-11-01"},
        "FieldNames": ["Date", "Cost"],
        "IncludeVAT": "NO",
    }
    for number in range(5):
        assert direct._made({**params, "ReportName": str(number)}, {}).status == 201
    full = direct._made({**params, "ReportName": "6"}, {})
    assert b"9000" in full.body
    other = direct._made({**params, "ReportName": "0", "IncludeVAT": "YES"}, {})
    assert b"4000" in other.body
