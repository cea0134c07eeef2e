"""Numbers of call tracking: kept by people, lent to visits (`connectors.site_script`).

A number of a pool is somebody's for as long as their page is open, and some minutes longer; then the one that has rested
longest goes to the next, so that a late call still finds whom it was shown to. With none left the page keeps what it shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.asking import NotFound, Refused
from router.clean_text import clean_line
from router.ids import new_id
from router.message import SourceKeys
from router.tracks import PATIENCE
from storage.company import put, setting
from storage.engine import transaction
from storage.tables import call_number

HELD: Final = timedelta(minutes=5)
"""Without a sign of the page: it says every minute that it is there."""
KINDS: Final = ("static", "pool")
SITES: Final = "source_sites"
LONGEST_NAME: Final = 80
LONGEST_UTM: Final = 255
UTM: Final = ("source", "medium", "campaign", "content", "term")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRow:
    """`calls`: of the last 30 days."""

    id: UUID
    number: str
    name: str
    kind: str
    pool: str
    utm: Mapping[str, str]
    lent_until: datetime
    created_at: datetime
    archived_at: datetime | None
    calls: int = 0

    @property
    def origin(self) -> str:
        """Its words, as lists show them."""
        words = (self.utm.get(name, "") for name in ("source", "medium", "campaign"))
        return " / ".join(word for word in words if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    id: UUID
    number: str


_KEPT: Final = tuple(name for name in NumberRow.__dataclass_fields__ if name != "calls")


class KeptNumbers:
    """The port of `connectors.site_script`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def sites(self) -> str:
        async with self._engine.connect() as connection:
            return await source_sites(connection)

    async def lend(
        self, pool: str, *, lease: UUID | None, may_begin: bool, keys: SourceKeys, now: datetime
    ) -> Lent | None:
        """The number that `lease` has already, for longer; or another. None: none is free."""
        async with transaction(self._engine) as connection:
            kept = await self._prolonged(connection, lease, keys, now=now) if lease else None
            if kept is None and may_begin:
                return await self._lent(connection, pool, keys, now=now)
            return kept

    async def _prolonged(
        self, connection: AsyncConnection, lease: UUID, keys: SourceKeys, *, now: datetime
    ) -> Lent | None:
        """Also of one whose time is over, as long as nobody else has it. A new visit of the same browser is told of, too."""
        found = await connection.execute(
            text("""
                with held as (
                    update call_number set lent_until = :until
                    where lease_id = :lease and archived_at is null returning number)
                update number_lease set until = :until, keys = case when :told then :keys else keys end from held
                where number_lease.id = :lease returning number_lease.number
            """).bindparams(bindparam("keys", type_=JSONB)),
            {
                "lease": lease,
                "until": now + HELD,
                "told": bool(keys.earlier),
                "keys": msgspec.to_builtins(keys),
            },
        )
        number = found.scalar()
        return Lent(id=lease, number=number) if number is not None else None

    async def _lent(
        self, connection: AsyncConnection, pool: str, keys: SourceKeys, *, now: datetime
    ) -> Lent | None:
        made = new_id()
        found = await connection.execute(
            text("""
                with free as (
                    select id from call_number
                    where kind = 'pool' and pool = :pool and archived_at is null and lent_until <= :now
                    order by lent_until limit 1 for update skip locked),
                given as (
                    update call_number set lease_id = :lease, lent_until = :until
                    from free where call_number.id = free.id returning call_number.number)
                insert into number_lease (id, number, at, until, keys)
                select :lease, number, :now, :until, :keys from given returning number
            """).bindparams(bindparam("keys", type_=JSONB)),
            {
                "pool": pool,
                "now": now,
                "until": now + HELD,
                "lease": made,
                "keys": msgspec.to_builtins(keys),
            },
        )
        number = found.scalar()
        return Lent(id=made, number=number) if number is not None else None


async def source_sites(connection: AsyncConnection) -> str:
    """The sites of the script, as they were written; "": this server's own pages and localhost."""
    return str(await setting(connection, SITES) or "")


async def save_source_sites(connection: AsyncConnection, written: str) -> None:
    await put(connection, SITES, written)


async def list_numbers(
    connection: AsyncConnection, *, now: datetime, archived: bool = False
) -> list[NumberRow]:
    rows = await connection.execute(
        text(f"""
            select {", ".join(f"n.{name}" for name in _KEPT)}, coalesce(counted.calls, 0) as calls
            from call_number n left join (
                select '+' || regexp_replace(ours, '\\D', '', 'g') as number, count(*) as calls from call
                where direction = 'in' and started_at > :since group by 1) counted on counted.number = n.number
            where (n.archived_at is not null) = :archived order by n.kind desc, n.pool, n.created_at, n.id
        """),  # noqa: S608  # names of our own columns
        {"archived": archived, "since": now - timedelta(days=30)},
    )
    return [NumberRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping


async def add_number(
    connection: AsyncConnection,
    *,
    number: str,
    kind: str,
    name: str,
    pool: str,
    utm: Mapping[str, str],
    now: datetime,
) -> UUID:
    """`number` in E.164. Raises Refused."""
    made = new_id()
    added = await connection.execute(
        insert(call_number)
        .values(
            id=made,
            number=number,
            # Nobody can have seen it here before.
            lent_until=now - PATIENCE,
            created_at=now,
            kind=kind,
            **_values(kind, name, pool, utm),
        )
        .on_conflict_do_nothing(index_elements=["number"])
        .returning(call_number.c.id)
    )
    if added.scalar() is None:
        raise Refused("This number is in the list already; perhaps it was put away.")
    return made


async def change_number(
    connection: AsyncConnection, id_: UUID, *, name: str, pool: str, utm: Mapping[str, str]
) -> NumberRow:
    before = await _locked(connection, id_)
    await connection.execute(
        update(call_number)
        .where(call_number.c.id == id_)
        .values(**_values(before.kind, name, pool, utm))
    )
    return before


async def archive_number(
    connection: AsyncConnection, id_: UUID, *, archived: bool, now: datetime
) -> NumberRow:
    before = await _locked(connection, id_)
    await connection.execute(
        update(call_number)
        .where(call_number.c.id == id_)
        .values(archived_at=now if archived else None)
    )
    return before


async def _locked(connection: AsyncConnection, id_: UUID) -> NumberRow:
    found = await connection.execute(
        select(*(call_number.c[name] for name in _KEPT))
        .where(call_number.c.id == id_)
        .with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("There is no such number.")
    return NumberRow(**row._mapping)  # noqa: SLF001  # a Row's public mapping


def _values(kind: str, name: str, pool: str, utm: Mapping[str, str]) -> dict[str, Any]:
    if kind not in KINDS:
        raise Refused("A number is either lent to visits or printed somewhere.")
    kept = {
        each: value for each in UTM if (value := clean_line(utm.get(each, ""), limit=LONGEST_UTM))
    }
    if kind == "static" and "source" not in kept:
        raise Refused("Write the source that a call to this number comes from.")
    return {
        "name": clean_line(name, limit=LONGEST_NAME),
        "pool": clean_line(pool, limit=40) or "site",
        "utm": kept if kind == "static" else {},
    }
