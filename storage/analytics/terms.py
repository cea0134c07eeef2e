"""What figures need beside their sums: the margin, and the overheads of the period."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.figures import Terms
from storage.analytics.reckoning import LOOK_BACK
from storage.company import default_currency, put, read_company, setting

MARGIN: Final = "margin_percent"
"""Of the revenue, what remains when what was sold is paid for: 40 is 40 %."""

# An overhead is spread evenly over its days; one in another currency counts by the rate of its first day in the period,
# and without a rate not at all.
_OVERHEADS: Final = text("""
    select coalesce(sum(o.amount * days.within / days.whole * coalesce(r.rate, 1)), 0)
    from overhead o
    cross join lateral (select
        cast(least(o.last_day, :last) - greatest(o.first_day, :first) + 1 as numeric) as within,
        o.last_day - o.first_day + 1 as whole) days
    left join lateral (select rate from currency_rate c where c.currency = o.currency
        and c.day <= greatest(o.first_day, :first) order by c.day desc limit 1) r on o.currency <> :own
    where o.first_day <= :last and o.last_day >= :first and (o.currency = :own or r.rate is not null)
""")


async def company_currency(connection: AsyncConnection) -> str:
    """What all money in reports is in."""
    return (await read_company(connection)).currency or await default_currency(connection) or "RUB"


async def read_terms(
    connection: AsyncConnection, *, first: date, last: date, currency: str
) -> Terms:
    overheads = await connection.execute(
        _OVERHEADS, {"first": first, "last": last, "own": currency}
    )
    return Terms(margin=await margin(connection), overheads=round(overheads.scalar_one()))


async def margin(connection: AsyncConnection) -> Fraction | None:
    """As a part of one; None: nobody has said."""
    said = await setting(connection, MARGIN)
    return Fraction(Decimal(str(said))) / 100 if said else None


async def set_margin(connection: AsyncConnection, percent: Decimal | None) -> None:
    await put(connection, MARGIN, str(percent) if percent is not None else None)


async def set_look_back(connection: AsyncConnection, days: int) -> None:
    """The recorder notices, and shares everything anew."""
    await put(connection, LOOK_BACK, days)
