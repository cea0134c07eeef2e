"""What a Mailgun route forwards (Mailgun, "Receive HTTP": fields of a forwarded message)."""

import json
from typing import Any

from connectors.channels.email.charsets import decode
from connectors.channels.email.envelope import Envelope
from connectors.channels.email.hooks.forms import Form, FormField
from connectors.channels.email.hooks.rebuilt import Attached, rebuilt
from connectors.errors import Malformed


def mailgun_mail(form: Form) -> tuple[bytes, Envelope]:
    """The mail and its envelope. Raises Malformed."""
    sender = form.field("sender")
    envelope = Envelope(
        form.text("sender").strip() if sender else None,
        tuple(each.strip() for each in form.text("recipient").split(",") if each.strip()),
    )
    whole = form.bytes("body-mime")
    if whole:
        return whole, envelope
    if form.field("from") is None and form.field("message-headers") is None:
        raise Malformed("neither body-mime nor the fields of a message")
    cids = _cids(form)
    return (
        rebuilt(
            _headers(form),
            text=form.text("body-plain"),
            html=form.text("body-html"),
            files=[_attached(each, cids) for each in form.files()],
        ),
        envelope,
    )


def _headers(form: Form) -> list[tuple[str, str]]:
    told = _json(form, "message-headers")
    if isinstance(told, list):
        pairs = [each for each in told if isinstance(each, list) and len(each) == 2]
        if pairs:
            return [(str(name), str(value)) for name, value in pairs]
    # As single fields the headers come too, under the names that the mail gave them.
    names = ("Message-Id", "From", "To", "Cc", "Subject", "Date", "In-Reply-To", "References")
    lower = {each.name.lower(): each for each in reversed(form.fields)}
    return [(name, decode(lower[name.lower()].content)) for name in names if name.lower() in lower]


def _cids(form: Form) -> dict[str, str]:
    """`{"<image001>": "attachment-1"}` → the field's name: the Content-ID."""
    told = _json(form, "content-id-map")
    if not isinstance(told, dict):
        return {}
    return {str(field): str(cid).strip("<>") for cid, field in told.items()}


def _attached(field: FormField, cids: dict[str, str]) -> Attached:
    return Attached(
        name=field.filename,
        mime=field.mime,
        content=field.content,
        cid=cids.get(field.name, ""),
    )


def _json(form: Form, name: str) -> Any:
    try:
        return json.loads(form.bytes(name) or b"null")
    except (ValueError, RecursionError):
        return None
