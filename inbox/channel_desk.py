"""Connected channels, as the settings page asks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from connectors.connector import Finding
from connectors.message_templates import Template
from storage.accounts import AccountRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOptions:
    """What every account has, whatever its kind."""

    region: str = "RU"
    language: str = "ru"
    team: UUID | None = None
    lead_policy: str = "no_open_lead"
    silent_hours: int | None = None
    """Working hours without an event, after which it says so. None: never."""
    callback_minutes: int = 15
    """Working minutes in which a missed call is to be called back."""
    promise_minutes: int = 15
    """Minutes in which customers are to be answered: the list turns amber and red by it."""
    silence_minutes: int | None = None
    """Working minutes without an answer, after which the conversation goes to somebody else. None: it stays."""
    silence_moves: int = 2
    """So often."""


def options_of(row: AccountRow) -> ChannelOptions:
    """As they are kept."""
    return ChannelOptions(
        region=row.region,
        language=row.language,
        team=row.team_id,
        lead_policy=row.lead_policy,
        silent_hours=row.silent_hours,
        callback_minutes=row.callback_minutes,
        promise_minutes=row.promise_minutes,
        silence_minutes=row.silence_minutes,
        silence_moves=row.silence_moves,
    )


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

    async def try_new(self, kind: str, slug: str, fields: Mapping[str, str]) -> Sequence[Finding]:
        """Tries the credentials of a channel that is not connected yet, and keeps nothing. Raises Refused."""

    async def templates(self, slug: str) -> Sequence[Template]:
        """What can be sent when the time for a free reply is over; none where a channel has no such thing.

        Asks the platform. Raises Refused with its words when it does not answer, NotFound.
        """

    async def all(self) -> Sequence[AccountRow]:
        """Without those removed."""

    async def find(self, slug: str) -> AccountRow:
        """Raises NotFound."""

    def webhook_url(self, kind: str, slug: str) -> str:
        """Empty for a kind without webhooks."""
