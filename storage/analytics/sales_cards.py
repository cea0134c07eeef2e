"""Behind every number of the reports of sales: what it counts, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.wishes import Wish
from storage.reading.paging import DEFAULT_LIMIT, Page

CardKind = Literal["lead", "call", "task", "conversation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesCard:
    """`at` is the moment it is counted by. `money` in minor units of the company's currency, None where there is none or
    no rate is known; `seconds` of a talk, or until an answer.
    """

    kind: CardKind
    id: UUID
    at: datetime
    contact_id: UUID | None
    contact_name: str
    conversation_id: UUID | None
    number: int | None = None
    title: str = ""
    status: str = ""
    stage: str = ""
    manager_name: str = ""
    money: int | None = None
    seconds: int | None = None


async def sales_cards(
    connection: AsyncConnection,
    wish: Wish,
    counted: str,
    *,
    zone: ZoneInfo,
    stage: UUID | None = None,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[SalesCard]:
    """Of the report whose wish it is (SummaryWish, FunnelWish, ManagersWish, CallsWish); `counted` as its figure says.

    `stage`, of the funnel, is the stage whose figure it is. Raises BadCursor, ValueError for what the report does not
    count.
    """
    raise NotImplementedError
