"""/macros and /conversations/{id}/macros: a reply and what goes with it, run as one."""

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, listed
from inbox.api.problems import bad_request, not_found, refused
from inbox.desk import StepRefused
from inbox.formats import Formats
from inbox.languages import LANGUAGES, language
from inbox.reply_variables import fill, spoken
from storage.macros import AddNote, Macro as Row, list_macros as read_macros, macro_by_id
from storage.reading.paging import Page
from storage.reading.reply_values import ReplyValues, values_for

IDEMPOTENCY_KEY = "Idempotency-Key"


class Macro(Struct, frozen=True, kw_only=True):
    """Everybody's, or a team's. `text` is its reply (empty: none); `steps` are done after it, in this order."""

    id: UUID
    name: str
    text: str
    steps: list[dict[str, Any]]
    team_id: UUID | None
    uses: int
    created_at: datetime
    changed_at: datetime


class RunMacro(Struct, frozen=True, kw_only=True):
    """`text` instead of the macro's own, whose variables are filled in; it must leave none open."""

    macro: UUID
    text: Annotated[str, Meta(max_length=100_000)] = ""
    idempotency_key: Annotated[str, Meta(max_length=200)] | None = None


class MacroDone(Struct, frozen=True, kw_only=True):
    """`message_id` is the reply's, when there is one."""

    id: UUID
    message_id: UUID | None


def shown(row: Row) -> Macro:
    return Macro(
        id=row.id,
        name=row.name,
        text=row.text,
        steps=[msgspec.to_builtins(step) for step in row.steps],
        team_id=row.team_id,
        uses=row.uses,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


async def list_macros(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        rows = await read_macros(connection, me=None)
    return listed(Page(items=tuple(rows)), shown)


async def run_macro(api: Api, call: Call[Nothing, RunMacro]) -> Answer:
    wanted = call.body
    key = call.request.headers.get(IDEMPOTENCY_KEY) or wanted.idempotency_key or str(uuid4())
    if len(key) > 200:
        raise bad_request("invalid", "An idempotency key has 200 characters at most.")
    async with api.engine.connect() as connection:
        macro = await macro_by_id(connection, wanted.macro)
        values = await values_for(connection, call.id, by=None)
    if values is None:
        raise not_found("conversation")
    if macro is None or macro.owner_id is not None:
        raise bad_request("invalid", "There is no shared macro with this id (body.macro).")
    known = spoken(values, _formats(values, now=api.now()))
    filled = fill(wanted.text or macro.text, known)
    if filled.missing:
        raise refused(f"Not filled in: {', '.join(filled.missing)}. Give a `text`.")
    try:
        done = await api.desk.run_macro(
            macro.id,
            call.id,
            by=None,
            text=filled.text if macro.text else "",
            notes=[
                fill(step.text, known).text for step in macro.steps if isinstance(step, AddNote)
            ],
            # Two tokens may use the same key for different things.
            idempotency_key=sha256(f"{call.token.id}:{key}".encode()).hexdigest(),
            author_name=call.token.name,
        )
    except StepRefused as error:
        raise refused(f"Step {error.step} cannot be done: {error} Nothing was done.") from None
    return Answer(body=MacroDone(id=done.id, message_id=done.message))


def _formats(values: ReplyValues, *, now: datetime) -> Formats:
    """As the customers of this account are spoken to: a program has no language of its own."""
    spoken_there = values.language if values.language in LANGUAGES else "en"
    return Formats(
        language=language(spoken_there), zone=ZoneInfo(values.time_zone or "UTC"), now=now
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/macros",
        tag="Macros",
        summary="Macros that are shared, in their order",
        scope="read",
        handler=list_macros,
        answers=ListOf[Macro],
    ),
    Endpoint(
        method="POST",
        path="/conversations/{id}/macros",
        tag="Conversations",
        summary="Run a macro in a conversation",
        description="All of it or nothing: when the reply or a step cannot be done, nothing is, and 409 says which (0 is "
        "the reply).",
        scope="write",
        handler=run_macro,
        body=RunMacro,
        what="conversation",
        status=201,
        refuses=True,
        headers=((IDEMPOTENCY_KEY, "The same key again answers the same run."),),
        answers=MacroDone,
    ),
)
