"""What figures need beside their sums: the margin, and the overheads of the period."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.figures import Terms
from storage.analytics.reckoning import LOOK_BACK
from storage.company import put, setting
from storage.exchange import read_rates, rounded

MARGIN: Final = "margin_percent"
"""Of the revenue, what remains when what was sold is paid for: 40 is 40 %."""

_OVERHEADS: Final = text("""
    select amount, currency, greatest(first_day, :first) as since, last_day - first_day + 1 as days,
        least(last_day, :last) - greatest(first_day, :first) + 1 as within
    from overhead where first_day <= :last and last_day >= :first
""")


async def read_terms(
    connection: AsyncConnection, *, first: date, last: date, currency: str
) -> Terms:
    return Terms(
        margin=await margin(connection),
        overheads=await _overheads(connection, first=first, last=last, currency=currency),
    )


async def _overheads(connection: AsyncConnection, *, first: date, last: date, currency: str) -> int:
    """Each is spread evenly over its days; one in another currency counts by the rate of its first day in the period,
    and without a rate not at all.
    """
    rows = (await connection.execute(_OVERHEADS, {"first": first, "last": last})).all()
    foreign = {row.currency for row in rows} - {currency}
    rates = await read_rates(connection, own=currency, only=foreign)
    parts = (
        rates.exactly(Fraction(row.amount * row.within, row.days), row.currency, row.since)
        for row in rows
    )
    return rounded(sum((part for part in parts if part is not None), Fraction(0)))


async def margin(connection: AsyncConnection) -> Fraction | None:
    """As a part of one; None: nobody has said."""
    said = await setting(connection, MARGIN)
    return Fraction(Decimal(str(said))) / 100 if said else None


async def set_margin(connection: AsyncConnection, percent: Decimal | None) -> None:
    await put(connection, MARGIN, str(percent) if percent is not None else None)


async def set_look_back(connection: AsyncConnection, days: int) -> None:
    """The recorder notices, and shares everything anew."""
    await put(connection, LOOK_BACK, days)
