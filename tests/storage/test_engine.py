"""The pool: a connection that died while nobody looked costs nobody anything, or is known as what it is."""

import asyncio
import threading
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import engine as engines
from workers.supervisor import is_away

PID = text("select pg_backend_pid()")


async def _backend(engine: AsyncEngine) -> tuple[int, Any]:
    """The pid behind the connection that is given next, and asyncpg's own connection."""
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        return (await connection.execute(PID)).scalar_one(), raw.driver_connection


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def _terminate(url: str, pid: int) -> None:
    connection = await asyncpg.connect(_plain(url))
    await connection.execute("select pg_terminate_backend($1, 5000)", pid)
    await connection.close()


async def test_a_line_that_the_server_has_closed_is_replaced_before_it_is_used(
    database: AsyncEngine, database_url: str
) -> None:
    pid, line = await _backend(database)
    await _terminate(database_url, pid)
    async with asyncio.timeout(10):
        while not line.is_closed():  # noqa: ASYNC110  # the driver has no event for it
            await asyncio.sleep(0)

    assert (await _backend(database))[0] != pid


async def test_a_line_that_nobody_used_for_a_while_is_asked_first(
    database: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, line = await _backend(database)
    # Waited for without a turn of the loop, so that asyncpg cannot have heard of it.
    killing = threading.Thread(target=lambda: asyncio.run(_terminate(database_url, pid)))
    killing.start()
    killing.join()
    assert not line.is_closed()
    monkeypatch.setattr(engines, "QUIET_S", -1.0)

    assert (await _backend(database))[0] != pid


async def test_a_line_in_use_is_not_asked_before_every_transaction(
    database: AsyncEngine, database_url: str
) -> None:
    pid, line = await _backend(database)
    asked: list[str] = []
    line.add_query_logger(lambda record: asked.append(record.query))

    assert (await _backend(database))[0] == pid
    # The transaction itself; its statement is a prepared one, which this log leaves out.
    assert asked == ["BEGIN;", "ROLLBACK;"]


async def test_a_server_that_has_said_goodbye_and_not_hung_up_is_known_as_lost(
    database: AsyncEngine,
) -> None:
    pid, line = await _backend(database)
    # PostgreSQL, 53.7: ErrorResponse; a severity, an SQLSTATE, a message.
    said = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
    line._protocol.data_received(b"E" + (len(said) + 4).to_bytes(4) + said)
    assert not line.is_closed()

    with pytest.raises(DBAPIError) as lost:
        await _backend(database)
    assert is_away(lost.value)
    assert (await _backend(database))[0] != pid
