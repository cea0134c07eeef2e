"""What a WhatsApp message holds, in Allo's words: its kind, words, files and what has no field of its own."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from connectors.channels.whatsapp.dialect import Card, Error, Media, Message, Order
from connectors.channels.whatsapp.refusals import words_of
from router.clean_text import clean_line, clean_text
from router.message import Attachment, MessageKind

MOST_CARDS: Final = 20
MOST_PRODUCTS: Final = 100
MOST_ANSWERS: Final = 100
TEXT_LIMIT: Final = 100_000


class Content(NamedTuple):
    kind: MessageKind
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    details: dict[str, Any] | None = None


def content_of(message: Message) -> Content:
    """Of the kind "unsupported" for what WhatsApp does not hand over, and for kinds newer than we are."""
    if message.text is not None and message.type in {"text", ""}:
        return Content("text", clean_text(message.text.body, limit=TEXT_LIMIT))
    read = _READERS.get(message.type)
    content = read(message) if read is not None else None
    return content or unsupported(message)


def unsupported(message: Message) -> Content:
    """Shown as "cannot be shown here: edit", with what the platform says about it, so that the manager knows."""
    inner = message.unsupported.type if message.unsupported is not None else None
    error = message.errors[0] if message.errors else Error()
    details = {"unsupported": clean_line(inner or message.type or "unknown")}
    if error.code:
        details["code"] = str(error.code)
        details["why"] = words_of(error)
    return Content("unsupported", details=details)


def _image(message: Message) -> Content | None:
    return _file(message.image, "image", "image/jpeg")


def _video(message: Message) -> Content | None:
    return _file(message.video, "video", "video/mp4")


def _document(message: Message) -> Content | None:
    return _file(message.document, "document", "")


def _audio(message: Message) -> Content | None:
    """A voice message was recorded there and then; other audio is a file."""
    spoken = message.audio is not None and bool(message.audio.voice)
    return _file(message.audio, "voice" if spoken else "audio", "audio/ogg")


def _sticker(message: Message) -> Content | None:
    return _file(message.sticker, "sticker", "image/webp")


def _file(media: Media | None, kind: MessageKind, mime: str) -> Content | None:
    if media is None or media.id is None or media.id == "":
        return None
    # "audio/ogg; codecs=opus"; and a name may be a path.
    kept_mime = clean_line((media.mime_type or mime).partition(";")[0])
    name = clean_line((media.filename or "").replace("\\", "/").rpartition("/")[2], limit=255)
    attachment = Attachment(
        kind=kind, ref=clean_line(str(media.id), limit=255), name=name, mime=kept_mime
    )
    return Content(kind, clean_text(media.caption or "", limit=TEXT_LIMIT), (attachment,))


def _location(message: Message) -> Content | None:
    place = message.location
    if place is None:
        return None
    named = {
        "title": clean_line(place.name or ""),
        "address": clean_line(place.address or "", limit=512),
    }
    details: dict[str, Any] = {name: word for name, word in named.items() if word}
    latitude, longitude = _degrees(place.latitude), _degrees(place.longitude)
    if latitude is not None and longitude is not None:
        details |= {"latitude": latitude, "longitude": longitude}
    if place.url:
        details["url"] = clean_line(place.url, limit=1000)
    return Content("location", ", ".join(word for word in named.values() if word), details=details)


def _degrees(given: float | str | None) -> float | None:
    try:
        degrees = float(given) if given is not None else None
    except ValueError:
        return None
    return degrees if degrees is not None and -360 <= degrees <= 360 else None


def card_name(card: Card) -> str:
    name = card.name
    if name is None:
        return ""
    return clean_line(name.formatted_name or f"{name.first_name or ''} {name.last_name or ''}")


def _cards(message: Message) -> Content | None:
    if not message.contacts:
        return None
    cards = [_card(card) for card in message.contacts[:MOST_CARDS]]
    lines = (
        ", ".join(word for word in (name, *phones, *emails) if word)
        for name, phones, emails in cards
    )
    told = [{"name": name, "phones": phones, "emails": emails} for name, phones, emails in cards]
    return Content("contact", "\n".join(lines), details={"cards": told})


def _card(card: Card) -> tuple[str, list[str], list[str]]:
    phones = [clean_line(each.phone or each.wa_id or "") for each in card.phones or ()][:10]
    emails = [clean_line(each.email or "", limit=255) for each in card.emails or ()][:10]
    return card_name(card), phones, emails


def _interactive(message: Message) -> Content | None:
    told = message.interactive
    if told is None:
        return None
    choice = told.button_reply or told.list_reply
    if choice is not None:
        words = clean_text(choice.title or choice.id or "", limit=1000)
        details = {"button": clean_text(choice.id or "", limit=256)}
        if choice.description:
            details["description"] = clean_text(choice.description, limit=1000)
        return Content("text", words, details=details)
    if told.nfm_reply is not None:
        return _form(
            told.nfm_reply.body or told.nfm_reply.name or "", told.nfm_reply.response_json or ""
        )
    return None


def _form(title: str, response: str) -> Content:
    """A form filled in (WhatsApp Flows): its answers are JSON in a string, keyed as the form's author liked."""
    try:
        answers = json.loads(response)
    except (ValueError, RecursionError):
        answers = None
    lines = (
        list(_answers(answers)) if isinstance(answers, dict) else [clean_text(response, limit=4000)]
    )
    text = "\n".join(line for line in (clean_line(title), *lines) if line)
    return Content("form", text, details={"form": clean_line(title)})


def _answers(answers: dict[str, Any]) -> Iterator[str]:
    for name, value in list(answers.items())[:MOST_ANSWERS]:
        if name != "flow_token":
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{clean_line(str(name))}: {clean_text(shown, limit=1000)}"


def _button(message: Message) -> Content | None:
    pressed = message.button
    if pressed is None:
        return None
    words = clean_text(pressed.text or pressed.payload or "", limit=1000)
    return Content("text", words, details={"button": clean_text(pressed.payload or "", limit=256)})


def _order(message: Message) -> Content | None:
    order = message.order
    if order is None:
        return None
    lines = [clean_text(order.text or "", limit=4000), *_products(order)]
    details = {"order": clean_line(order.catalog_id or "")}
    return Content("form", "\n".join(line for line in lines if line), details=details)


def _products(order: Order) -> Iterator[str]:
    for each in (order.product_items or ())[:MOST_PRODUCTS]:
        price = f"{each.item_price if each.item_price is not None else ''} {each.currency or ''}"
        amount = each.quantity if each.quantity is not None else 1
        yield clean_line(
            f"{each.product_retailer_id or '?'} × {amount}, {price}".rstrip(" ,"), limit=255
        )


_READERS: Final[dict[str, Callable[[Message], Content | None]]] = {
    "image": _image,
    "video": _video,
    "document": _document,
    "audio": _audio,
    "voice": _audio,
    "sticker": _sticker,
    "location": _location,
    "contacts": _cards,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
}
