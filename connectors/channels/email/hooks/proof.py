"""Whether a request comes from the provider. All comparisons take the same time whatever is wrong."""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectors.channels.email.hooks.forms import Form
from connectors.connector import Request
from connectors.errors import Unverified

MAILGUN_FRESH: Final = timedelta(hours=9)
"""How old a Mailgun signature may be.

Others allow two minutes (Rails' Action Mailbox). Mailgun repeats a request for eight hours, and whether it signs it anew
is documented nowhere: after an outage of ours two minutes might cost every mail that came meanwhile. What the limit is
for, a captured signature used again, takes somebody who reads our TLS; the same mail again is known by its key.
"""
FRESH: Final = timedelta(minutes=5)


def prove_by_password(password: str, request: Request) -> None:
    """HTTP basic authentication; whatever the user is called. Raises Unverified."""
    if not password:
        raise Unverified(
            "neither hook_signing_key nor hook_password is set: nobody could prove themselves",
            missing=True,
        )
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Unverified("no password", missing=True)
    try:
        _, _, given = base64.b64decode(sent, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        given = b""
    if not hmac.compare_digest(given, password.encode()):
        raise Unverified("a wrong password")


def prove_by_mailgun(key: str, form: Form, request: Request) -> None:
    """Hexadecimal HMAC-SHA256 of timestamp and token (Mailgun, "Receiving HTTP payload"). Raises Unverified.

    The body is not signed; TLS alone protects it.
    """
    timestamp, token, signature = (form.text(name) for name in ("timestamp", "token", "signature"))
    if not signature:
        raise Unverified("no signature", missing=True)
    _equal(_hmac(key, f"{timestamp}{token}".encode("utf-8", "replace")), signature)
    _fresh(timestamp, request, MAILGUN_FRESH)


def prove_by_hmac(key: str, request: Request) -> None:
    """Our own: X-Allo-Signature is the hexadecimal HMAC-SHA256 of `{X-Allo-Timestamp}.{body}`. Raises Unverified."""
    timestamp = request.headers.get("X-Allo-Timestamp", "")
    signature = request.headers.get("X-Allo-Signature", "")
    if not signature:
        raise Unverified("no X-Allo-Signature", missing=True)
    _equal(_hmac(key, timestamp.encode("utf-8", "replace") + b"." + request.body), signature)
    _fresh(timestamp, request, FRESH)


def prove_by_ecdsa(key: str, request: Request) -> None:
    """SendGrid's: ECDSA over timestamp and body, the key in base64 as its console shows it. Raises Unverified.

    Requests are repeated for three days; the signature covers the body, so its age proves nothing more.
    """
    timestamp = request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", "")
    signature = request.headers.get("X-Twilio-Email-Event-Webhook-Signature", "")
    if not signature:
        raise Unverified("no X-Twilio-Email-Event-Webhook-Signature", missing=True)
    try:
        public = load_der_public_key(base64.b64decode("".join(key.split()), validate=True))
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise Unverified("hook_signing_key is no ECDSA public key")
        public.verify(
            base64.b64decode(signature, validate=True),
            timestamp.encode("utf-8", "replace") + request.body,
            ec.ECDSA(SHA256()),
        )
    except InvalidSignature as error:
        raise Unverified("a wrong signature") from error
    except ValueError as error:
        raise Unverified("the key or the signature is not what SendGrid gives") from error


def _hmac(key: str, said: bytes) -> str:
    return hmac.new(key.encode(), said, hashlib.sha256).hexdigest()


def _equal(ours: str, theirs: str) -> None:
    if not hmac.compare_digest(ours.encode(), theirs.strip().lower().encode("utf-8", "replace")):
        raise Unverified("a wrong signature")


def _fresh(timestamp: str, request: Request, limit: timedelta) -> None:
    try:
        moment = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unverified("the timestamp is no number of seconds") from error
    if abs(request.received_at - moment) > limit:
        raise Unverified("a stale signature")
