"""An inbox that is served for real: real records, the real desk, and a broker that is only its broadcast."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Finding
from connectors.message_templates import Template
from connectors.registry import discover
from inbox.app import inbox_routes
from inbox.channel_desk import ChannelOptions
from inbox.desk import NotFound, Refused
from inbox.live_hub import LiveHub
from inbox.surroundings import Surroundings
from router.ids import new_id
from router.message import Accepted
from storage.accounts import (
    AccountRow,
    add_account,
    change_account,
    load_accounts,
    remove_account,
    set_account_state,
)
from storage.desk import Desk
from storage.engine import transaction
from storage.media import open_media
from storage.sealing import Sealer
from tests.conftest import NOON
from tests.installation import Installation
from workers.announce_typing import AnnounceTyping
from workers.spend_desk import Spend
from workers.webhook_desk import Webhooks

PASSWORD = "correct horse battery"
HASHED = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Cheaply: what a real one costs (test_passwords.py) every sign-in of every test would cost."""
SECRET = b"s" * 32


class Broadcast:
    """What is broadcast, to everybody who listens: `workers.broker` without queues."""

    def __init__(self) -> None:
        self._listeners: list[asyncio.Queue[bytes]] = []

    @asynccontextmanager
    async def listen(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def bodies() -> AsyncIterator[bytes]:
            while True:
                yield await heard.get()

        self._listeners.append(heard)
        yield bodies()
        self._listeners.remove(heard)

    def say(self, body: bytes) -> None:
        for each in self._listeners:
            each.put_nowait(body)

    async def broadcast(self, body: bytes) -> None:
        self.say(body)


@dataclass
class DeadLetters:
    """Remembers what was asked for."""

    replayed: list[UUID] = field(default_factory=list)
    dropped: list[UUID] = field(default_factory=list)
    alike: list[UUID] = field(default_factory=list)

    async def replay(self, letter: UUID, *, by: UUID | None) -> None:
        self.replayed.append(letter)

    async def replay_alike(self, letter: UUID, *, by: UUID | None) -> int:
        self.alike.append(letter)
        return 2

    async def drop(self, letter: UUID, *, by: UUID | None) -> None:
        self.dropped.append(letter)


@dataclass
class Calls:
    """An exchange that takes every call, or says why not."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    refusal: str = ""
    dials: bool = True

    def lines(self) -> bool:
        return self.dials

    async def call(self, phone: str, **more: Any) -> UUID:
        if self.refusal:
            raise Refused(self.refusal)
        self.asked.append({"phone": phone, **more})
        return new_id()


class Channels:
    """Accounts are kept for real; what the platform would say is `findings`."""

    def __init__(self, engine: AsyncEngine, now: Callable[[], datetime]) -> None:
        self.engine = engine
        self.now = now
        self.sealer = Sealer(SECRET)
        self.findings = [Finding(level="ok", text="The bot answers: @kolodka_bot")]
        self.checked: list[UUID] = []
        self.tried: list[tuple[str, str, dict[str, str]]] = []
        self.listed: list[Template] = []
        self.trouble = ""

    async def templates(self, slug: str) -> Sequence[Template]:
        if self.trouble:
            raise Refused(self.trouble)
        return self.listed

    async def add(
        self, kind: str, slug: str, fields: Any, options: ChannelOptions, *, by: UUID | None
    ) -> UUID:
        missing = [
            each.name
            for each in discover()[kind].fields
            if each.required and not fields.get(each.name)
        ]
        if missing:
            raise Refused(f"An account of {kind} needs {', '.join(missing)}.")
        async with transaction(self.engine) as connection:
            return await add_account(
                connection,
                kind=kind,
                slug=slug,
                fields=fields,
                secrets=discover()[kind].secrets,
                sealer=self.sealer,
                now=self.now(),
                team_id=options.team,
                region=options.region,
            )

    async def change(
        self, account: UUID, fields: Any, options: ChannelOptions, *, by: UUID | None
    ) -> None:
        row = next(each for each in await self.all() if each.id == account)
        async with transaction(self.engine) as connection:
            await change_account(
                connection,
                account,
                fields=fields,
                secrets=discover()[row.kind].secrets,
                sealer=self.sealer,
                region=options.region,
                promise_minutes=options.promise_minutes,
                silence_minutes=options.silence_minutes,
            )

    async def set_state(self, account: UUID, state: Any, *, by: UUID | None) -> None:
        async with transaction(self.engine) as connection:
            if state == "removed":
                await remove_account(connection, account)
            else:
                await set_account_state(connection, account, state)

    async def check(self, account: UUID) -> Sequence[Finding]:
        self.checked.append(account)
        return self.findings

    async def try_new(self, kind: str, slug: str, fields: Any) -> Sequence[Finding]:
        self.tried.append((kind, slug, dict(fields)))
        return self.findings

    async def all(self) -> Sequence[AccountRow]:
        async with self.engine.connect() as connection:
            return await load_accounts(connection, self.sealer)

    async def find(self, slug: str) -> AccountRow:
        for each in await self.all():
            if each.slug == slug:
                return each
        raise NotFound

    def webhook_url(self, kind: str, slug: str) -> str:
        hook = discover()[kind].hook
        return f"http://127.0.0.1/hooks/{hook}/{slug}" if hook else ""


class Stage:
    """`now` can be moved; `shop` is who works here, `server` where they work."""

    def __init__(self, engine: AsyncEngine, media: Path) -> None:
        self.engine = engine
        self.time = NOON
        self.broadcast = Broadcast()
        self.dead_letters = DeadLetters()
        self.calls = Calls()
        self.typing = AnnounceTyping(broker=self.broadcast, now=self.now)  # type: ignore[arg-type]  # the part that is used
        self.channels = Channels(engine, self.now)
        self.webhooks = Webhooks(engine=engine, sealer=Sealer(SECRET), now=self.now)
        self.media = open_media(media.as_uri())
        self.hub = LiveHub(listen=self.broadcast.listen)
        self.shop = Installation(engine)
        self.desk = Desk(engine, now=self.now, media=self.media)
        self.server: TestServer
        self._published = 0

    def now(self) -> datetime:
        return self.time

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def hire(self, name: str, *, role: str = "manager", **columns: Any) -> UUID:
        """A colleague who can sign in with PASSWORD."""
        in_team = columns.pop("in_team", role != "marketer")
        columns = {"password": HASHED, **columns}
        return await self.shop.hire(name, role=role, in_team=in_team, **columns)

    async def receive(self, *events: Accepted) -> None:
        """Routes them, and publishes what became of it, as the relay does."""
        await self.shop.route(*events, now=self.now())
        await self.publish()

    async def publish(self) -> None:
        """Gives positions to the new facts, and broadcasts them."""
        async with self.engine.begin() as connection:
            rows = await connection.execute(
                text("select seq, body from outbox where position is null order by seq")
            )
            bodies = []
            for row in rows:
                self._published += 1
                bodies.append(bytes(row.body))
                await connection.execute(
                    text("update outbox set position = :position where seq = :seq"),
                    {"position": self._published, "seq": row.seq},
                )
        for body in bodies:
            self.broadcast.say(body)


@asynccontextmanager
async def on_stage(engine: AsyncEngine, media: Path, *, port: int = 0) -> AsyncGenerator[Stage]:
    stage = Stage(engine, media)
    await stage.shop.found()
    async with asyncio.TaskGroup() as group:
        around = Surroundings(
            engine=engine,
            desk=stage.desk,
            dead_letters=stage.dead_letters,
            media=stage.media,
            hub=stage.hub,
            channels=stage.channels,
            telephone=stage.calls,
            typing=stage.typing,
            webhooks=stage.webhooks,
            spend=Spend(engine=engine, sealer=Sealer(SECRET), now=stage.now),
            now=stage.now,
            secret=SECRET,
            public_url="http://127.0.0.1",
            smtp_listen="127.0.0.1:8025",
        )
        application = web.Application()
        application.add_routes(inbox_routes(around))

        async def end_streams(_: web.Application) -> None:
            stage.hub.close()

        application.on_shutdown.append(end_streams)
        stage.server = TestServer(application, port=port)
        await stage.server.start_server(shutdown_timeout=1)
        hub = group.create_task(stage.hub.run())
        try:
            yield stage
        finally:
            await stage.server.close()
            hub.cancel()
