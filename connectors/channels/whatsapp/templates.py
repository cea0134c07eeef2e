"""The business account's approved templates, as something a person can choose and fill in.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview. A template has components:
a header (a text or a file), the body, a footer, buttons. Places are `{{1}}`, `{{2}}`… in each component of its own, or
named ones (`parameter_format` NAMED). A slot's key says where its value goes: "body.1", "header.text.name",
"header.image", "button.0.url".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import aiohttp
from msgspec import Struct

from connectors.channels.whatsapp.graph_api import call, own_business
from connectors.connector import Account
from connectors.message_templates import MOST_SLOTS, PLACE, Slot, Template
from router.clean_text import clean_line, clean_text

PAGE: Final = 100
MOST_PAGES: Final = 10
FIELDS: Final = "name,language,status,category,components"
_FILES: Final = {
    "IMAGE": "Link to the picture",
    "VIDEO": "Link to the video",
    "DOCUMENT": "Link to the document",
}


class _Button(Struct, frozen=True):
    type: str = ""
    text: str = ""
    url: str = ""


class _NamedExample(Struct, frozen=True):
    param_name: str = ""
    example: str = ""


class _Example(Struct, frozen=True):
    """What was given for the places when the template was made."""

    header_text: tuple[str, ...] = ()
    body_text: tuple[tuple[str, ...], ...] = ()
    header_text_named_params: tuple[_NamedExample, ...] = ()
    body_text_named_params: tuple[_NamedExample, ...] = ()

    def of(self, places: Sequence[str]) -> dict[str, str]:
        named = (*self.header_text_named_params, *self.body_text_named_params)
        in_order = self.header_text or (self.body_text[0] if self.body_text else ())
        return dict(zip(places, in_order, strict=False)) | {
            each.param_name: each.example for each in named
        }


class _Component(Struct, frozen=True):
    type: str = ""
    format: str = ""
    text: str = ""
    example: _Example = _Example()
    buttons: tuple[_Button, ...] = ()


class _Told(Struct, frozen=True):
    name: str = ""
    language: str = ""
    status: str = ""
    category: str = ""
    components: tuple[_Component, ...] = ()


class _Cursors(Struct, frozen=True):
    after: str = ""


class _Paging(Struct, frozen=True):
    cursors: _Cursors = _Cursors()
    next: str = ""


class _Page(Struct, frozen=True):
    data: tuple[_Told, ...] = ()
    paging: _Paging = _Paging()


async def templates(account: Account, http: aiohttp.ClientSession) -> Sequence[Template]:
    """Those approved, by name and language; without the few that need what we do not give (a place, a product).

    Raises a SendError.
    """
    found: list[Template] = []
    after = ""
    for _ in range(MOST_PAGES):
        params = {"fields": FIELDS, "status": "APPROVED", "limit": str(PAGE)}
        page = await call(
            account,
            http,
            "GET",
            f"{own_business(account)}/message_templates",
            _Page,
            params=params | ({"after": after} if after else {}),
        )
        found += [each for told in page.data if (each := _template(told)) is not None]
        after = page.paging.cursors.after
        if not page.paging.next or not after:
            break
    return sorted(found, key=lambda each: (each.name, each.language))


def _template(told: _Told) -> Template | None:
    """None for one that is not approved, or asks for what cannot be filled in as words."""
    if told.status != "APPROVED":
        return None
    slots: list[Slot] = []
    lines: list[str] = []
    for component in told.components:
        kind = component.type.upper()
        if kind == "HEADER" and component.format.upper() not in {"", "TEXT"}:
            label = _FILES.get(component.format.upper())
            if label is None:
                return None
            slots.append(
                Slot(key=f"header.{component.format.lower()}", label=label, example="https://…")
            )
        elif kind in {"HEADER", "BODY", "FOOTER"}:
            where = "header.text" if kind == "HEADER" else kind.lower()
            lines.append(clean_text(PLACE.sub(rf"{{{{{where}.\1}}}}", component.text), limit=4096))
            slots += _text_slots(where, component)
        elif kind == "BUTTONS":
            for number, button in enumerate(component.buttons):
                lines.append(f"[{clean_line(button.text)}]")
                slots += _button_slots(number, button)
        else:
            # A carousel, a limited offer, a catalogue: made of parts that a line of words cannot give.
            return None
    if len(slots) > MOST_SLOTS:
        return None
    return Template(
        name=clean_line(told.name, limit=512),
        language=clean_line(told.language, limit=16),
        category=clean_line(told.category),
        text="\n".join(line for line in lines if line),
        slots=tuple(slots),
    )


def _text_slots(where: str, component: _Component) -> Iterator[Slot]:
    """Each place once, in the order of the text."""
    places = list(dict.fromkeys(PLACE.findall(component.text)))
    examples = component.example.of(places)
    for name in places:
        yield Slot(
            key=f"{where}.{name}", label=name, example=clean_line(examples.get(name, ""), limit=255)
        )


def _button_slots(number: int, button: _Button) -> Iterator[Slot]:
    kind = button.type.upper()
    if kind == "URL" and PLACE.search(button.url):
        yield Slot(
            key=f"button.{number}.url", label=clean_line(f"{button.text}: {button.url}", limit=255)
        )
    elif kind == "COPY_CODE":
        yield Slot(key=f"button.{number}.copy_code", label=clean_line(button.text) or "Code")


def components_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """`details["template"]` as the API wants it: the values back in their components, numbered ones in their order."""
    values = {str(key): str(value) for key, value in dict(template.get("values") or {}).items()}
    components: list[dict[str, Any]] = []
    if header := _header(values):
        components.append({"type": "header", "parameters": header})
    if body := _texts(values, "body."):
        components.append({"type": "body", "parameters": body})
    components += _buttons(values)
    told: dict[str, Any] = {
        "name": str(template.get("name", "")),
        "language": {"code": str(template.get("language", ""))},
    }
    return told | ({"components": components} if components else {})


def _header(values: Mapping[str, str]) -> list[dict[str, Any]]:
    for kind in ("image", "video", "document"):
        if link := values.get(f"header.{kind}"):
            return [{"type": kind, kind: {"link": link}}]
    return _texts(values, "header.text.")


def _texts(values: Mapping[str, str], prefix: str) -> list[dict[str, Any]]:
    named = [
        (key.removeprefix(prefix), value) for key, value in values.items() if key.startswith(prefix)
    ]
    named.sort(
        key=lambda pair: (not pair[0].isdecimal(), int(pair[0]) if pair[0].isdecimal() else 0)
    )
    return [
        {"type": "text", "text": value} | ({} if name.isdecimal() else {"parameter_name": name})
        for name, value in named
    ]


def _buttons(values: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for key, value in values.items():
        place, _, rest = key.partition(".")
        number, _, kind = rest.partition(".")
        if place != "button":
            continue
        parameter = (
            {"type": "text", "text": value}
            if kind == "url"
            else {"type": "coupon_code", "coupon_code": value}
        )
        yield {"type": "button", "sub_type": kind, "index": number, "parameters": [parameter]}
