"""Telegram's messages in Allo's words. Payloads as in https://core.telegram.org/bots/api."""

from datetime import UTC, datetime

import pytest

from connectors.errors import Malformed, Unverified
from router.message import InboundMessage
from tests.connectors.channels.telegram_world import (
    AT,
    CHANNEL,
    GROUP,
    NOON,
    PRIVATE,
    Json,
    a_message,
    a_request,
    an_account,
    an_update,
    connector,
    event_of,
    message_of,
)

WRITTEN = datetime.fromtimestamp(AT, UTC)


def refuse(secret: str | None, **fields: str) -> Unverified:
    assert connector.receive is not None
    with pytest.raises(Unverified) as caught:
        connector.receive(an_account(**fields), a_request(b"not even JSON", secret=secret))
    return caught.value


def test_no_secret_is_no_proof() -> None:
    assert refuse(None).missing


@pytest.mark.parametrize("secret", ["", "s3cre", "s3cret ", "секрет", "\udcff"])
def test_a_wrong_secret_is_refused_before_anything_is_parsed(secret: str) -> None:
    assert not refuse(secret).missing


def test_an_account_without_a_secret_takes_nothing() -> None:
    assert refuse("", webhook_secret="").missing


def test_the_secret_is_not_in_the_error() -> None:
    assert "s3cret" not in str(refuse("wrong"))


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"x"', b"{}", b'{"update_id":', b'{"update_id":"7"}', b"\xff\xfe", b"[" * 100_000,
     b'{"update_id":true}', b'{"update_id":' + b"9" * 5000 + b"}", b'{"update_id":' + b"9" * 30 + b"}"],
)  # fmt: skip
def test_what_is_no_update_is_malformed(body: bytes) -> None:
    assert connector.receive is not None
    with pytest.raises(Malformed):
        connector.receive(an_account(), a_request(body))


def test_a_text_message() -> None:
    message = message_of(text="Здравствуйте, сколько стоит замена колодок?")
    assert message.key == "870001"
    assert message.external_id == "5512345678:41"
    assert (message.kind, message.direction, message.order) == ("text", "in", 41)
    assert message.text == "Здравствуйте, сколько стоит замена колодок?"
    assert message.at == WRITTEN
    assert (message.chat.id, message.chat.kind) == ("5512345678", "private")
    assert message.sender is not None
    assert message.sender.name == "Анна К"
    assert message.sender.locale == "ru"
    (key,) = message.sender.keys
    assert (key.kind, key.value, key.proof, key.display) == (
        "telegram",
        "5512345678",
        "proved",
        "@anna_k",
    )


def test_a_message_from_the_future_was_written_now() -> None:
    assert message_of(text="x", date=4_000_000_000).at == NOON
    assert message_of(text="x", date=10**40).at == NOON


@pytest.mark.parametrize(
    ("content", "kind", "ref"),
    [
        pytest.param(
            {"photo": [{"file_id": "big", "width": 1280, "height": 960}, {"file_id": "small", "width": 90, "height": 67}]},
            "image", "big", id="the largest photo"),
        pytest.param({"document": {"file_id": "d", "file_name": "смета.pdf"}}, "document", "d", id="document"),
        pytest.param({"voice": {"file_id": "v", "duration": 7}}, "voice", "v", id="voice"),
        pytest.param({"audio": {"file_id": "a", "duration": 7}}, "audio", "a", id="audio"),
        pytest.param({"video": {"file_id": "m", "duration": 7}}, "video", "m", id="video"),
        pytest.param({"video_note": {"file_id": "n", "length": 384}}, "video_note", "n", id="video note"),
        pytest.param({"sticker": {"file_id": "s", "emoji": "👍"}}, "sticker", "s", id="sticker"),
        pytest.param({"animation": {"file_id": "g"}, "document": {"file_id": "d"}}, "animation", "g",
                     id="an animation is not its document"),
        pytest.param({"live_photo": {"file_id": "l"}, "photo": [{"file_id": "p"}]}, "video", "l",
                     id="a live photo is not its photo"),
        pytest.param({"paid_media": {"star_count": 5, "paid_media": [{"type": "preview"}, {"type": "video", "video": {"file_id": "pv"}}]}},
                     "video", "pv", id="paid media"),
    ],
)  # fmt: skip
def test_files_are_what_is_most_specific(content: Json, kind: str, ref: str) -> None:
    message = message_of(caption="подпись", **content)
    (file,) = message.attachments
    assert (message.kind, file.kind, file.ref) == (kind, kind, ref)
    if kind != "sticker":
        assert message.text == "подпись"


def test_a_file_keeps_its_name_size_and_type() -> None:
    (file,) = message_of(
        document={"file_id": "d", "file_name": "смета.pdf", "mime_type": "application/pdf", "file_size": 88123}
    ).attachments  # fmt: skip
    assert (file.name, file.mime, file.size) == ("смета.pdf", "application/pdf", 88123)


def test_a_venue_is_more_than_its_location() -> None:
    place = {"latitude": 55.7, "longitude": 37.6}
    message = message_of(
        venue={"location": place, "title": "Офис", "address": "Тверская 1"}, location=place
    )
    assert (message.kind, message.text) == ("location", "Офис, Тверская 1")
    assert message.details == place | {"title": "Офис", "address": "Тверская 1"}


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ({"location": {"latitude": 55.7, "longitude": 37.6}}, "location", ""),
        ({"poll": {"question": "Когда?", "options": [{"text": "Завтра"}]}}, "poll", "Когда?"),
        ({"dice": {"emoji": "🎲", "value": 4}}, "text", "🎲 4"),
        ({"web_app_data": {"data": "{}", "button_text": "Заказать"}}, "form", "{}"),
        ({"checklist": {"title": "План", "tasks": [{"text": "A"}, {"text": "B", "completion_date": 5}]}},
         "text", "План\n☐ A\n☑ B"),
        ({"rich_message": {"blocks": [{"type": "paragraph", "text": ["Привет, ", {"type": "bold", "text": "мир"}]},
                                      {"type": "list", "items": [{"blocks": [{"type": "paragraph", "text": "раз"}]}]}]}},
         "text", "Привет, мир\nраз"),
        ({"game": {"title": "Тетрис"}}, "unsupported", "Тетрис"),
        ({"gift": {"gift": {"id": "1"}}}, "unsupported", ""),
        ({"kind_of_next_year": {"x": 1}}, "unsupported", ""),
        ({}, "unsupported", ""),
    ],
)  # fmt: skip
def test_every_kind_reaches_the_inbox(content: Json, kind: str, text: str) -> None:
    told = a_message() | content
    event = event_of(an_update(told=told))
    assert isinstance(event, InboundMessage)
    assert (event.kind, event.text) == (kind, text)
    if kind == "unsupported":
        assert event.details["unsupported"] == next(iter(content), "")


def test_items_of_an_album_stay_apart_and_know_each_other() -> None:
    first = message_of(photo=[{"file_id": "1"}], media_group_id="135")
    second = message_of(
        photo=[{"file_id": "2"}], media_group_id="135", message_id=42, caption="вот"
    )
    assert first.album == second.album == "135"
    assert first.external_id != second.external_id


def test_a_reply_names_the_message_and_the_words() -> None:
    message = message_of(
        text="да",
        reply_to_message={"message_id": 39, "date": AT, "chat": PRIVATE, "text": "Оформить?"},
        quote={"text": "Оформить", "position": 0},
    )
    assert message.reply_to is not None
    assert (message.reply_to.external_id, message.reply_to.quote) == ("5512345678:39", "Оформить")


def test_a_message_in_a_topic_does_not_answer_the_topic() -> None:
    topic = {"message_thread_id": 4, "is_topic_message": True, "chat": GROUP}
    message = message_of(text="x", reply_to_message={"message_id": 4, "chat": GROUP}, **topic)
    assert message.reply_to is None
    assert message.details["topic"] == 4
    assert message_of(text="x", reply_to_message={"message_id": 5, "chat": GROUP}, **topic).reply_to


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ({"type": "user", "sender_user": {"id": 9, "first_name": "Пётр"}}, "Пётр"),
        ({"type": "hidden_user", "sender_user_name": "Скрытый"}, "Скрытый"),
        ({"type": "channel", "chat": CHANNEL, "message_id": 5}, "Новости"),
        ({"type": "chat", "sender_chat": GROUP}, "Чат"),
        ({"type": "new"}, ""),
    ],
)
def test_a_forwarded_message_says_from_whom(origin: Json, name: str) -> None:
    assert message_of(text="x", forward_origin=origin).details["forwarded_from"] == name


def test_text_that_cannot_be_stored_is_cleaned() -> None:
    body = b'{"update_id":1,"message":{"message_id":1,"date":1763700000,"chat":{"id":5,"type":"private"},"text":"a\\u0000b\\ud800c \xff"}}'
    event = event_of(body)
    assert isinstance(event, InboundMessage)
    assert event.text.startswith("abc")


def test_a_message_without_a_number_is_still_one_of_its_own() -> None:
    first = event_of(an_update(number=1, told=a_message(message_id=0, text="x")))
    second = event_of(an_update(number=2, told=a_message(message_id=0, text="x")))
    shown = event_of(
        an_update(number=3, told=a_message(message_id=0, text="x", ephemeral_message_id=7))
    )
    assert isinstance(first, InboundMessage)
    assert isinstance(second, InboundMessage)
    assert isinstance(shown, InboundMessage)
    assert len({first.external_id, second.external_id, shown.external_id}) == 3
