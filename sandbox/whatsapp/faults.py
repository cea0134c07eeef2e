"""What can go wrong between a business and WhatsApp, made to order."""

import asyncio
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "answer",
    "slow",
    "slow_after",
    "drop_before",
    "drop_after",
    "drop_late",
    "hang_before",
    "hang_after",
]


@dataclass(slots=True, kw_only=True)
class Fault:
    """The next `times` calls of `what` ("messages", "media", "file"…; any when empty; -1: until taken away) go wrong so.

    answer        `status` with error `code` and `retry_after` instead of doing it; code None: no JSON, as a gateway answers
    slow          done after `seconds`                         slow_after   done, and answered when `until` is set
    drop_before   the connection closes, nothing was done      drop_after   done, and then it closes
    drop_late     done, and it closes when `until` is set
    hang_before   nothing is done and nothing comes            hang_after   done, and nothing comes
    """

    kind: FaultKind
    what: str = ""
    times: int = 1
    status: int = 500
    code: int | None = 131000
    message: str = "Something went wrong"
    retry_after: int | None = None
    seconds: float = 0.0
    until: asyncio.Event | None = None


@dataclass(slots=True)
class Faults:
    waiting: list[Fault]

    def next(self, what: str) -> Fault | None:
        for fault in self.waiting:
            if fault.what not in {"", what} or fault.times == 0:
                continue
            if fault.times > 0:
                fault.times -= 1
            return fault
        return None
