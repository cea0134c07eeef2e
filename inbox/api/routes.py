"""The table of all endpoints, and the routes made of it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.api import (
    attachments,
    bulk,
    calls,
    canned_replies,
    contact_claims,
    contact_export,
    contact_merging,
    contacts,
    conversations,
    dead_letters,
    directory,
    events,
    fields,
    labels,
    leads,
    macros,
    messages,
    notifications,
    pipelines,
    reports,
    sources,
    spend,
    suggestions,
    tasks,
    views,
    webhooks as webhooks_endpoints,
)
from inbox.api.endpoints import PREFIX, Api, Endpoint, run
from inbox.api.openapi import document
from inbox.api.problems import no_such_page, wrong_method
from inbox.call_desk import CallDesk
from inbox.channel_desk import ChannelDesk
from inbox.dead_letter_desk import DeadLetterDesk
from inbox.desk import Desk
from inbox.live_hub import LiveHub
from inbox.webhook_desk import WebhookDesk
from storage.media import MediaStore

ENDPOINTS: Final[Sequence[Endpoint]] = (
    *bulk.ENDPOINTS,
    *conversations.ENDPOINTS,
    *views.ENDPOINTS,
    *messages.ENDPOINTS,
    *attachments.ENDPOINTS,
    *canned_replies.ENDPOINTS,
    *macros.ENDPOINTS,
    *contacts.ENDPOINTS,
    *contact_claims.ENDPOINTS,
    *contact_merging.ENDPOINTS,
    *contact_export.ENDPOINTS,
    *suggestions.ENDPOINTS,
    *fields.ENDPOINTS,
    *leads.ENDPOINTS,
    *pipelines.ENDPOINTS,
    *tasks.ENDPOINTS,
    *calls.ENDPOINTS,
    *sources.ENDPOINTS,
    *reports.ENDPOINTS,
    *spend.ENDPOINTS,
    *events.ENDPOINTS,
    *directory.ENDPOINTS,
    *notifications.ENDPOINTS,
    *labels.ENDPOINTS,
    *dead_letters.ENDPOINTS,
    *webhooks_endpoints.ENDPOINTS,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def api_routes(
    *,
    engine: AsyncEngine,
    desk: Desk,
    dead_letters: DeadLetterDesk,
    channels: ChannelDesk,
    media: MediaStore,
    hub: LiveHub,
    telephone: CallDesk,
    webhooks: WebhookDesk,
    now: Callable[[], datetime],
    version: str,
    time_zone: str = "Europe/Moscow",
) -> list[web.RouteDef]:
    """`hub` must be running for /events/stream to be prompt; `version` is Allo's, for the document."""
    api = Api(
        engine=engine,
        desk=desk,
        dead_letters=dead_letters,
        channels=channels,
        media=media,
        hub=hub,
        telephone=telephone,
        webhooks=webhooks,
        now=now,
        time_zone=time_zone,
    )
    described = msgspec.json.encode(document(ENDPOINTS, version=version))

    async def openapi(request: web.Request) -> web.Response:
        return web.Response(
            body=described,
            content_type="application/json",
            headers={"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"},
        )

    return [
        web.get(f"{PREFIX}/openapi.json", openapi),
        *(_route(endpoint, api) for endpoint in ENDPOINTS),
        *_fallbacks(),
    ]


def _route(endpoint: Endpoint, api: Api) -> web.RouteDef:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await run(endpoint, api, request)

    return web.route(endpoint.method, PREFIX + endpoint.path, handle)


def _fallbacks() -> list[web.RouteDef]:
    """So that a wrong path or method under our prefix is a problem document too, and not somebody's HTML."""

    def refusing(allowed: list[str]) -> Handler:
        async def refuse(request: web.Request) -> web.StreamResponse:
            return wrong_method(allowed).response()

        return refuse

    async def missing(request: web.Request) -> web.StreamResponse:
        return no_such_page(request.path).response()

    paths = dict.fromkeys(endpoint.path for endpoint in ENDPOINTS)
    return [
        *(
            web.route(
                "*",
                PREFIX + path,
                refusing([each.method for each in ENDPOINTS if each.path == path]),
            )
            for path in paths
        ),
        web.route("*", PREFIX + "/{tail:.*}", missing),
    ]
