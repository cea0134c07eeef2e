"""What every channel must do, also those not yet written: nothing here names one.

A channel that receives puts requests which its platform really makes into `channels/sample_{kind}.py`, as ACCOUNT and
REQUESTS; with them the checks go further than with garbage.
"""

import importlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from connectors.connector import Account, Connector, Outgoing, OutgoingFile, Received, Request
from connectors.errors import ReceiveError
from connectors.long_text import length
from connectors.registry import discover
from router.message import Accepted, InboundMessage
from router.wire import decode_event, encode_event

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HERE = Path(__file__).parent
CHANNELS = sorted(discover().items())
RECEIVING = [pytest.param(channel, id=kind) for kind, channel in CHANNELS if channel.receive]
LIMITED = [
    pytest.param(channel, id=kind)
    for kind, channel in CHANNELS
    if channel.split and channel.capabilities.text_limit
]
FILING = [
    pytest.param(channel, id=kind)
    for kind, channel in CHANNELS
    if channel.split and channel.capabilities.attachments
]
EVERY = [pytest.param(channel, id=kind) for kind, channel in CHANNELS]

FIELDS = {
    "telegram": "token webhook_secret mode api_base",
    "vk": "group_id access_token secret confirmation mode api_base",
    "whatsapp": "phone_number_id waba_id access_token app_secret verify_token api_base",
    "email": "address mode imap_host imap_port imap_user imap_password imap_tls smtp_host smtp_port smtp_user"
    " smtp_password smtp_tls hook_signing_key authserv_id",
    "site_chat": "title allowed_origins identity_secret",
    "mango": "api_key api_salt api_base",
    "zadarma": "api_key api_secret api_base",
    "uis": "path_secret api_base",
    "twilio": "account_sid auth_token api_base",
    "asterisk": "host port username secret inbound_context dial_prefix",
    "call_hook": "secret",
    "lead_form": "path_secret allowed_origins",
}
"""The documented fields of accounts: other people's scripts use them. More may be added, none dropped."""

SECRETIVE = ("token", "secret", "password", "salt", "api_key", "signing_key")
GARBAGE = (
    b"",
    b"\x00",
    b"\xff\xfe\xfd",
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"12",
    b'{"a":',
    b"[" * 100_000,
    b'{"' + b"x" * 100_000 + b'":1}',
    b"a=b&c=%ff&d",
    b"<xml/>",
    b"json=%7B%7D&sign=x",
)


def an_account(channel: Connector) -> Account:
    """Every field set, and every secret recognisable."""
    fields = {
        each.name: f"SECRET-{each.name}-7f3a91c2" if each.secret else each.default or "x"
        for each in channel.fields
    }
    return Account(id=UUID(int=1), kind=channel.kind, slug="shop", fields=fields)


def a_request(body: bytes, **more: object) -> Request:
    request = Request(method="POST", headers={}, body=body, received_at=NOON)
    return replace(request, **more)  # type: ignore[arg-type]  # a table of fields


def taken(channel: Connector, account: Account, request: Request) -> Received | None:
    """None: refused, by a named error that gives nothing away."""
    assert channel.receive is not None
    try:
        return channel.receive(account, request)
    except ReceiveError as error:
        said = str(error)
    assert not [name for name in channel.secrets if account[name] and account[name] in said]
    return None


def samples(channel: Connector) -> Iterator[tuple[Account, Request]]:
    if (HERE / "channels" / f"sample_{channel.kind}.py").exists():
        found: ModuleType = importlib.import_module(
            f"tests.connectors.channels.sample_{channel.kind}"
        )
        for request in found.REQUESTS:
            yield found.ACCOUNT, request


SAMPLED = [
    pytest.param(channel, account, request, id=f"{kind}-{number}")
    for kind, channel in CHANNELS
    for number, (account, request) in enumerate(samples(channel))
]

# Declarations


@pytest.mark.parametrize("channel", EVERY)
def test_a_channel_has_tests_of_its_name(channel: Connector) -> None:
    assert list(HERE.glob(f"**/test_{channel.kind}*.py"))


@pytest.mark.parametrize("channel", EVERY)
def test_the_kind_is_the_modules_name(channel: Connector) -> None:
    module = importlib.import_module(f"connectors.channels.{channel.kind}")
    assert module.connector is channel
    assert module.__doc__


@pytest.mark.parametrize("channel", EVERY)
def test_the_documented_fields_are_there(channel: Connector) -> None:
    names = [each.name for each in channel.fields]
    assert len(names) == len(set(names))
    assert set(FIELDS.get(channel.kind, "").split()) <= set(names)


@pytest.mark.parametrize("channel", EVERY)
def test_what_sounds_like_a_secret_is_one(channel: Connector) -> None:
    for each in channel.fields:
        if each.name.endswith(SECRETIVE):
            assert each.secret, each.name
        assert not (each.secret and each.default)
        assert not each.choices or each.default in {"", *each.choices}
        assert each.label


@pytest.mark.parametrize("channel", EVERY)
def test_abilities_and_claims_match(channel: Connector) -> None:
    able = channel.capabilities
    assert bool(channel.hook) == (channel.receive is not None)
    assert [channel.poll, channel.watch].count(None) == (2 if channel.polls is None else 1)
    assert able.typing == (channel.show_typing is not None)
    assert bool(able.attachment_limit) == able.attachments
    assert channel.split is None or channel.send is not None
    assert able.rate is None or able.rate > 0
    assert able.chat_rate is None or able.chat_rate > 0
    assert able.text_limit is None or able.text_limit > 0
    if channel.send is not None and able.text_limit is not None:
        assert channel.split is not None, "a limit of the text, and nobody who heeds it"
    assert channel.label
    assert channel.icon
    assert channel.identity
    assert channel.body_limit >= 1 << 16 or channel.receive is None


@pytest.mark.parametrize("channel", LIMITED)
def test_a_long_reply_is_split_within_the_limits_and_nothing_is_lost(channel: Connector) -> None:
    limit, unit = channel.capabilities.text_limit, channel.capabilities.text_unit
    assert channel.split is not None
    assert limit is not None
    text = "Предложение 😀 номер один. " * (limit // 10)
    parts = channel.split(Outgoing(id=UUID(int=1), chat="7", text=text))
    assert len(parts) > 1
    for part in parts:
        assert 0 < length(part.text, unit) <= limit
    assert "".join("".join(part.text for part in parts).split()) == "".join(text.split())


@pytest.mark.parametrize("channel", FILING)
def test_files_survive_splitting(channel: Connector) -> None:
    assert channel.split is not None

    async def read() -> bytes:
        return b"x"

    files = tuple(
        OutgoingFile(name=f"{n}.jpg", mime="image/jpeg", size=1, kind="image", read=read)
        for n in range(23)
    )
    parts = channel.split(Outgoing(id=UUID(int=1), chat="7", text="вот", files=files))
    assert [file.name for part in parts for file in part.files] == [file.name for file in files]
    assert [part.text for part in parts if part.text] == ["вот"]


# Receiving


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize("channel", RECEIVING)
def test_garbage_without_proof_is_refused_and_gives_nothing_away(
    channel: Connector, body: bytes
) -> None:
    for method in ("POST", "GET"):
        for content_type in ("application/json", "application/x-www-form-urlencoded"):
            request = a_request(body, method=method, headers={"Content-Type": content_type})
            received = taken(channel, an_account(channel), request)
            assert received is None or not received.incoming


@pytest.mark.parametrize("channel", RECEIVING)
def test_an_account_without_secrets_takes_nothing(channel: Connector) -> None:
    bare = Account(id=UUID(int=1), kind=channel.kind, slug="shop")
    for body in GARBAGE:
        received = taken(channel, bare, a_request(body))
        assert received is None or not received.incoming


@pytest.mark.parametrize("channel", RECEIVING)
def test_strange_headers_are_no_reason_to_fall_over(channel: Connector) -> None:
    for name in ("X-Telegram-Bot-Api-Secret-Token", "X-Hub-Signature-256", "X-Twilio-Signature", "Signature", "Authorization"):  # fmt: skip
        for value in ("", "секрет", "\udcff", "sha256=", "x" * 10_000):
            received = taken(channel, an_account(channel), a_request(b"{}", headers={name: value}))
            assert received is None or not received.incoming


@pytest.mark.parametrize(("channel", "account", "request_"), SAMPLED)
def test_a_redelivery_yields_the_same_keys(
    channel: Connector, account: Account, request_: Request
) -> None:
    first, second = (taken(channel, account, request_) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.incoming
    keys = [each.event.key for each in first.incoming]
    assert keys == [each.event.key for each in second.incoming]
    assert len(keys) == len(set(keys))
    for each in first.incoming:
        assert each.event.key
        assert each.event.at.tzinfo is not None
        assert each.event.at <= request_.received_at
        accepted = Accepted(
            id=UUID(int=2),
            account=account.id,
            channel=channel.kind,
            received_at=NOON,
            event=each.event,
        )
        assert decode_event(encode_event(accepted)) == accepted


@pytest.mark.parametrize(("channel", "account", "request_"), SAMPLED)
def test_a_customers_message_says_how_long_it_may_be_answered_where_there_is_such_a_rule(
    channel: Connector, account: Account, request_: Request
) -> None:
    received = taken(channel, account, request_)
    assert received is not None
    window = channel.capabilities.window
    for each in received.incoming:
        if isinstance(each.event, InboundMessage):
            ends = window is not None and each.event.direction == "in"
            assert each.event.window_until == (each.event.at + window if ends and window else None)


@pytest.mark.parametrize(("channel", "account", "request_"), SAMPLED)
def test_the_same_request_is_refused_when_the_secrets_are_others(
    channel: Connector, account: Account, request_: Request
) -> None:
    others = {
        name: "another" if name in channel.secrets else value
        for name, value in account.fields.items()
    }
    received = taken(channel, replace(account, fields=others), request_)
    assert received is None or not received.incoming


@pytest.mark.parametrize(("channel", "account", "request_"), SAMPLED)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_body_raises_receive_errors_only(
    channel: Connector, account: Account, request_: Request, data: st.DataObject
) -> None:
    body = request_.body
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, len(body)))
    damaged = body[:start] + data.draw(st.binary(max_size=8)) + body[end:]
    taken(channel, account, replace(request_, body=damaged))


@pytest.mark.parametrize(("channel", "account", "request_"), SAMPLED)
@settings(max_examples=60)
@given(data=st.data())
def test_oddly_typed_values_raise_receive_errors_only(
    channel: Connector, account: Account, request_: Request, data: st.DataObject
) -> None:
    try:
        told = json.loads(request_.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return
    holder, name = told, data.draw(st.sampled_from(sorted(told)))
    while isinstance(holder[name], dict) and holder[name] and data.draw(st.booleans()):
        holder = holder[name]
        name = data.draw(st.sampled_from(sorted(holder)))
    odd = (None, True, -1, 1 << 70, 1.5, "", "x", [], [None], [[]], {}, {"id": {}})
    holder[name] = data.draw(st.sampled_from(odd))
    taken(channel, account, replace(request_, body=json.dumps(told).encode()))
