"""Being at a conversation: who else is, marking it unread, keeping somebody out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound
from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from storage.reading.colleagues import list_users
from storage.reading.conversations import conversation_by_id

_WHAT: Final = ("looks", "writes", "left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A colleague who is at the same conversation."""

    name: str
    initials: str
    writes: bool
    for_seconds: float


async def company_of(visit: Visit, connection: AsyncConnection) -> list[Beside]:
    """Of the conversation in the address, without oneself."""
    present = visit.around.hub.company.at(visit.id(), now=visit.now, but=visit.me)
    if not present:
        return []
    users = {each.id: each for each in await list_users(connection)}
    return [
        Beside(
            name=users[each.user].name or users[each.user].email,
            initials=users[each.user].initials,
            writes=each.writes,
            for_seconds=each.for_seconds,
        )
        for each in present
        if each.user in users
    ]


async def company(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        beside = await company_of(visit, connection)
    drawn = visit.html("parts/company.html", company=beside)
    return web.Response(text=drawn, content_type="text/html")


async def looking(visit: Visit) -> web.Response:
    """A page says that somebody has it before them. Nothing is stored; colleagues' pages are told."""
    what = visit.form.get("what", "")
    if what not in _WHAT:
        raise web.HTTPBadRequest
    if visit.around.hub.company.is_worth_saying(visit.id(), visit.me, what, now=visit.now):
        visit.around.typing.look(
            visit.id(), by=visit.me, what=cast("Literal['looks', 'writes', 'left']", what)
        )
    return web.Response(status=204)


async def mark_unread(visit: Visit) -> web.Response:
    await visit.around.desk.mark_unread(visit.id(), by=visit.me)
    where = f"/conversations/{visit.id()}"
    return visit.done(where, said=visit._("Marked as unread."), undo=Undo(action=f"{where}/read"))


async def block(visit: Visit) -> web.Response:
    """Whoever is blocked is still recorded; nobody is alarmed by them, and no answer goes to them."""
    blocked = visit.form.get("blocked") == "1"
    async with visit.around.engine.connect() as connection:
        row = await conversation_by_id(connection, visit.id())
    if row is None:
        raise NotFound
    await visit.around.desk.change_contact(row.contact_id, {"blocked": blocked}, by=visit.me)
    where = f"/conversations/{visit.id()}"
    said = (
        visit._("The contact is blocked.") if blocked else visit._("The contact may write again.")
    )
    undo = Undo(action=f"{where}/block", fields={"blocked": "" if blocked else "1"})
    return visit.done(where, said=said, undo=undo)


PAGES: Final[Sequence[Page]] = (
    get("/conversations/{id}/company", company, Right.READ_MESSAGES),
    post("/conversations/{id}/looking", looking, Right.READ_MESSAGES),
    post("/conversations/{id}/unread", mark_unread, Right.ANSWER),
    post("/conversations/{id}/block", block, Right.CHANGE_CONTACTS),
)
