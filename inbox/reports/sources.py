"""The source report as a sheet: sources, in them campaigns, in these ads or phrases; or rows of anything else it knows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.reports.look import Look
from inbox.reports.naming import TIMES, Names, days_words, names, of_time
from inbox.reports.sheet import Column, Line, Sheet, Values
from inbox.reports.spec import SOURCES, Spec
from inbox.reports.wish import ReportWish
from inbox.reports.words import BASES, CLEARER, GROUPINGS, MODELS
from inbox.source_colours import source_colour
from storage.analytics.drill_down import COUNTED
from storage.analytics.figures import FIGURES, FULL_CAC, Sums, Terms, values
from storage.analytics.gaps import gaps
from storage.analytics.source_report import (
    REST,
    UNSHARED,
    Grouping,
    Report,
    Row,
    Wish,
    source_report,
)
from storage.analytics.terms import read_terms

USUAL: Final = (
    "leads", "qualified", "qualified_share", "new_customers", "revenue", "spend", "cpl", "cac", "romi",
)  # fmt: skip
INSIDE: Final[Mapping[str, tuple[Grouping, ...]]] = {
    "source": ("source", "campaign", "content"),
    "source_term": ("source", "campaign", "term"),
    "campaign": ("campaign", "content"),
}
"""What a row of a grouping has in it, from level to level; one without an entry has nothing in it."""
_WITHOUT_SPEND: Final = frozenset({"channel", "account", "manager", "pipeline", "landing", "said"})


def storage_wish(wish: ReportWish, only: Mapping[str, str], by: Grouping) -> Wish:
    return Wish(
        first=wish.period.first,
        last=wish.period.last,
        by=by,
        basis=wish.basis,
        model=wish.model,
        only=only,
    )


def levels(by: str) -> tuple[Grouping, ...]:
    return INSIDE.get(by) or (cast("Grouping", by),)


class _Maker:
    """One sheet in the making. The same rows of the time before are asked for beside those of now."""

    def __init__(
        self, connection: AsyncConnection, wish: ReportWish, look: Look, terms: Terms
    ) -> None:
        self.connection, self.wish, self.look, self.terms = connection, wish, look, terms
        self.earlier = wish.at_the_time_before()
        self.levels = levels(wish.by)

    async def report(self, only: Mapping[str, str], level: int) -> tuple[Report, Report | None]:
        by = self.levels[level]
        now = await source_report(self.connection, storage_wish(self.wish, only, by))
        if self.earlier is None:
            return now, None
        return now, await source_report(self.connection, storage_wish(self.earlier, only, by))

    async def lines(self, path: tuple[str, ...]) -> Sequence[Line]:
        only = dict(self.wish.only)
        only.update(zip(self.levels, path, strict=False))
        now, before = await self.report(only, len(path))
        return await self.lines_of(now, before, only, path)

    async def lines_of(
        self,
        now: Report,
        before: Report | None,
        only: Mapping[str, str],
        path: tuple[str, ...],
    ) -> Sequence[Line]:
        by = now.wish.by
        called = await names(
            self.connection, self.look, by, [row.key for row in now.rows if not row.name]
        )
        # Days are of one time only: the third of November is no more the fourth of October than the fifth.
        earlier = (
            {row.key: row.sums for row in before.rows}
            if before is not None and by not in TIMES
            else None
        )
        told = _spend_is_told(now)
        return [
            await self.line(
                row,
                called,
                earlier.get(row.key, now.wish.nothing) if earlier is not None else None,
                only,
                (*path, row.key),
                told=told or row.key in _own_spend(by),
            )
            for row in now.rows
        ]

    async def line(
        self,
        row: Row,
        called: Names,
        before: Sums | None,
        only: Mapping[str, str],
        path: tuple[str, ...],
        *,
        told: bool,
    ) -> Line:
        """`told`: whether its spend is known; a 0 that nobody knows of is none."""
        by = self.levels[len(path) - 1]
        state = called.state(row.key, own=row.name)
        narrower: Mapping[str, str] | None = None
        if state not in {"unshared", "rest"}:
            narrower = {**only, **self._narrower(by, row.key)}
        opens = len(path) < len(self.levels) and narrower is not None and state != "unknown"
        is_open = opens and path in self.wish.opened
        name = called(row.key, own=row.name)
        return Line(
            name=name,
            key=row.key,
            path=path,
            values=self.figures(row.sums, told=told),
            before=self.figures(before, told=told) if before is not None else {},
            only=narrower,
            state=state,
            colour=source_colour(name) if by == "source" and state != "unknown" else "",
            inside=(await self.lines(path) if is_open else ()) if opens else None,
            is_open=is_open,
        )

    def _narrower(self, by: str, key: str) -> Mapping[str, str]:
        if by not in TIMES:
            return {by: key}
        days = of_time(by, key, self.wish.period)
        return {"from": days.first.isoformat(), "to": days.last.isoformat()}

    def figures(self, sums: Sums, *, told: bool = True) -> Values:
        return values(sums if told else replace(sums, spend=None), self.terms)


def _own_spend(by: str) -> frozenset[str]:
    """The rows that have theirs where the others have none: of ads, also what was spent on none that has a name."""
    return frozenset({UNSHARED, REST} if by in _WITHOUT_SPEND else {UNSHARED, REST, ""})


def _spend_is_told(report: Report) -> bool:
    """Whether the rows have their own spend: channels never have, and ads only where the spend names ads."""
    if report.wish.by in _WITHOUT_SPEND:
        return False
    if report.wish.by in {"content", "term"}:
        spent = {row.key for row in report.rows if row.sums.spend}
        return spent != {""}
    return True


async def build(connection: AsyncConnection, wish: ReportWish, look: Look) -> Sheet:
    _ = look._
    period = wish.period
    terms = await read_terms(
        connection, first=period.first, last=period.last, currency=look.currency
    )
    maker = _Maker(connection, wish, look, terms)
    now, before = await maker.report(wish.only, 0)
    lines = await maker.lines_of(now, before, wish.only, ())
    total = Line(
        name=_("Total"),
        values={**maker.figures(now.total), "full_cac": FULL_CAC.value(now.total, terms)},
        before=maker.figures(before.total) if before is not None else {},
        only=dict(wish.only),
    )
    sheet = Sheet(
        title=_(SOURCES.label),
        heading=_(GROUPINGS[wish.by][1]),
        columns=[
            column_of(
                figure,
                look,
                counted=figure.name if figure.name in COUNTED else "",
                formula=figure.formula_on(wish.basis),
            )
            for figure in (*FIGURES, *([FULL_CAC] if terms.overheads else []))
            if figure.name != "romi_margin" or terms.margin is not None
        ],
        lines=lines,
        total=total,
        asked=await in_words(connection, wish, look),
        notes=await _notes(connection, wish, look),
        hints=_hints(wish, look, terms, lines),
        currency=look.currency,
        usual=USUAL,
    )
    return sheet.in_order(wish.sort)


def column_of(figure: Any, look: Look, *, counted: str, formula: str = "") -> Column:
    """Of a figure of the source report, or of a measure of those of sales."""
    return Column(
        name=figure.name,
        label=look._(CLEARER.get(figure.label, figure.label)),
        formula=look._(formula or figure.formula),
        kind=figure.kind,
        better=figure.better,
        additive=getattr(figure, "additive", "÷" not in figure.formula),
        counted=counted,
    )


async def in_words(
    connection: AsyncConnection, wish: ReportWish, look: Look
) -> list[tuple[str, str]]:
    """The question, for whoever has only the answer before them."""
    _ = look._
    said = [(_("Period"), days_words(look, wish.period))]
    if wish.before is not None:
        said.append((_("Compared with"), days_words(look, wish.before)))
    if wish.spec.bases:
        said.append((_("Basis"), f"{_(BASES[wish.basis][0])}. {_(BASES[wish.basis][1])}"))
    if wish.spec.models:
        said.append((_("Model"), f"{_(MODELS[wish.model][0])}. {_(MODELS[wish.model][1])}"))
    if wish.by and len(wish.spec.groupings) > 1:
        said.append((_("Grouped by"), grouping_words(look, wish.spec, wish.by)))
    for name, words in await filters_in_words(connection, wish, look):
        said.append((_(GROUPINGS[name][1]), words))
    said += [
        (_("Currency"), look.currency),
        (_("As of"), look.formats.moment(look.formats.now)),
    ]
    return said


def grouping_words(look: Look, spec: Spec, by: str) -> str:
    """Only in the source report does a source open to what is in it."""
    return look._(GROUPINGS[by][0 if spec is SOURCES else 1])


async def filters_in_words(
    connection: AsyncConnection, wish: ReportWish, look: Look
) -> list[tuple[str, str]]:
    """(name, what it is narrowed to)."""
    return [
        (name, (await names(connection, look, name, [key]))(key)) for name, key in wish.only.items()
    ]


async def _notes(connection: AsyncConnection, wish: ReportWish, look: Look) -> list[str]:
    language = look.language
    missing = await gaps(
        connection, first=wish.period.first, last=wish.period.last, basis=wish.basis
    )
    _, notes = look._, []
    if missing.sales_without_rate:
        notes.append(
            language.n(
                "{n} sale is in a currency without a rate: its money is not in the sums.",
                "{n} sales are in a currency without a rate: their money is not in the sums.",
                missing.sales_without_rate,
            ).format(n=missing.sales_without_rate)
        )
    if missing.spend_without_rate:
        notes.append(_("Some spend is in a currency without a rate and is not in the sums."))
    if missing.due:
        notes.append(
            _("Figures are being counted anew after a change of the settings: they may still move.")
        )
    return notes


def _hints(wish: ReportWish, look: Look, terms: Terms, lines: Sequence[Line]) -> list[str]:
    _, hints = look._, []
    if _WITHOUT_SPEND & wish.only.keys():
        hints.append(
            _(
                "Spend is known by source, campaign, ad and phrase: narrowed like this it cannot be told."
            )
        )
    elif any(line.key == UNSHARED for line in lines):
        hints.append(
            _(
                "Spend is known by source, campaign, ad and phrase: grouped like this it has a row of its own."
            )
        )
    if terms.overheads:
        hints.append(
            _("Full CAC counts overheads of {amount} in this period.").format(
                amount=look.formats.money(terms.overheads, look.currency)
            )
        )
    return hints
