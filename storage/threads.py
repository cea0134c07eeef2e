"""Conversations as their customers see them, for a channel that is its own platform, and the visits that led to them.

Reading is by the dense `seq` of the conversation, always from the database. Learning that there is something to read
is a hint: whoever hears a fact about a conversation calls `hint`; `keep_watch` asks the database about every watched
chat in one query, so that a lost hint costs a second or two and never a message.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from msgspec.structs import replace
from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import Text

from router.attribution import touch_of_visit
from router.ids import new_id
from router.message import SourceKeys
from router.origins import DIRECT
from router.records import Touch
from router.thread import ThreadFile, ThreadMessage
from storage.engine import transaction

CHANNEL: Final = "site_chat"
"""Visits are those of the site chat; what reports know as the touch's channel."""

_COLUMNS: Final = """
    select m.id, m.seq, m.direction, m.kind, m.text, m.sent_at, m.state,
           coalesce(m.external_id, '') as external_id,
           m.edited_at is not null as edited, m.deleted_at is not null as deleted,
           case when m.direction = 'out' then coalesce(nullif(m.author_name, ''), colleague.name, '') else '' end as author,
           m.direction = 'in' and m.seq < coalesce(
               (select min(waiting.seq) from (
                   select seq from message
                    where conversation_id = c.id and direction = 'in' and c.unread > 0
                    order by seq desc limit c.unread) waiting),
               c.seq + 1) as read,
           coalesce(
               (select json_agg(json_build_object(
                           'id', a.id, 'kind', a.kind, 'name', a.name, 'mime', a.mime, 'size', a.size,
                           'sha256', case when a.state = 'stored' then a.sha256 else '' end) order by a.position)
                  from attachment a where a.message_id = m.id), '[]') as files
      from conversation c
      join message m on m.conversation_id = c.id
      left join user_account colleague on colleague.id = m.author_user
     where c.account_id = :account and c.chat = :chat and m.direction in ('in', 'out')
"""
_AFTER: Final = text(f"{_COLUMNS} and m.seq > :seq order by m.seq limit :limit")
_BEFORE: Final = text(
    f"{_COLUMNS} and (cast(:seq as integer) is null or m.seq < :seq) order by m.seq desc limit :limit"
)
_POSITIONS: Final = text("""
    select c.id, c.account_id, c.chat, c.seq, c.unread
      from unnest(cast(:accounts as uuid[]), cast(:chats as text[])) as watched (account_id, chat)
      join conversation c using (account_id, chat)
""").bindparams(bindparam("accounts", type_=ARRAY(PG_UUID)), bindparam("chats", type_=ARRAY(Text)))


class Threads:
    def __init__(self, engine: AsyncEngine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._watched: dict[tuple[UUID, str], set[_Changes]] = {}
        self._chats: dict[UUID, tuple[UUID, str]] = {}
        self._positions: dict[tuple[UUID, str], tuple[int, int]] = {}

    async def after(
        self, account: UUID, chat: str, seq: int, *, limit: int = 200
    ) -> Sequence[ThreadMessage]:
        rows = await self._rows(_AFTER, account, chat, seq, limit)
        return [_message(row) for row in rows]

    async def before(
        self, account: UUID, chat: str, seq: int | None, *, limit: int = 50
    ) -> Sequence[ThreadMessage]:
        rows = await self._rows(_BEFORE, account, chat, seq, limit)
        return [_message(row) for row in reversed(rows)]

    async def _rows(
        self, query: Any, account: UUID, chat: str, seq: int | None, limit: int
    ) -> Sequence[Row[Any]]:
        given = {"account": account, "chat": chat, "seq": seq, "limit": limit}
        async with self._engine.connect() as connection:
            return (await connection.execute(query, given)).all()

    # Learning of changes.

    @asynccontextmanager
    async def changes(self, account: UUID, chat: str) -> AsyncGenerator[AsyncIterator[None]]:
        """Yields whenever something in the chat may be new, and ends when `close` is called."""
        watched, changes = (account, chat), _Changes()
        self._watched.setdefault(watched, set()).add(changes)
        try:
            yield changes
        finally:
            self._watched[watched].discard(changes)
            if not self._watched[watched]:
                del self._watched[watched]
                self._positions.pop(watched, None)
                for conversation in [id_ for id_, where in self._chats.items() if where == watched]:
                    del self._chats[conversation]

    def hint(self, account: UUID, conversation: UUID) -> None:
        """Something happened in the conversation, as a fact said."""
        where = self._chats.get(conversation)
        for watched, listeners in self._watched.items():
            # A chat whose conversation is not known yet may be this very one, just begun.
            if watched == where or (
                where is None and watched[0] == account and watched not in self._positions
            ):
                for changes in listeners:
                    changes.wake()

    def hint_all(self) -> None:
        """Hints may have been missed."""
        for listeners in self._watched.values():
            for changes in listeners:
                changes.wake()

    async def keep_watch(self, *, every: float = 2.0) -> None:
        """Asks about all the watched chats at once, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(every)

    async def look(self) -> None:
        """Wakes those whose conversation went on since the last look."""
        if not self._watched:
            return
        watched = list(self._watched)
        given = {"accounts": [each[0] for each in watched], "chats": [each[1] for each in watched]}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_POSITIONS, given)).all()
        for row in rows:
            where = (row.account_id, row.chat)
            listeners = self._watched.get(where)
            if listeners is None:
                continue
            self._chats[row.id] = where
            # `unread` falls when a colleague reads, which the customer's ticks tell.
            if self._positions.get(where) != (row.seq, row.unread):
                self._positions[where] = (row.seq, row.unread)
                for changes in listeners:
                    changes.wake()

    def close(self) -> None:
        """Ends every `changes`, so that streams finish and the process can stop."""
        for listeners in self._watched.values():
            for changes in listeners:
                changes.end()

    # Visitors.

    async def visitor_seen(
        self, account: UUID, visitor: str, *, source: Mapping[str, Any] | None
    ) -> None:
        """`source` as JSON of `SourceKeys`, and `visit`, the browser's own id of the visit."""
        now = self._now()
        given = {"id": UUID(visitor), "account": account, "token": visitor, "now": now}
        async with transaction(self._engine) as connection:
            await connection.execute(
                text("""
                    insert into visitor (id, account_id, token, first_seen, last_seen, visits)
                    values (:id, :account, :token, :now, :now, 0)
                    on conflict (account_id, token) do update set last_seen = excluded.last_seen
                """),
                given,
            )
            if source is not None:
                await self._visited(connection, UUID(visitor), dict(source), now)

    async def _visited(
        self, connection: AsyncConnection, visitor: UUID, source: dict[str, Any], now: datetime
    ) -> None:
        visit = str(source.pop("visit", ""))
        seen = await connection.execute(
            text("select last_touch ->> 'visit' from visitor where id = :id for update"),
            {"id": visitor},
        )
        if visit and seen.scalar_one() == visit:
            return
        keys = msgspec.convert(source, SourceKeys, strict=False)
        keys = replace(keys, visit=visit)
        # The same visit told twice is one touch.
        id_ = uuid5(visitor, visit) if visit else new_id()
        touch = touch_of_visit(keys, id_=id_)
        known = touch is not None and (touch.source, touch.medium, touch.campaign) != DIRECT
        # A visit of unknown origin does not hide where the person came from before: it opens no touch.
        await connection.execute(
            text("""
                update visitor
                   set visits = visits + 1,
                       first_touch = coalesce(first_touch, :touch),
                       last_touch = case when :known or last_touch is null
                                         then cast(:touch as jsonb)
                                         else last_touch || jsonb_build_object('visit', cast(:visit as text)) end
                 where id = :id
            """).bindparams(bindparam("touch", type_=JSONB)),
            {
                "id": visitor,
                "known": known,
                "visit": visit,
                "touch": {**source, "visit": visit},
            },
        )
        if touch is not None:
            await self._keep_touch(connection, visitor, touch)

    async def _keep_touch(self, connection: AsyncConnection, visitor: UUID, touch: Touch) -> None:
        await connection.execute(
            text("""
                insert into touch (id, contact_id, visitor_id, at, channel, source, medium, campaign, content,
                                   term, click_ids, landing, referrer, raw)
                select :id, known.contact_id, :visitor, :at, :channel, :source, :medium, :campaign, :content,
                       :term, :click_ids, :landing, :referrer, :raw
                  from (select 1) one
                  left join lateral (
                       select coalesce(c.merged_into, c.id) as contact_id
                         from identity i join contact c on c.id = i.contact_id
                        where i.kind = 'visitor' and i.value = :token and i.proved and not i.shared) known on true
                on conflict (id) do nothing
            """).bindparams(bindparam("click_ids", type_=JSONB), bindparam("raw", type_=JSONB)),
            {
                "id": touch.id,
                "visitor": visitor,
                "token": str(visitor),
                "at": touch.at,
                "channel": touch.channel,
                "source": touch.source,
                "medium": touch.medium,
                "campaign": touch.campaign,
                "content": touch.content,
                "term": touch.term,
                "click_ids": touch.click_ids,
                "landing": touch.landing,
                "referrer": touch.referrer,
                "raw": touch.raw,
            },
        )

    async def last_touch(self, account: UUID, visitor: str) -> Mapping[str, Any] | None:
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text(
                    "select last_touch from visitor where account_id = :account and token = :token"
                ),
                {"account": account, "token": visitor},
            )
            kept: dict[str, Any] | None = found.scalar_one_or_none()
        if kept is not None:
            kept.pop("visit", None)
        return kept


class _Changes:
    """Wakes that came while nobody looked are one."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._ended = False

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        self._ended = True
        self._woken.set()

    def __aiter__(self) -> AsyncIterator[None]:
        return self

    async def __anext__(self) -> None:
        await self._woken.wait()
        if self._ended:
            raise StopAsyncIteration
        self._woken.clear()


def _message(row: Row[Any]) -> ThreadMessage:
    mine = "read" if row.read else "delivered"
    return ThreadMessage(
        id=row.id,
        seq=row.seq,
        direction=row.direction,
        kind=row.kind,
        text="" if row.deleted else row.text,
        author=row.author,
        external_id=row.external_id,
        sent_at=row.sent_at,
        edited=row.edited,
        deleted=row.deleted,
        state=mine if row.direction == "in" else row.state,
        files=() if row.deleted else tuple(msgspec.convert(row.files, list[ThreadFile])),
    )
