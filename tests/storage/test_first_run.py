"""A fresh installation, founded once."""

import asyncio
import os
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.accounts import load_accounts, remove_account
from storage.colleagues import colleague_by_email
from storage.first_run import ADMINISTRATOR, Founded, found, is_founded
from storage.reading.colleagues import list_teams
from storage.reading.pipelines import list_pipelines
from storage.sealing import Sealer
from tests.builders import Rows
from tests.conftest import NOON

SEALER = Sealer(os.urandom(32))


async def _found(database: AsyncEngine, **more: Any) -> Founded:
    async with database.begin() as connection:
        return await found(connection, password="hash", sealer=SEALER, now=NOON, **more)


async def test_a_fresh_installation_can_take_messages_at_once(database: AsyncEngine) -> None:
    async with database.connect() as connection:
        assert not await is_founded(connection)

    assert (await _found(database)).administrator == ADMINISTRATOR

    async with database.connect() as connection:
        assert await is_founded(connection)
        accounts = await load_accounts(connection, SEALER)
        assert [(each.slug, each.kind, each.state) for each in accounts] == [
            ("mail", "email", "active"),
            ("site", "site_chat", "active"),
        ]
        assert accounts[0].fields == {"mode": "smtp"}
        (team,) = await list_teams(connection)
        assert (team.name, team.is_default) == ("Общая команда", True)
        (pipeline,) = await list_pipelines(connection)
        assert [each.kind for each in pipeline.stages] == [
            "open",
            "qualified",
            "open",
            "won",
            "lost",
        ]
        administrator = await colleague_by_email(connection, ADMINISTRATOR)
        assert administrator
        assert (administrator.role, administrator.must_change_password) == ("admin", True)


async def test_the_second_time_nothing_is_made_and_no_password_is_shown(
    database: AsyncEngine,
) -> None:
    await _found(database)
    async with database.begin() as connection:
        for each in await load_accounts(connection, SEALER):
            await remove_account(connection, each.id)

    assert (await _found(database)).administrator is None

    async with database.connect() as connection:
        assert await load_accounts(connection, SEALER) == []


async def test_two_processes_that_start_together_found_it_once(database: AsyncEngine) -> None:
    async with asyncio.TaskGroup() as processes:
        founding = [processes.create_task(_found(database)) for _ in range(3)]

    shown = [each.result().administrator for each in founding]
    assert sorted(shown, key=str) == [None, None, ADMINISTRATOR]
    async with database.connect() as connection:
        for table, rows in (("team", 1), ("pipeline", 1), ("account", 2), ("user_account", 1)):
            counted = await connection.execute(text(f"select count(*) from {table}"))
            assert counted.scalar() == rows, table


async def test_the_words_are_those_of_the_installations_language(database: AsyncEngine) -> None:
    await _found(database, language="en", currency="EUR", time_zone="Europe/Berlin")
    async with database.connect() as connection:
        (pipeline,) = await list_pipelines(connection)
        assert [each.name for each in pipeline.stages][:2] == ["New", "Qualification"]
        row = (
            await connection.execute(text("select t.time_zone, p.currency from team t, pipeline p"))
        ).one()
        assert (row.time_zone, row.currency) == ("Europe/Berlin", "EUR")
        assert {each.language for each in await load_accounts(connection, SEALER)} == {"en"}
        # The first administrator reads what their browser speaks, until they choose.
        spoken = await connection.execute(text("select language from user_account"))
        assert spoken.scalars().all() == [""]


async def test_what_is_there_already_is_left_alone(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        await there.user(name="Анна", role="admin")
        await there.account(slug="own")
        await there.team(name="Продажи", is_default=True)

    assert (await _found(database)).administrator is None

    async with database.connect() as connection:
        assert [each.name for each in await list_teams(connection)] == ["Продажи"]
        assert [each.slug for each in await load_accounts(connection, SEALER)] == ["own"]
        assert len(await list_pipelines(connection)) == 1
