"""What can go wrong between a bot and Telegram, made to order."""

from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web
from typing_extensions import override

from sandbox.faults import MethodFault

FaultKind = Literal["answer", "slow", "drop_before", "drop_after", "hang_before", "hang_after"]


@dataclass(slots=True, kw_only=True)
class Fault(MethodFault):
    """Of `method`, or of any when it is empty; as every platform's, and

    answer        `status` and `description` instead of doing it; `parameters` as Telegram's
    """

    kind: FaultKind
    status: int = 500
    description: str = "Internal Server Error"
    parameters: dict[str, int] | None = None

    @override
    async def instead(self, request: web.Request) -> web.Response | None:
        if self.kind != "answer":
            return None
        return refusal_answer(self.status, self.description, self.parameters)


def refusal_answer(
    status: int, description: str, parameters: dict[str, Any] | None = None
) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    headers = {}
    if parameters:
        body["parameters"] = parameters
        if "retry_after" in parameters:
            headers["Retry-After"] = str(parameters["retry_after"])
    return web.json_response(body, status=status, headers=headers)
