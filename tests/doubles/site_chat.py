"""The surroundings of the site chat without a broker and a router: events become rows by plain SQL, at once.

What it says about the chat's own behaviour holds; how events are really routed is told by the journeys.
"""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import web
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from connectors.channels.site_chat import connector
from connectors.connector import Account, Incoming, NotDurable, Surroundings
from router.ids import new_id
from router.message import DeliveryReported, Event, InboundMessage
from storage.threads import Threads

SECRET = b"s" * 32


@dataclass
class MemoryMedia:
    kept: dict[str, bytes] = field(default_factory=dict)

    async def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self.kept[sha256] = content
        return sha256

    async def get(self, sha256: str) -> bytes:
        return self.kept[sha256]


@dataclass
class TableIntake:
    """`refusals`: how many times still to say that nothing can be made durable."""

    engine: AsyncEngine
    events: list[Event] = field(default_factory=list)
    refusals: int = 0
    repeats: int = 0

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise NotDurable
        for each in incoming:
            async with self.engine.begin() as connection:
                if not await self._is_new(connection, account, each.event):
                    self.repeats += 1
                    continue
                match each.event:
                    case InboundMessage() as message:
                        await self._store(connection, account, message)
                    case DeliveryReported() as report:
                        await self._report(connection, account, report)
                    case _:
                        pass
            # Once it is committed, so that who sees the event finds its rows.
            self.events.append(each.event)

    @property
    def messages(self) -> list[InboundMessage]:
        return [each for each in self.events if isinstance(each, InboundMessage)]

    async def _is_new(self, connection: AsyncConnection, account: Account, event: Event) -> bool:
        found = await connection.execute(
            text("""
                insert into inbound_event (account_id, key, id, kind, received_at, outcome)
                values (:account, :key, :id, 'test', now(), 'stored') on conflict do nothing returning id
            """),
            {"account": account.id, "key": event.key, "id": new_id()},
        )
        return found.first() is not None

    async def _store(
        self, connection: AsyncConnection, account: Account, message: InboundMessage
    ) -> None:
        conversation = await connection.scalar(
            text("select id from conversation where account_id = :account and chat = :chat"),
            {"account": account.id, "chat": message.chat.id},
        )
        if conversation is None:
            conversation, contact = new_id(), new_id()
            await connection.execute(
                text("insert into contact (id, created_at) values (:id, now())"), {"id": contact}
            )
            await connection.execute(
                text("""
                    insert into conversation (id, account_id, chat, contact_id, first_message_at, last_message_at, created_at)
                    values (:id, :account, :chat, :contact, now(), now(), now())
                """),
                {
                    "id": conversation,
                    "account": account.id,
                    "chat": message.chat.id,
                    "contact": contact,
                },
            )
        id_ = await add_message(
            connection,
            conversation,
            direction="in",
            words=message.text,
            kind=message.kind,
            external_id=message.external_id,
            at=message.at,
        )
        for position, file in enumerate(message.attachments):
            await connection.execute(
                text("""
                    insert into attachment (id, message_id, position, kind, name, mime, size, sha256)
                    values (:id, :message, :position, :kind, :name, :mime, :size, :sha256)
                """),
                {
                    "id": new_id(),
                    "message": id_,
                    "position": position,
                    **{
                        name: getattr(file, name)
                        for name in ("kind", "name", "mime", "size", "sha256")
                    },
                },
            )

    async def _report(
        self, connection: AsyncConnection, account: Account, report: DeliveryReported
    ) -> None:
        await connection.execute(
            text("""
                update message set state = :state
                 where account_id = :account and direction = 'out' and state <> 'read'
                   and conversation_id = (select conversation_id from message
                                           where account_id = :account and external_id = :last)
                   and seq <= (select seq from message where account_id = :account and external_id = :last)
            """),
            {"account": account.id, "last": report.external_ids[-1], "state": report.state},
        )


async def add_message(
    connection: AsyncConnection,
    conversation: UUID,
    *,
    direction: str,
    words: str,
    kind: str = "text",
    external_id: str | None = None,
    author: str = "",
    at: datetime | None = None,
    state: str = "",
) -> UUID:
    id_ = new_id()
    row = (
        await connection.execute(
            text("""
                update conversation set seq = seq + 1, unread = unread + :unread where id = :id
                returning seq, account_id, chat
            """),
            {"id": conversation, "unread": int(direction == "in")},
        )
    ).one()
    await connection.execute(
        text("""
            insert into message (id, conversation_id, seq, account_id, external_id, direction, kind, author_name,
                                 text, sent_at, received_at, state)
            values (:id, :conversation, :seq, :account, :external_id, :direction, :kind, :author, :text, :at, :at, :state)
        """),
        {
            "id": id_,
            "conversation": conversation,
            "seq": row.seq,
            "account": row.account_id,
            "external_id": external_id or (f"{row.chat}:{id_}" if direction == "out" else None),
            "direction": direction,
            "kind": kind,
            "author": author,
            "text": words,
            "at": at or datetime.now(UTC),
            "state": state or ("sent" if direction == "out" else ""),
        },
    )
    return id_


async def answer(engine: AsyncEngine, chat: str, words: str, *, author: str = "Анна") -> UUID:
    """What a colleague's reply leaves in the database."""
    async with engine.begin() as connection:
        conversation = await connection.scalar(
            text("select id from conversation where chat = :chat"), {"chat": chat}
        )
        assert isinstance(conversation, UUID)
        return await add_message(
            connection, conversation, direction="out", words=words, author=author
        )


async def add_account(engine: AsyncEngine, **fields: str) -> Account:
    account = Account(id=new_id(), kind="site_chat", slug="site", fields=fields)
    async with engine.begin() as connection:
        await connection.execute(
            text("""
                insert into account (id, kind, slug, sealed, created_at) values (:id, 'site_chat', 'site', '', now())
            """),
            {"id": account.id},
        )
    return account


@dataclass
class Chat:
    """The chat as a server of its own; `stop` and `start` on the same port are a restart of the process."""

    engine: AsyncEngine
    account: Account
    intake: TableIntake
    media: MemoryMedia = field(default_factory=MemoryMedia)
    port: int = 0
    now: Any = None
    paused: bool = False

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def find(self, slug: str) -> Account | None:
        return self.account if slug == self.account.slug and not self.paused else None

    def resting(self, kind: str) -> Sequence[Account]:
        return [self.account] if self.paused and kind == self.account.kind else []

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [self.account] if kind == self.account.kind else []

    def surroundings(self, threads: Threads) -> Surroundings:
        return Surroundings(
            accounts=self,
            intake=self.intake,
            threads=threads,
            media=self.media,
            now=self.now or (lambda: datetime.now(UTC)),
            secret=SECRET,
            public_url=f"http://127.0.0.1:{self.port}",
            listen={},
            resting=self.resting,
        )

    def change(self, **fields: str) -> None:
        """The administrator saved the form."""
        self.account = replace(self.account, fields={**self.account.fields, **fields})

    def application(self, threads: Threads) -> web.Application:
        assert connector.routes is not None
        application = web.Application()
        application.add_routes(connector.routes(self.surroundings(threads)))
        return application

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[Threads]:
        threads = Threads(self.engine, now=self.now or (lambda: datetime.now(UTC)))
        runner = web.AppRunner(self.application(threads), shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's
        try:
            yield threads
        finally:
            threads.close()
            await runner.cleanup()
