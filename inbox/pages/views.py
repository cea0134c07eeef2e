"""Saved views: the list's filters and order under a name, one's own or everybody's."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aiohttp import web

from inbox.list_wish import saved_wish
from inbox.pages.list_view import counted_views
from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from storage.engine import transaction
from storage.saved_views import (
    change_view,
    delete_view,
    list_views,
    move_view,
    restore_view,
    save_view,
)


async def views(visit: Visit) -> web.Response:
    """Where they are renamed, put in order and thrown away."""
    async with visit.around.engine.connect() as connection:
        found = await list_views(connection, user_id=visit.me)
    return visit.page(
        "views.html", views=[(each, saved_wish(each.query, me=visit.me)) for each in found]
    )


async def counts(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        return web.json_response(dict(await counted_views(visit, connection)))


async def save(visit: Visit) -> web.Response:
    query = saved_wish(visit.form.get("query", ""), me=visit.me).view
    shared = visit.form.get("shared") == "1"
    if shared and not visit.may(Right.SHARE_VIEWS):
        raise web.HTTPForbidden
    async with transaction(visit.around.engine) as connection:
        view = await save_view(
            connection,
            user_id=visit.me,
            name=visit.form.get("name", ""),
            query=query,
            shared=shared,
            now=visit.now,
        )
    return visit.done(
        f"/?{query}", said=visit._("Saved among the views"), undo=_undo(view, "delete")
    )


async def change(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await change_view(
            connection,
            visit.id(),
            user_id=visit.me,
            shares=visit.may(Right.SHARE_VIEWS),
            name=visit.form.get("name", ""),
            shared=visit.form.get("shared") == "1",
        )
    return visit.done("/views", said=visit._("Saved"))


async def move(visit: Visit) -> web.Response:
    by = {"up": -1, "down": 1}.get(visit.form.get("to", ""))
    if by is None:
        raise web.HTTPBadRequest
    async with transaction(visit.around.engine) as connection:
        await move_view(
            connection,
            visit.id(),
            user_id=visit.me,
            shares=visit.may(Right.SHARE_VIEWS),
            by=by,
        )
    return visit.back("/views")


async def delete(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        name = await delete_view(
            connection,
            visit.id(),
            user_id=visit.me,
            shares=visit.may(Right.SHARE_VIEWS),
            now=visit.now,
        )
    said = visit._("The view “{name}” is deleted").format(name=name)
    return visit.done("/views", said=said, undo=_undo(visit.id(), "restore"))


async def restore(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await restore_view(
            connection, visit.id(), user_id=visit.me, shares=visit.may(Right.SHARE_VIEWS)
        )
    return visit.done("/views", said=visit._("It is back"))


def _undo(view: UUID, what: str) -> Undo:
    return Undo(action=f"/views/{view}/{what}")


PAGES: Final[Sequence[Page]] = (
    get("/views", views, Right.READ_MESSAGES),
    get("/views/counts", counts, Right.READ_MESSAGES),
    post("/views", save, Right.READ_MESSAGES),
    post("/views/{id}", change, Right.READ_MESSAGES),
    post("/views/{id}/move", move, Right.READ_MESSAGES),
    post("/views/{id}/delete", delete, Right.READ_MESSAGES),
    post("/views/{id}/restore", restore, Right.READ_MESSAGES),
)
"""What is changed is one's own list; what everybody sees takes SHARE_VIEWS besides, which storage is told."""
