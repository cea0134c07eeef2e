"""All reports there are: what can be asked of each, and what makes its sheet."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.reports import sales, sources
from inbox.reports.look import Look
from inbox.reports.naming import days_words
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
    sheet = await REPORTS[wish.spec.name][1](connection, wish, look)
    return replace(sheet, notes=[*_not_answered(wish, look), *sheet.notes])


def _not_answered(wish: ReportWish, look: Look) -> Sequence[str]:
    """What was asked and these figures are no answer to."""
    _, notes = look._, []
    if wish.unclear:
        asked = ", ".join(f"{name}={value}" for name, value in wish.unclear)
        notes.append(_("Not understood and left out: {asked}.").format(asked=asked))
    if wish.longer:
        notes.append(
            _("A report is of ten years at most: this one is of {days}.").format(
                days=days_words(look, wish.period)
            )
        )
    return notes
