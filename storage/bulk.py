"""Many rows, one statement, one JSON text: taken apart by PostgreSQL on the way in (`json_to_recordset`), by msgspec on
the way out, straight into records.

Records are encoded as they are, dataclasses or dictionaries; only the columns named are read. Measured for rows of 25
columns, against one array per column in and rows out: half to a third of the time in Python, and 3 µs a row more in
PostgreSQL; the Python process is what a router has only one of.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import LargeBinary, Table
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.driver import PARAMETER, Statement, ask, numbered

R = TypeVar("R")

_dialect = PGDialect()  # type: ignore[no-untyped-call]
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_json = msgspec.json.Encoder()


async def insert(
    connection: AsyncConnection,
    table: Table,
    columns: Sequence[str],
    records: Collection[Any],
    *,
    suffix: str = "",
) -> None:
    """Inserts `records`. `suffix` is SQL: "on conflict do nothing"."""
    if records:
        await ask(connection, _insert(table, tuple(columns), suffix), rows=as_json(records))


async def update(
    connection: AsyncConnection, table: Table, columns: Sequence[str], records: Collection[Any]
) -> None:
    """Updates the rows that have the records' ids; `columns` begins with "id"."""
    if records:
        await ask(connection, _update(table, tuple(columns)), rows=as_json(records))


@dataclass(frozen=True, slots=True)
class Step:
    """A statement and its rows, to be sent together with others."""

    statement: Statement
    rows: str


def inserting(
    table: Table, columns: Sequence[str], records: Collection[Any], *, suffix: str = ""
) -> Step | None:
    """`insert` as a step; None when there is nothing to insert."""
    return Step(_insert(table, tuple(columns), suffix), as_json(records)) if records else None


def updating(table: Table, columns: Sequence[str], records: Collection[Any]) -> Step | None:
    """`update` as a step."""
    return Step(_update(table, tuple(columns)), as_json(records)) if records else None


async def together(
    connection: AsyncConnection, steps: Iterable[Step | None], *, finally_: str = "1"
) -> None:
    """All the steps in one round trip, then `select` of `finally_`.

    They are one statement: none sees what another writes, and foreign keys are looked at when all are done. A process
    that waits for PostgreSQL a dozen times for each batch spends more on waking up than on the work.
    """
    wanted = [step for step in steps if step is not None]
    statement = _joined(tuple(step.statement for step in wanted), finally_)
    await ask(connection, statement, **{f"r{n}": step.rows for n, step in enumerate(wanted)})


@cache
def _joined(statements: tuple[Statement, ...], finally_: str) -> Statement:
    parts = [
        f"s{n} as ({each.sql.replace('$1', f'${n + 1}')})" for n, each in enumerate(statements)
    ]
    return Statement(
        (f"with {', '.join(parts)} " if parts else "") + f"select {finally_}",  # our own statements
        tuple(f"r{n}" for n in range(len(statements))),
    )


class Records(Generic[R]):
    """A query whose rows come as records of a kind: `await CONTACTS.read(connection, ids=…)`."""

    def __init__(self, kind: type[R], sql: str) -> None:
        self.sql = f"select cast(coalesce(json_agg(found), '[]') as text) from ({sql}) as found"  # noqa: S608  # our own queries
        self._statement = numbered(self.sql)
        self._decoder = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]  # a type is what it is given

    def asked(self, **values: Any) -> "Question[R]":
        """The query with its parameters, to be sent together with others."""
        return Question(self, values)

    async def read(self, connection: AsyncConnection, **values: Any) -> list[R]:
        ((found,),) = await ask(connection, self._statement, **values)
        return self.decode(found)

    def decode(self, found: str) -> list[R]:
        return self._decoder.decode(found)


class Question(Generic[R]):
    """A query on its way; `found` once it is answered."""

    def __init__(self, records: Records[R], values: dict[str, Any]) -> None:
        self.records = records
        self.values = values
        self.found: list[R] = []


async def answer(connection: AsyncConnection, *questions: Question[Any]) -> None:
    """Asks them all in one round trip, one after the other, and fills `found`.

    They are one statement and see one moment. Rows they lock come as they are once the lock is held; what is read
    without a lock, and changed by whoever held that lock, would come as it was before.
    """
    statement = _asked_together(tuple(question.records for question in questions))
    values = {
        f"q{n}_{name}": value
        for n, question in enumerate(questions)
        for name, value in question.values.items()
    }
    (answers,) = await ask(connection, statement, **values)
    for question, found in zip(questions, answers, strict=True):
        question.found = question.records.decode(found)


@cache
def _asked_together(records: tuple[Records[Any], ...]) -> Statement:
    apart = [PARAMETER.sub(rf":q{n}_\1", each.sql) for n, each in enumerate(records)]
    return numbered("select " + ", ".join(f"({sql})" for sql in apart))


def columns(pairs: Collection[tuple[Any, Any]], first: str, second: str) -> dict[str, list[Any]]:
    """Pairs as the two arrays that `unnest` puts together again."""
    return {first: [each[0] for each in pairs], second: [each[1] for each in pairs]}


def as_json(records: Collection[Any]) -> str:
    """The parameter `rows`. PostgreSQL has no NUL in text: where a platform's details hold one, it is left out."""
    encoded = _json.encode(records).decode()
    return _NUL.sub(r"\1", encoded) if "\\u0000" in encoded else encoded


async def copy(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """By COPY, the fastest way in: nothing is asked about conflicts."""
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    await driver.copy_records_to_table(table, records=rows, columns=columns)


@cache
def _insert(table: Table, columns: tuple[str, ...], suffix: str) -> Statement:
    return numbered(
        f"insert into {table.name} ({', '.join(columns)})"  # noqa: S608  # names of our own tables
        f" select {', '.join(_value(table, name) for name in columns)} from {given(table, columns)} {suffix}"
    )


@cache
def _update(table: Table, columns: tuple[str, ...]) -> Statement:
    changes = ", ".join(f"{name} = {_value(table, name)}" for name in columns if name != "id")
    return numbered(
        f"update {table.name} set {changes} from {given(table, columns)}"  # noqa: S608  # names of our own tables
        f" where {table.name}.id = given.id"
    )


def given(table: Table, columns: Sequence[str]) -> str:
    """The SQL of the rows that the parameter `rows` carries, named `given`."""
    typed = ", ".join(f"{name} {_type(table, name)}" for name in columns)
    return f"json_to_recordset(cast(cast(:rows as text) as json)) as given({typed})"


def _value(table: Table, name: str) -> str:
    # JSON has no bytes: msgspec writes them in Base64.
    return (
        f"decode(given.{name}, 'base64')"
        if isinstance(table.c[name].type, LargeBinary)
        else f"given.{name}"
    )


def _type(table: Table, name: str) -> str:
    column = table.c[name].type
    return "text" if isinstance(column, LargeBinary) else str(column.compile(dialect=_dialect))
