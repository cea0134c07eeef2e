"""Where a person came from: touches made of the raw keys that an event carries.

One event may say several things at once: the link that was clicked, and the visits to the site before it. What was written
stays in `raw`, with the marks of how we know: `visit`, `click` and `link`, `number`, `ambiguous`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from router.message import SourceKeys
from router.origins import folded, origin_of, with_open_code
from router.records import Lead, Touch
from router.tracks import Track, followed
from router.world import World

SITE: Final = "site"
"""The channel of a visit to the business's own site."""
BY_HAND: Final = "by_hand"
"""The medium of a touch that a colleague told of."""
_NO_ID: Final = UUID(int=0)


def touches_of(
    world: World,
    keys: SourceKeys | None,
    *,
    channel: str,
    contact: UUID,
    event: UUID,
    at: datetime,
) -> Sequence[Touch]:
    """The touches that an event's keys make, oldest first; none when they say nothing new about where the person came from."""
    if keys is None:
        return ()
    track = followed(world, keys, contact=contact, channel=channel)
    return record(world, track, channel=channel, contact=contact, event=event, at=at)


def record(
    world: World, track: Track, *, channel: str, contact: UUID, event: UUID, at: datetime
) -> Sequence[Touch]:
    """The touches of a track that are not known yet."""
    said = [(each, SITE, {"visit": each.visit} if each.visit else {}) for each in track.earlier]
    if track.keys is not None:
        said.append((with_open_code(track.keys), channel, track.marks))
    made = []
    for keys, where, marks in said:
        # Platforms tell the time in whole seconds: what led to a message is never after it.
        then = min(keys.visited_at or at, at)
        touch = _touch(keys, channel=where, contact=contact, at=then, marks=marks)
        if touch is None or _is_known(touch, world.touches.get(contact, ())):
            continue
        touch.id = world.new_id()
        made.append(world.add(touch))
    if made:
        # One touch is the event's own; the visits before it were events of their own, somewhere else.
        made[-1].event_id = event
    return made


def touch_of_visit(keys: SourceKeys, *, id_: UUID) -> Touch | None:
    """Of somebody who has not said a word yet."""
    assert keys.visited_at is not None  # noqa: S101  # a visit's moment is the server's own
    marks = {"visit": keys.visit} if keys.visit else {}
    touch = _touch(keys, channel="site_chat", contact=None, at=keys.visited_at, marks=marks)
    if touch is not None:
        touch.id = id_
    return touch


def take_snapshot(world: World, lead: Lead) -> bool:
    """Sets the lead's first and last touch from its contact's touches up to its opening; True when they changed."""
    before = [
        touch for touch in world.touches.get(lead.contact_id, ()) if touch.at <= lead.created_at
    ]
    if not before:
        had = lead.first_touch_id is not None
        lead.first_touch_id = lead.last_touch_id = lead.first_touch = lead.last_touch = None
        return had
    before = counted(before)
    first, last = before[0], before[-1]
    if (first.id, last.id) == (lead.first_touch_id, lead.last_touch_id):
        return False
    lead.first_touch_id, lead.first_touch = first.id, snapshot(first)
    lead.last_touch_id, lead.last_touch = last.id, snapshot(last)
    return True


class _Countable(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def at(self) -> datetime: ...
    @property
    def source(self) -> str: ...
    @property
    def medium(self) -> str: ...
    @property
    def campaign(self) -> str: ...
    @property
    def visit(self) -> str: ...


T = TypeVar("T", bound=_Countable)


def counted(touches: Iterable[T]) -> list[T]:
    """Those that attribution looks at, oldest first: each visit once, and what a colleague said only where nothing was found.

    A visit is kept by the site's chat, and again by whichever link is followed from it. While those were two contacts it was
    a touch of each; merged they have both, and keep both: the merge may be undone.
    """
    in_order = sorted(touches, key=lambda each: (each.at, each.id))
    found = [each for each in in_order if each.medium != BY_HAND] or in_order
    once: dict[object, T] = {}
    for each in found:
        once.setdefault((each.visit, each.source, each.campaign) if each.visit else each.id, each)
    return list(once.values())


def snapshot(touch: Touch) -> dict[str, Any]:
    """What a lead keeps of a touch."""
    return {
        "id": str(touch.id),
        "at": touch.at,
        "channel": touch.channel,
        "source": touch.source,
        "medium": touch.medium,
        "campaign": touch.campaign,
        "content": touch.content,
        "term": touch.term,
    }


def _touch(
    keys: SourceKeys,
    *,
    channel: str,
    contact: UUID | None,
    at: datetime,
    marks: Mapping[str, Any],
) -> Touch | None:
    """None when the keys say nothing. Its id is given to it when it is kept."""
    source, medium, campaign = origin_of(keys, channel)
    if not source:
        return None
    return Touch(
        id=_NO_ID,
        contact_id=contact,
        at=at,
        channel=channel,
        source=source,
        medium=medium,
        campaign=campaign,
        content=folded(keys.utm.get("content", "")),
        term=folded(keys.utm.get("term", "")),
        click_ids=dict(keys.click_ids),
        landing=keys.landing[:2000],
        referrer=keys.referrer[:2000],
        raw={
            "utm": dict(keys.utm),
            "code": keys.code,
            "referral": dict(keys.referral),
            **marks,
        },
    )


def _is_known(touch: Touch, known: Iterable[Touch]) -> bool:
    """The site repeats a visit's keys with every message, and a link may be followed again: each was one touch."""
    for each in known:
        if (each.source, each.campaign) != (touch.source, touch.campaign):
            continue
        if each.at == touch.at:
            return True
        for mark in ("visit", "click"):
            if touch.raw.get(mark) and touch.raw[mark] == each.raw.get(mark):
                return True
    return False
