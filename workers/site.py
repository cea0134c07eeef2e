"""The HTTP server of a process, and what it answers about the process itself."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from aiohttp import web

from storage import condition
from workers.doors import at_every_door
from workers.foundation import Foundation
from workers.proxies import behind_proxies

BODY_LIMIT: Final = 64 << 20
"""Bytes of a request that aiohttp reads whole; uploads stream, webhooks have smaller limits of their own."""

HTTP_SHUTDOWN_S: Final = 3.0
"""For requests under way when we stop."""


async def open_site(
    base: Foundation,
    routes: Sequence[web.RouteDef],
    *,
    stopping: Sequence[Callable[[], None]] = (),
) -> web.AppRunner:
    """`stopping` end what would not end by itself: live streams, whose pages then come again."""
    app = web.Application(
        client_max_size=BODY_LIMIT,
        middlewares=[at_every_door, behind_proxies(base.settings.trusted_proxies)],
    )
    app.add_routes(routes)

    async def stop(_: web.Application) -> None:
        for each in stopping:
            each()

    app.on_shutdown.append(stop)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=HTTP_SHUTDOWN_S
    )
    await runner.setup()
    host, port = base.settings.http_address
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        await runner.cleanup()
        raise CannotListen(
            f"{base.settings.http} cannot be listened on ({error.strerror}); set ALLO_HTTP to another address."
        ) from error
    return runner


class CannotListen(Exception):
    """The address of the pages is taken or not ours."""


def probes(base: Foundation) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    async def database() -> None:
        await condition.answers(base.engine)

    async def broker() -> None:
        await base.broker.ping()

    return {"database": database, "broker": broker}
