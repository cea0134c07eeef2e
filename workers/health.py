"""/healthz: the process runs. /readyz: it can do its work, or why not. /metrics: what it counts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Probe = Callable[[], Awaitable[None]]
"""Returns, or raises what is wrong."""

PROBE_S: Final = 3.0


def health_routes(probes: Mapping[str, Probe]) -> Sequence[web.RouteDef]:
    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        wrong: dict[str, str] = {}
        for name, probe in probes.items():
            try:
                async with asyncio.timeout(PROBE_S):
                    await probe()
            except Exception as error:  # noqa: BLE001  # whatever it is, the process is not ready and says so
                wrong[name] = type(error).__name__
        return web.json_response(
            {"status": "not ready" if wrong else "ready", "wrong": wrong},
            status=503 if wrong else 200,
        )

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [
        web.get("/healthz", alive),
        web.get("/readyz", ready),
        web.get("/metrics", metrics),
    ]
