"""A mail that kills the connection: some servers hang up on whoever asks for a mail that they cannot read.

Asked for again after every reconnection, such a mail would block the box for ever; passed over at the first loss, a mail might
be lost to a restart. So after a loss in the middle of a batch the mails are asked for one by one; the one that loses the
connection twice more is suspected, and is passed over only when the server gives another mail meanwhile. When it gives none, or
there is no other, the server is out of order, and everything waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STRIKES: Final = 2
WITNESSES: Final = 4
LOSSES: Final = 20


@dataclass(slots=True)
class Suspicion:
    careful: bool = False
    """One mail at a time."""
    uid: int = 0
    strikes: int = 0
    _losses: int = 0

    @property
    def strong(self) -> bool:
        return self.strikes >= STRIKES

    @property
    def witness(self) -> int:
        """Which of the other mails is asked for: after each further loss another one."""
        return self.strikes - STRIKES

    def goes_on(self, asking: Sequence[int]) -> bool:
        """The connection was lost while these were asked for. False: that is no mail's fault, as far as can be told."""
        self._losses += 1
        if not asking or self._losses > LOSSES or self.strikes >= STRIKES + WITNESSES:
            return False
        self.careful = True
        if len(asking) == 1:
            self.strikes = self.strikes + 1 if asking[0] == self.uid else 1
            self.uid = asking[0]
        return True

    def given(self) -> None:
        """Mails came: whatever was lost before, the server works."""
        self.uid = self.strikes = self._losses = 0

    def over(self) -> None:
        """There is nothing left to ask for."""
        self.given()
        self.careful = False
