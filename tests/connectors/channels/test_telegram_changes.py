"""What happens to Telegram's messages and chats after they were written."""

from datetime import UTC, datetime

import pytest

from router.message import ButtonPressed, MessageEdited, ReactionChanged, ServiceEvent
from tests.connectors.channels.telegram_world import (
    ANNA,
    AT,
    GROUP,
    PRIVATE,
    Json,
    a_message,
    an_update,
    event_of,
)

WRITTEN = datetime.fromtimestamp(AT, UTC)


def test_an_edit_is_not_a_new_message() -> None:
    event = event_of(an_update("edited_message", a_message(text="исправлено", edit_date=AT + 50)))
    assert isinstance(event, MessageEdited)
    assert (event.external_id, event.text) == ("5512345678:41", "исправлено")
    assert event.sent_at == WRITTEN
    assert event.at == datetime.fromtimestamp(AT + 50, UTC)


def test_a_pressed_button() -> None:
    keys = {"inline_keyboard": [[{"text": "Да", "callback_data": "order:17:yes"}]]}
    shown = {
        "message_id": 39,
        "date": AT,
        "chat": PRIVATE,
        "text": "Оформить?",
        "reply_markup": keys,
    }
    told = {"id": "4382", "from": ANNA, "message": shown, "data": "order:17:yes"}
    event = event_of(an_update("callback_query", told))
    assert isinstance(event, ButtonPressed)
    assert (event.data, event.label, event.callback) == ("order:17:yes", "Да", "4382")
    assert event.external_id == "5512345678:39"


@pytest.mark.parametrize(
    ("shown", "external_id"),
    [
        ({"message": {"message_id": 39, "date": 0, "chat": PRIVATE}}, "5512345678:39"),
        ({"inline_message_id": "abc"}, ""),
    ],
    ids=["inaccessible", "absent"],
)
def test_a_button_whose_message_is_gone(shown: Json, external_id: str) -> None:
    event = event_of(an_update("callback_query", {"id": "1", "from": ANNA, "data": "x"} | shown))
    assert isinstance(event, ButtonPressed)
    assert (event.chat.id, event.external_id) == ("5512345678", external_id)


def test_a_reaction_and_its_end() -> None:
    told = {"chat": PRIVATE, "message_id": 39, "user": ANNA, "date": AT, "old_reaction": []}
    given_ = event_of(an_update("message_reaction", told | {"new_reaction": [{"type": "emoji", "emoji": "👍"}, {"type": "paid"}]}))  # fmt: skip
    taken = event_of(an_update("message_reaction", told | {"new_reaction": []}))
    assert isinstance(given_, ReactionChanged)
    assert isinstance(taken, ReactionChanged)
    assert (given_.external_id, given_.emoji, taken.emoji) == ("5512345678:39", ("👍", "⭐"), ())


@pytest.mark.parametrize(
    ("chat", "status", "name"),
    [
        (PRIVATE, "kicked", "blocked"),
        (PRIVATE, "member", "unblocked"),
        (GROUP, "left", "bot_removed"),
        (GROUP, "administrator", "bot_added"),
    ],
)
def test_whether_the_bot_may_write(chat: Json, status: str, name: str) -> None:
    told = {"chat": chat, "from": ANNA, "date": AT, "new_chat_member": {"status": status}}
    event = event_of(an_update("my_chat_member", told))
    assert isinstance(event, ServiceEvent)
    assert event.name == name


def test_both_sides_of_a_migration_say_the_same() -> None:
    group = {"id": -4011, "type": "group", "title": "Чат"}
    old = event_of(an_update(told=a_message(chat=group, migrate_to_chat_id=-1001234567890)))
    new = event_of(an_update(told=a_message(chat=GROUP, migrate_from_chat_id=-4011)))
    for event in (old, new):
        assert isinstance(event, ServiceEvent)
        assert (event.name, event.chat.id) == ("chat_moved", "-4011")
        assert event.details == {"to": "-1001234567890"}


@pytest.mark.parametrize(
    ("content", "name", "details"),
    [
        ({"new_chat_title": "Новый"}, "chat_renamed", {"title": "Новый"}),
        (
            {"new_chat_members": [{"id": 77, "first_name": "B"}]},
            "members_joined",
            {"members": ["B"]},
        ),
        ({"left_chat_member": {"id": 77, "first_name": "B"}}, "member_left", {"members": ["B"]}),
        ({"pinned_message": {"message_id": 5}}, "pinned_message", {}),
        ({"video_chat_started": {}}, "video_chat_started", {}),
    ],
)
def test_service_messages_are_lines(content: Json, name: str, details: Json) -> None:
    event = event_of(an_update(told=a_message(chat=GROUP) | content))
    assert isinstance(event, ServiceEvent)
    assert (event.name, event.details) == (name, details)


def test_a_business_connection_is_told() -> None:
    told = {"id": "bc1", "user": ANNA, "user_chat_id": 1, "date": AT, "is_enabled": False}
    event = event_of(an_update("business_connection", told))
    assert isinstance(event, ServiceEvent)
    assert event.name == "business_disconnected"
