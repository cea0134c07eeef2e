"""The door that exchanges knock at: the real webhook, what went through it, and how a call looks when all is told."""

import itertools
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.channel_log import ChannelLog, Entry
from connectors.connector import Account, Connector, Incoming, NotDurable
from connectors.webhook import Webhooks
from router.message import CallReported
from tests.conftest import NOON


@dataclass
class Door:
    """Accounts, intake, counts and a log's sink in one; `url` is the account's own address."""

    account: Account
    accepted: list[Incoming] = field(default_factory=list)
    ignored_: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    durable: bool = True
    url: str = ""

    @property
    def reports(self) -> list[CallReported]:
        return [each.event for each in self.accepted if isinstance(each.event, CallReported)]

    def find(self, slug: str) -> Account | None:
        return self.account if slug == self.account.slug else None

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [self.account] if kind == self.account.kind else []

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if not self.durable:
            raise NotDurable
        self.accepted.extend(incoming)

    def received(self, kind: str) -> None: ...

    def refused(self, kind: str, status: int) -> None:
        self.statuses.append(status)

    def ignored(self, kind: str, reason: str) -> None:
        self.ignored_.append(reason)

    def write(self, entry: Entry) -> None: ...


@asynccontextmanager
async def a_door(
    account: Account, connector: Connector, *, now: Callable[[], datetime] = lambda: NOON
) -> AsyncGenerator[Door]:
    door = Door(account)
    webhooks = Webhooks(
        connectors={connector.kind: connector},
        accounts=door,
        intake=door,
        now=now,
        counts=door,
        log=ChannelLog(door, now),
    )
    app = web.Application()
    app.add_routes(webhooks.routes())
    async with TestServer(app) as server:
        door.url = str(server.make_url(f"/hooks/{connector.hook}/{account.slug}"))
        yield door


def by_key(reports: Iterable[CallReported]) -> dict[str, CallReported]:
    """One report per key; two that differ under one key would make the outcome a matter of luck."""
    found: dict[str, CallReported] = {}
    for key, group in itertools.groupby(
        sorted(reports, key=lambda each: each.key), lambda each: each.key
    ):
        first, *others = group
        assert all(other == first for other in others), key
        found[key] = first
    return found


def story(reports: Iterable[CallReported]) -> list[str]:
    """leg:phase of each report, the whole call's as "call"; legs by their extension where they have one."""
    return [
        f"{(each.extension or each.leg) if each.leg else 'call'}:{each.phase}" for each in reports
    ]


def answered(reports: Iterable[CallReported]) -> bool:
    return any(each.phase == "talking" for each in reports)
