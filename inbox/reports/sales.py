"""The reports of sales as sheets: summary, funnel, managers, calls. What they count is in `storage.analytics`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, TypedDict, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.reports.look import Look
from inbox.reports.naming import TIMES, names, of_time, time_words
from inbox.reports.sheet import Better, Column, Line, Sheet, Values
from inbox.reports.sources import column_of, in_words
from inbox.reports.wish import ReportWish
from inbox.reports.words import GROUPINGS
from inbox.source_colours import source_colour
from storage.analytics import (
    calls as calls_,
    funnel as funnel_,
    managers as managers_,
    summary as summary_,
)
from storage.analytics.calls import CallsWish, calls
from storage.analytics.funnel import FunnelWish, Group, funnel
from storage.analytics.managers import ManagersWish, managers
from storage.analytics.measures import Measure
from storage.analytics.rules import NOBODY
from storage.analytics.spans import Step
from storage.analytics.summary import SummaryWish, summary
from storage.analytics.wishes import Wish

_BY_STAGE: Final = "stage"


class _Narrowed(TypedDict):
    """What every wish of a sales report takes."""

    manager: UUID | None
    source: str
    pipeline: UUID | None
    account: UUID | None
    channel: str | None
    team: UUID | None


def _narrowed(only: Mapping[str, str]) -> _Narrowed:
    def id_of(name: str) -> UUID | None:
        return UUID(only[name]) if name in only else None

    return {
        "manager": id_of("manager"),
        "source": only.get("source", ""),
        "pipeline": id_of("pipeline"),
        "account": id_of("account"),
        "channel": only.get("channel"),
        "team": id_of("team"),
    }


def sales_wish(wish: ReportWish) -> Wish:
    """As storage is asked, by whichever of the four reports it is of."""
    first, last, only = wish.period.first, wish.period.last, wish.only
    narrowed = _narrowed(only)
    match wish.spec.name:
        case "summary":
            return SummaryWish(first=first, last=last, by=cast("Step", wish.by), **narrowed)
        case "funnel":
            by = "" if wish.by == _BY_STAGE else wish.by
            return FunnelWish(first=first, last=last, by=cast("funnel_.Grouping", by), **narrowed)
        case "managers":
            rank = wish.sort.removeprefix("-")
            return ManagersWish(
                first=first,
                last=last,
                rank=rank if rank in managers_.BY_NAME else "revenue",
                **narrowed,
            )
        case _:
            return CallsWish(
                first=first,
                last=last,
                by=cast("calls_.Grouping", wish.by),
                number=only.get("number", ""),
                weekday=int(only["weekday"]) if "weekday" in only else None,
                hour=int(only["hour"]) if "hour" in only else None,
                **narrowed,
            )


def figures_of(report: str) -> Sequence[Measure[Any]]:
    known: dict[str, Sequence[Measure[Any]]] = {
        "summary": summary_.FIGURES,
        "funnel": funnel_.FIGURES,
        "managers": managers_.FIGURES,
        "calls": calls_.FIGURES,
    }
    return known[report]


def _values(measures: Sequence[Measure[Any]], of: Any) -> Values:
    return {each.name: each.value(of) for each in measures}


def _columns(measures: Sequence[Measure[Any]], look: Look) -> list[Column]:
    return [column_of(each, look, counted=each.counted) for each in measures]


async def _sheet(
    connection: AsyncConnection,
    wish: ReportWish,
    look: Look,
    *,
    lines: Sequence[Line],
    total: Line | None,
    columns: Sequence[Column],
    usual: Sequence[str] = (),
    hints: Sequence[str] = (),
) -> Sheet:
    sheet = Sheet(
        title=look._(wish.spec.label),
        heading=look._(GROUPINGS[wish.by][1]),
        columns=columns,
        lines=lines,
        total=total,
        asked=await in_words(connection, wish, look),
        hints=hints,
        currency=look.currency,
        usual=usual,
    )
    return sheet.in_order(wish.sort)


async def summary_sheet(connection: AsyncConnection, wish: ReportWish, look: Look) -> Sheet:
    now = await summary(connection, cast("SummaryWish", sales_wish(wish)))
    before: Values = {}
    if wish.compared == "previous":
        before = _values(summary_.FIGURES, now.before)
    elif (earlier := wish.at_the_time_before()) is not None:
        then = await summary(connection, cast("SummaryWish", sales_wish(earlier)))
        before = _values(summary_.FIGURES, then.total)
    lines = []
    for point in now.series:
        key = point.day.isoformat()
        days = of_time(wish.by, key, wish.period)
        lines.append(
            Line(
                name=time_words(look, wish.by, point.day),
                key=key,
                path=(key,),
                values=_values(summary_.FIGURES, point.sums),
                only={
                    **wish.only, "from": days.first.isoformat(), "to": days.last.isoformat(),
                },
            )
        )  # fmt: skip
    total = Line(
        name=look._("Total"),
        values=_values(summary_.FIGURES, now.total),
        before=before,
        only=dict(wish.only),
    )
    return await _sheet(
        connection,
        wish,
        look,
        lines=lines,
        total=total,
        columns=_columns(summary_.FIGURES, look),
        usual=[each.name for each in summary_.FIGURES if not each.name.startswith("open")],
    )


async def funnel_sheet(connection: AsyncConnection, wish: ReportWish, look: Look) -> Sheet:
    asked = cast("FunnelWish", sales_wish(wish))
    now = await funnel(connection, asked)
    earlier = wish.at_the_time_before()
    then = (
        await funnel(connection, cast("FunnelWish", sales_wish(earlier)))
        if earlier is not None
        else None
    )
    hints = []
    if now.wish.pipeline is not None and "pipeline" not in wish.only:
        hints.append(
            look._(
                "A funnel is of one pipeline, here “{name}”; a condition chooses another."
            ).format(name=now.pipeline_name)
        )
    if wish.by != _BY_STAGE:
        return await _by_group(connection, wish, look, now, then, hints=hints)
    stages_then = {each.id: each for each in then.stages} if then is not None else {}
    lines = [
        Line(
            name=stage.name,
            key=str(stage.id),
            path=(str(stage.id),),
            values=_values(funnel_.FIGURES, stage),
            before=_values(funnel_.FIGURES, stages_then[stage.id])
            if stage.id in stages_then
            else {},
            only={**wish.only, "pipeline": str(now.wish.pipeline), "stage": str(stage.id)},
        )
        for stage in now.stages
    ]
    return await _sheet(
        connection,
        wish,
        look,
        lines=lines,
        total=None,
        columns=_columns(funnel_.FIGURES, look),
        hints=hints,
    )


def _funnel_totals(look: Look) -> list[Column]:
    """Of a group's leads: all, those won, those lost. `counted` as the cards know them."""
    _ = look._
    return [
        Column(
            name=name, label=label, formula=formula, kind="count", better=cast("Better", better), additive=True,
            counted=name,
        )
        for name, label, formula, better in (
            ("leads", _("Leads"), _("lead cards created in the period"), "more"),
            ("won", _("Leads won"), _("leads that became a sale"), "more"),
            ("all_lost", _("Leads lost"), _("leads closed without a sale"), "less"),
        )
    ]  # fmt: skip


def counted_column(report: str, look: Look, name: str) -> Column | None:
    """What the cards behind a number of this report are asked for by; None when it has none."""
    measure = next((each for each in figures_of(report) if each.name == name), None)
    if measure is not None and measure.counted:
        return column_of(measure, look, counted=measure.counted)
    if report == "funnel":
        return next((each for each in _funnel_totals(look) if each.name == name), None)
    return None


async def _by_group(
    connection: AsyncConnection,
    wish: ReportWish,
    look: Look,
    now: funnel_.Funnel,
    then: funnel_.Funnel | None,
    *,
    hints: Sequence[str],
) -> Sheet:
    """Each group's own way through the stages."""
    _ = look._

    columns = [
        *_funnel_totals(look)[:1],
        *(
            Column(
                name=f"stage{place}",
                label=stage.name,
                formula=_("of them, how many came into this stage or a later one"),
                kind="count",
                better="more",
                additive=True,
                counted="reached",
                cards="reached",
                only={"stage": str(stage.id)},
            )
            for place, stage in enumerate(now.stages)
        ),
        *_funnel_totals(look)[1:],
        Column(
            name="conversion",
            label=_("Conversion"),
            formula=_("won ÷ leads"),
            kind="percent",
            better="more",
            counted="won",
            cards="won",
        ),
    ]

    def values(group: Group | funnel_.Funnel, reached: Sequence[int]) -> Values:
        return {
            "leads": Fraction(group.leads),
            **{f"stage{place}": Fraction(each) for place, each in enumerate(reached)},
            "won": Fraction(group.won),
            "all_lost": Fraction(group.lost),
            "conversion": Fraction(group.won, group.leads) if group.leads else None,
        }

    earlier = {each.key: each for each in then.groups} if then is not None else {}
    called = await names(connection, look, wish.by, [each.key for each in now.groups])
    lines = []
    for group in now.groups:
        name = called(group.key, own=group.name)
        state = called.state(group.key, own=group.name)
        lines.append(
            Line(
                name=name,
                key=group.key,
                path=(group.key,),
                only={**wish.only, "pipeline": str(now.wish.pipeline), wish.by: group.key},
                values=values(group, group.reached),
                before=(
                    values(earlier[group.key], earlier[group.key].reached)
                    if group.key in earlier
                    else {}
                ),
                state=state,
                colour=source_colour(name) if wish.by == "source" and state != "unknown" else "",
            )
        )
    total = Line(
        name=_("Total"),
        only={**wish.only, "pipeline": str(now.wish.pipeline)},
        values=values(now, [each.reached for each in now.stages]),
        before=values(then, [each.reached for each in then.stages]) if then is not None else {},
    )
    return await _sheet(
        connection, wish, look, lines=lines, total=total, columns=columns, hints=hints
    )


_USUAL_OF_MANAGERS: Final = (
    "place", "assigned", "answered", "first_median", "messages", "calls_out", "tasks_done", "tasks_late",
    "won", "revenue", "calls_plan", "offers_plan",
)  # fmt: skip


async def managers_sheet(connection: AsyncConnection, wish: ReportWish, look: Look) -> Sheet:
    asked = cast("ManagersWish", sales_wish(wish))
    zone, moment = look.formats.zone, look.formats.now
    now = await managers(connection, asked, zone=zone, now=moment)
    earlier = wish.at_the_time_before()
    then = (
        await managers(connection, cast("ManagersWish", sales_wish(earlier)), zone=zone, now=moment)
        if earlier is not None
        else None
    )
    works = {row.manager_id: row.work for row in then.rows} if then is not None else {}
    figures = managers_.FIGURES
    ranked = column_of(managers_.BY_NAME[now.wish.rank], look, counted="")
    place = Column(
        name="place",
        label=look._("Rank"),
        formula=look._("by {figure}").format(figure=ranked.label),
        kind="count",
    )
    lines = [
        Line(
            name=row.name,
            key=str(row.manager_id),
            path=(str(row.manager_id),),
            values={
                **_values(figures, row.work),
                "place": Fraction(row.place) if row.place is not None else None,
            },
            before=_values(figures, works[row.manager_id]) if row.manager_id in works else {},
            only={**wish.only, "manager": str(row.manager_id)},
        )
        for row in now.rows
    ]
    total = Line(
        name=look._("Total"),
        values=_values(figures, now.total),
        before=_values(figures, then.total) if then is not None else {},
        only=dict(wish.only),
    )
    sheet = await _sheet(
        connection,
        wish,
        look,
        lines=lines,
        total=total,
        # Who is alone is first among nobody.
        columns=[*([] if "manager" in wish.only else [place]), *_columns(figures, look)],
        usual=_USUAL_OF_MANAGERS,
    )
    return sheet if wish.sort else replace(sheet, lines=list(lines))


async def calls_sheet(connection: AsyncConnection, wish: ReportWish, look: Look) -> Sheet:
    now = await calls(connection, cast("CallsWish", sales_wish(wish)))
    earlier = wish.at_the_time_before()
    then = (
        await calls(connection, cast("CallsWish", sales_wish(earlier)))
        if earlier is not None
        else None
    )
    rows_then = (
        {row.key: row.sums for row in then.rows}
        if then is not None and wish.by not in TIMES
        else {}
    )
    called = await names(connection, look, wish.by, [row.key for row in now.rows if not row.name])
    lines = []
    for row in now.rows:
        only: dict[str, str] | None = {**wish.only, wish.by: row.key}
        if wish.by in TIMES:
            days = of_time(wish.by, row.key, wish.period)
            only = {
                **wish.only, "from": days.first.isoformat(), "to": days.last.isoformat(),
            }  # fmt: skip
        elif not row.key:
            # Nobody's: as storage knows nobody.
            only = {**wish.only, wish.by: str(NOBODY)} if wish.by == "manager" else None
        lines.append(
            Line(
                name=called(row.key, own=row.name),
                key=row.key,
                path=(row.key,),
                values=_values(calls_.FIGURES, row.sums),
                before=_values(calls_.FIGURES, rows_then[row.key]) if row.key in rows_then else {},
                only=only,
            )
        )
    total = Line(
        name=look._("Total"),
        values=_values(calls_.FIGURES, now.total),
        before=_values(calls_.FIGURES, then.total) if then is not None else {},
        only=dict(wish.only),
    )
    return await _sheet(
        connection, wish, look, lines=lines, total=total, columns=_columns(calls_.FIGURES, look)
    )
