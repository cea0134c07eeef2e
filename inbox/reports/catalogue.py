"""All reports there are: what can be asked of each, and what makes its sheet."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.reports import sources
from inbox.reports.look import Look
from inbox.reports.sheet import Sheet
from inbox.reports.spec import SOURCES, Spec
from inbox.reports.wish import ReportWish

Build = Callable[[AsyncConnection, ReportWish, Look], Awaitable[Sheet]]

REPORTS: Final[Mapping[str, tuple[Spec, Build]]] = MappingProxyType(
    {SOURCES.name: (SOURCES, sources.build)}
)


async def made(connection: AsyncConnection, wish: ReportWish, look: Look) -> Sheet:
    return await REPORTS[wish.spec.name][1](connection, wish, look)
