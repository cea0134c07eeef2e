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
    bulk,
    calls,
    canned,
    contact_list,
    contacts,
    conversations,
    drafts,
    files,
    first_steps,
    installable,
    lead_bulk,
    lead_card,
    leads,
    leads_board,
    live,
    macros,
    merging,
    notices,
    profile,
    profile_sessions,
    report_keeping,
    reports,
    settings,
    settings_audit,
    settings_canned,
    settings_channels,
    settings_company,
    settings_dead_letters,
    settings_fields,
    settings_hours,
    settings_labels,
    settings_links,
    settings_macros,
    settings_numbers,
    settings_people,
    settings_pipelines,
    settings_plans,
    settings_site_script,
    settings_sources,
    settings_spend,
    settings_spend_import,
    settings_spend_money,
    settings_teams,
    settings_tokens,
    settings_webhooks,
    sign_in,
    tasks,
    template_sending,
    uploads,
    views,
    writing_aids,
)
from inbox.surroundings import Surroundings
from inbox.visit import Page, Visit, guarded

PAGES: Final[Sequence[Page]] = (
    *sign_in.PAGES,
    *profile.PAGES,
    *profile_sessions.PAGES,
    *bulk.PAGES,
    *views.PAGES,
    *conversations.PAGES,
    *answering.PAGES,
    *drafts.PAGES,
    *attending.PAGES,
    *template_sending.PAGES,
    *uploads.PAGES,
    *canned.PAGES,
    *macros.PAGES,
    *writing_aids.PAGES,
    *files.PAGES,
    *live.PAGES,
    *calls.PAGES,
    *tasks.PAGES,
    *contact_list.PAGES,
    *merging.PAGES,
    *notices.PAGES,
    *installable.PAGES,
    *contacts.PAGES,
    # Those with a name of their own before those that take an id.
    *leads.PAGES,
    *leads_board.PAGES,
    *lead_bulk.PAGES,
    *lead_card.PAGES,
    *report_keeping.PAGES,
    *reports.PAGES,
    *settings.PAGES,
    *settings_channels.PAGES,
    *settings_people.PAGES,
    *settings_teams.PAGES,
    *settings_fields.PAGES,
    *settings_pipelines.PAGES,
    *settings_tokens.PAGES,
    *settings_dead_letters.PAGES,
    *settings_audit.PAGES,
    *settings_canned.PAGES,
    *settings_macros.PAGES,
    *settings_labels.PAGES,
    *settings_plans.PAGES,
    *settings_hours.PAGES,
    *settings_company.PAGES,
    *settings_webhooks.PAGES,
    *settings_spend.PAGES,
    *settings_spend_import.PAGES,
    *settings_spend_money.PAGES,
    *settings_sources.PAGES,
    *settings_links.PAGES,
    *settings_numbers.PAGES,
    *settings_site_script.PAGES,
    *first_steps.PAGES,
)


_OTHERS: Final = "api|chat|hooks|static|healthz|readyz|metrics"
"""What is answered by others, who are read by programs."""


async def _nowhere(visit: Visit) -> web.Response:
    raise web.HTTPNotFound


_NOWHERE: Final = Page(
    method="GET", path=f"/{{_:(?!({_OTHERS})(/|$)).+}}", handler=_nowhere, right=None
)
"""A mistyped address is answered by a page that leads on, not by a bare line."""


def inbox_routes(around: Surroundings) -> Sequence[web.RouteDef]:
    return [
        *(web.route(page.method, page.path, guarded(around, page)) for page in PAGES),
        web.get("/static/{version}/{name:.+}", static_files.serve),
        web.get(_NOWHERE.path, guarded(around, _NOWHERE)),
    ]
