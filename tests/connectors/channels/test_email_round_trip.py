"""Answers through a real Exim, and what it sends back read from a real Dovecot; and the check of both."""

import asyncio
import email
import email.policy
from collections.abc import AsyncGenerator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from connectors.channels.email import connector
from connectors.connector import Account, Finding, Outgoing, Sent
from connectors.errors import AccountBroken, Rejected, Throttled
from connectors.outgoing import open_http
from router.message import DeliveryReported
from tests.connectors.channels import exim
from tests.connectors.channels.dovecot import PASSWORD, Dovecot, running_dovecot, token_for
from tests.connectors.channels.email_reading import Reader, reading
from tests.connectors.channels.email_servers import Tokens
from tests.connectors.channels.email_world import a_raw, an_account
from tests.connectors.channels.exim import Exim, an_exim

ANSWER = UUID("01a20000-0000-7000-8000-000000000001")


@pytest.fixture(scope="module")
async def imap() -> AsyncGenerator[Dovecot]:
    async with running_dovecot() as dovecot:
        dovecot.box("shop")
        yield dovecot


@pytest.fixture
async def smtp(imap: Dovecot) -> AsyncGenerator[Exim]:
    # Beside Dovecot's own, which a user without rights may reach.
    server = an_exim(imap.home / f"exim{uuid4().hex[:6]}", returned=imap.box("shop"))
    server.start()
    try:
        await server.answers()
        yield server
    finally:
        await server.stop()


def an_email(imap: Dovecot, smtp: Exim, **fields: str) -> Account:
    settings = {
        "mode": "imap",
        "address": "shop@example.com",
        "imap_host": "127.0.0.1",
        "imap_port": str(imap.port),
        "imap_tls": "none",
        "imap_user": "shop",
        "imap_password": PASSWORD,
        "smtp_host": "127.0.0.1",
        "smtp_port": str(smtp.port),
        "smtp_user": exim.USER,
        "smtp_password": exim.PASSWORD,
    }
    return replace(an_account(), fields=settings | fields)


async def send(account: Account, to: str, *, message: UUID = ANSWER) -> Sent:
    assert connector.send is not None
    outgoing = Outgoing(
        id=message,
        chat="root@example.org",
        text="Пять тысяч.",
        subject="Колодки",
        to=to,
        thread=("m1@example.org",),
        signature="Анна",
    )
    async with open_http() as http:
        return await connector.send(account, outgoing, http)


async def check(account: Account) -> list[Finding]:
    assert connector.check is not None
    async with open_http() as http:
        return list(await connector.check(account, http, webhook_url="https://x/hooks/email/shop"))


async def test_an_answer_reaches_the_customer_as_it_was_written(imap: Dovecot, smtp: Exim) -> None:
    sent = await send(an_email(imap, smtp), "petr@example.org")
    mail = email.message_from_bytes(await smtp.arrived(), policy=email.policy.default)
    assert mail["Message-ID"] == f"<{sent.external_id}>"
    assert mail["References"] == "<root@example.org> <m1@example.org>"
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().startswith("Пять тысяч.\n\n-- \nАнна")


async def test_a_mail_that_comes_back_marks_our_answer_as_failed(imap: Dovecot, smtp: Exim) -> None:
    account = an_email(imap, smtp)
    reader = Reader(keep=True)
    async with reading(account, reader):
        sent = await send(account, "gone@example.org", message=uuid7())
        await reader.has(1)
    (report,) = [each.event for each in reader.incoming]
    assert isinstance(report, DeliveryReported)
    assert (report.state, report.external_ids) == ("failed", (sent.external_id,))
    # Exim says why in words for people alone, and to programs only what kind of failure it was.
    assert "gone@example.org" in report.reason
    assert "5.0.0" in report.reason


async def test_what_the_server_refuses_is_told_in_its_words(imap: Dovecot, smtp: Exim) -> None:
    account = an_email(imap, smtp)
    with pytest.raises(Rejected, match="No such user"):
        await send(account, "nobody@example.org")
    with pytest.raises(Throttled, match="Greylisted") as put_off:
        await send(account, "later@example.org")
    assert put_off.value.scope == "chat"
    with pytest.raises(Rejected, match="Relay not permitted"):
        await send(an_email(imap, smtp, smtp_user="", smtp_password=""), "x@elsewhere.example")
    with pytest.raises(AccountBroken, match="refuses our login"):
        await send(an_email(imap, smtp, smtp_password="wrong"), "petr@example.org")


async def test_a_token_signs_in_for_sending_too(imap: Dovecot, smtp: Exim) -> None:
    async with Tokens() as tokens:
        tokens.gives = exim.TOKEN
        account = an_email(imap, smtp, smtp_password="", **tokens.settings)
        await send(account, "x@elsewhere.example")
        await smtp.arrived()
        tokens.gives = "another"
        with pytest.raises(AccountBroken):
            await send(account, "petr@example.org")


async def test_the_check_asks_both_servers(imap: Dovecot, smtp: Exim) -> None:
    imap.deliver("checked", [a_raw(authentication_results="mx.example.com; dmarc=pass")] * 3)
    account = an_email(imap, smtp, imap_user="checked")
    findings = await check(account)
    assert [each.level for each in findings] == ["ok", "warning", "ok", "ok"]
    assert "3 mails in INBOX" in findings[0].text
    assert "at once" in findings[0].text
    assert "checked by mx.example.com" in findings[1].text
    assert "signed in as shop" in findings[3].text
    proved = await check(
        replace(account, fields=dict(account.fields) | {"authserv_id": "*.example.com"})
    )
    assert proved[1].level == "ok"
    other = await check(
        replace(account, fields=dict(account.fields) | {"authserv_id": "mx.other.example"})
    )
    assert (other[1].level, "mx.example.com" in other[1].text) == ("warning", True)


async def test_the_check_says_what_is_wrong_with_the_mailbox(imap: Dovecot, smtp: Exim) -> None:
    for fields, words in (
        ({"imap_password": "wrong"}, "app password"),
        ({"imap_port": "1"}, "Check imap_host"),
        ({"imap_folder": "Nowhere"}, "there are: INBOX"),
        ({"imap_host": ""}, "set imap_host"),
    ):
        first = (await check(an_email(imap, smtp, **fields)))[0]
        assert first.level == "error"
        assert words in first.text
        assert "wrong" not in first.text


async def test_the_check_with_tokens(imap: Dovecot, smtp: Exim) -> None:
    async with Tokens() as tokens:
        tokens.gives = token_for("shop")
        account = an_email(imap, smtp, imap_password="", smtp_password="", **tokens.settings)
        findings = await check(account)
        assert findings[0].level == "ok"
        # Exim's token is another one.
        assert (findings[-1].level, "app password" in findings[-1].text) == ("error", False)
        tokens.status = 400
        assert "refresh token" in (await check(account))[0].text


async def test_the_check_of_a_hook_names_the_addresses(imap: Dovecot, smtp: Exim) -> None:
    open_to_nobody = await check(an_email(imap, smtp, mode="hook"))
    assert open_to_nobody[0].level == "error"
    keyed = await check(an_email(imap, smtp, mode="hook", hook_signing_key="k"))
    assert keyed[0].level == "ok"
    assert "https://x/hooks/email/shop/mailgun/mime" in keyed[0].text


def uuid7() -> UUID:
    return UUID(bytes=ANSWER.bytes[:8] + uuid4().bytes[8:])


async def test_an_outage_of_the_server_in_the_middle_of_answers_loses_and_doubles_none(
    imap: Dovecot, smtp: Exim
) -> None:
    """As the deliverer does it: what surely was not sent is sent again, under its own Message-ID."""
    account = an_email(imap, smtp)
    waiting = [uuid7() for _ in range(6)]
    for message in waiting[:3]:
        await send(account, "petr@example.org", message=message)
    await smtp.stop()
    left: list[UUID] = []
    for message in waiting[3:]:
        try:
            await send(account, "petr@example.org", message=message)
        except Exception:  # noqa: BLE001  # which one, the tests of sending say
            left.append(message)
    assert left == waiting[3:]
    smtp.start()
    await smtp.answers()
    for message in left:
        await send(account, "petr@example.org", message=message)
    box = smtp.home / "customer" / "new"
    async with asyncio.timeout(10):
        while len(list(box.glob("*"))) < 6:  # noqa: ASYNC110  # Exim delivers in its own time
            await asyncio.sleep(0.02)
    ids = [email.message_from_bytes(each.read_bytes())["Message-ID"] for each in box.glob("*")]
    assert sorted(ids) == sorted(f"<{message}@example.com>" for message in waiting)
