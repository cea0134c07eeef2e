"""What colleagues do, as the pages and the API ask for it.

Every method is one transaction in which the router decides and the records, counters, facts and the audit line change
together. `by` is the colleague (None: an API token or the command line). All raise NotFound for an id that is not there,
and Refused, with a sentence for the person, when the rules do not allow it. Rights are checked by the caller.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from router.asking import (
    AnsweredMeanwhile,
    BulkChange,
    BulkKind,
    BulkOutcome,
    MacroRun,
    NewFile,
    NotFound,
    Presence,
    Refused,
    Skipped,
    StepRefused,
)
from router.records import Status
from storage.lead_changes import MovedMeanwhile, Was
from storage.lead_places import Place


class Desk(Protocol):
    async def reply(
        self,
        conversation: UUID,
        *,
        by: UUID | None,
        text: str,
        files: Sequence[NewFile] = (),
        reply_to: UUID | None = None,
        idempotency_key: str | None = None,
        author_name: str = "",
        seen: int | None = None,
        template: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Stores the reply and queues its delivery; returns the message. The same key again returns the same message.

        Raises AnsweredMeanwhile when somebody else has answered after the message `seen`. `template` is what
        `connectors.message_templates.as_details` makes: such a reply goes out also when the time for a free one is over,
        and any other is then Refused.
        """

    async def note(
        self,
        conversation: UUID,
        *,
        by: UUID | None,
        text: str,
        idempotency_key: str | None = None,
        mentions: Sequence[UUID] = (),
        named: Sequence[str] = (),
    ) -> UUID:
        """`mentions` are the colleagues whom it names, who must exist; `named` is how the text names them."""

    async def run_macro(
        self,
        macro: UUID,
        conversation: UUID,
        *,
        by: UUID | None,
        text: str,
        notes: Sequence[str] = (),
        idempotency_key: str,
        author_name: str = "",
        seen: int | None = None,
    ) -> MacroRun:
        """The macro's reply as `text` (its places filled in), its notes as `notes`, and its steps: all of it or nothing.

        The same key again answers the same run. Raises StepRefused, AnsweredMeanwhile.
        """

    async def undo_macro(self, run: UUID, *, by: UUID) -> None:
        """Within a quarter of an hour, by whoever ran it. What was written stays written."""

    async def retry(self, message: UUID, *, by: UUID | None) -> None:
        """Sends a failed or unknown message again, because a person asked for it."""

    async def assign(
        self,
        conversation: UUID,
        *,
        by: UUID | None,
        manager: UUID | None = None,
        team: UUID | None = None,
    ) -> None:
        """To a manager; or to a team, whose strategy chooses; with neither, back to the queue of its team."""

    async def set_status(
        self,
        conversation: UUID,
        status: Status,
        *,
        by: UUID | None,
        until: datetime | None = None,
        key: UUID | None = None,
    ) -> None:
        """Snoozed without `until`: until the customer writes. `undo_many(key)` gives back exactly what it was."""

    async def mark_read(self, conversation: UUID, *, by: UUID) -> None: ...

    async def mark_unread(self, conversation: UUID, *, by: UUID) -> None: ...

    async def dismiss_failures(
        self, conversation: UUID, *, by: UUID, up_to: int | None = None
    ) -> int:
        """What was not sent is dealt with, up to the message number `up_to` (the newest); returns up to which it was
        before, to go back to.
        """

    async def set_labels(
        self, conversation: UUID, labels: Sequence[str], *, by: UUID | None
    ) -> None: ...

    async def change_many(
        self, key: UUID, change: BulkChange, seen: Mapping[UUID, str], *, by: UUID | None
    ) -> BulkOutcome:
        """To at most 200 conversations, all in one transaction. `seen` are their revisions as the page saw them: one that
        somebody has changed since is skipped and named. The same key again does nothing and says the same.
        """

    async def undo_many(self, key: UUID, *, by: UUID | None) -> BulkOutcome:
        """Gives each back what it was, but for those that somebody has changed since. Only one's own."""

    async def set_presence(self, user: UUID, presence: Presence, *, by: UUID | None) -> None:
        """Somebody who comes back is handed what waits."""

    async def create_contact(
        self,
        *,
        by: UUID | None,
        name: str,
        keys: Sequence[tuple[str, str]] = (),
        manager: UUID | None = None,
    ) -> UUID:
        """`keys` are (kind, value) pairs, taken as claimed."""

    async def change_contact(
        self, contact: UUID, changes: Mapping[str, Any], *, by: UUID | None
    ) -> None:
        """Of: name, manager_id, fields (merged key by key), blocked, block_reason, note, locale."""

    async def add_key(
        self, contact: UUID, *, kind: str, value: str, display: str = "", by: UUID | None
    ) -> UUID:
        """What the person says is theirs: taken as claimed. Whoever has proved it is suggested. Returns the claim."""

    async def remove_key(self, claim: UUID, *, by: UUID | None) -> None:
        """Only what was claimed: what is proved is not for us to take away."""

    async def vouch_for_key(self, claim: UUID, *, by: UUID | None) -> UUID:
        """A claimed phone number or address is proved from now on; Refused when it is anybody else's. Returns the key."""

    async def unvouch_key(self, key: UUID, *, by: UUID | None) -> None:
        """Claimed again, while nothing has come by it."""

    async def share_key(self, key: UUID, *, shared: bool, by: UUID | None) -> None:
        """An office's phone or address identifies nobody any more; with `shared` false it is the person's own again."""

    async def merge(
        self,
        survivor: UUID,
        absorbed: UUID,
        *,
        by: UUID | None,
        reason: str = "",
        keep: Mapping[str, UUID] | None = None,
    ) -> UUID:
        """Returns the merge. The older of the two survives, whichever is named first.

        `keep`: whose "name", "manager_id" and "fields.<key>" the one contact has; what is not named is the survivor's,
        or the other's where the survivor has none.
        """

    async def unmerge(self, merge: UUID, *, by: UUID | None) -> UUID:
        """Gives back exactly what was each one's; returns the contact that is there again."""

    async def decide_suggestion(
        self,
        suggestion: UUID,
        *,
        accept: bool,
        by: UUID | None,
        keep: Mapping[str, UUID] | None = None,
    ) -> UUID | None:
        """Returns the merge, if they are one. `keep` as in `merge`."""

    async def reopen_suggestion(self, suggestion: UUID, *, by: UUID | None) -> None:
        """One that was declined is asked again."""

    async def erase_contact(self, contact: UUID, *, by: UUID | None) -> None: ...

    async def create_lead(
        self,
        contact: UUID,
        *,
        by: UUID | None,
        title: str = "",
        value: int | None = None,
        stage: UUID | None = None,
    ) -> UUID:
        """In an open stage of any pipeline; the first of the first one when none is named."""

    async def change_lead(self, lead: UUID, changes: Mapping[str, Any], *, by: UUID | None) -> None:
        """Of: stage_id, title, value (minor units), manager_id, lost_reason, lost_details, fields, status (open, won, lost)."""

    async def move_lead(
        self,
        lead: UUID,
        stage: UUID,
        *,
        by: UUID | None,
        seen: UUID | None = None,
        place: Place | None = None,
        changes: Mapping[str, Any] | None = None,
        earlier: Was | None = None,
    ) -> Was:
        """Into a stage and to a place there; what it was before, which given back as `earlier` undoes it.

        Raises MovedMeanwhile when it is not in the stage `seen` any more.
        """

    async def note_lead(self, lead: UUID, words: str, *, by: UUID | None) -> None: ...


__all__ = [
    "AnsweredMeanwhile",
    "BulkChange",
    "BulkKind",
    "BulkOutcome",
    "Desk",
    "MacroRun",
    "MovedMeanwhile",
    "NewFile",
    "NotFound",
    "Place",
    "Presence",
    "Refused",
    "Skipped",
    "StepRefused",
    "Was",
]
