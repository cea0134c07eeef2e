"""The inbox as routes of a web application.

    request ─▶ visit.guarded (session, first password, right, CSRF, headers) ─▶ a page in pages/ ─▶ templates/

Start reading at `pages/conversations.py`. The composition root fills `Surroundings`, adds these routes to its
application, and runs `Surroundings.hub` for as long as pages are served.
"""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox import static_files
from inbox.pages import (
    answering,
    attending,
    calls,
    contacts,
    conversations,
    files,
    leads,
    live,
    profile,
    settings,
    settings_channels,
    settings_dead_letters,
    settings_people,
    settings_teams,
    settings_tokens,
    sign_in,
    tasks,
    template_sending,
    uploads,
)
from inbox.surroundings import Surroundings
from inbox.visit import Page, guarded

PAGES: Final[Sequence[Page]] = (
    *sign_in.PAGES,
    *profile.PAGES,
    *conversations.PAGES,
    *answering.PAGES,
    *attending.PAGES,
    *template_sending.PAGES,
    *uploads.PAGES,
    *files.PAGES,
    *live.PAGES,
    *calls.PAGES,
    *tasks.PAGES,
    *contacts.PAGES,
    *leads.PAGES,
    *settings.PAGES,
    *settings_channels.PAGES,
    *settings_people.PAGES,
    *settings_teams.PAGES,
    *settings_tokens.PAGES,
    *settings_dead_letters.PAGES,
)


def inbox_routes(around: Surroundings) -> Sequence[web.RouteDef]:
    return [
        *(web.route(page.method, page.path, guarded(around, page)) for page in PAGES),
        web.get("/static/{version}/{name:.+}", static_files.serve),
    ]
