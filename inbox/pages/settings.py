"""The settings' front page: what each section is for, and how far a new installation has come."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox import settings_map
from inbox.pages.first_steps import first_steps
from inbox.rights import Right
from inbox.visit import Page, Visit, get
from storage.reading.troubles import troubles


async def front(visit: Visit) -> web.Response:
    if not settings_map.groups(visit.may, visit.exists):
        raise web.HTTPForbidden
    async with visit.around.engine.connect() as connection:
        steps = await first_steps(visit, connection) if visit.may(Right.MANAGE_CHANNELS) else None
        wrong = (
            await troubles(connection, now=visit.now)
            if visit.may(Right.MANAGE_DEAD_LETTERS)
            else None
        )
    return visit.page("settings/home.html", steps=steps, wrong=wrong)


PAGES: Final[Sequence[Page]] = (get("/settings", front, Right.SIGNED_IN),)
