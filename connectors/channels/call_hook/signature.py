"""`Allo-Signature: t=1795292945,v1=5257a869…`: v1 is the hexadecimal HMAC-SHA256, with the secret, of `t`, a dot, and the body.

`t` is when it was signed, in seconds since 1970: what is older than WINDOW, or that much from the future, is refused, so
that a request somebody copied cannot be played again later. (Within the window it changes nothing: a report's key is known.)
Several v1 may stand there, as long as a secret is being changed; one that fits is enough.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

from connectors.connector import Account, Request
from connectors.errors import Unverified

HEADER: Final = "Allo-Signature"
WINDOW: Final = timedelta(minutes=5)

_MOST_SIGNATURES: Final = 8
_LONGEST_HEADER: Final = 2048


def sign(secret: str, body: bytes, *, at: datetime) -> str:
    """The header's value; with the first of several secrets."""
    moment = str(int(at.timestamp()))
    return f"t={moment},v1={_mac(secret.split(maxsplit=1)[0], moment, body)}"


def prove_origin(account: Account, request: Request) -> None:
    """Raises Unverified."""
    secrets = account["secret"].split()
    if not secrets:
        raise Unverified("the account has no secret", missing=True)
    header = request.headers.get(HEADER)
    if not header:
        raise Unverified(f"no {HEADER}", missing=True)
    if len(header) > _LONGEST_HEADER:
        raise Unverified(f"an endless {HEADER}")
    parts = [part.strip().partition("=") for part in header.split(",")]
    moment = next((value for name, _, value in parts if name == "t"), "")
    given = [value for name, _, value in parts if name == "v1"][:_MOST_SIGNATURES]
    if not (moment.isascii() and moment.isdecimal() and len(moment) < 12):
        raise Unverified(f"no moment in {HEADER}")
    # As bytes: compare_digest raises TypeError on a str that is not ASCII, and a forger may send one.
    fits = [
        hmac.compare_digest(
            _mac(secret, moment, request.body).encode(), each.encode(errors="surrogateescape")
        )
        for secret in secrets
        for each in given
    ]
    if not any(fits):
        raise Unverified(f"a wrong {HEADER}")
    if abs(request.received_at.timestamp() - int(moment)) > WINDOW.total_seconds():
        raise Unverified("signed too long ago, or by a clock that is wrong")


def _mac(secret: str, moment: str, body: bytes) -> str:
    signed = moment.encode() + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
