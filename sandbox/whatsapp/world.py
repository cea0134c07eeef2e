"""What Meta knows: numbers of businesses, people, messages, files, templates; and what people do.

Every deed of a person becomes an item of a webhook, as the messages webhook's reference describes it. A person has a user
id, which differs from business to business, and a number, which is left out of webhooks once it is hidden.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from sandbox.whatsapp.limits import Limits, Meter

Json = dict[str, Any]

WINDOW: Final = 86_400.0
PLACE: Final = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a business sent and the person sees. `text` is the caption of files, the filled body of templates."""

    id: str
    to: str
    kind: str
    text: str = ""
    file: str = ""
    content: bytes = b""
    reply_to: str = ""
    template: str = ""
    tracker: str = ""


@dataclass(slots=True)
class Person:
    wa_id: str
    user_id: str
    name: str
    username: str = ""
    hidden: bool = False
    """Has a username, and hides the number."""
    known_by_user_id: bool = True
    """Webhooks name the user id, as they do since 2026."""
    wrote_at: float | None = None

    @property
    def contact(self) -> Json:
        """As in a webhook's `contacts`."""
        profile = {"name": self.name} | ({"username": self.username} if self.username else {})
        return {"profile": profile} | self.ids("wa_id", "user_id")

    def ids(self, number: str, user_id: str) -> Json:
        known = {user_id: self.user_id} if self.known_by_user_id else {}
        return known if self.hidden else {number: self.wa_id} | known


@dataclass(slots=True)
class File:
    content: bytes
    mime: str

    @property
    def sha256(self) -> str:
        """As webhooks write it; the media endpoint writes hexadecimal."""
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()


@dataclass(slots=True)
class Webhook:
    url: str
    verify_token: str = ""
    last_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """`parameters` of the body, in its order; `named`: by name."""

    name: str
    language: str = "ru"
    body: str = ""
    category: str = "UTILITY"
    status: str = "APPROVED"
    header: Json | None = None
    buttons: tuple[Json, ...] = ()

    @property
    def about(self) -> Json:
        components: list[Json] = [{"type": "BODY", "text": self.body} | self._examples()]
        if self.header is not None:
            components.insert(0, {"type": "HEADER", **self.header})
        if self.buttons:
            components.append({"type": "BUTTONS", "buttons": list(self.buttons)})
        named = "{{1}}" not in self.body and "{{" in self.body
        return {
            "id": str(abs(hash((self.name, self.language)))),
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "parameter_format": "NAMED" if named else "POSITIONAL",
            "components": components,
        }

    def _examples(self) -> Json:
        """Meta asks for an example of each value when a template is made, and shows them ever after."""
        places = list(dict.fromkeys(PLACE.findall(self.body)))
        if not places:
            return {}
        if places[0].isdecimal():
            return {"example": {"body_text": [[f"example {name}" for name in places]]}}
        named = [{"param_name": name, "example": f"example {name}"} for name in places]
        return {"example": {"body_text_named_params": named}}


@dataclass(slots=True)
class Number:
    """A business's number and its side of WhatsApp. `tell` gets each webhook's value that is to be delivered."""

    id: str
    waba: str
    display: str
    now: Callable[[], float]
    tell: Callable[["Number", Json, str], None]
    limits: Limits = field(default_factory=Limits)
    webhook: Webhook | None = None
    receipts: bool = True
    """Statuses follow by themselves: sent and delivered."""
    people: dict[str, Person] = field(default_factory=dict)
    sent: list[Delivered] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    templates: list[Template] = field(default_factory=list)
    read_marks: list[str] = field(default_factory=list)
    typing: list[str] = field(default_factory=list)
    """The messages under which it was shown that an answer is written."""
    subscribed: bool = False
    meter: Meter = field(init=False)
    _numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.meter = Meter(self.limits)

    def person(self, wa_id: str, name: str = "", **about: Any) -> Person:
        """Whoever has this number; the first deed makes them."""
        known = self.people.get(wa_id)
        if known is None:
            user_id = f"{_country(wa_id)}.{int(hashlib.sha256(f'{self.waba}{wa_id}'.encode()).hexdigest()[:16], 16)}"
            known = self.people[wa_id] = Person(wa_id, user_id, name or f"U{wa_id[-4:]}")
        for attribute, value in about.items():
            setattr(known, attribute, value)
        return known

    def find(self, who: str) -> Person | None:
        """By number or user id."""
        return next(
            (each for each in self.people.values() if who in {each.wa_id, each.user_id}), None
        )

    # What people do. Each returns the item of the webhook.

    def writes(self, wa_id: str, text: str, **more: Any) -> Json:
        return self.posts(wa_id, {"type": "text", "text": {"body": text}}, **more)

    def posts(self, wa_id: str, content: Json, *, name: str = "", **more: Any) -> Json:
        """Any message: `content` and `more` as in the messages webhook."""
        person = self.person(wa_id, name)
        person.wrote_at = self.now()
        return self.item(person, content | more)

    def sends_file(
        self,
        wa_id: str,
        content: bytes,
        *,
        kind: str = "image",
        mime: str = "image/jpeg",
        **about: Any,
    ) -> Json:
        media = self.keep(content, mime)
        told = {"id": media, "mime_type": mime, "sha256": self.files[media].sha256} | about
        return self.posts(wa_id, {"type": kind, kind: told})

    def clicks_advertisement(self, wa_id: str, text: str, **referral: Any) -> Json:
        told = {
            "source_url": "https://fb.me/abc",
            "source_type": "ad",
            "source_id": "120210000000",
            "headline": "Sale",
            "body": "Click",
            "media_type": "image",
            "image_url": "https://scontent.example/x.jpg",
            "ctwa_clid": "ARAkLkA8rmlFeiCktEJQ",
        } | referral
        return self.writes(wa_id, text, referral=told)

    def presses(self, wa_id: str, wamid: str, payload: str, text: str) -> Json:
        context = {"from": self.display, "id": wamid}
        return self.posts(
            wa_id,
            {"type": "button", "button": {"payload": payload, "text": text}, "context": context},
        )

    def reacts(self, wa_id: str, wamid: str, emoji: str) -> Json:
        told = {"message_id": wamid} | ({"emoji": emoji} if emoji else {})
        return self.item(self.person(wa_id), {"type": "reaction", "reaction": told})

    def edits(self, wa_id: str, wamid: str, text: str) -> Json:
        inner = {"type": "text", "text": {"body": text}}
        told = {"original_message_id": wamid, "message": inner}
        return self.item(self.person(wa_id), {"type": "edit", "edit": told})

    def revokes(self, wa_id: str, wamid: str) -> Json:
        told = {"original_message_id": wamid}
        return self.item(self.person(wa_id), {"type": "revoke", "revoke": told})

    def changes_number(self, wa_id: str, to: str) -> Json:
        """The person goes on under another number, with another user id; the business is told both."""
        person = self.people.pop(wa_id)
        moved = self.person(to, person.name)
        moved.wrote_at, moved.username = person.wrote_at, person.username
        told = {
            "type": "user_changed_number",
            "body": f"{person.name} changed from {wa_id} to {to}",
            "wa_id": to,
            "user_id": moved.user_id,
            "customer": wa_id,
        }
        item = {"from": wa_id, "type": "system", "system": told} | self._envelope()
        self.tell(self, {"messages": [item]}, "messages")
        return item

    def reads(self, wamid: str) -> Json:
        """The person opens the message; whether the business hears of it is the person's choice."""
        return self.reports(wamid, "read")

    def writes_in_the_app(self, wa_id: str, text: str) -> Json:
        """A colleague, on the telephone that has the number too (coexistence)."""
        item = {"from": self.display, "to": wa_id, "type": "text", "text": {"body": text}}
        item |= self._envelope()
        self.tell(self, {"message_echoes": [item]}, "smb_message_echoes")
        return item

    # What Meta says by itself.

    def reports(self, wamid: str, state: str, *, code: int = 0, details: str = "") -> Json:
        sent = next(each for each in self.sent if each.id == wamid)
        person = self.find(sent.to)
        status: Json = {"id": wamid, "status": state, "timestamp": self._seconds()}
        if sent.tracker:
            status["biz_opaque_callback_data"] = sent.tracker
        if code:
            # Meta: failed statuses have no contacts, and may name the number only.
            data = {"error_data": {"details": details}} if details else {}
            status |= {
                "recipient_id": sent.to,
                "errors": [{"code": code, "title": "Error", **data}],
            }
        elif person is not None:
            status |= person.ids("recipient_id", "recipient_user_id")
            status["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "service"}
        value: Json = {"statuses": [status]}
        if person is not None and not code:
            value["contacts"] = [person.contact]
        self.tell(self, value, "messages")
        return status

    def item(self, person: Person, content: Json) -> Json:
        item = person.ids("from", "from_user_id") | self._envelope() | content
        self.tell(self, {"contacts": [person.contact], "messages": [item]}, "messages")
        return item

    def keep(self, content: bytes, mime: str) -> str:
        media = f"{1_000_000_000_000_000 + next(self._numbers)}"
        self.files[media] = File(content, mime)
        return media

    def new_id(self) -> str:
        told = f"{self.id}:{next(self._numbers)}:{self._seconds()}"
        return f"wamid.{base64.b64encode(told.encode()).decode()}"

    def is_open(self, person: Person) -> bool:
        return person.wrote_at is not None and self.now() - person.wrote_at < WINDOW

    def times(self, text: str) -> int:
        """How often somebody sees these words: 1 is what it should be."""
        return sum(1 for each in self.sent if each.text == text)

    def _envelope(self) -> Json:
        return {"id": self.new_id(), "timestamp": self._seconds()}

    def _seconds(self) -> str:
        return str(int(self.now()))


def _country(wa_id: str) -> str:
    codes = {"7": "RU", "1": "US", "44": "GB", "49": "DE", "52": "MX", "54": "AR", "55": "BR"}
    return next((name for code, name in codes.items() if wa_id.startswith(code)), "ZZ")
