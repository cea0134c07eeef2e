"""The cards behind a number of a report, a page at a time: those of them that whoever asks may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.pages.report_shell import asked, bar, look_of
from inbox.reports.look import Look
from inbox.reports.sales import counted_column, sales_wish
from inbox.reports.sheet import Column
from inbox.reports.sources import column_of, levels, storage_wish
from inbox.reports.spec import SOURCES, Spec
from inbox.reports.wish import CARDS, ReportWish
from inbox.rights import Right
from inbox.visit import Handler, Visit
from router.attribution_models import WHOLE
from storage.analytics import drill_down
from storage.analytics.drill_down import Card
from storage.analytics.figures import BY_NAME
from storage.analytics.sales_cards import SalesCard, sales_cards
from storage.reading.paging import BadCursor, Page
from storage.reading.sight import seen

MOST_LOOKED_THROUGH: Final = 10
"""Pages looked through for a colleague who sees few of them; then they go on by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A card in words. `href` is "" for what this colleague's role does not open."""

    title: str
    href: str
    money: str
    below: Sequence[str]
    when: str


def cards_of_report(spec: Spec) -> Handler:
    async def cards(visit: Visit) -> web.Response:
        wish = asked(visit, spec, of_cards=True)
        if wish.unclear:
            raise web.HTTPNotFound
        query = visit.request.query
        async with visit.around.engine.connect() as connection:
            look = await look_of(visit, connection)
            if "count" not in query:
                return visit.back(wish.address())
            column = _column(spec, look, query["count"])
            if column is None:
                raise web.HTTPNotFound
            shown = await bar(visit, connection, wish, look)
            try:
                items, more = await _cards(
                    visit, connection, wish, column, cursor=query.get("cursor", "")
                )
            except (BadCursor, ValueError) as error:
                raise web.HTTPNotFound from error
        part = "cursor" in query and visit.wants_fragment
        template = "parts/report_cards.html" if part else "report_cards.html"
        if visit.wants_fragment and not part:
            template = "parts/report_cards_sheet.html"
        return visit.page(
            template,
            **shown,
            cards=[_shown(visit, look, each) for each in items],
            next_cursor=more,
            column=column,
            here=wish.address(path=CARDS, count=column.name),
        )

    return cards


def _column(spec: Spec, look: Look, name: str) -> Column | None:
    if spec is SOURCES:
        counted = next((each for each in drill_down.COUNTED if each == name), None)
        return column_of(BY_NAME[counted], look, counted=counted) if counted else None
    return counted_column(spec.name, look, name)


async def _cards(
    visit: Visit, connection: AsyncConnection, wish: ReportWish, column: Column, *, cursor: str
) -> tuple[Sequence[Any], str | None]:
    if wish.spec is SOURCES:
        counted = next(each for each in drill_down.COUNTED if each == column.counted)
        page = await drill_down.cards(
            connection,
            storage_wish(wish, wish.only, levels(wish.by)[0]),
            counted,
            cursor=cursor,
            sight=visit.sight,
        )
        return page.items, page.next_cursor
    found: list[SalesCard] = []
    for _turn in range(MOST_LOOKED_THROUGH):
        part = await _sales_page(visit, connection, wish, column, cursor)
        found += await _in_sight(visit, connection, part.items)
        if part.next_cursor is None:
            return found, None
        cursor = part.next_cursor
        if visit.sight.whole or len(found) >= len(part.items):
            break
    return found, cursor


async def _sales_page(
    visit: Visit, connection: AsyncConnection, wish: ReportWish, column: Column, cursor: str
) -> Page[SalesCard]:
    stage = wish.only.get("stage")
    return await sales_cards(
        connection,
        sales_wish(wish),
        column.counted,
        zone=visit.formats.zone,
        now=visit.now,
        stage=UUID(stage) if stage else None,
        cursor=cursor,
    )


async def _in_sight(
    visit: Visit, connection: AsyncConnection, cards: Sequence[SalesCard]
) -> Sequence[SalesCard]:
    """A card is in sight with its person."""
    if visit.sight.whole:
        return cards
    people = {card.contact_id for card in cards if card.contact_id is not None}
    there = await seen(connection, visit.sight, "contact", people)
    return [card for card in cards if card.contact_id in there]


def _shown(visit: Visit, look: Look, card: Card | SalesCard) -> Shown:
    _, reads = visit._, visit.sight.reads
    person = card.contact_name or _("No name")
    title, href = person, ""
    match card.kind:
        case "lead":
            own = card.title if reads else ""
            title = own or _("Lead {number}").format(number=card.number)
            href = f"/leads/{card.id}"
        case "task" if reads:
            title = card.title or _("Task")
            href = f"/tasks/{card.id}" if visit.may(Right.ANSWER) else ""
    if not href and card.conversation_id and visit.may(Right.READ_MESSAGES):
        href = f"/conversations/{card.conversation_id}"
    below = [_kind(visit, card.kind)] if title == person else [person]
    below += [each for each in (card.stage, card.manager_name) if each]
    if isinstance(card, SalesCard):
        if card.seconds is not None and (card.seconds or card.kind != "call"):
            below.append(look.span(Fraction(card.seconds)))
        when: date = visit.formats.local_day(card.at)
    else:
        when = card.day
        if card.weight != WHOLE:
            share = look.said(Fraction(card.weight, WHOLE), "percent")
            below.append(_("share: {share}").format(share=share))
    return Shown(
        title=title,
        href=href,
        money=look.formats.money(card.money, look.currency) if card.money is not None else "",
        below=below,
        when=visit.formats.day_name(when),
    )


def _kind(visit: Visit, kind: str) -> str:
    _ = visit._
    return {
        "lead": _("Lead"),
        "inquiry": _("Inquiry"),
        "call": _("Call"),
        "task": _("Task"),
        "conversation": _("Conversation"),
    }[kind]
