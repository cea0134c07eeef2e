"""Tickets: what a page hands out for a stored file, and takes back from a form.

Signed for one purpose and one person: nobody names by guessing a hash what somebody else once sent.
"""

import hmac
from hashlib import sha256
from typing import TypeVar

import msgspec
from aiohttp import web

from inbox.visit import Visit

T = TypeVar("T")


def ticket_for(visit: Visit, about: object, *, purpose: str) -> str:
    """`about`: a dataclass or a Struct."""
    body = msgspec.json.encode(about)
    return f"{body.hex()}.{_signature(visit, body, purpose)}"


def opened(visit: Visit, ticket: str, as_: type[T], *, purpose: str) -> T:
    """What it is about. Raises HTTPBadRequest for one that is not this person's, or of another purpose."""
    encoded, _, signature = ticket.partition(".")
    try:
        body = bytes.fromhex(encoded)
    except ValueError as error:
        raise web.HTTPBadRequest from error
    if not hmac.compare_digest(signature.encode(), _signature(visit, body, purpose).encode()):
        raise web.HTTPBadRequest
    return msgspec.json.decode(body, type=as_)


def _signature(visit: Visit, body: bytes, purpose: str) -> str:
    return hmac.new(visit.around.key(purpose), visit.me.bytes + body, sha256).hexdigest()
