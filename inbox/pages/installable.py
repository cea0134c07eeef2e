"""What makes the inbox an application one installs: a manifest, a worker that hears pushes, a page for when there is no network.

The worker keeps that one page and nothing else: what customers write is in no browser's cache.
"""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from inbox.rendering import asset
from inbox.static_files import static_files
from inbox.visit import Page, Visit, get

COLOUR: Final = "#10292d"


async def manifest(visit: Visit) -> web.Response:
    _ = visit._

    def icon(name: str, mime: str, sizes: str, purpose: str = "any") -> dict[str, str]:
        return {"src": asset(name), "type": mime, "sizes": sizes, "purpose": purpose}

    told: dict[str, Any] = {
        "id": "/",
        "name": _("Allo: inbox"),
        "short_name": "Allo",
        "description": _("Every customer message in one place."),
        "lang": visit.language.code,
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": COLOUR,
        "icons": [
            icon("logo.svg", "image/svg+xml", "any"),
            icon("icons/allo-192.png", "image/png", "192x192"),
            icon("icons/allo-512.png", "image/png", "512x512"),
            icon("icons/allo-maskable-512.png", "image/png", "512x512", "maskable"),
        ],
        "shortcuts": [
            {"name": name, "url": url}
            for name, url in (
                (_("Inbox"), "/"),
                (_("Tasks"), "/tasks"),
                (_("Leads"), "/leads"),
            )
        ],
    }
    return web.json_response(
        told,
        content_type="application/manifest+json",
        headers={"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"},
    )


async def worker(visit: Visit) -> web.Response:
    """At the root, because it answers for the pages beneath its own address only."""
    return web.Response(
        body=static_files()["js/worker.js"].content,
        content_type="text/javascript",
        charset="utf-8",
        headers={"Cache-Control": "no-cache"},
    )


async def offline(visit: Visit) -> web.Response:
    return visit.page("offline.html", styles="/static/offline/")


PAGES: Final[Sequence[Page]] = (
    get("/manifest.webmanifest", manifest, None),
    get("/sw.js", worker, None),
    get("/offline", offline, None),
)
