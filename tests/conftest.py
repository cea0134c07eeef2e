"""What tests stand on: a real PostgreSQL with a migrated template, cloned for whoever commits.

The server is ALLO_TEST_DATABASE_URL, or the one on 127.0.0.1:5432 when it answers, or else the embedded one.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import asyncpg
import hypothesis
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.engine import migrate, open_engine

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""Saturday. Tests that need a time start here."""

# A busy machine is no finding: how long an example takes is the machine's affair.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")

SERVICES_REQUIRED = os.environ.get("ALLO_REQUIRE_SERVICES") == "1"
LOCAL_DATABASE = "postgresql://postgres@127.0.0.1:5432/test"
LOCAL_BROKER = "amqp://guest:guest@127.0.0.1:5672"


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=3)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


@pytest.fixture(scope="session")
async def database_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """The URL of a server where the tests may create databases."""
    url = os.environ.get("ALLO_TEST_DATABASE_URL", LOCAL_DATABASE)
    if await _answers(url):
        yield url
        return
    if SERVICES_REQUIRED:
        pytest.fail("ALLO_REQUIRE_SERVICES=1, and no PostgreSQL answers (try `make services`)")
    from storage.embedded import embedded_postgres  # noqa: PLC0415  # only where there is no server

    async with embedded_postgres(tmp_path_factory.mktemp("postgres")) as embedded:
        yield embedded


async def _admin(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _named(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
async def database_template(database_server: str) -> AsyncGenerator[str]:
    """The name of a migrated database that nobody is connected to."""
    name = f"allo_template_{uuid4().hex[:12]}"
    await _admin(
        database_server,
        f"create database {name} template template0 encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'",
    )
    engine = open_engine(_named(database_server, name))
    await migrate(engine)
    await engine.dispose()
    yield name
    await _admin(database_server, f"drop database if exists {name} with (force)")


NewDatabase = Callable[[], Awaitable[str]]

SPENT: Final = 20
"""Databases dropped together: PostgreSQL makes a checkpoint for each, and only the first of them has much to write."""


@pytest.fixture(scope="session")
async def spent_databases(database_server: str) -> AsyncGenerator[list[str]]:
    """Those that no test needs any more, and what is left of them at the end."""
    spent: list[str] = []
    yield spent
    await _drop(database_server, spent)


async def _drop(server: str, spent: list[str]) -> None:
    while spent:
        await _admin(server, f"drop database if exists {spent.pop()} with (force)")


@pytest.fixture
async def new_database(
    database_server: str, database_template: str, spent_databases: list[str]
) -> AsyncGenerator[NewDatabase]:
    """Makes an empty, migrated database of the test's own; gives its URL."""
    made: list[str] = []

    async def make() -> str:
        name = f"allo_test_{uuid4().hex[:12]}"
        await _admin(database_server, f"create database {name} template {database_template}")
        made.append(name)
        return _named(database_server, name)

    yield make
    spent_databases += made
    if len(spent_databases) >= SPENT:
        await _drop(database_server, spent_databases)


@pytest.fixture
async def database_url(new_database: NewDatabase) -> str:
    return await new_database()


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[AsyncEngine]:
    """An engine on an empty, migrated database of the test's own."""
    engine = open_engine(database_url, pool_size=5)
    yield engine
    await engine.dispose()
    # asyncpg closes its transports on the next turn of the loop.
    await asyncio.sleep(0)


@pytest.fixture
async def count(database: AsyncEngine) -> Callable[..., Awaitable[int]]:
    """count("message", "direction = 'in'") → rows."""

    async def rows(table: str, where: str = "true") -> int:
        async with database.connect() as connection:
            found = await connection.execute(text(f"select count(*) from {table} where {where}"))
            return int(found.scalar_one())

    return rows


def _listens(url: str, port: int) -> bool:
    parsed = make_url(url)
    try:
        with socket.create_connection((parsed.host or "127.0.0.1", parsed.port or port), timeout=3):
            return True
    except OSError:
        return False


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which of the two ways to run was tested: the embedded one always is, the distributed one needs services."""
    missing = [
        name
        for name, url, port in (
            ("PostgreSQL", os.environ.get("ALLO_TEST_DATABASE_URL", LOCAL_DATABASE), 5432),
            ("RabbitMQ", os.environ.get("ALLO_TEST_BROKER_URL", LOCAL_BROKER), 5672),
        )
        if not _listens(url, port)
    ]
    said = (
        "embedded and distributed"
        if not missing
        else f"embedded only; for distributed {' and '.join(missing)} must answer (`make services`)"
    )
    terminalreporter.write_sep("-", f"modes tested: {said}")
