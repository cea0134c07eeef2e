"""What a Telegram message holds, in Allo's words: its kind, words, files and what has no field of its own.

Of overlapping kinds the most specific one counts, and only it: an animation comes with a `document`, a venue with a
`location`, a live photo with a `photo` (Bot API: "for backward compatibility").
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from connectors.channels.telegram.dialect import (
    Checklist,
    Contact,
    Dice,
    Entity,
    File,
    Location,
    Message,
    PaidMedia,
    Poll,
    Venue,
    WebAppData,
)
from connectors.channels.telegram.formatting import to_html
from router.clean_text import clean_line, clean_text
from router.message import Attachment, MessageKind

RICH_DEPTH: Final = 32
RICH_LIMIT: Final = 32_768
"""Characters taken from a rich message (Bot API: up to 32,768)."""


class Content(NamedTuple):
    kind: MessageKind
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    details: dict[str, Any] | None = None


_FILES: Final[tuple[tuple[str, MessageKind, str], ...]] = (
    ("live_photo", "video", "video/mp4"),
    ("animation", "animation", "video/mp4"),
    ("video_note", "video_note", "video/mp4"),
    ("voice", "voice", "audio/ogg"),
    ("video", "video", "video/mp4"),
    ("audio", "audio", "audio/mpeg"),
    ("document", "document", ""),
)


def content_of(message: Message) -> Content | None:
    """None: nothing that we know how to show."""
    if message.text is not None:
        return Content("text", clean_text(message.text), _html(message.text, message.entities))
    return _media(message) or _data(message)


def _media(message: Message) -> Content | None:
    for name, kind, mime in _FILES:
        file: File | None = getattr(message, name)
        if file is not None:
            return _with_caption(message, kind, (_attachment(file, kind, mime),))
    if message.photo:
        return _with_caption(message, "image", (_photo(message.photo),))
    if message.sticker is not None:
        return _sticker(message.sticker)
    if message.paid_media is not None:
        files = tuple(_paid(message.paid_media.paid_media))
        details = {"stars": message.paid_media.star_count}
        return _with_caption(message, files[0].kind if files else "image", files, details)
    return None


def _with_caption(
    message: Message,
    kind: MessageKind,
    files: tuple[Attachment, ...],
    details: dict[str, Any] | None = None,
) -> Content:
    caption = message.caption or ""
    return Content(
        kind, clean_text(caption), _html(caption, message.caption_entities), files, details
    )


def _html(text: str, entities: list[Entity] | None) -> str:
    return clean_text(to_html(text, entities)) if entities else ""


def _attachment(file: File, kind: MessageKind, mime: str) -> Attachment:
    name = file.file_name or " – ".join(part for part in (file.performer, file.title) if part)
    return Attachment(
        kind=kind,
        ref=file.file_id,
        name=clean_line(name, limit=255),
        mime=clean_line(file.mime_type or mime),
        size=file.file_size,
        width=file.width or file.length,
        height=file.height or file.length,
        duration=file.duration,
    )


def _photo(sizes: list[File]) -> Attachment:
    """The largest of the sizes; photos are always JPEG, without a name."""
    largest = max(
        sizes, key=lambda each: ((each.width or 0) * (each.height or 0), each.file_size or 0)
    )
    return _attachment(largest, "image", "image/jpeg")


def _sticker(file: File) -> Content:
    mime = "image/webp"
    if file.is_animated:
        mime = "application/x-tgsticker"
    elif file.is_video:
        mime = "video/webm"
    details = {"sticker_set": clean_line(file.set_name)} if file.set_name else None
    return Content(
        "sticker",
        clean_text(file.emoji or ""),
        "",
        (_attachment(file, "sticker", mime),),
        details,
    )


def _paid(media: Iterable[PaidMedia]) -> Iterator[Attachment]:
    for item in media:
        video = item.live_photo or item.video
        if video is not None:
            yield _attachment(video, "video", "video/mp4")
        elif item.photo:
            yield _photo(item.photo)


def _data(message: Message) -> Content | None:
    for name, read in _READERS:
        value = getattr(message, name)
        if value is not None:
            return read(value)
    return None


def _venue(venue: Venue) -> Content:
    named = {"title": clean_line(venue.title), "address": clean_line(venue.address, limit=512)}
    words = ", ".join(word for word in named.values() if word)
    return Content("location", words, details=_place(venue.location) | named)


def _location(location: Location) -> Content:
    return Content("location", details=_place(location))


def _card(card: Contact) -> Content:
    name = clean_line(f"{card.first_name} {card.last_name or ''}")
    number = clean_line(card.phone_number)
    words = ", ".join(word for word in (name, number) if word)
    return Content("contact", words, details={"name": name, "phone": number})


def _poll(poll: Poll) -> Content:
    options = [clean_line(option.text) for option in poll.options]
    return Content("poll", clean_text(poll.question), details={"options": options})


def _dice(dice: Dice) -> Content:
    return Content("text", f"{clean_text(dice.emoji)} {dice.value}", details={"dice": dice.value})


def _checklist(checklist: Checklist) -> Content:
    tasks = (
        f"{'☑' if task.completion_date else '☐'} {clean_line(task.text, limit=255)}"
        for task in checklist.tasks
    )
    return Content("text", "\n".join((clean_line(checklist.title), *tasks)).strip())


def _form(form: WebAppData) -> Content:
    return Content("form", clean_text(form.data), details={"button": clean_line(form.button_text)})


def _rich(rich: dict[str, Any]) -> Content:
    """The words of a rich message's blocks, a line per block; its formatting is lost, its words are not."""
    blocks = rich.get("blocks")
    lines = (
        ("".join(_words(block, RICH_DEPTH)) for block in blocks) if isinstance(blocks, list) else ()
    )
    return Content(
        "text", clean_text("\n".join(lines).strip(), limit=RICH_LIMIT), details={"rich": True}
    )


_READERS: Final[tuple[tuple[str, Callable[[Any], Content]], ...]] = (
    ("venue", _venue),
    ("location", _location),
    ("contact", _card),
    ("poll", _poll),
    ("dice", _dice),
    ("checklist", _checklist),
    ("web_app_data", _form),
    ("rich_message", _rich),
    ("game", lambda game: unsupported("game", clean_line(game.title))),
    ("invoice", lambda invoice: unsupported("invoice", clean_line(invoice.title))),
)


def unsupported(what: str, text: str = "") -> Content:
    """Shown as "cannot be shown here: gift", so that the manager knows that something came."""
    return Content("unsupported", text, details={"unsupported": clean_line(what)})


def _place(location: Location) -> dict[str, Any]:
    place: dict[str, Any] = {"latitude": location.latitude, "longitude": location.longitude}
    if location.live_period:
        place["live"] = True
    return place


def _words(value: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for position, item in enumerate(value):
            if position and isinstance(item, dict) and ("blocks" in item or "cells" in item):
                yield "\n"
            yield from _words(item, depth - 1)
    elif isinstance(value, dict):
        for name in ("text", "caption", "summary", "blocks", "items", "cells", "rows"):
            if name in value:
                yield from _words(value[name], depth - 1)
