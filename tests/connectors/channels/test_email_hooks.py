"""Mail that providers post: who is believed, what is read, and that a mail taken apart is the same mail."""

import base64
import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings, strategies as st

from connectors.channels.email import connector
from connectors.connector import Account, Received, Request
from connectors.errors import Malformed, ReceiveError, Unverified
from router.message import DeliveryReported, InboundMessage
from tests.conftest import NOON
from tests.connectors.channels.email_hooks import form, mailgun_proof
from tests.connectors.channels.email_world import a_raw, an_account
from tests.connectors.channels.sample_email import ACCOUNT, KEY, REQUESTS

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SENDGRID = an_account(
    address="shop@example.com",
    mode="hook",
    hook_signing_key=base64.b64encode(
        SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode(),
)
OPEN = an_account(address="shop@example.com", mode="hook", hook_password="пароль")
BASIC = {"Authorization": "Basic " + base64.b64encode("allo:пароль".encode()).decode()}


def taken(request: Request, account: Account = ACCOUNT) -> Received:
    assert connector.receive is not None
    return connector.receive(account, request)


def message(request: Request, account: Account = ACCOUNT) -> InboundMessage:
    (incoming,) = taken(request, account).incoming
    assert isinstance(incoming.event, InboundMessage)
    assert incoming.raw is not None
    assert connector.reread is not None
    again = connector.reread(account, incoming.raw, request.received_at)
    assert again is not None
    (same,) = again.incoming
    assert same.event == incoming.event
    return incoming.event


def signed(request: Request) -> Request:
    timestamp = "1795262400"
    signature = SENDGRID_KEY.sign(timestamp.encode() + request.body, ec.ECDSA(SHA256()))
    proof = {
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
    }
    return with_headers(request, proof)


def with_headers(request: Request, more: dict[str, str]) -> Request:
    return Request(
        method=request.method,
        headers=dict(request.headers) | more,
        body=request.body,
        path=request.path,
        query=request.query,
        received_at=request.received_at,
    )


def mailgun(**fields: str | bytes) -> dict[str, str | bytes]:
    written = {name.replace("_", "-"): value for name, value in fields.items()}
    return (
        {"recipient": "shop@example.com", "sender": "petr@example.org"}
        | written
        | mailgun_proof(KEY)
    )


def sendgrid(**fields: Any) -> dict[str, str | bytes]:
    written = {
        "headers": "From: =?utf-8?b?0J/RkdGC0YA=?= <petr@example.org>\nMessage-ID: <s1@example.org>\nSubject: hi\n",
        "envelope": json.dumps({"to": ["shop@example.com"], "from": "petr@example.org"}),
        "from": "petr@example.org",
        "text": "Сколько стоит?",
        "dkim": "{@example.org : pass}",
        "SPF": "pass",
    }
    return written | fields


# Mailgun


def test_a_mail_in_one_piece() -> None:
    got = message(form(mailgun(body_mime=a_raw("Вопрос")), path="mailgun/mime", multipart=True))
    assert (got.text, got.external_id) == ("Вопрос", "m1@example.org")
    assert got.sender is not None
    assert got.sender.name == "Пётр"
    assert got.details["envelope_from"] == "petr@example.org"


def test_a_mail_in_one_piece_may_be_urlencoded_and_in_any_charset() -> None:
    raw = a_raw("Вопрос".encode("cp1251"), content_type="text/plain; charset=windows-1251")
    assert message(form(mailgun(body_mime=raw), path="mailgun/mime")).text == "Вопрос"


def test_a_mail_in_fields_with_its_pictures_and_files() -> None:
    headers = [
        ["Received", "from a by b"],
        ["From", "Пётр <petr@example.org>"],
        ["Subject", "Заказ"],
        ["Message-Id", "<m7@example.org>"],
        ["In-Reply-To", "<ours@example.com>"],
        ["Content-Type", "multipart/mixed; boundary=gone"],
    ]
    fields = mailgun(
        message_headers=json.dumps(headers),
        body_plain="Вот фото\n\nпт, 21 нояб. 2026 г. в 12:03, Магазин <shop@example.com>:\n> Пришлите фото",
        body_html='<p>Вот фото <img src="cid:i1"></p><script>x</script>',
        content_id_map='{"<i1>": "attachment-1"}',
        attachment_count="2",
    )
    files = [
        ("attachment-1", "фото.png", "image/png", PNG),
        ("attachment-2", "счёт.pdf", "application/pdf", b"%PDF\r\n--xYzZ\r\n\x00\xff"),
    ]
    got = message(form(fields, path="mailgun", files=files))
    assert got.text == "Вот фото"
    assert "Пришлите фото" in got.details["full_text"]
    assert got.html is not None
    assert "script" not in got.html
    assert got.thread[0] == "ours@example.com"
    assert [(each.name, each.cid, each.content) for each in got.attachments] == [
        ("фото.png", "i1", PNG),
        ("счёт.pdf", "", b"%PDF\r\n--xYzZ\r\n\x00\xff"),
    ]


def test_fields_without_the_list_of_headers() -> None:
    fields = mailgun(body_plain="Да", subject="Заказ", Message_Id="<m8@example.org>")
    got = message(form(fields | {"from": "petr@example.org"}, path="mailgun"))
    assert (got.subject, got.external_id, got.text) == ("Заказ", "m8@example.org", "Да")


@pytest.mark.parametrize(
    ("proof", "missing"),
    [
        ({"signature": ""}, True),
        ({"signature": "0" * 64}, False),
        ({"token": "other"}, False),
        (mailgun_proof(KEY, at=(NOON - timedelta(hours=10)).timestamp()), False),
        (mailgun_proof("another key"), False),
        ({"timestamp": "soon"}, False),
    ],
)
def test_mailgun_must_prove_itself(proof: dict[str, str], missing: bool) -> None:  # noqa: FBT001  # a table
    with pytest.raises(Unverified) as refused:
        taken(form(mailgun(body_mime=a_raw()) | proof, path="mailgun/mime"))
    assert refused.value.missing is missing


def test_a_request_that_mailgun_repeats_for_hours_is_still_taken() -> None:
    proof = mailgun_proof(KEY, at=(NOON - timedelta(hours=8)).timestamp())
    assert taken(form(mailgun(body_mime=a_raw()) | proof, path="mailgun/mime")).incoming


# SendGrid


def test_sendgrids_fields_are_a_mail_whose_sender_it_has_checked() -> None:
    got = message(signed(form(sendgrid(), path="sendgrid", multipart=True)), SENDGRID)
    assert (got.text, got.external_id) == ("Сколько стоит?", "s1@example.org")
    assert got.sender is not None
    assert [(key.kind, key.value, key.proof) for key in got.sender.keys] == [
        ("email", "petr@example.org", "proved")
    ]


@pytest.mark.parametrize(
    ("dkim", "spf", "envelope"),
    [
        ("none", "none", "petr@example.org"),
        ("{@example.org : fail}", "softfail", "petr@example.org"),
        ("{@evil.example : pass}", "pass", "x@evil.example"),
        ("{@sendgrid.com : pass, @example.org : fail}", "fail", "petr@example.org"),
    ],
)
def test_what_sendgrid_could_not_check_is_not_believed(dkim: str, spf: str, envelope: str) -> None:
    fields = sendgrid(
        dkim=dkim,
        SPF=spf,
        envelope=json.dumps({"to": ["shop@example.com"], "from": envelope}),
        headers="Authentication-Results: provider; dmarc=pass header.from=example.org\n"
        "From: petr@example.org\nX-Allo-Envelope: {}\n",
    )
    got = message(signed(form(fields, path="sendgrid", multipart=True)), SENDGRID)
    assert got.sender is not None
    assert got.sender.keys[0].kind == "email_unverified"


def test_sendgrids_fields_have_charsets_of_their_own() -> None:
    fields = sendgrid(
        text="Привет".encode("koi8-r"),
        charsets=json.dumps({"text": "koi8-r", "html": "windows-1251", "subject": "UTF-8"}),
        html="<p>Привет</p>".encode("cp1251"),
    )
    got = message(signed(form(fields, path="sendgrid", multipart=True)), SENDGRID)
    assert got.text == "Привет"
    assert got.html is not None
    assert "Привет" in got.html


def test_sendgrids_files_and_pictures() -> None:
    fields = sendgrid(
        **{
            "attachment-info": json.dumps(
                {"attachment1": {"filename": "a.png", "content-id": "i1", "type": "image/png"}}
            )
        }
    )
    files = [("attachment1", "a.png", "image/png", PNG)]
    request = signed(form(fields, path="sendgrid", files=files))
    (file,) = message(request, SENDGRID).attachments
    assert (file.name, file.cid, file.content, file.kind) == ("a.png", "i1", PNG, "image")


def test_sendgrid_may_post_the_mail_itself() -> None:
    fields = {"email": a_raw("Вопрос"), "envelope": '{"to": ["shop@example.com"], "from": ""}'}
    got = message(signed(form(fields, path="sendgrid", multipart=True)), SENDGRID)
    assert got.text == "Вопрос"
    assert got.automatic == "auto_reply"


def test_a_changed_body_is_refused() -> None:
    request = signed(form(sendgrid(), path="sendgrid", multipart=True))
    changed = with_headers(
        form(sendgrid(text="x"), path="sendgrid", multipart=True), dict(request.headers)
    )
    with pytest.raises(Unverified):
        taken(changed, SENDGRID)


@pytest.mark.parametrize("key", ["", "garbage", "AAAA", base64.b64encode(b"x" * 91).decode()])
def test_a_key_that_is_none_proves_nothing(key: str) -> None:
    account = an_account(mode="hook", hook_signing_key=key)
    with pytest.raises(Unverified):
        taken(signed(form(sendgrid(), path="sendgrid", multipart=True)), account)


# Raw, and by password


def test_a_raw_mail_with_its_envelope() -> None:
    request = Request(
        method="POST",
        headers=BASIC,
        body=a_raw("Вопрос"),
        path="raw/",
        query={"from": "bounce@example.org", "to": "shop@example.com, nonsense"},
        received_at=NOON,
    )
    got = message(request, OPEN)
    assert got.text == "Вопрос"
    assert got.details["envelope_from"] == "bounce@example.org"


def test_a_bounce_marks_our_message_as_failed() -> None:
    samples = Path(__file__).parent.parent / "payloads" / "email"
    bounce = next(samples.glob("**/*multiple_status.eml")).read_bytes()
    request = Request(method="POST", headers=BASIC, body=bounce, path="raw", received_at=NOON)
    received = taken(request, OPEN)
    assert all(isinstance(each.event, DeliveryReported) for each in received.incoming)
    assert len(received.incoming) + len(received.ignored) == 1


@pytest.mark.parametrize("path", ["raw", "mailgun", "mailgun/mime", "sendgrid"])
def test_without_a_key_the_password_is_asked_for(path: str) -> None:
    request = form({"email": a_raw(), "body-mime": a_raw()}, path=path, multipart=True)
    for wrong in (
        {},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic YWxsbzp4"},
        {"Authorization": "Bearer x"},
    ):
        with pytest.raises(Unverified):
            taken(with_headers(request, wrong), OPEN)
    assert taken(with_headers(request, BASIC), OPEN).incoming


def test_a_password_does_where_a_signature_is_set_not() -> None:
    account = an_account(mode="hook", hook_signing_key=KEY, hook_password="пароль")
    with pytest.raises(Unverified):
        taken(
            with_headers(form({"email": a_raw()}, path="sendgrid", multipart=True), BASIC), account
        )


@pytest.mark.parametrize("path", ["", "postfix", "mailgun/other"])
def test_an_unknown_provider_is_refused(path: str) -> None:
    with pytest.raises(Unverified):
        taken(with_headers(form({"email": a_raw()}, path=path, multipart=True), BASIC), OPEN)


def test_an_account_that_takes_mail_otherwise_takes_no_hook() -> None:
    account = an_account(mode="imap", hook_password="пароль")
    with pytest.raises(Unverified):
        taken(
            with_headers(form({"email": a_raw()}, path="sendgrid", multipart=True), BASIC), account
        )


@pytest.mark.parametrize(
    "request_",
    [
        form({"email": " "}, path="mailgun", multipart=True),
        form({"email": " "}, path="sendgrid", multipart=True),
        form({"email": "x"}, path="sendgrid", headers={"Content-Type": "text/plain"}),
        form({"email": "x"}, path="sendgrid", headers={"Content-Type": "multipart/form-data"}),
        Request(method="POST", headers={}, body=b" ", path="raw", received_at=NOON),
        Request(method="GET", headers={}, body=a_raw(), path="raw", received_at=NOON),
    ],
    ids=["mailgun", "sendgrid", "no form", "no boundary", "raw", "get"],
)
def test_what_holds_no_mail_is_malformed(request_: Request) -> None:
    with pytest.raises(Malformed):
        taken(with_headers(request_, BASIC), OPEN)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), path=st.sampled_from(["mailgun", "mailgun/mime", "sendgrid", "raw"]))
def test_nothing_but_receive_errors(data: st.DataObject, path: str) -> None:
    names = st.sampled_from([
        "from", "headers", "message-headers", "body-mime", "email", "envelope", "charsets",
        "text", "html", "content-id-map", "attachment-info", "dkim", "sender", "recipient",
    ])  # fmt: skip
    odd = st.sampled_from(
        [
            b"[]",
            b"{}",
            b"[[1,2],[3]]",
            b'{"to":1,"from":[]}',
            b'{"a":{"content-id":1}}',
            b"[" * 5000,
        ]
    )
    fields = data.draw(st.dictionaries(names, st.binary(max_size=40) | odd, max_size=6))
    request = form(fields, path=path, multipart=True, files=[("a", "a\x00.txt", "x", b"\x00")])
    with suppress(ReceiveError):
        taken(with_headers(request, BASIC), OPEN)


def test_every_sample_is_read_the_same_way_twice() -> None:
    for request in REQUESTS:
        assert message(request) == message(request)
