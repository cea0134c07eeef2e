"""What every report's page has around its figures: the question in the bar above, how it is changed, exported and kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.reports import periods
from inbox.reports.catalogue import REPORTS
from inbox.reports.look import Change, Look
from inbox.reports.naming import NOWHERE, days_words, hour_words, weekdays, without_medium
from inbox.reports.periods import Period
from inbox.reports.sheet import Column, Line, Sheet
from inbox.reports.sources import filters_in_words, grouping_words
from inbox.reports.spec import Spec
from inbox.reports.wish import CARDS, ReportWish, wish_of
from inbox.reports.words import BASES, COMPARED, GROUPINGS, MODELS
from inbox.visit import Visit
from storage.analytics.key_names import all_names, channels_known, unmapped_sources
from storage.analytics.terms import company_currency

PICKED: Final = ("source", "channel", "account", "manager", "pipeline")
"""Filters that are chosen from a list; the others are written, or come with a row that is opened."""


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


def asked(visit: Visit, spec: Spec, *, of_cards: bool = False) -> ReportWish:
    today = visit.formats.local_day(visit.now)
    return wish_of(spec, visit.request.query, today=today, of_cards=of_cards)


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
    _, spec = visit._, wish.spec
    return {
        "spec": spec,
        "wish": wish,
        "look": look,
        "reports": [each for each, _build in REPORTS.values()],
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
            for name in spec.groupings
        ],
        "chips": [
            Chip(
                name=_(GROUPINGS[name][1]),
                words=words,
                without=wish.free_of(name),
            )
            for name, words in await filters_in_words(connection, wish, look)
        ],
        "filters": {
            name: (_(GROUPINGS[name][1]), await _choices(look, connection, name))
            for name in spec.filters
            if name not in wish.only
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
    look: Look, connection: AsyncConnection, name: str
) -> Sequence[tuple[str, str]] | None:
    """(key, words); None for what is written by hand."""
    if name == "weekday":
        return [(str(day), words) for day, words in sorted(weekdays(look, "wide").items())]
    if name == "hour":
        return [(str(hour), hour_words(hour)) for hour in range(24)]
    if name not in PICKED:
        return None
    if name == "channel":
        channels = await channels_known(connection)
        return [(each, look.language.channel_words(each)) for each in channels]
    found = list((await all_names(connection, name)).items())
    if name == "source":
        unnamed = [(key, without_medium(key)) for key in await unmapped_sources(connection)]
        return [*found, *unnamed, (NOWHERE, look._("Unknown"))]
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
    only = dict(line.only)
    changes: dict[str, Any] = {}
    if "from" in only:
        days = Period(
            first=date.fromisoformat(only.pop("from")), last=date.fromisoformat(only.pop("to"))
        )
        changes = {"named": periods.OWN, "period": days}
    narrower = replace(wish, only=only, sort="", changes=False, opened=(), **changes)
    return narrower.address(path=CARDS, count=column.name, by=None, compare=None)


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
