"""Where an answer can go: the person's conversations as the composer offers them.

The one the customer wrote in last is chosen, if an answer can reach them there: a person who moved to another channel is
answered where they are now. One that is closed says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.connector import Capabilities
from connectors.registry import discover
from inbox.visit import Visit
from storage.reading.ways import WayRow, ways_to

UPLOAD_LIMIT = 50 * 1024 * 1024
"""Bytes of one file from a colleague; a channel may take less."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    row: WayRow
    address: str
    """Whom it goes to, as a person reads it; "" for a visitor, who has no address but the page."""
    closed: str
    """Why no answer can go there; "" when one can."""
    careful: str
    """What to know before sending."""
    window_left: str
    templates: bool
    """The time for a free reply is over, and nothing else is in the way: a template can be sent."""
    text_limit: int | None
    text_unit: str
    file_limit: int
    chosen: bool = False


async def ways_of(
    visit: Visit, connection: AsyncConnection, conversation_id: UUID, *, to: UUID | None = None
) -> Sequence[Way]:
    """The opened conversation first; exactly one is chosen: `to`, when an answer can go there."""
    ways = [
        _way(visit, row) for row in await ways_to(connection, conversation_id, sight=visit.sight)
    ]
    if not ways:
        return ()
    able = [each for each in ways if not each.closed]
    latest = max(able, key=lambda each: each.row.last_inbound_at or _LONG_AGO, default=ways[0])
    best = next((each for each in able if each.row.conversation_id == to), latest)
    return [replace(each, chosen=each is best) for each in ways]


def _way(visit: Visit, row: WayRow) -> Way:
    connector = discover().get(row.channel)
    can = connector.capabilities if connector else Capabilities()
    barred = _barred(visit, row)
    over = row.window_until is not None and row.window_until <= visit.now
    closed = barred or (_over(visit) if over else "")
    return Way(
        row=row,
        address="" if row.address_kind == "visitor" else row.address,
        closed=closed,
        careful="" if closed else _careful(visit, row),
        window_left=_window_left(visit, row),
        templates=over and not barred and connector is not None and connector.templates is not None,
        text_limit=can.text_limit,
        text_unit=can.text_unit,
        file_limit=min(can.attachment_limit or UPLOAD_LIMIT, UPLOAD_LIMIT)
        if can.attachments
        else 0,
    )


def _over(visit: Visit) -> str:
    _ = visit._
    return _("The time for a free reply is over; it opens again when the customer writes.")


def _barred(visit: Visit, row: WayRow) -> str:
    """Why nothing at all can go there."""
    _ = visit._
    connector = discover().get(row.channel)
    if row.contact_blocked:
        return _("This contact is blocked.")
    if connector is None or row.account_state == "removed":
        return _("The channel is disconnected.")
    if connector.send is None:
        return _("This channel only receives: notes can be left, replies cannot be sent.")
    if row.unreachable:
        return _("A reply will not arrive: {reason}").format(
            reason=visit.language.sentence(row.unreachable)
        )
    return ""


def _careful(visit: Visit, row: WayRow) -> str:
    _ = visit._
    if row.account_state == "paused":
        return _("The channel is paused: the reply leaves when it is resumed.")
    if row.account_state == "broken":
        return _("The channel does not work now: the reply leaves when it is mended.")
    return ""


def _window_left(visit: Visit, row: WayRow) -> str:
    if row.window_until is None or row.window_until <= visit.now:
        return ""
    left = visit.formats.span((row.window_until - visit.now).total_seconds())
    return visit._("{span} left to reply").format(span=left)
