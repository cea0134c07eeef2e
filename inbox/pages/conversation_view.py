"""What an open conversation's pane shows, gathered in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.pages.uploads import MOST_FILES
from inbox.pages.ways import Way, ways_of
from inbox.timeline_view import Section, first_unread, sections
from inbox.visit import Visit
from storage.drafts import Draft, draft_of
from storage.profile import send_key_of
from storage.reading.colleagues import TeamRow, UserRow, list_teams, list_users
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import known_labels
from storage.reading.messages import timeline
from storage.reading.notices import is_muted

PAGE = 40


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


async def open_conversation(
    visit: Visit, connection: AsyncConnection, row: ConversationRow, *, before: str = ""
) -> Opened:
    shown = await timeline(
        connection, sight=visit.sight, contact_id=row.contact_id, before=before, limit=PAGE
    )
    draft = await draft_of(connection, user_id=visit.me, conversation_id=row.id)
    return Opened(
        row=row,
        sections=sections(
            shown.entries(),
            formats=visit.formats,
            here=(row.id, row.channel, row.account),
            first_unread=first_unread(
                shown.messages, conversation_id=row.id, unread=0 if before else row.unread
            ),
        ),
        earlier=shown.earlier,
        later=shown.later if before else None,
        colleagues=await answering_colleagues(connection),
        teams=await list_teams(connection),
        snoozes=snoozes(visit),
        draft=draft.text if draft else "",
        draft_is_note=draft.note if draft else False,
        kept=draft,
        send_key=await send_key_of(connection, visit.me),
        form_key=str(uuid4()),
        ways=await ways_of(visit, connection, row.id, to=draft.to if draft else None),
        most_files=MOST_FILES,
        known_labels=await known_labels(connection, sight=visit.sight),
        muted=await is_muted(connection, visit.me, row.id),
    )


async def answering_colleagues(connection: AsyncConnection) -> list[UserRow]:
    """Those who can be given a conversation: here first, then away, then off."""
    order = ("here", "away", "off")
    return sorted(
        (
            each
            for each in await list_users(connection)
            if each.disabled_at is None and each.role != "marketer"
        ),
        key=lambda each: order.index(each.presence),
    )


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
