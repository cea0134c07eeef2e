"""Reading a mailbox on a real Dovecot: nothing lost, nothing doubled, whatever happens to the server on the way."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from uuid import uuid4

import psutil
import pytest
from imapclient.exceptions import IMAPClientError

from connectors import polling
from connectors.channels.email.imap import mailbox as mailbox_module, watching
from connectors.connector import Account
from router.message import InboundMessage
from tests.connectors.channels.dovecot import (
    DELIVERED,
    PASSWORD,
    Dovecot,
    running_dovecot,
    token_for,
)
from tests.connectors.channels.email_reading import Reader, reading, until
from tests.connectors.channels.email_servers import Tokens, Wire
from tests.connectors.channels.email_world import SAMPLES, a_raw, an_account


@pytest.fixture(scope="module")
async def server() -> AsyncGenerator[Dovecot]:
    """One for all; a test has boxes of its own, and leaves the server running."""
    async with running_dovecot() as dovecot:
        yield dovecot


@pytest.fixture
def user() -> str:
    return f"shop{uuid4().hex[:8]}"


def reads(server: Dovecot, user: str, **fields: str) -> Account:
    settings: dict[str, str] = {
        "mode": "imap",
        "address": f"{user}@example.com",
        "imap_host": "127.0.0.1",
        "imap_port": str(server.port),
        "imap_tls": "none",
        "imap_user": user,
        "imap_password": PASSWORD,
    }
    return replace(an_account(), fields=settings | fields)


LARGE = 1000


def mails(start: int, end: int, *, size: int = 0) -> list[bytes]:
    return [
        a_raw(
            f"Вопрос {number} " + "x" * size,
            subject=f"n{number}",
            message_id=f"<{number}@example.org>",
        )
        for number in range(start, end)
    ]


def subjects(start: int, end: int) -> list[str]:
    return [f"n{number}" for number in range(start, end)]


async def test_what_is_in_the_box_comes_in_its_order_and_then_what_is_new(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 3))
    reader = Reader(keep=True)
    async with reading(reads(server, user), reader):
        await reader.has(3)
        # By IDLE: the next look would be in 45 seconds.
        server.deliver(user, mails(3, 4))
        await reader.has(4)
    assert reader.subjects == subjects(0, 4)
    assert reader.told == [("works", "")]
    first = reader.incoming[0].event
    assert isinstance(first, InboundMessage)
    assert first.text.startswith("Вопрос 0")
    assert (first.at - DELIVERED).total_seconds() == 1
    raw = reader.incoming[0].raw
    assert raw is not None
    assert raw.endswith(a_raw("Вопрос 0 ", subject="n0", message_id="<0@example.org>"))


async def test_nothing_in_the_box_is_changed(server: Dovecot, user: str) -> None:
    server.deliver(user, mails(0, 2))
    reader = Reader()
    async with reading(reads(server, user), reader):
        await reader.has(2)
    names = [each.name for each in server.box(user).glob("*/*.test*")]
    assert len(names) == 2
    assert not any("S" in name.partition(":2,")[2] for name in names)


async def test_another_process_goes_on_where_the_last_one_stopped(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 3))
    reader = Reader()
    async with reading(reads(server, user), reader):
        await reader.has(3)
    server.deliver(user, mails(3, 5))
    async with reading(reads(server, user), reader):
        await reader.has(5)
    assert reader.subjects == subjects(0, 5)


async def test_a_server_restarted_in_the_middle_loses_and_doubles_nothing(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 200))
    reader = Reader(gate=asyncio.Event())
    async with reading(reads(server, user), reader):
        await until(lambda: server.port)
        assert reader.gate is not None
        reader.gate.set()
        await reader.has(50)
        reader.gate.clear()
        await server.stop()
        reader.gate.set()
        await until(lambda: any(state == "troubled" for state, _ in reader.told))
        server.deliver(user, mails(200, 210))
        server.start()
        await reader.has(210)
        await until(lambda: reader.told[-1] == ("works", ""))
    assert reader.subjects == subjects(0, 210)


async def test_an_idle_connection_that_the_server_ends_is_opened_again(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 1))
    reader = Reader()
    async with reading(reads(server, user), reader):
        await reader.has(1)
        await server.stop()
        await until(lambda: reader.told[-1][0] == "troubled")
        server.deliver(user, mails(1, 2))
        server.start()
        await reader.has(2)
    assert reader.subjects == subjects(0, 2)


async def test_what_was_not_stored_comes_again_under_the_same_keys(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 60))
    reader = Reader(not_durable=1, forgets=1)
    async with reading(reads(server, user), reader):
        await reader.has(60)
    # The first batch was stored twice: its cursor was lost in between.
    assert reader.subjects == subjects(0, 50) + subjects(0, 60)
    assert len(set(reader.keys)) == 60


async def test_a_box_with_other_uids_is_read_anew_and_recognised(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 5))
    reader = Reader()
    async with reading(reads(server, user), reader):
        await reader.has(5)
    before = reader.cursor
    await server.is_left_by(user)
    server.renumber(user)
    server.deliver(user, mails(5, 6))
    async with reading(reads(server, user), reader):
        await reader.has(6)
    assert sorted(set(reader.subjects)) == subjects(0, 6)
    assert len(set(reader.keys)) == 6
    assert reader.cursor.partition(":")[0] != before.partition(":")[0]


async def test_an_account_pointed_to_another_box_reads_it_from_its_beginning(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 5))
    reader = Reader()
    async with reading(reads(server, user), reader):
        await reader.has(5)
    other = f"other{user}"
    server.deliver(other, mails(5, 8))
    # As if the two servers numbered alike.
    validity = reader.cursor.partition("/")[2].partition(":")[0]
    server.number(other, int(validity))
    async with reading(reads(server, other), reader):
        await reader.has(8)
    assert reader.subjects == subjects(0, 8)


async def test_uids_that_change_between_two_batches_lose_nothing(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 120))
    reader = Reader(gate=asyncio.Event())
    async with reading(reads(server, user), reader):
        assert reader.gate is not None
        reader.gate.set()
        await reader.has(50)
        reader.gate.clear()
        await server.stop()
        server.renumber(user)
        server.start()
        reader.gate.set()
        await reader.has(120)
    assert len(set(reader.keys)) == 120


async def test_a_large_box_comes_once_each_in_flat_memory(server: Dovecot, user: str) -> None:
    server.deliver(user, mails(0, LARGE, size=45_000))
    reader = Reader()
    process = psutil.Process()
    async with reading(reads(server, user), reader):
        await reader.has(LARGE // 5)
        early = process.memory_info().rss
        await until(lambda: len(reader.keys) >= LARGE, seconds=90)
        late = process.memory_info().rss
    assert reader.subjects == subjects(0, LARGE)
    assert max(reader.batches) <= mailbox_module.MAILS
    # What comes after the first fifth has 36 MB.
    assert late - early < 15 * 1024 * 1024


async def test_a_batch_is_bounded_in_bytes_too(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_module, "BYTES", 10_000)
    server.deliver(user, mails(0, 7, size=4000))
    reader = Reader()
    async with reading(reads(server, user), reader):
        await reader.has(7)
    assert reader.subjects == subjects(0, 7)
    assert max(reader.batches) == 2


async def test_searches_go_over_a_part_of_the_box_each(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_module, "SPAN", 7)
    server.deliver(user, mails(0, 30))
    reader = Reader()
    async with reading(reads(server, user), reader):
        await reader.has(30)
        server.deliver(user, mails(30, 31))
        await reader.has(31)
    assert reader.subjects == subjects(0, 31)


async def test_a_mail_that_takes_longer_than_a_poll_may_comes_all_the_same(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = mailbox_module.Mailbox._bodies
    arrives = threading.Event()

    def over_a_thin_line(
        mailbox: mailbox_module.Mailbox, uids: Sequence[int], part: str, sizes: dict[int, int]
    ) -> list[mailbox_module.Mail]:
        assert arrives.wait(20)
        return bodies(mailbox, uids, part, sizes)

    monkeypatch.setattr(mailbox_module.Mailbox, "_bodies", over_a_thin_line)
    monkeypatch.setattr(watching, "ALIVE", 0.05)
    monkeypatch.setattr(polling, "LONGEST_POLL", 2.0)
    server.deliver(user, mails(0, 1))
    reader = Reader()
    async with reading(reads(server, user), reader):
        # The first sign of life: what it was waiting for has not come yet.
        await until(lambda: reader.told)
        assert reader.subjects == []
        arrives.set()
        await reader.has(1)
    assert reader.told == [("works", "")]


async def test_of_a_mail_beyond_all_bounds_the_beginning_is_read(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_module, "SIZE", 3000)
    monkeypatch.setattr(mailbox_module, "CUT", 1000)
    server.deliver(user, [*mails(0, 1), *mails(1, 2, size=9000), *mails(2, 3)])
    reader = Reader(keep=True)
    async with reading(reads(server, user), reader):
        await reader.has(3)
    assert reader.subjects == subjects(0, 3)
    cut = reader.incoming[1].event
    assert isinstance(cut, InboundMessage)
    assert len(cut.text) < 1000
    assert "only the beginning is read" in cut.details["notes"][0]


async def test_mail_from_before_a_day_is_left_alone(server: Dovecot, user: str) -> None:
    server.deliver(user, mails(0, 2), arrived=DELIVERED.replace(month=3))
    server.deliver(user, mails(2, 4))
    reader = Reader()
    async with reading(reads(server, user, imap_since="2026-11-01"), reader):
        await reader.has(2)
        server.deliver(user, mails(4, 5))
        await reader.has(3)
    assert reader.subjects == subjects(2, 5)


async def test_a_mail_on_which_the_server_hangs_up_holds_up_nobody(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 6))
    files = sorted((server.box(user) / "new").iterdir())
    for number in (1, 2, 5):
        files[number].chmod(0)
    reader = Reader()
    async with reading(reads(server, user), reader):
        await until(lambda: len(reader.subjects) + len(reader.ignored_reasons) == 6)
        server.deliver(user, mails(6, 7))
        await reader.has(4)
    assert reader.subjects == ["n0", "n3", "n4", "n6"]
    assert reader.ignored_reasons == ["the mail server does not give a mail"] * 3
    assert {state for state, _ in reader.told} == {"works"}


async def test_a_mail_that_the_server_refuses_to_give_is_named_and_passed_over(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = mailbox_module.Mailbox._bodies

    def as_exchange_does(
        mailbox: mailbox_module.Mailbox, uids: Sequence[int], part: str, sizes: dict[int, int]
    ) -> list[mailbox_module.Mail]:
        if 2 in uids:
            raise IMAPClientError("fetch failed: b'NO The specified message cannot be opened'")
        return bodies(mailbox, uids, part, sizes)

    monkeypatch.setattr(mailbox_module.Mailbox, "_bodies", as_exchange_does)
    server.deliver(user, mails(0, 4))
    reader = Reader()
    async with reading(reads(server, user), reader):
        await reader.has(3)
    assert reader.subjects == ["n0", "n2", "n3"]
    assert reader.ignored_reasons == ["the mail server does not give a mail"]


async def test_a_server_that_gives_no_mail_at_all_loses_none(server: Dovecot, user: str) -> None:
    server.deliver(user, mails(0, 8))
    files = sorted((server.box(user) / "new").iterdir())
    for each in files:
        each.chmod(0)
    reader = Reader()
    async with reading(reads(server, user), reader):
        await until(lambda: len([1 for state, _ in reader.told if state == "troubled"]) > 0)
        assert reader.ignored_reasons == []
        for each in (server.box(user) / "cur", server.box(user) / "new"):
            for mail in each.iterdir():
                mail.chmod(0o600)
        await reader.has(8)
    assert reader.subjects == subjects(0, 8)


async def test_broken_mails_and_bounces_hold_up_nobody(server: Dovecot, user: str) -> None:
    garbage = [b"", b"\x00\xff", b"no header", b"X-Allo-Envelope: {}\r\n\r\nmine"]
    server.deliver(user, [*garbage, *mails(0, 1)])
    reader = Reader(keep=True)
    async with reading(reads(server, user), reader):
        await until(lambda: "n0" in reader.subjects)
    assert len(reader.keys) + len(reader.ignored_reasons) == 5


async def test_every_sample_comes_as_an_event_or_is_named(server: Dovecot, user: str) -> None:
    samples = [each.read_bytes() for each in sorted(SAMPLES.glob("*.eml"))]
    assert len(samples) > 100
    server.deliver(user, samples)
    reader = Reader(keep=True)
    async with reading(reads(server, user), reader):
        await until(lambda: len(reader.keys) + len(reader.ignored_reasons) == len(samples))
    assert not any(
        isinstance(each.event, InboundMessage) and "unreadable" in each.event.details
        for each in reader.incoming
    )
    assert reader.told == [("works", "")]


async def test_a_folder_with_a_russian_name_is_read(server: Dovecot, user: str) -> None:
    server.deliver(f"{user}/.&BBcEMARPBDIEOgQ4-", mails(0, 2))
    reader = Reader()
    async with reading(reads(server, user, imap_folder="Заявки"), reader):
        await reader.has(2)


async def test_a_folder_that_is_not_there_stops_the_account_and_names_those_that_are(
    server: Dovecot, user: str
) -> None:
    server.deliver(user, mails(0, 1))
    reader = Reader()
    async with reading(reads(server, user, imap_folder="Nowhere"), reader):
        await until(lambda: reader.told)
    assert reader.told[0][0] == "broken"
    assert "Nowhere" in reader.told[0][1]
    assert "INBOX" in reader.told[0][1]


async def test_a_refused_password_is_tried_once(server: Dovecot, user: str) -> None:
    reader = Reader()
    async with reading(reads(server, user, imap_password="wrong"), reader):
        await until(lambda: reader.told)
        await asyncio.sleep(0.2)
    assert [state for state, _ in reader.told] == ["broken"]
    assert "AUTHENTICATIONFAILED" in reader.told[0][1]
    assert "wrong" not in reader.told[0][1]
    log = (server.home / "log").read_text()
    assert sum(f"user=<{user}>" in line and "auth failed" in line for line in log.splitlines()) == 1


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_encrypted_connections(
    server: Dovecot, user: str, tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = str(server.tls_port if tls == "tls" else server.port)
    server.deliver(user, mails(0, 1))
    account = reads(server, user, imap_tls=tls, imap_port=port)
    reader = Reader()
    async with reading(account, reader):
        await until(lambda: reader.told)
    assert reader.told[0][0] == "troubled"
    assert "CERTIFICATE_VERIFY_FAILED" in reader.told[0][1]
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    async with reading(account, reader):
        await reader.has(1)
        server.deliver(user, mails(1, 2))
        await reader.has(2)


async def test_a_server_without_idle_is_looked_at_again_and_again(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK", 0.05)
    server.deliver(user, mails(0, 1))
    reader = Reader()
    async with reading(reads(server, user, imap_idle="no"), reader):
        await reader.has(1)
        server.deliver(user, mails(1, 3))
        await reader.has(3)
    assert reader.subjects == subjects(0, 3)


async def test_a_connection_is_renewed_now_and_then(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RENEWED", 0.0)
    server.deliver(user, mails(0, 1))
    reader = Reader()
    account = reads(server, user)
    async with reading(account, reader):
        # Cursors are only saved; with nothing to read in between, it connects again and again.
        log = server.home / "log"
        await until(lambda: log.read_text().count(f"Login: user=<{user}>") > 3)
    assert {state for state, _ in reader.told} <= {"works"}


# Signing in with a token


@pytest.fixture
async def tokens() -> AsyncGenerator[Tokens]:
    async with Tokens() as endpoint:
        yield endpoint


async def test_a_token_opens_the_box(server: Dovecot, user: str, tokens: Tokens) -> None:
    server.deliver(user, mails(0, 1))
    tokens.gives = token_for(user)
    reader = Reader()
    account = reads(server, user, imap_password="", **tokens.settings)
    async with reading(account, reader):
        await reader.has(1)
    assert tokens.asked[0] == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh",
        "client_id": "client",
        "client_secret": "hush",
    }


async def test_a_token_that_the_server_refuses_stops_the_account(
    server: Dovecot, user: str, tokens: Tokens
) -> None:
    tokens.gives = token_for(user)[:-4] + "AAAA"
    reader = Reader()
    account = reads(server, user, imap_password="", **tokens.settings)
    async with reading(account, reader):
        await until(lambda: reader.told)
    assert reader.told[0][0] == "broken"
    assert "refuses our login" in reader.told[0][1]
    assert tokens.gives not in reader.told[0][1]


@pytest.mark.parametrize(
    ("status", "state"), [(400, "broken"), (401, "broken"), (500, "troubled"), (429, "troubled")]
)
async def test_a_provider_that_gives_no_token(
    server: Dovecot, user: str, tokens: Tokens, status: int, state: str
) -> None:
    tokens.status = status
    reader = Reader()
    account = reads(server, user, imap_password="", **tokens.settings)
    async with reading(account, reader):
        await until(lambda: reader.told)
    assert reader.told[0][0] == state
    assert "invalid_grant" in reader.told[0][1]
    assert "refresh" not in reader.told[0][1].replace("refresh token", "").replace(
        "oauth_refresh_token", ""
    )


# Connections that die


async def test_a_connection_that_died_silently_is_noticed_and_replaced(
    server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_module, "ANSWER", 0.3)
    monkeypatch.setattr(watching, "IDLE", 0.2)
    monkeypatch.setattr(watching, "SOON", 0.2)
    server.deliver(user, mails(0, 1))
    reader = Reader()
    async with Wire(server.port) as wire:
        account = reads(server, user, imap_port=str(wire.port))
        async with reading(account, reader):
            await reader.has(1)
            wire.cut = True
            await until(lambda: reader.told[-1][0] == "troubled")
            wire.cut = False
            server.deliver(user, mails(1, 2))
            await reader.has(2)
    assert reader.subjects == subjects(0, 2)


async def test_stopping_does_not_wait_for_a_silent_server(server: Dovecot, user: str) -> None:
    server.deliver(user, mails(0, 1))
    reader = Reader()
    async with Wire(server.port) as wire:
        account = reads(server, user, imap_port=str(wire.port))
        async with asyncio.timeout(10), reading(account, reader):
            await reader.has(1)
            wire.cut = True


async def test_a_server_that_is_not_there_is_tried_again(user: str) -> None:
    reader = Reader()
    account = an_account(
        mode="imap", imap_host="127.0.0.1", imap_port="1", imap_user="u", imap_password="p"
    )
    async with reading(account, reader):
        await until(lambda: reader.told)
    assert reader.told == [
        ("troubled", "The mail server cannot be reached: [Errno 111] Connection refused")
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"imap_host": ""},
        {"imap_port": "99999"},
        {"imap_tls": "maybe"},
        {"imap_since": "yesterday"},
        {"imap_password": ""},
        {"imap_user": "", "address": ""},
    ],
    ids=lambda fields: next(iter(fields)),
)
async def test_settings_that_cannot_be_used_are_named(
    server: Dovecot, user: str, fields: dict[str, str]
) -> None:
    reader = Reader()
    async with reading(reads(server, user, **fields), reader):
        await until(lambda: reader.told)
    assert reader.told[0][0] == "broken"
    assert next(iter(fields)) in reader.told[0][1]
