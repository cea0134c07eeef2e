"""Load: what the codes and the called numbers of a batch stand for (`router.tracks`)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from router.clean_text import clean_line
from router.digests import is_code
from router.message import Accepted, CallReported
from router.records import CallLine, DigestRecipient, LinkClick, NumberLease, TrackedLink
from router.tracks import PATIENCE, as_called
from router.world import World
from storage import bulk
from storage.bulk import Records

_LINKS = Records(
    TrackedLink,
    "select l.id, l.code, l.name, l.address, l.utm from unnest(cast(:codes as text[])) as k(code),"
    " lateral (select * from tracked_link where code = k.code offset 0) as l",
)
# A link in use before one that was put away, the newest of those first.
_ALIASES = Records(
    TrackedLink,
    "select l.id, l.code, l.name, l.address, l.utm from unnest(cast(:aliases as text[])) as k(alias),"
    " lateral (select * from tracked_link where address = k.alias and kind = 'email'"
    "  order by archived_at is not null, created_at desc limit 1) as l",
)
_CLICKS = Records(
    LinkClick,
    "select c.id, c.code, c.at, c.keys, c.contact_id,"
    " json_build_object('id', l.id, 'code', l.code, 'name', l.name, 'address', l.address, 'utm', l.utm) as link"
    " from unnest(cast(:codes as text[])) as k(code),"
    " lateral (select * from link_click where code = k.code offset 0) as c join tracked_link l on l.id = c.link_id",
)
_RECIPIENTS = Records(
    DigestRecipient,
    "select r.id, r.code, r.address, d.account_id from unnest(cast(:codes as text[])) as k(code),"
    " lateral (select * from digest_recipient where code = k.code for no key update) as r"
    " join digest d on d.id = r.digest_id",
)
_LINES = Records(
    CallLine,
    "select n.number, n.name, n.utm from unnest(cast(:numbers as text[])) as k(number),"
    " lateral (select * from call_number where number = k.number offset 0) as n"
    " union all select l.address, l.name, l.utm from unnest(cast(:numbers as text[])) as k(number),"
    " lateral (select * from tracked_link where address = k.number and kind not in ('whatsapp', 'site')"
    "  order by archived_at is not null, created_at desc limit 1) as l"
    " where not exists (select from call_number where number = k.number)",
)
# Of a number that is much clicked on: more than a few who could have called are as good as any.
_LEASES = Records(
    NumberLease,
    "select r.id, r.number, r.at, r.until, r.keys, coalesce(l.utm, '{}') as utm"
    " from unnest(cast(:numbers as text[]), cast(:moments as timestamptz[])) as k(number, at),"
    " lateral (select * from number_lease where number = k.number and until >= k.at - cast(:patience as interval)"
    "  and at <= k.at order by until desc limit 50) as r left join tracked_link l on l.id = r.link_id",
)


async def load_tracks(connection: AsyncConnection, world: World, batch: Sequence[Accepted]) -> None:
    """Nothing is asked for a batch without codes and calls, as most are."""
    codes: set[str] = set()
    digests: set[str] = set()
    aliases: set[str] = set()
    calls: set[tuple[str, datetime]] = set()
    for accepted in batch:
        event = accepted.event
        source = getattr(event, "source", None)
        if source is not None and is_code(source.code):
            digests.add(source.code)
        elif source is not None and source.code:
            codes.add(clean_line(source.code.lower()))
        if source is not None and source.alias:
            aliases.add(clean_line(source.alias.lower(), limit=320))
        if isinstance(event, CallReported) and event.direction == "in" and event.ours:
            call = world.calls.get((accepted.account, event.call))
            began = call.started_at if call is not None else event.started_at or event.at
            calls.add((as_called(event.ours), began))
    if digests:
        recipients = _RECIPIENTS.asked(codes=sorted(digests))
        await bulk.answer(connection, recipients)
        world.tracks.recipients = {each.code: each for each in recipients.found}
    if codes or aliases:
        await _load_links(connection, world, codes, aliases)
    if calls:
        await _load_numbers(connection, world, list(calls))


async def _load_links(
    connection: AsyncConnection, world: World, codes: Collection[str], aliases: Collection[str]
) -> None:
    links = _LINKS.asked(codes=list(codes))
    clicks = _CLICKS.asked(codes=list(codes))
    named = _ALIASES.asked(aliases=list(aliases))
    await bulk.answer(connection, links, clicks, named)
    world.tracks.links = {each.address.lower(): each for each in named.found}
    world.tracks.links |= {each.code: each for each in links.found}
    world.tracks.clicks = {each.code: each for each in clicks.found}


async def _load_numbers(
    connection: AsyncConnection, world: World, calls: Sequence[tuple[str, datetime]]
) -> None:
    numbers, moments = [each[0] for each in calls], [each[1] for each in calls]
    lines = _LINES.asked(numbers=numbers)
    leases = _LEASES.asked(numbers=numbers, moments=moments, patience=PATIENCE)
    await bulk.answer(connection, lines, leases)
    world.tracks.lines = {each.number: each for each in lines.found}
    found = {each.id: each for each in leases.found}
    for lease in sorted(found.values(), key=lambda each: (each.at, each.id)):
        world.tracks.leases.setdefault(lease.number, []).append(lease)
