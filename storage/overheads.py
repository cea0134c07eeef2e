"""What acquiring customers costs beside advertising: salaries, tools. Full CAC counts them, spread over their days."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.tables import overhead

LONGEST_NAME: Final = 100
MOST: Final = 1000
MOST_AMOUNT: Final = 10**15
"""Minor units."""


class NoSuchOverhead(Exception):
    """There is no overhead of that id."""


class TooManyOverheads(Exception):
    """There are as many as there may be."""


async def add_overhead(
    connection: AsyncConnection,
    *,
    name: str,
    amount: int,
    currency: str,
    first_day: date,
    last_day: date,
    by: UUID | None,
    now: datetime,
) -> UUID:
    """Raises TooManyOverheads."""
    there = await connection.execute(text("select count(*) from overhead"))
    if there.scalar_one() >= MOST:
        raise TooManyOverheads(f"There are {MOST} already: take out what is over.")
    id_ = new_id()
    await connection.execute(
        insert(overhead).values(
            id=id_,
            name=name,
            amount=amount,
            currency=currency,
            first_day=first_day,
            last_day=last_day,
            by_user=by,
            created_at=now,
        )
    )
    return id_


async def change_overhead(
    connection: AsyncConnection,
    id_: UUID,
    *,
    name: str,
    amount: int,
    currency: str,
    first_day: date,
    last_day: date,
) -> None:
    """Raises NoSuchOverhead."""
    changed = await connection.execute(
        update(overhead)
        .where(overhead.c.id == id_)
        .values(name=name, amount=amount, currency=currency, first_day=first_day, last_day=last_day)
        .returning(overhead.c.id)
    )
    if changed.scalar() is None:
        raise NoSuchOverhead(str(id_))


async def delete_overhead(connection: AsyncConnection, id_: UUID) -> str:
    """Its name. Raises NoSuchOverhead."""
    gone = await connection.execute(
        delete(overhead).where(overhead.c.id == id_).returning(overhead.c.name)
    )
    name: str | None = gone.scalar()
    if name is None:
        raise NoSuchOverhead(str(id_))
    return name
