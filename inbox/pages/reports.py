"""Reports: each as a page, as a file, and the columns somebody wants to see. The list of them is in `report_keeping`."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox import settings_map
from inbox.pages.report_cards import cards_of_report
from inbox.pages.report_charts import charts_of
from inbox.pages.report_shell import asked, bar, cards_address, download, look_of, right_of, tiles
from inbox.reports import csv_file, xlsx_file
from inbox.reports.catalogue import REPORTS, made
from inbox.reports.look import Look
from inbox.reports.sheet import Column, Line, Sheet
from inbox.reports.spec import Spec
from inbox.reports.wish import ReportWish
from inbox.visit import Handler, Page, Visit, get, post
from storage.analytics.gaps import is_untouched
from storage.analytics.self_reported import self_reported_field
from storage.engine import transaction
from storage.report_columns import choose_columns, chosen_columns

SETTINGS: Final = {
    "rules": "/settings/sources",
    "links": "/settings/links",
    "spend": "/settings/spend",
    "fields": "/settings/fields",
}
TILES: Final = {
    "summary": (
        "leads",
        "won",
        "lost",
        "revenue",
        "average_sale",
        "win_rate",
        "open",
        "open_value",
    ),
    "sources": ("leads", "qualified", "new_customers", "revenue", "spend", "cpl", "cac", "romi"),
    "managers": ("answered", "first_median", "tasks_late", "revenue"),
    "calls": ("incoming", "outgoing", "missed", "not_called_back"),
}
"""The main figures, shown large; the funnel's are its chart."""


def page_of_report(spec: Spec) -> Handler:
    async def report(visit: Visit) -> web.Response:
        wish = asked(visit, spec)

        def cards_of(line: Line, column: Column) -> str:
            return cards_address(wish, line, column)

        async with visit.around.engine.connect() as connection:
            look = await look_of(visit, connection)
            shown = await bar(visit, connection, wish, look)
            sheet = await made(connection, wish, look)
            columns = await chosen_columns(connection, visit.me, spec.name)
            empty = await is_untouched(connection)
            charts = await charts_of(connection, wish, look, sheet, cards_of)
            unasked = "said" in {wish.by, *wish.only} and not await self_reported_field(connection)

        return visit.page(
            "report.html",
            **shown,
            whole=sheet,
            sheet=sheet.only_columns(columns),
            tiles=tiles(sheet, look, TILES.get(spec.name, ()), cards_of),
            cards_of=cards_of,
            empty=empty,
            unasked=unasked,
            charts=charts,
            settings=_settings(visit),
        )

    return report


def _settings(visit: Visit) -> dict[str, str]:
    """Addresses of what a report sends to, those there are and this colleague may open; "" otherwise."""
    shown = {
        each.href
        for group in settings_map.groups(visit.may, visit.exists)
        for each in group.sections
    }
    return {name: href if href in shown else "" for name, href in SETTINGS.items()}


def export_of(spec: Spec) -> Handler:
    async def export(visit: Visit) -> web.Response:
        """As it is shown: the same rows, columns and order."""
        kind = visit.request.query.get("format", "csv")
        if kind not in {"csv", "xlsx"}:
            raise web.HTTPNotFound
        wish = asked(visit, spec)
        if wish.unclear:
            # A file of everybody's figures does not say that it is one.
            raise web.HTTPBadRequest
        async with visit.around.engine.connect() as connection:
            look = await look_of(visit, connection)
            sheet = await shown_sheet(visit, connection, wish, look)
        make = xlsx_file.xlsx_file if kind == "xlsx" else csv_file.csv_file
        name = f"{spec.name}-{wish.period.first}-{wish.period.last}"
        return download(make(sheet, visit.language), name=name, kind=kind)

    return export


async def shown_sheet(
    visit: Visit, connection: AsyncConnection, wish: ReportWish, look: Look
) -> Sheet:
    sheet = await made(connection, wish, look)
    return sheet.only_columns(await chosen_columns(connection, visit.me, wish.spec.name))


def columns_of(spec: Spec) -> Handler:
    async def columns(visit: Visit) -> web.Response:
        names = [name.removeprefix("column.") for name in visit.form if name.startswith("column.")]
        async with transaction(visit.around.engine) as connection:
            await choose_columns(connection, visit.me, spec.name, names)
        wish = asked(visit, spec)
        return visit.back(wish.address(changes=visit.form.get("changes") or None))

    return columns


def _pages(spec: Spec) -> Sequence[Page]:
    where, right = f"/reports/{spec.name}", right_of(spec)
    return (
        get(where, page_of_report(spec), right),
        get(f"{where}/cards", cards_of_report(spec), right),
        get(f"{where}/export", export_of(spec), right),
        post(f"{where}/columns", columns_of(spec), right),
    )


PAGES: Final[Sequence[Page]] = (
    *(page for spec, _build in REPORTS.values() for page in _pages(spec)),
)
