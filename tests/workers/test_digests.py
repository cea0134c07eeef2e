"""Digests go out when they are due, once to each, also when the process is killed in the middle."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account, Outgoing, Sent
from connectors.errors import Rejected, Unreachable
from connectors.registry import discover
from inbox.reports.schedule import next_time
from router.message import SourceKeys
from storage import digests
from storage.policies import Policies
from storage.saved_views import save_view
from storage.world import route
from tests.builders import Rows
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.report_shop import a_week_of_sales
from workers.digests import Digests

MOSCOW = ZoneInfo("Europe/Moscow")


@dataclass
class Post:
    """Takes what is sent; `trouble` is raised instead, `dies` after it was taken."""

    sent: list[Outgoing] = field(default_factory=list)
    trouble: Exception | None = None
    dies: bool = False

    async def send(self, account: Account, outgoing: Outgoing, http: Any) -> Sent:
        if self.trouble is not None:
            raise self.trouble
        self.sent.append(outgoing)
        if self.dies:
            raise asyncio.CancelledError
        return Sent(external_id="1")


@dataclass
class Office:
    engine: AsyncEngine
    post: Post
    digest: UUID
    time: datetime = NOON

    @property
    def worker(self) -> Digests:
        """A new process each time."""
        known = {
            kind: replace(connector, send=self.post.send) for kind, connector in discover().items()
        }
        book: Any = SimpleNamespace(by_id=lambda id_: Account(id=id_, kind="email", slug="mail"))
        return Digests(
            engine=self.engine,
            connectors=known,
            accounts=book,
            http=None,  # type: ignore[arg-type]  # nobody calls
            now=lambda: self.time,
            public_url="https://allo.example",
            time_zone="Europe/Moscow",
            language="ru",
        )

    async def states(self) -> list[tuple[str, str]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(
                text("select state, error from digest_sending order by at, recipient_id")
            )
            return [(row.state, row.error) for row in rows]

    async def link(self) -> tuple[UUID, str]:
        """The account of the only digest, and the code of the only one who gets it."""
        async with self.engine.connect() as connection:
            found = await connection.execute(
                text(
                    "select d.account_id, r.code from digest d join digest_recipient r on r.digest_id = d.id"
                )
            )
            account, code = found.one()
            return account, code

    async def next_at(self) -> datetime:
        async with self.engine.connect() as connection:
            found = await connection.execute(text("select next_at from digest"))
            at: datetime = found.scalar_one()
            return at


async def open_office(
    engine: AsyncEngine, *, kind: str = "email", to: tuple[str, ...] = ("anna@example.com",)
) -> Office:
    await a_week_of_sales(engine, now=NOON)
    async with engine.begin() as connection:
        rows = Rows(connection, now=NOON)
        user = await rows.user(role="admin")
        account = await rows.account(slug="out", kind=kind)
        view = await save_view(
            connection, user_id=user, name="Утро", query="period=7d", shared=False, now=NOON,
            report="sources",
        )  # fmt: skip
        digest = await digests.add_digest(
            connection, saved_view=view, account=account, every="day", on_day=1, hour=9,
            language="ru", by=user, next_at=NOON, now=NOON,
        )  # fmt: skip
        for address in to:
            await digests.add_recipient(connection, digest, address=address, name="", now=NOON)
    return Office(engine=engine, post=Post(), digest=digest)


async def test_a_digest_says_the_figures_what_they_were_and_how_to_stop_it(
    database: AsyncEngine,
) -> None:
    office = await open_office(database)

    await office.worker.turn()
    await office.worker.turn()

    (mail,) = office.post.sent
    assert mail.to == "anna@example.com"
    assert mail.subject == "Утро: 15–21 ноября"
    words = mail.text.replace("\xa0", " ")
    assert "Лиды: 5 (+400 %, было 1)" in words
    assert "Яндекс Директ: лиды 3" in words
    assert "https://allo.example/reports/sources?period=7d" in words
    assert "https://allo.example/digest/digest_" in words
    assert "<table" in mail.html
    assert " style=" not in mail.html
    assert await office.states() == [("sent", "")]
    assert await office.next_at() == datetime(2026, 11, 22, 6, tzinfo=UTC)


async def test_killed_in_the_middle_nobody_gets_it_twice_and_the_rest_get_theirs(
    database: AsyncEngine,
) -> None:
    office = await open_office(database, to=("a@example.com", "b@example.com"))
    office.post.dies = True
    with pytest.raises(asyncio.CancelledError):
        await office.worker.turn()
    assert [state for state, _ in await office.states()] == ["sending"]

    office.post.dies = False
    await office.worker.turn()
    await office.worker.turn()

    assert sorted(mail.to for mail in office.post.sent) == ["a@example.com", "b@example.com"]
    assert sorted(state for state, _ in await office.states()) == ["sending", "sent"]
    assert await office.next_at() > NOON


async def test_what_did_not_go_is_tried_again_later_and_what_never_will_is_told(
    database: AsyncEngine,
) -> None:
    office = await open_office(database)
    office.post.trouble = Unreachable("no route")
    await office.worker.turn()
    assert await office.states() == [("failed", "no route")]
    await office.worker.turn()
    assert await office.next_at() == NOON

    office.post.trouble = None
    office.time = NOON + timedelta(minutes=6)
    await office.worker.turn()
    assert await office.states() == [("sent", "")]

    office.post.trouble = Rejected("no such mailbox")
    office.time = await office.next_at()
    await office.worker.turn()
    assert ("failed", "no such mailbox") in await office.states()
    assert await office.next_at() > office.time


async def test_who_has_stopped_it_and_who_has_left_get_none(database: AsyncEngine) -> None:
    office = await open_office(database, to=("a@example.com", "b@example.com"))
    async with database.begin() as connection:
        code = (
            await connection.execute(
                text("select code from digest_recipient where address = 'a@example.com'")
            )
        ).scalar_one()
        assert await digests.stop(connection, code, now=NOON)
    await office.worker.turn()
    assert [mail.to for mail in office.post.sent] == ["b@example.com"]

    async with database.begin() as connection:
        await connection.execute(text("update user_account set disabled_at = now()"))
    office.time = await office.next_at()
    await office.worker.turn()
    assert len(office.post.sent) == 1


async def test_a_chat_gets_it_once_it_has_said_start(database: AsyncEngine) -> None:
    office = await open_office(database, kind="telegram", to=("",))
    account, code = await office.link()
    other = await a_second_bot(database)
    before = await people_and_sources(database)

    wrong = f"{code[:-1]}{'a' if code[-1] != 'a' else 'b'}"
    await starts(database, account, wrong, chat="1")
    await starts(database, other, code, chat="2")
    await starts(database, account, code, chat="4711")
    await starts(database, account, code, chat="3")  # the link works once
    await office.worker.turn()

    (message,) = office.post.sent
    assert message.chat == "4711"
    assert message.html == ""
    assert "Лиды: 5" in message.text
    # Of nobody of them a customer was made, nor of the code a campaign.
    assert await people_and_sources(database) == before


async def test_what_only_looks_like_such_a_link_is_a_customer_who_came_by_it(
    database: AsyncEngine,
) -> None:
    office = await open_office(database, kind="telegram", to=("",))
    account, _ = await office.link()

    await starts(database, account, "digest_may", chat="5")

    async with database.connect() as connection:
        found = await connection.execute(
            text("select campaign from touch where raw ->> 'code' = 'digest_may'")
        )
        assert found.scalars().all() == ["digest_may"]


async def starts(engine: AsyncEngine, account: UUID, code: str, *, chat: str) -> None:
    said = a_message(
        chat=chat, by=a_person(int(chat)), text="/start", kind="service", at=NOON,
        source=SourceKeys(code=code),
    )  # fmt: skip
    async with engine.begin() as connection:
        await route(connection, [accepted(account, said)], policies=Policies(), now=NOON)


async def a_second_bot(engine: AsyncEngine) -> UUID:
    async with engine.begin() as connection:
        return await Rows(connection, now=NOON).account(slug="second", kind="telegram")


async def people_and_sources(engine: AsyncEngine) -> tuple[int, ...]:
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "select (select count(*) from contact), (select count(*) from conversation),"
                " (select count(*) from touch), (select count(*) from lead), (select count(*) from origin)"
            )
        )
        return tuple(found.one())


@pytest.mark.parametrize(
    ("every", "on_day", "after", "expected"),
    [
        ("day", 1, "2026-11-21T05:59", "2026-11-21T06:00"),
        ("day", 1, "2026-11-21T06:00", "2026-11-22T06:00"),
        ("week", 1, "2026-11-21T12:00", "2026-11-23T06:00"),
        ("week", 31, "2026-11-21T12:00", "2026-11-22T06:00"),
        ("month", 31, "2026-11-21T12:00", "2026-11-30T06:00"),
        ("month", 1, "2026-12-01T06:00", "2027-01-01T06:00"),
    ],
)
def test_the_next_time_is_by_the_companys_clock(
    every: digests.Every, on_day: int, after: str, expected: str
) -> None:
    def moment(written: str) -> datetime:
        return datetime.fromisoformat(written).replace(tzinfo=UTC)

    at = next_time(every, on_day=on_day, hour=9, zone=MOSCOW, after=moment(after))
    assert at == moment(expected)
