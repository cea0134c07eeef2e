"""Outgoing webhooks: who is told what, whether it is taken, and telling it again."""

from collections.abc import Sequence
from typing import Final, Literal, cast
from uuid import UUID

import msgspec
from aiohttp import web

from inbox.desk import NotFound
from inbox.rights import Right
from inbox.uuids import required_uuid
from inbox.visit import Page, Visit, get, post
from storage.reading.paging import BadCursor
from storage.reading.webhooks import list_deliveries, list_webhooks, webhook_by_id
from storage.webhooks import EVENTS

HERE: Final = "/settings/webhooks"
PAGE: Final = 30
SHOWN_BYTES: Final = 10_000


async def all_of_them(visit: Visit) -> web.Response:
    return await _list(visit)


async def add(visit: Visit) -> web.Response:
    made, secret = await visit.around.webhooks.add(
        visit.form.get("url", ""), _events(visit), by=visit.me
    )
    return await _one(visit, made, secret=secret)


async def one(visit: Visit) -> web.Response:
    return await _one(visit, visit.id())


async def change(visit: Visit) -> web.Response:
    await visit.around.webhooks.change(
        visit.id(), url=visit.form.get("url", ""), events=_events(visit), by=visit.me
    )
    return visit.back(f"{HERE}/{visit.id()}")


async def set_state(visit: Visit) -> web.Response:
    state = visit.form.get("state", "")
    if state not in {"active", "paused"}:
        raise web.HTTPBadRequest
    await visit.around.webhooks.change(
        visit.id(), state=cast("Literal['active', 'paused']", state), by=visit.me
    )
    return visit.back(f"{HERE}/{visit.id()}")


async def ping(visit: Visit) -> web.Response:
    await visit.around.webhooks.ping(visit.id())
    return visit.done(
        f"{HERE}/{visit.id()}", said=visit._("A test is on its way; its line appears below.")
    )


async def new_secret(visit: Visit) -> web.Response:
    secret = await visit.around.webhooks.new_secret(visit.id(), by=visit.me)
    return await _one(visit, visit.id(), secret=secret)


async def remove(visit: Visit) -> web.Response:
    await visit.around.webhooks.remove(visit.id(), by=visit.me)
    return web.Response(status=303, headers={"Location": HERE})


async def again(visit: Visit) -> web.Response:
    await visit.around.webhooks.send_again(visit.id())
    webhook = required_uuid(visit.form.get("webhook", ""))
    return visit.back(f"{HERE}/{webhook}")


async def _list(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_webhooks(connection)
    return visit.page("settings/webhooks.html", rows=rows, events=EVENTS)


async def _one(visit: Visit, id_: UUID, *, secret: str = "") -> web.Response:
    async with visit.around.engine.connect() as connection:
        row = await webhook_by_id(connection, id_)
        if row is None:
            raise NotFound
        try:
            log = await list_deliveries(
                connection, id_, cursor=visit.request.query.get("after", ""), limit=PAGE
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
    return visit.page(
        "settings/webhook.html",
        row=row,
        events=EVENTS,
        log=log.items,
        more=log.next_cursor,
        secret=secret,
        readable=_readable,
    )


def _readable(body: bytes | None) -> str:
    if body is None:
        return ""
    return msgspec.json.format(body, indent=2).decode(errors="replace")[:SHOWN_BYTES]


def _events(visit: Visit) -> list[str]:
    return [each for each in EVENTS if f"event.{each}" in visit.form]


PAGES: Final[Sequence[Page]] = (
    get(HERE, all_of_them, Right.MANAGE_WEBHOOKS),
    post(HERE, add, Right.MANAGE_WEBHOOKS),
    get(f"{HERE}/{{id}}", one, Right.MANAGE_WEBHOOKS),
    post(f"{HERE}/{{id}}", change, Right.MANAGE_WEBHOOKS),
    post(f"{HERE}/{{id}}/state", set_state, Right.MANAGE_WEBHOOKS),
    post(f"{HERE}/{{id}}/ping", ping, Right.MANAGE_WEBHOOKS),
    post(f"{HERE}/{{id}}/secret", new_secret, Right.MANAGE_WEBHOOKS),
    post(f"{HERE}/{{id}}/delete", remove, Right.MANAGE_WEBHOOKS),
    post(f"{HERE}/deliveries/{{id}}/again", again, Right.MANAGE_WEBHOOKS),
)
