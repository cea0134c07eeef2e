"""How many conversations wait behind each tab, and which of a list's rows name the reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, any_, exists, func, literal, select, true, union_all
from sqlalchemy.dialects.postgresql import ARRAY, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.conversations import ACTIVE, COUNTED_TO, Tab
from storage.reading.sight import Sight, conversation_in_sight, shares
from storage.tables import conversation, mention


@dataclass(frozen=True, slots=True, kw_only=True)
class TabCounts:
    """Of active conversations, counted up to COUNTED_TO; show `shown(...)`. `mentions`: those not seen yet; `failed`:
    conversations, of any status, in which a reply was not sent.
    """

    mine: int
    mine_unread: int
    unassigned: int
    all: int
    mentions: int
    failed: int

    @staticmethod
    def shown(count: int) -> str:
        return f"{COUNTED_TO - 1}+" if count >= COUNTED_TO else str(count)


async def unseen_mentions(
    connection: AsyncConnection, *, me: UUID, ids: Sequence[UUID]
) -> set[UUID]:
    """In which of these I was named and have not looked since."""
    rows = await connection.execute(
        select(mention.c.conversation_id)
        .where(
            mention.c.user_id == me,
            mention.c.seen_at.is_(None),
            mention.c.conversation_id == any_(literal(list(ids), ARRAY(PG_UUID))),
        )
        .distinct()
    )
    return set(rows.scalars())


async def has_any(connection: AsyncConnection) -> bool:
    """Whether anybody ever wrote."""
    found = await connection.execute(select(select(conversation.c.id).exists()))
    return bool(found.scalar_one())


async def count_tabs(connection: AsyncConnection, *, me: UUID, sight: Sight) -> TabCounts:
    def counted(tab: Tab, *conditions: ColumnElement[bool]) -> Any:
        parts = [
            select(literal(1).label("one"))
            .where(conversation.c.status.in_(ACTIVE), *conditions, *part)
            .limit(COUNTED_TO)
            .subquery()
            .select()
            for part in shares(sight, tab=tab)
        ]
        if not parts:
            return literal(0)
        some = select(union_all(*parts).subquery()).limit(COUNTED_TO).subquery()
        return select(func.count()).select_from(some).scalar_subquery()

    there = conversation.alias()
    mention_seen = (
        true()
        if sight.whole
        else exists().where(
            there.c.id == mention.c.conversation_id, conversation_in_sight(sight, there.c)
        )
    )
    row = (
        await connection.execute(
            select(
                counted("mine", conversation.c.manager_id == me).label("mine"),
                counted("mine", conversation.c.manager_id == me, conversation.c.unread > 0).label(
                    "mine_unread"
                ),
                counted("unassigned", conversation.c.manager_id.is_(None)).label("unassigned"),
                counted("all").label("everything"),
                select(func.count())
                .select_from(
                    select(mention.c.conversation_id)
                    .where(mention.c.user_id == me, mention.c.seen_at.is_(None), mention_seen)
                    .distinct()
                    .limit(COUNTED_TO)
                    .subquery()
                )
                .scalar_subquery()
                .label("mentions"),
                select(func.count())
                .select_from(
                    select(literal(1).label("one"))
                    .where(conversation.c.failed > 0, conversation_in_sight(sight))
                    .limit(COUNTED_TO)
                    .subquery()
                )
                .scalar_subquery()
                .label("failed"),
            )
        )
    ).one()
    return TabCounts(
        mine=row.mine,
        mine_unread=row.mine_unread,
        unassigned=row.unassigned,
        all=row.everything,
        mentions=row.mentions,
        failed=row.failed,
    )
