"""What Telegram says in a way that we do not know is kept, whatever it is."""

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from connectors.channels.telegram.updates import read_update
from connectors.errors import ReceiveError
from router.message import Accepted, InboundMessage, ServiceEvent
from router.wire import decode_event, encode_event
from tests.connectors.channels.telegram_world import (
    ANNA,
    AT,
    NOON,
    PRIVATE,
    Json,
    a_message,
    a_request,
    an_account,
    an_update,
    connector,
    event_of,
    received,
)

WRITTEN = datetime.fromtimestamp(AT, UTC)


def test_a_kind_of_update_of_next_year_is_kept() -> None:
    event = event_of(an_update("hologram", {"from": ANNA, "chat": PRIVATE, "date": AT}))
    assert isinstance(event, ServiceEvent)
    assert (event.name, event.chat.id, event.at) == ("hologram", "5512345678", WRITTEN)
    nobodys = event_of(b'{"update_id":1,"new_kind":{"some_field":1}}')
    assert isinstance(nobodys, ServiceEvent)
    assert nobodys.name == "new_kind"


def test_an_oddly_typed_message_is_kept_as_unsupported() -> None:
    event = event_of(an_update(told=a_message(text="важно", photo={"not": "a list"})))
    assert isinstance(event, InboundMessage)
    assert (event.kind, event.text, event.external_id) == ("unsupported", "важно", "5512345678:41")
    assert event.sender is not None


def test_an_unreadable_edit_does_not_blank_out_its_message() -> None:
    event = event_of(an_update("edited_message", a_message(photo={"not": "a list"})))
    assert isinstance(event, ServiceEvent)


@pytest.mark.parametrize("kind", ["inline_query", "poll", "message_reaction_count", "chat_boost"])
def test_what_is_of_no_interest_says_so(kind: str) -> None:
    result = received(an_update(kind, {"id": "1", "from": ANNA}))
    assert not result.incoming
    assert result.ignored[0].startswith(f"{kind}: ")


def test_a_redelivery_has_the_same_key() -> None:
    assert event_of(an_update(text="x")) == event_of(an_update(text="x"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = ["chat", "from", "message_id", "date", "text", "entities", "photo", "contact", "venue", "message", "id",
          "user", "new_reaction", "reply_to_message", "caption", "sticker", "rich_message", "forward_origin", "type"]  # fmt: skip
KINDS = [
    "message",
    "edited_message",
    "callback_query",
    "business_message",
    "my_chat_member",
    "x",
    "poll",
]
nearly = st.dictionaries(
    st.sampled_from(KINDS),
    st.dictionaries(
        st.sampled_from(FIELDS), json_values | st.sampled_from([PRIVATE, ANNA, AT]), max_size=8
    )
    | json_values,
    max_size=2,
)


@given(nearly, st.integers(0, 1 << 40))
def test_whatever_has_an_update_id_becomes_an_event_that_travels(told: Json, number: int) -> None:
    body = json.dumps({"update_id": number} | told).encode()
    read = read_update(an_account(), body, NOON)
    assert (read.event is None) == bool(read.ignored)
    if read.event is not None:
        account = an_account().id
        accepted = Accepted(
            id=account, account=account, channel="telegram", received_at=NOON, event=read.event
        )
        assert decode_event(encode_event(accepted)) == accepted
        assert read.event.at <= NOON


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_in_only_receive_errors_come_out(body: bytes) -> None:
    assert connector.receive is not None
    with contextlib.suppress(ReceiveError):
        connector.receive(an_account(), a_request(body))
