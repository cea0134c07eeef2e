"""Replies begun and not sent: one per colleague and conversation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PREVIEW: Final = 120
"""Characters of a draft that the list shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    text: str
    note: bool


async def draft_of(
    connection: AsyncConnection, *, user_id: UUID, conversation_id: UUID
) -> Draft | None:
    row = (
        await connection.execute(
            text(
                "select text, note from draft where user_id = :user_id and conversation_id = :conversation_id"
            ),
            {"user_id": user_id, "conversation_id": conversation_id},
        )
    ).one_or_none()
    return None if row is None else Draft(text=row.text, note=row.note)


async def keep_draft(
    connection: AsyncConnection,
    *,
    user_id: UUID,
    conversation_id: UUID,
    draft: Draft,
    now: datetime,
) -> None:
    """An empty one is thrown away. Of a conversation that is not there, nothing is kept."""
    place = {"user_id": user_id, "conversation_id": conversation_id}
    if not draft.text.strip():
        await connection.execute(
            text(
                "delete from draft where user_id = :user_id and conversation_id = :conversation_id"
            ),
            place,
        )
        return
    await connection.execute(
        text("""
            insert into draft (user_id, conversation_id, text, note, at)
            select :user_id, id, :text, :note, :now from conversation where id = :conversation_id
            on conflict (user_id, conversation_id)
            do update set text = excluded.text, note = excluded.note, at = excluded.at
        """),
        {**place, "text": draft.text, "note": draft.note, "now": now},
    )


async def drafts_of(
    connection: AsyncConnection, *, user_id: UUID, conversation_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """The beginnings of this colleague's drafts, by conversation."""
    found = await connection.execute(
        text("""
            select conversation_id, left(text, :most) as preview from draft
            where user_id = :user_id and conversation_id = any(cast(:ids as uuid[]))
        """),
        {"user_id": user_id, "ids": list(conversation_ids), "most": PREVIEW},
    )
    return {row.conversation_id: row.preview for row in found}
