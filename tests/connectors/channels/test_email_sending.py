import asyncio
import email
import email.policy
import re
from collections.abc import AsyncGenerator, Mapping
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from connectors.channels.email import connector, sending
from connectors.channels.email.threading import our_message_id
from connectors.connector import Account, Finding, Outgoing, OutgoingFile, Sent
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from router.message import InboundMessage
from sandbox.mailbox import Fault, Mailbox, an_answer
from tests.connectors.channels.email_world import a_raw, an_account, read

HTTP = cast("Any", SimpleNamespace())
ANSWER = UUID("01a20000-0000-7000-8000-000000000001")


@pytest.fixture
async def mailbox() -> AsyncGenerator[Mailbox]:
    async with Mailbox() as running:
        yield running


def _account(mailbox: Mailbox, **fields: str) -> Account:
    defaults = {
        "address": "shop@example.com",
        "smtp_host": mailbox.host,
        "smtp_port": str(mailbox.port),
    }
    return an_account(**(defaults | fields))


def _answer(**more: Any) -> Outgoing:
    defaults: Mapping[str, Any] = {
        "id": ANSWER,
        "chat": "root@example.org",
        "text": "Добрый день!\nПять тысяч.",
        "subject": "Замена колодок",
        "to": "petr@example.org",
        "author": "Анна Иванова",
        "thread": ("m1@example.org#0123456789",),
        "reply_to": "m1@example.org#0123456789",
    }
    return Outgoing(**(dict(defaults) | more))


async def _send(account: Account, outgoing: Outgoing) -> Sent:
    assert connector.send is not None
    return await connector.send(account, outgoing, HTTP)


async def _arrived(mailbox: Mailbox, **more: Any) -> EmailMessage:
    """What the customer's server gets."""
    account = more.pop("account", None) or _account(mailbox)
    await _send(account, _answer(**more))
    content = (await mailbox.arrived()).content
    return cast("EmailMessage", email.message_from_bytes(content, policy=email.policy.default))


async def test_an_answer_arrives_as_text_and_html_in_its_thread(mailbox: Mailbox) -> None:
    account = _account(mailbox)
    sent = await _send(account, _answer())
    received = await mailbox.arrived()
    mail = cast(
        "EmailMessage", email.message_from_bytes(received.content, policy=email.policy.default)
    )
    assert sent == Sent(external_id=f"{ANSWER}@example.com")
    assert (received.sender, received.recipients) == ("shop@example.com", ("petr@example.org",))
    assert mail["From"] == "Анна Иванова <shop@example.com>"
    assert mail["Subject"] == "Re: Замена колодок"
    assert mail["Message-ID"] == f"<{ANSWER}@example.com>"
    assert mail["In-Reply-To"] == "<m1@example.org>"
    assert mail["References"] == "<root@example.org> <m1@example.org>"
    assert mail["Reply-To"] is None
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().split("\r\n") == ["Добрый день!", "Пять тысяч.", ""]
    assert "<p>Добрый день!<br>\r\nПять тысяч.</p>" in html.get_content()


async def test_a_second_attempt_sends_the_very_same_bytes(mailbox: Mailbox) -> None:
    account = _account(mailbox)
    file = _file("a.pdf", b"%PDF")
    for _ in range(2):
        await _send(account, _answer(files=(file,)))
    first, second = mailbox.mails
    assert first.content == second.content
    assert connector.capabilities.repeat_is_safe


async def test_the_date_is_when_the_answer_was_written(mailbox: Mailbox) -> None:
    mail = await _arrived(mailbox)
    assert mail["Date"].datetime.timestamp() == int(ANSWER.hex[:12], 16) // 1000


def _file(name: str, content: bytes, mime: str = "application/pdf") -> OutgoingFile:
    async def give() -> bytes:
        return content

    return OutgoingFile(name=name, mime=mime, size=len(content), kind="document", read=give)


async def test_files_go_along_under_their_russian_names(mailbox: Mailbox) -> None:
    files = (
        _file("Счёт на оплату № 15.pdf", b"%PDF"),
        _file("../evil\r\nX: y.txt", b"\x00\xff", mime="text/plain; charset=x\r\nBcc: a"),
    )
    mail = await _arrived(mailbox, files=files)
    found = [
        (each.get_filename(), each.get_payload(decode=True)) for each in mail.iter_attachments()
    ]
    assert found == [("Счёт на оплату № 15.pdf", b"%PDF"), ("evil X_ y.txt", b"\x00\xff")]
    assert mail["Bcc"] is None


async def test_long_ids_of_a_long_thread_are_kept_whole_the_first_and_the_last_ten(
    mailbox: Mailbox,
) -> None:
    ids = tuple(f"{'AM0PR04MB' * 10}{each}@outlook.example" for each in range(40))
    mail = await _arrived(mailbox, thread=tuple(f"{each}#0123456789" for each in ids), reply_to="")
    raw = (await mailbox.arrived()).content
    assert max(len(line) for line in raw.split(b"\r\n")) < 998
    assert re.findall("<(.*?)>", mail["References"]) == ["root@example.org", *ids[-10:]]
    assert mail["In-Reply-To"] == f"<{ids[-1]}>"


async def test_what_cannot_be_an_id_is_left_out_of_the_thread(mailbox: Mailbox) -> None:
    assert "References" not in await _arrived(mailbox, thread=(), reply_to="")
    thread = ("unnamed:0123", "a b@c", "x>\r\nBcc: a@b", "good@example.org#0123456789")
    mail = await _arrived(mailbox, thread=thread, reply_to="")
    assert mail["References"] == "<root@example.org> <good@example.org>"
    assert mail["Bcc"] is None


@pytest.mark.parametrize(
    ("subject", "thread", "written"),
    [
        ("Заказ", ("a@b",), "Re: Заказ"),
        ("Re: Заказ", ("a@b",), "Re: Заказ"),
        ("HA: Заказ", ("a@b",), "HA: Заказ"),
        ("Ответ: Заказ", ("a@b",), "Ответ: Заказ"),
        ("", ("a@b",), "Re:"),
        ("Заказ", (), "Заказ"),
        ("a\r\nBcc: b@c", ("a@b",), "Re: a Bcc: b@c"),
    ],
)
async def test_the_subject_says_that_it_is_an_answer(
    mailbox: Mailbox, subject: str, thread: tuple[str, ...], written: str
) -> None:
    mail = await _arrived(mailbox, subject=subject, thread=thread, reply_to="")
    assert mail["Subject"] == written


async def test_an_automatic_answer_says_so_and_a_colleagues_does_not(mailbox: Mailbox) -> None:
    mail = await _arrived(mailbox, details={"automatic": "out_of_hours"})
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert (await _arrived(mailbox))["Auto-Submitted"] is None


async def test_a_hostile_name_stays_a_name(mailbox: Mailbox) -> None:
    mail = await _arrived(mailbox, author='A" <x@y>,\r\nBcc: z@z')
    assert mail["Bcc"] is None
    assert mail["From"].addresses[0].addr_spec == "shop@example.com"


async def test_russian_domains_are_written_in_ascii_and_russian_names_as_they_are(
    mailbox: Mailbox,
) -> None:
    await _arrived(mailbox, to="petr@почта.рф")
    assert mailbox.mails[-1].recipients == ("petr@xn--80a1acny.xn--p1ai",) or mailbox.mails[
        -1
    ].recipients == ("petr@почта.рф",)
    await _arrived(mailbox, to="пётр@почта.рф")
    assert mailbox.mails[-1].recipients == ("пётр@почта.рф",)
    assert "пётр@".encode() in mailbox.mails[-1].content


async def test_the_customers_answer_comes_back_to_the_conversation(mailbox: Mailbox) -> None:
    account = _account(mailbox, reply_tokens="yes")
    first = read(a_raw(subject="Заказ"), account=account)
    await _send(
        account,
        _answer(thread=(first.external_id,), reply_to=first.external_id, chat=first.chat.id),
    )
    received = await mailbox.arrived()
    answer = an_answer(received, text="Спасибо!", number=1)
    message = read(answer, account=account)
    assert isinstance(message, InboundMessage)
    assert message.text == "Спасибо!"
    assert message.chat.id == first.chat.id
    assert message.thread[0] == our_message_id(account, ANSWER)
    assert b"<shop+r" in answer
    stripped = re.sub(rb"(?m)^(In-Reply-To|References):.*\r\n( .*\r\n)*", b"", answer)
    assert b"References" not in stripped
    assert read(stripped, account=account).thread[0] == our_message_id(account, ANSWER)


# What becomes of it


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        (Fault(at="connect"), Unreachable, "cannot be reached"),
        (Fault(at="connect", answer="421 4.3.2 busy"), Throttled, "421 4.3.2 busy"),
        (Fault(at="mail", answer="451 4.3.0 later"), Throttled, "451 4.3.0 later"),
        (Fault(at="mail", answer="550 5.7.1 not you"), Rejected, "550 5.7.1 not you"),
        (Fault(at="mail"), Unreachable, "hung up"),
        (Fault(at="mail", answer="530 5.7.0 log in first"), AccountBroken, "log in first"),
        (Fault(at="rcpt", answer="450 4.2.0 greylisted"), Throttled, "greylisted"),
        (Fault(at="rcpt", answer="550 5.1.1 no such user"), Rejected, "550 5.1.1 no such user"),
        (Fault(at="rcpt"), Unreachable, "hung up"),
        (Fault(at="data", answer="451 4.7.1 later"), Throttled, "later"),
        (Fault(at="data", answer="554 5.7.1 spam"), Rejected, "554 5.7.1 spam"),
        (Fault(at="data", answer="471 4.0.0 odd"), Unreachable, "odd"),
        (Fault(at="data", kept=True), OutcomeUnknown, "did not confirm"),
        (Fault(at="data"), OutcomeUnknown, "did not confirm"),
    ],
    ids=lambda each: f"{each.at} {each.answer} {each.kept}" if isinstance(each, Fault) else None,
)
async def test_every_refusal_says_whether_to_try_again(
    mailbox: Mailbox, fault: Fault, outcome: type[SendError], words: str
) -> None:
    mailbox.next(fault)
    with pytest.raises(SendError, match=words) as refused:
        await _send(_account(mailbox), _answer())
    assert type(refused.value) is outcome
    assert len(mailbox.mails) == int(fault.kept)
    await _send(_account(mailbox), _answer())
    assert len(mailbox.mails) == int(fault.kept) + 1


async def test_greylisting_of_one_recipient_holds_back_only_that_chat(mailbox: Mailbox) -> None:
    mailbox.next(Fault(at="rcpt", answer="450 4.2.0 greylisted"))
    with pytest.raises(Throttled) as refused:
        await _send(_account(mailbox), _answer())
    assert refused.value.scope == "chat"


async def test_a_server_that_is_not_there_is_unreachable(mailbox: Mailbox) -> None:
    account = _account(mailbox, smtp_port="1")
    with pytest.raises(Unreachable, match="cannot be reached"):
        await _send(account, _answer())


async def test_a_server_that_never_speaks_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "CONNECT", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        account = an_account(
            address="shop@example.com",
            smtp_host="127.0.0.1",
            smtp_port=str(server.sockets[0].getsockname()[1]),
        )
        with pytest.raises(Unreachable, match="no answer in time"):
            await _send(account, _answer())


async def test_a_wrong_password_breaks_the_account_and_the_right_one_sends() -> None:
    async with Mailbox(user="shop", password="right") as mailbox:
        with pytest.raises(AccountBroken, match="refuses our login: 535"):
            await _send(_account(mailbox, smtp_user="shop", smtp_password="wrong"), _answer())
        await _send(_account(mailbox, smtp_user="shop", smtp_password="right"), _answer())
        assert len(mailbox.mails) == 1


async def test_a_server_without_tls_gets_nothing_when_tls_is_wanted(mailbox: Mailbox) -> None:
    for tls in ("starttls", "tls"):
        with pytest.raises(SendError):
            await _send(_account(mailbox, smtp_tls=tls), _answer())
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("fields", "tls"),
    [
        ({"smtp_host": "smtp.yandex.ru", "smtp_port": "465"}, "tls"),
        ({"smtp_host": "smtp.yandex.ru"}, "starttls"),
        ({"smtp_host": "smtp.yandex.ru", "smtp_port": "25"}, "starttls"),
        ({"smtp_host": "127.0.0.1", "smtp_port": "2525"}, "none"),
        ({"smtp_host": "mail.lan", "smtp_tls": "none"}, "none"),
        ({"smtp_host": "mail.lan", "smtp_tls": "SSL"}, "tls"),
    ],
)
def test_nothing_leaves_in_the_clear_unless_it_stays_here_or_is_told_to(
    fields: dict[str, str], tls: str
) -> None:
    assert sending._tls(an_account(**fields)) == tls


@pytest.mark.parametrize(
    ("fields", "outgoing", "words"),
    [
        ({"smtp_host": ""}, _answer(), "No outgoing mail server is set.*smtp_host"),
        ({"address": ""}, _answer(), "no address to send from"),
        ({}, _answer(to=""), "no email address to answer to"),
        ({}, _answer(to="not an address"), "no email address to answer to"),
        ({}, _answer(files=(_file("a", b"x" * (26 << 20)),)), "larger than 25 MB"),
    ],
    ids=["no server", "no address", "no contact", "bad contact", "too big"],
)
async def test_what_cannot_be_sent_says_what_to_do(
    mailbox: Mailbox, fields: dict[str, str], outgoing: Outgoing, words: str
) -> None:
    with pytest.raises(Rejected, match=words):
        await _send(_account(mailbox, **fields), outgoing)
    assert mailbox.mails == []


# The check


async def _checked(account: Account) -> list[Finding]:
    assert connector.check is not None
    return list(await connector.check(account, HTTP, webhook_url=""))


async def test_the_check_tries_the_account_for_real() -> None:
    async with Mailbox(user="shop", password="right") as mailbox:
        good = await _checked(_account(mailbox, smtp_user="shop", smtp_password="right"))
        assert {each.level for each in good} == {"ok"}
        assert "signed in as shop" in good[-1].text
        bad = await _checked(_account(mailbox, smtp_user="shop", smtp_password="wrong"))
        assert bad[-1].level == "error"
        assert "app password" in bad[-1].text
        assert "wrong" not in bad[-1].text
        assert mailbox.mails == []


async def test_the_check_of_a_fresh_account_says_that_it_cannot_answer_yet() -> None:
    findings = await _checked(an_account(mode="smtp"))
    assert [each.level for each in findings] == ["ok", "warning", "warning"]
    assert "smtp_host" in findings[-1].text


async def test_the_check_of_a_server_that_is_not_there_says_so() -> None:
    findings = await _checked(
        an_account(address="a@b.example", smtp_host="127.0.0.1", smtp_port="1")
    )
    assert findings[-1].level == "error"
    assert "cannot be reached" in findings[-1].text


async def test_the_authors_signature_stands_below_and_is_folded_when_it_comes_back(
    mailbox: Mailbox,
) -> None:
    mail = await _arrived(mailbox, signature="Анна Иванова\nМагазин <Ёлка>")
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    words = text.get_content().replace("\r\n", "\n")
    assert words == "Добрый день!\nПять тысяч.\n\n-- \nАнна Иванова\nМагазин <Ёлка>\n"
    assert "Магазин &lt;Ёлка&gt;</div></body>" in html.get_content()
    assert read(a_raw(words)).text == "Добрый день!\nПять тысяч."


async def test_a_signature_goes_into_html_that_was_given_too(mailbox: Mailbox) -> None:
    mail = await _arrived(mailbox, html="<b>Пять</b>", signature="Анна")
    html = mail.get_body(("html",))
    assert html is not None
    assert html.get_content().startswith('<b>Пять</b><div class="signature">-- <br>')
