"""The bell: what somebody was told, what is news, what they have read; and how they wish to be told.

NoticeChanged ─▶ hint to that person's pages ─▶ GET /notices/news ─▶ numbers in the rail, a sound, a note on the desktop
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from inbox.desk import NotFound, Refused
from inbox.formats import zone
from inbox.notice_words import KIND_WORDS, said
from inbox.rights import Right
from inbox.uuids import optional_uuid
from inbox.visit import Page, Undo, Visit, get, post
from router.notices import ABOUT_MESSAGES, KINDS, Manner, Wish
from storage.engine import transaction
from storage.notice_marks import mark_read, mark_unread, set_mute
from storage.notice_wishes import load_people, save_wishes
from storage.push import subscribe, try_push, unsubscribe
from storage.reading.colleagues import list_users
from storage.reading.conversations import conversation_by_id
from storage.reading.notices import (
    MOST_COUNTED,
    counts,
    is_muted,
    list_notices,
    news as read_news,
    notice_of,
)
from storage.reading.paging import BadCursor

SHOWN: Final = 30
FRESH: Final = timedelta(minutes=1)
"""What was written down longer ago is under the bell and rings no more. Pages know themselves what has rung."""
LONGEST_ENDPOINT: Final = 1000
BROWSERS: Final = (
    ("YaBrowser", "Яндекс Браузер"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


async def notices(visit: Visit) -> web.Response:
    cursor = visit.request.query.get("cursor", "")
    async with visit.around.engine.connect() as connection:
        try:
            page = await list_notices(
                connection, visit.me, sight=visit.sight, cursor=cursor, limit=SHOWN
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
        known = await counts(
            connection,
            visit.me,
            sight=visit.sight,
            now=visit.now,
            tomorrow=visit.formats.next_midnight(),
        )
    template = "notices.html"
    if visit.wants_fragment:
        template = "parts/notice_rows.html" if cursor else "parts/notice_list.html"
    return visit.page(
        template,
        items=[(row, said(row, formats=visit.formats)) for row in page.items],
        unread=known.unread,
        more=f"/notices?cursor={page.next_cursor}" if page.next_cursor else "",
    )


async def news(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        known = await counts(
            connection,
            visit.me,
            sight=visit.sight,
            now=visit.now,
            tomorrow=visit.formats.next_midnight(),
        )
        rows = await read_news(connection, visit.me, sight=visit.sight, after=visit.now - FRESH)
        person = (await load_people(connection, only=visit.me))[visit.me]
    quiet = person.manner.is_quiet(visit.now, teams=person.hours, zone=visit.time_zone)
    return web.json_response(
        {
            "unread": known.unread,
            "due": known.due if visit.may(Right.ANSWER) else 0,
            "overdue": known.overdue if visit.may(Right.ANSWER) else 0,
            "most": MOST_COUNTED - 1,
            "presence": visit.colleague.presence,
            "sound": person.manner.sound and not quiet,
            "news": [
                {
                    "key": f"{row.id}@{row.told_at.timestamp()}",
                    "title": words.title,
                    "body": f"{words.body}\n{words.text}"
                    if person.manner.push_text and words.text
                    else words.body,
                    "url": words.url,
                    "tag": words.tag,
                    "desktop": person.wishes[row.kind].desktop and not quiet,
                }
                for row in rows
                for words in (said(row, formats=visit.formats),)
            ],
        }
    )


async def follow(visit: Visit) -> web.Response:
    """To where it happened; then it is read."""
    async with transaction(visit.around.engine) as connection:
        row = await notice_of(connection, visit.me, visit.id(), sight=visit.sight)
        if row is None:
            raise NotFound
        await mark_read(connection, visit.me, now=visit.now, notice=row.id)
    place = said(row, formats=visit.formats).url
    return web.Response(status=303, headers={"Location": place})


async def read(visit: Visit) -> web.Response:
    """One, those of a conversation that is being looked at, or all."""
    notice = optional_uuid(visit.form.get("notice", ""))
    talk = optional_uuid(visit.form.get("conversation", ""))
    async with transaction(visit.around.engine) as connection:
        number = await mark_read(
            connection, visit.me, now=visit.now, notice=notice, conversation=talk
        )
    if notice or talk or not number:
        return visit.back("/notices")
    return visit.done(
        "/notices",
        said=visit._("All read"),
        undo=Undo(action="/notices/unread", fields={"at": visit.now.isoformat()}),
    )


async def unread(visit: Visit) -> web.Response:
    try:
        at = datetime.fromisoformat(visit.form.get("at", ""))
    except ValueError as error:
        raise web.HTTPBadRequest from error
    if at.tzinfo is None:
        raise web.HTTPBadRequest
    async with transaction(visit.around.engine) as connection:
        await mark_unread(connection, visit.me, read_at=at, now=visit.now)
    return visit.back("/notices")


async def presence(visit: Visit) -> web.Response:
    """Who is here, for the pages that show it beside a name."""
    async with visit.around.engine.connect() as connection:
        users = await list_users(connection)
    return web.json_response(
        {str(each.id): each.presence for each in users if each.disabled_at is None}
    )


async def mute(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        if await conversation_by_id(connection, visit.id(), sight=visit.sight) is None:
            raise NotFound
        muted = not await is_muted(connection, visit.me, visit.id())
        await set_mute(connection, visit.me, visit.id(), muted=muted, now=visit.now)
    return visit.done(
        f"/conversations/{visit.id()}",
        said=visit._("You hear of new messages here no more")
        if muted
        else visit._("You hear of new messages here again"),
        undo=Undo(action=f"/conversations/{visit.id()}/mute"),
    )


async def change_wishes(visit: Visit) -> web.Response:
    form = visit.form
    quiet = form.get("quiet", "never")
    if quiet not in {"never", "team", "own"}:
        raise web.HTTPBadRequest
    own_zone = form.get("time_zone", "").strip()
    if own_zone and zone(own_zone, default="UTC").key != own_zone:
        raise Refused(visit._("There is no such time zone: choose one from the list."))
    manner = Manner(
        sound="sound" in form,
        push_text="push_text" in form,
        quiet=quiet,
        quiet_from=_clock(form.get("quiet_from", ""), otherwise="20:00"),
        quiet_to=_clock(form.get("quiet_to", ""), otherwise="09:00"),
        time_zone=own_zone,
    )
    wishes: Mapping[str, Wish] = {
        kind: Wish(
            in_app=f"{kind}.in_app" in form,
            # What is not in the list is nowhere: it could not be marked read.
            desktop=f"{kind}.in_app" in form and f"{kind}.desktop" in form,
            push=f"{kind}.in_app" in form and f"{kind}.push" in form,
        )
        if kind in kinds_for(visit)
        else usual
        for kind, usual in KINDS.items()
    }
    async with transaction(visit.around.engine) as connection:
        await save_wishes(connection, visit.me, wishes=wishes, manner=manner)
    return visit.done("/profile?done#notices", said=visit._("Saved"))


async def add_browser(visit: Visit) -> web.Response:
    endpoint, p256dh, auth = (
        visit.form.get(name, "").strip() for name in ("endpoint", "p256dh", "auth")
    )
    parts = urlsplit(endpoint)
    if (
        parts.scheme != "https"
        or not parts.hostname
        or len(endpoint) > LONGEST_ENDPOINT
        or not 80 < len(p256dh) < 100
        or not 20 < len(auth) < 30
    ):
        raise web.HTTPBadRequest
    async with transaction(visit.around.engine) as connection:
        await subscribe(
            connection,
            visit.me,
            endpoint=endpoint,
            p256dh=p256dh,
            auth=auth,
            browser=_browser(visit.request.headers.get("User-Agent", "")),
            now=visit.now,
        )
    return visit.done(
        "/profile#notices", said=visit._("This browser is told also when Allo is closed")
    )


async def remove_browser(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await unsubscribe(
            connection,
            visit.me,
            id_=optional_uuid(visit.form.get("id", "")),
            endpoint=visit.form.get("endpoint", "")[:LONGEST_ENDPOINT],
        )
    return visit.done("/profile#notices", said=visit._("This browser is told no more"))


async def try_browsers(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        number = await try_push(connection, visit.me, now=visit.now)
    if not number:
        raise Refused(visit._("No browser is to be told yet: switch it on first."))
    return visit.done("/profile#notices", said=visit._("A test is on its way"))


def kinds_for(visit: Visit) -> dict[str, str]:
    """What this person may be told of, in words."""
    return {
        kind: words
        for kind, words in KIND_WORDS.items()
        if (visit.may(Right.READ_MESSAGES) or kind not in ABOUT_MESSAGES)
        and (visit.may(Right.MANAGE_CHANNELS) or kind != "channel")
        and (visit.may(Right.ANSWER) or kind != "task")
    }


def _browser(agent: str) -> str:
    name = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next(
        (
            name
            for mark, name in (
                ("Android", "Android"),
                ("iPhone", "iPhone"),
                ("iPad", "iPad"),
                ("Windows", "Windows"),
                ("Mac OS", "macOS"),
                ("Linux", "Linux"),
            )
            if mark in agent
        ),
        "",
    )
    return ", ".join(each for each in (name, system) if each)


def _clock(written: str, *, otherwise: str) -> str:
    try:
        return datetime.strptime(written, "%H:%M").strftime("%H:%M")  # noqa: DTZ007  # a time of any day
    except ValueError:
        return otherwise


PAGES: Final[Sequence[Page]] = (
    get("/notices", notices, Right.SIGNED_IN),
    get("/notices/news", news, Right.SIGNED_IN),
    post("/notices/read", read, Right.SIGNED_IN),
    post("/notices/unread", unread, Right.SIGNED_IN),
    get("/notices/{id}", follow, Right.SIGNED_IN),
    get("/presence", presence, Right.READ_MESSAGES),
    post("/conversations/{id}/mute", mute, Right.READ_MESSAGES),
    post("/profile/notices", change_wishes, Right.SIGNED_IN),
    post("/profile/push", add_browser, Right.SIGNED_IN),
    post("/profile/push/remove", remove_browser, Right.SIGNED_IN),
    post("/profile/push/test", try_browsers, Right.SIGNED_IN),
)
