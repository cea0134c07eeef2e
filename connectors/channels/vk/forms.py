"""What people fill in within VK: lead forms and orders in the community's shop. Each is a message to be answered.

https://dev.vk.com/ru/api/community-events/json-schema. The number or address in a form was typed, or filled in by VK
from a profile that nobody checked: it is claimed, and suggests who this is.
"""

from typing import Any, Final

from msgspec.structs import replace

from connectors.channels.vk.dialect import LeadForm, Order
from connectors.channels.vk.messages import Reading, unreadable
from connectors.channels.vk.people import NO_CHAT, chat_of, moment, person
from connectors.email_addresses import normalise
from connectors.phone_numbers import phone_key
from router.clean_text import clean_line, clean_text
from router.message import Event, InboundMessage, Key, Sender, SourceKeys

ANSWERS: Final = 50
TEXT_LIMIT: Final = 20_000


def lead(form: LeadForm, reading: Reading, *, region: str) -> Event:
    chat = chat_of(form.user_id)
    if chat is NO_CHAT:
        return unreadable(reading)
    answers = [each for each in form.answers or () if isinstance(each, dict)][:ANSWERS]
    lines = [_line(each.get("question") or each.get("key"), each.get("answer")) for each in answers]
    named = {"form": form.form_name, "form_id": form.form_id, "ad_id": form.ad_id}
    referral = {name: clean_line(str(value), limit=255) for name, value in named.items() if value}
    return InboundMessage(
        key=reading.key,
        chat=chat,
        at=reading.received_at,
        sender=_with(person(form.user_id), _keys(answers, region), _name(answers)),
        external_id=f"lead:{form.lead_id or reading.key}",
        kind="form",
        text=clean_text("\n".join((clean_line(form.form_name or ""), *lines)).strip(), limit=TEXT_LIMIT),
        source=SourceKeys(referral=referral) if referral else None,
        details={"form": clean_line(form.form_name or "")},
    )  # fmt: skip


def order(told: Order, reading: Reading, *, region: str) -> Event:
    chat = chat_of(told.user_id)
    if chat is NO_CHAT:
        return unreadable(reading)
    recipient = told.recipient if isinstance(told.recipient, dict) else {}
    number = clean_line(told.display_order_id or str(told.id or ""), limit=64)
    items = (told.preview_order_items or ())[:ANSWERS]
    lines = [
        f"№ {number}" if number else "",
        *(
            _line(each.get("title"), each.get("quantity"))
            for each in items
            if isinstance(each, dict)
        ),
    ]
    price = told.total_price if isinstance(told.total_price, dict) else {}
    lines += [
        _line(None, each)
        for each in (price.get("text"), recipient.get("name"), recipient.get("phone"))
    ]
    lines.append(clean_text(told.comment or "", limit=4096))
    phone = [{"key": "phone_number", "answer": recipient.get("phone")}]
    return InboundMessage(
        key=reading.key,
        chat=chat,
        at=moment(told.date, reading.received_at),
        sender=_with(person(told.user_id), _keys(phone, region), ""),
        external_id=f"order:{told.id or reading.key}",
        kind="form",
        text=clean_text("\n".join(line for line in lines if line), limit=TEXT_LIMIT),
        details={"order": number},
    )


def _line(question: Any, answer: Any) -> str:
    asked = clean_line(question) if isinstance(question, str) else ""
    if isinstance(answer, list):
        answer = ", ".join(str(each) for each in answer[:ANSWERS] if isinstance(each, str | int))
    told = clean_text(str(answer), limit=2000) if isinstance(answer, str | int | float) else ""
    return f"{asked}: {told}" if asked and told else told or asked


def _with(sender: Sender | None, keys: tuple[Key, ...], name: str) -> Sender | None:
    return None if sender is None else replace(sender, keys=(*sender.keys, *keys), name=name)


def _answer_to(answers: list[dict[str, Any]], *names: str) -> str:
    for each in answers:
        if each.get("key") in names and isinstance(each.get("answer"), str):
            return str(each["answer"])
    return ""


def _name(answers: list[dict[str, Any]]) -> str:
    parts = (_answer_to(answers, name) for name in ("first_name", "last_name"))
    return clean_line(" ".join(part for part in parts if part))


def _keys(answers: list[dict[str, Any]], region: str) -> tuple[Key, ...]:
    how = "typed in a form of VK"
    phone = _answer_to(answers, "phone_number", "phone")
    address = normalise(_answer_to(answers, "email"))
    found = (
        phone_key(phone, region=region, proof="claimed", how=how) if phone else None,
        Key(kind="email", value=address, proof="claimed", how=how) if address else None,
    )
    return tuple(key for key in found if key is not None)
