"""Who is really asking, when a proxy of ours stands in front: X-Forwarded-For, believed from trusted addresses only."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


def behind_proxies(
    trusted: Sequence[str],
) -> Middleware:
    networks = [ip_network(each, strict=False) for each in trusted]

    def is_trusted(address: str | None) -> bool:
        try:
            found = ip_address(address or "")
        except ValueError:
            return False
        return any(found in network for network in networks)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        chain = request.headers.get("X-Forwarded-For")
        if chain is None or not is_trusted(request.remote):
            return await handler(request)
        # From the right: each trusted proxy has added whom it heard; the first stranger is the visitor.
        for address in reversed([each.strip() for each in chain.split(",")]):
            if not is_trusted(address):
                return await handler(request.clone(remote=address))
        return await handler(request)

    return middleware
