"""Statements of the hot paths, asked of asyncpg itself.

SQLAlchemy keeps books about every statement: compiles, caches, wraps rows, changes greenlets. That is worth it where a
page asks something; where a thousand messages a second pass, it costs Python several times what the driver needs. The
connections, their transactions and their end remain SQLAlchemy's.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection

PARAMETER: Final = re.compile(r"(?<![:\w]):(\w+)")
"""A named parameter in SQL, and not a cast written with colons."""
_ANYTHING: Final = text("select 1")


@dataclass(frozen=True, slots=True)
class Statement:
    """`sql` with $1, $2… for `names`."""

    sql: str
    names: tuple[str, ...]


def numbered(named: str) -> Statement:
    """Of SQL with :names. PostgreSQL has to know the type of each: cast what the context does not tell."""
    names = tuple(dict.fromkeys(PARAMETER.findall(named)))
    return Statement(PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", named), names)


async def ask(connection: AsyncConnection, statement: Statement, **values: Any) -> list[Any]:
    """In the connection's transaction. Rows as asyncpg gives them; raises what SQLAlchemy would."""
    sync = connection.sync_connection
    assert sync is not None  # noqa: S101  # it has been started
    driver: Any = sync.connection.driver_connection
    if not driver.is_in_transaction():
        # SQLAlchemy begins with its first statement; before that, ours would stand for itself.
        await connection.execute(_ANYTHING)
    try:
        rows: list[Any] = await driver.fetch(
            statement.sql, *(values[name] for name in statement.names)
        )
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(statement.sql, None, error) from error
    except asyncpg.PostgresError as error:
        if driver.is_closed():
            sync.invalidate(error)
        raise DBAPIError(
            statement.sql, None, error, connection_invalidated=driver.is_closed()
        ) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        sync.invalidate(error)
        raise InterfaceError(statement.sql, None, error, connection_invalidated=True) from error
    except BaseException as error:
        # Cancelled in the middle, or the line is broken: whatever its state is, nobody should wait for it.
        sync.invalidate(error)
        raise
    return rows
