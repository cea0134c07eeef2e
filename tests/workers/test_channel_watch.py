"""A silent or paused channel, seen through the command line, doctor and the metrics."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import aiohttp
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channel_log import ChannelLog
from connectors.connector import Sent
from connectors.errors import Rejected
from connectors.registry import discover
from storage.accounts import account_by_slug, add_account, set_account_state
from storage.channel_log import ChannelLogWriter, LogLine, recent_lines
from storage.desk import Desk
from storage.sealing import Sealer
from tests.command_line import Allo
from tests.conftest import NOON
from tests.doubles.site_chat import MemoryMedia
from tests.events import a_message, a_person, accepted
from tests.installation import Installation
from workers.account_book import AccountBook
from workers.channel_desk import Channels
from workers.deliver import Deliverer
from workers.doctor.channels import examine_channels

SECRET = b"s" * 32
PATH_SECRET = "7f3a91c2b8d04e65"


async def a_form(engine: AsyncEngine, **options: object) -> UUID:
    async with engine.begin() as connection:
        return await add_account(
            connection,
            kind="lead_form",
            slug="landing",
            fields={"path_secret": PATH_SECRET},
            secrets=discover()["lead_form"].secrets,
            sealer=Sealer(SECRET),
            now=NOON,
            **options,
        )


def state(name: str) -> float | None:
    labels = {"kind": "lead_form", "account": "landing", "state": name}
    return REGISTRY.get_sample_value("allo_channel_state", labels)


def test_the_limit_is_set_shown_and_taken_back(allo: Allo) -> None:
    given = ("--set", f"path_secret={PATH_SECRET}", "--set", "silent_hours=8")
    assert allo("channel", "add", "lead_form", "landing", *given).status == 0
    assert allo("channel", "show", "landing", "--json").json["silent_hours"] == 8
    # Another field leaves it as it is.
    assert allo("channel", "set", "landing", "--set", "language=en").status == 0
    assert allo("channel", "show", "landing", "--json").json["silent_hours"] == 8
    assert allo("channel", "set", "landing", "--set", "silent_hours=").status == 0
    assert allo("channel", "show", "landing", "--json").json["silent_hours"] is None
    for wrong in ("soon", "-1", "5000"):
        said = allo("channel", "set", "landing", "--set", f"silent_hours={wrong}")
        assert said.status == 1
        assert "silent_hours" in said.err


def test_what_a_check_found_is_in_the_channels_log(allo: Allo) -> None:
    allo("channel", "add", "lead_form", "landing", "--set", f"path_secret={PATH_SECRET}")
    assert allo("channel", "check", "landing").status == 0
    told = allo("channel", "log", "landing")
    assert "Forms are taken at" in told.out
    assert PATH_SECRET not in told.out
    levels = {each["level"] for each in allo("channel", "log", "landing", "--json").json["items"]}
    assert levels == {"info"}


async def test_a_secret_in_a_finding_is_struck_out(database: AsyncEngine) -> None:
    account = await a_form(database)
    desk = Channels(
        engine=database, sealer=Sealer(SECRET), base_url=f"http://{PATH_SECRET}", now=lambda: NOON
    )
    findings = await desk.check(account)
    assert PATH_SECRET in findings[0].text, "or this test means nothing"
    async with database.connect() as connection:
        details = (await connection.execute(text("select detail from channel_log"))).scalars().all()
    assert details
    assert not [each for each in details if PATH_SECRET in each]


async def test_a_silent_channel_is_in_doctor_and_metrics(database: AsyncEngine) -> None:
    account = await a_form(database, silent_hours=2)
    desk = Channels(
        engine=database, sealer=Sealer(SECRET), base_url="http://allo.example", now=lambda: NOON
    )
    book = AccountBook(database, connectors=discover(), sealer=Sealer(SECRET), secret=SECRET)
    await book.load()
    assert (state("active"), state("silent")) == (1, None)
    (finding,) = await examine_channels(desk)
    assert finding.level == "ok"

    async with database.begin() as connection:
        await connection.execute(
            text("update account set silent_since = :at"), {"at": NOON - timedelta(hours=3)}
        )
    await book.load()
    assert (state("active"), state("silent")) == (None, 1)
    assert book.find("landing") is not None, "it goes on taking"
    (finding,) = await examine_channels(desk)
    assert finding.level == "warning"
    assert "2 working hours" in finding.text

    async with database.begin() as connection:
        await set_account_state(connection, account, "paused")
    await book.load()
    assert (state("silent"), state("paused")) == (None, 1)
    assert book.find("landing") is None
    resting = book.resting("landing")
    assert resting is not None
    assert book.rests(resting.id)
    assert [each.slug for each in book.resting_of_kind("lead_form")] == ["landing"]
    async with database.connect() as connection:
        row = await account_by_slug(connection, "landing", Sealer(SECRET))
    assert row is not None
    assert row.condition == "paused"


async def test_a_reply_that_was_refused_is_in_the_channels_log(database: AsyncEngine) -> None:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    book = AccountBook(database, connectors=discover(), sealer=Sealer(SECRET), secret=SECRET)
    async with database.begin() as connection:
        account = await add_account(
            connection,
            kind="telegram",
            slug="bot",
            fields={"token": "1:T0KEN-S3CRET"},
            secrets=discover()["telegram"].secrets,
            sealer=Sealer(SECRET),
            now=NOON,
            team_id=shop.team,
        )
    await book.load()
    await shop.route(accepted(account, a_message(by=a_person(700))))
    conversation = (await shop.one("select id from conversation")).id
    desk = Desk(database, now=lambda: NOON, media=MemoryMedia())
    await desk.reply(conversation, by=None, text="1 400")

    async def send(*_: object) -> Sent:
        raise Rejected("chat not found for 1:T0KEN-S3CRET")

    writer, stop = ChannelLogWriter(database), asyncio.Event()
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
        deliverer = Deliverer(
            engine=database,
            connectors={"telegram": replace(discover()["telegram"], send=send)},
            accounts=book,
            media=MemoryMedia(),
            http=http,
            now=lambda: NOON,
            holder="test",
            log=ChannelLog(sink=writer, now=lambda: NOON),
        )
        group.create_task(deliverer.run(stop))

        async def lines() -> list[LogLine]:
            await writer.flush()
            async with database.connect() as connection:
                return await recent_lines(connection, account)

        async with asyncio.timeout(20):
            while not (found := await lines()):  # noqa: ASYNC110  # a database: nothing to wait on
                await asyncio.sleep(0.05)
        stop.set()
    assert [(each.what, each.level) for each in found] == [("reply not sent", "warning")]
    assert found[0].detail == "Rejected: chat not found for •••"
