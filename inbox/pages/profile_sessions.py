"""Where somebody is signed in: each browser, since when and from where, and signing it out from here."""

import re
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox import sessions
from inbox.desk import NotFound
from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from storage.audit import write_audit
from storage.colleagues import tell_pages
from storage.engine import transaction
from storage.sessions import end_session_of, end_sessions_of, sessions_of

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("YaBrowser", "Яндекс Браузер"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""A part of the user agent, and whose it is. The first that fits: all of them call themselves Safari as well."""
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


async def shown(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await sessions_of(connection, visit.me, now=visit.now)
    here = _here(visit)
    return visit.page(
        "sessions.html",
        sessions=[(row, device(row.user_agent), here.startswith(row.key)) for row in rows],
        done="done" in visit.request.query,
    )


async def end(visit: Visit) -> web.Response:
    """One of them, or with `others` all but this one."""
    key = visit.form.get("session", "")
    async with transaction(visit.around.engine) as connection:
        if "others" in visit.form:
            await end_sessions_of(connection, visit.me, but=_here(visit))
        elif not await end_session_of(connection, visit.me, key=key):
            raise NotFound
        await write_audit(
            connection,
            by=visit.me,
            what="session_ended",
            object_kind="user",
            object_id=visit.me,
            now=visit.now,
        )
        await tell_pages(connection, visit.me, now=visit.now)
    return visit.back("/profile/sessions?done")


def device(user_agent: str) -> str:
    """As a person would call it; of something unknown, its own first word."""
    browser = next((name for part, name in _BROWSERS if f"{part}/" in user_agent), "")
    system = next((name for part, name in _SYSTEMS if part in user_agent), "")
    if browser and system:
        return f"{browser}, {system}"
    return browser or system or re.split(r"[/ ]", user_agent, maxsplit=1)[0][:40]


def _here(visit: Visit) -> str:
    return sessions.hash_of(visit.request.cookies.get(sessions.cookie_name(visit.around), ""))


PAGES: Final[Sequence[Page]] = (
    get("/profile/sessions", shown, Right.SIGNED_IN),
    post("/profile/sessions/end", end, Right.SIGNED_IN),
)
