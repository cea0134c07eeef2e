"""Bearer tokens: `Authorization: Bearer …`, three scopes, each including the ones before it: read, write, admin."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.api.problems import Problem
from storage.api_tokens import Token, find_token, note_use
from storage.engine import transaction

Scope = Literal["read", "write", "admin"]

LONGEST_TOKEN: Final = 512


async def authenticate(
    request: web.Request, *, engine: AsyncEngine, scope: Scope, now: Callable[[], datetime]
) -> Token:
    """Raises Problem: 401 for a token that is missing, unknown or revoked, 403 for one that may not."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    given = given.strip()
    if kind.lower() != "bearer" or not given:
        raise _unknown("Send a token: `Authorization: Bearer …`. Settings → API makes them.")
    if len(given) > LONGEST_TOKEN:
        raise _unknown("This is not a token of ours.")
    moment = now()
    async with engine.connect() as connection:
        token = await find_token(connection, given, now=moment)
    if token is None:
        raise _unknown("This token is unknown or was revoked.")
    if scope not in token.scopes:
        raise Problem(
            403,
            "scope",
            "The token may not do this",
            f"It needs a token with the scope “{scope}”.",
            headers={
                "WWW-Authenticate": f'Bearer realm="allo", error="insufficient_scope", scope="{scope}"'
            },
        )
    if token.use_is_due:
        async with transaction(engine) as connection:
            await note_use(connection, token.id, now=moment)
    return token


def _unknown(detail: str) -> Problem:
    return Problem(
        401,
        "unauthenticated",
        "Who are you?",
        detail,
        headers={"WWW-Authenticate": 'Bearer realm="allo"'},
    )
