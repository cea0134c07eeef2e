"""What hangs on a VK message: files are fetched, the rest is a line; one broken item costs nothing else."""

import pytest

from router.message import InboundMessage, MessageKind
from tests.connectors.channels.vk_world import ANNA, message_of

PHOTO = {
    "type": "photo",
    "photo": {
        "id": 457,
        "owner_id": ANNA,
        "sizes": [
            {"type": "s", "width": 75, "height": 56, "url": "https://sun9-1.userapi.com/s.jpg"},
            {"type": "w", "width": 2560, "height": 1920, "url": "https://sun9-1.userapi.com/w.jpg"},
            {"type": "r", "width": 510, "height": 340, "url": "https://sun9-1.userapi.com/r.jpg"},
        ],
    },
}
DOC = {
    "type": "doc",
    "doc": {"id": 601, "owner_id": ANNA, "title": "смета.pdf", "size": 88123, "ext": "pdf", "type": 1,
            "url": "https://vk.com/doc300500_601?hash=h&dl=d"},
}  # fmt: skip
VOICE = {
    "type": "audio_message",
    "audio_message": {"id": 602, "duration": 5, "link_ogg": "https://psv4.userapi.com/a.ogg",
                      "link_mp3": "https://psv4.userapi.com/a.mp3", "transcript": "привет"},
}  # fmt: skip


def with_(*items: object, text: str = "") -> InboundMessage:
    return message_of(text=text, attachments=list(items))


def test_of_a_photo_the_largest_is_taken():
    (file,) = with_(PHOTO).attachments

    assert file.ref == f"{ANNA}:57:0 https://sun9-1.userapi.com/w.jpg"
    assert (file.kind, file.width, file.height) == ("image", 2560, 1920)


def test_the_photo_as_it_was_taken_is_larger_still():
    best = {
        "type": "base",
        "width": 4000,
        "height": 3000,
        "url": "https://sun9-1.userapi.com/o.jpg",
    }
    told = {"type": "photo", "photo": PHOTO["photo"] | {"orig_photo": best}}

    assert with_(told).attachments[0].ref.endswith("/o.jpg")


def test_sides_of_old_photos_are_unknown_and_the_sizes_names_decide():
    sizes = [
        {"type": name, "width": 0, "height": 0, "url": f"https://a/{name}.jpg"}
        for name in "smxyzwopqr"
    ]

    assert with_({"type": "photo", "photo": {"sizes": sizes}}).attachments[0].ref.endswith("/w.jpg")  # fmt: skip


def test_a_document_keeps_its_name_and_size():
    message = with_(DOC, text="вот")
    (file,) = message.attachments

    assert (message.kind, message.text) == ("document", "вот")
    assert (file.name, file.size, file.mime) == ("смета.pdf", 88123, "application/pdf")


def test_a_gif_moves():
    told = {"type": "doc", "doc": {"title": "кот", "ext": "gif", "type": 3, "url": "https://vk.com/doc1_2"}}  # fmt: skip
    (file,) = with_(told).attachments

    assert (file.kind, file.name, file.mime) == ("animation", "кот.gif", "image/gif")


def test_a_voice_message_brings_what_vk_understood():
    message = with_(VOICE)

    assert message.kind == "voice"
    assert message.attachments[0].ref.endswith("/a.ogg")
    assert message.attachments[0].duration == 5
    assert message.details["transcript"] == "привет"


@pytest.mark.parametrize(
    ("told", "kind", "text"),
    [
        ({"type": "video", "video": {"id": 456, "owner_id": ANNA, "title": "v"}}, "video", "v https://vk.com/video300500_456"),
        ({"type": "link", "link": {"url": "https://a.ru/x", "title": "Т"}}, "text", "Т https://a.ru/x"),
        ({"type": "wall", "wall": {"id": 7, "owner_id": -5, "text": "пост"}}, "text", "https://vk.com/wall-5_7\nпост"),
        ({"type": "wall", "wall": {"id": 7, "to_id": -5, "text": ""}}, "text", "https://vk.com/wall-5_7"),
        ({"type": "wall_reply", "wall_reply": {"id": 7, "owner_id": -5, "text": "к"}}, "text", "https://vk.com/wall-5_7\nк"),
        ({"type": "market", "market": {"id": 3, "owner_id": -5, "title": "Чехол", "price": {"text": "900 ₽"}}}, "text",
         "Чехол, 900 ₽, https://vk.com/product-5_3"),
        ({"type": "poll", "poll": {"question": "Когда?", "answers": [{"text": "в пять"}]}}, "poll", "Когда?"),
        ({"type": "story", "story": {"id": 3, "owner_id": 5}}, "text", "https://vk.com/story5_3"),
        ({"type": "article", "article": {"title": "А", "url": "https://vk.com/@a"}}, "text", "А https://vk.com/@a"),
        ({"type": "podcast", "podcast": {"title": "П", "owner_id": -5, "id": 1}}, "text", "П"),
        ({"type": "audio", "audio": {"artist": "А", "title": "Б", "owner_id": 5, "id": 1, "url": ""}}, "text",
         "А – Б https://vk.com/audio5_1"),
        ({"type": "mini_app", "mini_app": {"title": "М", "url": "https://vk.com/app1"}}, "text", "М https://vk.com/app1"),
        ({"type": "audio_playlist", "audio_playlist": {"id": 1, "owner_id": 5, "title": "Лето"}}, "text", "Лето"),
        ({"type": "market_album", "market_album": {"id": 1, "owner_id": -5}}, "text", "https://vk.com/market_album-5_1"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_file_is_a_line_with_its_page(told: object, kind: MessageKind, text: str):
    message = with_(told)

    assert (message.kind, message.text, message.attachments) == (kind, text, ())


@pytest.mark.parametrize(
    ("told", "kind", "address"),
    [
        ({"type": "sticker", "sticker": {"sticker_id": 14, "images": [{"url": "https://vk.com/s-64", "width": 64, "height": 64},
          {"url": "https://vk.com/s-512", "width": 512, "height": 512}]}}, "sticker", "https://vk.com/s-512"),
        ({"type": "sticker", "sticker": {"id": 14, "photo_512": "https://vk.com/s.png"}}, "sticker", "https://vk.com/s.png"),
        ({"type": "graffiti", "graffiti": {"url": "https://a/g.png", "width": 2, "height": 1}}, "image", "https://a/g.png"),
        ({"type": "gift", "gift": {"id": 1, "thumb_256": "https://a/t.jpg"}}, "image", "https://a/t.jpg"),
        ({"type": "audio", "audio": {"artist": "А", "title": "Б", "url": "https://a/b.mp3"}}, "audio", "https://a/b.mp3"),
        ({"type": "audio_message", "audio_message": {"link_mp3": "https://a/v.mp3"}}, "voice", "https://a/v.mp3"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_a_file_is_fetched(told: object, kind: MessageKind, address: str):
    message = with_(told)

    assert message.kind == kind
    assert message.attachments[0].ref == f"{ANNA}:57:0 {address}"


def test_a_call_is_a_call():
    told = {"type": "call", "call": {"initiator_id": ANNA, "receiver_id": -222, "state": "canceled_by_initiator", "time": AT}}  # fmt: skip
    message = with_(told)

    assert message.kind == "call"
    assert message.details["call"] == "canceled_by_initiator"


AT = 1763700000


@pytest.mark.parametrize(
    "broken",
    [
        None,
        17,
        [],
        {},
        {"type": "photo"},
        {"type": "photo", "photo": None},
        {"type": "photo", "photo": {"sizes": "many"}},
        {"type": ["photo"]},
        {"type": "hologram", "hologram": {"id": 1}},
        {"type": "doc", "doc": {"url": {"odd": True}}},
    ],
    ids=repr,
)
def test_a_broken_attachment_costs_nothing_else(broken: object):
    message = with_(PHOTO, broken, DOC, text="вот")

    assert message.text == "вот"
    assert [each.kind for each in message.attachments] == ["image", "document"]
    assert message.details["unsupported"]


def test_a_message_of_nothing_that_we_know_says_so():
    message = with_({"type": "hologram", "hologram": {"id": 1}})

    assert message.kind == "unsupported"
    assert message.details == {"unsupported": "hologram"}


def test_files_are_bounded():
    assert len(with_(*[PHOTO] * 500).attachments) == 100
