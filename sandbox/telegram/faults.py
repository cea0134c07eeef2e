"""What can go wrong between a bot and Telegram, made to order."""

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["answer", "slow", "drop_before", "drop_after", "hang_before", "hang_after"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """The next `times` calls of `method` (any, when empty; -1: until taken away) go wrong so.

    answer        `status` and `description` instead of doing it; `parameters` as Telegram's
    slow          done after `seconds`
    drop_before   the connection closes, nothing was done      drop_after   done, and then it closes
    hang_before   nothing is done and nothing comes            hang_after   done, and nothing comes
    """

    kind: FaultKind
    method: str = ""
    times: int = 1
    status: int = 500
    description: str = "Internal Server Error"
    parameters: dict[str, int] | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Faults:
    waiting: list[Fault]

    def next(self, method: str) -> Fault | None:
        for fault in self.waiting:
            if fault.method.lower() not in {"", method.lower()} or fault.times == 0:
                continue
            if fault.times > 0:
                fault.times -= 1
            return fault
        return None
