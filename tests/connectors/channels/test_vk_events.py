"""VK's events in Allo's words: messages of every shape, and what people do besides writing."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings, strategies as st

from connectors.errors import ReceiveError
from router.message import (
    ButtonPressed,
    DeliveryReported,
    InboundMessage,
    MessageEdited,
    ReactionChanged,
    ReplyTo,
    ServiceEvent,
    SourceKeys,
)
from tests.connectors.channels.vk_world import (
    ANNA,
    AT,
    CHAT,
    EVENT_ID,
    GROUP,
    NOON,
    a_message,
    a_message_new,
    a_reply,
    an_event,
    event_of,
    message_of,
    received,
)


def test_a_message_is_the_persons_in_their_own_chat():
    message = message_of(text="Здравствуйте")

    assert message.key == EVENT_ID
    assert (message.chat.id, message.chat.kind) == (str(ANNA), "private")
    assert message.external_id == f"{ANNA}:57"
    assert message.text == "Здравствуйте"
    assert message.direction == "in"
    assert message.at == datetime.fromtimestamp(AT, UTC)
    assert message.order == 57
    assert message.sender is not None
    (key,) = message.sender.keys
    assert (key.kind, key.value, key.proof) == ("vk", str(ANNA), "proved")


def test_a_flat_message_of_before_5_103_reads_the_same():
    flat = event_of(an_event("message_new", a_message(text="привет"), v="5.95"))

    assert flat == message_of(text="привет")


def test_a_message_of_before_5_80_reads_too():
    told = {"id": 9, "date": AT, "out": 0, "user_id": ANNA, "read_state": 0, "title": "", "body": "привет"}  # fmt: skip
    message = event_of(an_event("message_new", told, event_id=None, v="5.74"))

    assert isinstance(message, InboundMessage)
    assert (message.chat.id, message.text) == (str(ANNA), "привет")
    assert message.external_id == f"{ANNA}:id9"
    assert message.key.startswith("sha256:")


def test_without_an_event_id_the_same_event_has_the_same_key_and_another_has_another():
    one, again, other = (
        event_of(an_event("message_new", a_message(text=text), event_id=None)).key
        for text in ("а", "а", "б")
    )

    assert one == again != other


def test_a_group_chats_message_has_no_number_but_the_chats_own():
    message = message_of(id=0, peer_id=CHAT, text="всем привет")

    assert (message.chat.id, message.chat.kind) == (str(CHAT), "group")
    assert message.external_id == f"{CHAT}:57"


def test_a_link_with_a_ref_is_where_the_person_came_from():
    message = message_of(text="а", ref="spring_ad", ref_source="vk_ads_77")

    assert message.source == SourceKeys(
        code="spring_ad", referral={"ref": "spring_ad", "ref_source": "vk_ads_77"}
    )


def test_the_start_button_opens_the_chat():
    message = message_of(text="Начать", payload='{"command":"start"}', ref="spring_ad")

    assert message.kind == "service"
    assert message.details["command"] == "start"
    assert message.source is not None


def test_a_text_button_says_what_it_carried():
    message = message_of(text="Цены", payload='{"page":"prices"}')

    assert (message.kind, message.text) == ("text", "Цены")
    assert message.details["payload"] == '{"page":"prices"}'


def test_an_answer_names_what_it_answers():
    answered = a_message(conversation_message_id=50, text="Во сколько?", from_id=-GROUP)
    message = message_of(text="в пять", reply_message=answered)

    assert message.reply_to == ReplyTo(external_id=f"{ANNA}:50", quote="Во сколько?")


def test_forwarded_messages_are_shown_with_their_files():
    photo = {"type": "photo", "photo": {"sizes": [{"type": "x", "url": "https://a/x.jpg", "width": 9, "height": 9}]}}  # fmt: skip
    deep = {"from_id": 5, "date": AT, "text": "глубже\nи ещё", "attachments": [photo]}
    told = {"from_id": -7, "date": AT, "text": "чужое", "fwd_messages": [deep]}
    message = message_of(text="смотрите", fwd_messages=[told])

    assert message.text == "смотрите\n> чужое\n> глубже\n> и ещё"
    assert message.details["forwarded_from"] == "vk.com/club7, vk.com/id5"
    assert [each.kind for each in message.attachments] == ["image"]


def test_a_place_is_shown_on_the_map():
    geo = {"type": "point", "coordinates": {"latitude": 55.7, "longitude": 37.6}, "place": {"title": "Москва"}}  # fmt: skip
    message = message_of(text="", geo=geo)

    assert message.kind == "location"
    assert message.details == {"latitude": 55.7, "longitude": 37.6, "title": "Москва"}
    old = message_of(text="", geo={"type": "point", "coordinates": "55.7 37.6"})
    assert (old.kind, old.details["longitude"]) == ("location", 37.6)


@pytest.mark.parametrize(
    ("action", "name", "text"),
    [
        ({"type": "chat_invite_user", "member_id": 77}, "members_joined", "vk.com/id77"),
        ({"type": "chat_kick_user", "member_id": 77}, "member_left", "vk.com/id77"),
        ({"type": "chat_title_update", "text": "Новый"}, "chat_renamed", "Новый"),
        ({"type": "chat_photo_update"}, "chat_photo_update", ""),
        ({"type": "chat_pin_message", "message": "важно"}, "chat_pin_message", "важно"),
    ],
)
def test_what_happens_in_a_group_chat_is_a_line(action, name, text):
    event = event_of(a_message_new(peer_id=CHAT, id=0, action=action))

    assert isinstance(event, ServiceEvent)
    assert (event.name, event.text) == (name, text)


def test_what_a_colleague_wrote_in_vk_goes_out_and_is_shown():
    event = event_of(a_reply(text="Ответ менеджера", admin_author_id=42, random_id=77))

    assert isinstance(event, InboundMessage)
    assert (event.direction, event.text, event.sender) == ("out", "Ответ менеджера", None)
    assert event.chat.id == str(ANNA)
    assert event.details["admin"] == 42
    assert event.sent_as == ""


def test_what_a_program_wrote_carries_the_number_it_was_sent_under():
    event = event_of(a_reply(text="Ответ", random_id=77))

    assert isinstance(event, InboundMessage)
    assert event.sent_as == "77"


def test_an_own_message_among_the_new_ones_goes_out():
    assert message_of(from_id=-GROUP, text="а").direction == "out"
    assert message_of(out=1, text="а").direction == "out"


def test_an_edit_carries_the_whole_message():
    told = a_message(text="исправлено", update_time=AT + 30)
    event = event_of(an_event("message_edit", told, event_id="e3"))

    assert isinstance(event, MessageEdited)
    assert (event.external_id, event.text) == (f"{ANNA}:57", "исправлено")
    assert event.at == datetime.fromtimestamp(AT + 30, UTC)


def test_an_edit_that_cannot_be_read_blanks_out_nothing():
    told = a_message(update_time=AT + 30) | {"text": {"odd": 1}}
    event = event_of(an_event("message_edit", told))

    assert isinstance(event, ServiceEvent)


def test_allowing_and_denying_say_whether_the_person_can_be_reached():
    allowed = event_of(an_event("message_allow", {"user_id": ANNA, "key": "k1"}))
    denied = event_of(an_event("message_deny", {"user_id": ANNA}))

    assert isinstance(allowed, ServiceEvent)
    assert isinstance(denied, ServiceEvent)
    assert (allowed.name, denied.name) == ("unblocked", "blocked")
    assert allowed.source == SourceKeys(referral={"key": "k1"})
    assert allowed.chat.id == denied.chat.id == str(ANNA)


@pytest.mark.parametrize(
    ("kind", "told", "name"),
    [
        ("group_join", {"user_id": ANNA, "join_type": "join"}, "group_joined"),
        ("group_leave", {"user_id": ANNA, "self": 1}, "group_left"),
        ("user_block", {"admin_id": 42, "user_id": ANNA, "reason": 2, "comment": "BAN"}, "blacklisted"),
        ("user_unblock", {"admin_id": 42, "user_id": ANNA, "by_end_date": 0}, "unblacklisted"),
    ],
)  # fmt: skip
def test_joining_and_leaving_are_lines(kind, told, name):
    event = event_of(an_event(kind, told))

    assert isinstance(event, ServiceEvent)
    assert (event.name, event.chat.id) == (name, str(ANNA))


@pytest.mark.parametrize("payload", [{"a": "yes"}, '{"a":"yes"}'], ids=["object", "text"])
def test_a_pressed_button_wants_its_own_number_answered(payload):
    told = {"user_id": ANNA, "peer_id": ANNA, "event_id": "55bca8", "payload": payload}
    event = event_of(an_event("message_event", told | {"conversation_message_id": 58}))

    assert isinstance(event, ButtonPressed)
    assert event.key == EVENT_ID
    assert event.callback == f"{ANNA}:{ANNA}:55bca8"
    assert json.loads(event.data) == {"a": "yes"}
    assert event.external_id == f"{ANNA}:58"


def test_a_reaction_and_taking_it_back():
    told = {"reacted_id": ANNA, "peer_id": ANNA, "cmid": 58}
    liked = event_of(an_event("message_reaction_event", told | {"reaction_id": 4}))
    taken_back = event_of(an_event("message_reaction_event", told))
    unknown = event_of(an_event("message_reaction_event", told | {"reaction_id": 63}))

    assert isinstance(liked, ReactionChanged)
    assert isinstance(taken_back, ReactionChanged)
    assert isinstance(unknown, ReactionChanged)
    assert (liked.external_id, liked.emoji) == (f"{ANNA}:58", ("👍",))
    assert taken_back.emoji == ()
    assert unknown.emoji == ("❔",)


def test_reading_counts_for_everything_before():
    told = {
        "from_id": ANNA,
        "peer_id": ANNA,
        "read_message_id": 1202,
        "conversation_message_id": 58,
    }
    event = event_of(an_event("message_read", told))

    assert isinstance(event, DeliveryReported)
    assert (event.external_ids, event.state, event.up_to) == ((f"{ANNA}:58",), "read", True)


def test_a_lead_form_is_a_message_with_the_numbers_that_were_typed():
    told = {
        "lead_id": 7,
        "group_id": GROUP,
        "user_id": ANNA,
        "form_id": 3,
        "form_name": "Замер",
        "ad_id": 99,
        "answers": [
            {"key": "first_name", "question": "Имя", "answer": "Анна"},
            {"key": "phone_number", "question": "Телефон", "answer": "8 916 123-45-67"},
            {"key": "custom_0", "question": "Когда?", "answer": ["утром", "днём"]},
        ],
    }
    event = event_of(an_event("lead_forms_new", told))

    assert isinstance(event, InboundMessage)
    assert event.kind == "form"
    assert event.text == "Замер\nИмя: Анна\nТелефон: 8 916 123-45-67\nКогда?: утром, днём"
    assert event.sender is not None
    assert event.sender.name == "Анна"
    assert [(key.kind, key.value, key.proof) for key in event.sender.keys] == [
        ("vk", str(ANNA), "proved"),
        ("phone", "+79161234567", "claimed"),
    ]
    assert event.source == SourceKeys(referral={"form": "Замер", "form_id": "3", "ad_id": "99"})
    assert event.external_id == "lead:7"


def test_an_order_in_the_communitys_shop_is_a_message():
    told = {
        "id": 5,
        "user_id": ANNA,
        "date": AT,
        "display_order_id": "300500-5",
        "comment": "побыстрее",
        "total_price": {"amount": "150000", "text": "1 500 ₽"},
        "recipient": {"name": "Анна К", "phone": "79161234567"},
        "preview_order_items": [{"item_id": 1, "title": "Чехол", "quantity": 2}],
    }
    event = event_of(an_event("market_order_new", told))

    assert isinstance(event, InboundMessage)
    assert event.text == "№ 300500-5\nЧехол: 2\n1 500 ₽\nАнна К\n79161234567\nпобыстрее"
    assert event.details == {"order": "300500-5"}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("message_typing_state", {"state": "typing", "from_id": ANNA, "to_id": -GROUP}),
        ("wall_reply_new", {"id": 1, "from_id": ANNA, "text": "а"}),
        ("like_add", {"liker_id": ANNA}),
        ("message_read", {"from_id": -GROUP, "peer_id": ANNA, "conversation_message_id": 58}),
        ("message_reaction_event", {"reacted_id": -GROUP, "peer_id": ANNA, "cmid": 1}),
        ("of_the_year_2031", {"a": 1}),
    ],
)
def test_what_is_of_no_interest_is_named_and_answered_ok(kind, told):
    found = received(an_event(kind, told))

    assert found.incoming == ()
    (reason,) = found.ignored
    assert ":" in reason
    assert found.answer.body == b"ok"


def test_a_message_of_which_not_even_the_chat_can_be_read_is_kept():
    event = event_of(an_event("message_new", {"message": "lost"}))

    assert isinstance(event, ServiceEvent)
    assert event.details == {"unsupported": "message_new"}


def test_an_odd_field_costs_nothing_but_itself():
    message = message_of(text="привет", ref=["odd"], admin_author_id="odd", geo=17, payload=12)

    assert (message.text, message.source) == ("привет", None)


def test_bytes_that_are_not_quite_json_are_read_all_the_same():
    body = a_message_new(text="раз два").replace(b"\\u0440", b"\\ud800\\u0000\\u0440")
    message = event_of(body)

    assert isinstance(message, InboundMessage)
    assert message.text == "раз два"


def test_a_time_to_come_is_now():
    assert message_of(text="а", date=9_999_999_999).at == NOON
    assert message_of(text="а", date=0).at == NOON


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
KINDS = st.sampled_from(
    ["message_new", "message_reply", "message_edit", "message_event", "message_read", "lead_forms_new",
     "market_order_new", "message_reaction_event", "message_allow", "group_join", "nothing"]
)  # fmt: skip
FIELDS = st.sampled_from(
    ["message", "attachments", "fwd_messages", "reply_message", "geo", "action", "peer_id", "from_id", "user_id", "text",
     "payload", "answers", "recipient", "cmid", "conversation_message_id", "date", "reaction_id"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(kind=KINDS, odd=st.dictionaries(FIELDS, JSON_VALUES, max_size=5), nested=st.booleans())
def test_whatever_an_event_says_it_is_taken(kind, odd, nested):
    told = a_message() | odd
    found = received(an_event(kind, {"message": told} if nested else told))

    assert len(found.incoming) + len(found.ignored) == 1


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=200))
def test_whatever_comes_nothing_but_a_receive_error_is_raised(body):
    try:
        received(body)
    except ReceiveError:
        return
