"""Webhooks → events. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview

A body holds lists of lists: entries, their changes, in each messages, statuses, errors. Each item is read by itself: a
broken one costs nothing but itself, and what is left of it is kept. Nothing genuine is ever refused, for Meta would send
it again for seven days with all its neighbours.

- The signature is over the bytes as they came; reading them again and writing them down would change it.
- An app has one webhook, perhaps for several numbers; an account is one number, by `phone_number_id`. What is of another
  number is named and left alone.
- A request with one item is its own raw form; one with several is cut up, so that each can be read again by itself.
"""

import hmac
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from connectors.channels.whatsapp.dialect import (
    Body,
    Contact,
    Message,
    Metadata,
    Status,
    UserIdUpdate,
    UserPreference,
    Value,
)
from connectors.channels.whatsapp.messages import Nobody, Reading, echoed, written
from connectors.channels.whatsapp.other_news import id_changed, preference_changed
from connectors.channels.whatsapp.salvage import (
    NotJson,
    mended,
    readable_json,
    rescued,
    unreadable,
)
from connectors.channels.whatsapp.statuses import OfNoInterest, key_of, reported
from connectors.connector import Account, Answer, Incoming, Received, Request
from connectors.errors import Unverified
from router.clean_text import clean_line
from router.message import Event

T = TypeVar("T")

SIGNATURE_HEADER: Final = "X-Hub-Signature-256"
LONGEST_CHALLENGE: Final = 1000
BODY_LIMIT: Final = 4 << 20
"""Meta: a webhook has 3 MB at most."""


class _Item(NamedTuple):
    """One of a change's items, as it came. `kind` is the list it was in."""

    kind: str
    raw: bytes
    field: str
    metadata: Metadata | None
    contacts: tuple[Contact, ...]


class _Outcome(NamedTuple):
    """An event, or why there is none."""

    event: Event | None = None
    ignored: str = ""


_decode_body: Final = msgspec.json.Decoder(Body).decode
_decode_value: Final = msgspec.json.Decoder(Value).decode
_decode_message: Final = msgspec.json.Decoder(Message).decode
_decode_status: Final = msgspec.json.Decoder(Status).decode
_decode_id_update: Final = msgspec.json.Decoder(UserIdUpdate).decode
_decode_preference: Final = msgspec.json.Decoder(UserPreference).decode
_encode: Final = msgspec.json.Encoder().encode


def receive(account: Account, request: Request) -> Received:
    """GET is Meta's question whether the address is ours. Raises Unverified, before anything is parsed."""
    if request.method == "GET":
        return _answer_challenge(account, request)
    prove_origin(account, request)
    return reread(account, request.body, request.received_at)


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """The items of `raw`. What is not JSON at all is kept as an event without a chat."""
    incoming: list[Incoming] = []
    ignored: list[str] = []
    try:
        items = list(_items(raw, ignored))
    except NotJson:
        return Received(incoming=(Incoming(event=unreadable(raw, received_at), raw=raw),))
    alone = len(items) == 1
    for place, item in enumerate(items):
        outcome = _read(account, item, place, received_at)
        if outcome.event is not None:
            incoming.append(Incoming(event=outcome.event, raw=raw if alone else _cut_out(item)))
        else:
            ignored.append(outcome.ignored)
    if not items and not ignored:
        ignored.append("nothing in it: no entry, no change")
    return Received(incoming=tuple(incoming), ignored=tuple(ignored))


def prove_origin(account: Account, request: Request) -> None:
    """`X-Hub-Signature-256: sha256=` and the HMAC of the raw body with the app's secret (Meta, Validating payloads)."""
    secret = account["app_secret"]
    if not secret:
        raise Unverified("the account has no app_secret", missing=True)
    given = request.headers.get(SIGNATURE_HEADER)
    if given is None:
        raise Unverified(f"no {SIGNATURE_HEADER}", missing=True)
    expected = "sha256=" + hmac.new(secret.encode(), request.body, sha256).hexdigest()
    # As bytes: compare_digest raises TypeError on a str that is not ASCII, and a forger may send one.
    if not hmac.compare_digest(given.encode(errors="surrogateescape").lower(), expected.encode()):
        raise Unverified(f"a wrong {SIGNATURE_HEADER}")


def _answer_challenge(account: Account, request: Request) -> Received:
    """`hub.verify_token` is a word of ours that Meta was told; who knows it gets `hub.challenge` back."""
    expected, given = account["verify_token"], request.query.get("hub.verify_token")
    if not expected or request.query.get("hub.mode") != "subscribe" or given is None:
        raise Unverified("not a verification request, or the account has no verify_token")
    if not hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode()):
        raise Unverified("a wrong hub.verify_token")
    challenge = request.query.get("hub.challenge", "")[:LONGEST_CHALLENGE]
    return Received(answer=Answer(body=challenge.encode(errors="replace")))


# Taking the body apart


_LISTS: Final = (
    "messages",
    "statuses",
    "message_echoes",
    "user_id_update",
    "user_preferences",
    "errors",
)


def _items(raw: bytes, ignored: list[str]) -> Iterator[_Item]:
    """Raises NotJson. What holds no items is named in `ignored`."""
    try:
        body = _decode_body(raw)
    except (ValueError, RecursionError):
        yield from _items_by_hand(readable_json(raw), ignored)
        return
    if body.object != "whatsapp_business_account":
        ignored.append(f"another object: {clean_line(body.object)}")
        return
    for entry in body.entry:
        for change in entry.changes:
            try:
                value = _decode_value(change.value)
            except (ValueError, RecursionError):
                yield from _change_by_hand(
                    change.field, _value_by_hand(bytes(change.value)), ignored
                )
                continue
            yield from _items_of(change.field, value, ignored)


def _items_of(field: str, value: Value, ignored: list[str]) -> Iterator[_Item]:
    contacts, found = value.contacts or (), False
    for kind in _LISTS:
        for raw in getattr(value, kind) or ():
            found = True
            yield _Item(kind, bytes(raw), field, value.metadata, contacts)
    if not found:
        ignored.append(f"of no interest: {clean_line(field) or 'a change without items'}")


def _items_by_hand(body: Any, ignored: list[str]) -> Iterator[_Item]:
    """A body that is not typed as it should be: level by level, leaving out what is not a list or an object."""
    if not isinstance(body, dict) or body.get("object") != "whatsapp_business_account":
        ignored.append("another object: not a WhatsApp body")
        return
    for entry in _each(body.get("entry"), ignored, "entry"):
        for change in _each(entry.get("changes"), ignored, "change"):
            field = change.get("field")
            yield from _change_by_hand(
                field if isinstance(field, str) else "", change.get("value"), ignored
            )


def _value_by_hand(raw: bytes) -> Any:
    try:
        return readable_json(raw)
    except NotJson:
        return None


def _change_by_hand(field: str, value: Any, ignored: list[str]) -> Iterator[_Item]:
    if not isinstance(value, dict):
        ignored.append(f"broken change: {clean_line(field)}")
        return
    metadata = _as(Metadata, value.get("metadata"))
    people = value.get("contacts")
    contacts = (
        tuple(each for told in people if (each := _as(Contact, told)) is not None)
        if isinstance(people, list)
        else ()
    )
    found = False
    for kind in _LISTS:
        told = value.get(kind)
        for item in told if isinstance(told, list) else ():
            found = True
            yield _Item(kind, _encode(item), field, metadata, contacts)
    if not found:
        ignored.append(f"of no interest: {clean_line(field) or 'a change without items'}")


def _each(told: Any, ignored: list[str], what: str) -> Iterator[dict[str, Any]]:
    for each in told if isinstance(told, list) else [told]:
        if isinstance(each, dict):
            yield each
        else:
            ignored.append(f"broken {what}: not an object")


def _as(kind: type[T], told: Any) -> T | None:
    try:
        return msgspec.convert(told, kind)
    except msgspec.ValidationError:
        return None


def _cut_out(item: _Item) -> bytes:
    """A body with this item alone."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": item.metadata,
        "contacts": item.contacts,
        item.kind: [msgspec.Raw(item.raw)],
    }
    entry = {"changes": [{"field": item.field, "value": value}]}
    return _encode({"object": "whatsapp_business_account", "entry": [entry]})


# Reading an item


def _read(account: Account, item: _Item, place: int, received_at: datetime) -> _Outcome:
    number = str(item.metadata.phone_number_id) if item.metadata is not None else ""
    if number != account["phone_number_id"] and not (not number and item.kind in _WITHOUT_NUMBER):
        return _Outcome(ignored=f"another number: {clean_line(number) or 'none named'}")
    if item.kind == "errors":
        # About the number as a whole (Meta, "errors" in value): nobody's message.
        return _Outcome(
            ignored=f"an error of the account: {item.raw[:200].decode(errors='replace')}"
        )
    reading = Reading("", received_at, account, item.contacts, place)
    try:
        return _Outcome(_typed(item.kind, item.raw, reading))
    except OfNoInterest as why:
        return _Outcome(ignored=str(why))
    except Nobody:
        return _Outcome(unreadable(_cut_out(item), received_at))
    except (ValueError, RecursionError):
        return _with_care(item, reading)


_WITHOUT_NUMBER: Final = frozenset({"user_id_update", "user_preferences"})
"""Of the whole business account; sent to each of its numbers' webhooks, or to the one that there is."""


def _with_care(item: _Item, reading: Reading) -> _Outcome:
    """Slow and rare: perhaps only the bytes are odd (NUL, a lone surrogate); or else what can be saved is."""
    told = mended(item.raw)
    try:
        return _Outcome(_typed(item.kind, _encode(told), reading))
    except OfNoInterest as why:
        return _Outcome(ignored=str(why))
    except (Nobody, ValueError, RecursionError):
        pass
    if isinstance(told, dict) and item.kind in {"messages", "message_echoes"}:
        event = rescued(
            told, reading._replace(key=_key(told.get("id"), item.raw)), echo=item.kind != "messages"
        )
        if event is not None:
            return _Outcome(event)
    return _Outcome(unreadable(_cut_out(item), reading.received_at))


def _typed(kind: str, raw: bytes, reading: Reading) -> Event:
    """Raises Nobody, OfNoInterest, ValueError."""
    return _READERS[kind](raw, reading)


def _read_message(raw: bytes, reading: Reading) -> Event:
    message = _decode_message(raw)
    return written(message, reading._replace(key=_key(message.id, raw)))


def _read_echo(raw: bytes, reading: Reading) -> Event:
    message = _decode_message(raw)
    return echoed(message, reading._replace(key=_key(message.id, raw)))


def _read_status(raw: bytes, reading: Reading) -> Event:
    status = _decode_status(raw)
    return reported(status, reading._replace(key=key_of(status)))


def _read_id_update(raw: bytes, reading: Reading) -> Event:
    return id_changed(_decode_id_update(raw), reading._replace(key=_key(None, raw)))


def _read_preference(raw: bytes, reading: Reading) -> Event:
    return preference_changed(_decode_preference(raw), reading._replace(key=_key(None, raw)))


_READERS: Final[dict[str, Callable[[bytes, Reading], Event]]] = {
    "messages": _read_message,
    "message_echoes": _read_echo,
    "statuses": _read_status,
    "user_id_update": _read_id_update,
    "user_preferences": _read_preference,
}


def _key(given: Any, raw: bytes) -> str:
    known = clean_line(given, limit=600) if isinstance(given, str) else ""
    return known or f"sha256:{sha256(raw).hexdigest()}"
