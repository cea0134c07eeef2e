"""Which queries a page asks, and how PostgreSQL goes about them.

The inbox runs in this process for once, so that its statements can be overheard; each page's are then asked again in one
transaction, in their order (a search steers the planner as it goes), with EXPLAIN (ANALYZE, BUFFERS).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp
import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import Engine

from workers.compose import serve
from workers.foundation import Foundation
from workers.settings import Settings

LARGE: Final = 20_000
"""Rows in a table that is not to be read from one end to the other for a page."""
_READS: Final = ("select", "with")


class Asked(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def paths(self) -> Sequence[str]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    page: str
    statement: str
    milliseconds: float
    scans: tuple[str, ...]
    """Large tables that it reads sequentially."""
    plan: str

    def told(self) -> str:
        return f"== {self.page}\n{self.statement}\n{self.plan}\n"


async def explained(
    settings: Settings,
    pages: Sequence[Asked],
    *,
    sign_in: Callable[[aiohttp.ClientSession], Awaitable[None]],
) -> list[Explained]:
    """Of each page's first address."""
    found: list[Explained] = []

    async def ask(base: Foundation, stop: asyncio.Event) -> None:
        dsn = base.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        database = await asyncpg.connect(dsn)
        url = f"http://{settings.http}"
        try:
            large = await _large_tables(database)
            async with aiohttp.ClientSession(
                url, cookie_jar=aiohttp.CookieJar(unsafe=True)
            ) as browser:
                await sign_in(browser)
                for page in pages:
                    if page.paths:
                        with _overheard() as statements:
                            async with browser.get(page.paths[0], headers=page.headers) as answer:
                                await answer.read()
                        found.extend(await _explain(database, page.name, statements, large))
        finally:
            await database.close()
            stop.set()

    await serve(settings, ("inbox",), beside=ask)
    return found


Statements = list[tuple[str, tuple[Any, ...]]]


@contextmanager
def _overheard() -> Generator[Statements]:
    statements: Statements = []

    def note(_c: Any, _u: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, tuple(parameters or ())))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def _explain(
    database: asyncpg.Connection, page: str, statements: Statements, large: frozenset[str]
) -> list[Explained]:
    found = []
    transaction = database.transaction()
    await transaction.start()
    try:
        for statement, parameters in statements:
            if not statement.lstrip().lower().startswith(_READS):
                continue
            if "set_config" in statement:
                await database.fetch(statement, *parameters)
                continue
            rows = await database.fetch(
                f"explain (analyze, buffers, format json) {statement}", *parameters
            )
            told = json.loads(rows[0][0])[0]
            found.append(
                Explained(
                    page=page,
                    statement=statement,
                    milliseconds=told["Planning Time"] + told["Execution Time"],
                    scans=tuple(sorted(_scans(told["Plan"]) & large)),
                    plan=json.dumps(told, ensure_ascii=False, indent=1),
                )
            )
    finally:
        await transaction.rollback()
    return found


def _scans(node: dict[str, Any]) -> set[str]:
    """Tables read sequentially, of those parts of the plan that were carried out."""
    found = (
        {node["Relation Name"]}
        if node["Node Type"] == "Seq Scan" and node.get("Actual Loops", 1)
        else set()
    )
    return found.union(*(_scans(each) for each in node.get("Plans", ())))


async def _large_tables(database: asyncpg.Connection) -> frozenset[str]:
    rows = await database.fetch(
        "select relname from pg_class where relkind = 'r' and reltuples > $1", LARGE
    )
    return frozenset(row["relname"] for row in rows)
