"""A visitor whom the site itself knows: believed when the site signed it with the account's `identity_secret`.

Two forms. A JWT (HS256) with `sub` and `exp`, and what else it says about the person: email, phone, name; all of it
is proved, and none of it can be replayed after `exp`. Or `id` with `hash`, the hexadecimal HMAC-SHA256 of the id:
then the id alone is proved, and the rest is what somebody wrote into a page. What is not signed is never believed,
because an e-mail address typed by a stranger must not open its owner's history.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import jwt
import msgspec
from msgspec import Meta, Struct

from connectors.channels.site_chat.people import clean_email, clean_phone
from connectors.channels.site_chat.visitors import Visitor
from connectors.connector import Account
from connectors.errors import Malformed, Unverified
from router.clean_text import clean_line
from router.message import Key

LEEWAY_S: Final = 30
LONGEST_LIFE: Final = timedelta(hours=24)
"""A token that lives longer is a password in a page; minutes are enough, the browser asks for it on every page."""


class Identification(Struct, frozen=True, kw_only=True):
    id: Annotated[str, Meta(max_length=200)] = ""
    hash: Annotated[str, Meta(max_length=200)] = ""
    token: Annotated[str, Meta(max_length=4096)] = ""
    email: Annotated[str, Meta(max_length=254)] = ""
    phone: Annotated[str, Meta(max_length=64)] = ""
    name: Annotated[str, Meta(max_length=200)] = ""
    begun: bool = False
    """The browser has written already, as this visitor."""


class Signed(Struct, frozen=True, kw_only=True):
    """Who the site says this is; `claims` is what came along without a signature."""

    external: str
    email: str = ""
    phone: str = ""
    name: str = ""
    claims: tuple[Key, ...] = ()


def identify(account: Account, said: Identification, *, now: datetime) -> Signed:
    """Raises Unverified, Malformed."""
    secrets = account["identity_secret"].split()
    if not secrets:
        raise Unverified("this account has no identity_secret")
    if said.token:
        return _from_token(account, said.token, secrets, now)
    if not said.id or not said.hash:
        raise Unverified("neither a token nor an id with its hash", missing=True)
    expected = [
        hmac.new(secret.encode(), said.id.encode(), hashlib.sha256).hexdigest().encode()
        for secret in secrets
    ]
    # Encoded, because compare_digest raises TypeError on a str that is not ASCII.
    given = said.hash.lower().encode()
    if not any(hmac.compare_digest(given, each) for each in expected):
        raise Unverified("the hash is not the id's")
    claims = []
    if email := clean_email(said.email):
        claims.append(
            Key(kind="email", value=email, proof="claimed", how="from the site, unsigned")
        )
    if phone := clean_phone(said.phone, region=account.region):
        claims.append(
            Key(kind="phone", value=phone, proof="claimed", how="from the site, unsigned")
        )
    return Signed(
        external=_scoped(account, said.id),
        name=clean_line(said.name),
        claims=tuple(claims),
    )


def _from_token(account: Account, token: str, secrets: list[str], now: datetime) -> Signed:
    claims = _claims(token, secrets)
    expires, subject = claims.get("exp"), claims.get("sub") or claims.get("id")
    if not isinstance(subject, str | int) or not str(subject):
        raise Malformed("the token names nobody: it needs `sub`")
    if not isinstance(expires, int | float):
        raise Malformed("the token never expires: it needs `exp`")
    left = expires - now.timestamp()
    if left < -LEEWAY_S:
        raise Unverified("the token has expired")
    if left > LONGEST_LIFE.total_seconds():
        raise Unverified("the token lives longer than a day")
    begins = claims.get("nbf")
    if isinstance(begins, int | float) and begins - now.timestamp() > LEEWAY_S:
        raise Unverified("the token is not valid yet")
    return Signed(
        external=_scoped(account, str(subject)),
        email=clean_email(_text(claims, "email")),
        phone=clean_phone(_text(claims, "phone"), region=account.region),
        name=clean_line(_text(claims, "name")),
    )


def _claims(token: str, secrets: list[str]) -> dict[str, Any]:
    for secret in secrets:
        try:
            # Times are judged by the caller's clock; the algorithm is ours to choose and never the token's.
            found: dict[str, Any] = jwt.decode(
                token,
                secret.encode(),
                algorithms=["HS256"],
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                    "verify_iss": False,
                    "verify_sub": False,
                },
            )
        except jwt.PyJWTError:
            continue
        return found
    raise Unverified("the token is not signed with this account's identity_secret")


def _scoped(account: Account, id_: str) -> str:
    """Customer 42 of one site is not customer 42 of another."""
    return f"{account.slug}:{clean_line(id_, limit=200)}"


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value[:254] if isinstance(value, str) else ""


def as_known(visitor: Visitor, signed: Signed) -> Visitor:
    """The visitor, now known to be this person."""
    return msgspec.structs.replace(
        visitor,
        external=signed.external,
        email=signed.email,
        phone=signed.phone,
        name=signed.name,
    )
