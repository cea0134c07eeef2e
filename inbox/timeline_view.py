"""A timeline as the page draws it: one thread, in the colour of the channel the person was in.

Each entry is drawn without knowing its neighbours, so that it looks the same on loading, pushed and caught up; only the
cutting into sections (a channel each) and days looks around, and the page joins those when pieces come one by one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from connectors.registry import discover
from inbox.call_view import CallView, call_view
from inbox.file_looks import SAFE_INLINE, ShownAs, tame, too_much
from inbox.formats import Formats
from inbox.reasons import assigned_because, merged_because
from inbox.wording import WORDS
from storage.reading.message_rows import AttachmentRow, MessageRow
from storage.reading.timeline_lines import TimelineLine

LONG: Final = 1200
LONG_LINES: Final = 20
"""What is longer is folded, with its beginning in sight."""

_REMOTE: Final = re.compile(
    r"""<img[^>]{0,2000}\bsrc\s*=\s*["']?\s*(?:https?:)?//""", re.IGNORECASE
)

_GLYPHS: Final = {
    "assigned": "assign",
    "merged": "merge",
    "unmerged": "split",
    "lead": "stage",
    "status": "ok",
    "task": "tasks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    row: AttachmentRow
    shown_as: ShownAs

    @property
    def name(self) -> str:
        return tame(self.row.name)

    @property
    def extension(self) -> str:
        """What kind of file it is, by its name: PDF, XLSX; "" for a name that does not say."""
        _, dot, last = self.name.rpartition(".")
        return (
            last.upper() if dot and last.isascii() and last.isalnum() and len(last) <= 5 else ""
        )  # XHTML

    @property
    def heavy(self) -> bool:
        """A picture too large to be drawn here."""
        return self.shown_as == "image" and too_much(self.row)

    @property
    def waits(self) -> bool:
        return self.row.state == "wanted"

    @property
    def lost(self) -> bool:
        return self.row.state == "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """A message. `failure` and `retrying` are sentences, "" when there is nothing to say."""

    row: MessageRow
    files: tuple[ShownFile, ...]
    quoted_author: str
    quoted: str
    failure: str
    retrying: str
    map_link: str
    reactions: tuple[str, ...]
    event: str
    """What happened, when it is no message of anybody's."""
    call: CallView | None

    @property
    def has_pictures(self) -> bool:
        return any(
            each.shown_as in {"image", "video"} and each.row.state == "stored" and not each.heavy
            for each in self.files
        )

    @property
    def has_remote_pictures(self) -> bool:
        return _REMOTE.search(self.row.html) is not None

    @property
    def can_be_answered(self) -> bool:
        """Where the channel can show the customer which message an answer is to."""
        connector = discover().get(self.row.channel)
        return (
            connector is not None
            and connector.capabilities.replies
            and self.row.direction in {"in", "out"}
            and self.row.deleted_at is None
            and self.row.state not in {"failed", "unknown"}
        )

    @property
    def key(self) -> str:
        """What its author's page called it before it had an id."""
        return (self.row.idempotency_key or "").rpartition(":")[2]

    @property
    def is_long(self) -> bool:
        return len(self.row.text) > LONG or self.row.text.count("\n") > LONG_LINES

    @property
    def bare(self) -> bool:
        """Nothing else says what it is."""
        return not (self.row.text or self.row.html or self.files or self.map_link)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knot:
    """Something that happened around the messages."""

    line: TimelineLine
    glyph: str
    words: str
    because: str
    moved: str
    """What a merge brought together, counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`day` is set on the first entry of a day; `is_first_unread` on the one that "New messages" stands before."""

    content: Bubble | Knot
    day: date | None
    is_first_unread: bool

    @property
    def is_bubble(self) -> bool:
        return isinstance(self.content, Bubble)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What was said in one channel until the person moved to another."""

    conversation_id: UUID
    channel: str
    account: str
    entries: tuple[Entry, ...]


def sections(
    entries: Iterable[MessageRow | TimelineLine],
    *,
    formats: Formats,
    here: tuple[UUID, str, str],
    first_unread: UUID | None = None,
) -> list[Section]:
    """`here` is (conversation, channel, account) of the open conversation: where lines without messages go."""
    found: list[tuple[tuple[UUID, str, str], list[Entry]]] = []
    last_day: date | None = None
    for each in entries:
        if isinstance(each, TimelineLine) and each.kind == "lead" and each.what == "manager":
            # The assignment beside it says the same, and why.
            continue
        if isinstance(each, MessageRow):
            place, at = (each.conversation_id, each.channel, each.account), each.sent_at
            content: Bubble | Knot = bubble(each, formats=formats)
        else:
            place, at = (found[-1][0] if found else here), each.at
            content = knot(each, formats=formats)
        day = formats.local_day(at)
        entry = Entry(
            content=content,
            day=day if day != last_day else None,
            is_first_unread=isinstance(each, MessageRow) and each.id == first_unread,
        )
        last_day = day
        if not found or found[-1][0] != place:
            found.append((place, []))
        found[-1][1].append(entry)
    return [
        Section(conversation_id=place[0], channel=place[1], account=place[2], entries=tuple(inside))
        for place, inside in found
    ]


def first_unread(
    messages: Sequence[MessageRow], *, conversation_id: UUID, unread: int
) -> UUID | None:
    """The oldest of the last `unread` things the customer said in this conversation, when it is among these."""
    said = [
        each.id
        for each in messages
        if each.direction == "in" and each.conversation_id == conversation_id
    ]
    return said[-unread] if 0 < unread <= len(said) else None


def bubble(row: MessageRow, *, formats: Formats) -> Bubble:
    _ = formats.language._
    quoted = row.quote
    quoted_author = ""
    if row.quoted is not None:
        said = WORDS["kind"].get(row.quoted.kind, row.quoted.kind)
        quoted = quoted or row.quoted.text or formats.language._(said)
        if row.quoted.deleted:
            quoted = _("deleted")
        quoted_author = row.quoted.author
    return Bubble(
        row=row,
        files=tuple(
            ShownFile(row=each, shown_as=SAFE_INLINE.get(each.mime, "file"))
            for each in row.attachments
        ),
        quoted_author=quoted_author,
        quoted=quoted,
        failure=_failure(row, formats=formats) if row.state in {"failed", "unknown"} else "",
        retrying=_retrying(row, formats=formats),
        map_link=_map_link(row.details) if row.kind == "location" else "",
        reactions=_reactions(row.reactions),
        event=_event(row, formats=formats) if row.kind == "service" else "",
        call=call_view(row.call, channel=row.channel, formats=formats) if row.call else None,
    )


def knot(line: TimelineLine, *, formats: Formats) -> Knot:
    words, because = _knot_words(line, formats=formats), ""
    if line.kind == "assigned":
        because = assigned_because(line, spoken=formats.language)
    elif line.by_name:
        words = f"{words} · {line.by_name}"
    if line.kind == "merged" and line.what != "by_hand":
        words = f"{words}. {merged_because(line.reason, spoken=formats.language)}"
    return Knot(
        line=line,
        glyph=_STATUS_GLYPHS.get(str(line.after), "ok")
        if line.kind == "status"
        else _GLYPHS[line.kind],
        words=words,
        because=because,
        moved=_moved(line.after, formats=formats) if line.kind == "merged" else "",
    )


def _knot_words(line: TimelineLine, *, formats: Formats) -> str:  # noqa: PLR0911  # one per kind of line
    _ = formats.language._
    match line.kind:
        case "assigned" if line.manager_name:
            return _("Assigned to {name}").format(name=line.manager_name)
        case "assigned" if line.team_name:
            return _("In the queue of {team}").format(team=line.team_name)
        case "assigned":
            return _("Back in the queue")
        case "merged" | "unmerged":
            said = {
                "merged": _("Two contacts became one: {name} was taken in"),
                "unmerged": _("{name} is a contact of its own again"),
            }
            return said[line.kind].format(name=line.other_name or _("No name"))
        case "status":
            return _status_words(line, formats=formats)
        case "task":
            said = {"opened": _("Task: {task}"), "done": _("Done: {task}")}
            return said[line.what].format(task=line.reason)
        case "lead":
            return lead_words(line.what, line.lead_number or 0, line.after, formats=formats)


_MOVED: Final = ("conversation", "identity", "lead", "touch", "task")
_STATUS_GLYPHS: Final = {"snoozed": "moon", "spam": "ban", "waiting": "clock", "open": "retry"}


def _status_words(line: TimelineLine, *, formats: Formats) -> str:
    _ = formats.language._
    if line.what == "conversation_by_itself":
        return (
            _("Back in the list")
            if line.before == "snoozed"
            else _("Open again: the customer is back")
        )
    return {
        "open": _("Opened again") if line.before in {"resolved", "spam"} else _("Open"),
        "waiting": _("Waiting for the customer"),
        "snoozed": _("Snoozed"),
        "resolved": _("Resolved"),
        "spam": _("Marked as spam"),
    }.get(str(line.after), str(line.after))


def _moved(counts: Any, *, formats: Formats) -> str:
    """2 conversations, 1 lead: of the records that have a name among people."""
    n = formats.language.n
    if not isinstance(counts, dict):
        return ""
    many = {name: int(counts.get(name, 0)) for name in _MOVED}
    told = (
        n("{n} conversation", "{n} conversations", many["conversation"]),
        n("{n} address", "{n} addresses", many["identity"]),
        n("{n} lead", "{n} leads", many["lead"]),
        n("{n} touch", "{n} touches", many["touch"]),
        n("{n} task", "{n} tasks", many["task"]),
    )
    return ", ".join(
        each.format(n=number) for each, number in zip(told, many.values(), strict=True) if number
    )


def lead_words(what: str, number: int, after: Any, *, formats: Formats) -> str:
    """What happened to a lead; `after` is what the history keeps, with the stage's name where there is one."""
    _ = formats.language._
    name = str(after.get("name") or after.get("stage") or "") if isinstance(after, dict) else ""
    said = {
        "opened": _("Lead {number} opened"),
        "created": _("Lead {number} opened"),
        "stage": _("Lead {number}: stage {name}") if name else _("Lead {number}: stage changed"),
        "value": _("Lead {number}: value changed"),
        "manager": _("Lead {number}: manager changed"),
        "won": _("Lead {number} won"),
        "lost": _("Lead {number} lost"),
        "reopened": _("Lead {number} open again"),
        "merged": _("Lead {number} joined with another"),
        "title": _("Lead {number} renamed"),
    }.get(what, _("Lead {number} changed"))
    return said.format(number=number, name=name)


_FAMILIES: Final = {
    # By the names of connectors.errors.
    "Throttled": "throttled",
    "Unreachable": "unreachable",
    "WindowClosed": "window",
    "AccountBroken": "account",
    "Rejected": "rejected",
}


def _failure(row: MessageRow, *, formats: Formats) -> str:
    _ = formats.language._
    connector = discover().get(row.channel)
    channel = formats.language.channel_words(connector.label) if connector else row.channel
    family = row.delivery.error_family if row.delivery else ""
    detail = formats.language.sentence(row.error or (row.delivery.error if row.delivery else ""))
    if row.state == "unknown":
        return _("The connection to {channel} broke off: it may have arrived or not.").format(
            channel=channel
        )
    said = {
        "unreachable": _("Not sent: {channel} does not answer."),
        "throttled": _("Not sent: {channel} takes no more messages for now."),
        "window": _("Not sent: the time for a free reply in {channel} is over."),
        "account": _("Not sent: {channel} does not accept our credentials."),
    }.get(_FAMILIES.get(family, family.lower()), _("Not sent."))
    words = said.format(channel=channel)
    return f"{words} {detail}" if detail else words


def _retrying(row: MessageRow, *, formats: Formats) -> str:
    sending = row.delivery
    if (
        sending is None
        or sending.state != "queued"
        or not sending.error
        or sending.next_attempt_at <= formats.now
    ):
        return ""
    return formats.language._("Not sent yet: {reason}. Trying again at {time}").format(
        reason=formats.language.sentence(sending.error).rstrip("."),
        time=formats.clock(sending.next_attempt_at),
    )


def _event(row: MessageRow, *, formats: Formats) -> str:
    _ = formats.language._
    if row.text == "/start":
        return _("Pressed Start in the bot")
    known = WORDS["event"].get(str(row.details.get("event", "")))
    said = [_(known) if known else "", row.text]
    nothing_known = WORDS["kind"]["service"]
    return ": ".join(part for part in said if part) or _(nothing_known)


def _map_link(details: Mapping[str, Any]) -> str:
    latitude = details.get("latitude", details.get("lat"))
    longitude = details.get("longitude", details.get("lon"))
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return ""
    query = urlencode({"mlat": latitude, "mlon": longitude})
    return f"https://www.openstreetmap.org/?{query}#map=16/{latitude}/{longitude}"


def _reactions(reactions: Mapping[str, Any]) -> tuple[str, ...]:
    """Stored by who reacted (`router.receipts`: {"emoji": […], "at": …}); one mark per emoji is enough to read."""
    marks = {str(mark)[:16]: None for given in reactions.values() for mark in given["emoji"]}
    return tuple(marks)[:8]
