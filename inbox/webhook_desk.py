"""Outgoing webhooks, as the settings page and the API change them."""

from collections.abc import Sequence
from typing import Literal, Protocol
from uuid import UUID


class WebhookDesk(Protocol):
    """Every change is one transaction with its audit line. Refused and NotFound are inbox.desk's."""

    async def add(self, url: str, events: Sequence[str], *, by: UUID | None) -> tuple[UUID, str]:
        """The webhook, and the secret it signs with, which is told nobody again. Raises Refused."""

    async def change(
        self,
        webhook: UUID,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        state: Literal["active", "paused"] | None = None,
        by: UUID | None,
    ) -> None:
        """What is None stays. Raises Refused, NotFound."""

    async def new_secret(self, webhook: UUID, *, by: UUID | None) -> str:
        """The last one goes on signing for a day. Raises NotFound, Refused."""

    async def remove(self, webhook: UUID, *, by: UUID | None) -> None:
        """Raises NotFound."""

    async def ping(self, webhook: UUID) -> UUID:
        """Sends one about nothing; the delivery. Raises NotFound."""

    async def send_again(self, delivery: UUID) -> None:
        """Raises NotFound."""
