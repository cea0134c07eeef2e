"""The script for the business's own site: what to put into its pages, and which sites may borrow numbers."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aiohttp import web

from connectors.page_origins import NotAnOrigin, read_origins
from inbox.desk import Refused
from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from storage.audit import write_audit
from storage.call_numbers import save_source_sites, source_sites
from storage.engine import transaction

HERE: Final = "/settings/site-script"
LONGEST: Final = 2000
NOBODY: Final = UUID(int=0)
"""The audit's object: there is one list of sites."""


async def script(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        sites = await source_sites(connection)
    address = visit.around.public_url.rstrip("/")
    return visit.page(
        "settings/site_script.html",
        address=address,
        sites=sites,
        longest=LONGEST,
        snippet=f'<script async src="{address}/source.js"></script>',
        asking=f'<script async src="{address}/source.js" data-consent="required"></script>',
    )


async def save(visit: Visit) -> web.Response:
    written = " ".join(visit.form.get("sites", "").split())[:LONGEST]
    try:
        read_origins(written)
    except (NotAnOrigin, UnicodeError) as wrong:
        raise Refused(
            visit._("“{written}” is not a site; write it like https://shop.example").format(
                written=str(wrong)[:80]
            )
        ) from wrong
    async with transaction(visit.around.engine) as connection:
        before = await source_sites(connection)
        await save_source_sites(connection, written)
        await write_audit(
            connection,
            by=visit.me,
            what="source_sites_changed",
            object_kind="source_sites",
            object_id=NOBODY,
            now=visit.now,
            before={"origins": before},
            after={"origins": written},
        )
    return visit.done(HERE, said=visit._("Saved"), undo=Undo(action=HERE, fields={"sites": before}))


PAGES: Final[Sequence[Page]] = (
    get(HERE, script, Right.MANAGE_SOURCES),
    post(HERE, save, Right.MANAGE_SOURCES),
)
