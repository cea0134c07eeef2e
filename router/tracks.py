"""What a code or a number stands for: the link behind it, the click, the visits that led to it.

    a code (Telegram's start, VK's ref, the words of a WhatsApp message, a mail's address)
        ─▶ a click: its own address's UTM, or the link's; and the visits the site's script remembered
        ─▶ a link itself, read off paper: the link's UTM
    a number that was called
        ─▶ static: its own UTM
        ─▶ lent to one visit: that visit's; to several that could have called: nobody knows, and that is what is said

A click's visits are one person's: whoever comes with its code first. The code that is passed on to somebody else still
says which link it was, and nothing of the first one's visits.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from router.clean_text import clean_line
from router.message import SourceKeys
from router.origins import origin_of
from router.records import LinkClick, NumberLease, TrackedLink
from router.world import World

PATIENCE: Final = timedelta(minutes=30)
"""After a number was taken back from a visit: people write it down, and call when they have finished reading."""
AMBIGUOUS: Final = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """`keys` make the touch (None: the visits before it say it all), `earlier` those before it; `marks` go into `raw`."""

    keys: SourceKeys | None
    earlier: tuple[SourceKeys, ...] = ()
    marks: dict[str, Any] = field(default_factory=dict)


def followed(world: World, keys: SourceKeys, *, contact: UUID, channel: str) -> Track:
    """What the keys say, with what is known of their code."""
    code = keys.code.lower()
    click = world.tracks.clicks.get(code) if code else None
    if click is not None:
        return _of_click(world, click, keys, contact=contact, channel=channel)
    link = world.tracks.links.get(code) if code else world.tracks.links.get(keys.alias.lower())
    if link is not None:
        return Track(
            keys=_with_utm(keys, link.utm) or _named_by(link, keys, channel),
            earlier=keys.earlier,
            marks={"link": link.name},
        )
    marks = {"visit": keys.visit} if keys.visit else {}
    return Track(keys=replace(keys, earlier=()), earlier=keys.earlier, marks=marks)


def called(world: World, number: str, *, at: datetime) -> Track | None:
    """What a call to this number says; None: it is not one that says anything."""
    number = as_called(number)
    line = world.tracks.lines.get(number)
    utm = line.utm if line is not None else {}
    leases = [
        each
        for each in world.tracks.leases.get(number, ())
        if each.at <= at <= each.until + PATIENCE and says_something(each)
    ]
    if not leases:
        if line is None or not utm:
            return None
        return Track(keys=SourceKeys(utm=dict(utm), visited_at=at), marks={"number": line.name})
    marks: dict[str, Any] = {"number": line.name or number if line is not None else number}
    if utm:
        # The number itself says where from; the visits before it are somebody's only if nobody else's.
        earlier = leases[0].keys.earlier if len(leases) == 1 else ()
        return Track(keys=SourceKeys(utm=dict(utm), visited_at=at), earlier=earlier, marks=marks)
    if len(leases) == 1:
        return _of_lease(leases[0], at=at, marks=marks)
    origins = {_last_words(each) for each in leases}
    if len(origins) == 1:
        only = _of_lease(leases[-1], at=at, marks=marks)
        last = only.keys or only.earlier[-1]
        return Track(keys=replace(last, visited_at=at, visit=""), marks=marks)
    told = [{"source": s, "medium": m, "campaign": c} for s, m, c in sorted(origins)]
    return Track(
        keys=SourceKeys(utm={"source": AMBIGUOUS, "medium": "phone"}, visited_at=at),
        marks={**marks, AMBIGUOUS: told},
    )


def as_called(number: str) -> str:
    """As numbers are kept, whatever the exchange puts around the digits."""
    return "+" + "".join(char for char in number if char.isdecimal())


def provider_says(keys: SourceKeys | None) -> bool:
    """The exchange itself tells which advertisement it was: it has looked on at the visit."""
    return keys is not None and bool(keys.utm.get("source") or keys.click_ids)


def says_something(lease: NumberLease) -> bool:
    return bool(
        lease.keys.earlier or lease.keys.utm.get("source") or lease.keys.click_ids or lease.utm
    )


def _of_click(
    world: World, click: LinkClick, keys: SourceKeys, *, contact: UUID, channel: str
) -> Track:
    link, own = click.link, click.keys
    first = world.contacts.get(click.contact_id) if click.contact_id is not None else None
    theirs = click.contact_id is None or (
        first is not None and contact in {first.id, first.merged_into}
    )
    if click.contact_id is None:
        click.contact_id = contact
        world.change(click)
    earlier = own.earlier if theirs else ()
    marks = {"click": click.code, "link": link.name}
    at = click.at if theirs else None
    said = replace(
        keys,
        utm=dict(own.utm if own.utm.get("source") else link.utm or own.utm),
        click_ids={**own.click_ids, **keys.click_ids},
        referrer="",
        landing=own.referrer,
        visited_at=at,
        earlier=(),
    )
    if said.utm.get("source") or said.click_ids or keys.referral.get("source_type"):
        return Track(keys=said, earlier=earlier, marks=marks)
    if earlier:
        # A button on the business's own site: who presses it came by what brought them to the site.
        return Track(keys=None, earlier=earlier, marks=marks)
    return Track(keys=_named_by(link, said, channel), marks=marks)


def _with_utm(keys: SourceKeys, utm: dict[str, str]) -> SourceKeys | None:
    return replace(keys, utm=dict(utm), earlier=()) if utm.get("source") else None


def _named_by(link: TrackedLink, keys: SourceKeys, channel: str) -> SourceKeys:
    """A link without words of its own is known by its name."""
    name = clean_line(link.name, limit=255) or link.code
    return replace(keys, utm={"source": "link", "medium": channel, "campaign": name}, earlier=())


def _of_lease(lease: NumberLease, *, at: datetime, marks: dict[str, Any]) -> Track:
    own = lease.keys
    if own.utm.get("source") or own.click_ids or lease.utm:
        utm = own.utm if own.utm.get("source") else lease.utm
        keys = SourceKeys(utm=dict(utm), click_ids=dict(own.click_ids), visited_at=lease.at)
        return Track(keys=keys, earlier=own.earlier, marks=marks)
    return Track(keys=None, earlier=own.earlier, marks=marks)


def _last_words(lease: NumberLease) -> tuple[str, str, str]:
    track = _of_lease(lease, at=lease.at, marks={})
    return origin_of(track.keys or track.earlier[-1], "phone")
