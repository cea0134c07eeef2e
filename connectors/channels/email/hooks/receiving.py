"""`/hooks/email/{slug}/…`: mail that a provider received for us, or that a script hands over.

| path | who posts | what |
|---|---|---|
| `mailgun` | a Mailgun route, `forward(…)` | fields, and files |
| `mailgun/mime` | the same, of an address that ends in `mime`: to be preferred | the mail itself in `body-mime` |
| `sendgrid` | SendGrid Inbound Parse | fields and files; with "POST the raw, full MIME message" the mail itself |
| `raw` | anybody with the key: `curl --fail --data-binary @-` | the mail itself; `?from=…&to=…` is its envelope |

Do they come again when we could not keep it (`Connector.comes_again`)? Mailgun does after anything but 200 and 406, for
eight hours; SendGrid after 5xx, for three days, and we answer 503; who hands over raw mail does it from a queue, and keeps
it until we answer 2xx (`curl --fail` out of Postfix's pipe with status 75). So they all do. SendGrid gives up at once on a 4xx, which we
answer only to what is not from SendGrid, or no mail.
"""

from typing import Final

from connectors.channels.email.envelope import Envelope, in_envelope
from connectors.channels.email.events import understand
from connectors.channels.email.hooks.forms import form_of
from connectors.channels.email.hooks.mailgun import mailgun_mail
from connectors.channels.email.hooks.proof import (
    prove_by_ecdsa,
    prove_by_hmac,
    prove_by_mailgun,
    prove_by_password,
)
from connectors.channels.email.hooks.sendgrid import sendgrid_mail
from connectors.connector import Account, Incoming, Received, Request
from connectors.email_addresses import normalise
from connectors.errors import Malformed, Unverified

BODY: Final = 64 * 1024 * 1024
"""Bytes. SendGrid posts up to 30 MB, Mailgun 25, base64 and the form's own encoding come on top."""


def receive(account: Account, request: Request) -> Received:
    """Raises a ReceiveError."""
    if account["mode"] != "hook":
        raise Unverified("the account does not take mail by hook: set mode=hook", missing=True)
    if request.method != "POST":
        raise Malformed("mail is posted")
    raw, envelope = _mail(account, request)
    if not raw.strip():
        raise Malformed("an empty mail")
    kept = in_envelope(
        raw,
        sender=envelope.sender,
        recipients=envelope.recipients,
        checked=envelope.checked,
    )
    understood = understand(
        raw,
        account=account,
        received_at=request.received_at,
        recipients=envelope.recipients,
        envelope_from=envelope.sender,
        checked=envelope.checked,
    )
    if understood.event is None:
        return Received(ignored=(understood.ignored,))
    return Received(incoming=(Incoming(event=understood.event, raw=kept),))


def _mail(account: Account, request: Request) -> tuple[bytes, Envelope]:
    key, password = account["hook_signing_key"], account["hook_password"]
    if not key:
        # Without a key to check signatures by, the address itself carries the proof: https://allo:password@…
        prove_by_password(password, request)
    match request.path.strip("/").lower():
        case "mailgun" | "mailgun/mime":
            form = form_of(request)
            if key:
                prove_by_mailgun(key, form, request)
            return mailgun_mail(form)
        case "sendgrid":
            if key:
                prove_by_ecdsa(key, request)
            return sendgrid_mail(form_of(request))
        case "raw":
            if key:
                prove_by_hmac(key, request)
            return request.body, _told(request)
        case _:
            # Whoever asks is told nothing before they proved themselves; here nothing is proved.
            raise Unverified("no such provider: mailgun, mailgun/mime, sendgrid or raw")


def _told(request: Request) -> Envelope:
    recipients = request.query.get("to", "").split(",")
    return Envelope(
        request.query.get("from"), tuple(each.strip() for each in recipients if normalise(each))
    )
