"""A report asked for by a program: the API, the command line, a digest. The same question and sheet as on the page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.formats import Formats
from inbox.languages import Language
from inbox.reports.catalogue import REPORTS, made
from inbox.reports.look import Look
from inbox.reports.sheet import Sheet
from inbox.reports.wish import ReportWish, wish_of
from storage.company import company_currency, company_zone


class NotUnderstood(Exception):
    """What was asked of a report, as (name, value), and it does not understand."""

    def __init__(self, unclear: Sequence[tuple[str, str]]) -> None:
        super().__init__(", ".join(f"{name}={value}" for name, value in unclear))
        self.unclear = unclear


async def ask(
    connection: AsyncConnection,
    report: str,
    query: Mapping[str, str],
    *,
    language: Language,
    time_zone: str,
    now: datetime,
    forgiving: bool = False,
) -> tuple[ReportWish, Look, Sheet]:
    """`query` as an address has it; `time_zone` is the installation's, for a company that has not said its own. Raises
    NotUnderstood; `forgiving`, the sheet says what was left out.
    """
    zone = ZoneInfo(await company_zone(connection, otherwise=time_zone))
    formats = Formats(language=language, zone=zone, now=now)
    wish = wish_of(REPORTS[report][0], query, today=formats.local_day(now))
    if wish.unclear and not forgiving:
        raise NotUnderstood(wish.unclear)
    look = Look(language=language, formats=formats, currency=await company_currency(connection))
    return wish, look, await made(connection, wish, look)
