"""Whom a fact concerns is told once, however often it comes and whoever reads the feed."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from router.facts import (
    Assigned,
    ChannelChanged,
    DeliveryChanged,
    Fact,
    LeadChanged,
    MessageReceived,
    NoteAdded,
)
from router.ids import new_id
from router.notices import KINDS, Hours, Manner, Wish
from storage import notice_feed, notice_marks, notices, reminders
from storage.accounts import note_error
from storage.ad_accounts import add_ad_account, set_credentials, set_pulling
from storage.desk import Desk
from storage.engine import transaction
from storage.notice_wishes import save_wishes
from storage.outbox import tell
from storage.push import subscribe
from storage.sealing import Sealer
from storage.spend_pulls import claim_pull, settle_pull
from storage.tasks import change_task, create_task
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.installation import Installation

ZONE = "Europe/Moscow"
MINUTE = timedelta(minutes=1)


class Office(Installation):
    """`told()` is what lies under everybody's bell."""

    async def settle(self, now: Any = NOON) -> None:
        """Publishes what was committed, and tells of it."""
        await self.sql(
            "update outbox set position = nextval('outbox_position') where position is null"
        )
        while await self._one(notice_feed.follow, now):
            pass

    async def _one(self, what: Any, now: Any) -> int:
        async with self.engine.begin() as connection:
            return await what(connection, now=now, zone=ZONE)

    async def remind(self, now: Any) -> int:
        return await self._one(reminders.remind, now)

    async def told(self) -> list[tuple[str, str, bool]]:
        rows = await self.sql(
            "select u.name, n.kind, n.read_at is null as unread from notification n"
            " join user_account u on u.id = n.user_id order by n.told_at, u.name, n.kind"
        )
        return [(row.name, row.kind, row.unread) for row in rows]


@pytest.fixture
async def shop(database: AsyncEngine) -> Office:
    shop = Office(database)
    await shop.found()
    return shop


@pytest.fixture
async def anna(shop: Office) -> UUID:
    return await shop.hire("Anna")


@pytest.fixture
async def telegram(shop: Office) -> UUID:
    return await shop.connect()


async def _says(shop: Office, account: UUID, n: int, at: Any = NOON) -> UUID:
    await shop.route(accepted(account, a_message(by=a_person(1), key=f"m{n}", at=at)), now=at)
    await shop.settle(at)
    return (await shop.one("select id from conversation")).id


async def test_a_hundred_messages_are_one_notice_that_becomes_news_again(shop, anna, telegram):
    talk = await _says(shop, telegram, 1)
    assert await shop.told() == [("Anna", "assigned", True)]
    for n in range(2, 6):
        await _says(shop, telegram, n, NOON + n * MINUTE)
    assert await shop.told() == [("Anna", "assigned", True), ("Anna", "message", True)]
    async with transaction(shop.engine) as connection:
        assert await notice_marks.mark_read(connection, anna, now=NOON, conversation=talk) == 2
    assert [unread for _, _, unread in await shop.told()] == [False, False]
    await _says(shop, telegram, 7, NOON + 7 * MINUTE)
    assert (await shop.told())[-1] == ("Anna", "message", True)
    assert len(await shop.told()) == 2


async def test_whoever_reads_the_conversation_has_read_what_it_told_of(
    shop, anna, telegram, tmp_path
):
    talk = await _says(shop, telegram, 1)
    desk = Desk(shop.engine, now=lambda: NOON + MINUTE, media=None)
    await desk.mark_read(talk, by=anna)
    await shop.settle(NOON + MINUTE)
    assert await shop.told() == [("Anna", "assigned", False)]


async def test_nobody_is_told_what_they_did_themselves(shop, anna, telegram):
    boris = await shop.hire("Boris")
    talk = await _says(shop, telegram, 1)
    await shop.sql("delete from notification")
    desk = Desk(shop.engine, now=lambda: NOON, media=None)
    await desk.assign(talk, by=boris, manager=boris)
    await shop.settle()
    assert await shop.told() == []
    await desk.assign(talk, by=boris, manager=anna)
    await shop.settle()
    assert await shop.told() == [("Anna", "assigned", True)]


async def test_what_went_to_somebody_else_is_no_longer_news_to_the_first(shop, anna, telegram):
    """What a colleague said to them in it still is."""
    talk = await _says(shop, telegram, 1)
    await _says(shop, telegram, 2, NOON + MINUTE)
    boris = await shop.hire("Boris")
    desk = Desk(shop.engine, now=lambda: NOON + 2 * MINUTE, media=None)
    await desk.note(talk, by=boris, text="Анна, взгляни", mentions=[anna])
    await desk.assign(talk, by=None, manager=boris)
    await shop.settle(NOON + 2 * MINUTE)
    assert set(await shop.told()) == {
        ("Anna", "assigned", False),
        ("Anna", "message", False),
        ("Anna", "mention", True),
        ("Boris", "assigned", True),
    }


async def test_what_each_kind_tells_to_whom(shop, anna, telegram):
    await shop.hire("Zoe", role="admin", in_team=False)
    await shop.hire("Mark", role="marketer")
    mark = (await shop.one("select id from user_account where name = 'Mark'")).id
    talk = await _says(shop, telegram, 1)
    message = await Desk(shop.engine, now=lambda: NOON, media=None).reply(
        talk, by=anna, text="hello"
    )
    await shop.sql("delete from notification")
    contact = (await shop.one("select contact_id from conversation")).contact_id
    lead = (await shop.one("select id from lead")).id
    about: dict[str, Any] = {
        "at": NOON,
        "conversation": talk,
        "contact": contact,
        "account": telegram,
    }
    facts: list[Fact] = [
        NoteAdded(id=new_id(), message=message, seq=3, mentions=(anna, mark), by=new_id(), **about),
        DeliveryChanged(id=new_id(), message=message, state="failed", reason="blocked", **about),
        DeliveryChanged(id=new_id(), message=message, state="sent", **about),
        LeadChanged(
            id=new_id(),
            lead=lead,
            what="manager",
            manager=anna,
            by=new_id(),
            **{**about, "at": NOON + MINUTE},
        ),
        LeadChanged(id=new_id(), lead=lead, what="manager", manager=anna, **about),
        ChannelChanged(id=new_id(), at=NOON, account=telegram, what="silent"),
        ChannelChanged(id=new_id(), at=NOON, account=telegram, what="heard"),
    ]
    async with transaction(shop.engine) as connection:
        await tell(connection, facts)
    await shop.settle()
    assert await shop.told() == [
        ("Anna", "failed", True),
        ("Anna", "lead", True),
        ("Anna", "mention", True),
        ("Zoe", "channel", True),
    ]


async def test_an_unanswered_message_is_told_to_those_of_the_team_who_asked_for_it(shop, telegram):
    anna = await shop.hire("Anna", presence="off")
    await shop.hire("Boris", presence="off")
    stranger = await shop.hire("Vera", presence="off", in_team=False)
    wish = {**KINDS, "unassigned": Wish(True, False, False)}
    async with transaction(shop.engine) as connection:
        for each in (anna, stranger):
            await save_wishes(connection, each, wishes=wish, manner=Manner())
    await _says(shop, telegram, 1)
    assert (await shop.one("select manager_id from conversation")).manager_id is None
    assert await shop.told() == [("Anna", "unassigned", True)]


async def test_a_muted_conversation_is_silent_until_it_is_unmuted(shop, anna, telegram):
    talk = await _says(shop, telegram, 1)
    await shop.sql("delete from notification")
    for muted, expected in ((True, []), (False, [("Anna", "message", True)])):
        async with transaction(shop.engine) as connection:
            await notice_marks.set_mute(connection, anna, talk, muted=muted, now=NOON)
        await _says(shop, telegram, 2 if muted else 3)
        assert await shop.told() == expected


async def test_a_channel_that_breaks_is_told_once(shop, telegram):
    await shop.hire("Zoe", role="admin")
    for _ in range(3):
        async with transaction(shop.engine) as connection:
            await note_error(connection, telegram, "the token is wrong", broken=True, now=NOON)
    await shop.settle()
    assert await shop.told() == [("Zoe", "channel", True)]


async def test_an_advertising_account_that_lets_nobody_in_is_told_once_each_time(shop):
    await shop.hire("Zoe", role="admin")
    await shop.hire("Mark", role="marketer")
    async with transaction(shop.engine) as connection:
        account = await add_ad_account(
            connection,
            name="Директ",
            platform="yandex-direct",
            source="yandex",
            medium="cpc",
            currency="RUB",
            now=NOON,
        )
        await set_credentials(
            connection, account, {"token": "x"}, sealer=Sealer(b"s" * 32), now=NOON
        )

    async def look(now: Any) -> int:
        return await shop._one(reminders.tell_of_ad_accounts, now)

    async def refused(now: Any, *, next_at: Any) -> None:
        async with transaction(shop.engine) as connection:
            await set_pulling(connection, account, on=True, now=now)
            claimed = await claim_pull(connection, now=now)
            await settle_pull(
                connection,
                claimed,
                state={"failing_since": now.isoformat()},
                next_at=next_at,
                error="no",
            )

    await refused(NOON, next_at=NOON + MINUTE)
    assert await look(NOON + timedelta(hours=47)) == 0
    for hours in (48, 49):
        assert await look(NOON + timedelta(hours=hours)) == 1
    assert await shop.told() == [("Zoe", "channel", True)]
    await refused(NOON + timedelta(days=3), next_at=None)
    for _ in range(2):
        assert await look(NOON + timedelta(days=3)) == 1
    assert await shop.told() == [("Zoe", "channel", True)] * 2
    kept = await shop.sql(
        "select details ->> 'condition' as condition from notification order by at"
    )
    assert [each.condition for each in kept] == ["failing", "broken"]


async def test_a_broken_promise_is_told_once_per_wait(shop, anna, telegram):
    await _says(shop, telegram, 1)
    await shop.sql("delete from notification")

    async def look(minutes: int) -> None:
        await shop._one(reminders.tell_of_broken_promises, NOON + minutes * MINUTE)

    await look(14)
    assert await shop.told() == []
    for minutes in (15, 16, 20):
        await look(minutes)
    assert await shop.told() == [("Anna", "waiting", True)]
    # Long ago, and after an answer: nothing new.
    await shop.sql("delete from notification")
    await look(60)
    assert await shop.told() == []


# Facts told again, in any order.


@given(data=st.data())
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_the_same_facts_in_any_order_give_the_same_notices(shop, data):
    await shop.sql("delete from notification")
    if not shop.managers:
        await shop.hire("Anna")
        await shop.hire("Boris")
    anna, boris = shop.managers
    talks = [UUID(int=1), UUID(int=2)]
    numbers = itertools.count(1)

    def fact_id() -> UUID:
        return UUID(int=1000 + next(numbers))

    facts: list[Fact] = [
        MessageReceived(
            id=fact_id(),
            at=NOON + n * MINUTE,
            conversation=talk,
            message=fact_id(),
            seq=n,
            manager=who,
        )
        for talk, n, who in [
            (talks[0], 2, anna),
            (talks[0], 3, anna),
            (talks[0], 4, boris),
            (talks[1], 2, boris),
        ]
    ]
    facts += [
        Assigned(
            id=fact_id(),
            at=NOON,
            conversation=talks[0],
            manager=boris,
            assignment=fact_id(),
            reason="",
        ),
        NoteAdded(
            id=fact_id(),
            at=NOON,
            conversation=talks[1],
            message=fact_id(),
            seq=5,
            mentions=(anna, boris),
        ),
    ]

    async def all_of(told: list[Fact], sizes: list[int]) -> list[Any]:
        await shop.sql("delete from notification")
        rest = list(told)
        for size in sizes:
            batch, rest = rest[:size], rest[size:]
            async with shop.engine.begin() as connection:
                await notice_feed.take(connection, batch, now=NOON, zone=ZONE)
        async with shop.engine.begin() as connection:
            await notice_feed.take(connection, rest, now=NOON, zone=ZONE)
        rows = await shop.sql(
            "select user_id, kind, subject, seq, at, read_at from notification order by 1, 2, 3"
        )
        return [tuple(row) for row in rows]

    expected = await all_of(facts, [len(facts)])
    assert len(expected) == 6
    shuffled = data.draw(st.permutations(facts + data.draw(st.lists(st.sampled_from(facts)))))
    sizes = data.draw(st.lists(st.integers(1, 4), max_size=4))
    assert await all_of(shuffled, sizes) == expected


async def test_two_that_read_the_feed_together_tell_everybody_once(shop, anna, telegram):
    for n in range(1, 5):
        await shop.route(accepted(telegram, a_message(by=a_person(n), key=f"k{n}")))
    await shop.sql("update outbox set position = nextval('outbox_position') where position is null")
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(shop._one(notice_feed.follow, NOON))
    assert len(await shop.told()) == 4
    facts = await shop.sql("select id from outbox where kind = 'notice_changed'")
    assert len(facts) == 1


# Reminders.


async def _a_task(shop: Office, of: UUID, **more: Any) -> UUID:
    async with transaction(shop.engine) as connection:
        task = await create_task(
            connection,
            text="call back",
            due_at=NOON + timedelta(hours=2),
            now=NOON,
            manager_id=of,
            created_by=of,
            **more,
        )
    await shop.settle()
    return task


async def test_a_task_reminds_once_across_two_workers(shop, anna):
    await _a_task(shop, anna, remind_before=(30, 0))
    assert await shop.remind(NOON + timedelta(minutes=89)) == 0
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(shop.remind(NOON + timedelta(minutes=90))) for _ in range(4)]
    assert sum(each.result() for each in looks) == 1
    assert await shop.told() == [("Anna", "task", True)]
    assert await shop.remind(NOON + timedelta(hours=3)) == 1
    assert await shop.remind(NOON + timedelta(hours=4)) == 0
    rows = await shop.sql("select details ->> 'what' as what from notification order by at")
    assert [row.what for row in rows] == ["soon", "due"]


async def test_what_is_done_moved_or_given_away_reminds_accordingly(shop, anna):
    boris = await shop.hire("Boris")
    done, moved, given_away = [await _a_task(shop, anna) for _ in range(3)]
    async with transaction(shop.engine) as connection:
        await change_task(connection, done, {"done_at": NOON}, now=NOON, by=anna)
        await change_task(
            connection, moved, {"due_at": NOON + timedelta(hours=5)}, now=NOON, by=anna
        )
        await change_task(connection, given_away, {"manager_id": boris}, now=NOON, by=boris)
    await shop.settle()
    assert await shop.remind(NOON + timedelta(hours=2)) == 1
    assert await shop.told() == [("Boris", "task", True)]
    assert await shop.remind(NOON + timedelta(hours=5)) == 1
    assert ("Anna", "task", True) in await shop.told()


async def test_a_colleague_who_is_given_a_task_learns_of_it(shop, anna):
    boris = await shop.hire("Boris")
    async with transaction(shop.engine) as connection:
        await create_task(
            connection, text="offer", due_at=NOON, now=NOON, manager_id=anna, created_by=boris
        )
    await shop.settle()
    assert await shop.told() == [("Anna", "task", True)]


# Pushes.


async def test_a_push_is_sent_only_where_and_when_it_is_wished(shop, anna, telegram):
    async def pushes() -> int:
        return len(await shop.sql("delete from push_delivery returning id"))

    await _says(shop, telegram, 1)
    assert await pushes() == 0, "nobody has subscribed"
    async with transaction(shop.engine) as connection:
        for n in (1, 2):
            await subscribe(
                connection,
                anna,
                endpoint=f"https://push.example/{n}",
                p256dh="p",
                auth="a",
                browser="Firefox",
                now=NOON,
            )
    await _says(shop, telegram, 2)
    assert await pushes() == 2
    quiet = Manner(quiet="own", quiet_from="14:00", quiet_to="16:00")  # 15:00 in Moscow
    async with transaction(shop.engine) as connection:
        await save_wishes(connection, anna, wishes=KINDS, manner=quiet)
    await _says(shop, telegram, 3)
    assert await pushes() == 0
    await _says(shop, telegram, 4, NOON + timedelta(hours=1))
    assert await pushes() == 2
    async with transaction(shop.engine) as connection:
        await save_wishes(
            connection,
            anna,
            wishes={**KINDS, "message": Wish(True, True, False)},
            manner=Manner(),
        )
    await _says(shop, telegram, 5, NOON + timedelta(hours=2))
    assert await pushes() == 0
    assert ("Anna", "message", True) in await shop.told()


def test_quiet_hours_go_over_midnight_and_by_the_teams():
    night = Manner(quiet="own", quiet_from="20:00", quiet_to="09:00", time_zone="Europe/Moscow")
    assert not night.is_quiet(NOON, teams=(), zone="UTC")
    for hours in (6, 12, 17):  # 21:00, 03:00, 08:00 in Moscow
        assert night.is_quiet(NOON + timedelta(hours=hours), teams=(), zone="UTC")
    assert not night.is_quiet(NOON + timedelta(hours=18), teams=(), zone="UTC")
    office = Hours(hours={"sat": [["09:00", "18:00"]]}, zone="Europe/Moscow")
    by_team = Manner(quiet="team")
    assert not by_team.is_quiet(NOON, teams=(office,), zone="UTC")
    assert by_team.is_quiet(NOON + timedelta(hours=6), teams=(office,), zone="UTC")
    assert not by_team.is_quiet(NOON + timedelta(hours=6), teams=(), zone="UTC")


async def test_what_is_old_is_forgotten(shop, anna, telegram):
    await _says(shop, telegram, 1)
    async with transaction(shop.engine) as connection:
        assert await notices.prune(connection, now=NOON + timedelta(days=59)) == 0
        assert await notices.prune(connection, now=NOON + timedelta(days=61)) == 1
