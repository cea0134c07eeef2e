from uuid import UUID

import pytest

from connectors.channels.email import connector, events
from connectors.channels.email.threading import our_message_id, plain_id, reply_address
from connectors.connector import Account
from connectors.registry import discover
from router.intake import second_id
from router.message import DeliveryReported, InboundMessage, Key
from tests.conftest import NOON
from tests.connectors.channels.email_world import (
    ACCOUNT,
    SAMPLES,
    a_raw,
    an_account,
    event_of,
    ignored,
    read,
)

PASSED = "mx.example.com; dmarc=pass header.from=example.org"
TRUSTING = an_account(address="shop@example.com", authserv_id="mx.example.com")
ANSWER = UUID("019a0000-0000-7000-8000-000000000001")


def test_email_is_a_channel() -> None:
    assert discover()["email"] is connector


def test_a_mail_is_a_message_with_its_new_words_and_all_of_them_beside() -> None:
    body = 'Да, подходит.\n\n21.11.2026, 12:03, "Магазин" <shop@example.com>:\n> Добрый день!\n'
    message = read(a_raw(body, subject="Re: Заказ", date="Sat, 21 Nov 2026 14:59:00 +0300"))
    assert (message.kind, message.text, message.subject) == ("text", "Да, подходит.", "Re: Заказ")
    assert message.at == NOON
    assert message.lane == "petr@example.org"
    assert message.sender is not None
    assert message.sender.name == "Пётр"
    assert message.details["full_text"] == body.strip()
    assert message.details["date"] == "2026-11-21T11:59:00+00:00"
    assert message.automatic is None


def test_a_mail_without_quotes_is_not_kept_twice() -> None:
    assert "full_text" not in read(a_raw()).details


# Ids


def test_the_same_mail_sent_again_has_the_same_key() -> None:
    again = b"Received: from relay\r\nX-Spam: no\r\n" + a_raw(
        b"=D0=94=D0=B0", content_transfer_encoding="quoted-printable"
    )
    assert read(a_raw("Да")).key == read(again).key
    assert read(a_raw("Да")).fingerprint == read(again).fingerprint
    # Answers name it by its id alone.
    assert read(a_raw("Да")).external_id == "m1@example.org"


def test_an_id_used_again_for_other_words_is_another_message() -> None:
    first, second = read(a_raw("Да")), read(a_raw("Нет"))
    assert first.key != second.key
    assert first.external_id == second.external_id == "m1@example.org"
    assert first.fingerprint != second.fingerprint
    # As the router stores the second one; answers to it name the id all the same.
    assert plain_id(second_id(second)) == "m1@example.org"
    assert second_id(second) != second_id(first)


def test_an_id_used_again_by_somebody_else_is_another_message() -> None:
    assert read(a_raw()).key != read(a_raw(**{"from": "Эхо <echo@example.net>"})).key


def test_an_id_used_again_for_another_file_is_another_message() -> None:
    def with_file(content: bytes) -> bytes:
        return a_raw(content, content_type="application/pdf; name=a.pdf")

    assert read(with_file(b"1")).key != read(with_file(b"2")).key


def test_mails_without_an_id_are_told_apart_by_their_words_and_date() -> None:
    def unnamed(body: str, date: str) -> InboundMessage:
        return read(a_raw(body, message_id="", date=date))

    first = unnamed("Да", "Sat, 21 Nov 2026 12:00:00 +0000")
    assert first.key == unnamed("Да", "Sat, 21 Nov 2026 12:00:00 +0000").key
    assert first.key != unnamed("Да", "Sat, 21 Nov 2026 12:00:01 +0000").key
    assert first.chat.id == first.external_id
    assert plain_id(first.external_id) == ""


# Threads


def test_a_first_mail_begins_its_own_conversation() -> None:
    message = read(a_raw())
    assert message.chat.id == "m1@example.org"
    assert message.thread == ("m1@example.org",)


def test_an_answer_belongs_to_the_root_of_its_references_and_names_the_nearest_first() -> None:
    message = read(
        a_raw(references="<root@a>\r\n <mid@b>\t<last@c>, rubbish", in_reply_to="<last@c>")
    )
    assert message.chat.id == "root@a"
    assert message.thread == ("last@c", "mid@b", "root@a", "m1@example.org")


def test_without_references_in_reply_to_names_the_conversation() -> None:
    message = read(a_raw(in_reply_to="Message of Saturday <last@c>"))
    assert message.chat.id == "last@c"
    assert message.thread == ("last@c", "m1@example.org")


def test_only_the_nearest_twenty_are_named() -> None:
    references = " ".join(f"<{each}@x>" for each in range(60))
    message = read(a_raw(references=references))
    assert message.chat.id == "0@x"
    assert message.thread[:20] == tuple(f"{each}@x" for each in range(59, 39, -1))
    assert message.thread[20:] == ("m1@example.org",)


def test_a_reply_token_finds_our_answer_when_the_headers_are_gone() -> None:
    token = reply_address(ACCOUNT, ANSWER)
    assert token.startswith("shop+r")
    assert len(token.partition("@")[0]) <= 64
    ours = our_message_id(ACCOUNT, ANSWER)
    message = read(a_raw(), recipients=[token.upper()])
    assert message.chat.id == ours
    assert message.thread == (ours, "m1@example.org")
    assert read(a_raw(delivered_to=token)).chat.id == ours


def test_a_token_beside_references_that_know_our_answer_keeps_their_root() -> None:
    ours = our_message_id(ACCOUNT, ANSWER)
    message = read(
        a_raw(references=f"<root@a> <{ours}>"), recipients=[reply_address(ACCOUNT, ANSWER)]
    )
    assert message.chat.id == "root@a"
    assert message.thread[0] == ours


@pytest.mark.parametrize("change", ["r", "z", "7"])
def test_a_token_that_is_not_signed_by_us_says_nothing(change: str) -> None:
    local, _, domain = reply_address(ACCOUNT, ANSWER).partition("@")
    forged = local[:-2] + (change if local[-2] != change else "a") + local[-1]
    assert read(a_raw(), recipients=[f"{forged}@{domain}"]).chat.id == "m1@example.org"
    stranger = reply_address(an_account(address="shop@example.com", reply_tokens="yes"), ANSWER)
    assert read(a_raw(), recipients=[stranger]).chat.id == "m1@example.org"


def test_without_a_secret_or_the_setting_answers_carry_no_token() -> None:
    bare = Account(id=ACCOUNT.id, kind="email", slug="mail", fields=ACCOUNT.fields)
    assert reply_address(bare, ANSWER) == "shop@example.com"
    assert reply_address(an_account(address="shop@example.com"), ANSWER) == "shop@example.com"


# Whose it is


def _keys(raw: bytes, account: Account = TRUSTING) -> tuple[Key, ...]:
    sender = read(raw, account=account).sender
    assert sender is not None
    return sender.keys


def test_a_from_that_nobody_checked_has_an_identity_of_its_own_and_only_claims_the_address() -> (
    None
):
    unproved, claimed = _keys(a_raw(**{"from": "Petr@Example.ORG"}), ACCOUNT)
    assert (unproved.kind, unproved.value, unproved.proof) == (
        "email_unverified",
        "petr@example.org",
        "proved",
    )
    assert (claimed.kind, claimed.value, claimed.proof) == ("email", "petr@example.org", "claimed")
    assert claimed.display == "Petr@Example.ORG"


@pytest.mark.parametrize(
    ("results", "how"),
    [
        (PASSED, "DMARC passed"),
        ("mx.example.com; dkim=pass header.d=example.org", "DKIM passed"),
        ("mx.example.com; dkim=pass header.i=@example.org", "DKIM passed"),
        ("mx.example.com; spf=pass smtp.mailfrom=bounce@example.org", "SPF passed"),
        (
            "mx.example.com 1; spf=fail smtp.mailfrom=x.example; dkim=pass (good) header.d=example.org",
            "DKIM passed",
        ),
        (
            "mx.example.com; spf=pass (mx: domain of example.org designates 1.2.3.4, rule=[ip4:1.2.3.4]) smtp.mail=a@example.org",
            "SPF passed",
        ),
        (
            'mx.example.com;\r\n dkim=pass header.i=@example.org header.s=2023 header.b="Ab/c+D";\r\n dmarc=pass (p=NONE dis=NONE) header.from=example.org;\r\n dara=pass header.i=@x',
            "DKIM passed",
        ),
        ("mx.example.com; dmarc=pass (policy=reject) header.from=petr@example.org", "DMARC passed"),
        ("MX.example.com; dkim=pass header.d=EXAMPLE.org", "DKIM passed"),
    ],
)
def test_what_the_receiving_server_checked_proves_the_address(results: str, how: str) -> None:
    (proved,) = _keys(a_raw(authentication_results=results))
    assert (proved.kind, proved.value, proved.proof, proved.how) == (
        "email",
        "petr@example.org",
        "proved",
        how,
    )


@pytest.mark.parametrize(
    "results",
    [
        "evil.example; dmarc=pass header.from=example.org",
        "mx.example.com; dmarc=fail header.from=example.org",
        "mx.example.com; dmarc=pass header.from=other.example",
        "mx.example.com; dkim=pass header.d=example.org; dmarc=fail header.from=example.org",
        "spf=pass (sender IP is 40.107.1.1) smtp.mailfrom=example.org; dmarc=pass header.from=example.org",
        "mx.example.com; dkim=pass header.d=other.example",
        "mx.example.com; dkim=pass header.d=org",
        "mx.example.com; dkim=pass header.d=ample.org",
        "mx.example.com; spf=pass smtp.mailfrom=bounce@relay.example",
        "mx.example.com; spf=pass smtp.helo=example.org",
        "mx.example.com; none",
        "mx.example.com.evil.example; dmarc=pass",
        ";;;=;",
        "",
    ],
)
def test_anything_less_proves_nothing(results: str) -> None:
    assert _keys(a_raw(authentication_results=results))[0].kind == "email_unverified"


def test_only_the_topmost_results_count() -> None:
    fails = b"Authentication-Results: mx.example.com; dmarc=fail header.from=example.org\r\n"
    assert _keys(a_raw(authentication_results=PASSED))[0].kind == "email"
    assert _keys(fails + a_raw(authentication_results=PASSED))[0].kind == "email_unverified"


def test_without_the_setting_nothing_is_proved() -> None:
    assert _keys(a_raw(authentication_results=PASSED), ACCOUNT)[0].kind == "email_unverified"


@pytest.mark.parametrize(
    "two",
    [
        a_raw(authentication_results=PASSED, **{"from": "a@example.org, b@example.org"}),
        b"From: boss@example.org\r\n" + a_raw(authentication_results=PASSED),
    ],
)
def test_two_froms_prove_nothing(two: bytes) -> None:
    assert _keys(two)[0].kind == "email_unverified"


def test_a_contact_form_of_our_own_site_speaks_for_its_visitor() -> None:
    raw = a_raw(**{"from": "Сайт <Shop@example.com>", "reply-to": "Ольга <olga@example.net>"})
    sender = read(raw).sender
    assert sender is not None
    assert (sender.name, sender.keys[0].value) == ("Ольга", "olga@example.net")
    assert {key.kind for key in sender.keys if key.proof == "proved"} == {"email_unverified"}
    trusted = a_raw(
        authentication_results="mx.example.com; dmarc=pass header.from=example.com",
        **{"from": "Сайт <shop@example.com>", "reply-to": "olga@example.net"},
    )
    assert _keys(trusted)[0].kind == "email_unverified"


def test_a_reply_to_of_anybody_else_is_only_noted() -> None:
    message = read(a_raw(reply_to="other@example.net"))
    assert message.sender is not None
    assert message.sender.keys[0].value == "petr@example.org"
    assert message.details["reply_to"] == "other@example.net"


def test_without_a_usable_from_the_envelope_says_who() -> None:
    message = read(a_raw(**{"from": ""}), envelope_from="real@example.net")
    assert message.sender is not None
    assert message.sender.keys[0].value == "real@example.net"


def test_a_mail_of_nobody_is_a_contact_of_its_own() -> None:
    first = read(a_raw(**{"from": "нет адреса"}))
    second = read(a_raw(message_id="<m2@example.org>", **{"from": "нет адреса"}))
    assert first.sender is not None
    assert second.sender is not None
    assert first.sender.name == "нет адреса"
    assert first.sender.keys[0].value != second.sender.keys[0].value


# What machines write


@pytest.mark.parametrize(
    ("fields", "automatic"),
    [
        ({"auto-submitted": "auto-replied"}, "auto_reply"),
        ({"auto-submitted": "auto-generated (rejected)"}, "auto_reply"),
        ({"auto-submitted": "no"}, None),
        ({"precedence": "bulk"}, "bulk"),
        ({"precedence": "List"}, "bulk"),
        ({"precedence": "auto_reply"}, "auto_reply"),
        ({"precedence": "first-class"}, None),
        ({"list-unsubscribe": "<mailto:x@y>"}, "bulk"),
        ({"list-id": "<news.example.org>"}, "bulk"),
        ({"x-auto-response-suppress": "DR, OOF, AutoReply"}, "auto_reply"),
        ({"x-auto-response-suppress": "DR, RN"}, None),
        ({"x-autoreply": "yes"}, "auto_reply"),
        ({"x-autorespond": ""}, None),
        ({"return-path": "<>"}, "auto_reply"),
        ({"subject": "Автоответ: я в отпуске"}, "auto_reply"),
        ({"subject": "Автоматический ответ: Заказ"}, "auto_reply"),
        ({"subject": "Out of Office: order"}, "auto_reply"),
        ({"subject": "Автомат перестал работать"}, None),
        ({"from": "MAILER-DAEMON@mx.example.net"}, "bounce"),
        ({"from": "Postmaster@example.net"}, "bounce"),
        ({"x-failed-recipients": "a@b.example"}, "bounce"),
        ({"from": "no-reply@bank.example"}, "bulk"),
        ({"from": "noreplyman@bank.example"}, None),
        ({"from": "shop-noreply@bank.example"}, "bulk"),
        ({"from": "robert@bank.example"}, None),
        ({}, None),
    ],
)
def test_mail_of_machines_is_marked(fields: dict[str, str], automatic: str | None) -> None:
    assert read(a_raw(**fields)).automatic == automatic


def test_a_mail_from_the_empty_sender_is_marked() -> None:
    assert read(a_raw(), envelope_from="").automatic == "auto_reply"
    assert read(a_raw(), envelope_from="petr@example.org").automatic is None


def test_a_bounce_is_what_became_of_our_message_and_never_a_message() -> None:
    raw = (SAMPLES / "0067-multipart_report_emails_report_530.eml").read_bytes()
    event = event_of(raw)
    assert isinstance(event, DeliveryReported)
    assert event.state == "failed"
    assert event.external_ids == ("200712232303.lBNN3jDq002941@mail12.rrrr.com.au",)
    assert event.reason == "553 5.3.0 <edwin@zzzzzzz.com>... Unknown E-Mail Address"
    again = event_of(b"Received: again\r\n" + raw)
    assert again is not None
    assert again.key == event.key


def test_a_delay_is_only_noted() -> None:
    raw = (SAMPLES / "0066-multipart_report_emails_report_422.eml").read_bytes()
    assert ignored(raw).startswith("a report: delayed; 452 4.2.2")


def _report(kind: str, part: str, about: str = "Message-ID: <ours@example.com>\r\n") -> bytes:
    original = f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{about}\r\n" if about else ""
    body = f"--b\r\n\r\nтекст\r\n--b\r\nContent-Type: message/{kind}\r\n\r\n{part}\r\n{original}--b--\r\n"
    return a_raw(body, content_type=f"multipart/report; report-type={kind}; boundary=b")


def test_a_delivery_confirmed_is_delivered() -> None:
    event = event_of(
        _report(
            "delivery-status",
            "Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; p@e.org\r\nAction: delivered\r\nStatus: 2.0.0\r\n",
        )
    )
    assert isinstance(event, DeliveryReported)
    assert (event.state, event.external_ids) == ("delivered", ("ours@example.com",))


def test_a_failure_among_several_recipients_is_a_failure_and_names_whom() -> None:
    part = (
        "Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; a@e.org\r\nAction: delivered\r\n\r\n"
        "Final-Recipient: rfc822; b@e.org\r\nAction: Failed\r\nStatus: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 full\r\n"
    )
    event = event_of(_report("delivery-status", part))
    assert isinstance(event, DeliveryReported)
    assert (event.state, event.reason) == ("failed", "b@e.org: 552 5.2.2 full")


def test_a_read_receipt_says_that_it_was_read() -> None:
    part = "Original-Message-ID: <ours@example.com>\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n"
    event = event_of(_report("disposition-notification", part, about=""))
    assert isinstance(event, DeliveryReported)
    assert (event.state, event.external_ids) == ("read", ("ours@example.com",))


def test_a_report_about_nothing_is_left() -> None:
    assert "names no message" in ignored(_report("delivery-status", "Action: failed\r\n", about=""))


# Loops


def test_a_mail_of_ours_that_comes_back_is_dropped() -> None:
    assert ignored(a_raw(x_allo_account=str(ACCOUNT.id))) == "our own mail came back"
    ours = f"<{our_message_id(ACCOUNT, ANSWER)}>"
    assert ignored(a_raw(message_id=ours)) == "our own mail came back"


def test_a_mail_of_another_account_is_none_of_ours() -> None:
    assert read(a_raw(x_allo_account=str(ANSWER))).text
    assert read(a_raw(message_id=f"<{ANSWER}@example.org>")).text


def test_a_mail_written_with_apple_mail_at_our_own_domain_is_not_taken_for_ours() -> None:
    apples = "<6B7EC235-5B17-4CA8-B2B8-39290DEB43A3@example.com>"
    assert read(a_raw(message_id=apples)).text
    assert read(a_raw(message_id=apples.lower())).text


def test_a_mail_that_circles_between_servers_is_dropped() -> None:
    assert "servers" in ignored(b"Received: x\r\n" * 60 + a_raw())


# When our own code fails


def test_a_mail_that_our_code_stumbles_over_is_kept_for_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_mail = events.read_mail

    def stumbling(raw: bytes) -> object:
        if b"trap" in raw:
            raise IndexError
        return read_mail(raw)

    monkeypatch.setattr(events, "read_mail", stumbling)
    assert read(a_raw("fine")).kind == "text"
    message = read(a_raw("trap"), envelope_from="petr@example.org")
    assert message.kind == "unsupported"
    assert message.details["unreadable"] == "IndexError"
    assert message.key == read(a_raw("trap")).key != read(a_raw("trap 2")).key


def test_a_date_in_no_calendar_is_left_out() -> None:
    for written in (
        "Fri, 31 Feb 2026 25:61:00 +9999",
        "вчера",
        "Thu, 99 Jan 2026 00:00:00 +0000",
        "",
    ):
        assert "date" not in read(a_raw(date=written)).details


@pytest.mark.parametrize(
    ("server", "proved"),
    [
        ("mx7.mail.example.net", True),
        ("mail.example.net", False),
        ("evilmail.example.net", False),
        ("mx.mail.example.net.evil.example", False),
    ],
)
def test_a_star_stands_for_the_hosts_of_a_provider(server: str, proved: bool) -> None:  # noqa: FBT001  # a table
    account = an_account(
        address="shop@example.com", authserv_id="mx.example.com, *.mail.example.net"
    )
    results = f"{server}; dmarc=pass header.from=example.org"
    got = read(a_raw(authentication_results=results), account=account)
    assert got.sender is not None
    assert (got.sender.keys[0].kind == "email") is proved
