"""What colleagues do, as the pages and the API ask for it.

Every method is one transaction in which the router decides and the records, counters, facts and the audit line change
together. `by` is the colleague (None: an API token or the command line). All raise NotFound for an id that is not there,
and Refused, with a sentence for the person, when the rules do not allow it. Rights are checked by the caller.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from router.asking import AnsweredMeanwhile, NewFile, NotFound, Presence, Refused


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
    ) -> UUID: ...

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
        status: Literal["open", "waiting", "snoozed", "resolved", "spam"],
        *,
        by: UUID | None,
        until: datetime | None = None,
    ) -> None:
        """Snoozed without `until`: until the customer writes."""

    async def mark_read(self, conversation: UUID, *, by: UUID) -> None: ...

    async def mark_unread(self, conversation: UUID, *, by: UUID) -> None: ...

    async def set_labels(
        self, conversation: UUID, labels: Sequence[str], *, by: UUID | None
    ) -> None: ...

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
        """Of: name, manager_id, fields (merged key by key), blocked, locale."""

    async def merge(
        self, survivor: UUID, absorbed: UUID, *, by: UUID | None, reason: str = ""
    ) -> UUID:
        """Returns the merge. The older of the two survives, whichever is named first."""

    async def unmerge(self, merge: UUID, *, by: UUID | None) -> UUID:
        """Gives back exactly what was each one's; returns the contact that is there again."""

    async def decide_suggestion(
        self, suggestion: UUID, *, accept: bool, by: UUID | None
    ) -> None: ...

    async def erase_contact(self, contact: UUID, *, by: UUID | None) -> None: ...

    async def create_lead(
        self, contact: UUID, *, by: UUID | None, title: str = "", value: int | None = None
    ) -> UUID: ...

    async def change_lead(self, lead: UUID, changes: Mapping[str, Any], *, by: UUID | None) -> None:
        """Of: stage_id, title, value (minor units), manager_id, lost_reason, fields, status (open, won, lost)."""


__all__ = ["AnsweredMeanwhile", "Desk", "NewFile", "NotFound", "Presence", "Refused"]
