"""What every report's page has around its figures: the question in the bar above, how it is changed, exported and kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.rendering import channel_label
from inbox.reports import periods
from inbox.reports.catalogue import REPORTS
from inbox.reports.look import Change, Look
from inbox.reports.naming import NOWHERE, days_words, hour_words, weekdays
from inbox.reports.periods import Period
from inbox.reports.sheet import Column, Line, Sheet
from inbox.reports.sources import filters_in_words, grouping_words
from inbox.reports.spec import Spec
from inbox.reports.whose import Whose, whose
from inbox.reports.wish import CARDS, ReportWish, wish_of
from inbox.reports.words import BASES, COMPARED, GROUPINGS, MODELS
from inbox.rights import Right
from inbox.source_names import unnamed
from inbox.visit import Visit
from storage.analytics.key_names import all_names, channels_known, unmapped_sources
from storage.analytics.self_reported import self_reported_field
from storage.company import company_currency

_WRITTEN: Final = ("campaign", "content", "term", "landing", "number")
"""Filters that are written by hand; the others are chosen from a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A main figure, with what it is linked to."""

    column: Column
    words: str
    change: Change | None
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer to a question of the bar."""

    words: str
    about: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    name: str
    words: str
    without: str
    """"" when it stays: of whom the figures are."""


def whose_of(visit: Visit) -> Whose:
    return whose(visit.colleague.role, visit.sight)


def asked(visit: Visit, spec: Spec, *, of_cards: bool = False) -> ReportWish:
    """As far as this colleague may see it."""
    today = visit.formats.local_day(visit.now)
    wish = wish_of(spec, visit.request.query, today=today, of_cards=of_cards)
    return whose_of(visit).narrowed(wish)


def readable(visit: Visit) -> list[Spec]:
    """The reports that this colleague may open."""
    return [each for each, _build in REPORTS.values() if visit.may(right_of(each))]


def right_of(spec: Spec) -> Right:
    return Right.READ_FIGURES if spec.of_people else Right.READ_REPORTS


async def look_of(visit: Visit, connection: AsyncConnection) -> Look:
    return Look(
        language=visit.language,
        formats=visit.formats,
        currency=await company_currency(connection),
    )


async def bar(
    visit: Visit, connection: AsyncConnection, wish: ReportWish, look: Look
) -> dict[str, Any]:
    """What the bar offers, in words and addresses."""
    _, spec, theirs = visit._, wish.spec, whose_of(visit)
    return {
        "spec": spec,
        "wish": wish,
        "look": look,
        "reports": readable(visit),
        "days": days_words(look, wish.period),
        "days_before": days_words(look, wish.before) if wish.before else "",
        "periods": [
            Option(
                words=_(words),
                about=days_words(look, of(visit.formats.local_day(visit.now))),
                href=wish.address(period=name if name != periods.USUAL else None),
                chosen=wish.named == name,
            )
            for name, (words, of) in periods.NAMED.items()
        ],
        "compared": [
            Option(
                words=_(words),
                about="",
                href=wish.address(compare=None if name == "previous" else name),
                chosen=wish.compared == name,
            )
            for name, words in COMPARED.items()
        ],
        "models": _options(visit, wish, "model", MODELS, chosen=wish.model) if spec.models else [],
        "bases": _options(visit, wish, "basis", BASES, chosen=wish.basis) if spec.bases else [],
        "groupings": [
            Option(
                words=grouping_words(look, spec, name),
                about="",
                href=wish.address(by=name if name != spec.groupings[0] else None),
                chosen=wish.by == name,
            )
            for name in theirs.choices(spec, spec.groupings)
        ],
        "chips": [
            Chip(
                name=_(GROUPINGS[name][1]),
                words=words,
                without="" if theirs.sets(spec, name) else wish.free_of(name),
            )
            for name, words in await filters_in_words(connection, wish, look)
        ],
        "filters": {
            name: (_(GROUPINGS[name][1]), await _choices(visit, connection, look, name))
            for name in theirs.choices(spec, spec.filters)
            if name not in wish.only or (name == "team" and len(theirs.teams) > 1)
        },
    }


def _options(
    visit: Visit,
    wish: ReportWish,
    what: str,
    known: Mapping[str, tuple[str, str]],
    *,
    chosen: str,
) -> list[Option]:
    first = next(iter(known))
    return [
        Option(
            words=visit._(words),
            about=visit._(about),
            href=wish.with_(what, None if name == first else name),
            chosen=name == chosen,
        )
        for name, (words, about) in known.items()
    ]


async def _choices(
    visit: Visit, connection: AsyncConnection, look: Look, name: str
) -> Sequence[tuple[str, str]] | None:
    """(key, words); None for what is written by hand."""
    match name:
        case "weekday":
            return [(str(day), words) for day, words in sorted(weekdays(look, "wide").items())]
        case "hour":
            return [(str(hour), hour_words(hour)) for hour in range(24)]
        case "channel":
            kinds = await channels_known(connection)
            return [(each, channel_label(visit.language, each)) for each in kinds]
        case "said":
            asked = await self_reported_field(connection)
            return [(each, each) for each in (asked.choices if asked is not None else ())]
        case _ if name in _WRITTEN:
            return None
    found = list((await all_names(connection, name)).items())
    if name == "source":
        keys = await unmapped_sources(connection)
        found += [(each, unnamed(visit.language, each)) for each in keys]
        found.append((NOWHERE, visit._("Unknown")))
    if name == "team" and (teams := whose_of(visit).teams):
        found = [each for each in found if UUID(each[0]) in teams]
    return found


def tiles(sheet: Sheet, look: Look, names: Sequence[str], cards: Any) -> list[Tile]:
    """Of the total. `cards(line, column)` is the address of the cards behind a figure, "" when there are none."""
    total = sheet.total
    if total is None:
        return []
    found = [column for name in names if (column := sheet.column(name)) is not None]
    return [
        Tile(
            column=column,
            words=look.say(total.values.get(column.name), column),
            change=look.change(
                total.values.get(column.name), total.before.get(column.name), column
            ),
            href=cards(total, column),
        )
        for column in found
    ]


def cards_address(wish: ReportWish, line: Line, column: Column) -> str:
    """Where the cards behind this number are; "" when there are none."""
    value = line.values.get(column.name)
    if not column.counted or line.only is None or not value:
        return ""
    only = {**line.only, **column.only}
    changes: dict[str, Any] = {}
    if "from" in only:
        days = Period(
            first=date.fromisoformat(only.pop("from")), last=date.fromisoformat(only.pop("to"))
        )
        changes = {"named": periods.OWN, "period": days}
    narrower = replace(wish, only=only, sort="", changes=False, opened=(), **changes)
    return narrower.address(path=CARDS, count=column.cards or column.name, by=None, compare=None)


def download(body: bytes, *, name: str, kind: str) -> web.Response:
    types = {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
    return web.Response(
        body=body,
        headers={
            "Content-Type": types[kind],
            "Content-Disposition": f'attachment; filename="{name}.{kind}"',
        },
    )
