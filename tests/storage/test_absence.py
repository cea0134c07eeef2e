"""What a database that goes away looks like, from a real socket."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.absence import is_database_away
from storage.engine import open_engine

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def dies_in_the_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(8)
    writer.write(b"N")  # no TLS here; and then nothing more
    await writer.drain()
    await reader.read(8)
    writer.close()


async def is_starting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(8)
    writer.write(b"N")
    await writer.drain()
    await reader.read(8)
    told = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"
    writer.write(b"E" + (len(told) + 4).to_bytes(4) + told)
    await writer.drain()
    writer.close()


@asynccontextmanager
async def a_server(serve: Serve) -> AsyncGenerator[str]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://nobody@127.0.0.1:{port}/nothing"


@pytest.mark.parametrize("serve", [hangs_up, dies_in_the_handshake, is_starting])
async def test_a_server_that_dies_while_we_connect_is_away(serve: Serve) -> None:
    async with a_server(serve) as url:
        engine = open_engine(url)
        with pytest.raises((DBAPIError, OSError)) as raised:
            await engine.connect()
        await engine.dispose()
    assert is_database_away(raised.value), repr(raised.value)


async def test_nobody_at_the_address_is_away() -> None:
    async with a_server(hangs_up) as url:
        pass
    engine = open_engine(url)
    with pytest.raises(ConnectionRefusedError) as raised:
        await engine.connect()
    assert is_database_away(raised.value)


async def test_a_connection_killed_in_the_middle_is_away(database: AsyncEngine) -> None:
    async with database.connect() as connection, database.connect() as other:
        pid = (await connection.execute(text("select pg_backend_pid()"))).scalar_one()
        asking = asyncio.ensure_future(connection.execute(text("select pg_sleep(30)")))
        await other.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises((DBAPIError, OSError)) as raised:
            await asking
    assert is_database_away(raised.value), repr(raised.value)


async def test_a_mistake_of_ours_is_not(database: AsyncEngine) -> None:
    async with database.connect() as connection:
        with pytest.raises(DBAPIError) as raised:
            await connection.execute(text("select * from nothing_like_it"))
    assert not is_database_away(raised.value)
    assert not is_database_away(FileNotFoundError(2, "No such file or directory", "lost.txt"))
