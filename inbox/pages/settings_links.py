"""Tracked links: made for a channel or a page, with their QR codes, their HTML and how often they were clicked."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import segno
from aiohttp import web

from connectors.entrance import Entrance, NoAddress
from connectors.registry import discover
from inbox.desk import NotFound, Refused
from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Undo, Visit, get, post
from storage.audit import difference
from storage.engine import transaction
from storage.reading.paging import BadCursor
from storage.tracked_links import (
    LONGEST_NAME,
    LONGEST_TEXT,
    LONGEST_UTM,
    UTM,
    LinkRow,
    archive_link,
    change_link,
    last_address,
    link_by_id,
    list_links,
    make_link,
)

HERE: Final = "/settings/links"
SITE: Final = "site"
LONGEST_URL: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a link may lead: an account with an entrance, or (`account` None) a page."""

    kind: str
    account: UUID | None
    name: str
    region: str = "RU"
    known: str = ""
    entrance: Entrance | None = None


async def links(visit: Visit) -> web.Response:
    archived = visit.request.query.get("show") == "archived"
    async with visit.around.engine.connect() as connection:
        try:
            page = await list_links(
                connection, archived=archived, cursor=visit.request.query.get("cursor", "")
            )
        except BadCursor as error:
            raise web.HTTPBadRequest from error
    return visit.page(
        "settings/links.html",
        rows=page.items,
        next_cursor=page.next_cursor,
        archived=archived,
        targets=await _targets(visit),
        address_of=lambda row: _address_of(visit, row.code),
    )


async def new(visit: Visit) -> web.Response:
    """The form for one target, `where`; which one is chosen on the page before."""
    target = await _target(visit, visit.request.query.get("where", SITE))
    known = target.known
    if target.account is not None:
        async with visit.around.engine.connect() as connection:
            known = await last_address(connection, target.account) or known
    return visit.page("settings/link_new.html", target=target, known=known, **_limits())


async def add(visit: Visit) -> web.Response:
    form = visit.form
    target = await _target(visit, form.get("where", ""))
    async with transaction(visit.around.engine) as connection:
        made = await make_link(
            connection,
            kind=target.kind,
            account=target.account,
            code=form.get("code", ""),
            by=visit.me,
            now=visit.now,
            **_given(visit, target),
        )
        row = await link_by_id(connection, made)
        await visit.note_in_audit(
            connection, "tracked_link_made", "tracked_link", made, after=_told(row)
        )
    return visit.back(f"{HERE}/{made}")


async def link(visit: Visit) -> web.Response:
    row = await _found(visit)
    address = _address_of(visit, row.code)
    connector = discover().get(row.kind)
    return visit.page(
        "settings/link.html",
        row=row,
        target=await _target_of(visit, row),
        address=address,
        snippet=f'<a href="{address}">{row.name}</a>',
        icon_name=connector.icon if connector is not None else SITE,
        **_limits(),
    )


async def change(visit: Visit) -> web.Response:
    row = await _found(visit)
    target = await _target_of(visit, row)
    async with transaction(visit.around.engine) as connection:
        before = _told(await change_link(connection, row.id, **_given(visit, target)))
        after = _told(await link_by_id(connection, row.id))
        was, is_ = difference(before, after)
        await visit.note_in_audit(
            connection, "tracked_link_changed", "tracked_link", row.id, before=was, after=is_
        )
    return visit.done(f"{HERE}/{row.id}", said=visit._("Saved"))


async def archive(visit: Visit) -> web.Response:
    archived = visit.form.get("archived") == "1"
    async with transaction(visit.around.engine) as connection:
        row = await archive_link(connection, visit.id(), archived=archived, now=visit.now)
        what = "tracked_link_archived" if archived else "tracked_link_restored"
        await visit.note_in_audit(
            connection, what, "tracked_link", row.id, after={"name": row.name}
        )
    said = (
        visit._("“{name}” is put away and leads nowhere; what it brought stays in reports")
        if archived
        else visit._("“{name}” leads on again")
    )
    return visit.done(
        HERE,
        said=said.format(name=row.name),
        undo=Undo(action=f"{HERE}/{row.id}/archive", fields={"archived": "0" if archived else "1"}),
    )


async def qr_svg(visit: Visit) -> web.Response:
    return await _qr(visit, "svg", "image/svg+xml")


async def qr_png(visit: Visit) -> web.Response:
    return await _qr(visit, "png", "image/png")


async def _qr(visit: Visit, kind: str, mime: str) -> web.Response:
    """Correction M bears a worn print; the border is what the standard asks for, ISO/IEC 18004."""
    row = await _found(visit)
    code = segno.make(_address_of(visit, row.code), error="m", micro=False)
    drawn = io.BytesIO()
    # Twenty points for each square: 12 cm on paper at 300 to the inch.
    code.save(drawn, kind=kind, scale=20 if kind == "png" else 4, border=4)
    headers = {"Cache-Control": "private, max-age=3600"}
    if "download" in visit.request.query:
        headers["Content-Disposition"] = f'attachment; filename="qr-{row.code}.{kind}"'
    return web.Response(body=drawn.getvalue(), content_type=mime, headers=headers)


def _given(visit: Visit, target: Target) -> dict[str, Any]:
    form, entrance = visit.form, target.entrance
    manner = form.get("manner", "")
    if entrance is not None and entrance.manners and manner not in entrance.manners:
        manner = entrance.manners[0]
    return {
        "name": form.get("name", ""),
        "address": _written(visit, target),
        "words": form.get("text", "") if entrance is not None and entrance.takes_text else "",
        "manner": manner if entrance is not None and entrance.manners else "",
        "utm": {name: form.get(f"utm_{name}", "") for name in UTM},
    }


def _written(visit: Visit, target: Target) -> str:
    written = visit.form.get("address", "").strip()
    if target.entrance is not None:
        try:
            return target.entrance.address(written, target.region)
        except NoAddress as wrong:
            raise Refused(str(wrong)) from wrong
    try:
        parts = urlsplit(written)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username
    except ValueError:
        good = False
    if not good or len(written) > LONGEST_URL or not written.isprintable() or " " in written:
        raise Refused("Write the whole address of the page, with https://.")
    return written


async def _targets(visit: Visit) -> list[Target]:
    """Pages last: most links lead into a messenger."""
    found = []
    for account in await visit.around.channels.all():
        connector = discover().get(account.kind)
        if connector is not None and connector.entrance and account.state != "removed":
            found.append(
                Target(
                    kind=account.kind,
                    account=account.id,
                    name=account.slug,
                    region=account.region,
                    known=account.fields.get(connector.entrance.field, ""),
                    entrance=connector.entrance,
                )
            )
    return [*found, _PAGE]


_PAGE: Final = Target(kind=SITE, account=None, name="")


async def _target(visit: Visit, given: str) -> Target:
    wanted = uuid_or_none(given)
    for each in await _targets(visit):
        if (given == SITE and each.account is None) or (wanted and each.account == wanted):
            return each
    raise NotFound


async def _target_of(visit: Visit, row: LinkRow) -> Target:
    """Also of an account that is gone: its links go on leading where they did."""
    for each in await _targets(visit):
        if each.kind == row.kind and each.account == row.account_id:
            return each
    connector = discover().get(row.kind)
    return Target(
        kind=row.kind,
        account=row.account_id,
        name="",
        entrance=connector.entrance if connector is not None else None,
    )


async def _found(visit: Visit) -> LinkRow:
    async with visit.around.engine.connect() as connection:
        row = await link_by_id(connection, visit.id())
    if row is None:
        raise NotFound
    return row


def _address_of(visit: Visit, code: str) -> str:
    return f"{visit.around.public_url.rstrip('/')}/go/{code}"


def _limits() -> dict[str, Any]:
    return {
        "utm_names": UTM,
        "longest": LONGEST_NAME,
        "longest_text": LONGEST_TEXT,
        "longest_utm": LONGEST_UTM,
        "longest_url": LONGEST_URL,
    }


def _told(row: LinkRow | None) -> dict[str, Any]:
    assert row is not None  # noqa: S101  # it was made or locked in this transaction
    return {
        "name": row.name,
        "code": row.code,
        "kind": row.kind,
        "address": row.address,
        "text": row.text,
        "utm": dict(row.utm),
    }


PAGES: Final[Sequence[Page]] = (
    get(HERE, links, Right.MANAGE_SOURCES),
    post(HERE, add, Right.MANAGE_SOURCES),
    get(HERE + "/new", new, Right.MANAGE_SOURCES),
    get(HERE + "/{id}", link, Right.MANAGE_SOURCES),
    post(HERE + "/{id}", change, Right.MANAGE_SOURCES),
    post(HERE + "/{id}/archive", archive, Right.MANAGE_SOURCES),
    get(HERE + "/{id}/qr.svg", qr_svg, Right.MANAGE_SOURCES),
    get(HERE + "/{id}/qr.png", qr_png, Right.MANAGE_SOURCES),
)
