"""Who writes in Telegram, where they come from, and in whose name."""

import pytest

from router.message import ContactShared, InboundMessage, MessageDeleted, ServiceEvent
from tests.connectors.channels.telegram_world import (
    ANNA,
    AT,
    CHANNEL,
    GROUP,
    PRIVATE,
    Json,
    a_message,
    an_account,
    an_update,
    event_of,
    message_of,
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("/start", ""),
        ("/start ad42_spring", "ad42_spring"),
        ("/start@shop_bot ad42_spring", "ad42_spring"),
        ("/start@Shop_Bot", ""),
        ("/start " + "a" * 64, "a" * 64),
    ],
)
def test_start_is_a_contact_without_words_and_names_its_source(text: str, code: str) -> None:
    event = event_of(an_update(text=text), an_account(username="@shop_bot"))
    assert isinstance(event, InboundMessage)
    assert (event.kind, event.text, event.details) == ("service", "/start", {"command": "start"})
    assert (event.source.code if event.source else "") == code


@pytest.mark.parametrize(
    "text",
    [
        "/start@other_bot ad42",
        "/start " + "a" * 65,
        "/start hello world",
        "/started",
        "/start ключ",
    ],
)
def test_what_is_not_a_deep_link_is_a_text(text: str) -> None:
    event = event_of(an_update(text=text), an_account(username="shop_bot"))
    assert isinstance(event, InboundMessage)
    assert (event.kind, event.source) == ("text", None)


def test_start_may_stand_under_a_picture() -> None:
    message = message_of(photo=[{"file_id": "p"}], caption="/start ad42")
    assert (message.kind, message.text) == ("image", "/start ad42")
    assert message.source is not None
    assert message.source.code == "ad42"


def test_an_invite_link_names_the_source() -> None:
    told = {
        "chat": GROUP,
        "from": ANNA,
        "date": AT,
        "old_chat_member": {"status": "left", "user": ANNA},
        "new_chat_member": {"status": "member", "user": ANNA},
        "invite_link": {"invite_link": "https://t.me/+abc", "name": "Яндекс"},
    }
    event = event_of(an_update("chat_member", told))
    assert isinstance(event, ServiceEvent)
    assert event.name == "member_joined"
    assert event.source is not None
    assert event.source.referral == {
        "invite_link": "https://t.me/+abc",
        "invite_link_name": "Яндекс",
    }
    asked = event_of(an_update("chat_join_request", {"chat": GROUP, "from": ANNA, "date": AT, "bio": "Люблю машины", "invite_link": told["invite_link"]}))  # fmt: skip
    assert isinstance(asked, ServiceEvent)
    assert (asked.name, asked.text, asked.source) == (
        "join_requested",
        "Люблю машины",
        event.source,
    )


def shared(phone: str, owner: int | None) -> ContactShared | InboundMessage:
    card: Json = {"phone_number": phone, "first_name": "Анна", "user_id": owner}
    event = event_of(an_update(contact=card))
    assert isinstance(event, ContactShared | InboundMessage)
    return event


@pytest.mark.parametrize("phone", ["79161234567", "+79161234567", "+7 916 123-45-67"])
def test_ones_own_card_proves_the_number(phone: str) -> None:
    event = shared(phone, ANNA["id"])  # type: ignore[arg-type]  # the builder's dict is of objects
    assert isinstance(event, ContactShared)
    (key,) = event.phones
    assert event.own
    assert (key.kind, key.value, key.proof) == ("phone", "+79161234567", "proved")
    assert event.external_id == "5512345678:41"


@pytest.mark.parametrize("owner", [None, 777])
def test_somebody_elses_card_proves_nothing(owner: int | None) -> None:
    event = shared("79161234567", owner)
    assert isinstance(event, ContactShared)
    assert not event.own
    assert event.phones[0].proof == "claimed"


def test_a_card_without_a_telephone_number_is_a_message() -> None:
    event = shared("911", 777)
    assert isinstance(event, InboundMessage)
    assert (event.kind, event.text) == ("contact", "Анна, 911")


def test_a_group_is_one_conversation_with_many_senders() -> None:
    message = message_of(text="x", chat=GROUP)
    assert (message.chat.kind, message.chat.id, message.chat.title) == (
        "group",
        "-1001234567890",
        "Чат",
    )
    assert message.sender is not None
    assert message.sender.keys[0].value == "5512345678"


def test_an_anonymous_administrator_is_the_group() -> None:
    dummy = {
        "id": 1087968824,
        "is_bot": True,
        "first_name": "Group",
        "username": "GroupAnonymousBot",
    }
    message = message_of(
        text="x", chat=GROUP, sender_chat=GROUP, author_signature="Директор", **{"from": dummy}
    )
    assert message.sender is not None
    assert (message.sender.keys[0].value, message.sender.name) == ("-1001234567890", "Чат")
    assert message.details["signed"] == "Директор"
    assert message.automatic is None


def test_a_channel_post_has_no_person() -> None:
    told = {"message_id": 5, "date": AT, "chat": CHANNEL, "text": "Акция"}
    event = event_of(an_update("channel_post", told))
    assert isinstance(event, InboundMessage)
    assert (event.chat.kind, event.text) == ("channel", "Акция")
    assert event.sender is not None
    assert event.sender.keys[0].value == "-1009876543210"


def test_what_another_bot_writes_is_automatic() -> None:
    bot = {"id": 9, "is_bot": True, "first_name": "Bot"}
    assert message_of(text="x", chat=GROUP, **{"from": bot}).automatic == "bulk"


def test_a_business_customer_writes_in_a_chat_of_its_own() -> None:
    event = event_of(
        an_update("business_message", a_message(text="x", business_connection_id="bc1"))
    )
    assert isinstance(event, InboundMessage)
    assert event.direction == "in"
    assert event.chat.id == "5512345678@bc1"
    assert event.external_id == "5512345678@bc1:41"


def test_what_the_owner_answers_by_hand_goes_out() -> None:
    owner = {"id": 99, "is_bot": False, "first_name": "Борис"}
    told = a_message(text="Завтра", business_connection_id="bc1", **{"from": owner})
    event = event_of(an_update("business_message", told))
    assert isinstance(event, InboundMessage)
    assert (event.direction, event.sender, event.automatic) == ("out", None, None)
    assert event.details["author"] == "Борис"
    away = event_of(an_update("business_message", told | {"is_from_offline": True}))
    assert isinstance(away, InboundMessage)
    assert away.automatic == "auto_reply"


def test_deleted_business_messages() -> None:
    told = {"business_connection_id": "bc1", "chat": PRIVATE, "message_ids": [41, 42]}
    event = event_of(an_update("deleted_business_messages", told))
    assert isinstance(event, MessageDeleted)
    assert event.external_ids == ("5512345678@bc1:41", "5512345678@bc1:42")


def test_a_guest_message_is_a_message() -> None:
    event = event_of(an_update("guest_message", a_message(text="x", guest_query_id="g1")))
    assert isinstance(event, InboundMessage)
    assert event.details["guest_query"] == "g1"
