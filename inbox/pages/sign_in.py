"""The front door.

Guessing is slowed down twice: per email, so that one account cannot be worked through from many places, and per address,
so that one place cannot work through many accounts. The answer to a wrong password, to an unknown email and to a disabled
account is the same, in words and in time.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from inbox import sessions
from inbox.passwords import password_matches
from inbox.rights import Right, home
from inbox.visit import (
    LANGUAGE_COOKIE,
    Page,
    Visit,
    chosen_language,
    get,
    own_address,
    post,
)
from storage.engine import transaction
from storage.sessions import add_attempt, count_attempts, credentials_of, forget_attempts

log = structlog.get_logger()

WINDOW: Final = timedelta(minutes=15)
MOST_BY_EMAIL: Final = 8
MOST_BY_ADDRESS: Final = 40
"""An office behind one address has more than one person who mistypes."""


async def show(visit: Visit) -> web.Response:
    if visit.who is not None:
        return visit.back(home(visit.who.role))
    response = _form(visit)
    if code := chosen_language(visit.request.query.get("language", "")):
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        response.set_cookie(
            LANGUAGE_COOKIE, code, max_age=31536000, path="/", samesite="Lax", httponly=True
        )
    return response


async def sign_in(visit: Visit) -> web.Response:
    email = visit.form.get("email", "").strip().lower()[:254]
    remote = visit.request.remote or ""
    async with visit.around.engine.connect() as connection:
        by_email, by_remote = await count_attempts(
            connection, email=email, remote=remote, since=visit.now - WINDOW
        )
        known = await credentials_of(connection, email)
    if by_email >= MOST_BY_EMAIL or by_remote >= MOST_BY_ADDRESS:
        log.warning("sign_in_throttled", remote=remote)
        return _form(
            visit,
            email=email,
            wrong=visit._(
                "Too many attempts. Wait a quarter of an hour, or ask your administrator for a new password."
            ),
            status=429,
        )
    # Counted before it is judged: a hundred attempts at once are a hundred, not one.
    async with transaction(visit.around.engine) as connection:
        await add_attempt(connection, email=email, remote=remote, now=visit.now)
    matches = await password_matches(
        known.password if known else "", visit.form.get("password", "")
    )
    if known is None or not matches:
        log.info("sign_in_refused", remote=remote)
        return _form(
            visit,
            email=email,
            wrong=visit._("The email or the password is not right."),
            status=401,
        )
    async with transaction(visit.around.engine) as connection:
        await forget_attempts(connection, email=email, now=visit.now)
    response = web.Response(
        status=303,
        headers={"Location": own_address(visit.form.get("to", ""), otherwise=home(known.role))},
    )
    await sessions.begin(
        visit.around, visit.request, response, user_id=known.user_id, now=visit.now
    )
    log.info("signed_in", user_id=str(known.user_id), remote=remote)
    return response


async def sign_out(visit: Visit) -> web.Response:
    response = web.Response(status=303, headers={"Location": "/sign-in"})
    await sessions.end(visit.around, visit.request, response)
    return response


def _form(visit: Visit, *, email: str = "", wrong: str = "", status: int = 200) -> web.Response:
    return visit.page(
        "sign_in.html",
        status=status,
        email=email,
        wrong=wrong,
        to=own_address(visit.form.get("to", "") or visit.request.query.get("to", ""), otherwise=""),
    )


PAGES: Final[Sequence[Page]] = (
    get("/sign-in", show, None),
    post("/sign-in", sign_in, None),
    post("/sign-out", sign_out, Right.SIGNED_IN),
)
