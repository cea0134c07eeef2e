"""What holds at every door of the HTTP server: refusals are counted, and broken requests are the last on their line."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from workers.telemetry import HTTP_REFUSED

DOORS: Final = frozenset({"hooks", "chat", "api"})
"""The first parts of paths; everything else is a page. Not the path itself: strangers would make the labels."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def at_every_door(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as raised:
        _count(request, raised.status)
        raise
    except Exception:  # counted, and rises
        _count(request, 500)
        raise
    _count(request, response.status)
    if request.content.exception() is not None and not response.prepared:
        # The server hangs up on a body it cannot read; a client that is not told would lose its next request.
        response.force_close()
    return response


def _count(request: web.Request, status: int) -> None:
    if status >= 400:
        door = request.path.split("/", 2)[1]
        HTTP_REFUSED.labels(door if door in DOORS else "pages", str(status)).inc()
