"""What WhatsApp's messages mean: people, content, sources, receipts, changes."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.channels.whatsapp.numbers import number_of
from connectors.written_codes import take_code
from router.message import (
    ContactShared,
    DeliveryReported,
    InboundMessage,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    ServiceEvent,
)
from tests.connectors.channels.whatsapp_world import (
    ANA,
    AT,
    NOON,
    a_body,
    a_change,
    a_message,
    a_status,
    event_of,
    events_of,
    message_of,
    received,
)

SAID_AT = datetime.fromtimestamp(AT, UTC)

# People


def test_a_person_is_known_by_user_id_number_and_telephone():
    message = message_of("Olá")
    assert message.sender is not None
    assert [(key.kind, key.value, key.proof) for key in message.sender.keys] == [
        ("whatsapp", "BR.13491208655302741918", "proved"),
        ("whatsapp", "5511987654321", "proved"),
        ("phone", "+5511987654321", "proved"),
    ]
    assert (message.sender.name, message.sender.username) == ("Ana", "ana.k")
    assert (message.chat.id, message.chat.of) == ("BR.13491208655302741918", "whatsapp")
    assert (message.at, message.external_id, message.text) == (SAID_AT, "wamid.IN1", "Olá")
    assert message.window_until == SAID_AT + timedelta(hours=24)


def test_a_person_without_a_number():
    hidden = {"profile": {"name": "Ana", "username": "ana.k"}, "user_id": "BR.1"}
    told = {"from_user_id": "BR.1", "id": "w", "type": "text", "text": {"body": "x"}}
    event = event_of(told, contacts=[hidden])
    assert event.sender is not None
    assert [(key.kind, key.value) for key in event.sender.keys] == [("whatsapp", "BR.1")]
    assert event.chat.id == "BR.1"


def test_a_person_without_a_user_id():
    told = {"from": "79161234567", "id": "w", "type": "text", "text": {"body": "x"}}
    event = event_of(told, contacts=[{"profile": {"name": "Аня"}, "wa_id": "79161234567"}])
    assert event.sender is not None
    assert [(key.kind, key.value) for key in event.sender.keys] == [
        ("whatsapp", "79161234567"),
        ("phone", "+79161234567"),
    ]


def test_a_sender_who_is_named_in_the_contacts_only():
    told = {"id": "w", "type": "text", "text": {"body": "x"}}
    event = event_of(told, contacts=[{"user_id": "BR.1"}])
    assert event.chat.id == "BR.1"


def test_contacts_and_messages_need_not_be_in_the_same_order():
    boris = {"profile": {"name": "Boris"}, "wa_id": "79161234567", "user_id": "RU.7"}
    told = [
        a_message(id="w1", **{"from": "79161234567", "from_user_id": "RU.7"}),
        a_message(id="w2"),
    ]
    names = [
        each.sender.name
        for each in events_of(a_change(*told, contacts=[ANA, boris]))
        if each.sender
    ]
    assert names == ["Boris", "Ana"]


def test_a_contact_without_a_profile():
    told = {"from": "79161234567", "id": "w", "type": "text", "text": {"body": "x"}}
    event = event_of(told, contacts=[{"wa_id": "79161234567"}])
    assert event.sender is not None
    assert event.sender.name == ""


@pytest.mark.parametrize(
    ("wa_id", "number"),
    [
        ("79161234567", "+79161234567"),
        ("77011234567", "+77011234567"),
        ("553187654321", "+5531987654321"),
        ("5531987654321", "+5531987654321"),
        ("551132654321", "+551132654321"),
        ("5215512345678", "+525512345678"),
        ("525512345678", "+525512345678"),
        ("5491123456789", "+5491123456789"),
        ("123", None),
        ("PHONE_NUMBER", None),
        ("٧٩", None),
        ("", None),
    ],
)
def test_numbers_as_countries_write_them(wa_id, number):
    assert number_of(wa_id) == number


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (str(AT), SAID_AT),
        (AT, SAID_AT),
        (AT * 1000, SAID_AT),
        (None, NOON),
        ("", NOON),
        ("soon", NOON),
        (-5, NOON),
        ("99999999999", NOON),
        (str(1 << 80), NOON),
    ],
)
def test_times_in_seconds_and_milliseconds_never_after_now(told, at):
    assert message_of(timestamp=told).at == at


def test_a_group_is_its_own_chat():
    message = message_of(group_id="Y2FwaV9ncm91cDox")
    assert (message.chat.id, message.chat.kind, message.chat.of) == (
        "Y2FwaV9ncm91cDox",
        "group",
        "",
    )
    assert message.sender is not None


# Content


@pytest.mark.parametrize(
    ("kind", "media", "expected"),
    [
        ("image", {"mime_type": "image/jpeg", "caption": "c"}, ("image", "c", "image/jpeg")),
        ("video", {"mime_type": "video/mp4"}, ("video", "", "video/mp4")),
        (
            "audio",
            {"mime_type": "audio/ogg; codecs=opus", "voice": True},
            ("voice", "", "audio/ogg"),
        ),
        ("audio", {"mime_type": "audio/mpeg"}, ("audio", "", "audio/mpeg")),
        ("document", {"mime_type": "application/pdf"}, ("document", "", "application/pdf")),
        ("sticker", {"animated": False}, ("sticker", "", "image/webp")),
    ],
)
def test_files_are_named_by_their_id(kind, media, expected):
    message = message_of(type=kind, **{kind: {"id": "1003", "sha256": "b64=", **media}})
    (file,) = message.attachments
    assert (message.kind, message.text, file.mime) == expected
    assert (file.ref, file.kind) == ("1003", message.kind)


def test_a_files_name_is_no_path():
    told = {"id": "2", "mime_type": "application/pdf", "filename": "..\\..\\C:/x/Счёт\n1.pdf"}
    (file,) = message_of(type="document", document=told).attachments
    assert file.name == "Счёт 1.pdf"


def test_a_place():
    told = {"latitude": 55.7, "longitude": 37.6, "name": "Office", "address": "Tverskaya 1"}
    message = message_of(type="location", location=told)
    assert (message.kind, message.text) == ("location", "Office, Tverskaya 1")
    assert (message.details["latitude"], message.details["longitude"]) == (55.7, 37.6)
    odd = message_of(type="location", location={"latitude": "55.7", "longitude": "E"})
    assert "longitude" not in odd.details


def test_a_card_with_a_number_is_a_shared_contact():
    card = {"name": {"formatted_name": "Bob B"}, "phones": [{"phone": "8 (916) 123-45-67"}]}
    event = event_of(a_message(type="contacts", contacts=[card]))
    assert isinstance(event, ContactShared)
    assert (event.own, event.name) == (False, "Bob B")
    assert [(key.value, key.proof) for key in event.phones] == [("+79161234567", "claimed")]
    assert event.window_until == SAID_AT + timedelta(hours=24)


def test_ones_own_card_proves_the_number_that_whatsapp_knows_and_no_other():
    phones = [{"phone": "+55 11 98765-4321", "wa_id": ANA["wa_id"]}, {"phone": "+7 916 123-45-67"}]
    event = event_of(a_message(type="contacts", contacts=[{"phones": phones}]))
    assert isinstance(event, ContactShared)
    assert event.own
    assert [key.proof for key in event.phones] == ["proved", "claimed"]


def test_several_cards_are_a_message():
    cards = [
        {"name": {"first_name": "A"}},
        {"name": {"first_name": "B"}, "phones": [{"phone": "+7 1"}]},
    ]
    message = message_of(type="contacts", contacts=cards)
    assert (message.kind, message.text) == ("contact", "A\nB, +7 1")


def test_answers_by_button_and_list():
    pressed = message_of(
        type="button", button={"payload": "STOP", "text": "Stop"}, context={"id": "wamid.TPL"}
    )
    assert (pressed.kind, pressed.text, pressed.details["button"]) == ("text", "Stop", "STOP")
    assert pressed.reply_to is not None
    assert pressed.reply_to.external_id == "wamid.TPL"
    for kind, more in (("button_reply", {}), ("list_reply", {"description": "d"})):
        # Without `context`, as netflie's samples have it.
        choice = {"type": kind, kind: {"id": "r1", "title": "Row", **more}}
        message = message_of(type="interactive", interactive=choice)
        assert (message.text, message.details["button"]) == ("Row", "r1")


def test_a_form_and_an_order():
    reply = {
        "name": "flow",
        "body": "Sent",
        "response_json": '{"flow_token":"t","Email":"a@b.c","n":[1]}',
    }
    form = message_of(type="interactive", interactive={"type": "nfm_reply", "nfm_reply": reply})
    assert (form.kind, form.text) == ("form", "Sent\nEmail: a@b.c\nn: [1]")
    items = [{"product_retailer_id": "sku", "quantity": 2, "item_price": 10.5, "currency": "USD"}]
    order = message_of(type="order", order={"catalog_id": "1", "text": "t", "product_items": items})
    assert (order.kind, order.text) == ("form", "t\nsku × 2, 10.5 USD")


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"type": "unsupported", "unsupported": {"type": "edit"}}, "edit"),
        ({"type": "unsupported"}, "unsupported"),
        ({"type": "unknown"}, "unknown"),
        ({"type": "hologram", "hologram": {"id": "1"}}, "hologram"),
        ({"type": "image", "image": {}}, "image"),
    ],
)
def test_what_cannot_be_shown_is_said(told, what):
    errors = [{"code": 131051, "title": "Message type unknown"}]
    message = message_of(**told, errors=errors)
    assert (message.kind, message.details["unsupported"]) == ("unsupported", what)
    assert message.details["why"] == "WhatsApp does not take messages of this kind"


def test_forwarded_and_about_a_product():
    context = {
        "forwarded": True,
        "referred_product": {"catalog_id": "1", "product_retailer_id": "sku"},
    }
    message = message_of(context=context)
    assert message.details["forwarded"] is True
    assert message.details["product"] == "sku"
    assert message.reply_to is None


# Where they come from

REFERRAL = {
    "source_url": "https://fb.me/abc",
    "source_type": "ad",
    "source_id": "120210000000",
    "headline": "Sale",
    "body": "Click",
    "media_type": "image",
    "image_url": "https://scontent/x.jpg",
    "ctwa_clid": "ARAkLk",
    "welcome_message": {"text": "Hi!"},
}


def test_a_click_on_an_advertisement():
    source = message_of(referral=REFERRAL).source
    assert source is not None
    assert source.click_ids == {"ctwa_clid": "ARAkLk"}
    assert source.referral["source_id"] == "120210000000"
    assert source.referral["headline"] == "Sale"
    assert message_of(referral=REFERRAL).details["advertisement"]["url"] == "https://fb.me/abc"


def test_a_click_that_came_with_a_button_or_without_an_id():
    told = {name: value for name, value in REFERRAL.items() if name != "ctwa_clid"}
    message = message_of(type="button", button={"payload": "p", "text": "t"}, referral=told)
    assert message.source is not None
    assert message.source.click_ids == {}
    assert message.source.referral["source_type"] == "ad"


@pytest.mark.parametrize(
    ("text", "code", "rest"),
    [
        ("Здравствуйте! [ref: spring_sale]", "spring_sale", "Здравствуйте!"),
        ("[ref:spring-sale] Здравствуйте", "spring-sale", "Здравствуйте"),
        ("Hi (REF = Ab_9) there", "Ab_9", "Hi there"),
        ("Hi [ref #Ab9]", "Ab9", "Hi"),
        ("Hi ref: ab12", "ab12", "Hi"),
        ("#ref:ab12 Hi", "ab12", "Hi"),
        ("ref:ab12", "ab12", ""),
        ("Hi", "", "Hi"),
        ("our ref 12345 was late", "", "our ref 12345 was late"),
        ("what is ref: x about, then?", "", "what is ref: x about, then?"),
        ("refuse: nothing", "", "refuse: nothing"),
        ("[ref: ]", "", "[ref: ]"),
        ("[ref: " + "a" * 65 + "]", "", "[ref: " + "a" * 65 + "]"),
    ],
)
def test_a_code_in_prefilled_words_is_found_leniently_and_not_shown(text, code, rest):
    assert take_code(text) == (code, rest)
    message = message_of(text)
    assert message.text == rest
    assert (message.source.code if message.source else "") == code


# What happens to messages


def test_a_reaction_and_its_taking_back():
    for told, emoji in (({"emoji": "👍"}, ("👍",)), ({"emoji": ""}, ()), ({}, ())):
        event = event_of(a_message(type="reaction", reaction={"message_id": "wamid.OUT", **told}))
        assert isinstance(event, ReactionChanged)
        assert (event.external_id, event.emoji) == ("wamid.OUT", emoji)


def test_an_edit_and_a_revocation():
    inner = {"type": "image", "image": {"id": "1", "caption": "fixed"}}
    told = {"original_message_id": "wamid.IN", "message": inner}
    event = event_of(a_message(id="wamid.E", type="edit", edit=told))
    assert isinstance(event, MessageEdited)
    assert (event.key, event.external_id, event.kind, event.text) == (
        "wamid.E",
        "wamid.IN",
        "image",
        "fixed",
    )
    gone = event_of(a_message(type="revoke", revoke={"original_message_id": "wamid.IN"}))
    assert isinstance(gone, MessageDeleted)
    assert gone.external_ids == ("wamid.IN",)


def test_an_edit_that_cannot_be_read_blanks_nothing_out():
    for told in (
        {"original_message_id": "w"},
        {"original_message_id": "w", "message": {"type": 5}},
    ):
        event = event_of(a_message(type="edit", edit=told))
        assert isinstance(event, InboundMessage)
        assert event.kind == "unsupported"


def test_a_new_number_moves_the_chat():
    system = {"type": "user_changed_number", "body": "Ana changed", "wa_id": "5511900000000"}
    told = {
        "from": ANA["wa_id"],
        "id": "w",
        "timestamp": str(AT),
        "type": "system",
        "system": system,
    }
    event = event_of(told, contacts=())
    assert isinstance(event, ServiceEvent)
    assert (event.name, event.chat.id, event.details) == (
        "chat_moved",
        "5511987654321",
        {"to": "5511900000000"},
    )


def test_a_new_user_id_moves_the_chat():
    system = {"type": "user_changed_user_id", "body": "b", "user_id": "BR.2"}
    event = event_of(a_message(type="system", system=system), contacts=())
    assert isinstance(event, ServiceEvent)
    assert (event.name, event.chat.id, event.details["to"]) == (
        "chat_moved",
        ANA["user_id"],
        "BR.2",
    )
    update = {"wa_id": "1", "user_id": {"previous": "BR.1", "current": "BR.2"}, "timestamp": AT}
    (other,) = events_of({"field": "user_id_update", "value": {"user_id_update": [update]}})
    assert isinstance(other, ServiceEvent)
    assert (other.name, other.chat.id, other.details["to"]) == ("chat_moved", "BR.1", "BR.2")


def test_other_news_of_the_person_are_lines():
    identity = {"type": "customer_identity_changed", "body": "Ana's security code changed"}
    event = event_of(a_message(type="system", system=identity))
    assert isinstance(event, ServiceEvent)
    assert (event.name, event.text) == ("customer_identity_changed", "Ana's security code changed")
    started = event_of(a_message(type="request_welcome"))
    assert isinstance(started, ServiceEvent)
    assert started.name == "started"


def test_advertising_wanted_or_not():
    told = {
        "wa_id": ANA["wa_id"],
        "category": "marketing_messages",
        "value": "stop",
        "timestamp": AT,
    }
    (event,) = events_of(a_change(field="user_preferences", user_preferences=[told]))
    assert isinstance(event, ServiceEvent)
    assert (event.name, event.chat.id) == ("advertising_stopped", ANA["user_id"])


def test_what_a_colleague_wrote_on_the_telephone():
    told = {
        "from": "15550001111",
        "to": ANA["wa_id"],
        "id": "wamid.E",
        "timestamp": str(AT),
        "type": "text",
        "text": {"body": "from app"},
    }
    (event,) = events_of(a_change(field="smb_message_echoes", contacts=(), message_echoes=[told]))
    assert isinstance(event, InboundMessage)
    assert (event.direction, event.chat.id, event.sender, event.text) == (
        "out",
        ANA["wa_id"],
        None,
        "from app",
    )
    assert event.window_until is None


# Statuses


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("played", "read"),
        ("failed", "failed"),
    ],
)
def test_what_became_of_ours(told, state):
    (event,) = events_of(a_change(statuses=[a_status(told, biz_opaque_callback_data="own-1")]))
    assert isinstance(event, DeliveryReported)
    assert (event.state, event.external_ids, event.own) == (state, ("wamid.OUT1",), "own-1")
    assert event.chat.id == ANA["user_id"]
    assert event.key == f"wamid.OUT1:{told}"


def test_a_failure_says_why_even_without_a_contact():
    error = {
        "code": 131047,
        "title": "Re-engagement message",
        "error_data": {"details": "24 hours"},
    }
    told = {
        "id": "wamid.O",
        "status": "failed",
        "timestamp": "1",
        "recipient_id": "5511987654321",
        "errors": [error],
    }
    (event,) = events_of(a_change(statuses=[told], contacts=()))
    assert isinstance(event, DeliveryReported)
    assert (
        event.reason
        == "More than 24 hours have passed since the customer's last message: only a template can be sent"
    )


@pytest.mark.parametrize("state", ["deleted", "warning", "teleported", ""])
def test_statuses_that_change_nothing_are_named(state):
    got = received(a_body(a_change(statuses=[a_status(state)])))
    assert not got.incoming
    assert "status" in got.ignored[0]


def test_each_person_of_a_group_reports_by_themselves():
    told = [
        a_status("read", recipient_type="group", recipient_id="G1", recipient_participant_id=each)
        for each in ("1", "2")
    ]
    events = events_of(a_change(statuses=told))
    assert len({each.key for each in events}) == 2
    assert {each.chat.id for each in events} == {"G1"}
