"""What hangs on a VK message, in Allo's words: files to fetch, and lines of text for what is no file.

https://dev.vk.com/ru/reference/objects/attachments-message. An item is {"type": "photo", "photo": {…}}; each is read by
itself, and one that cannot be read costs nothing else. Of a video VK gives no file, of a post or a product only its
page: these become a line with the address, so that the manager can open it.

A file's `ref` is "peer:number:place address": the address expires, and is asked for again by the place of the file in
its message (`files`).
"""

import mimetypes
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from router.clean_text import clean_line, clean_text
from router.message import Attachment, MessageKind

MOST: Final = 100
"""Files of one message. VK takes ten, and as many more in each of up to a hundred forwarded ones."""

SITE: Final = "https://vk.com"
GIF: Final = 3
"""`doc.type`."""


class Item(NamedTuple):
    """One attachment: a file, or words, or both; `details` by the name under which the message keeps them."""

    kind: MessageKind
    file: Attachment | None = None
    words: str = ""
    details: dict[str, Any] | None = None


def read(items: list[Any] | None) -> Iterator[Item]:
    for item in items or ():
        if not isinstance(item, dict):
            yield _unknown("attachment")
            continue
        name = item.get("type")
        name = name if isinstance(name, str) else ""
        told = item.get(name)
        reader = _READERS.get(name)
        if reader is None or not isinstance(told, dict):
            yield _unknown(name, told)
            continue
        yield reader(told) or _unknown(name, told)


def _unknown(name: str, told: Any = None) -> Item:
    """Named, and with its title and address when it has any, so that the manager knows that something came."""
    words = _titled(told) if isinstance(told, dict) else ""
    shown = clean_line(name, limit=64) or "attachment"
    return Item("unsupported", words=words, details={"unsupported": shown})


def _photo(told: dict[str, Any]) -> Item | None:
    """`orig_photo`, else the largest by its sides; sizes o, p, q, r are cropped, and w is the largest of the others."""
    best = told.get("orig_photo")
    if not isinstance(best, dict) or not _text(best, "url"):
        best = _largest(told.get("sizes"), told.get("images"))
    if best is None:
        return None
    file = _file("image", best, mime="image/jpeg")
    return Item("image", file, clean_text(_text(told, "text")))


def _document(told: dict[str, Any]) -> Item | None:
    address, ending = _text(told, "url"), clean_line(_text(told, "ext"), limit=16)
    if not address:
        return None
    name = clean_line(_text(told, "title"), limit=200)
    if ending and not name.lower().endswith(f".{ending.lower()}"):
        name = f"{name or 'file'}.{ending}"
    kind: MessageKind = "animation" if told.get("type") == GIF else "document"
    mime = mimetypes.guess_type(name)[0] or ""
    return Item(kind, Attachment(kind=kind, ref=address, name=name, mime=mime, size=_size(told)))


def _voice(told: dict[str, Any]) -> Item | None:
    address, mime = _text(told, "link_ogg"), "audio/ogg"
    if not address:
        address, mime = _text(told, "link_mp3"), "audio/mpeg"
    if not address:
        return None
    file = Attachment(kind="voice", ref=address, mime=mime, duration=_number(told, "duration"))
    transcript = clean_text(_text(told, "transcript"), limit=4096)
    return Item("voice", file, details={"transcript": transcript} if transcript else None)


def _audio(told: dict[str, Any]) -> Item | None:
    """`url` is empty for most tracks: they may be listened to in VK only."""
    parts = (clean_line(_text(told, name)) for name in ("artist", "title"))
    title = " – ".join(part for part in parts if part)
    address = _text(told, "url")
    if not address:
        return Item("audio", words=f"{title} {_page('audio', told)}".strip())
    file = Attachment(
        kind="audio",
        ref=address,
        name=clean_line(f"{title or 'audio'}.mp3", limit=255),
        mime="audio/mpeg",
        duration=_number(told, "duration"),
    )
    return Item("audio", file)


def _sticker(told: dict[str, Any]) -> Item | None:
    best = _largest(told.get("images"), told.get("images_with_background"))
    number = told.get("sticker_id")
    details = {"sticker": number} if isinstance(number, int) else None
    if best is None:
        address = _text(told, "photo_512") or _text(told, "photo_256")
        best = {"url": address} if address else None
    if best is None:
        return None
    return Item("sticker", _file("sticker", best, mime="image/png"), details=details)


def _graffiti(told: dict[str, Any]) -> Item | None:
    return Item("image", _file("image", told, mime="image/png")) if _text(told, "url") else None


def _gift(told: dict[str, Any]) -> Item | None:
    address = next((_text(told, each) for each in ("thumb_256", "thumb_96", "thumb_48") if _text(told, each)), "")  # fmt: skip
    if not address:
        return None
    return Item("image", _file("image", {"url": address}, mime="image/jpeg"))


def _video(told: dict[str, Any]) -> Item:
    title = clean_line(_text(told, "title"))
    return Item("video", words=f"{title} {_page('video', told)}".strip())


def _link(told: dict[str, Any]) -> Item | None:
    return Item("text", words=_titled(told)) if _text(told, "url") else None


def _post(told: dict[str, Any]) -> Item:
    """Somebody's post, with what it begins with. `to_id` was its owner before 5.81."""
    owner = told.get("owner_id", told.get("to_id", told.get("from_id")))
    words = clean_text(_text(told, "text"), limit=500)
    return Item("text", words=f"{_page('wall', told | {'owner_id': owner})}\n{words}".strip())


def _product(told: dict[str, Any]) -> Item:
    price = told.get("price")
    cost = clean_line(_text(price, "text")) if isinstance(price, dict) else ""
    parts = (clean_line(_text(told, "title")), cost, _page("product", told))
    return Item("text", words=", ".join(part for part in parts if part))


def _poll(told: dict[str, Any]) -> Item:
    answers = told.get("answers")
    options = [
        clean_line(_text(each, "text"))
        for each in (answers if isinstance(answers, list) else ())
        if isinstance(each, dict)
    ]
    question = clean_text(_text(told, "question"), limit=1000)
    return Item("poll", words=question, details={"options": options[:50]})


def _call(told: dict[str, Any]) -> Item:
    state = clean_line(_text(told, "state"), limit=64)
    return Item("call", details={"call": state, "duration": _number(told, "duration") or 0})


def _paged(name: str) -> Callable[[dict[str, Any]], Item]:
    def read_paged(told: dict[str, Any]) -> Item:
        words = _titled(told) or _page(name, told)
        return Item("text", words=words)

    return read_paged


_READERS: Final[dict[str, Callable[[dict[str, Any]], Item | None]]] = {
    "photo": _photo,
    "doc": _document,
    "audio_message": _voice,
    "audio": _audio,
    "sticker": _sticker,
    "ugc_sticker": _sticker,
    "graffiti": _graffiti,
    "gift": _gift,
    "video": _video,
    "video_message": _video,
    "link": _link,
    "wall": _post,
    "wall_reply": _post,
    "market": _product,
    "poll": _poll,
    "call": _call,
    "market_album": _paged("market_album"),
    "market_market_album": _paged("market_album"),
    "story": _paged("story"),
    "article": _paged("article"),
    "podcast": _paged("podcast"),
    "audio_playlist": _paged("audio_playlist"),
    "album": _paged("album"),
    "event": _paged("event"),
    "mini_app": _paged("mini_app"),
    "narrative": _paged("narrative"),
    "group_call_in_progress": _paged("call"),
}


def place_of(geo: Any) -> dict[str, Any] | None:
    """`geo`: {"coordinates": {"latitude", "longitude"}, "place": {"title"}}; before 5.81 "55.7 37.6" in one text."""
    if not isinstance(geo, dict):
        return None
    where = geo.get("coordinates")
    if isinstance(where, str):
        latitude, _, longitude = where.partition(" ")
        where = {"latitude": latitude, "longitude": longitude}
    if not isinstance(where, dict):
        return None
    try:
        place: dict[str, Any] = {name: float(where[name]) for name in ("latitude", "longitude")}
    except (KeyError, TypeError, ValueError):
        return None
    if not (-90 <= place["latitude"] <= 90 and -180 <= place["longitude"] <= 180):
        return None
    named = geo.get("place")
    title = clean_line(_text(named, "title")) if isinstance(named, dict) else ""
    return place | ({"title": title} if title else {})


def _largest(*lists: Any) -> dict[str, Any] | None:
    sizes = [
        each
        for sizes in lists
        if isinstance(sizes, list)
        for each in sizes
        if isinstance(each, dict) and _text(each, "url")
    ]
    by_sides = {name: rank for rank, name in enumerate("srqpomxyzw")}
    return max(
        sizes,
        # Very old photos have sides of 0: then the name of the size decides.
        key=lambda each: (
            (_whole(each, "width") or 0) * (_whole(each, "height") or 0),
            by_sides.get(_text(each, "type"), -1),
        ),
        default=None,
    )


def _file(kind: MessageKind, told: dict[str, Any], *, mime: str) -> Attachment:
    return Attachment(
        kind=kind,
        ref=_text(told, "url"),
        mime=mime,
        width=_whole(told, "width") or None,
        height=_whole(told, "height") or None,
    )


def _titled(told: dict[str, Any]) -> str:
    title, address = clean_line(_text(told, "title")), clean_line(_text(told, "url"), limit=2048)
    return f"{title} {address}".strip()


def _page(name: str, told: dict[str, Any]) -> str:
    """The address of something of VK's: https://vk.com/video300500_456; "" when it does not say what it is."""
    owner, number = told.get("owner_id"), told.get("id")
    if not isinstance(owner, int) or not isinstance(number, int):
        return ""
    return f"{SITE}/{name}{owner}_{number}"


def _text(told: Any, name: str) -> str:
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) else ""


def _number(told: dict[str, Any], name: str) -> float | None:
    value = told.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if fits and value is not None else None


def _whole(told: dict[str, Any], name: str) -> int | None:
    value = _number(told, name)
    return int(value) if value is not None else None


def _size(told: dict[str, Any]) -> int | None:
    value = told.get("size")
    return value if isinstance(value, int) and 0 <= value < 1 << 53 else None
