"""What can go wrong between a community and VK, made to order."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web
from typing_extensions import override

from sandbox.faults import MethodFault

FaultKind = Literal[
    "error", "status", "slow", "late", "drop_before", "drop_after", "hang_before", "hang_after"
]


@dataclass(slots=True, kw_only=True)
class Fault(MethodFault):
    """Of `method`, or of any when it is empty; as every platform's, and

    error         `code` and `description`, with HTTP 200 as VK says it, instead of doing it
    status        that HTTP status instead of doing it
    late          done, and answered after `seconds`

    `method` is a method's name, "upload", "file" or "long_poll".
    """

    kind: FaultKind
    code: int = 10
    description: str = "Internal server error"
    status: int = 502

    @override
    async def instead(self, request: web.Request) -> web.Response | None:
        if self.kind == "error":
            return refusal_answer(self.code, self.description, await request.post())
        if self.kind == "status":
            return web.Response(status=self.status, text="<html>")
        return None

    @override
    async def hold(self) -> None:
        if self.kind == "late":
            await asyncio.sleep(self.seconds)


def refusal_answer(code: int, description: str, fields: Mapping[str, Any]) -> web.Response:
    """With HTTP 200, and what was sent, all of it, as VK does."""
    params = [{"key": name, "value": str(value)} for name, value in fields.items()]
    error = {"error_code": code, "error_msg": description, "request_params": params}
    if code == 14:
        error |= {"captcha_sid": "1", "captcha_img": "https://api.vk.ru/captcha.php?sid=1"}
    return web.json_response({"error": error})
