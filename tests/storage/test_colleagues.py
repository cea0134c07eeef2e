"""Colleagues and their teams."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.ids import new_id
from storage.api_tokens import find_token, keep_token
from storage.colleagues import (
    BadEmail,
    EmailTaken,
    LastAdministrator,
    NoSuchColleague,
    change_user,
    colleague_by_email,
    create_user,
    disable_user,
    enable_user,
    list_colleagues,
)
from storage.reading.colleagues import TeamRow, list_teams
from storage.reading.paging import BadCursor
from storage.teams import (
    NoSuchTeam,
    TeamNameTaken,
    add_member,
    change_team,
    create_team,
    default_team,
    make_default,
    remove_member,
    team_named,
)
from tests.builders import Rows
from tests.conftest import NOON


@pytest.fixture
async def connection(database: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    async with database.begin() as connection:
        yield connection


async def _hire(connection: AsyncConnection, email: str = "anna@example.com", **more: Any) -> UUID:
    values: dict[str, Any] = {"role": "manager", "password": "hash", "now": NOON, **more}
    return await create_user(connection, email=email, **values)


async def _team(connection: AsyncConnection, name: str) -> TeamRow:
    return next(each for each in await list_teams(connection) if each.name == name)


async def test_a_new_manager_is_here_without_a_limit_and_in_the_default_team(
    connection: AsyncConnection,
) -> None:
    await create_team(connection, name="Общая", is_default=True, now=NOON)
    anna = await _hire(connection, name="Анна")
    boss = await _hire(connection, "boss@example.com", role="lead")

    found = await colleague_by_email(connection, "anna@example.com")

    assert found
    assert (found.id, found.name, found.role, found.presence) == (anna, "Анна", "manager", "here")
    assert found.capacity is None
    assert set((await _team(connection, "Общая")).member_ids) == {anna, boss}
    leads = await connection.execute(text("select user_id from team_member where is_lead"))
    assert [row.user_id for row in leads] == [boss]


@pytest.mark.parametrize("role", ["admin", "marketer"])
async def test_who_does_not_answer_customers_is_in_no_team(
    connection: AsyncConnection, role: str
) -> None:
    await create_team(connection, name="Общая", is_default=True, now=NOON)
    await _hire(connection, role=role)
    assert (await _team(connection, "Общая")).member_ids == ()


async def test_a_manager_can_be_hired_before_there_is_a_team(connection: AsyncConnection) -> None:
    anna = await _hire(connection)
    found = await colleague_by_email(connection, "anna@example.com")
    assert found
    assert found.id == anna


async def test_an_address_is_one_person_however_it_is_written(connection: AsyncConnection) -> None:
    anna = await _hire(connection, " Anna@Example.COM ")
    with pytest.raises(EmailTaken, match=r"anna@example\.com"):
        await _hire(connection, "anna@example.com")
    found = await colleague_by_email(connection, "ANNA@example.com ")
    assert found
    assert found.id == anna
    assert found.name == "Anna"


@pytest.mark.parametrize("email", ["", "anna", "@example.com", "a b@example.com", "a@b@c"])
async def test_what_is_no_address_is_refused(connection: AsyncConnection, email: str) -> None:
    with pytest.raises(BadEmail):
        await _hire(connection, email)


async def test_the_list_goes_on_where_it_stopped_whoever_is_hired_meanwhile(
    connection: AsyncConnection,
) -> None:
    for letter in "abde":
        await _hire(connection, f"{letter}@example.com")
    first = await list_colleagues(connection, limit=2)
    await _hire(connection, "aa@example.com")
    await _hire(connection, "c@example.com")

    second = await list_colleagues(connection, limit=5, cursor=first.next_cursor)

    assert [each.email[0] for each in first.items] == ["a", "b"]
    assert [each.email[0] for each in second.items] == ["c", "d", "e"]
    assert second.next_cursor is None


async def test_a_cursor_of_another_list_is_refused(connection: AsyncConnection) -> None:
    with pytest.raises(BadCursor):
        await list_colleagues(connection, cursor="bm9uc2Vuc2U")


async def test_somebody_disabled_is_signed_out_everywhere_and_can_come_back(
    connection: AsyncConnection,
) -> None:
    anna = await _hire(connection)
    await connection.execute(
        text(
            "insert into session (token_hash, user_id, csrf, created_at, seen_at, expires_at)"
            " values ('hash', :id, '', :now, :now, :now)"
        ),
        {"id": anna, "now": NOON},
    )
    await keep_token(
        connection, name="t", token="token", scopes=["read"], created_by=anna, now=NOON
    )
    assert await find_token(connection, "token", now=NOON)

    await disable_user(connection, anna, now=NOON)

    assert (await connection.execute(text("select count(*) from session"))).scalar() == 0
    assert await find_token(connection, "token", now=NOON) is None
    found = await colleague_by_email(connection, "anna@example.com")
    assert found
    assert found.disabled_at == NOON

    await enable_user(connection, anna)
    found = await colleague_by_email(connection, "anna@example.com")
    assert found
    assert found.disabled_at is None


async def test_the_last_administrator_stays(connection: AsyncConnection) -> None:
    first = await _hire(connection, "first@example.com", role="admin")
    second = await _hire(connection, "second@example.com", role="admin")
    await disable_user(connection, second, now=NOON)

    with pytest.raises(LastAdministrator):
        await disable_user(connection, first, now=NOON)
    with pytest.raises(LastAdministrator):
        await change_user(connection, first, role="manager")

    await enable_user(connection, second)
    await change_user(connection, first, role="manager")


async def test_two_administrators_do_not_disable_each_other_at_the_same_moment(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        both = [await _hire(connection, f"{name}@example.com", role="admin") for name in "ab"]

    async def disable(whom: UUID) -> bool:
        async with database.begin() as connection:
            try:
                await disable_user(connection, whom, now=NOON)
            except LastAdministrator:
                return False
            return True

    async with asyncio.TaskGroup() as attempts:
        made = [attempts.create_task(disable(each)) for each in both]
    assert sorted(each.result() for each in made) == [False, True]


async def test_changes_are_made_to_somebody_who_is_there_and_to_what_there_is(
    connection: AsyncConnection,
) -> None:
    anna = await _hire(connection)
    await change_user(connection, anna, name="Анна П.", capacity=20)
    found = await colleague_by_email(connection, "anna@example.com")
    assert found
    assert (found.name, found.capacity) == ("Анна П.", 20)
    with pytest.raises(NoSuchColleague):
        await change_user(connection, new_id(), name="Nobody")
    with pytest.raises(TypeError, match="password"):
        await change_user(connection, anna, password="x")


async def test_a_team_is_found_by_its_name_and_keeps_it_to_itself(
    connection: AsyncConnection,
) -> None:
    sales = await create_team(connection, name="Продажи", now=NOON)
    service = await create_team(connection, name="Сервис", now=NOON)
    assert await team_named(connection, " ПРОДАЖИ") == sales
    assert await team_named(connection, "Склад") is None
    with pytest.raises(TeamNameTaken):
        await create_team(connection, name="Продажи", now=NOON)
    with pytest.raises(TeamNameTaken):
        await change_team(connection, service, name="Продажи")
    with pytest.raises(NoSuchTeam):
        await change_team(connection, new_id(), name="Склад")
    await change_team(connection, service, name="Сервис", strategy="least_loaded", hours=None)
    assert (await _team(connection, "Сервис")).strategy == "least_loaded"


async def test_there_is_one_default_team(connection: AsyncConnection) -> None:
    sales = await create_team(connection, name="Продажи", is_default=True, now=NOON)
    service = await create_team(connection, name="Сервис", now=NOON)
    assert await default_team(connection) == sales
    await make_default(connection, service)
    assert await default_team(connection) == service
    assert [each.is_default for each in await list_teams(connection)].count(True) == 1
    with pytest.raises(NoSuchTeam):
        await make_default(connection, new_id())


async def test_members_come_and_go(connection: AsyncConnection) -> None:
    there = Rows(connection)
    team, anna = await there.team(), await there.user()
    await add_member(connection, team, anna, is_lead=False, now=NOON)
    await add_member(connection, team, anna, is_lead=True, now=NOON)
    assert (await _team(connection, "Продажи")).member_ids == (anna,)
    await remove_member(connection, team, anna)
    assert (await _team(connection, "Продажи")).member_ids == ()
