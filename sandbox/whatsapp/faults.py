"""What can go wrong between a business and WhatsApp, made to order."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from typing_extensions import override

from sandbox import faults
from sandbox.whatsapp.sending import Refusal, as_error

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
class Fault(faults.Fault):
    """Of `what` ("messages", "media", "file"…), or of any when it is empty; as every platform's, and

    answer        `status` with error `code` and `retry_after` instead of doing it; code None: no JSON, as a gateway answers
    slow_after    done, and answered when `until` is set
    drop_late     done, and the connection closes when `until` is set
    """

    kind: FaultKind
    what: str = ""
    status: int = 500
    code: int | None = 131000
    message: str = "Something went wrong"
    retry_after: int | None = None
    until: asyncio.Event | None = None

    @override
    def hits(self, call: str) -> bool:
        return self.what in {"", call}

    @override
    async def instead(self, request: web.Request) -> web.Response | None:
        if self.kind != "answer":
            return None
        if self.code is None:
            return web.Response(status=self.status, text="<html>Bad Gateway</html>")
        return refusal_answer(
            Refusal(self.status, self.code, self.message, retry_after=self.retry_after)
        )

    @override
    async def hold(self) -> None:
        if self.until is not None:
            await self.until.wait()


def refusal_answer(refusal: Refusal) -> web.Response:
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return web.json_response(as_error(refusal), status=refusal.status, headers=headers)
