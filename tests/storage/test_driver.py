"""Asking the driver itself: the same transaction, the same errors, and a connection that is whole or gone."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.driver import Statement, ask, numbered
from storage.world import is_conflict
from workers.supervisor import is_away

ADD = numbered("insert into setting (name, value) values (:name, to_jsonb(cast(:value as text)))")
COUNT = numbered("select count(*) as n from setting where name = :name")
SLEEP = numbered("select pg_sleep(cast(:seconds as float8))")
PID = numbered("select pg_backend_pid() as pid")


async def test_names_become_numbers_and_casts_and_slices_stay() -> None:
    statement = numbered("select :b, :a, :b, x::text, y[1:2] from t where z = any(:a)")
    assert statement == Statement(
        "select $1, $2, $1, x::text, y[1:2] from t where z = any($2)", ("b", "a")
    )


async def test_what_is_asked_first_is_already_in_the_transaction(database: AsyncEngine) -> None:
    name = str(uuid4())
    async with database.connect() as connection:
        await ask(connection, ADD, name=name, value="x")
        assert (await ask(connection, COUNT, name=name))[0]["n"] == 1
        await connection.rollback()
        assert (await ask(connection, COUNT, name=name))[0]["n"] == 0


async def test_it_commits_with_what_sqlalchemy_asked(database: AsyncEngine) -> None:
    name = str(uuid4())
    async with database.begin() as connection:
        await connection.execute(text("select 1"))
        await ask(connection, ADD, name=name, value="x")
    async with database.connect() as connection:
        assert (await ask(connection, COUNT, name=name))[0]["n"] == 1


async def test_two_who_make_the_same_thing_have_met(database: AsyncEngine) -> None:
    name = str(uuid4())
    async with database.connect() as connection:
        await ask(connection, ADD, name=name, value="x")
        with pytest.raises(IntegrityError) as met:
            await ask(connection, ADD, name=name, value="y")
    assert is_conflict(met.value)
    assert not is_away(met.value)


async def test_what_is_wrong_with_a_statement_is_no_line_that_is_lost(
    database: AsyncEngine,
) -> None:
    with pytest.raises(DBAPIError) as wrong:
        async with database.begin() as connection:
            await ask(connection, numbered("select nothing_of_that_name"))
    assert not is_away(wrong.value)
    assert not is_conflict(wrong.value)


async def test_a_server_that_ends_the_line_is_away_and_the_next_transaction_has_another(
    database: AsyncEngine, database_url: str
) -> None:
    async with database.connect() as connection:
        pid = (await ask(connection, PID))[0]["pid"]
    killer = await asyncpg.connect(
        make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    )
    async with asyncio.TaskGroup() as group:
        killing = group.create_task(_kill_once_it_sleeps(killer, pid))
        async with database.connect() as connection:
            with pytest.raises(DBAPIError) as lost:
                await ask(connection, SLEEP, seconds=30)
        await killing
    assert is_away(lost.value)
    await killer.close()
    async with database.connect() as connection:
        assert (await ask(connection, PID))[0]["pid"] != pid


async def _kill_once_it_sleeps(killer: asyncpg.Connection, pid: int) -> None:
    killed = "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'"
    async with asyncio.timeout(20):
        while not await killer.fetch(killed, pid):  # noqa: ASYNC110  # another server process's state
            await asyncio.sleep(0.01)


async def test_who_is_cancelled_in_the_middle_leaves_no_line_that_still_works_for_them(
    database: AsyncEngine,
) -> None:
    async with database.connect() as connection:
        pid = (await ask(connection, PID))[0]["pid"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), database.begin() as connection:
            await ask(connection, SLEEP, seconds=30)
    async with asyncio.timeout(5), database.connect() as connection:
        assert (await ask(connection, PID))[0]["pid"] != pid
