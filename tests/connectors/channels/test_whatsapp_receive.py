"""Webhooks of WhatsApp through the connector: origin, lists of lists, whose number, and that nothing is lost."""

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from connectors.channels.whatsapp import connector
from connectors.connector import Request
from connectors.errors import ReceiveError, Unverified
from router.message import (
    DeliveryReported,
    InboundMessage,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    ServiceEvent,
)
from tests.connectors.channels.whatsapp_world import (
    ANA,
    NOON,
    VERIFY,
    a_body,
    a_change,
    a_message,
    a_request,
    a_status,
    an_account,
    events_of,
    in_json,
    received,
    sign,
)

PAYLOADS = Path(__file__).parent.parent / "payloads" / "whatsapp"
FILES = sorted(PAYLOADS.glob("*/*.json"))

# Origin


def ask(query: dict[str, str], **fields: str) -> Any:
    assert connector.receive is not None
    request = Request(method="GET", headers={}, body=b"", query=query, received_at=NOON)
    return connector.receive(an_account(**fields), request)


def test_meta_is_told_that_the_address_is_ours():
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1158201444"}
    answer = ask(query).answer
    assert (answer.status, answer.body, answer.content_type) == (200, b"1158201444", "text/plain")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": "wrong", "hub.challenge": "1"}, {}),
        ({"hub.mode": "subscribe", "hub.challenge": "1"}, {}),
        ({"hub.verify_token": VERIFY, "hub.challenge": "1"}, {}),
        ({"hub.mode": "subscribe", "hub.verify_token": "секрет\udcff"}, {}),
        ({"hub.mode": "subscribe", "hub.verify_token": ""}, {"verify_token": ""}),
        ({}, {}),
    ],
)
def test_nobody_else_is(query, fields):
    with pytest.raises(Unverified):
        ask(query, **fields)


def test_the_signature_is_over_the_bytes_as_they_came():
    assert connector.receive is not None
    # Meta writes \u041f for П; read and written again, the body would be another.
    escaped = a_body(a_change(a_message("Привет")))
    assert b"\\u041f" in escaped
    assert connector.receive(an_account(), a_request(escaped)).incoming
    plain = json.dumps(json.loads(escaped), ensure_ascii=False).encode()
    with pytest.raises(Unverified):
        connector.receive(an_account(), a_request(plain, signature=sign(escaped)))


@pytest.mark.parametrize("signature", [None, "sha256=", "sha1=abc", "секрет", "\udcff", sign(b"x")])
def test_a_wrong_or_missing_signature_is_refused_and_gives_nothing_away(signature):
    assert connector.receive is not None
    body = a_body(a_change(a_message()))
    with pytest.raises(Unverified) as refused:
        connector.receive(an_account(), a_request(body, signature=signature))
    assert sign(body)[7:] not in str(refused.value)


# Lists of lists


def test_every_message_and_status_of_every_change_of_every_entry_is_read():
    entries = [
        {
            "id": str(entry),
            "changes": [
                a_change(
                    a_message(id=f"wamid.{entry}{change}a"),
                    a_message(id=f"wamid.{entry}{change}b"),
                    statuses=[a_status(id=f"wamid.{entry}{change}s")],
                )
                for change in (1, 2)
            ],
        }
        for entry in (1, 2)
    ]
    got = received(in_json({"object": "whatsapp_business_account", "entry": entries}))
    assert [each.event.key for each in got.incoming] == [
        f"wamid.{entry}{change}{kind}"
        for entry in (1, 2)
        for change in (1, 2)
        for kind in ("a", "b", "s:delivered")
    ]
    assert not got.ignored


BROKEN = [
    pytest.param("nonsense", id="no object"),
    pytest.param(None, id="nothing"),
    pytest.param({}, id="empty"),
    pytest.param({"id": "wamid.X", "type": "text"}, id="from nobody"),
    pytest.param(a_message(id="wamid.X", type="text", text={"body": 5}), id="text is no text"),
    pytest.param(a_message(id="wamid.X", timestamp={"s": 1}), id="a strange time"),
    pytest.param(a_message(id=["wamid"], timestamp="soon"), id="a strange id"),
    pytest.param(a_message(id="wamid.X", type=None), id="no type"),
    pytest.param(a_message(id="wamid.X", type="hologram", hologram={}), id="an unknown kind"),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_item_in_the_middle_costs_nothing_else_and_is_kept(broken):
    first, last = a_message("one", id="wamid.1"), a_message("three", id="wamid.3")
    contacts = (ANA, {**ANA, "wa_id": "1", "user_id": "US.1"})
    got = received(a_body(a_change(first, broken, last, statuses=[a_status()], contacts=contacts)))
    assert len(got.incoming) + len(got.ignored) == 4
    words = [each.event.text for each in got.incoming if isinstance(each.event, InboundMessage)]
    assert (words[0], words[-1]) == ("one", "three")
    assert isinstance(got.incoming[-1].event, DeliveryReported)
    assert len({each.event.key for each in got.incoming}) == 4


def test_one_that_nobody_is_known_to_have_written_is_kept_raw():
    contacts = (ANA, {**ANA, "wa_id": "1", "user_id": "US.1"})
    got = received(a_body(a_change({"id": "wamid.X", "type": "text"}, contacts=contacts)))
    (kept,) = got.incoming
    assert isinstance(kept.event, ServiceEvent)
    assert (kept.event.name, kept.event.chat.id) == ("unreadable", "")
    assert b"wamid.X" in (kept.raw or b"")
    assert connector.reread is not None
    again = connector.reread(an_account(), kept.raw or b"", NOON)
    assert again is not None
    assert again.incoming[0].event.key == kept.event.key


def test_words_without_a_type_are_words():
    told = a_message(id="wamid.X")
    del told["type"]
    (event,) = events_of(a_change(told))
    assert isinstance(event, InboundMessage)
    assert (event.kind, event.text) == ("text", "Olá")


@pytest.mark.parametrize(
    "envelope",
    [
        {"object": "whatsapp_business_account", "entry": [5, {"changes": [a_change(a_message())]}]},
        {"object": "whatsapp_business_account", "entry": {"changes": a_change(a_message())}},
        {
            "object": "whatsapp_business_account",
            "entry": [{"changes": [None, a_change(a_message())]}],
        },
        {
            "object": "whatsapp_business_account",
            "entry": [{"changes": [a_change(a_message(), contacts=[7, ANA])]}],
        },
        {
            "object": "whatsapp_business_account",
            "entry": [{"changes": [a_change(a_message(), statuses=[5])]}],
        },
    ],
)
def test_a_broken_level_costs_nothing_beside_it(envelope):
    got = received(in_json(envelope))
    messages = [each.event for each in got.incoming if isinstance(each.event, InboundMessage)]
    assert [(each.text, each.chat.id) for each in messages] == [("Olá", ANA["user_id"])]


def test_characters_that_cannot_be_stored_are_left_out_and_not_the_message():
    body = a_body(a_change(a_message("a\x00b"), a_message("c", id="wamid.2")))
    odd = body.replace(b"\\u0000", b"\\u0000\\ud800").replace(b'"c"', b'"\xff\xfe"')
    texts = [
        each.event.text for each in received(odd).incoming if isinstance(each.event, InboundMessage)
    ]
    assert texts[0] == "ab"
    assert len(texts) == 2


def test_what_is_no_json_at_all_is_taken_and_kept():
    """Refused, Meta would send it again for seven days."""
    got = received(b'{"object": "whatsapp_business_account", "entry": [{')
    (kept,) = got.incoming
    assert isinstance(kept.event, ServiceEvent)
    assert kept.event.name == "unreadable"
    assert got.answer.status == 200


def test_each_item_of_a_batch_can_be_read_again_by_itself():
    assert connector.reread is not None
    body = a_body(
        a_change(a_message("one", id="wamid.1"), a_message("two", id="wamid.2")),
        a_change(statuses=[a_status()]),
    )
    for each in received(body).incoming:
        assert each.raw is not None
        assert each.raw != body
        again = connector.reread(an_account(), each.raw, NOON)
        assert again is not None
        (same,) = again.incoming
        assert same.event.key == each.event.key
        if isinstance(each.event, InboundMessage) and isinstance(same.event, InboundMessage):
            assert (same.event.text, same.event.sender) == (each.event.text, each.event.sender)


def test_the_same_shuffled_and_again_is_the_same():
    rng = random.Random(7)  # a shuffle
    changes = [
        a_change(
            a_message(f"n{n}", id=f"wamid.{n}", timestamp=str(1763700000 + n)),
            statuses=[a_status(id=f"wamid.O{n}")],
        )
        for n in range(20)
    ]
    first = {each.event.key: each.event for each in received(a_body(*changes)).incoming}
    rng.shuffle(changes)
    again = {each.event.key: each.event for each in received(a_body(*changes)).incoming}
    assert first.keys() == again.keys()
    assert len(first) == 40
    assert {key: event.at for key, event in first.items()} == {
        key: event.at for key, event in again.items()
    }


# Whose


def test_events_of_another_number_are_named_and_left_alone():
    got = received(a_body(a_change(a_message(), number="999"), a_change(a_message(id="wamid.2"))))
    assert [each.event.key for each in got.incoming] == ["wamid.2"]
    assert got.ignored == ("another number: 999",)


@pytest.mark.parametrize(
    "field",
    [
        "account_update",
        "message_template_status_update",
        "phone_number_quality_update",
        "calls",
        "flows",
        "history",
    ],
)
def test_other_fields_are_named(field):
    change = {"field": field, "value": {"event": "APPROVED", "message_template_id": 1}}
    got = received(a_body(change, a_change(a_message())))
    assert len(got.incoming) == 1
    assert got.ignored == (f"of no interest: {field}",)


def test_errors_of_the_account_are_named():
    got = received(a_body(a_change(errors=[{"code": 130429, "title": "Rate limit hit"}])))
    assert not got.incoming
    assert got.ignored[0].startswith("an error of the account: ")
    assert "130429" in got.ignored[0]


def test_another_object_is_named():
    assert received(in_json({"object": "page", "entry": []})).ignored == ("another object: page",)


# Payloads of others


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_each_payload_of_others_becomes_events_or_is_named(path):
    body = path.read_bytes()
    told = json.loads(body)
    values = [change["value"] for entry in told["entry"] for change in entry["changes"]]
    number = values[0]["metadata"]["phone_number_id"]
    items = sum(len(value.get(name, ())) for value in values for name in ("messages", "statuses"))
    got = received(body, an_account(phone_number_id=number))
    assert len(got.incoming) == items > 0
    assert not got.ignored
    assert not [each for each in got.incoming if getattr(each.event, "name", "") == "unreadable"]


def test_what_the_payloads_of_others_become():
    """The count per kind; a change of a parser shows here."""
    counts: dict[str, int] = {}
    for path in FILES:
        body = path.read_bytes()
        number = json.loads(body)["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"]
        for each in received(body, an_account(phone_number_id=number)).incoming:
            event = each.event
            name = type(event).__name__
            if isinstance(event, InboundMessage):
                name += f" {event.kind}"
            elif isinstance(event, DeliveryReported):
                name += f" {event.state}"
            elif isinstance(event, ServiceEvent):
                name += f" {event.name}"
            counts[name] = counts.get(name, 0) + 1
    assert counts == {
        "InboundMessage text": 13,
        "InboundMessage image": 1,
        "InboundMessage document": 1,
        "InboundMessage sticker": 1,
        "InboundMessage location": 1,
        "InboundMessage contact": 1,
        "InboundMessage form": 2,
        "InboundMessage unsupported": 1,
        "ReactionChanged": 2,
        "ServiceEvent chat_moved": 1,
        "DeliveryReported sent": 1,
        "DeliveryReported delivered": 6,
        "DeliveryReported read": 2,
        "DeliveryReported failed": 1,
    }


# Whatever comes

_ODD = (None, True, -1, 1 << 70, 1.5, "", "x", [], [None], [[]], {}, {"id": {}})


@settings(max_examples=150)
@given(data=st.data())
def test_oddly_typed_items_raise_nothing_and_are_all_accounted_for(data):
    kinds = [
        a_message("hi"),
        a_message(type="image", image={"id": "1", "mime_type": "image/jpeg", "caption": "c"}),
        a_message(type="reaction", reaction={"message_id": "wamid.OUT", "emoji": "👍"}),
        a_message(
            type="edit",
            edit={
                "original_message_id": "wamid.IN",
                "message": {"type": "text", "text": {"body": "x"}},
            },
        ),
        a_message(type="revoke", revoke={"original_message_id": "wamid.IN"}),
        a_message(type="system", system={"type": "user_changed_number", "wa_id": "1", "body": "b"}),
        a_message(
            type="contacts",
            contacts=[{"name": {"formatted_name": "B"}, "phones": [{"phone": "+1"}]}],
        ),
        a_message(referral={"source_type": "ad", "ctwa_clid": "x"}, context={"id": "wamid.P"}),
    ]
    item = data.draw(st.sampled_from(kinds))
    holder = item
    name = data.draw(st.sampled_from(sorted(holder)))
    while isinstance(holder[name], dict) and holder[name] and data.draw(st.booleans()):
        holder = holder[name]
        name = data.draw(st.sampled_from(sorted(holder)))
    holder[name] = data.draw(st.sampled_from(_ODD))
    got = received(a_body(a_change(item, a_message("after", id="wamid.after"))))
    assert len(got.incoming) + len(got.ignored) == 2
    assert got.incoming[-1].event.key == "wamid.after"


@settings(max_examples=150)
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_signed_bytes_raise_receive_errors_only(body):
    assert connector.receive is not None
    with contextlib.suppress(ReceiveError):
        connector.receive(an_account(), a_request(body))


def test_kinds_of_events():
    told = events_of(
        a_change(
            a_message(
                id="wamid.R", type="reaction", reaction={"message_id": "wamid.OUT", "emoji": "👍"}
            ),
            a_message(
                id="wamid.E",
                type="edit",
                edit={
                    "original_message_id": "wamid.IN",
                    "message": {"type": "text", "text": {"body": "x"}},
                },
            ),
            a_message(id="wamid.D", type="revoke", revoke={"original_message_id": "wamid.IN"}),
        )
    )
    assert [type(each) for each in told] == [ReactionChanged, MessageEdited, MessageDeleted]
