"""What a mail was sent to, and what stands in its subject, as a source."""

from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import UUID

import pytest

from connectors.channels.email import threading
from connectors.channels.email.events import understand
from connectors.connector import Account
from router.ids import new_id

AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ACCOUNT = Account(
    id=UUID(int=1),
    kind="email",
    slug="post",
    fields={"address": "Sales@shop.example", "reply_tokens": "yes"},
    secret=b"k" * 32,
)


def read(*, to, subject="Вопрос", recipients=()):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "petr@example.org", to, subject
    mail["Message-ID"] = "<a@example.org>"
    mail.set_content("Сколько стоит?")
    return understand(mail.as_bytes(), account=ACCOUNT, received_at=AT, recipients=recipients).event


@pytest.mark.parametrize(
    ("to", "code", "alias"),
    [
        pytest.param("sales+ab2cd@shop.example", "ab2cd", "", id="behind the plus"),
        pytest.param("SALES+YD_Spring@Shop.Example", "yd_spring", "", id="of either case"),
        pytest.param("sales@shop.example", "", "", id="our own address"),
        pytest.param("ads@shop.example", "", "ads@shop.example", id="another address of ours"),
        pytest.param("ads@shop.example, sales@shop.example", "", "", id="a copy"),
        pytest.param("sales+ab2cd@other.example", "", "", id="of another domain"),
        pytest.param("boss+ab2cd@shop.example", "", "", id="of another mailbox"),
    ],
)
def test_the_address_a_mail_was_sent_to_says_by_which_link(to, code, alias):
    source = read(to=to).source
    assert (source.code if source else "", source.alias if source else "") == (code, alias)


def test_the_envelope_knows_what_the_header_does_not_say():
    event = read(to="undisclosed:;", recipients=["sales+ab2cd@shop.example"])
    assert event.source.code == "ab2cd"


def test_a_code_in_the_subject_is_found_and_not_shown():
    event = read(to="sales@shop.example", subject="Вопрос о цене [ref: ab2cd]")
    assert (event.source.code, event.subject) == ("ab2cd", "Вопрос о цене")


def test_a_reply_token_is_no_code():
    token = threading.reply_address(ACCOUNT, new_id())
    assert "+" in token
    assert read(to=token).source is None
