"""Connected channels, as the settings page asks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from connectors.connector import Finding
from storage.accounts import AccountRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOptions:
    """What every account has, whatever its kind."""

    region: str = "RU"
    language: str = "ru"
    team: UUID | None = None
    lead_policy: str = "no_open_lead"
    callback_minutes: int = 15
    """Working minutes in which a missed call is to be called back."""


class ChannelDesk(Protocol):
    """Every change is one transaction with its audit line. Refused and NotFound are inbox.desk's."""

    async def add(
        self,
        kind: str,
        slug: str,
        fields: Mapping[str, str],
        options: ChannelOptions,
        *,
        by: UUID | None,
    ) -> UUID:
        """Kept also when the platform cannot be reached. Raises Refused."""

    async def change(
        self, account: UUID, fields: Mapping[str, str], options: ChannelOptions, *, by: UUID | None
    ) -> None:
        """Fields that are not named keep their value. Raises Refused, NotFound."""

    async def set_state(
        self, account: UUID, state: Literal["active", "paused", "removed"], *, by: UUID | None
    ) -> None:
        """Raises NotFound."""

    async def check(self, account: UUID) -> Sequence[Finding]:
        """Tries the credentials for real, and tells the platform where to send its events. Raises NotFound."""

    async def all(self) -> Sequence[AccountRow]:
        """Without those removed."""

    async def find(self, slug: str) -> AccountRow:
        """Raises NotFound."""

    def webhook_url(self, kind: str, slug: str) -> str:
        """Empty for a kind without webhooks."""
