"""What can go wrong between a community and VK, made to order."""

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "error", "status", "slow", "late", "drop_before", "drop_after", "hang_before", "hang_after"
]


@dataclass(slots=True, kw_only=True)
class Fault:
    """The next `times` calls of `method` (any, when empty; -1: until taken away) go wrong so.

    error         `code` and `description`, with HTTP 200 as VK says it, instead of doing it
    status        that HTTP status instead of doing it
    slow          done after `seconds`                         late         done, and answered after `seconds`
    drop_before   the connection closes, nothing was done      drop_after   done, and then it closes
    hang_before   nothing is done and nothing comes            hang_after   done, and nothing comes

    `method` is a method's name, "upload", "file" or "long_poll".
    """

    kind: FaultKind
    method: str = ""
    times: int = 1
    code: int = 10
    description: str = "Internal server error"
    status: int = 502
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
