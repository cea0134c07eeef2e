"""The condition of the database and of the work in it, as `allo doctor` asks for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """`folds`: the database knows that Ж and ж are one letter. `clock` is the server's."""

    version: int
    encoding: str
    locale: str
    folds: bool
    extensions: frozenset[str]
    clock: datetime
    connections: int
    connections_allowed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Work that waits longer than it should. Replies count when they were due before `late`."""

    late_replies: int
    unknown_replies: int
    failed_replies: int
    unpublished_facts: int
    oldest_fact: datetime | None
    dead_letters: int


async def answers(engine: AsyncEngine) -> None:
    """Raises what the database, or the way to it, raises."""
    async with engine.connect() as connection:
        await connection.execute(text("select 1"))


async def database_facts(connection: AsyncConnection) -> DatabaseFacts:
    found = await connection.execute(
        text(
            """
            select cast(current_setting('server_version_num') as int) / 10000 as version,
                   pg_encoding_to_char(encoding) as encoding,
                   coalesce(datctype, '') as locale,
                   lower('Ж') = 'ж' as folds,
                   clock_timestamp() as clock,
                   (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
                   cast(current_setting('max_connections') as int) as connections_allowed
            from pg_database where datname = current_database()
            """
        )
    )
    facts = found.mappings().one()
    extensions = await connection.execute(text("select extname from pg_extension"))
    return DatabaseFacts(**facts, extensions=frozenset(extensions.scalars()))


async def backlog(connection: AsyncConnection, *, now: datetime) -> Backlog:
    found = await connection.execute(
        text(
            """
            select
                (select count(*) from delivery where state = 'queued' and next_attempt_at < :late) as late_replies,
                (select count(*) from delivery where state = 'unknown' and created_at > :recent) as unknown_replies,
                (select count(*) from delivery where state = 'failed' and created_at > :recent) as failed_replies,
                (select count(*) from outbox where position is null) as unpublished_facts,
                (select min(at) from outbox where position is null) as oldest_fact,
                (select count(*) from dead_letter where replayed_at is null and dropped_at is null) as dead_letters
            """
        ),
        {"late": now - timedelta(minutes=5), "recent": now - timedelta(days=1)},
    )
    return Backlog(**found.mappings().one())
