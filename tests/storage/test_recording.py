"""What reports count: however often a fact is told, and in whatever order, the counts equal a recount."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from router.facts import ConversationChanged, Fact, LeadOpened, MessageReceived
from router.ids import new_id
from storage import recording
from tests.builders import Rows

ZONE = "Europe/Moscow"
EVENING = datetime(2026, 11, 30, 20, 30, tzinfo=UTC)
"""23:30 in Moscow; an hour later it is December there, and not yet in UTC."""


async def rows(database: AsyncEngine, statement: str) -> list[tuple[Any, ...]]:
    async with database.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def record(database: AsyncEngine, facts: list[Fact]) -> int:
    async with database.begin() as connection:
        return await recording.record(connection, facts, time_zone=ZONE)


COUNTS = "select day, kind, account_id, manager_id, count from rollup_day order by 1, 2, 3, 4"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    facts=st.lists(
        st.tuples(
            st.sampled_from(["lead", "opened"]),
            st.integers(0, 3),
            st.none() | st.integers(1, 2),
            st.none() | st.integers(3, 4),
        ),
        min_size=1,
        max_size=15,
    ),
    batches=st.lists(st.lists(st.integers(0, 14), max_size=8), max_size=5),
    together=st.booleans(),
)
async def test_counts_equal_a_recount_whatever_is_told_twice(database, facts, batches, together):
    async with database.begin() as connection:
        await connection.execute(text("truncate fact_event, rollup_day"))
    made: list[Fact] = []
    for kind, hours, account, manager in facts:
        place: dict[str, Any] = {
            "id": new_id(),
            "at": EVENING + timedelta(hours=hours),
            "account": account and UUID(int=account),
            "manager": manager and UUID(int=manager),
        }
        made.append(
            LeadOpened(**place, lead=UUID(int=9))
            if kind == "lead"
            else ConversationChanged(**place, what="opened")
        )
    told = [[made[n % len(made)] for n in batch] for batch in batches] + [made]

    if together:
        async with asyncio.TaskGroup() as group:
            done = [group.create_task(record(database, batch)) for batch in told]
        fresh = sum(each.result() for each in done)
    else:
        fresh = sum([await record(database, batch) for batch in told])

    assert fresh == len(made)
    counted = await rows(database, COUNTS)
    expected = Counter(
        (
            (fact.at + timedelta(hours=3)).date(),
            fact.__struct_config__.tag,
            fact.account or UUID(int=0),
            fact.manager or UUID(int=0),
        )
        for fact in made
    )
    assert {key: n for *key_, n in counted for key in [tuple(key_)]} == dict(expected)
    async with database.begin() as connection:
        await recording.recount(connection, time_zone=ZONE)
    assert await rows(database, COUNTS) == counted


async def test_a_recount_beside_a_recorder_loses_nothing(database):
    """The recorder has written its rows and not yet its counts when the recount begins, and the other way round."""
    facts: list[Fact] = [
        ConversationChanged(id=new_id(), at=EVENING, what="opened") for _ in range(40)
    ]
    async with asyncio.TaskGroup() as group:
        for n in range(0, 40, 4):
            group.create_task(record(database, facts[n : n + 4]))

        async def again() -> None:
            async with database.begin() as connection:
                await recording.recount(connection, time_zone=ZONE)

        for _ in range(3):
            group.create_task(again())
    assert [row[-1] for row in await rows(database, COUNTS)] == [40]


@pytest.mark.parametrize(
    ("at", "partition"),
    [
        pytest.param(
            datetime(2026, 11, 1, tzinfo=UTC), "fact_event_2026_11", id="this month's first moment"
        ),
        pytest.param(
            datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "fact_event_2026_12", id="next month"
        ),
        pytest.param(
            datetime(2027, 1, 15, tzinfo=UTC), "fact_event_2027_01", id="over the new year"
        ),
        pytest.param(datetime(2027, 2, 1, tzinfo=UTC), "fact_event_default", id="later"),
        pytest.param(datetime(2020, 1, 1, tzinfo=UTC), "fact_event_default", id="long ago"),
    ],
)
async def test_facts_fall_into_the_months_partition(database, at, partition):
    async with database.begin() as connection:
        for _ in range(2):  # every day again
            await recording.make_partitions(connection, now=EVENING)
    await record(database, [ConversationChanged(id=new_id(), at=at, what="opened")])
    assert await rows(database, "select cast(tableoid as regclass)::text from fact_event") == [
        (partition,)
    ]


async def test_a_month_whose_facts_are_in_the_default_partition_stays_there(database):
    early = ConversationChanged(id=new_id(), at=datetime(2027, 1, 5, tzinfo=UTC), what="opened")
    await record(database, [early])
    async with database.begin() as connection:
        await recording.make_partitions(connection, now=EVENING)
    late = ConversationChanged(id=new_id(), at=datetime(2027, 1, 6, tzinfo=UTC), what="opened")
    assert await record(database, [early, late]) == 1
    assert len(await rows(database, "select 1 from fact_event")) == 2


async def test_words_are_found_as_they_read_now(database):
    async with database.begin() as connection:
        there = Rows(connection)
        message = await there.message(
            await there.conversation(), text="тормозные колодки", searchable=False
        )
    fact = MessageReceived(id=new_id(), at=EVENING, message=message, seq=1)
    await record(database, [fact])
    found = "select message_id from message_search where vector @@ plainto_tsquery('russian', '{}')"
    assert await rows(database, found.format("колодка")) == [(message,)]
    async with database.begin() as connection:
        await connection.execute(text("update message set text = 'диски'"))
    await record(database, [fact])
    assert await rows(database, found.format("колодка")) == []
    assert await rows(database, found.format("диск")) == [(message,)]


async def test_the_words_of_messages_are_learnt_once_and_numbers_are_not(database):
    async with database.begin() as connection:
        there = Rows(connection)
        talk = await there.conversation()
        said = [
            await there.message(talk, text=words, searchable=False)
            for words in (
                "Тормозные колодки, да! Bosch 0986424797 или 4821",
                "колодки ТОРМОЗНЫЕ a@b.example w124 " + "ж" * 31,
            )
        ]
    facts = [MessageReceived(id=new_id(), at=EVENING, message=each, seq=1) for each in said]
    for _ in range(2):
        await record(database, facts)
    words = await rows(database, "select word from said_word order by word")
    assert words == [("bosch",), ("колодки",), ("тормозные",)]


async def test_two_recorders_that_learn_the_same_words_do_not_stand_in_each_others_way(database):
    async with database.begin() as connection:
        there = Rows(connection)
        talk = await there.conversation()
        words = ["альфа", "бета", "гамма", "дельта", "омега"]
        said = [
            await there.message(talk, text=" ".join(each), searchable=False)
            for each in (words, list(reversed(words)))
        ]
    facts = [MessageReceived(id=new_id(), at=EVENING, message=each, seq=1) for each in said]
    async with asyncio.TaskGroup() as group:
        for fact in facts:
            group.create_task(record(database, [fact]))
    assert await rows(database, "select count(*) from said_word") == [(5,)]
