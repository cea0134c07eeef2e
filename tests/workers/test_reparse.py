"""`allo reparse` on a real database: what an earlier, poorer parser made of a payload, and what the payload really says."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channels.email.envelope import in_envelope
from connectors.connector import Account, Incoming, Received, Reread
from connectors.errors import Malformed
from connectors.registry import discover
from router import wire
from router.message import (
    Accepted,
    Chat,
    Event,
    InboundMessage,
    MessageEdited,
    ServiceEvent,
)
from router.transit import BrokerDown, Publication
from storage import raw_payloads
from storage.engine import open_engine
from storage.media import MediaStore, open_media
from tests.command_line import Allo
from tests.conftest import NOON
from tests.connectors.channels import email_world, telegram_world
from tests.events import a_deletion, a_message, accepted, an_edit
from tests.installation import Installation
from workers.edge import without_content
from workers.reparse import BATCH, Counts, Reparser

Count = Callable[..., Awaitable[int]]
CAME = NOON + timedelta(seconds=1)
PAYLOADS = Path(__file__).parent.parent / "connectors" / "payloads"


@dataclass
class Published:
    """A broker that keeps what it is given. `down`: it takes nothing."""

    given: list[Publication] = field(default_factory=list)
    down: bool = False

    async def publish(self, publications: Sequence[Publication]) -> None:
        if self.down:
            raise BrokerDown("no broker")
        self.given += publications

    def taken(self) -> list[Accepted]:
        events = [
            wire.decode_event(body) for each in self.given for body in wire.split_events(each.body)
        ]
        self.given.clear()
        return events


class Archive:
    """A shop whose events came long ago."""

    def __init__(self, shop: Installation, account: Account, media: MediaStore) -> None:
        self.shop = shop
        self.account = account
        self.media = media
        self.broker = Published()
        self.reread: Reread | None = discover()[account.kind].reread

    async def kept(
        self, raw: bytes, poorly: Event, *, at: datetime = CAME, raw_ref: str = ""
    ) -> UUID:
        """The payload came, and this is what the parser of that time made of it. The event's id, and its message's."""
        event = self.as_taken(None if raw_ref else raw, poorly, at=at, raw_ref=raw_ref)
        await self.shop.route(event)
        await self.shop.sql("delete from outbox")
        return event.id

    def as_taken(
        self, raw: bytes | None, event: Event, *, at: datetime, raw_ref: str = ""
    ) -> Accepted:
        taken = accepted(self.account.id, event, channel=self.account.kind)
        return replace(taken, received_at=at, raw=raw, raw_ref=raw_ref)

    async def reparse(self, *, since: datetime = NOON, dry_run: bool = False) -> Counts:
        assert self.reread is not None
        return await Reparser(
            engine=self.shop.engine,
            broker=self.broker,  # type: ignore[arg-type]  # the part of it that is used
            media=self.media,
            reread=self.reread,
            accounts={self.account.id: self.account},
            now=lambda: NOON + timedelta(days=2),
        ).run(since=since, dry_run=dry_run)

    async def routed(self) -> int:
        """The router takes what was published; how many."""
        events = self.broker.taken()
        if events:
            await self.shop.route(*events)
        return len(events)


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    installation = await Installation(database).found()
    await installation.hire("Anna")
    return installation


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return open_media((tmp_path / "media").as_uri())


@pytest.fixture
async def telegram(shop: Installation, media: MediaStore) -> Archive:
    account = telegram_world.an_account()
    return Archive(shop, type(account)(**{**_fields(account), "id": await shop.connect()}), media)


@pytest.fixture
async def mail(shop: Installation, media: MediaStore) -> Archive:
    id_ = await shop.connect("mail", kind="email")
    return Archive(shop, email_world.an_account(account_id=id_, address="shop@example.com"), media)


def _fields(account: Account) -> dict[str, Any]:
    return {name: getattr(account, name) for name in account.__dataclass_fields__}


def an_update(**content: Any) -> bytes:
    return telegram_world.an_update(**content)


def as_read(archive: Archive, raw: bytes) -> Event:
    assert archive.reread is not None
    received = archive.reread(archive.account, raw, CAME)
    assert received is not None
    return received.incoming[0].event


def unsupported(event: Event) -> InboundMessage:
    """What a parser that does not know the content makes of the same message."""
    assert isinstance(event, InboundMessage)
    return replace(
        event, kind="unsupported", text="", html="", attachments=(), details={"unsupported": "x"}
    )


def passed_over(key: str) -> ServiceEvent:
    """What a parser that takes a message for something that happened makes of it."""
    return ServiceEvent(key=key, chat=Chat(id="nowhere"), at=NOON, name="gift")


# What is stored is corrected where it stands


async def test_a_message_that_was_not_understood_reads_as_it_should(
    telegram: Archive, shop: Installation
) -> None:
    raw = an_update(text="Сколько стоит замена колодок?")
    id_ = await telegram.kept(raw, unsupported(as_read(telegram, raw)))
    assert (await shop.one("select preview from conversation")).preview == ""

    assert await telegram.reparse() == Counts(read=1, corrected=1)

    row = await shop.one("select id, seq, kind, text, details, edited_at from message")
    assert (row.id, row.seq, row.edited_at) == (id_, 1, None)
    assert (row.kind, row.text, row.details) == ("text", "Сколько стоит замена колодок?", {})
    shown = await shop.one("select preview, preview_kind, unread from conversation")
    assert tuple(shown) == ("Сколько стоит замена колодок?", "text", 1)
    told = [wire.decode_fact(each.body) for each in await shop.sql("select body from outbox")]
    assert [(type(each).__name__, each.message, each.what) for each in told] == [  # type: ignore[union-attr]
        ("MessageChanged", id_, "edited")
    ]
    assert told[0].conversation is not None
    assert not telegram.broker.given


async def test_a_second_time_nothing_is_left_to_do(
    telegram: Archive, shop: Installation, count: Count
) -> None:
    raw = an_update(text="привет")
    await telegram.kept(raw, unsupported(as_read(telegram, raw)))
    await telegram.reparse()
    await shop.sql("delete from outbox")

    assert await telegram.reparse() == Counts(read=1, unchanged=1)
    assert await count("outbox") == 0


async def test_a_dry_run_counts_and_changes_nothing(
    telegram: Archive, shop: Installation, count: Count
) -> None:
    raw, hidden = an_update(text="привет"), an_update(text="я здесь", number=870002)
    await telegram.kept(raw, unsupported(as_read(telegram, raw)))
    await telegram.kept(hidden, passed_over("870002"))

    assert await telegram.reparse(dry_run=True) == Counts(read=2, corrected=1, again=1)

    assert (await shop.one("select kind from message")).kind == "unsupported"
    assert await count("inbound_event") == 2
    assert await count("outbox") == 0
    assert not telegram.broker.given


async def test_what_a_person_edited_or_deleted_stays(
    telegram: Archive, shop: Installation, count: Count
) -> None:
    raws = [
        telegram_world.an_update(
            told=telegram_world.a_message(text=f"привет {n}") | {"message_id": n}, number=n
        )
        for n in (1, 2)
    ]
    events = [unsupported(as_read(telegram, raw)) for raw in raws]
    for raw, event in zip(raws, events, strict=True):
        await telegram.kept(raw, event)
    await shop.route(
        accepted(telegram.account.id, an_edit(events[0], "исправлено")),
        accepted(telegram.account.id, a_deletion(events[1])),
    )
    assert await count("message", "edited_at is not null or deleted_at is not null") == 2

    assert await telegram.reparse() == Counts(read=2, left=2)
    texts = {row.text for row in await shop.sql("select text from message")}
    assert texts == {"исправлено", ""}


async def test_files_that_were_missed_are_fetched(telegram: Archive, shop: Installation) -> None:
    photo = [{"file_id": "F1", "file_unique_id": "u1", "width": 9, "height": 9, "file_size": 10}]
    raw = an_update(photo=photo, caption="вот")
    event = as_read(telegram, raw)
    assert isinstance(event, InboundMessage)
    assert event.attachments
    id_ = await telegram.kept(raw, replace(event, attachments=(), kind="text"))

    assert (await telegram.reparse()).corrected == 1

    file = await shop.one(
        "select message_id, ref, state, next_attempt_at, position from attachment"
    )
    assert (file.message_id, file.ref, file.state, file.position) == (
        id_,
        event.attachments[0].ref,
        "wanted",
        0,
    )
    assert file.next_attempt_at is not None
    kinds = [row.kind for row in await shop.sql("select kind from outbox order by seq")]
    assert kinds == ["message_changed", "media_wanted"]
    assert (await telegram.reparse()).unchanged == 1


async def test_a_file_that_is_there_is_not_added_again(
    mail: Archive, shop: Installation, media: MediaStore, count: Count
) -> None:
    raw = (email_world.SAMPLES / "0006-attachment_emails_attachment_pdf.eml").read_bytes()
    event = as_read(mail, raw)
    assert isinstance(event, InboundMessage)
    files = event.attachments
    assert files
    assert files[0].content is not None
    held = replace(files[0], content=None, sha256=await media.put(files[0].content))
    poor = replace(event, attachments=(held,), text="", subject="=?x?")
    await mail.kept(raw, poor)

    assert (await mail.reparse()).corrected == 1
    assert await count("attachment") == len(files)
    row = await shop.one("select subject, text from message")
    assert (row.subject, row.text) == (event.subject, event.text)
    assert (await shop.one("select subject from conversation")).subject == event.subject


async def test_files_that_came_in_the_mail_are_stored(
    mail: Archive, shop: Installation, media: MediaStore, count: Count
) -> None:
    raw = (email_world.SAMPLES / "0006-attachment_emails_attachment_pdf.eml").read_bytes()
    event = as_read(mail, raw)
    assert isinstance(event, InboundMessage)
    await mail.kept(raw, replace(event, attachments=()))

    assert (await mail.reparse(dry_run=True)).corrected == 1
    assert await count("attachment") == 0
    assert (await mail.reparse()).corrected == 1

    stored = await shop.sql("select sha256, name, mime, state from attachment order by position")
    assert [each.state for each in stored] == ["stored"] * len(event.attachments)
    assert [await media.get(each.sha256) for each in stored] == [
        each.content for each in event.attachments
    ]
    assert (await mail.reparse()).unchanged == 1


async def test_a_mail_that_could_not_be_read_at_all_is_one_message_still(
    mail: Archive, shop: Installation, media: MediaStore
) -> None:
    """Its key was made of its bytes, and is made of its words now: it is the same mail all the same."""
    raw = in_envelope(
        email_world.a_raw("Когда привезёте?", subject="Заказ 7"),
        sender="petr@example.org",
        recipients=["shop@example.com"],
    )
    unread = a_message(key="unnamed:0123", text="", kind="unsupported", chat="unnamed:0123")
    id_ = await mail.kept(raw, unread, raw_ref=await media.put(raw))

    assert await mail.reparse() == Counts(read=1, corrected=1)
    row = await shop.one("select id, kind, text, subject from message")
    assert tuple(row) == (id_, "text", "Когда привезёте?", "Заказ 7")
    assert await mail.reparse() == Counts(read=1, unchanged=1)
    assert not mail.broker.given


async def test_why_a_sender_was_believed_is_what_it_was(mail: Archive, shop: Installation) -> None:
    """The account has learnt since whose word to take; the contact was made without it."""
    raw = in_envelope(
        email_world.a_raw(
            authentication_results="mx.example.com; dmarc=pass header.from=example.org"
        ),
        sender="petr@example.org",
        recipients=["shop@example.com"],
    )
    await mail.kept(raw, as_read(mail, raw))
    before = (await shop.one("select details from message")).details
    assert before["authentication"] == "unauthenticated From"
    mail.account = email_world.an_account(
        account_id=mail.account.id, address="shop@example.com", authserv_id="mx.example.com"
    )
    now = as_read(mail, raw)
    assert isinstance(now, InboundMessage)
    assert "pass" in now.details["authentication"]

    assert await mail.reparse() == Counts(read=1, unchanged=1)
    assert (await shop.one("select details from message")).details == before


# What was no message, or nothing at all, is routed as new


async def test_what_was_passed_over_becomes_a_message_with_its_lead(
    telegram: Archive, shop: Installation, count: Count
) -> None:
    raw = an_update(text="Вы работаете?")
    await telegram.kept(raw, passed_over("870001"))
    assert (await shop.one("select outcome from inbound_event")).outcome.startswith("ignored")
    assert await count("message") == 0

    assert await telegram.reparse() == Counts(read=1, again=1)
    assert await count("inbound_event") == 0
    assert await telegram.routed() == 1

    assert (await shop.one("select text from message")).text == "Вы работаете?"
    assert await count("lead", "status = 'open'") == 1
    event = await shop.one("select received_at, outcome, kind, raw from inbound_event")
    assert (event.received_at, event.outcome, event.kind) == (CAME, "stored", "message")
    assert event.raw is not None
    assert await telegram.reparse() == Counts(read=1, unchanged=1)
    assert not telegram.broker.given


async def test_a_line_that_was_a_message_is_told_as_one(
    telegram: Archive, shop: Installation, count: Count
) -> None:
    first, second = an_update(text="раз"), an_update(text="два", number=870002)
    event = as_read(telegram, first)
    assert isinstance(event, InboundMessage)
    await telegram.kept(first, event)
    await telegram.kept(
        second, ServiceEvent(key="870002", chat=event.chat, at=event.at, name="gift")
    )
    assert await count("message", "direction = 'system'") == 1

    assert await telegram.reparse() == Counts(read=2, unchanged=1, again=1)
    # The same chat message twice in the sample: another number makes it another message.
    assert await telegram.routed() == 1
    assert await telegram.reparse() == Counts(read=2, unchanged=2)


async def test_without_a_broker_the_key_stays_where_it_was(telegram: Archive, count: Count) -> None:
    await telegram.kept(an_update(text="ау"), passed_over("870001"))
    telegram.broker.down = True
    with pytest.raises(BrokerDown):
        await telegram.reparse()
    assert await count("inbound_event") == 1

    telegram.broker.down = False
    assert (await telegram.reparse()).again == 1
    assert await telegram.routed() == 1
    assert await count("message") == 1


async def test_a_payload_that_yields_more_than_it_did_yields_it_once(
    telegram: Archive, shop: Installation, count: Count
) -> None:
    """A batch of which the parser of that time took the first event only."""
    both = [
        a_message(key=key, text=text, chat="7", at=NOON + timedelta(seconds=int(key)))
        for key, text in (("1", "первое"), ("2", "второе"))
    ]

    def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
        return Received(incoming=tuple(Incoming(event=each, raw=raw) for each in both))

    telegram.reread = reread
    await telegram.kept(b"batch", both[0], at=NOON + timedelta(minutes=1))

    assert await telegram.reparse() == Counts(read=1, unchanged=1, new=1)
    assert await telegram.routed() == 1
    assert [row.text for row in await shop.sql("select text from message order by seq")] == [
        "первое",
        "второе",
    ]
    assert await telegram.reparse() == Counts(read=2, unchanged=2)
    assert await count("inbound_event", "raw is not null") == 2


async def test_what_cannot_be_told_apart_is_left(telegram: Archive, count: Count) -> None:
    """Two keys were there, and two others are there now: which is which nobody knows, and a double is worse."""

    def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
        return Received(incoming=tuple(Incoming(event=a_message(key=key)) for key in "ab"))

    telegram.reread = reread
    for key in "12":
        await telegram.kept(b"batch", a_message(key=key))
    assert await telegram.reparse() == Counts(read=2, left=2)
    assert not telegram.broker.given
    assert await count("message") == 2


async def test_an_edit_that_lost_its_words_is_told_again(
    telegram: Archive, shop: Installation
) -> None:
    """As read then, original and edits were all empty, and so the edits changed nothing."""
    message = telegram_world.a_message(text="А")
    raws = [telegram_world.an_update(told=message, number=1)]
    raws += [
        telegram_world.an_update(
            "edited_message",
            message | {"text": text, "edit_date": telegram_world.AT + 60 * n},
            number=1 + n,
        )
        for n, text in enumerate(("Б", "В"), start=1)
    ]
    for n, raw in enumerate(raws):
        event = as_read(telegram, raw)
        assert isinstance(event, InboundMessage | MessageEdited)
        await telegram.kept(raw, replace(event, text="", html=""), at=CAME + timedelta(seconds=n))
    assert (await shop.one("select text from message")).text == ""

    # The first edit was overtaken by the second, then as now.
    assert await telegram.reparse() == Counts(read=3, corrected=1, again=1, unchanged=1)
    assert await telegram.routed() == 1
    row = await shop.one("select text, details->>'before_edit' as before from message")
    assert (row.text, row.before) == ("В", "А")
    assert await telegram.reparse() == Counts(read=3, unchanged=2, left=1)


# Over everything


async def test_what_is_read_as_before_changes_nothing(telegram: Archive, mail: Archive) -> None:
    """Every sample of both channels, as the edge keeps it."""
    for archive, payloads in ((telegram, _telegram_samples()), (mail, _mail_samples())):
        taken = []
        for n, raw in enumerate(payloads):
            at = CAME + timedelta(seconds=n)
            assert archive.reread is not None
            received = archive.reread(archive.account, raw, at)
            assert received is not None
            for incoming in received.incoming:
                event = await without_content(incoming.event, archive.media)
                taken.append(archive.as_taken(raw, event, at=at))
        await archive.shop.route(*taken)
        counts = await archive.reparse()
        assert counts == Counts(read=counts.read, unchanged=counts.read)
        assert counts.read > 50


def _telegram_samples() -> list[bytes]:
    anna = telegram_world.ANNA
    card = {"phone_number": "+79161234567", "first_name": "Анна", "user_id": anna["id"]}
    samples = [telegram_world.an_update(number=0, contact=card)]
    for n, path in enumerate(sorted((PAYLOADS / "telegram").glob("*/*.json")), start=1):
        told = json.loads(path.read_text())
        if "update_id" in told:
            samples.append(json.dumps(told | {"update_id": n}).encode())
        elif "message_id" in told:
            samples.append(json.dumps({"update_id": n, "message": told}).encode())
    return samples


def _mail_samples() -> list[bytes]:
    return [
        in_envelope(path.read_bytes(), sender="petr@example.org", recipients=["shop@example.com"])
        for path in sorted(email_world.SAMPLES.glob("*.eml"))
    ]


async def test_many_pages_and_long_silences_are_gone_over_once_each(
    telegram: Archive, shop: Installation
) -> None:
    seen: list[bytes] = []

    def reread(account: Account, raw: bytes, received_at: datetime) -> Received | None:
        seen.append(raw)
        return None

    telegram.reread = reread
    rows = [(NOON + timedelta(seconds=n // 7), f"a{n:04}") for n in range(2 * BATCH + 50)]
    rows += [(NOON + timedelta(hours=30, microseconds=n), f"b{n}") for n in range(BATCH)]
    rows += [(NOON - timedelta(seconds=1), "before"), (NOON + timedelta(days=3), "after")]
    await shop.sql(
        "insert into inbound_event (account_id, key, id, kind, received_at, outcome, raw)"
        " select :account, key, gen_random_uuid(), 'message', at, 'stored', raw from unnest(cast(:keys as text[]),"
        " cast(:ats as timestamptz[]), cast(:raws as bytea[])) as rows(key, at, raw)",
        account=telegram.account.id,
        keys=[key for _, key in rows],
        ats=[at for at, _ in rows],
        raws=[raw_payloads.pack(key.encode()) for _, key in rows],
    )
    assert await telegram.reparse() == Counts(read=3 * BATCH + 50, unreadable=3 * BATCH + 50)
    assert sorted(seen) == sorted(key.encode() for _, key in rows if key not in {"before", "after"})


async def test_payloads_that_are_gone_or_still_unreadable_are_counted(
    telegram: Archive, shop: Installation
) -> None:
    def reread(account: Account, raw: bytes, received_at: datetime) -> Received | None:
        raise Malformed("still not")

    telegram.reread = reread
    await telegram.kept(b"?", a_message(key="1"))
    await telegram.kept(b"?", a_message(key="2"), raw_ref="0" * 64)
    await telegram.kept(b"?", a_message(key="3"))
    await shop.sql("update inbound_event set raw = null where key = '3'")
    assert await telegram.reparse() == Counts(read=3, unreadable=1, gone=2)


# The command


def test_the_command_reads_again_and_says_what_came_of_it(allo: Allo, database_url: str) -> None:
    added = allo("channel", "add", "telegram", "shop", "--set", "token=123456:TEST", "--json")
    assert added.status == 0, added.err
    raw = an_update(text="Вы открыты?")

    async def in_shop(story: Callable[[Installation], Awaitable[int]]) -> int:
        engine = open_engine(database_url, pool_size=1)
        try:
            return await story(Installation(engine))
        finally:
            await engine.dispose()

    async def long_ago(shop: Installation) -> int:
        account = (await shop.one("select id from account where slug = 'shop'")).id
        event = accepted(account, passed_over("870001"))
        return (await shop.route(replace(event, raw=raw, received_at=NOON))).fresh

    async def queued(shop: Installation) -> int:
        return int((await shop.one("select count(*) as n from queue_message")).n)

    assert asyncio.run(in_shop(long_ago)) == 1
    since = ("--since", "2026-11-21T00:00:00Z")
    tried = allo("reparse", "--channel", "telegram", *since, "--dry-run", "--json")
    assert (tried.status, tried.json["again"], tried.json["dry_run"]) == (0, 1, True)
    said = allo("reparse", "--channel", "telegram", *since)
    assert said.status == 0, said.err
    assert "1  events routed again" in said.out
    assert asyncio.run(in_shop(queued)) == 1


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        pytest.param(
            ["site_chat", "1d"], 1, "no raw payloads", id="a channel without raw payloads"
        ),
        pytest.param(["fax", "1d"], 1, "There is no channel of the kind fax", id="no such kind"),
        pytest.param(["telegram", "1d"], 1, "There is no telegram account", id="nothing connected"),
        pytest.param(["telegram", "yesterday"], 2, "write 2026-11-20", id="no such time"),
    ],
)
def test_what_cannot_be_done_is_said(args: list[str], status: int, words: str, allo: Allo) -> None:
    said = allo("reparse", "--channel", args[0], "--since", args[1])
    assert (said.status, said.out) == (status, "")
    assert words in " ".join(said.err.split())


def test_every_channel_that_gives_raw_payloads_reads_them_again() -> None:
    """`receive` and the listeners of these keep what they read; a new channel must be able to, or say here why not."""
    kept_by_ourselves = {"site_chat"}
    # What a call is comes out of all that was said on the line since it began; no part of it says it alone.
    told_by_a_line = {"asterisk"}
    unable = {kind for kind, channel in discover().items() if channel.reread is None}
    assert unable == kept_by_ourselves | told_by_a_line
