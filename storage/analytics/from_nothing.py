"""Everything that reports read, made anew from what happened, where nobody else writes meanwhile: after seeding, in a bench.

Beside a running installation `rebuilding` does the same contact by contact, and reports stay right.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import bulk, tables
from storage.analytics import rollups, ways
from storage.analytics.deriving import derive, with_origins
from storage.analytics.loading import load_histories
from storage.analytics.rebuilding import recount_month
from storage.analytics.rules import Rules
from storage.engine import transaction
from storage.origins import Triple
from storage.sources import origin_ids

TOGETHER: Final = 2000
"""Contacts of one transaction."""
_NEXT = text(
    "select id from contact where id > cast(:after as uuid) and merged_into is null order by id limit :limit"
)
_TABLES: Final = (tables.fact_credit, tables.fact_stage, tables.fact_lead, tables.fact_call)
_SUMS: Final = (*rollups.DIMENSIONS, *ways.TABLES)


async def rebuild(engine: AsyncEngine, rules: Rules, *, now: datetime) -> AsyncGenerator[int]:
    """Yields how many contacts are done; when the last is, the sums are counted."""
    async with transaction(engine) as connection:
        await connection.execute(
            text(f"truncate {', '.join((*(each.name for each in _TABLES), *_SUMS))}, reckoning_due")
        )
    known: dict[Triple, int] = {}
    after, done = UUID(int=0), 0
    while True:
        async with transaction(engine) as connection:
            await connection.execute(text("set local statement_timeout = 0"))
            found = await connection.execute(_NEXT, {"after": after, "limit": TOGETHER})
            contacts = list(found.scalars())
            if not contacts:
                break
            await _write(connection, contacts, rules, known, now=now)
        after, done = contacts[-1], done + len(contacts)
        yield done
    async with engine.connect() as connection:
        months = await rollups.months(connection)
    for month in months:
        async with transaction(engine) as connection:
            await connection.execute(text("set local work_mem = '256MB'"))
            await recount_month(connection, month)
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(text("set statement_timeout = 0"))
        # The planner knows nothing of tables that were empty a moment ago, and index-only scans look into the table, until
        # autovacuum has been there.
        for table in (*(each.name for each in _TABLES), *_SUMS, "origin"):
            await alone.execute(text(f"vacuum analyze {table}"))
        await alone.execute(text("reset statement_timeout"))


async def _write(
    connection: AsyncConnection,
    contacts: list[UUID],
    rules: Rules,
    known: dict[Triple, int],
    *,
    now: datetime,
) -> None:
    histories = await load_histories(connection, contacts, question=rules.question)
    derived = derive(histories, rules)
    if unknown := {row["origin"] for row in derived.credited} - known.keys():
        known |= await origin_ids(connection, unknown, now=now)
    rows_of = (
        with_origins(derived.credited, known),
        with_origins(derived.stays, known),
        with_origins(derived.leads, known),
        derived.calls,
    )
    for table, rows in zip(_TABLES, rows_of, strict=True):
        columns = [column.name for column in table.c]
        values = ([row[name] for name in columns] for row in rows)
        await bulk.copy(connection, table.name, columns, values)
