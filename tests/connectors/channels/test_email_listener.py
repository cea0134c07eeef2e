import asyncio
import random
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage

import aiosmtplib
import pytest
from structlog.testing import capture_logs

from connectors.channels.email import connector, listener
from connectors.channels.email.envelope import Envelope, out_of_envelope
from connectors.connector import Account, Incoming
from router.message import InboundMessage
from sandbox.mailbox import a_letter, a_mail, write_mail
from tests.conftest import NOON
from tests.connectors.channels.email_world import (
    SAMPLES,
    Taken,
    a_raw,
    an_account,
    surroundings,
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def listening(
    taken: Taken, *accounts: Account, paused: Sequence[Account] = ()
) -> AsyncGenerator[str]:
    address = f"127.0.0.1:{_free_port()}"
    assert connector.listen is not None
    async with connector.listen(surroundings(list(accounts), taken, listen=address, paused=paused)):
        yield address


MAIL = an_account(slug="mail", mode="smtp")
SHOP = an_account(slug="shop", mode="smtp", address="shop@example.com")
SERVICE = an_account(slug="service", mode="smtp", address="Service@Example.com")
READ_BY_IMAP = an_account(slug="imap", mode="imap", address="imap@example.com")


def _texts(taken: Taken) -> list[tuple[str, str]]:
    return [
        (account.slug, each.event.text)
        for account, each in taken.incoming
        if isinstance(each.event, InboundMessage)
    ]


async def test_a_fresh_installation_takes_whatever_is_sent() -> None:
    taken = Taken()
    mail = a_mail(
        sender="Пётр <petr@example.org>",
        subject="Колодки",
        text="Сколько стоит?",
        message_id="a1@example.org",
    )
    async with listening(taken, MAIL) as address:
        assert await write_mail(address, mail) == "2.0.0 Stored"
    ((account, incoming),) = taken.incoming
    assert account is MAIL
    assert isinstance(incoming.event, InboundMessage)
    assert (incoming.event.text, incoming.event.subject) == ("Сколько стоит?", "Колодки")
    assert incoming.event.at == NOON
    assert incoming.raw is not None
    kept, envelope = out_of_envelope(incoming.raw)
    assert kept == mail
    assert envelope == Envelope("petr@example.org", ("shop@example.com",))


async def test_what_cannot_be_stored_is_not_acknowledged() -> None:
    taken = Taken(durable=False)
    mail = a_mail(sender="petr@example.org", text="Да")
    async with listening(taken, MAIL) as address:
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await write_mail(address, mail)
        assert refused.value.code == 451
        taken.durable = True
        await write_mail(address, mail)
    assert _texts(taken) == [("mail", "Да")]


async def test_the_answer_waits_until_the_mail_is_stored() -> None:
    may_store, asked = asyncio.Event(), asyncio.Event()

    class Slow(Taken):
        async def accept(self, account: Account, incoming: "list[Incoming]") -> None:  # type: ignore[override]
            asked.set()
            await may_store.wait()
            await super().accept(account, incoming)

    taken = Slow()
    async with listening(taken, MAIL) as address, asyncio.TaskGroup() as group:
        writing = group.create_task(write_mail(address, a_mail(sender="p@example.org", text="Да")))
        await asked.wait()
        assert not writing.done()
        may_store.set()
        assert await writing == "2.0.0 Stored"
        assert _texts(taken) == [("mail", "Да")]


async def test_mail_goes_by_the_envelope_and_each_account_gets_it_once() -> None:
    taken = Taken()
    mail = a_mail(sender="p@example.org", to="somebody@else.example", text="Да")
    async with listening(taken, SHOP, SERVICE, MAIL) as address:
        await write_mail(
            address,
            mail,
            recipients=["SHOP+x@example.com", "shop@example.com", "service@example.com"],
        )
        await write_mail(address, mail, recipients=["anybody@example.com"])
    assert _texts(taken) == [("shop", "Да"), ("service", "Да"), ("mail", "Да")]


async def test_a_paused_mailbox_asks_the_sender_to_come_again() -> None:
    taken = Taken()
    mail = a_mail(sender="p@example.org", text="Да")
    async with listening(taken, SERVICE, paused=[SHOP]) as address:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await write_mail(address, mail, recipients=["shop@example.com"])
    assert refused.value.recipients[0].code == 450
    assert taken.incoming == []


async def test_a_recipient_that_is_nobodys_is_refused() -> None:
    taken = Taken()
    mail = a_mail(sender="p@example.org", text="Да")
    async with listening(taken, SHOP, READ_BY_IMAP) as address:
        for nobody in ("nobody@example.com", "imap@example.com", "shop@example.net"):
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
                await write_mail(address, mail, recipients=[nobody])
            assert refused.value.recipients[0].code == 550
        answer = await write_mail(
            address, mail, recipients=["nobody@example.com", "shop@example.com"]
        )
    assert answer == "nobody@example.com: 550"
    assert _texts(taken) == [("shop", "Да")]


async def test_two_accounts_that_would_take_anything_leave_it_to_neither() -> None:
    async with listening(Taken(), MAIL, an_account(slug="other", mode="smtp")) as address:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await write_mail(address, a_mail(sender="p@example.org", text="Да"))


async def test_every_broken_mail_is_acknowledged() -> None:
    taken = Taken()
    async with listening(taken, MAIL) as address:
        for path in sorted(SAMPLES.glob("*.eml"))[::4]:
            raw = path.read_bytes()
            assert await write_mail(
                address, raw, sender="p@example.org", recipients=["a@b.example"]
            )
    assert len(taken.incoming) > 20


async def test_russian_addresses_and_raw_bytes_come_through() -> None:
    taken = Taken()
    async with listening(taken, MAIL) as address:
        host, _, port = address.partition(":")
        async with aiosmtplib.SMTP(
            hostname=host, port=int(port), start_tls=False, local_hostname="x"
        ) as client:
            mail = a_raw("Привет".encode("koi8-r"), **{"from": "иван@почта.рф"})
            await client.sendmail(
                "иван@почта.рф", ["магазин@пример.рф"], mail, mail_options=["SMTPUTF8"]
            )
    assert _texts(taken) == [("mail", "Привет")]


async def test_a_big_mail_with_a_file_comes_whole_and_in_a_thread() -> None:
    taken = Taken()
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "p@example.org", "shop@example.com", "<big@e>"
    mail.set_content("Файл")
    content = bytes(range(256)) * 20_000
    mail.add_attachment(content, maintype="application", subtype="zip", filename="a.zip")
    async with listening(taken, MAIL) as address:
        await write_mail(address, mail.as_bytes())
    ((_, incoming),) = taken.incoming
    assert isinstance(incoming.event, InboundMessage)
    assert incoming.event.attachments[0].content == content


async def test_one_line_of_half_a_megabyte_is_taken() -> None:
    taken = Taken()
    async with listening(taken, MAIL) as address:
        await write_mail(address, a_raw("а" * 250_000), sender="p@e.org", recipients=["a@b.c"])
    assert len(_texts(taken)[0][1]) == 200_000


async def _talk(address: str, *, say: bytes) -> bytes:
    """All that the server answers until it closes the connection, also when it does so while we still speak."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    heard = b""
    try:
        writer.write(say)
        async with asyncio.timeout(20):
            while more := await reader.read(65536):
                heard += more
    except ConnectionError:
        pass
    finally:
        writer.close()
    return heard


async def test_a_mail_beyond_the_limit_is_refused_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SIZE", 100_000)
    taken = Taken()
    async with listening(taken, MAIL) as address:
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as declared:
            await write_mail(
                address, a_raw("x\r\n" * 40_000), sender="p@e.org", recipients=["a@b.c"]
            )
        assert declared.value.code == 552
        say = (
            b"EHLO x\r\nMAIL FROM:<p@e.org>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n"
            + b"x\r\n" * 50_000
            + b".\r\nQUIT\r\n"
        )
        assert b"552" in await _talk(address, say=say)
        endless = b"EHLO x\r\nMAIL FROM:<p@e.org>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n" + b"x" * 400_000
        with capture_logs() as logs:
            await _talk(address, say=endless)
        assert "smtp_connection_cut" in {each["event"] for each in logs}
    assert taken.incoming == []


async def test_mails_that_together_are_too_much_come_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "HELD", 50_000)
    async with listening(Taken(), MAIL) as address:
        say = b"EHLO x\r\nMAIL FROM:<p@e.org>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n" + b"x\r\n" * 30_000
        with capture_logs() as logs:
            await _talk(address, say=say)
        assert "smtp_connection_cut" in {each["event"] for each in logs}
        await write_mail(address, a_raw("ещё жив"), sender="p@e.org", recipients=["a@b.c"])


async def test_more_connections_than_the_house_holds_are_asked_to_come_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS", 1)
    taken = Taken()
    async with listening(taken, MAIL) as address:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        assert (await reader.readline()).startswith(b"220")
        assert (await _talk(address, say=b"")).startswith(b"421")
        writer.write(b"QUIT\r\n")
        assert (await reader.readline()).startswith(b"221")
        writer.close()
        await writer.wait_closed()
        assert (await _talk(address, say=b"QUIT\r\n")).startswith(b"220")


async def test_too_many_recipients_are_asked_for_in_another_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "RECIPIENTS", 2)
    taken = Taken()
    async with listening(taken, MAIL) as address:
        answer = await write_mail(
            address, a_raw(), sender="p@e.org", recipients=["a@b.c", "b@b.c", "c@b.c"]
        )
    assert answer == "c@b.c: 452"
    assert len(taken.incoming) == 1


async def test_silence_is_not_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SILENCE", 0.1)
    async with listening(Taken(), MAIL) as address:
        assert (await _talk(address, say=b"EHLO x\r\n")).startswith(b"220")


async def test_dots_at_the_beginning_of_lines_are_given_back() -> None:
    taken = Taken()
    say = (
        b"EHLO x\r\nMAIL FROM:<p@e.org>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n"
        b"..first: x\r\n\r\n..\r\n...\r\na.\r\n.b\r\n.\r\nMAIL FROM:<p@e.org>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n.\r\nQUIT\r\n"
    )
    async with listening(taken, MAIL) as address:
        heard = await _talk(address, say=say)
    assert heard.count(b"250 2.0.0 Stored") == 2
    first, empty = (out_of_envelope(each.raw or b"")[0] for _, each in taken.incoming)
    assert first == b".first: x\r\n\r\n.\r\n..\r\na.\r\nb\r\n"
    assert empty == b""


async def test_a_dot_without_its_line_ends_does_not_smuggle_a_second_mail() -> None:
    taken = Taken()
    say = (
        b"EHLO x\r\nMAIL FROM:<p@e.org>\r\nRCPT TO:<a@b.c>\r\nDATA\r\nFrom: p@e.org\r\n\r\none\n.\n"
        b"MAIL FROM:<boss@bank.ru>\r\nRCPT TO:<a@b.c>\r\nDATA\r\nFrom: boss@bank.ru\r\n\r\ntwo\r\n.\r\nQUIT\r\n"
    )
    async with listening(taken, MAIL) as address:
        await _talk(address, say=say)
    assert len(taken.incoming) == 1


async def test_an_address_that_is_taken_is_said_in_words() -> None:
    async with listening(Taken(), MAIL) as address:
        assert connector.listen is not None
        with pytest.raises(
            listener.CannotListen, match=f"cannot receive mail on {address}.*ALLO_SMTP_LISTEN"
        ):
            async with connector.listen(surroundings([MAIL], Taken(), listen=address)):
                pass


@pytest.mark.parametrize("address", ["8025", "127.0.0.1:smtp", "127.0.0.1:99999"])
async def test_an_address_that_is_none_is_said_in_words(address: str) -> None:
    assert connector.listen is not None
    with pytest.raises(listener.CannotListen, match="must be an address and a port"):
        async with connector.listen(surroundings([MAIL], Taken(), listen=address)):
            pass


async def test_no_address_is_no_listener() -> None:
    assert connector.listen is not None
    async with connector.listen(surroundings([MAIL], Taken(), listen="")):
        pass


async def test_stopping_lets_a_mail_under_way_arrive_and_closes_idle_connections() -> None:
    may_store, asked = asyncio.Event(), asyncio.Event()

    class Slow(Taken):
        async def accept(self, account: Account, incoming: "list[Incoming]") -> None:  # type: ignore[override]
            asked.set()
            await may_store.wait()
            await super().accept(account, incoming)

    taken = Slow()
    async with asyncio.TaskGroup() as group:
        async with listening(taken, MAIL) as address:
            host, _, port = address.partition(":")
            idle, idle_writer = await asyncio.open_connection(host, int(port))
            await idle.readline()
            writing = group.create_task(write_mail(address, a_mail(sender="p@e.org", text="Да")))
            await asked.wait()
            asyncio.get_running_loop().call_later(0.2, may_store.set)
        assert await writing == "2.0.0 Stored"
        assert await idle.read() == b""
        idle_writer.close()
    assert _texts(taken) == [("mail", "Да")]


async def test_the_people_of_the_sandbox_write_mails_that_are_understood() -> None:
    taken = Taken()
    chooser = random.Random(7)
    async with listening(taken, MAIL) as address:
        for number in range(10):
            await write_mail(
                address, a_letter(chooser=chooser, number=number, to="shop@example.com")
            )
    assert len({each.event.key for _, each in taken.incoming}) == 10
    assert all(text and "Отправлено" not in text for _, text in _texts(taken))
