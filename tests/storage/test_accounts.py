"""Connected channels: what is kept, what is hidden, who hears of a change."""

import asyncio
import os
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.ids import new_id
from storage.accounts import (
    CHANGED,
    AccountRow,
    BadSlug,
    NoSuchAccount,
    SlugTaken,
    account_by_slug,
    accounts_version,
    add_account,
    change_account,
    load_accounts,
    note_error,
    note_events,
    note_recovery,
    remove_account,
    reseal_accounts,
    set_account_state,
)
from storage.sealing import Sealer, WrongKey
from tests.conftest import NOON

SEALER = Sealer(os.urandom(32))
SECRETS = frozenset({"token", "webhook_secret"})


@pytest.fixture
async def connection(database: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    async with database.begin() as connection:
        yield connection


async def _add(connection: AsyncConnection, slug: str = "shop", **more: Any) -> UUID:
    fields = {"token": "12345:secret", "mode": "polling", **more.pop("fields", {})}
    values: dict[str, Any] = {"kind": "telegram", "secrets": SECRETS, "sealer": SEALER, **more}
    return await add_account(connection, slug=slug, fields=fields, now=NOON, **values)


async def _one(connection: AsyncConnection, slug: str = "shop") -> AccountRow:
    found = await account_by_slug(connection, slug, SEALER)
    assert found
    return found


async def test_an_account_comes_back_as_it_was_added(connection: AsyncConnection) -> None:
    id_ = await _add(connection, region="KZ", language="en", silence_minutes=5)

    (row,) = await load_accounts(connection, SEALER)

    assert (row.id, row.kind, row.slug, row.state) == (id_, "telegram", "shop", "active")
    assert row.fields == {"token": "12345:secret", "mode": "polling"}
    assert (row.region, row.language, row.silence_minutes) == ("KZ", "en", 5)
    assert (row.lead_policy, row.silence_moves, row.promise_minutes) == ("no_open_lead", 2, 15)
    assert row.created_at == NOON
    assert row.unreadable == ""


async def test_no_secret_can_be_read_in_the_database_nor_in_a_log_line(
    connection: AsyncConnection,
) -> None:
    await _add(connection)
    rows = (await connection.execute(text("select account::text as row from account"))).all()
    assert "polling" in rows[0].row
    assert "secret" not in rows[0].row.replace("webhook_secret", "")
    assert b"secret".hex() not in rows[0].row
    assert "12345:secret" not in repr(await _one(connection))


async def test_a_slug_is_taken_once_also_by_two_at_the_same_moment(database: AsyncEngine) -> None:
    async def add() -> bool:
        async with database.begin() as connection:
            try:
                await _add(connection)
            except SlugTaken:
                return False
            return True

    async with asyncio.TaskGroup() as both:
        adding = [both.create_task(add()) for _ in range(2)]
    assert sorted(each.result() for each in adding) == [False, True]


async def test_a_taken_slug_does_not_spoil_the_callers_transaction(
    connection: AsyncConnection,
) -> None:
    await _add(connection)
    with pytest.raises(SlugTaken, match="shop already"):
        await _add(connection)
    assert len(await load_accounts(connection, SEALER)) == 1


@pytest.mark.parametrize("slug", ["", "Shop", "мой", "a b", "a/b", "-a", "a~1", "a" * 64, "a\n"])
async def test_a_slug_that_is_no_part_of_an_address_is_refused(
    connection: AsyncConnection, slug: str
) -> None:
    with pytest.raises(BadSlug):
        await _add(connection, slug)


async def test_a_change_keeps_what_it_does_not_name(connection: AsyncConnection) -> None:
    id_ = await _add(connection, fields={"webhook_secret": "w"})

    await change_account(
        connection,
        id_,
        fields={"mode": "", "webhook_secret": "new"},
        secrets=SECRETS,
        sealer=SEALER,
        promise_minutes=30,
    )

    row = await _one(connection)
    assert row.fields == {"token": "12345:secret", "webhook_secret": "new"}
    assert row.promise_minutes == 30


async def test_an_option_that_no_account_has_is_a_mistake_of_the_program(
    connection: AsyncConnection,
) -> None:
    with pytest.raises(TypeError, match="colour"):
        await _add(connection, colour="red")


async def test_a_lost_key_spares_accounts_without_secrets_and_is_explained_for_the_others(
    connection: AsyncConnection,
) -> None:
    await _add(connection, "site", kind="site_chat", fields={"token": ""})
    await _add(connection, "shop")

    shop, site = await load_accounts(connection, Sealer(os.urandom(32)))

    assert site.unreadable == ""
    assert "ALLO_SECRET_KEY" in shop.unreadable
    assert shop.fields == {"mode": "polling"}


async def test_after_a_lost_key_all_credentials_can_be_entered_anew(
    connection: AsyncConnection,
) -> None:
    id_ = await _add(connection)
    found_again = Sealer(os.urandom(32))
    with pytest.raises(WrongKey):
        await change_account(
            connection, id_, fields={"token": "new"}, secrets=SECRETS, sealer=found_again
        )

    await change_account(
        connection,
        id_,
        fields={"token": "new", "webhook_secret": ""},
        secrets=SECRETS,
        sealer=found_again,
    )

    (row,) = await load_accounts(connection, found_again)
    assert row.fields == {"token": "new", "mode": "polling"}


async def test_credentials_moved_to_another_account_do_not_open(
    connection: AsyncConnection,
) -> None:
    await _add(connection, "mine")
    await _add(connection, "theirs")
    await connection.execute(
        text("update account set sealed = (select sealed from account where slug = 'theirs')")
    )
    mine, theirs = await load_accounts(connection, SEALER)
    assert theirs.fields["token"]
    assert "damaged" in mine.unreadable


async def test_a_removed_account_leaves_its_slug_and_takes_its_credentials_along(
    connection: AsyncConnection,
) -> None:
    removed = await _add(connection)
    await remove_account(connection, removed)

    assert await load_accounts(connection, SEALER) == []
    assert await account_by_slug(connection, "shop", SEALER) is None
    again = await _add(connection)
    assert (await _one(connection)).id == again
    row = (
        await connection.execute(
            text("select sealed, settings, state from account where id = :id"), {"id": removed}
        )
    ).one()
    assert (row.sealed, row.settings, row.state) == (b"", {}, "removed")


async def test_what_is_removed_or_never_was_cannot_be_changed(connection: AsyncConnection) -> None:
    removed = await _add(connection)
    await remove_account(connection, removed)
    for id_ in (removed, new_id()):
        with pytest.raises(NoSuchAccount):
            await set_account_state(connection, id_, "active")
        with pytest.raises(NoSuchAccount):
            await remove_account(connection, id_)
        with pytest.raises(NoSuchAccount):
            await change_account(connection, id_, fields={}, secrets=SECRETS, sealer=SEALER)


async def test_an_account_breaks_and_recovers(connection: AsyncConnection) -> None:
    id_ = await _add(connection)

    await note_error(connection, id_, "x" * 5000, broken=False, now=NOON)
    row = await _one(connection)
    assert (row.state, row.last_error, row.last_error_at) == ("active", "x" * 1000, NOON)

    await note_error(connection, id_, "the token was revoked", broken=True, now=NOON)
    assert (await _one(connection)).state == "broken"

    await note_recovery(connection, id_)
    row = await _one(connection)
    assert (row.state, row.last_error) == ("active", None)


async def test_an_error_does_not_wake_an_account_that_was_paused(
    connection: AsyncConnection,
) -> None:
    id_ = await _add(connection)
    await set_account_state(connection, id_, "paused")
    await note_error(connection, id_, "the token was revoked", broken=True, now=NOON)
    await note_recovery(connection, id_)
    assert (await _one(connection)).state == "paused"


async def test_events_move_the_time_of_the_last_one_now_and_then_and_never_back(
    connection: AsyncConnection,
) -> None:
    id_ = await _add(connection)
    for at, expected in (
        (NOON, NOON),
        (NOON + timedelta(seconds=5), NOON),
        (NOON + timedelta(seconds=30), NOON + timedelta(seconds=30)),
        (NOON, NOON + timedelta(seconds=30)),
    ):
        await note_events(connection, {id_: at, new_id(): at})
        assert (await _one(connection)).last_event_at == expected


async def test_the_version_changes_with_what_is_loaded_and_not_with_traffic(
    connection: AsyncConnection,
) -> None:
    versions = [await accounts_version(connection)]
    id_ = await _add(connection)
    versions.append(await accounts_version(connection))
    await change_account(connection, id_, fields={"token": "new"}, secrets=SECRETS, sealer=SEALER)
    versions.append(await accounts_version(connection))
    await set_account_state(connection, id_, "paused")
    versions.append(await accounts_version(connection))
    assert len(set(versions)) == 4

    await note_events(connection, {id_: NOON})
    await note_error(connection, id_, "timed out", broken=False, now=NOON)
    assert await accounts_version(connection) == versions[-1]

    await remove_account(connection, id_)
    assert await accounts_version(connection) == versions[0]


async def test_who_listens_hears_of_a_change_once_it_is_committed(
    database: AsyncEngine, database_url: str
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(database_url)
    try:
        await listener.add_listener(CHANGED, lambda *told: heard.put_nowait(told[-1]))
        async with database.begin() as connection:
            id_ = await _add(connection)
            assert heard.empty()
        async with asyncio.timeout(5):
            assert await heard.get() == str(id_)
    finally:
        await listener.close()


async def test_the_secret_key_can_be_changed(connection: AsyncConnection) -> None:
    old, new = os.urandom(32), os.urandom(32)
    await _add(connection, "first", sealer=Sealer(old))
    await _add(connection, "second", sealer=Sealer(new))

    assert await reseal_accounts(connection, Sealer(new, old)) == 1

    assert [row.unreadable for row in await load_accounts(connection, Sealer(new))] == ["", ""]
    assert await reseal_accounts(connection, Sealer(new)) == 0
