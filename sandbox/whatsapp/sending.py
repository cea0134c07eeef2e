"""What becomes of a message that a business sends: `POST /{phone_number_id}/messages`.

What is wrong with the request is answered at once; what is wrong with sending it (the window is closed, the person has no
WhatsApp) is accepted, and comes as a failed status.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from sandbox.whatsapp.world import PLACE, Delivered, Json, Number, Person, Template

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
TRACKER_LIMIT: Final = 512
LIMITS: Final = {
    "image": 5_000_000,
    "video": 16_000_000,
    "audio": 16_000_000,
    "document": 100_000_000,
    "sticker": 512_000,
}
TYPES: Final[dict[str, frozenset[str] | None]] = {
    "image": frozenset({"image/jpeg", "image/png"}),
    "video": frozenset({"video/mp4", "video/3gpp"}),
    "audio": frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
    "sticker": frozenset({"image/webp"}),
    "document": None,
}


@dataclass(slots=True)
class Refusal(Exception):
    """A call that is answered with an error."""

    status: int
    code: int
    message: str
    details: str = ""
    retry_after: int | None = None


class _NotDelivered(Exception):
    """Accepted, and yet: the code that the failed status has."""

    def __init__(self, code: int, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def send(number: Number, told: Json) -> Json:
    """Raises Refusal."""
    if told.get("messaging_product") != "whatsapp":
        raise Refusal(400, 100, "(#100) The parameter messaging_product is required.")
    if told.get("status") == "read":
        number.read_marks.append(str(told.get("message_id", "")))
        if (indicator := told.get("typing_indicator")) is not None:
            if indicator != {"type": "text"}:
                raise Refusal(400, 100, "(#100) Invalid parameter", "typing_indicator")
            number.typing.append(number.read_marks[-1])
        return {"success": True}
    who = _recipient(told)
    if code := number.meter.refusal(who, number.now()):
        words = (
            "(#131056) (Business Account, Consumer Account) pair rate limit hit"
            if code == 131056
            else "(#130429) Rate limit hit"
        )
        raise Refusal(429 if code == 130429 else 400, code, words)
    person = number.find(who)
    known = person.wa_id if person is not None and not person.hidden else who
    message = _message(number, told, who)
    number.sent.append(message)
    _report(number, message, person, told)
    contact: Json = {"input": who}
    if known.isdecimal():
        contact["wa_id"] = known
    if person is not None and person.known_by_user_id:
        contact["user_id"] = person.user_id
    return {
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [{"id": message.id, "message_status": "accepted"}],
    }


def _recipient(told: Json) -> str:
    """`to` a number or a group, or `recipient` a user id; not both."""
    number, user_id = told.get("to"), told.get("recipient")
    if not number and not user_id:
        raise Refusal(
            400, 131008, "(#131008) Required parameter is missing", "The parameter to is required."
        )
    if user_id:
        if not re.fullmatch(r"[A-Z]{2}\.[A-Za-z0-9.]{1,132}", str(user_id)):
            raise Refusal(400, 100, "(#100) Invalid parameter", "recipient is not a user id")
        template = told.get("template") or {}
        if str(template.get("name", "")).startswith("auth_"):
            raise Refusal(
                400,
                131062,
                "(#131062) Business-scoped User ID (BSUID) recipients are not supported for this message.",
            )
        return str(user_id)
    digits = re.sub(r"[+\s()-]", "", str(number))
    if not digits.isdecimal():
        raise Refusal(400, 100, "(#100) Invalid parameter", "to is not a number")
    return digits


def _message(number: Number, told: Json, who: str) -> Delivered:
    kind = str(told.get("type") or "text")
    tracker = str(told.get("biz_opaque_callback_data") or "")
    if len(tracker) > TRACKER_LIMIT:
        raise Refusal(
            400, 100, "(#100) Param biz_opaque_callback_data must be at most 512 characters long."
        )
    about: Json = {
        "id": number.new_id(),
        "to": who,
        "kind": kind,
        "reply_to": str((told.get("context") or {}).get("message_id", "")),
        "tracker": tracker,
    }
    if kind == "text":
        return Delivered(text=_text(told), **about)
    if kind == "template":
        template, text = _template(number, told.get("template") or {})
        return Delivered(text=text, template=template.name, **about)
    if kind in LIMITS:
        return _file(number, kind, told.get(kind) or {}, about)
    if kind in {"interactive", "reaction", "location", "contacts"}:
        return Delivered(text=str((told.get(kind) or {}).get("body", "")), **about)
    raise Refusal(
        400,
        100,
        "(#100) Param type must be one of {AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, TEMPLATE, TEXT, VIDEO}",
    )


def _text(told: Json) -> str:
    body = (told.get("text") or {}).get("body")
    if not isinstance(body, str) or not body.strip():
        raise Refusal(400, 100, "(#100) The parameter text['body'] is required.")
    if len(body) > TEXT_LIMIT:
        raise Refusal(400, 100, "(#100) Param text['body'] must be at most 4096 characters long.")
    return body


def _file(number: Number, kind: str, media: Json, about: Json) -> Delivered:
    caption = str(media.get("caption") or "")
    if len(caption) > CAPTION_LIMIT or (caption and kind in {"audio", "sticker"}):
        raise Refusal(400, 131009, "(#131009) Parameter value is not valid", f"caption of {kind}")
    name = str(media.get("filename") or "")
    if media.get("link"):
        return Delivered(text=caption, file=name or str(media["link"]), **about)
    file = number.files.get(str(media.get("id", "")))
    if file is None:
        raise Refusal(
            400, 131009, "(#131009) Parameter value is not valid", "Media ID does not exist"
        )
    types = TYPES[kind]
    if types is not None and file.mime not in types:
        raise Refusal(
            400, 131053, "(#131053) Media upload error", f"{file.mime} is not supported for {kind}"
        )
    return Delivered(text=caption, file=name, content=file.content, **about)


def _template(number: Number, told: Json) -> tuple[Template, str]:
    name, language = told.get("name"), (told.get("language") or {}).get("code")
    template = next(
        (each for each in number.templates if (each.name, each.language) == (name, language)), None
    )
    if template is None or template.status not in {"APPROVED", "PAUSED", "DISABLED"}:
        raise Refusal(
            404,
            132001,
            "(#132001) Template name does not exist in the translation",
            f"template name ({name}) does not exist in {language}",
        )
    if template.status != "APPROVED":
        code = 132015 if template.status == "PAUSED" else 132016
        raise Refusal(400, code, f"(#{code}) Template is {template.status.lower()}")
    components = {str(each.get("type", "")).lower(): each for each in told.get("components") or []}
    given: list[Json] = (components.get("body") or {}).get("parameters") or []
    places = list(dict.fromkeys(PLACE.findall(template.body)))
    if len(places) != len(given):
        raise Refusal(
            400,
            132000,
            "(#132000) Number of parameters does not match the expected number of params",
            f"body: number of localizable_params ({len(given)}) does not match the expected number of params ({len(places)})",
        )
    if (
        template.header is not None
        and template.header.get("format") != "TEXT"
        and "header" not in components
    ):
        raise Refusal(
            400,
            132012,
            "(#132012) Parameter format does not match format in the created template",
            "header: Format mismatch",
        )
    values = {
        str(each.get("parameter_name") or position): str(each.get("text", ""))
        for position, each in enumerate(given, start=1)
    }
    if set(values) != set(places):
        raise Refusal(
            400,
            132012,
            "(#132012) Parameter format does not match format in the created template",
            "Parameter name is missing or empty",
        )
    for value in values.values():
        if re.search(r"[\n\t]| {5}", value):
            raise Refusal(
                400,
                100,
                "(#100) Invalid parameter",
                "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            )
    return template, PLACE.sub(lambda place: values[place[1]], template.body)


def _report(number: Number, message: Delivered, person: Person | None, told: Json) -> None:
    try:
        _reach(number, message, person)
    except _NotDelivered as failure:
        number.reports(message.id, "failed", code=failure.code, details=failure.details)
        number.sent.remove(message)
        return
    if number.receipts:
        number.reports(message.id, "sent")
        number.reports(message.id, "delivered")


def _reach(number: Number, message: Delivered, person: Person | None) -> None:
    if message.kind == "template":
        return
    if person is None:
        raise _NotDelivered(131026, "Message Undeliverable.")
    if not number.is_open(person):
        raise _NotDelivered(
            131047,
            "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
        )


def as_error(refusal: Refusal) -> Any:
    """The answer's body."""
    data = {"messaging_product": "whatsapp", "details": refusal.details}
    error: Json = {
        "message": refusal.message,
        "type": "OAuthException",
        "code": refusal.code,
        "fbtrace_id": "AbCdEfGhIjK",
    }
    return {"error": error | ({"error_data": data} if refusal.details else {})}
