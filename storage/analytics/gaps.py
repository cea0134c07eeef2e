"""What a report of some days does not hold, so that nobody takes it for all there is."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.rollups import Basis

COUNTED_TO: Final = 10_000
"""More contacts that are due than this are not counted on: "more than" says enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """`sales_without_rate`: won leads in a currency that has no rate, so that their money is missing; `spend_without_rate`: days
    of spend of the same kind; `unmapped`: origins of leads that no rule names; `due`: contacts whose figures are being made anew.
    """

    sales_without_rate: int = 0
    spend_without_rate: int = 0
    unmapped: int = 0
    due: int = 0


async def gaps(connection: AsyncConnection, *, first: date, last: date, basis: Basis) -> Gaps:
    day = "created_on" if basis == "cohort" else "closed_on"
    found = await connection.execute(
        text(
            f"""
            select (select count(distinct subject_id) from fact_credit
                    where {day} between :first and :last and status = 'won' and money is null) as sales_without_rate,
                   (select count(*) from spend where day between :first and :last and counted is null)
                    as spend_without_rate,
                   (select count(distinct r.origin_id) from rollup_origin r join origin o on o.id = r.origin_id
                    where r.model = 0 and r.day between :first and :last and r.leads <> 0 and o.source_id is null and (o.source, o.medium) <> ('', '')) as unmapped,
                   (select count(*) from (select from reckoning_due limit {COUNTED_TO}) waiting) as due
            """  # noqa: S608  # our own names
        ),
        {"first": first, "last": last},
    )
    return Gaps(**found.mappings().one())


async def is_untouched(connection: AsyncConnection) -> bool:
    """Whether there is nothing to report of yet: no lead, no inquiry, no spend."""
    found = await connection.execute(
        text("select not exists (select from fact_credit) and not exists (select from spend)")
    )
    return bool(found.scalar_one())
