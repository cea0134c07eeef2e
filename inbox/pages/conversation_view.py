"""What an open conversation's pane shows, gathered in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.pages.at_hand import AtHand, answering_colleagues
from inbox.pages.attending import Beside, company_of
from inbox.pages.uploads import MOST_FILES
from inbox.pages.ways import Way, ways_of
from inbox.timeline_view import Section, first_unread, sections
from inbox.visit import Visit
from storage.drafts import Draft, draft_of
from storage.profile import send_key_of
from storage.reading.colleagues import TeamRow, UserRow, list_teams
from storage.reading.conversation_rows import ConversationRow
from storage.reading.messages import Timeline, timeline, timeline_around
from storage.reading.notices import is_muted
from storage.reading.ways import WayRow, ways_to

PAGE = 40
CHANNELS_COOKIE: Final = "allo_channels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands above the messages, and changes while they do not."""

    row: ConversationRow
    colleagues: Sequence[UserRow]
    teams: Sequence[TeamRow]
    snoozes: Sequence[tuple[str, datetime]]
    only: bool
    """This channel alone is shown, not all of the person's."""
    elsewhere: bool
    """The person has been in other conversations too."""
    company: Sequence[Beside]
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    row: ConversationRow
    sections: Sequence[Section]
    earlier: str | None
    later: str | None
    colleagues: Sequence[UserRow]
    teams: Sequence[TeamRow]
    snoozes: Sequence[tuple[str, datetime]]
    draft: str
    draft_is_note: bool
    kept: Draft | None
    """All of the draft; `draft` is its text."""
    send_key: str
    """What sends: ctrl_enter or enter."""
    form_key: str
    """Given with the form: the same form sent twice is one message."""
    ways: Sequence[Way]
    most_files: int
    known_labels: Sequence[str]
    muted: bool
    only: bool
    """This channel alone is shown, not all of the person's."""
    elsewhere: bool
    """The person has been in other conversations too."""
    company: Sequence[Beside]
    found: UUID | None
    """The message the reader was sent to."""
    reached: str
    """How far the conversations had come before they were read: from there a page catches up."""


async def open_conversation(
    visit: Visit,
    connection: AsyncConnection,
    row: ConversationRow,
    *,
    at_hand: AtHand,
    before: str = "",
    found: UUID | None = None,
) -> Opened:
    draft = await draft_of(connection, user_id=visit.me, conversation_id=row.id, sight=visit.sight)
    # Before the timeline: what comes between the two is caught up, and nothing is passed over.
    ways = await ways_of(visit, connection, row.id, to=draft.to if draft else None)
    only = one_channel_only(visit)
    shown: Timeline | None = None
    if found is not None:
        shown = await timeline_around(
            connection,
            found,
            sight=visit.sight,
            whole_contact=not only,
            within=row.contact_id,
            limit=PAGE,
        )
    if shown is None:
        found = None
        shown = await page_of(visit, connection, row, before=before)
    return Opened(
        row=row,
        sections=sections(
            shown.entries(),
            formats=visit.formats,
            here=(row.id, row.channel, row.account),
            first_unread=first_unread(
                shown.messages, conversation_id=row.id, unread=0 if before or found else row.unread
            ),
        ),
        earlier=shown.earlier,
        later=shown.later if before or found else None,
        colleagues=_to_hand_to(visit, at_hand.colleagues),
        teams=at_hand.teams,
        snoozes=snoozes(visit),
        draft=draft.text if draft else "",
        draft_is_note=draft.note if draft else False,
        kept=draft,
        send_key=await send_key_of(connection, visit.me),
        form_key=str(uuid4()),
        ways=ways,
        most_files=MOST_FILES,
        known_labels=at_hand.labels,
        muted=await is_muted(connection, visit.me, row.id),
        only=only,
        elsewhere=len(ways) > 1,
        company=await company_of(visit, connection),
        found=found,
        reached=reached_of([each.row for each in ways]),
    )


def reached_of(ways: Sequence[WayRow]) -> str:
    return ",".join(f"{each.conversation_id}:{each.seq}" for each in ways)


def one_channel_only(visit: Visit) -> bool:
    """As the reader left the switch."""
    given = visit.request.query.get("channels", "")
    kept = visit.request.cookies.get(CHANNELS_COOKIE, "")
    return (given if given in {"one", "all"} else kept) == "one"


async def page_of(
    visit: Visit,
    connection: AsyncConnection,
    row: ConversationRow,
    *,
    before: str = "",
    after: str = "",
) -> Timeline:
    """Of the channel or of the person, as the reader wants it. Raises BadCursor."""
    only = one_channel_only(visit)
    return await timeline(
        connection,
        conversation_id=row.id if only else None,
        contact_id=None if only else row.contact_id,
        before=before,
        after=after,
        limit=PAGE,
        sight=visit.sight,
    )


async def head_of(visit: Visit, connection: AsyncConnection, row: ConversationRow) -> Head:
    return Head(
        row=row,
        colleagues=_to_hand_to(visit, await answering_colleagues(connection)),
        teams=await list_teams(connection),
        snoozes=snoozes(visit),
        only=one_channel_only(visit),
        elsewhere=len(await ways_to(connection, row.id, sight=visit.sight)) > 1,
        company=await company_of(visit, connection),
        muted=await is_muted(connection, visit.me, row.id),
    )


def _to_hand_to(visit: Visit, colleagues: Sequence[UserRow]) -> list[UserRow]:
    """Oneself first."""
    return sorted(colleagues, key=lambda each: each.id != visit.me)


def snoozes(visit: Visit) -> list[tuple[str, datetime]]:
    """In an hour, this evening (while it is to come), tomorrow morning, on Monday: in the installation's time."""
    _ = visit._
    formats = visit.formats
    local = visit.now.astimezone(formats.zone)
    morning = local.replace(hour=9, minute=0, second=0, microsecond=0)
    evening = local.replace(hour=18, minute=0, second=0, microsecond=0)
    monday = morning + timedelta(days=7 - local.weekday())
    found = [(_("In an hour"), local + timedelta(hours=1))]
    if evening - local > timedelta(hours=1):
        found.append((_("This evening"), evening))
    found.append((_("Tomorrow morning"), morning + timedelta(days=1)))
    if monday.date() != (morning + timedelta(days=1)).date():
        found.append((_("On Monday"), monday))
    return found
