"""Events → Allo's words: what VK pushes by Callback API, or hands out by Bots Long Poll; the same objects either way.

https://dev.vk.com/ru/api/callback/getting-started. There is no signature: the body repeats the `secret` that the owner
set for the server, and the community's number. VK takes exactly `ok` for an answer, of an event of any kind; what is
answered otherwise comes again (X-Retry-Counter says how often), and after several errors VK stops sending for a while.
So whatever is proved is taken: an event that cannot be read is kept as it came, and only what is none is refused.

The key is the envelope's `event_id`: "if it passed twice or more, ignore it". A message that comes twice under two of
them (Callback API and Long Poll at once) is known by its number.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, NamedTuple

import msgspec

from connectors.channels.vk import forms
from connectors.channels.vk.dialect import Envelope, LeadForm, Message, MessageNew, Notice, Order
from connectors.channels.vk.leniency import T, as_far_as_it_goes, readable_json
from connectors.channels.vk.messages import Reading, edited, written
from connectors.channels.vk.notices import LINES, read_notice
from connectors.channels.vk.people import community_of
from connectors.connector import Account, Answer, Incoming, Received, Request
from connectors.errors import Malformed, Unverified
from router.clean_text import clean_line
from router.message import Event

OK: Final = Answer(body=b"ok")
CONFIRMATION: Final = "confirmation"

EVENTS: Final = (
    "message_new",
    "message_reply",
    "message_edit",
    "message_allow",
    "message_deny",
    "message_event",
    "message_read",
    "message_reaction_event",
    "group_join",
    "group_leave",
    "user_block",
    "user_unblock",
    "lead_forms_new",
    "market_order_new",
)
"""What Allo asks VK for, by the names of groups.setCallbackSettings and groups.setLongPollSettings."""

OF_NO_INTEREST: Final = {
    "message_typing_state": "somebody is typing",
    "like": "a like",
    "audio": "the community's own pages",
    "video": "the community's own pages",
    "photo": "the community's own pages",
    "wall": "a public post or comment, answered in VK",
    "board": "a public discussion, answered in VK",
    "market": "a public comment, or a change of an order",
    "poll": "a vote",
    "group": "the community's settings",
    "donut": "a subscription",
    "vkpay": "a payment",
    "app": "a mini app's own event",
    "requests": "a request to join",
}
"""By what the type begins with: VK has some seventy types of events, and adds some every year."""

KEY_LIMIT: Final = 128

_envelope: Final = msgspec.json.Decoder(Envelope).decode
_decode_message: Final = msgspec.json.Decoder(Message).decode
_wrapped: Final = msgspec.json.Decoder(MessageNew).decode
_lead_form: Final = msgspec.json.Decoder(LeadForm).decode
_order_told: Final = msgspec.json.Decoder(Order).decode
_notice: Final = msgspec.json.Decoder(Notice).decode


class Read(NamedTuple):
    """An event, or else why it is of no interest."""

    event: Event | None = None
    ignored: str = ""


def receive(account: Account, request: Request) -> Received:
    """One event per request. Raises Unverified before the event itself is read, Malformed."""
    envelope = open_envelope(request.body)
    prove_origin(account, envelope)
    if envelope.type == CONFIRMATION:
        return _confirm(account)
    read = read_event(account, envelope, request.received_at)
    return _received(read, without_secret(envelope, request.body))


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """The event in `raw`, from the one way or the other. Raises Malformed."""
    return _received(read_event(account, open_envelope(raw), received_at), raw)


def _received(read: Read, raw: bytes) -> Received:
    if read.event is None:
        return Received(ignored=(read.ignored,), answer=OK)
    return Received(incoming=(Incoming(event=read.event, raw=raw),), answer=OK)


def open_envelope(body: bytes) -> Envelope:
    """Raises Malformed when the body is no event at all: not a JSON object with a `type`."""
    try:
        envelope = _envelope(body)
    except (ValueError, RecursionError):
        # Oddly typed, or not quite JSON: slow, rare, and careful.
        envelope = _open_by_hand(body)
    if not envelope.type:
        raise Malformed("not an event: a JSON object with a type")
    return envelope


def _open_by_hand(body: bytes) -> Envelope:
    told = readable_json(body)
    if not isinstance(told, dict) or not isinstance(told.get("type"), str):
        raise Malformed("not an event: a JSON object with a type")
    try:
        content = msgspec.Raw(msgspec.json.encode(told.pop("object", None)))
    except (ValueError, RecursionError) as error:
        raise Malformed("not an event: its object is beyond reading") from error
    envelope = as_far_as_it_goes(Envelope, told)
    return msgspec.structs.replace(envelope, object=content)


def prove_origin(account: Account, envelope: Envelope) -> None:
    """The community's number, and the secret; a confirmation comes without one while the server is being set up."""
    if not community_of(account):
        raise Unverified("the account has no group_id", missing=True)
    if envelope.group_id != community_of(account):
        raise Unverified("another community's event")
    expected = account["secret"]
    if envelope.secret is None:
        if envelope.type != CONFIRMATION:
            raise Unverified("no secret", missing=True)
    elif not expected and envelope.type != CONFIRMATION:
        raise Unverified("the account has no secret", missing=True)
    elif expected and not compare_digest(_bytes(envelope.secret), _bytes(expected)):
        raise Unverified("a wrong secret")


def _bytes(text: str) -> bytes:
    """compare_digest raises TypeError on a str that is not ASCII, and a forger may send one."""
    return text.encode(errors="surrogatepass")


def _confirm(account: Account) -> Received:
    code = account["confirmation"].strip()
    if not code:
        raise Malformed("VK asks for the confirmation code, and the account has none")
    return Received(ignored=("confirmation: answered",), answer=Answer(body=code.encode()))


def without_secret(envelope: Envelope, body: bytes) -> bytes:
    """The event as it is kept: what proved its origin is a credential, and those are kept sealed."""
    if envelope.secret is None:
        return body
    return msgspec.json.encode(msgspec.structs.replace(envelope, secret=None))


def read_event(account: Account, envelope: Envelope, received_at: datetime) -> Read:
    reading = Reading(
        key=_key(envelope),
        type=envelope.type,
        received_at=received_at,
        community=community_of(account),
    )
    reader = _READERS.get(envelope.type)
    if reader is None:
        return Read(ignored=_no_interest(envelope.type))
    read = reader(envelope, reading, account)
    return Read(ignored=read) if isinstance(read, str) else Read(event=read)


def _key(envelope: Envelope) -> str:
    """Before 5.103 there is no `event_id`: then the event is what it says."""
    told = clean_line(envelope.event_id or "", limit=KEY_LIMIT + 1)
    if told and len(told) <= KEY_LIMIT:
        return told
    said = sha256(f"{envelope.type}:{envelope.group_id}:{told}:".encode())
    said.update(bytes(envelope.object))
    return f"sha256:{said.hexdigest()[:40]}"


def _no_interest(name: str) -> str:
    """The type stands before the colon, and is a label of a metric: only those that VK has may be one."""
    begins = name.partition("_")[0]
    if begins in OF_NO_INTEREST:
        return f"{begins}: {OF_NO_INTEREST[begins]} ({clean_line(name, limit=64)})"
    if name in OF_NO_INTEREST:
        return f"{name}: {OF_NO_INTEREST[name]}"
    return f"unknown type: {clean_line(name, limit=64)}"


def _read(decode: Callable[[msgspec.Raw], T], kind: type[T], content: msgspec.Raw) -> T:
    try:
        return decode(content)
    except (ValueError, RecursionError):
        try:
            return as_far_as_it_goes(kind, readable_json(bytes(content)))
        except Malformed:
            return kind()


def _message(content: msgspec.Raw) -> Message:
    """message_new wraps it since 5.103; message_reply, message_edit and older ones are the message."""
    wrapped = _read(_wrapped, MessageNew, content).message
    return _read(_decode_message, Message, content if bytes(wrapped) == b"null" else wrapped)


def _written(envelope: Envelope, reading: Reading, account: Account) -> Event:
    return written(_message(envelope.object), reading)


def _edited(envelope: Envelope, reading: Reading, account: Account) -> Event:
    return edited(_message(envelope.object), reading)


def _noticed(envelope: Envelope, reading: Reading, account: Account) -> Event | str:
    return read_notice(_read(_notice, Notice, envelope.object), reading)


def _lead(envelope: Envelope, reading: Reading, account: Account) -> Event:
    form = _read(_lead_form, LeadForm, envelope.object)
    return forms.lead(form, reading, region=account.region)


def _order(envelope: Envelope, reading: Reading, account: Account) -> Event:
    told = _read(_order_told, Order, envelope.object)
    return forms.order(told, reading, region=account.region)


_READERS: Final[dict[str, Callable[[Envelope, Reading, Account], Any]]] = {
    "message_new": _written,
    "message_reply": _written,
    "message_edit": _edited,
    # So it is called in the official schema, and nowhere else.
    "messages_edit": _edited,
    "message_event": _noticed,
    "message_reaction_event": _noticed,
    "message_read": _noticed,
    "lead_forms_new": _lead,
    "market_order_new": _order,
    **dict.fromkeys(LINES, _noticed),
}
