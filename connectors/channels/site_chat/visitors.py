"""Who writes in the chat: a visitor, known by a token that Allo signs and the shop's own page keeps.

The token is the visitor's account: whoever holds it reads the conversation. So it travels in the Authorization header
and never in a URL, is bound to one channel account, and a log-out on the site (`reset`) gives a new one.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct, field

from connectors.errors import Unverified
from router.message import Key

VERSION: Final = 1
LIFETIME: Final = timedelta(days=400)
"""What browsers keep a cookie at most (RFC 6265bis, 5.6.1)."""
RENEW_AFTER: Final = timedelta(days=30)
LONGEST: Final = 2048


class Visitor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`external`, `email`, `phone`, `name` are what the site signed for; `asked`: the form was filled in."""

    account: UUID = field(name="a")
    id: UUID = field(name="v")
    since: int = field(name="t")
    version: int = field(name="n")
    external: str = field(name="x", default="")
    email: str = field(name="e", default="")
    phone: str = field(name="p", default="")
    name: str = field(name="m", default="")
    asked: bool = field(name="f", default=False)

    @property
    def chat(self) -> str:
        return str(self.id)

    def proved_keys(self) -> tuple[Key, ...]:
        """All proved: the visitor's by our signature, the others by the site's."""
        found = [Key(kind="visitor", value=str(self.id), how="signed visitor token")]
        for kind, value in (
            ("external", self.external),
            ("email", self.email),
            ("phone", self.phone),
        ):
            if value:
                found.append(Key(kind=kind, value=value, how="signed by the site"))
        return tuple(found)


def new_visitor(account: UUID, *, id: UUID, now: datetime) -> Visitor:  # noqa: A002  # the field's name
    return Visitor(account=account, id=id, since=int(now.timestamp()), version=VERSION)


def renewed(visitor: Visitor, *, now: datetime) -> Visitor:
    return msgspec.structs.replace(visitor, since=int(now.timestamp()))


def token_of(visitor: Visitor, *, secret: bytes) -> str:
    return sign(msgspec.json.encode(visitor), secret=secret, purpose="visitor")


def visitor_of(token: str, *, account: UUID, secret: bytes, now: datetime) -> Visitor:
    """Raises Unverified."""
    if len(token) > LONGEST:
        raise Unverified("a visitor token that is too long")
    try:
        visitor = msgspec.json.decode(unsign(token, secret=secret, purpose="visitor"), type=Visitor)
    except msgspec.MsgspecError as error:
        raise Unverified("a visitor token of another version") from error
    if visitor.account != account:
        raise Unverified("a visitor token of another account")
    if visitor.version != VERSION or needs_renewal(visitor, now=now, after=LIFETIME):
        raise Unverified("an old visitor token")
    return visitor


def needs_renewal(visitor: Visitor, *, now: datetime, after: timedelta = RENEW_AFTER) -> bool:
    return now.timestamp() - visitor.since > after.total_seconds()


def sign(content: bytes, *, secret: bytes, purpose: str) -> str:
    """`content` with a signature that is good for this purpose only."""
    return f"{_base64(content)}.{_base64(_mac(content, secret, purpose))}"


def unsign(signed: str, *, secret: bytes, purpose: str) -> bytes:
    """Raises Unverified."""
    content, _, mac = signed.partition(".")
    try:
        read, given = _bytes(content), _bytes(mac)
    except (NotBase64, ValueError) as error:
        raise Unverified(f"not a signed {purpose}") from error
    if not hmac.compare_digest(given, _mac(read, secret, purpose)):
        raise Unverified(f"a {purpose} with a wrong signature")
    return read


def _mac(content: bytes, secret: bytes, purpose: str) -> bytes:
    key = hmac.digest(secret, f"allo site chat {purpose} 1".encode(), hashlib.sha256)
    return hmac.digest(key, content, hashlib.sha256)


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(written: str) -> bytes:
    return urlsafe_b64decode(written.encode("ascii") + b"=" * (-len(written) % 4))
