"""What a parser mended later says of an event that came long ago, beside what became of it then.

Only what a message says is corrected. Who wrote it, in which conversation, which lead and which source it made was decided
when it came, and people have worked with it since: that stays. An event that was no message then and is one now has had
no consequences yet, so it is told again, as new.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from router.clean_text import clean_line, clean_text
from router.intake import TEXT_LIMIT
from router.message import Attachment, ContactShared, Event, InboundMessage, MessageEdited

Verdict = Literal["unchanged", "corrected", "again", "left"]
"""corrected: the stored message says something else now. again: it is another event than it was taken for, and is to be
routed as new. left: it differs, and what was stored must not be touched any more."""

KEPT: Final = ("before_edit", "edit_seen", "authentication")
"""Details that stay as they are: what `router.receipts` wrote, and why the sender was believed or not when it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a message says, as it is stored."""

    kind: str
    text: str
    html: str
    subject: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A stored message. `files` are its attachments' (reference at the platform, hash)."""

    id: UUID
    direction: str
    words: Words
    files: tuple[tuple[str, str], ...] = ()
    edited_at: datetime | None
    deleted_at: datetime | None


def words_of(event: Event) -> Words | None:
    """What `router.intake` stores of it; None when it is no message that somebody wrote."""
    match event:
        case InboundMessage():
            return Words(
                kind=event.kind,
                text=clean_text(event.text, limit=TEXT_LIMIT),
                html=clean_text(event.html, limit=4 * TEXT_LIMIT),
                subject=clean_line(event.subject, limit=255),
                details={**event.details, "fingerprint": event.fingerprint}
                if event.fingerprint
                else event.details,
            )
        case ContactShared():
            numbers = ", ".join(key.display or key.value for key in event.phones)
            return Words(
                kind="contact",
                text=clean_text(f"{event.name} {numbers}".strip(), limit=1000),
                html="",
                subject="",
                details={
                    "own": event.own,
                    "name": event.name,
                    "phones": [key.value for key in event.phones],
                },
            )
        case _:
            return None


def judge(
    event: Event, *, came_as: str, outcome: str, stored: Remembered | None, edits: Remembered | None
) -> Verdict:
    """`came_as` and `outcome` are of the event's first reading, `stored` the message it became, if any; `edits` is the
    message that an edit is about.
    """
    reads_as = event.__struct_config__.tag
    if stored is not None and stored.direction in {"in", "out"}:
        said = words_of(event)
        if said is None:
            # A button or a call, as before; or what people have long read as a message is said to be none.
            return "unchanged" if reads_as == came_as else "left"
        if not differs(event, stored):
            return "unchanged"
        return "left" if stored.edited_at or stored.deleted_at else "corrected"
    if reads_as == came_as:
        edited_wrongly = isinstance(event, MessageEdited) and edits and _overtook(event, edits)
        return "again" if edited_wrongly else "unchanged"
    # What waits for its message is somewhere else as well, as it was read first.
    return "left" if outcome.startswith("waiting") else "again"


def differs(event: Event, stored: Remembered) -> bool:
    said = words_of(event)
    return said is not None and (
        corrected(stored.words, said) != stored.words or bool(missing_files(event, stored.files))
    )


def corrected(stored: Words, said: Words) -> Words:
    kept = {name: stored.details[name] for name in KEPT if name in stored.details}
    return Words(
        kind=said.kind,
        text=said.text,
        html=said.html,
        subject=said.subject,
        details={**said.details, **kept},
    )


def missing_files(event: Event, there: Collection[tuple[str, str]]) -> tuple[Attachment, ...]:
    """Attachments of the event that are not among `there`: by the platform's reference, or by content."""
    if not isinstance(event, InboundMessage):
        return ()
    left = list(there)
    missing = []
    for each in event.attachments:
        sha256 = each.sha256
        if each.content is not None:
            sha256 = hashlib.sha256(each.content).hexdigest()
        same = (
            one
            for one in left
            if (each.ref and one[0] == each.ref) or (sha256 and one[1] == sha256)
        )
        found = next(same, None)
        if found is None:
            missing.append(each)
        else:
            left.remove(found)
    return tuple(missing)


def _overtook(event: MessageEdited, message: Remembered) -> bool:
    """The edit says something that the message never came to say, and nothing later was seen of it."""
    seen = str(message.words.details.get("edit_seen", ""))
    if message.deleted_at or (message.edited_at is not None and message.edited_at >= event.at):
        return False
    if seen > event.at.astimezone(UTC).isoformat(timespec="microseconds"):
        return False
    said = clean_text(event.text, limit=TEXT_LIMIT), clean_text(event.html, limit=4 * TEXT_LIMIT)
    return said != (message.words.text, message.words.html)
