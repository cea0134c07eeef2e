"""Connected channels: how each is doing, connecting another, trying the credentials.

A form is made of the connector's own fields, so a new channel brings its form with it. Secrets go in and never out: a
page says that there is one, and an empty field leaves it as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast
from uuid import UUID

from aiohttp import web

from connectors.connector import Connector
from connectors.registry import discover
from inbox.channel_desk import ChannelOptions
from inbox.desk import Refused
from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from storage.accounts import AccountRow
from storage.reading.colleagues import list_teams

LEAD_POLICIES: Final = ("no_open_lead", "first_contact", "never")
STATES: Final = ("active", "paused", "removed")


async def channels(visit: Visit) -> web.Response:
    rows = await visit.around.channels.all()
    return visit.page(
        "settings/channels.html",
        rows=rows,
        kinds=discover(),
        webhook=lambda row: visit.around.channels.webhook_url(row.kind, row.slug),
    )


async def new(visit: Visit) -> web.Response:
    connector = _connector(visit)
    taken = {row.slug for row in await visit.around.channels.all()}
    slug = connector.kind.replace("_", "-")
    names = (slug, *(f"{slug}-{number}" for number in range(2, 1000)))
    return await _form(
        visit, connector, slug=next(each for each in names if each not in taken), values={}
    )


async def add(visit: Visit) -> web.Response:
    connector = _connector(visit)
    slug = visit.form.get("slug", "").strip().lower()[:63]
    fields = {name: value for name, value in _fields(visit, connector).items() if value}
    try:
        await visit.around.channels.add(connector.kind, slug, fields, _options(visit), by=visit.me)
    except Refused as refused:
        return await _form(
            visit, connector, slug=slug, values=fields, wrong=visit.language.sentence(str(refused))
        )
    return web.Response(status=303, headers={"Location": f"/settings/channels/{slug}?new=1"})


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
    row: AccountRow | None = None,
    wrong: str = "",
    findings: Sequence[Any] = (),
) -> web.Response:
    async with visit.around.engine.connect() as connection:
        teams = await list_teams(connection)
    secrets = connector.secrets if connector else frozenset()
    return visit.page(
        "settings/channel.html",
        status=422 if wrong else 200,
        connector=connector,
        row=row,
        slug=slug,
        values={name: value for name, value in values.items() if name not in secrets},
        there={name for name in secrets if row is not None and row.fields.get(name)},
        teams=teams,
        policies=LEAD_POLICIES,
        options=_options(visit) if visit.form else _kept(row),
        webhook=visit.around.channels.webhook_url(connector.kind, slug) if connector else "",
        wrong=wrong,
        findings=_once(findings),
        fresh="new" in visit.request.query,
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
    try:
        team = UUID(form["team"]) if form.get("team") else None
    except ValueError as error:
        raise web.HTTPBadRequest from error
    return ChannelOptions(
        region=form.get("region", "RU").strip().upper()[:2],
        language=form.get("language", "ru"),
        team=team,
        lead_policy=form.get("lead_policy", "no_open_lead"),
        callback_minutes=_minutes(form.get("callback_minutes", "15")),
    )


def _kept(row: AccountRow | None) -> ChannelOptions:
    if row is None:
        return ChannelOptions()
    return ChannelOptions(
        region=row.region,
        language=row.language,
        team=row.team_id,
        lead_policy=row.lead_policy,
        callback_minutes=row.callback_minutes,
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
    get("/settings/channels/{slug}", channel, Right.MANAGE_CHANNELS),
    post("/settings/channels/{slug}", change, Right.MANAGE_CHANNELS),
    post("/settings/channels/{slug}/check", check, Right.MANAGE_CHANNELS),
    post("/settings/channels/{slug}/state", set_state, Right.MANAGE_CHANNELS),
)
