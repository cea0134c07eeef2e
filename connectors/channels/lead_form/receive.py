"""A request → enquiries: whether it may come in, what it says, who wrote it.

Who wrote it nobody proves: a phone or an address typed into a form is claimed, whatever builder brings it. So the sender gets
an identity of the form's own kind (`lead_form`, by the phone, else by the address), as an unproved mail does: the same
person filling in again is the same provisional contact with one open lead, and never touches the proved owner of the
number; the claims beside it let a manager be asked whether the two are one.

Redelivery. Where a builder names the submission (Tilda's `tranid`), that is its key. Where it does not, the key is what was
said and the ten minutes it was said in: a double click, or a builder that asks again, is one enquiry; the same words an
hour later are another one, for the customer is still waiting. Two that a boundary of the ten minutes separates become two
messages in one conversation, with one lead.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final

import msgspec
from msgspec import Struct

from connectors.channels.lead_form import answers, body as body_, traps
from connectors.channels.lead_form.fields import Filled, flat
from connectors.channels.lead_form.roles import BadMap, Recognised, Role, read_map, recognise
from connectors.channels.lead_form.service import (
    FORM_NAMES,
    TRANSACTIONS,
    Sorted,
    sort_out,
    without_secrets,
)
from connectors.channels.lead_form.sources import source_of
from connectors.connector import Account, Incoming, Received, Request
from connectors.email_addresses import normalise
from connectors.errors import Malformed, Unverified
from connectors.page_origins import NotAnOrigin
from connectors.page_sources import LONGEST, LONGEST_URL
from connectors.phone_numbers import e164, phone_key
from router.clean_text import clean_line, clean_text
from router.message import Chat, InboundMessage, Key, Sender

KIND: Final = "lead_form"
SAME_WITHIN: Final = timedelta(minutes=10)
LONGEST_TEXT: Final = 20_000
SHOWN: Final = 100
"""Fields kept of one submission."""


def receive(account: Account, request: Request) -> Received:
    """Raises Unverified, Malformed."""
    _verify(account, request)
    if request.method == "GET":
        # A builder looks whether somebody is there, or a person opens the address in a browser.
        return Received(answer=answers.here())
    body = body_.read(request)
    incoming: dict[str, Incoming] = {}
    ignored = [f"file: {each}" for each in body.files]
    for submission in body.submissions:
        kept = _Kept(
            told=without_secrets(submission),
            files=tuple(body.files),
            query={name: value for name, value in request.query.items() if len(value) <= LONGEST},
            referrer=request.headers.get("Referer", "")[:LONGEST_URL],
        )
        event = _enquiry(submission, kept, account, request.received_at)
        if isinstance(event, str):
            ignored.append(event)
        elif event.key in incoming:
            ignored.append("repeated: the same in one body")
        else:
            incoming[event.key] = Incoming(event=event, raw=msgspec.json.encode(kept))
    if not incoming and all(each.startswith(("file", "empty")) for each in ignored):
        raise Malformed("no field of a form could be read")
    return Received(
        incoming=tuple(incoming.values()),
        ignored=tuple(ignored),
        answer=answers.thanks(account, request, next_page=_next_page(body.submissions)),
    )


class _Kept(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a submission, for a parser mended later: without its files, and without what must not be kept."""

    told: Any
    files: tuple[str, ...] = ()
    query: dict[str, str] = {}
    referrer: str = ""


def reread(account: Account, raw: bytes, received_at: datetime) -> Received | None:
    try:
        kept = msgspec.json.decode(raw, type=_Kept)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    event = _enquiry(kept.told, kept, account, received_at)
    if isinstance(event, str):
        return Received(ignored=(event,))
    return Received(incoming=(Incoming(event=event, raw=raw),))


def _next_page(submissions: Sequence[Any]) -> str:
    told = submissions[0] if submissions else None
    page = told.get("_next") if isinstance(told, dict) else None
    return page if isinstance(page, str) else ""


def _verify(account: Account, request: Request) -> None:
    """Raises Unverified."""
    secret, given = account["path_secret"], request.path.strip("/")
    if not secret:
        raise Unverified("the account has no path_secret", missing=True)
    if not given:
        raise Unverified("no secret behind the account's name in the address", missing=True)
    if not compare_digest(
        given.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass")
    ):
        raise Unverified("a wrong secret in the address")
    origin = request.headers.get("Origin", "")
    # A builder's server names no origin; a page's browser always does when it posts.
    if origin:
        try:
            allowed = answers.admits(account, origin)
        except (NotAnOrigin, UnicodeError) as error:
            raise Unverified("allowed_origins cannot be read") from error
        if not allowed:
            raise Unverified(f"allowed_origins does not name {clean_line(origin, limit=200)}")


def _mapped(account: Account) -> dict[str, Role]:
    try:
        return read_map(account["field_map"])
    except BadMap:
        return {}  # `check` says so; a form must not be lost for it


def _enquiry(
    submission: Any, kept: _Kept, account: Account, received_at: datetime
) -> InboundMessage | str:
    """The event, or why there is none."""
    fields = sort_out(flat(submission), traps=traps.names(account))
    if why := traps.sprung(account, fields.service):
        return why
    said = recognise(fields.said, mapped=_mapped(account), region=account.region)
    if not (said.phone or said.email or said.name or said.comment or said.others):
        if "test" in fields.service:
            return "test: a builder tries the address"
        return "empty: no field that a visitor fills in"
    phone = phone_key(said.phone, region=account.region, how="typed into a form")
    email = normalise(said.email)
    who = _who(said, phone, email, account) or _digest(fields, said)
    key = _key(fields, who, said, received_at)
    claims = [phone] if phone else []
    if email:
        written = clean_line(said.email, limit=254)
        claims.append(
            Key(
                kind="email",
                value=email,
                proof="claimed",
                display=written if written != email else "",
                how="typed into a form",
            )
        )
    own = Key(kind=KIND, value=who, how="the same contact in a form again")
    return InboundMessage(
        key=key,
        external_id=key,
        chat=Chat(id=who, title=clean_line(said.name)),
        at=received_at,
        sender=Sender(keys=(own, *claims), name=clean_line(said.name)),
        kind="form",
        text=_text(said),
        source=source_of(fields.service, query=kept.query, referrer=kept.referrer, now=received_at),
        details=_details(fields, said, kept.files),
    )


def _who(said: Recognised, phone: Key | None, email: str, account: Account) -> str:
    """One person, one spelling: the phone, else the address; "" when neither was given."""
    if phone is not None:
        return phone.value
    if email:
        return email
    # Not dialable, or a company's: still the same when it is typed again.
    digits = "".join(char for char in said.phone if char.isdecimal())
    return e164(said.phone, region=account.region) or (digits if len(digits) >= 5 else "")


def _key(fields: Sorted, who: str, said: Recognised, at: datetime) -> str:
    by_name = {name.rpartition(".")[2]: value for name, value in fields.service.items()}
    for name in sorted(TRANSACTIONS):
        if named := by_name.get(name):
            # With whose it is: a page that names all its forms alike must cost nobody their enquiry.
            return f"{name}:{clean_line(named, limit=200)}:{who}"
    window = int(at.timestamp() // SAME_WITHIN.total_seconds())
    return f"{who}:{_digest(fields, said)}:{window}"


def _digest(fields: Sorted, said: Recognised) -> str:
    words = [said.name, said.phone, said.email, said.comment]
    words += [f"{each.shown}={each.value}" for each in said.others]
    words += [value for name, value in fields.service.items() if name.endswith(("id", "page"))]
    return hashlib.sha256("\x00".join(words).encode("utf-8", "replace")).hexdigest()[:32]


def _text(said: Recognised) -> str:
    """What a manager reads: the visitor's words, then the answers; name, phone and address when there is nothing else."""
    lines = [said.comment] if said.comment else []
    lines += [_line(each) for each in said.others[:SHOWN]]
    if not lines:
        lines = [each for each in (said.name, said.phone, said.email) if each]
    return clean_text("\n".join(lines), limit=LONGEST_TEXT)


def _line(each: Filled) -> str:
    return f"{each.shown}: {each.value}" if each.shown else each.value


def _details(fields: Sorted, said: Recognised, files: Sequence[str]) -> dict[str, Any]:
    typed = {
        name: clean_line(value, limit=300)
        for name in ("name", "phone", "email")
        if (value := getattr(said, name))
    }
    form = next(
        (
            value
            for name, value in fields.service.items()
            if name in FORM_NAMES or name.rpartition(".")[2] in FORM_NAMES
        ),
        "",
    )
    details: dict[str, Any] = {
        "form": typed,
        "form_name": clean_line(form, limit=200),
        "answers": [
            {"label": each.shown, "value": each.value[:1000]} for each in said.others[:SHOWN]
        ],
        "consents": [each.shown for each in fields.consents],
        "files_not_taken": list(files),
        "struck_out": fields.struck,
    }
    return {name: value for name, value in details.items() if value}
