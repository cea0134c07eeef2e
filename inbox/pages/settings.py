"""The settings' front page: the first section that the person may see."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox.rights import Right
from inbox.visit import Page, Visit, get

SECTIONS: Final = (
    (Right.MANAGE_CHANNELS, "/settings/channels"),
    (Right.MANAGE_PEOPLE, "/settings/people"),
    (Right.MANAGE_FIELDS, "/settings/fields"),
    (Right.READ_MESSAGES, "/settings/canned-replies"),
)


async def front(visit: Visit) -> web.Response:
    for right, path in SECTIONS:
        if visit.may(right):
            return web.Response(status=303, headers={"Location": path})
    raise web.HTTPForbidden


PAGES: Final[Sequence[Page]] = (get("/settings", front, Right.SIGNED_IN),)
