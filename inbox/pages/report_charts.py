"""The charts over a report's table: what they show of it, with their numbers in words."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Final, cast

from babel.dates import format_date
from babel.numbers import format_compact_decimal, get_currency_precision
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox import charts
from inbox.charts import Chart, ChartRow, HeatCell, Series
from inbox.reports.look import DASH, Look
from inbox.reports.naming import days_words, hour_words, time_words, weekdays
from inbox.reports.periods import Period
from inbox.reports.sales import sales_wish
from inbox.reports.sheet import Column, Line, Sheet
from inbox.reports.sources import column_of, storage_wish
from inbox.reports.wish import ReportWish
from router.attribution_models import WHOLE
from storage.analytics import calls as calls_, summary as summary_
from storage.analytics.calls import CallsWish, calls
from storage.analytics.source_report import Grouping, source_report
from storage.analytics.summary import SummaryWish, summary

MOST_BARS: Final = 8
_DAYS_TO: Final = 62
_WEEKS_TO: Final = 370

Cards = Callable[[Line, Column], str]


async def charts_of(
    connection: AsyncConnection, wish: ReportWish, look: Look, sheet: Sheet, cards: Cards
) -> list[Chart]:
    match wish.spec.name:
        case "sources":
            return await _of_sources(connection, wish, look, sheet, cards)
        case "summary":
            return await _of_summary(connection, wish, look, sheet)
        case "funnel":
            return _of_funnel(wish, look, sheet, cards)
        case "managers":
            return [_of_managers(look, sheet, cards)] if sheet.lines else []
        case _:
            return await _of_calls(connection, wish, look, cards)


async def _of_sources(
    connection: AsyncConnection, wish: ReportWish, look: Look, sheet: Sheet, cards: Cards
) -> list[Chart]:
    found = [_bars(wish, look, sheet, cards)]
    trend = await _trend(connection, wish, look)
    return [each for each in (*found, trend, _funnel(look, sheet, cards)) if each is not None]


def _bars(wish: ReportWish, look: Look, sheet: Sheet, cards: Cards) -> Chart | None:
    """The first rows: leads, how many of them were qualified, how many were won."""
    _ = look._
    of = [column for name in ("leads", "qualified", "won") if (column := sheet.column(name))]
    shown = [line for line in sheet.lines if line.values.get("leads")][:MOST_BARS]
    if not shown or len(of) < 3:
        return None
    parts = [[float(line.values.get(column.name) or 0) for line in shown] for column in of]
    # On the cohort basis each is a part of the one before; by event date they are of different leads.
    stacked = wish.basis == "cohort"
    names = [_("leads"), _("qualified"), _("became customers")]
    if stacked:
        names[1] = _("of them qualified")
        _all, qualified, won = parts
        parts = [
            won,
            [max(0.0, two - three) for two, three in zip(qualified, won, strict=True)],
            [max(0.0, one - max(two, three)) for one, two, three in zip(*parts, strict=True)],
        ]
    looks = ("k3", "k2", "k1") if stacked else ("k1", "k2", "k3")
    return Chart(
        kind="bars",
        id="chart-bars",
        title=_("{what}: leads and sales").format(what=sheet.heading),
        legend=list(zip(("k1", "k2", "k3"), names, strict=True)),
        svg=charts.bars(
            [
                Series(name=kind, values=values, look=kind)
                for kind, values in zip(looks, parts, strict=True)
            ],
            stacked=stacked,
            name=sheet.heading,
            about=", ".join(names),
            labels=[line.name for line in shown],
        ),
        rows=[
            ChartRow(
                name=line.name,
                numbers=[look.say(line.values.get(column.name), column) for column in of],
                href=cards(line, of[0]),
            )
            for line in shown
        ],
    )


async def _trend(connection: AsyncConnection, wish: ReportWish, look: Look) -> Chart | None:
    """Leads by day, week or month, beside those of the time before."""
    _ = look._
    by = step_of(wish.period)
    if wish.period.days < 2:
        return None
    now = await _leads_by(connection, wish, by)
    if len(now) < 2:
        return None
    earlier = wish.at_the_time_before()
    before = await _leads_by(connection, earlier, by) if earlier is not None else []
    title = {"day": _("Leads by day"), "week": _("Leads by week"), "month": _("Leads by month")}[by]
    return trend(
        look, title, by, wish, [value for _day, value in now], [value for _day, value in before],
        [day for day, _value in now],
    )  # fmt: skip


def trend(  # noqa: PLR0917  # what a line is made of
    look: Look,
    title: str,
    by: str,
    wish: ReportWish,
    now: Sequence[float],
    before: Sequence[float],
    days: Sequence[date],
    *,
    column: Column | None = None,
    id_: str = "trend",
) -> Chart:
    """A line of now, and one of before under it."""
    _ = look._
    names = [days_words(look, wish.period)]
    series = [Series(name=names[0], values=now, look="now")]
    if before and wish.before is not None:
        names.append(days_words(look, wish.before))
        aligned = [*before[: len(now)], *[None] * (len(now) - len(before))]
        series.insert(0, Series(name=names[1], values=aligned, look="was"))
    called = [time_words(look, by, day) for day in days]
    return Chart(
        kind="line",
        id=f"chart-{id_}",
        title=title,
        legend=list(zip(("now", "was"), names, strict=False)),
        svg=charts.lines(
            series,
            [_short(look, by, day) for day in days],
            name=title,
            about=_("A line of {days}; the table beside it has the numbers.").format(
                days=", ".join(names)
            ),
            said=lambda value: _point(look, value, column),
            short=lambda value: _on_axis(look, value, column),
        ),
        headings=[{"day": _("Day"), "week": _("Week"), "month": _("Month")}[by], *names],
        rows=[
            ChartRow(
                name=name,
                numbers=[
                    _point(look, series_of.values[place], column) for series_of in reversed(series)
                ],
            )
            for place, name in enumerate(called)
        ],
    )


def _funnel(look: Look, sheet: Sheet, cards: Cards) -> Chart | None:
    """From the first word to the sale, of all rows together."""
    if sheet.total is None:
        return None
    steps = [
        (column, value)
        for name in ("inquiries", "leads", "qualified", "won")
        if (column := sheet.column(name)) and (value := sheet.total.values.get(name)) is not None
    ]
    highest = max((value for _column, value in steps), default=0)
    if not highest:
        return None
    title = look._("Funnel")
    rows, previous = [], None
    for column, value in steps:
        share = look.said(value / previous, "percent") if previous else ""
        rows.append(
            ChartRow(
                name=column.label,
                numbers=[look.say(value, column), *([share] if share else [])],
                href=cards(sheet.total, column),
            )
        )
        previous = value
    return Chart(
        kind="bars",
        id="chart-funnel",
        title=title,
        svg=charts.bars(
            [
                Series(name=title, values=[float(value) for _c, value in steps], look="fg"),
                Series(name="", values=[float(highest - value) for _c, value in steps], look="bg"),
            ],
            stacked=True,
            name=title,
            about=look._("How many reach each step, and which part of the step before."),
            labels=[column.label for column, _value in steps],
        ),
        rows=rows,
    )


def step_of(period: Period) -> str:
    return "day" if period.days <= _DAYS_TO else "week" if period.days <= _WEEKS_TO else "month"


async def _leads_by(
    connection: AsyncConnection, wish: ReportWish, by: str
) -> list[tuple[date, float]]:
    """Every day, week or month of the period, those without a lead too."""
    report = await source_report(connection, storage_wish(wish, wish.only, cast("Grouping", by)))
    found = {row.key: row.sums.leads / WHOLE for row in report.rows}
    return [(day, found.get(day.isoformat(), 0.0)) for day in begins(wish.period, by)]


def begins(period: Period, by: str) -> list[date]:
    """The first day of each day, week or month."""
    day = period.first
    if by == "week":
        day -= timedelta(days=day.weekday())
    elif by == "month":
        day = day.replace(day=1)
    found = []
    while day <= period.last:
        found.append(day)
        day = (
            (day + timedelta(days=32)).replace(day=1)
            if by == "month"
            else day + timedelta(days=7 if by == "week" else 1)
        )
    return found


def _short(look: Look, by: str, day: date) -> str:
    pattern = "LLL yy" if by == "month" else "d.MM" if look.language.code == "ru" else "d MMM"
    return format_date(day, pattern, locale=look.language.locale)


def _on_axis(look: Look, value: float, column: Column | None) -> str:
    """12, 1.5K, 20M"""
    if column is not None and column.kind == "money":
        value /= 10 ** get_currency_precision(look.currency)
    return str(format_compact_decimal(value, locale=look.language.locale, fraction_digits=1))


def _point(look: Look, value: float | None, column: Column | None) -> str:
    if value is None:
        return DASH
    exact = Fraction(value).limit_denominator(WHOLE)
    return look.say(exact, column) if column is not None else look.number(exact, 1)


async def _of_summary(
    connection: AsyncConnection, wish: ReportWish, look: Look, sheet: Sheet
) -> list[Chart]:
    """New leads and revenue over the period, beside the time before."""
    if len(sheet.lines) < 2:
        return []
    earlier = wish.at_the_time_before()
    series = (
        (await summary(connection, cast("SummaryWish", sales_wish(earlier)))).series
        if earlier is not None
        else []
    )
    days = [date.fromisoformat(line.key) for line in sheet.lines]
    found = []
    for name in ("leads", "revenue"):
        column, figure = sheet.column(name), summary_.BY_NAME[name]
        if column is None:
            continue
        now = [float(line.values.get(name) or 0) for line in sheet.lines]
        before = [float(figure.value(point.sums) or 0) for point in series]
        found.append(
            trend(look, column.label, wish.by, wish, now, before, days, column=column, id_=name)
        )
    return found


def _of_funnel(wish: ReportWish, look: Look, sheet: Sheet, cards: Cards) -> list[Chart]:
    """The stages from above downwards, each as a part of the first."""
    column, share = sheet.column("reached"), sheet.column("conversion")
    if wish.by != "stage" or column is None or share is None or not sheet.lines:
        return []
    reached = [float(line.values.get("reached") or 0) for line in sheet.lines]
    highest = max(reached)
    if not highest:
        return []
    return [
        Chart(
            kind="bars",
            id="chart-funnel",
            title=sheet.title,
            svg=charts.bars(
                [
                    Series(name=sheet.title, values=reached, look="fg"),
                    Series(name="", values=[highest - each for each in reached], look="bg"),
                ],
                stacked=True,
                name=sheet.title,
                about=look._("How many reach each step, and which part of the step before."),
                labels=[line.name for line in sheet.lines],
            ),
            rows=[
                ChartRow(
                    name=line.name,
                    numbers=[
                        look.say(line.values.get("reached"), column),
                        look.say(line.values.get("conversion"), share),
                    ],
                    href=cards(line, column),
                )
                for line in sheet.lines
            ],
        )
    ]


def _of_managers(look: Look, sheet: Sheet, cards: Cards) -> Chart:
    """Who sold for how much."""
    column = sheet.column("revenue")
    shown = sheet.lines[:MOST_BARS]
    if column is None:
        raise AssertionError("the managers' report has revenue")
    return Chart(
        kind="bars",
        id="chart-revenue",
        title=column.label,
        svg=charts.bars(
            [
                Series(
                    name=column.label,
                    values=[float(line.values.get("revenue") or 0) for line in shown],
                    look="fg",
                )
            ],
            stacked=True,
            name=column.label,
            about=column.formula,
            labels=[line.name for line in shown],
        ),
        rows=[
            ChartRow(
                name=line.name,
                numbers=[look.say(line.values.get("revenue"), column)],
                href=cards(line, column),
            )
            for line in shown
        ],
    )


async def _of_calls(
    connection: AsyncConnection, wish: ReportWish, look: Look, cards: Cards
) -> list[Chart]:
    """The hours of the week: how many calls came in, and how many of them were missed."""
    _ = look._
    found = await calls(connection, cast("CallsWish", sales_wish(wish)))
    if not found.cells:
        return []
    sums = {(cell.weekday, cell.hour): cell.sums for cell in found.cells}
    hours = range(
        min(7, *(hour for _day, hour in sums)), max(20, *(hour for _day, hour in sums)) + 1
    )
    made = []
    for name, title in (
        ("incoming", _("Calls in, by hour")),
        ("missed", _("Missed calls, by hour")),
    ):
        column = column_of(calls_.BY_NAME[name], look, counted=calls_.BY_NAME[name].counted)
        highest = max((getattr(each, name) for each in sums.values()), default=0)
        if not highest:
            continue
        rows = []
        for weekday, day_name in sorted(weekdays(look, "abbreviated").items()):
            cells = []
            for hour in hours:
                of = sums.get((weekday, hour))
                number = getattr(of, name) if of is not None else 0
                line = Line(
                    name=day_name,
                    values={name: Fraction(number)},
                    only={**wish.only, "weekday": str(weekday), "hour": str(hour)},
                )
                cells.append(
                    HeatCell(
                        words=str(number) if number else "",
                        about=f"{day_name}, {hour_words(hour)}: {number}",
                        shade=charts.shade(number, highest),
                        href=cards(line, column),
                    )
                )
            rows.append((day_name, cells))
        made.append(
            Chart(
                kind="heat",
                id=f"chart-{name}",
                title=title,
                headings=[str(hour) for hour in hours],
                heat=rows,
            )
        )
    return made
