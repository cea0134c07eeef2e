"""What could not be processed, as the settings page handles it."""

from typing import Protocol
from uuid import UUID


class DeadLetterDesk(Protocol):
    """Both raise inbox.desk.NotFound for one that is not there or already closed."""

    async def replay(self, letter: UUID, *, by: UUID | None) -> None:
        """Puts it back where it failed."""

    async def replay_alike(self, letter: UUID, *, by: UUID | None) -> int:
        """Puts back all that failed at the same place for the same reason; how many. Raises NotFound, Refused."""

    async def drop(self, letter: UUID, *, by: UUID | None) -> None:
        """Closes it without processing; the body is kept until retention ends."""
