"""What SendGrid's Inbound Parse posts (Twilio SendGrid, "Setting up the Inbound Parse webhook").

Fields are in the charsets that `charsets` names. What SendGrid found about DKIM and SPF comes as fields of its own, which no
sender can write; so it proves the sender, once the request has proved itself.
"""

import json
import re
from typing import Any

from connectors.channels.email.charsets import decode
from connectors.channels.email.envelope import Envelope
from connectors.channels.email.headers import read_headers
from connectors.channels.email.hooks.forms import Form
from connectors.channels.email.hooks.rebuilt import Attached, rebuilt
from connectors.email_addresses import domain_of
from connectors.errors import Malformed

_SIGNED = re.compile(r"@([A-Za-z0-9.-]{1,253})\s{0,5}:\s{0,5}pass\b", re.IGNORECASE)


def sendgrid_mail(form: Form) -> tuple[bytes, Envelope]:
    """The mail and its envelope. Raises Malformed."""
    told = _object(form, "envelope")
    recipients, sender = told.get("to"), told.get("from")
    envelope = Envelope(
        sender if isinstance(sender, str) else None,
        tuple(each for each in recipients if isinstance(each, str))
        if isinstance(recipients, list)
        else (),
        _checked(form, sender if isinstance(sender, str) else ""),
    )
    whole = form.bytes("email")
    if whole:
        return whole, envelope
    if form.field("from") is None and form.field("headers") is None:
        raise Malformed("neither email nor the fields of a message")
    charsets = {name: str(value) for name, value in _object(form, "charsets").items()}
    about = _object(form, "attachment-info")
    files = [
        Attached(
            name=each.filename,
            mime=each.mime,
            content=each.content,
            cid=_cid(about.get(each.name)),
        )
        for each in form.files()
    ]
    return (
        rebuilt(
            _headers(form, charsets),
            text=form.text("text", charsets.get("text", "")),
            html=form.text("html", charsets.get("html", "")),
            files=files,
        ),
        envelope,
    )


def _headers(form: Form, charsets: dict[str, str]) -> list[tuple[str, str]]:
    block = form.bytes("headers")
    headers, _ = read_headers(block, 0, len(block))
    if headers.fields:
        return [(name, decode(value)) for name, value in headers.fields]
    return [
        (name, form.text(name, charsets.get(name, "")))
        for name in ("from", "to", "cc", "subject")
        if form.field(name)
    ]


def _checked(form: Form, sender: str) -> str:
    """As an Authentication-Results field says it: `dkim=pass header.d=example.org; spf=pass smtp.mailfrom=…`."""
    found = [f"dkim=pass header.d={domain}" for domain in _SIGNED.findall(form.text("dkim"))[:10]]
    domain = domain_of(sender)
    if form.text("SPF").strip().lower() == "pass" and re.fullmatch(r"[a-z0-9.-]{1,253}", domain):
        found.append(f"spf=pass smtp.mailfrom={domain}")
    return "; ".join(found) or "none"


def _cid(about: Any) -> str:
    return str(about.get("content-id", "")).strip("<>") if isinstance(about, dict) else ""


def _object(form: Form, name: str) -> dict[str, Any]:
    try:
        told = json.loads(form.bytes(name) or b"null")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
