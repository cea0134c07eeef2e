"""Ids as addresses and forms hold them: anybody may have changed either by hand.

A question with a nonsensical id is answered as one without it; an order that names one is not carried out.
"""

from uuid import UUID

from aiohttp import web


def uuid_or_none(text: str) -> UUID | None:
    """None for nothing and for nonsense alike."""
    try:
        return UUID(text)
    except ValueError:
        return None


def optional_uuid(text: str) -> UUID | None:
    """None when nothing is written. Raises HTTPBadRequest for nonsense."""
    return required_uuid(text) if text else None


def required_uuid(text: str) -> UUID:
    """Raises HTTPBadRequest for nothing and for nonsense alike."""
    try:
        return UUID(text)
    except ValueError as error:
        raise web.HTTPBadRequest from error
