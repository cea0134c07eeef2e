"""`allo bench reports`: the source report and what hangs on it, at a small size and a large one; how the cost grows.

    people, touches, leads, inquiries, spend of three years, made up ─▶ what reports read, made from them ─▶ each report,
    many times, for a month, a year and all three

The floor is a query that reads nothing. Growth is the large size's time as a multiple of the small one's.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from statistics import quantiles
from typing import Final
from zoneinfo import ZoneInfo

import click
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.analytics import drill_down, rollups, ways
from storage.analytics.calls import CallsWish, calls
from storage.analytics.from_nothing import rebuild
from storage.analytics.funnel import FunnelWish, funnel
from storage.analytics.managers import ManagersWish, managers
from storage.analytics.reckoning import read_rules
from storage.analytics.source_report import Wish, source_report
from storage.analytics.summary import SummaryWish, summary
from storage.seeding.years import make_up_spend, make_up_years
from workers.bench import stage
from workers.clock import utc_now
from workers.settings import load_settings

REPORT_MS: Final = 500.0
SALES_MS: Final = 800.0
CARDS_MS: Final = 150.0
"""What was promised, at the 95th percentile, with the large size."""
WARM_UP: Final = 3

Ask = Callable[[AsyncConnection], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    name: str
    ask: Ask
    most: float


@click.command()
@click.option("--leads", default=1_000_000, show_default=True, type=click.IntRange(1000))
@click.option(
    "--small",
    default=10_000,
    show_default=True,
    type=click.IntRange(0),
    help="0: only the large size.",
)
@click.option("--times", default=40, show_default=True, help="How often each report is asked for.")
def bench(*, leads: int, small: int, times: int) -> None:
    """Time of reports with a large history, and how it grows."""
    uvloop.run(_measure([size for size in (small, leads) if size], times=times))


async def _measure(sizes: Sequence[int], *, times: int) -> None:
    found: list[dict[str, float]] = []
    async with stage.server(load_settings()) as server:
        for size in sizes:
            async with stage.database(server) as engine:
                await _fill(engine, size)
                found.append(await _time(engine, times=times))
    if len(found) > 1:
        click.echo(
            f"\nGrowth from {sizes[0]:,} to {sizes[1]:,} leads ({sizes[1] // sizes[0]} times as many)"
        )
        for name, milliseconds in found[1].items():
            click.echo(f"  {name:<52} {milliseconds / max(found[0][name], 0.01):6.1f} times")


async def _fill(engine: AsyncEngine, size: int) -> None:
    now = utc_now()
    began = time.perf_counter()
    leads = await make_up_years(engine, leads=size, now=now)
    made = time.perf_counter()
    async with engine.connect() as connection:
        rules = await read_rules(connection, time_zone="Europe/Moscow")
    async for _ in rebuild(engine, rules, now=now):
        pass
    rebuilt = time.perf_counter()
    spent = await make_up_spend(engine, now=now)
    click.echo(f"\n{leads:,} leads; {spent:,} rows of spend; {await _counts(engine, _MADE_UP)}")
    click.echo(f"  reckoned: {await _counts(engine, _RECKONED)}")
    click.echo(f"  made up in {made - began:.0f} s, reckoned in {rebuilt - made:.0f} s")


_MADE_UP: Final = ("touch", "lead_event", "inquiry", "response", "assignment", "call", "task")
_RECKONED: Final = ("fact_credit", "fact_stage", *rollups.DIMENSIONS, *ways.TABLES)


async def _counts(engine: AsyncEngine, those: Sequence[str]) -> str:
    async with engine.connect() as connection:
        counts = [
            (await connection.execute(text(f"select count(*) from {table}"))).scalar_one()  # noqa: S608  # ours
            for table in those
        ]
    return ", ".join(f"{table} {n:,}" for table, n in zip(those, counts, strict=True))


async def _time(engine: AsyncEngine, *, times: int) -> dict[str, float]:
    """Median by name; printed with the 95th percentile."""
    asked = await _questions(engine)
    medians: dict[str, float] = {}
    click.echo(f"  {'milliseconds':<52} {'median':>8} {'p95':>8} {'promise':>8}")
    for each in asked:
        taken: list[float] = []
        for n in range(times + WARM_UP):
            async with engine.connect() as connection:
                began = time.perf_counter()
                await each.ask(connection)
                if n >= WARM_UP:
                    taken.append((time.perf_counter() - began) * 1000)
        cuts = quantiles(taken, n=100, method="inclusive")
        medians[each.name] = cuts[49]
        late = "  above" if cuts[94] > each.most else ""
        click.echo(f"  {each.name:<52} {cuts[49]:>8.1f} {cuts[94]:>8.1f} {each.most:>8.0f}{late}")
    return medians


async def _questions(engine: AsyncEngine) -> list[Asked]:
    today = utc_now().date()
    spans = {
        "a month": (today - timedelta(days=29), today),
        "a year": (today - timedelta(days=364), today),
        "three years": (today - timedelta(days=3 * 365), today),
    }
    async with engine.connect() as connection:
        first = (await source_report(connection, Wish(first=spans["a year"][0], last=today))).rows[
            0
        ]
        manager = (
            await connection.execute(text("select id from user_account where name = 'Manager 3'"))
        ).scalar_one()
    zone = ZoneInfo("Europe/Moscow")
    asked = [Asked(name="the floor: a query that reads nothing", ask=_nothing, most=REPORT_MS)]
    for span, (since, until) in spans.items():
        wish = Wish(first=since, last=until)
        asked += [
            _report(f"{span}, by source", wish),
            _report(f"{span}, by source, linear", replace(wish, model="linear")),
            _report(f"{span}, by source, event dates", replace(wish, basis="event")),
            _report(f"{span}, campaigns of a source", replace(wish, by="campaign", only={"source": first.key})),
            _report(f"{span}, by manager", replace(wish, by="manager")),
            _report(f"{span}, by source, of a manager", replace(wish, only={"manager": str(manager)})),
            _report(f"{span}, terms of a campaign", replace(wish, by="term", only={"source": first.key, "campaign": "campaign-3"})),
            _report(f"{span}, by landing page", replace(wish, by="landing")),
            _report(f"{span}, landing pages of a source", replace(wish, by="landing", only={"source": first.key})),
            _report(f"{span}, by {'day' if span == 'a month' else 'month'}", replace(wish, by="day" if span == "a month" else "month")),
            _cards(f"{span}, cards: leads of a source", replace(wish, only={"source": first.key}), "leads"),
            _cards(f"{span}, cards: won leads of a source, linear", replace(wish, model="linear", only={"source": first.key}), "won"),
            _sales(f"{span}, summary", partial(summary, wish=SummaryWish(first=since, last=until, by="month"))),
            _sales(f"{span}, funnel", partial(funnel, wish=FunnelWish(first=since, last=until))),
            _sales(f"{span}, funnel, by source", partial(funnel, wish=FunnelWish(first=since, last=until, by="source"))),
            _sales(f"{span}, funnel, of a manager", partial(funnel, wish=FunnelWish(first=since, last=until, manager=manager))),
            _sales(f"{span}, managers", partial(managers, wish=ManagersWish(first=since, last=until), zone=zone, now=utc_now())),
            _sales(f"{span}, calls", partial(calls, wish=CallsWish(first=since, last=until))),
        ]  # fmt: skip
    return asked


def _sales(name: str, ask: Ask) -> Asked:
    return Asked(name=name, ask=ask, most=SALES_MS)


async def _nothing(connection: AsyncConnection) -> object:
    return (await connection.execute(text("select 1"))).scalar_one()


def _report(name: str, wish: Wish) -> Asked:
    async def ask(connection: AsyncConnection) -> object:
        return await source_report(connection, wish)

    return Asked(name=name, ask=ask, most=REPORT_MS)


def _cards(name: str, wish: Wish, counted: drill_down.Counted) -> Asked:
    async def ask(connection: AsyncConnection) -> object:
        return await drill_down.cards(connection, wish, counted)

    return Asked(name=name, ask=ask, most=CARDS_MS)
