"""All reports there are: what can be asked of each, and what makes its sheet."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.reports import sales, sources
from inbox.reports.look import Look
from inbox.reports.sheet import Sheet
from inbox.reports.spec import CALLS, FUNNEL, MANAGERS, SOURCES, SUMMARY, Spec
from inbox.reports.wish import ReportWish

Build = Callable[[AsyncConnection, ReportWish, Look], Awaitable[Sheet]]

REPORTS: Final[Mapping[str, tuple[Spec, Build]]] = MappingProxyType(
    {
        spec.name: (spec, build)
        for spec, build in (
            (SUMMARY, sales.summary_sheet),
            (SOURCES, sources.build),
            (FUNNEL, sales.funnel_sheet),
            (MANAGERS, sales.managers_sheet),
            (CALLS, sales.calls_sheet),
        )
    }
)


async def made(connection: AsyncConnection, wish: ReportWish, look: Look) -> Sheet:
    return await REPORTS[wish.spec.name][1](connection, wish, look)
