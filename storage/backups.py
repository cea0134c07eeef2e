"""What a backup and a restore ask of the database, beside its dump."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBackup:
    at: datetime
    size: int


async def server_version(connection: AsyncConnection) -> int:
    """The major version."""
    found = await connection.execute(text("show server_version_num"))
    return int(found.scalar_one()) // 10_000


async def is_empty(connection: AsyncConnection) -> bool:
    """Nobody has put a table of ours there yet."""
    found = await connection.execute(text("select to_regclass('public.alembic_version') is null"))
    return bool(found.scalar_one())


async def others_connected(connection: AsyncConnection) -> tuple[str, ...]:
    """The names of whatever else works on this database, as it calls itself."""
    found = await connection.execute(
        text(
            """
            select distinct coalesce(nullif(application_name, ''), 'a client without a name')
            from pg_stat_activity
            where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
            order by 1
            """
        )
    )
    return tuple(found.scalars())


async def note_backup(connection: AsyncConnection, *, at: datetime, size: int) -> None:
    await connection.execute(
        text(
            """
            insert into setting (name, value)
            values ('last_backup', jsonb_build_object('at', cast(:at as timestamptz), 'size', cast(:size as bigint)))
            on conflict (name) do update set value = excluded.value
            """
        ),
        {"at": at, "size": size},
    )


async def last_backup(connection: AsyncConnection) -> LastBackup | None:
    found = await connection.execute(
        text(
            """
            select cast(value->>'at' as timestamptz) as at, cast(value->>'size' as bigint) as size
            from setting where name = 'last_backup'
            """
        )
    )
    row = found.mappings().first()
    return LastBackup(**row) if row else None
