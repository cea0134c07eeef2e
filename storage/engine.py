"""The pool of connections to PostgreSQL, and bringing its schema up to date."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from storage.revisions import MIGRATIONS, newest_revision, revision_of

if TYPE_CHECKING:
    from alembic.config import Config

STATEMENT_TIMEOUT_S: Final = 30
"""No page and no batch takes this long; what does is stopped rather than holding locks."""

QUIET_S: Final = 20.0
"""A connection unused for longer is asked whether it lives: what drops silent lines waits for minutes."""

_GIVEN_BACK: Final = "given back"

_json = msgspec.json.Encoder()


def open_engine(url: str, *, pool_size: int = 10, application: str = "allo") -> AsyncEngine:
    """An engine for `url`: postgresql://…, with or without the driver's name.

    JSONB columns are read and written by msgspec. The caller disposes of it.
    """
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        # The one used last is used next: its statements are prepared, and the server's memory is that of a few.
        pool_use_lifo=True,
        pool_timeout=10,
        json_serializer=lambda value: _json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        connect_args={
            "timeout": 10,
            "command_timeout": STATEMENT_TIMEOUT_S + 5,
            "server_settings": {
                "application_name": application,
                "timezone": "UTC",
                "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
                "lock_timeout": "10s",
                "idle_in_transaction_session_timeout": "60s",
                # Short statements over small arrays: compiling them costs more than it brings.
                "jit": "off",
            },
        },
    )
    event.listen(engine.sync_engine, "checkin", _note_time)
    event.listen(engine.sync_engine, "checkout", _must_live)
    return engine


def _note_time(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[_GIVEN_BACK] = time.monotonic()


def _must_live(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
    """Raises what makes the pool connect anew.

    The pool's own pre-ping is three round trips before every transaction, more than most transactions have. A line
    that the server has closed is known without asking; only one that nobody has used for a while may be dead in silence.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError
    given_back = record.info.get(_GIVEN_BACK)
    if given_back is not None and time.monotonic() - given_back > QUIET_S:
        try:
            connection.ping()
        except connection.dbapi.Error as dead:
            raise InvalidatePoolError from dead


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """One transaction: committed on leaving, rolled back by an exception."""
    async with engine.begin() as connection:
        yield connection


async def migrate(engine: AsyncEngine) -> None:
    """Brings the schema to the newest revision; one process at a time, the others wait for it."""
    async with engine.connect() as connection:
        there = await revision_of(connection)
        await connection.rollback()
        if there is None or there != newest_revision():
            await connection.run_sync(_upgrade)
            await connection.commit()


async def schema_revision(engine: AsyncEngine) -> tuple[str | None, str | None]:
    """(the database's revision, the newest one known to this code)."""
    async with engine.connect() as connection:
        return await revision_of(connection), newest_revision()


def known_revisions() -> frozenset[str]:
    """Every revision this code can start from: those of a newer Allo are not among them."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # heavy, and only a restore asks

    scripts = ScriptDirectory.from_config(_config(None))
    return frozenset(each.revision for each in scripts.walk_revisions())


def _config(connection: Connection | None) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # heavy, as all of Alembic

    config = Config(attributes={"connection": connection} if connection else {})
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # heavy, and few starts need it

    connection.execute(text("select pg_advisory_xact_lock(7215001)"))
    command.upgrade(_config(connection), "head")
