"""Calls that colleagues ask for, as the pages and the API ask for them."""

from typing import Protocol
from uuid import UUID


class CallDesk(Protocol):
    async def call(
        self,
        phone: str,
        *,
        by: UUID | None,
        account: str = "",
        extension: str = "",
        conversation: UUID | None = None,
        contact: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> UUID:
        """Rings the colleague, then the phone; returns the request, once the exchange has taken it.

        `by` is the colleague whose own extension is rung; `extension` is another's, or that of a caller without an
        account (an API token). `account` is the slug of the line; "": the one the contact was last spoken to on, or the
        first that can. `phone` as people write it. The same key again asks for nothing twice.

        Raises Refused, with a sentence about what is in the way.
        """

    def lines(self) -> bool:
        """Whether any connected channel can call."""
