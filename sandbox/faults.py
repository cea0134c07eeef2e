"""What can go wrong between us and any platform, made to order. What a platform answers then is its own."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from aiohttp import web
from typing_extensions import override

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FOR_EVER: Final = 3600.0
"""Seconds; longer than anybody waits."""


@dataclass(slots=True, kw_only=True)
class Fault(ABC):
    """The next `times` calls that it `hits` (-1: until taken away) go wrong so. Platforms add kinds and fields.

    slow          done after `seconds`
    drop_before   the connection closes, nothing was done      drop_after   done, and then it closes
    hang_before   nothing is done and nothing comes            hang_after   done, and nothing comes
    """

    kind: str
    times: int = 1
    seconds: float = 0.0

    @abstractmethod
    def hits(self, call: str) -> bool:
        """Whether a call is one that it makes go wrong."""

    @abstractmethod
    async def instead(self, request: web.Request) -> web.Response | None:
        """The answer to give while nothing is done; None: this fault is not of that kind."""

    async def hold(self) -> None:  # noqa: B027  # most platforms have no fault that waits there
        """Waits between what is done and its answer."""


@dataclass(slots=True, kw_only=True)
class MethodFault(Fault):
    """Of calls of `method`, in whatever case; of any when it is empty."""

    method: str = ""

    @override
    def hits(self, call: str) -> bool:
        return self.method.lower() in {"", call.lower()}


AnyFault = TypeVar("AnyFault", bound=Fault)


@dataclass(slots=True)
class Faults(Generic[AnyFault]):
    """The first in `waiting` that fits is taken."""

    waiting: list[AnyFault] = field(default_factory=list)

    def next(self, call: str) -> AnyFault | None:
        for fault in self.waiting:
            if fault.times == 0 or not fault.hits(call):
                continue
            if fault.times > 0:
                fault.times -= 1
            return fault
        return None

    async def between(self, request: web.Request, call: str, handle: Handler) -> web.StreamResponse:
        """Handles the request, or what goes wrong in its place."""
        fault = self.next(call)
        if fault is None:
            return await handle(request)
        answer = await fault.instead(request)
        if answer is not None or fault.kind.endswith("_before"):
            # What was sent is taken off the wire first: an unread body would break the connection by itself.
            await request.read()
            return answer or await _cut(request, fault)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        response = await handle(request)
        await fault.hold()
        if fault.kind.startswith(("drop", "hang")):
            return await _cut(request, fault)
        return response

    def control(self, fault: Callable[..., AnyFault]) -> Sequence[web.RouteDef]:
        """POST /control/fault with a fault's fields; POST /control/recover: no more faults."""

        async def go_wrong(request: web.Request) -> web.Response:
            self.waiting.append(fault(**await request.json()))
            return web.Response(status=204)

        async def recover(request: web.Request) -> web.Response:
            self.waiting.clear()
            return web.Response(status=204)

        return (web.post("/control/fault", go_wrong), web.post("/control/recover", recover))


async def _cut(request: web.Request, fault: Fault) -> web.Response:
    if fault.kind.startswith("hang"):
        await asyncio.sleep(FOR_EVER)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
