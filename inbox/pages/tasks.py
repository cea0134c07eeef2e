"""What somebody has to do, ticked off beside the conversation."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox.desk import NotFound
from inbox.rights import Right
from inbox.visit import Page, Visit, own_address, post
from storage.engine import transaction
from storage.tasks import change_task


async def done(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        if not await change_task(
            connection, visit.id(), {"done_at": visit.now}, now=visit.now, by=visit.me
        ):
            raise NotFound
    return visit.back(own_address(visit.form.get("to", ""), otherwise="/"))


PAGES: Final[Sequence[Page]] = (post("/tasks/{id}/done", done, Right.ANSWER),)
