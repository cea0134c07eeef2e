"""Keys of the REST API. A key is shown once, when it is made."""

import secrets
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox.desk import NotFound, Refused
from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from storage.api_tokens import SCOPES, keep_token
from storage.audit import write_audit
from storage.engine import transaction
from storage.reading.api_tokens import list_tokens
from storage.token_revoking import revoke_token

LONGEST_NAME: Final = 100


async def tokens(visit: Visit) -> web.Response:
    return await _shown(visit)


async def make(visit: Visit) -> web.Response:
    name = " ".join(visit.form.get("name", "").split())[:LONGEST_NAME]
    scope = visit.form.get("scope", "")
    if not name:
        raise Refused(visit._("Say who will use the key, so that you know which one to take back."))
    if scope not in SCOPES:
        raise web.HTTPBadRequest
    # The prefix lets scanners for leaked secrets recognise it.
    token = f"allo_{secrets.token_urlsafe(32)}"
    async with transaction(visit.around.engine) as connection:
        made = await keep_token(
            connection,
            name=name,
            token=token,
            scopes=[scope],
            created_by=visit.me,
            now=visit.now,
        )
        await write_audit(
            connection,
            by=visit.me,
            what="token_made",
            object_kind="api_token",
            object_id=made,
            now=visit.now,
            after={"name": name, "scope": scope},
        )
    return await _shown(visit, made=(name, token))


async def revoke(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        if not await revoke_token(connection, visit.id(), now=visit.now):
            raise NotFound
        await write_audit(
            connection,
            by=visit.me,
            what="token_revoked",
            object_kind="api_token",
            object_id=visit.id(),
            now=visit.now,
        )
    return visit.back("/settings/tokens")


async def _shown(visit: Visit, *, made: tuple[str, str] | None = None) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_tokens(connection)
    return visit.page(
        "settings/tokens.html", rows=rows, scopes=SCOPES, made=made, address=visit.around.public_url
    )


PAGES: Final[Sequence[Page]] = (
    get("/settings/tokens", tokens, Right.MANAGE_TOKENS),
    post("/settings/tokens", make, Right.MANAGE_TOKENS),
    post("/settings/tokens/{id}/revoke", revoke, Right.MANAGE_TOKENS),
)
