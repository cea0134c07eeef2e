"""The statements of the queue, and how they run: each its own transaction, in bounded time, failing as BrokerDown."""
# ruff: noqa: S608  # nothing but constants is put into these texts

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from router.transit import BrokerDown
from storage.driver import Statement, numbered

NEWS: Final = "allo_queue"
"""The channel on which the name of a queue is called out when something may be waiting in it."""
HINTS: Final = "allo_broadcast"

PUBLISH = numbered(f"""
    with put as (
        insert into queue_message (queue, body, visible_at)
        select queue, body, now()
        from unnest(cast(:queues as text[]), cast(:bodies as bytea[])) with ordinality as p (queue, body, place)
        order by place
        returning queue
    )
    select pg_notify('{NEWS}', queue) from (select distinct queue from put) as queues
""")
BROADCAST = numbered(f"select pg_notify('{HINTS}', :body)")
PING = numbered("select 1")
DEPTH = numbered("""
    select count(*) from queue_message
    where queue = :queue and visible_at <= now() and (locked_until is null or locked_until <= now())
""")

# A claim that a crash of the server forgets is only made again: it need not wait for the disk.
CLAIM = numbered("""
    with relaxed as materialized (
        select set_config('synchronous_commit', 'off', true)
    ), next as (
        select id from queue_message, relaxed
        where queue = :queue and visible_at <= now() and (locked_until is null or locked_until <= now())
        order by visible_at, id
        limit :limit
        for update of queue_message skip locked
    ), claimed as (
        update queue_message
        set locked_until = now() + make_interval(secs => :lock), attempts = queue_message.attempts + 1
        from next
        where queue_message.id = next.id
        returning queue_message.visible_at, queue_message.id, attempts, body, death
    )
    select visible_at, id, attempts, body, death, cast(null as float8) as due from claimed
    union all
    select null, null, null, null, null, cast(extract(epoch from min(visible_at) - now()) as float8)
    from queue_message where queue = :queue and visible_at > now()
""")
"""What was claimed, and in a last row the seconds until something that waits is due."""

_CLAIMED = """
    from unnest(cast(:ids as bigint[]), cast(:attempts as integer[])) as claimed (id, attempts)
    where queue_message.queue = :queue
      and queue_message.id = claimed.id and queue_message.attempts = claimed.attempts
"""
KEEP = numbered(f"""
    update queue_message set locked_until = now() + make_interval(secs => :lock) {_CLAIMED}
      and queue_message.locked_until is not null  -- or it has just been retried or released
    returning queue_message.id
""")
RELEASE = numbered(f"""
    with released as (update queue_message set locked_until = null {_CLAIMED} returning queue)
    select pg_notify('{NEWS}', queue) from (select distinct queue from released) as queues
""")
# The same of an acknowledgement: what it is about is committed, and who gets it again knows it.
ACK = numbered(f"""
    with relaxed as materialized (
        select set_config('synchronous_commit', 'off', true)
    )
    delete from queue_message using relaxed, {_CLAIMED.replace("from ", "", 1)} returning queue_message.id
""")
RETRY = numbered(f"""
    with later as (
        update queue_message
        set visible_at = now() + make_interval(secs => :delay), locked_until = null,
            body = coalesce(cast(:body as bytea), body)
        {_CLAIMED} returning queue
    )
    select pg_notify('{NEWS}', queue) from later
""")
BURY = numbered(f"""
    with buried as (
        update queue_message
        set queue = :dead, death = cast(:death as jsonb), attempts = 0, visible_at = now(), locked_until = null,
            body = coalesce(cast(:body as bytea), body)
        {_CLAIMED} returning queue_message.queue
    )
    select pg_notify('{NEWS}', queue) from buried
""")


class Statements:
    """Each its own transaction, asked of the driver; the connections are the pool's."""

    def __init__(self, engine: AsyncEngine, *, patience: float) -> None:
        self._engine = engine
        self._patience = patience

    async def run(self, statement: Statement, **values: Any) -> list[Any]:
        """Rows as asyncpg gives them."""
        with _as_broker_down():
            async with asyncio.timeout(self._patience):
                connection = await self._engine.raw_connection()
                try:
                    asked = connection.driver_connection.fetch(  # type: ignore[union-attr]  # asyncpg's own
                        statement.sql, *(values[name] for name in statement.names)
                    )
                    found: list[Any] = await asked
                except asyncpg.PostgresError:
                    raise
                except (
                    BaseException
                ):  # rises; a cancelled question, too, leaves its line in the middle of something
                    # Whatever its state is, nobody should wait for it to become good again.
                    connection.invalidate()
                    raise
                finally:
                    # One beyond the pool's size is closed for good, which has to be waited for: in a greenlet.
                    await greenlet_spawn(connection.close)
                return found


@contextmanager
def _as_broker_down() -> Generator[None]:
    try:
        yield
    except (
        asyncpg.DataError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.SyntaxOrAccessError,
    ):
        raise  # ours to mend: asking again would not help
    except (
        DBAPIError,
        PoolTimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
        TimeoutError,
    ) as error:
        raise BrokerDown(f"{type(error).__name__}: {error}") from error
