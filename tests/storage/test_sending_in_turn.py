"""Replies are claimed by one worker at a time, in each conversation's order, and none is held up by another's bad luck."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import deliveries
from storage.deliveries import Due
from tests.builders import START, Rows


class Post:
    """An account with replies that wait; `at` in minutes after START."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.account: UUID

    async def write(self, conversations: int, replies: int) -> list[list[UUID]]:
        """The ids of the deliveries, by conversation, in the order in which they were written."""
        async with self.engine.begin() as connection:
            there = Rows(connection)
            self.account = await there.any_account()
            talks = [await there.conversation() for _ in range(conversations)]
            made: list[list[UUID]] = [[] for _ in talks]
            for _ in range(replies):
                for n, talk in enumerate(talks):
                    message = await there.message(
                        talk, direction="out", state="queued", searchable=False
                    )
                    made[n].append(await there.delivery(message))
            return made

    async def claim(self, by: str, *, at: float = 0, limit: int = 100) -> list[Due]:
        async with self.engine.begin() as connection:
            return await deliveries.claim(
                connection, self.account, by=by, identity="telegram", now=_at(at), limit=limit
            )

    async def begin(self, due: Due, *, by: str, at: float = 0) -> bool:
        async with self.engine.begin() as connection:
            return await deliveries.begin(connection, due, by=by, now=_at(at))

    async def settle(self, due: Due, state: str, *, at: float = 0) -> None:
        async with self.engine.begin() as connection:
            await deliveries.settle(connection, due, state, now=_at(at), external_id=str(due.id))

    async def abandoned(
        self, *, at: float, repeatable: list[UUID], account: UUID | None = None
    ) -> int:
        async with self.engine.begin() as connection:
            return await deliveries.abandoned(
                connection, now=_at(at), repeatable=repeatable, account=account
            )

    async def states(self) -> list[tuple[str, str]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(
                text(
                    "select d.state, m.state from delivery d join message m on m.id = d.message_id order by d.id"
                )
            )
            return [(row[0], row[1]) for row in rows]


def _at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
def post(database: AsyncEngine) -> Post:
    return Post(database)


async def test_only_the_oldest_reply_of_each_conversation_is_claimed(post):
    one, other = await post.write(2, 3)
    assert {each.id for each in await post.claim("a")} == {one[0], other[0]}
    # They are on their way: what was written after them waits, for everybody.
    assert await post.claim("b") == []


async def test_workers_at_the_same_moment_never_begin_the_same_reply(post):
    written = await post.write(12, 1)
    async with asyncio.TaskGroup() as group:
        claims = [group.create_task(post.claim(f"worker {n}", limit=5)) for n in range(4)]
    taken = [(f"worker {n}", due) for n, claim in enumerate(claims) for due in claim.result()]
    begun = [due.id for by, due in taken if await post.begin(due, by=by)]
    assert len(begun) == len(set(begun)) == len(taken)
    assert set(begun) <= {each for (each,) in written}


async def test_a_claim_that_ran_out_is_somebody_elses(post):
    await post.write(1, 1)
    (mine,) = await post.claim("a")
    assert await post.claim("b", at=0.5) == []
    (theirs,) = await post.claim("b", at=1.1)
    assert theirs.id == mine.id
    assert not await post.begin(mine, by="a", at=1.2)
    assert await post.begin(theirs, by="b", at=1.2)


async def test_a_conversation_that_is_put_off_does_not_hold_up_the_others(post):
    """Not even when it has more replies waiting than a worker takes at once."""
    stuck, other = await post.write(2, 5)
    (first, _) = sorted(await post.claim("a"), key=lambda due: due.id != stuck[0])
    async with post.engine.begin() as connection:
        await deliveries.put_off(
            connection, first, until=_at(60), now=_at(0), family="Unreachable", reason="away"
        )
    assert [each.id for each in await post.claim("b", at=2, limit=3)] == [other[0]]


async def test_what_failed_makes_way_for_the_next(post):
    ((first, second),) = await post.write(1, 2)
    (due,) = await post.claim("a")
    assert due.id == first
    await post.begin(due, by="a")
    assert await post.claim("a") == []
    await post.settle(due, "failed")
    assert [each.id for each in await post.claim("a")] == [second]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    conversations=st.integers(1, 4),
    replies=st.integers(1, 4),
    fates=st.lists(
        st.sampled_from(["sent", "failed", "unknown", "put off", "die"]), min_size=1, max_size=8
    ),
    limit=st.integers(1, 5),
)
async def test_every_conversation_is_sent_in_its_order_whatever_happens(
    database, conversations, replies, fates, limit
):
    async with database.begin() as connection:
        await connection.execute(
            text("truncate delivery, message, conversation, contact, account cascade")
        )
    post = Post(database)
    written = await post.write(conversations, replies)
    ended: list[UUID] = []
    minute = 0.0
    turn = 0
    while len(ended) < conversations * replies:
        minute += 5
        assert turn < 500, "nothing is sent any more"
        await post.abandoned(at=minute, repeatable=[post.account])
        for due in await post.claim("a", at=minute, limit=limit):
            fate = fates[turn % len(fates)] if turn < 20 else "sent"
            turn += 1
            assert await post.begin(due, by="a", at=minute)
            match fate:
                case "die":
                    pass
                case "put off":
                    async with database.begin() as connection:
                        await deliveries.put_off(
                            connection,
                            due,
                            until=_at(minute + 3),
                            now=_at(minute),
                            family="x",
                            reason="x",
                        )
                case _:
                    await post.settle(due, fate, at=minute)
                    ended.append(due.id)
    for theirs in written:
        assert [each for each in ended if each in theirs] == theirs


@pytest.mark.parametrize(
    ("safe", "state"), [(True, ("queued", "queued")), (False, ("unknown", "unknown"))]
)
async def test_what_a_dead_worker_was_sending_is_sent_again_only_where_that_is_safe(
    post, safe, state
):
    await post.write(1, 1)
    (due,) = await post.claim("a")
    await post.begin(due, by="a")
    repeatable = [post.account] if safe else []
    assert await post.abandoned(at=0.5, repeatable=repeatable, account=post.account) == 0
    assert await post.abandoned(at=1.5, repeatable=repeatable, account=post.account) == 1
    assert await post.states() == [state]
    assert len(await post.claim("b", at=2)) == (1 if safe else 0)


async def test_a_worker_judges_only_its_own_accounts_dead(post, database):
    """It knows of its own channel whether repeating is safe, and of no other."""
    await post.write(1, 1)
    (due,) = await post.claim("a")
    await post.begin(due, by="a")
    async with database.begin() as connection:
        other = await Rows(connection).account(slug="other")
    assert await post.abandoned(at=2, repeatable=[], account=other) == 0
    assert await post.states() == [("sending", "queued")]


async def test_parts_that_went_out_before_a_worker_died_are_not_sent_again(post):
    await post.write(1, 1)
    (due,) = await post.claim("a")
    await post.begin(due, by="a")
    fields: dict[str, Any] = {name: getattr(due, name) for name in Due.__dataclass_fields__}
    async with post.engine.begin() as connection:
        await deliveries.part_sent(
            connection, Due(**fields | {"external_ids": ("p1",)}), now=_at(0.1)
        )
    await post.abandoned(at=5, repeatable=[post.account], account=post.account)
    (again,) = await post.claim("b", at=6)
    assert (again.parts_done, again.external_ids) == (1, ("p1",))


async def test_what_is_given_back_can_be_claimed_at_once_and_what_has_begun_cannot_be_given_back(
    post,
):
    await post.write(2, 1)
    begun, idle = await post.claim("a")
    await post.begin(begun, by="a")
    async with post.engine.begin() as connection:
        await deliveries.release(connection, [begun.id, idle.id], by="a")
    assert [each.id for each in await post.claim("b")] == [idle.id]
