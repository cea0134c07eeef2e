"""What each manager is to do on a working day, and in which stages a lead has had an offer: what reports compare with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound, Refused
from storage.company import put, setting

OFFER_STAGES: Final = "offer_stages"
MOST: Final = 1000
"""A day; more is a slip of the finger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A day. 0: nothing is planned."""

    calls: int = 0
    offers: int = 0


async def read_plans(connection: AsyncConnection) -> dict[UUID, Plan]:
    """By colleague; who is missing has none."""
    rows = await connection.execute(text("select user_id, calls, offers from activity_plan"))
    return {row.user_id: Plan(calls=row.calls, offers=row.offers) for row in rows}


async def save_plan(connection: AsyncConnection, user: UUID, plan: Plan) -> Plan:
    """What it was before. Raises Refused, NotFound."""
    if not (0 <= plan.calls <= MOST and 0 <= plan.offers <= MOST):
        raise Refused(f"A plan is a number from 0 to {MOST} a day.")
    before = (await read_plans(connection)).get(user, Plan())
    done = await connection.execute(
        text("""
            insert into activity_plan (user_id, calls, offers) select id, :calls, :offers from user_account where id = :user
            on conflict (user_id) do update set calls = excluded.calls, offers = excluded.offers
        """),
        {"user": user, "calls": plan.calls, "offers": plan.offers},
    )
    if not done.rowcount:
        raise NotFound("There is no such colleague.")
    return before


async def offer_stages(connection: AsyncConnection) -> list[UUID]:
    """Those that are still there."""
    chosen = await setting(connection, OFFER_STAGES) or []
    found = await connection.execute(
        text("select id from stage where id = any(cast(:ids as uuid[])) order by position, id"),
        {"ids": chosen},
    )
    return [row.id for row in found]


async def choose_offer_stages(connection: AsyncConnection, stages: Iterable[UUID]) -> None:
    """Entering one of them is an offer made. Raises NotFound when one is not there or is one of lost leads."""
    wanted = sorted(set(stages))
    found = await connection.execute(
        text("select count(*) from stage where id = any(:ids) and kind <> 'lost'"), {"ids": wanted}
    )
    if found.scalar_one() != len(wanted):
        raise NotFound("There is no such stage.")
    await put(connection, OFFER_STAGES, [str(each) for each in wanted])
