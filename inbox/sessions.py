"""Being signed in: a random token in a cookie, its hash in the database.

A session slides: every use moves its end, written at most once a minute. Signing in always makes a new token, so a
token planted before is worth nothing (session fixation). Signing out, a new password and a disabled account end it on
the server, not only in the browser.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from aiohttp import web

from inbox.surroundings import Surroundings
from storage.engine import transaction
from storage.reading.sight import Sight, sight_of
from storage.sessions import (
    NewSession,
    add_session,
    end_session,
    prolong_session,
    session_by_hash,
)

LASTS: Final = timedelta(days=14)
_WRITTEN_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The colleague who asks. `renewed`: the cookie's end has moved and goes out again."""

    user_id: UUID
    email: str
    name: str
    role: str
    sight: Sight
    language: str
    theme: str
    presence: str
    must_change_password: bool
    csrf: str
    renewed: bool


def cookie_name(around: Surroundings) -> str:
    """RFC 6265bis: with `__Host-` browsers refuse it from a subdomain, over HTTP, and for a part of the site."""
    return "__Host-allo" if around.is_https else "allo"


async def whose(around: Surroundings, request: web.Request, *, now: datetime) -> SignedIn | None:
    token = request.cookies.get(cookie_name(around), "")
    if not token:
        return None
    async with around.engine.connect() as connection:
        found = await session_by_hash(connection, hash_of(token), now=now)
    if found is None:
        return None
    renewed = now - found.seen_at > _WRITTEN_EVERY
    if renewed:
        async with transaction(around.engine) as connection:
            await prolong_session(connection, hash_of(token), now=now, expires_at=now + LASTS)
    return SignedIn(
        user_id=found.user_id,
        email=found.email,
        name=found.name,
        role=found.role,
        sight=sight_of(user=found.user_id, role=found.role, sees=found.sees, teams=found.teams),
        language=found.language,
        theme=found.theme,
        presence=found.presence,
        must_change_password=found.must_change_password,
        csrf=found.csrf,
        renewed=renewed,
    )


async def begin(
    around: Surroundings,
    request: web.Request,
    response: web.StreamResponse,
    *,
    user_id: UUID,
    now: datetime,
) -> None:
    token = secrets.token_urlsafe(32)
    async with transaction(around.engine) as connection:
        before = request.cookies.get(cookie_name(around), "")
        if before:
            await end_session(connection, hash_of(before))
        await add_session(
            connection,
            NewSession(
                token_hash=hash_of(token),
                user_id=user_id,
                csrf=secrets.token_urlsafe(24),
                expires_at=now + LASTS,
                user_agent=request.headers.get("User-Agent", "")[:300],
                remote=request.remote or "",
            ),
            now=now,
        )
    _set_cookie(around, response, token)


async def end(around: Surroundings, request: web.Request, response: web.StreamResponse) -> None:
    token = request.cookies.get(cookie_name(around), "")
    async with transaction(around.engine) as connection:
        await end_session(connection, hash_of(token))
    response.del_cookie(
        cookie_name(around), path="/", secure=around.is_https, httponly=True, samesite="Lax"
    )


def renew_cookie(around: Surroundings, request: web.Request, response: web.StreamResponse) -> None:
    name = cookie_name(around)
    if name not in response.cookies:
        _set_cookie(around, response, request.cookies[name])


def hash_of(token: str) -> str:
    """The token has 256 random bits: a plain hash is as good as a slow one."""
    return sha256(token.encode()).hexdigest()


def _set_cookie(around: Surroundings, response: web.StreamResponse, token: str) -> None:
    response.set_cookie(
        cookie_name(around),
        token,
        max_age=int(LASTS.total_seconds()),
        path="/",
        httponly=True,
        secure=around.is_https,
        samesite="Lax",
    )
