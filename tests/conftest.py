"""What tests stand on: a real PostgreSQL with a migrated template, cloned for whoever commits, and the clones used again.

The server is ALLO_TEST_DATABASE_URL, or the one on 127.0.0.1:5432 when it answers, or else the embedded one.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from io import BytesIO
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


class Kept:
    """Databases of this run that tests are done with, each made as it was on its first day, for the next test.

    To make one is cheap and to drop one is not: PostgreSQL writes out everything that any test has changed meanwhile.
    Whatever of one is not rows (tables made or changed) cannot be put back: such a one is dropped, as a large one is.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.as_new: list[str] = []
        self.all: list[str] = []
        self._shape = ""
        self._rows: dict[str, bytes] = {}
        self._counters: list[tuple[str, int]] = []
        self._tables: list[str] = []

    async def learn(self, name: str) -> None:
        """What a new one is like."""
        connection = await asyncpg.connect(_named(self.server, name))
        try:
            self._shape = await connection.fetchval(_SHAPE)
            self._tables = [row["name"] for row in await connection.fetch(_TABLES)]
            for table in await self._filled(connection):
                held = BytesIO()
                await connection.copy_from_table(table, output=held, format="binary")
                self._rows[table] = held.getvalue()
            self._counters = [tuple(row) for row in await connection.fetch(_COUNTERS)]
        finally:
            await connection.close()

    async def give_back(self, name: str) -> None:
        try:
            renewed = await self._renew(name)
        except asyncpg.PostgresError:
            renewed = False
        if renewed:
            self.as_new.append(name)
        else:
            await self._drop(name)

    async def _renew(self, name: str) -> bool:
        connection = await asyncpg.connect(_named(self.server, name))
        try:
            await connection.execute(_ALONE)
            if await connection.fetchval(_SHAPE) != self._shape:
                return False
            filled = await self._filled(connection)
            if any([await connection.fetchval(_SIZE, each) > LARGE for each in filled]):
                return False
            async with connection.transaction():
                # Nothing that is taken away has to be looked up by what points to it.
                await connection.execute("set local session_replication_role = replica")
                for table in {*filled, *self._rows}:
                    await connection.execute(f'delete from "{table}"')
                for table, rows in self._rows.items():
                    await connection.copy_to_table(table, source=BytesIO(rows), format="binary")
                for counter in await connection.fetch(_COUNTERS):
                    if tuple(counter) not in self._counters:
                        await connection.execute(_RESTART, counter["name"])
                for counter, value in self._counters:
                    if value:
                        await connection.execute("select setval($1, $2)", counter, value)
            return True
        finally:
            await connection.close()

    async def _filled(self, connection: asyncpg.Connection) -> list[str]:
        looks = ", ".join(
            f"case when exists (select from \"{each}\") then '{each}' end" for each in self._tables
        )
        found: list[str] = await connection.fetchval(f"select array_remove(array[{looks}], null)")
        return found

    async def _drop(self, name: str) -> None:
        self.all.remove(name)
        await _admin(self.server, f"drop database if exists {name} with (force)")

    async def drop_all(self) -> None:
        for name in list(self.all):
            await self._drop(name)


LARGE: Final = 1 << 20
"""Bytes of a table that is not emptied row by row."""
_TABLES: Final = """
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by 1
"""
_SIZE: Final = "select pg_relation_size(to_regclass(quote_ident($1)))"
_ALONE: Final = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""
_COUNTERS: Final = """
    select quote_ident(sequencename) as name, coalesce(last_value, 0) as value from pg_sequences
    where schemaname = 'public' order by 1
"""
_RESTART: Final = """
    select setval(to_regclass($1), start_value, false) from pg_sequences where quote_ident(sequencename) = $1
"""
# Every table, column, index, rule and function has a row here, and a changed one a newer version of it.
_SHAPE: Final = """
    select md5(concat(
        (select string_agg(concat_ws(' ', oid, relname, relkind, relnatts, relchecks), ',' order by oid)
         from pg_class where oid >= 16384),
        (select string_agg(concat_ws(' ', attrelid, attname, atttypid, attnotnull, atthasdef), ',' order by attrelid, attnum)
         from pg_attribute where attrelid >= 16384 and attnum > 0),
        (select string_agg(concat_ws(' ', oid, conname), ',' order by oid) from pg_constraint where oid >= 16384),
        (select string_agg(concat_ws(' ', indexrelid, indisvalid), ',' order by indexrelid)
         from pg_index where indexrelid >= 16384),
        (select string_agg(concat_ws(' ', oid, tgname, tgenabled), ',' order by oid)
         from pg_trigger where oid >= 16384),
        (select string_agg(concat_ws(' ', oid, proname, md5(prosrc)), ',' order by oid) from pg_proc where oid >= 16384),
        (select string_agg(concat_ws(' ', oid, nspname), ',' order by oid) from pg_namespace where oid >= 16384)))
"""


@pytest.fixture(scope="session")
async def kept_databases(database_server: str, database_template: str) -> AsyncGenerator[Kept]:
    kept = Kept(database_server)
    await kept.learn(database_template)
    yield kept
    await kept.drop_all()


@pytest.fixture
async def new_database(
    database_server: str, database_template: str, kept_databases: Kept
) -> AsyncGenerator[NewDatabase]:
    """Gives the URL of an empty, migrated database of the test's own."""
    given: list[str] = []

    async def give() -> str:
        if kept_databases.as_new:
            name = kept_databases.as_new.pop()
        else:
            name = f"allo_test_{uuid4().hex[:12]}"
            await _admin(database_server, f"create database {name} template {database_template}")
            kept_databases.all.append(name)
            # What a test has written need not survive the server.
            await _admin(database_server, f"alter database {name} set synchronous_commit = off")
        given.append(name)
        return _named(database_server, name)

    yield give
    for name in given:
        await kept_databases.give_back(name)


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


@pytest.fixture(scope="session", autouse=True)
async def kept_browser() -> AsyncGenerator[None]:
    """Closes what the tests in a browser have shared."""
    yield
    from tests.inbox.chromium import KEPT  # noqa: PLC0415  # it stands on this module

    await KEPT.close()


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
