"""Builders of forms, as the builders of landing pages send them; what a test does not name is ordinary."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from connectors.channels.lead_form import connector
from connectors.connector import Account, Received, Request
from router.message import InboundMessage

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRET = "7f3a91c2b8d04e65"
FORM = "application/x-www-form-urlencoded"
SHOP = "https://shop.example"

TILDA = {
    "Name": "Анна Ковалёва",
    "Phone": "+7 (916) 123-45-67",
    "Email": "Anna@Example.ru",
    "Comments": "Нужны колодки на Логан",
    "Размер": "15",
    "tranid": "1234567:7654321",
    "formid": "form48844953",
    "formname": "Заявка",
    "COOKIES": (
        "_ym_uid=1600000000123456789; _ga=GA1.2.1111.2222; TILDAUTM="
        "utm_source%3Dyandex%7C%7C%7Cutm_medium%3Dcpc%7C%7C%7Cutm_campaign%3Dkolodki%7C%7C%7C"
    ),
}
MARQUIZ: dict[str, Any] = {
    "quiz": {"id": "5f9", "name": "Подбор колодок"},
    "created": "2026-11-21T11:59:58.000Z",
    "answers": [
        {"q": "Какая у вас машина?", "a": "Рено Логан", "t": "answers"},
        {"q": "Что ещё нужно?", "a": ["Диски", "Жидкость"], "t": "answers"},
    ],
    "contacts": {"name": "Пётр", "phone": "89161234568", "email": ""},
    "result": {"title": "Комплект"},
    "extra": {
        "href": "https://quiz.example/?yclid=777&utm_source=vk",
        "utm": {"source": "google", "medium": "ppc", "name": "brakes", "term": "{keyword}"},
        "cookies": {"_ga": "GA1.1.3.4"},
        "lang": "ru",
        "ip": "203.0.113.9",
    },
}
FLEXBE = {
    "data[id]": "991",
    "data[client][name]": "Олег",
    "data[client][phone]": "+79161234569",
    "data[client][email]": "oleg@example.ru",
    "data[form_name]": "Обратный звонок",
    "data[form_data][fld_1][type]": "text",
    "data[form_data][fld_1][name]": "Марка",
    "data[form_data][fld_1][value]": "Лада",
    "data[utm][utm_source]": "vk_ads",
    "data[utm][utm_campaign]": "autumn",
    "data[page][url]": "https://flexbe.example/landing?rb_clickid=42",
}
ELEMENTOR = {
    "form[id]": "a1b2",
    "form[name]": "Contact",
    "fields[name][id]": "name",
    "fields[name][type]": "text",
    "fields[name][title]": "Ваше имя",
    "fields[name][value]": "Ирина",
    "fields[field_7][id]": "field_7",
    "fields[field_7][type]": "tel",
    "fields[field_7][title]": "Как с вами связаться",
    "fields[field_7][value]": "8 916 123-45-70",
    "fields[message][id]": "message",
    "fields[message][type]": "textarea",
    "fields[message][title]": "Сообщение",
    "fields[message][value]": "Жду звонка",
    "meta[page_url][title]": "Page URL",
    "meta[page_url][value]": "https://wp.example/contacts/",
    "meta[remote_ip][title]": "Remote IP",
    "meta[remote_ip][value]": "203.0.113.9",
}
CF7 = {
    "_wpcf7": "12",
    "_wpcf7_unit_tag": "wpcf7-f12-p5-o1",
    "your-name": "Семён",
    "your-email": "semyon@example.ru",
    "your-subject": "Опт",
    "your-message": "Есть ли скидка?",
    "acceptance-1": "1",
}


def an_account(**fields: str) -> Account:
    own = {each.name: each.default for each in connector.fields if each.default}
    given = own | {"path_secret": SECRET, "allowed_origins": SHOP} | fields
    return Account(id=UUID(int=1), kind="lead_form", slug="landing", fields=given)


def a_request(
    body: bytes, content_type: str = FORM, *, path: str = SECRET, later: float = 0, **headers: str
) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        method="POST",
        headers={"Content-Type": content_type, **named},
        body=body,
        path=path,
        received_at=NOON + timedelta(seconds=later),
    )


def form(**fields: Any) -> bytes:
    return urlencode(fields, doseq=True).encode()


def as_form(fields: dict[str, str], **more: str) -> Request:
    return a_request(urlencode({**fields, **more}).encode())


def as_json(told: Any, **more: Any) -> Request:
    return a_request(json.dumps(told).encode(), "application/json", **more)


def received(request: Request, account: Account | None = None) -> Received:
    assert connector.receive is not None
    return connector.receive(account or an_account(), request)


def enquiry(request: Request, account: Account | None = None) -> InboundMessage:
    (incoming,) = received(request, account).incoming
    assert isinstance(incoming.event, InboundMessage)
    return incoming.event


def claims(event: InboundMessage) -> dict[str, str]:
    assert event.sender is not None
    return {key.kind: key.value for key in event.sender.keys if key.proof == "claimed"}
