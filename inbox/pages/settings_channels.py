"""Connected channels: how each is doing, connecting another, trying the credentials.

A form is made of the connector's own fields, so a new channel brings its form with it. Secrets go in and never out: a
page says that there is one, and an empty field leaves it as it is.
"""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

from aiohttp import web

from connectors.connector import Connector
from connectors.registry import discover
from inbox.channel_desk import ChannelOptions, options_of
from inbox.desk import Refused
from inbox.pages.first_steps import first_steps
from inbox.rights import Right
from inbox.uuids import optional_uuid
from inbox.visit import Page, Visit, get, post
from storage.accounts import AccountRow
from storage.channel_log import recent_lines
from storage.reading.channel_health import channel_health, newest_conversation
from storage.reading.colleagues import list_teams

LEAD_POLICIES: Final = ("no_open_lead", "first_contact", "never")
CONDITIONS: Final = ("active", "silent", "broken", "paused")
"""In the order in which they are counted out."""
STATES: Final = ("active", "paused", "removed")


async def channels(visit: Visit) -> web.Response:
    return await _list(visit)


async def new(visit: Visit) -> web.Response:
    connector = _connector(visit)
    rows = await visit.around.channels.all()
    taken = {row.slug for row in rows}
    slug = connector.kind.replace("_", "-")
    names = (slug, *(f"{slug}-{number}" for number in range(2, 1000)))
    return await _list(
        visit,
        connector=connector,
        slug=next(each for each in names if each not in taken),
        values=_proposed(visit, connector),
    )


async def try_new(visit: Visit) -> web.Response:
    """Before it is connected: do the credentials work?"""
    connector = _connector(visit)
    slug = visit.form.get("slug", "").strip().lower()[:63]
    fields = {name: value for name, value in _fields(visit, connector).items() if value}
    findings = await visit.around.channels.try_new(connector.kind, slug, fields)
    if visit.wants_fragment:
        return visit.page("settings/findings.html", findings=_once(findings))
    return await _list(
        visit, connector=connector, slug=slug, values=fields, findings=_once(findings)
    )


async def add(visit: Visit) -> web.Response:
    connector = _connector(visit)
    slug = visit.form.get("slug", "").strip().lower()[:63]
    fields = {name: value for name, value in _fields(visit, connector).items() if value}
    try:
        await visit.around.channels.add(connector.kind, slug, fields, _options(visit), by=visit.me)
    except Refused as refused:
        return await _list(
            visit,
            connector=connector,
            slug=slug,
            values=fields,
            wrong=visit.language.sentence(str(refused)),
        )
    return web.Response(status=303, headers={"Location": f"/settings/channels/{slug}?new=1"})


async def _list(  # what the guide on the page shows
    visit: Visit,
    *,
    connector: Connector | None = None,
    slug: str = "",
    values: Mapping[str, str] | None = None,
    wrong: str = "",
    findings: Sequence[Any] = (),
) -> web.Response:
    """The channels there are, and beside them the guide to connecting another."""
    async with visit.around.engine.connect() as connection:
        health = await channel_health(connection, now=visit.now)
        teams = await list_teams(connection)
        steps = await first_steps(visit, connection)
    rows = await visit.around.channels.all()
    conditions = Counter(row.condition for row in rows)
    return visit.page(
        "settings/channels.html",
        status=422 if wrong else 200,
        rows=rows,
        kinds=discover(),
        health=health,
        conditions=[(each, conditions[each]) for each in CONDITIONS if conditions[each]],
        steps=steps,
        webhook=lambda row: visit.around.channels.webhook_url(row.kind, row.slug),
        connector=connector,
        slug=slug,
        values=values or {},
        there=frozenset(),
        options=_options(visit) if visit.form else ChannelOptions(language=visit.around.language),
        teams=teams,
        policies=LEAD_POLICIES,
        wrong=wrong,
        findings=findings,
        **_place(visit, connector, slug),
    )


def _place(visit: Visit, connector: Connector | None, slug: str) -> dict[str, Any]:
    """Where platforms find us, for the guide to show."""
    if connector is None:
        return {"address": "", "snippet": "", "try_at": "", "public": visit.around.is_https}
    address = visit.around.channels.webhook_url(connector.kind, slug)
    snippet = connector.snippet
    return {
        "address": address,
        "snippet": snippet(visit.around.public_url, slug) if snippet else "",
        "try_at": connector.try_at(slug) if connector.try_at else "",
        "public": visit.around.is_https,
    }


def _proposed(visit: Visit, connector: Connector) -> dict[str, str]:
    """Words that Allo thinks of, and what suits where it stands."""
    made = {
        each.name: secrets.token_hex(16)
        for each in connector.fields
        if each.made_up and any(each.name in step.fields for step in connector.steps)
    }
    fitting = {each.name: each.public for each in connector.fields if each.public}
    return made | (fitting if visit.around.is_https else {})


async def channel(visit: Visit) -> web.Response:
    row = await visit.around.channels.find(visit.request.match_info["slug"])
    return await _form(visit, discover().get(row.kind), slug=row.slug, values=row.fields, row=row)


async def change(visit: Visit) -> web.Response:
    row = await visit.around.channels.find(visit.request.match_info["slug"])
    connector = discover().get(row.kind)
    if connector is None:
        raise web.HTTPNotFound
    fields = {
        name: value
        for name, value in _fields(visit, connector).items()
        # An empty secret was not typed: the old one stays.
        if value or name not in connector.secrets
    }
    try:
        await visit.around.channels.change(row.id, fields, _options(visit), by=visit.me)
    except Refused as refused:
        return await _form(
            visit,
            connector,
            slug=row.slug,
            values={**row.fields, **fields},
            row=row,
            wrong=visit.language.sentence(str(refused)),
        )
    return web.Response(status=303, headers={"Location": f"/settings/channels/{row.slug}?new=1"})


async def check(visit: Visit) -> web.Response:
    """Also tells the platform where to send its events, so it is a change and a POST."""
    row = await visit.around.channels.find(visit.request.match_info["slug"])
    findings = await visit.around.channels.check(row.id)
    if visit.wants_fragment:
        return visit.page("settings/findings.html", findings=_once(findings))
    return await _form(
        visit,
        discover().get(row.kind),
        slug=row.slug,
        values=row.fields,
        row=await visit.around.channels.find(row.slug),
        findings=findings,
    )


async def first(visit: Visit) -> web.Response:
    """Has anything come yet? The page asks until it has."""
    row = await visit.around.channels.find(visit.request.match_info["slug"])
    async with visit.around.engine.connect() as connection:
        conversation = await newest_conversation(connection, row.id) if row.last_event_at else None
    return visit.page(
        "settings/first_event.html",
        row=row,
        connector=discover().get(row.kind),
        conversation=conversation,
    )


async def set_state(visit: Visit) -> web.Response:
    row = await visit.around.channels.find(visit.request.match_info["slug"])
    state = visit.form.get("state", "")
    if state not in STATES:
        raise web.HTTPBadRequest
    await visit.around.channels.set_state(
        row.id, cast("Literal['active', 'paused', 'removed']", state), by=visit.me
    )
    return visit.back("/settings/channels")


async def _form(
    visit: Visit,
    connector: Connector | None,
    *,
    slug: str,
    values: Mapping[str, str],
    row: AccountRow,
    wrong: str = "",
    findings: Sequence[Any] = (),
) -> web.Response:
    async with visit.around.engine.connect() as connection:
        teams = await list_teams(connection)
        lines = await recent_lines(connection, row.id)
        health = await channel_health(connection, now=visit.now)
        conversation = await newest_conversation(connection, row.id) if row.last_event_at else None
    secret = connector.secrets if connector else frozenset()
    return visit.page(
        "settings/channel.html",
        status=422 if wrong else 200,
        connector=connector,
        row=row,
        slug=slug,
        values={name: value for name, value in values.items() if name not in secret},
        there={name for name in secret if row.fields.get(name)},
        teams=teams,
        lines=lines,
        health=health.get(row.id),
        conversation=conversation,
        policies=LEAD_POLICIES,
        options=_options(visit) if visit.form.get("lead_policy") else options_of(row),
        wrong=wrong,
        findings=findings,
        fresh="new" in visit.request.query,
        **_place(visit, connector, slug),
    )


def _once(findings: Sequence[Any]) -> Sequence[Any]:
    """Trying and connecting may find the same."""
    return list(dict.fromkeys(findings))


def _connector(visit: Visit) -> Connector:
    connector = discover().get(visit.request.match_info["kind"])
    if connector is None:
        raise web.HTTPNotFound
    return connector


def _fields(visit: Visit, connector: Connector) -> dict[str, str]:
    return {
        each.name: visit.form[f"field.{each.name}"].strip()
        for each in connector.fields
        if f"field.{each.name}" in visit.form
    }


def _options(visit: Visit) -> ChannelOptions:
    form = visit.form
    team = optional_uuid(form.get("team", ""))
    try:
        hours = int(form.get("silent_hours", "").strip() or 0) or None
    except ValueError as error:
        raise web.HTTPBadRequest from error
    silence = form.get("silence_minutes", "").strip()
    return ChannelOptions(
        region=form.get("region", "RU").strip().upper()[:2],
        language=form.get("language", "ru"),
        team=team,
        lead_policy=form.get("lead_policy", "no_open_lead"),
        silent_hours=hours,
        callback_minutes=_minutes(form.get("callback_minutes", "15")),
        promise_minutes=_minutes(form.get("promise_minutes", "15")),
        silence_minutes=_minutes(silence) if silence else None,
        silence_moves=_minutes(form.get("silence_moves", "2")),
    )


def _minutes(written: str) -> int:
    """What is no number is none that the desk takes, and it says so."""
    written = written.strip()
    return int(written) if written.isdecimal() and len(written) < LONGEST_NUMBER else 0


LONGEST_NUMBER: Final = 9

PAGES: Final[Sequence[Page]] = (
    get("/settings/channels", channels, Right.MANAGE_CHANNELS),
    get("/settings/channels/new/{kind}", new, Right.MANAGE_CHANNELS),
    post("/settings/channels/new/{kind}", add, Right.MANAGE_CHANNELS),
    post("/settings/channels/new/{kind}/try", try_new, Right.MANAGE_CHANNELS),
    get("/settings/channels/{slug}", channel, Right.MANAGE_CHANNELS),
    post("/settings/channels/{slug}", change, Right.MANAGE_CHANNELS),
    post("/settings/channels/{slug}/check", check, Right.MANAGE_CHANNELS),
    get("/settings/channels/{slug}/first", first, Right.MANAGE_CHANNELS),
    post("/settings/channels/{slug}/state", set_state, Right.MANAGE_CHANNELS),
)
