"""Notices that what reports are counted by has changed, however it was changed, and puts down whose rows are due.

    the company's zone         everybody; and what is counted by day without a contact, at once
    its currency, the look-back  everybody
    stages, their order and kinds  everybody with a lead in that pipeline; a stage that was only added changes nothing
    rates of a currency        everybody with a lead in it
    how they heard of us       everybody with a lead, when another field holds it

What was last counted by is kept under a setting, and compared. So no page, command or program that changes one of these
has to think of it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import recording
from storage.analytics import replies
from storage.analytics.reckoning import (
    due_in_currency,
    everybody_with_a_lead_is_due,
    everything_is_due,
    look_back_days,
    question_key,
    read_rules,
)
from storage.analytics.rules import Rules
from storage.company import company_currency, company_zone, put, setting

COUNTED_BY: Final = "reports_counted_by"

_STAGES = text("select id, pipeline_id, kind from stage order by pipeline_id, position, id")
_RATES = text(
    "select currency, sum(hashtextextended(day || ' ' || rate, 0)) as rates from currency_rate group by currency"
)
_NOBODY_ELSE = text("select pg_advisory_xact_lock(hashtextextended('rules of reckoning', 0))")
_DUE_IN = text("""
    insert into reckoning_due (contact_id, since)
    select distinct contact_id, cast(:now as timestamptz) from lead where pipeline_id = any(:pipelines) order by 1
    on conflict (contact_id) do update set since = excluded.since
""")


async def notice_changes(connection: AsyncConnection, *, time_zone: str, now: datetime) -> bool:
    """Whether there were any. `time_zone` is the installation's, for a company that has none."""
    if await _counted_by(connection, time_zone) == await setting(connection, COUNTED_BY):
        return False
    # Whoever still counts by the old ones is done first, and its rows are made anew after that.
    await connection.execute(_NOBODY_ELSE)
    wanted = await _counted_by(connection, time_zone)
    before: Mapping[str, Any] = await setting(connection, COUNTED_BY) or {}
    if wanted == before:
        return False
    await _put_down(connection, before, wanted, now=now)
    await put(connection, COUNTED_BY, wanted)
    return True


async def rules_now(connection: AsyncConnection, *, time_zone: str, now: datetime) -> Rules:
    """The rules as they are, and what they were has been made due: whoever counts by others than everybody else does, says so
    first. Else a zone that is set and set back between two looks would leave a day's rows by the wrong clock.
    """
    while True:
        rules = await read_rules(connection, time_zone=time_zone)
        if await setting(connection, COUNTED_BY) is None:
            return rules  # nothing has been counted that could be otherwise
        if not await notice_changes(connection, time_zone=time_zone, now=now):
            return rules


async def forget(connection: AsyncConnection) -> None:
    """Nothing has been counted: after history was brought in without facts. The worker finds everybody due."""
    await connection.execute(text("delete from setting where name = :name"), {"name": COUNTED_BY})


async def _put_down(
    connection: AsyncConnection,
    before: Mapping[str, Any],
    wanted: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    if before.get("zone") != wanted["zone"]:
        await replies.recount(connection, time_zone=wanted["zone"])
        if before:
            await recording.recount(connection, time_zone=wanted["zone"])
    if any(before.get(name) != wanted[name] for name in ("zone", "currency", "look_back")):
        await everything_is_due(connection, now=now)
        return
    if before.get("question") != wanted["question"]:
        await everybody_with_a_lead_is_due(connection, now=now)
    for currency in sorted(_differ(before.get("rates", {}), wanted["rates"])):
        await due_in_currency(connection, currency, now=now)
    pipelines = _turned(before.get("pipelines", {}), wanted["pipelines"])
    await connection.execute(_DUE_IN, {"pipelines": [UUID(each) for each in pipelines], "now": now})


def _differ(before: Mapping[str, str], wanted: Mapping[str, str]) -> set[str]:
    return {each for each in {*before, *wanted} if before.get(each) != wanted.get(each)}


def _turned(
    before: Mapping[str, Sequence[Sequence[str]]], wanted: Mapping[str, Sequence[Sequence[str]]]
) -> Collection[str]:
    """Pipelines of which a stage has gone, changed its kind or its place among the others."""
    turned = []
    for pipeline, stages in before.items():
        known = {stage for stage, _ in stages}
        now = [each for each in wanted.get(pipeline, ()) if each[0] in known]
        if list(stages) != now:
            turned.append(pipeline)
    return turned


async def _counted_by(connection: AsyncConnection, time_zone: str) -> dict[str, Any]:
    pipelines: dict[str, list[list[str]]] = {}
    for row in await connection.execute(_STAGES):
        pipelines.setdefault(str(row.pipeline_id), []).append([str(row.id), row.kind])
    return {
        "zone": await company_zone(connection, otherwise=time_zone),
        "currency": await company_currency(connection),
        "look_back": await look_back_days(connection),
        "rates": {row.currency: str(row.rates) for row in await connection.execute(_RATES)},
        "pipelines": pipelines,
        "question": await question_key(connection),
    }
