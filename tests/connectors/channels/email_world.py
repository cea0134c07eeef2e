"""What the email tests stand on: an account, its surroundings in memory, mails of few words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

from connectors.channels.email.events import understand
from connectors.connector import Account, Incoming, NotDurable, Surroundings
from router.message import Event, InboundMessage
from tests.conftest import NOON

SAMPLES = Path(__file__).parent.parent / "payloads" / "email"
SECRET = b"s" * 32


def an_account(*, slug: str = "mail", account_id: UUID | None = None, **fields: str) -> Account:
    return Account(id=account_id or uuid4(), kind="email", slug=slug, fields=fields, secret=SECRET)


ACCOUNT = an_account(address="shop@example.com", mode="smtp", reply_tokens="yes")


def a_raw(body: str | bytes = "Сколько стоит?", **fields: str | bytes) -> bytes:
    """A mail as bytes; `message_id=…` is the field Message-Id, None leaves a default out."""
    written: dict[str, str | bytes] = {
        "from": "Пётр <petr@example.org>",
        "to": "shop@example.com",
        "message-id": "<m1@example.org>",
    }
    written |= {name.replace("_", "-"): value for name, value in fields.items()}
    head = b"".join(
        name.title().encode() + b": " + _bytes(value) + b"\r\n"
        for name, value in written.items()
        if value
    )
    return head + b"\r\n" + _bytes(body)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def read(raw: bytes, *, account: Account = ACCOUNT, **more: Any) -> InboundMessage:
    """The message in it; fails the test when it is none."""
    event = event_of(raw, account=account, **more)
    assert isinstance(event, InboundMessage)
    return event


def event_of(raw: bytes, *, account: Account = ACCOUNT, **more: Any) -> Event | None:
    return understand(raw, account=account, received_at=NOON, **more).event


def ignored(raw: bytes, *, account: Account = ACCOUNT, **more: Any) -> str:
    understood = understand(raw, account=account, received_at=NOON, **more)
    assert understood.event is None
    return understood.ignored


@dataclass
class Connected:
    accounts: list[Account]

    async def look_up(self, slug: str) -> Account | None:
        return self.find(slug)

    def find(self, slug: str) -> Account | None:
        return next((each for each in self.accounts if each.slug == slug), None)

    def of_kind(self, kind: str) -> Sequence[Account]:
        return [each for each in self.accounts if each.kind == kind]


@dataclass
class Taken:
    """An intake that keeps what it takes, unless it is told that it cannot."""

    durable: bool = True
    incoming: list[tuple[Account, Incoming]] = field(default_factory=list)

    async def accept(self, account: Account, incoming: Sequence[Incoming]) -> None:
        if not self.durable:
            raise NotDurable
        self.incoming += [(account, each) for each in incoming]


def surroundings(
    accounts: list[Account], intake: Taken, *, listen: str, paused: Sequence[Account] = ()
) -> Surroundings:
    def now() -> datetime:
        return NOON

    return Surroundings(
        accounts=Connected(accounts),
        intake=intake,
        threads=cast("Any", None),
        media=cast("Any", None),
        now=now,
        secret=SECRET,
        public_url="http://127.0.0.1:8080",
        listen={"smtp": listen},
        resting=lambda kind: [each for each in paused if each.kind == kind],
    )
