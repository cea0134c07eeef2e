"""Replies begun and not sent: one per colleague and conversation, on every machine they sit at.

Two pages of the same person may write at once, and a page may say the same thing twice. Each writing says who writes
(`writer`, a page) and its how manieth it is; a page goes on from its own, and only from that other's which it has seen
(`base`). So nothing newer is ever overwritten, and what comes late is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.sight import Sight

PREVIEW: Final = 120
"""Characters of a draft that the list shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`files` are tickets with their names and sizes; `quoted` is the message that `reply_to` answers."""

    text: str
    note: bool
    to: UUID | None = None
    reply_to: UUID | None = None
    files: Sequence[dict[str, Any]] = ()
    revision: str = ""
    quoted: str = ""
    quoted_author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """`base` is the revision that the page had seen; None goes over whatever there is."""

    writer: str
    nth: int
    base: str | None

    @property
    def revision(self) -> str:
        return f"{self.writer}.{self.nth}"


_DRAFT: Final = text("""
    select d.text, d.note, d.to_id, d.reply_to, d.files, d.writer, d.nth, left(coalesce(case when v.id is not null then m.text end, ''), 300) as quoted,
           coalesce(case when v.id is not null then nullif(m.author_name, '') end, c.name, '') as quoted_author
    from draft d
    left join message m on m.id = d.reply_to
    left join conversation v on v.id = m.conversation_id
        and (:whole or v.manager_id = cast(:me as uuid) or v.team_id = any(cast(:teams as uuid[])))
    left join contact c on m.direction = 'in' and c.id = coalesce(m.author_contact, v.contact_id)
    where d.user_id = :user_id and d.conversation_id = :conversation_id
""").columns(files=JSONB)


async def draft_of(
    connection: AsyncConnection, *, user_id: UUID, conversation_id: UUID, sight: Sight
) -> Draft | None:
    """With the words it answers, while they are in sight."""
    values = {
        "user_id": user_id,
        "conversation_id": conversation_id,
        "whole": sight.whole,
        "me": sight.user,
        "teams": list(sight.teams),
    }
    row = (await connection.execute(_DRAFT, values)).one_or_none()
    if row is None:
        return None
    return Draft(
        text=row.text,
        note=row.note,
        to=row.to_id,
        reply_to=row.reply_to,
        files=tuple(row.files),
        revision=f"{row.writer}.{row.nth}",
        quoted=row.quoted,
        quoted_author=row.quoted_author,
    )


_ALLOWED: Final = """
    (cast(:base as text) is null or (draft.writer = :writer and draft.nth < :nth)
     or draft.writer || '.' || draft.nth = :base)
"""


async def keep_draft(
    connection: AsyncConnection,
    *,
    user_id: UUID,
    conversation_id: UUID,
    draft: Draft,
    writing: Writing,
    now: datetime,
) -> bool:
    """False: another page's is there, and stays. An empty one is thrown away; of no conversation, nothing is kept."""
    given = {
        "user_id": user_id,
        "conversation_id": conversation_id,
        "writer": writing.writer,
        "nth": writing.nth,
        "base": writing.base,
    }
    there = (
        await connection.execute(
            text(
                f"select {_ALLOWED} as allowed from draft"  # noqa: S608  # constants
                " where user_id = :user_id and conversation_id = :conversation_id for update"
            ),
            given,
        )
    ).scalar()
    if there is False:
        return False
    if there is None and writing.base and not writing.base.startswith(f"{writing.writer}."):
        # What this page went on from has been sent, or thrown away, elsewhere.
        return False
    if not draft.text.strip() and not draft.files:
        await connection.execute(
            text(
                "delete from draft where user_id = :user_id and conversation_id = :conversation_id"
            ),
            given,
        )
        return True
    kept = await connection.execute(
        text(f"""
            insert into draft (user_id, conversation_id, text, note, to_id, reply_to, files, writer, nth, at)
            select :user_id, id, :text, :note, :to, :reply_to, cast(:files as jsonb), :writer, :nth, :now
            from conversation where id = :conversation_id
            on conflict (user_id, conversation_id)
            do update set text = excluded.text, note = excluded.note, to_id = excluded.to_id,
                          reply_to = excluded.reply_to, files = excluded.files, writer = excluded.writer,
                          nth = excluded.nth, at = excluded.at
            where {_ALLOWED}
        """),  # noqa: S608  # constants
        {
            **given,
            "text": draft.text,
            "note": draft.note,
            "to": draft.to,
            "reply_to": draft.reply_to,
            "files": msgspec.json.encode(list(draft.files)).decode(),
            "now": now,
        },
    )
    return bool(kept.rowcount)


async def drop_draft(
    connection: AsyncConnection, *, user_id: UUID, conversation_id: UUID, writing: Writing
) -> None:
    """What was sent is no draft any more; what another page has begun since stays."""
    await connection.execute(
        text(
            "delete from draft where user_id = :user_id and conversation_id = :conversation_id"
            " and (cast(:base as text) is null or writer = :writer or writer || '.' || nth = :base)"
        ),
        {
            "user_id": user_id,
            "conversation_id": conversation_id,
            "writer": writing.writer,
            "base": writing.base,
        },
    )


async def drafts_of(
    connection: AsyncConnection, *, user_id: UUID, conversation_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """The beginnings of this colleague's drafts, by conversation."""
    found = await connection.execute(
        text("""
            select conversation_id, left(text, :most) as preview from draft
            where user_id = :user_id and conversation_id = any(cast(:ids as uuid[])) and text <> ''
        """),
        {"user_id": user_id, "ids": list(conversation_ids), "most": PREVIEW},
    )
    return {row.conversation_id: row.preview for row in found}
