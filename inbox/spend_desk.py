"""Asking advertising platforms what they took, as the settings page arranges it."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID


class SpendDesk(Protocol):
    """Every change is one transaction with its audit line. Refused and NotFound are inbox.desk's."""

    async def connect(self, account: UUID, fields: Mapping[str, str], *, by: UUID) -> None:
        """Keeps the credentials and asks at once; secret fields that are empty stay. Raises Refused, NotFound."""

    async def known(self, account: UUID) -> Mapping[str, str]:
        """The fields that are no secrets. Raises NotFound."""

    async def disconnect(self, account: UUID, *, by: UUID) -> None:
        """The credentials are gone; what was told stays. Raises NotFound."""

    async def ask_now(self, account: UUID, *, by: UUID) -> None:
        """Raises Refused, NotFound."""

    async def pause(self, account: UUID, *, by: UUID) -> None:
        """Raises NotFound."""
