"""/canned-replies: texts written once and used often. Programs see and keep the shared ones; a colleague's own are theirs."""

import re
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, Paged, Search, listed
from inbox.api.problems import bad_request, not_found, refused
from inbox.reply_variables import unknown
from router.clean_text import clean_line, clean_text
from storage.canned_replies import (
    LONGEST_CODE,
    LONGEST_TEXT,
    LONGEST_TITLE,
    CannedReply as Row,
    CannedText,
    CodeTaken,
    TooMany,
    add_canned,
    canned_by_id,
    change_canned,
    drop_canned,
    list_canned,
)
from storage.engine import transaction

Code = Annotated[str, Meta(min_length=1, max_length=LONGEST_CODE, pattern=r"^[\w-]+$")]
Title = Annotated[str, Meta(max_length=LONGEST_TITLE)]
Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
_WORD: Final = re.compile(r"[\w-]+")


class CannedReply(Struct, frozen=True, kw_only=True):
    """Everybody's, or a team's. `text` has its variables as {{contact.first_name}}; `uses` is how often it was taken."""

    id: UUID
    code: str
    title: str
    text: str
    team_id: UUID | None
    uses: int
    used_at: datetime | None
    created_at: datetime
    changed_at: datetime


def shown(row: Row) -> CannedReply:
    return CannedReply(
        id=row.id,
        code=row.code,
        title=row.title,
        text=row.text,
        team_id=row.team_id,
        uses=row.uses,
        used_at=row.used_at,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


class CannedRepliesQuery(Paged, frozen=True, kw_only=True):
    q: Annotated[Search, Meta(description="A part of code, title or text; also by word forms.")] = (
        ""
    )


class NewCannedReply(Struct, frozen=True, kw_only=True):
    """Without `team_id` it is everybody's. `code` is kept in lower case."""

    code: Code
    text: Text
    title: Title = ""
    team_id: UUID | None = None


class CannedReplyChanges(Struct, frozen=True, kw_only=True):
    """What is not given stays."""

    code: Code | UnsetType = UNSET
    text: Text | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    team_id: UUID | UnsetType | None = UNSET


async def list_canned_replies(api: Api, call: Call[CannedRepliesQuery, Nothing]) -> Answer:
    query = call.query
    async with api.engine.connect() as connection:
        page = await list_canned(
            connection, me=None, q=query.q, cursor=query.cursor, limit=query.limit
        )
    return listed(page, shown)


async def create_canned_reply(api: Api, call: Call[Nothing, NewCannedReply]) -> Answer:
    new = call.body
    written = _checked(
        CannedText(
            owner_id=None, team_id=new.team_id, code=new.code, title=new.title, text=new.text
        )
    )
    try:
        async with transaction(api.engine) as connection:
            made = await add_canned(connection, written, by=None, now=api.now())
    except CodeTaken:
        raise refused("There is a reply with this code already.") from None
    except TooMany:
        raise refused("There are too many replies; delete some first.") from None
    return await _answer(api, made)


async def show_canned_reply(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return await _answer(api, call.id)


async def change_canned_reply(api: Api, call: Call[Nothing, CannedReplyChanges]) -> Answer:
    wanted = call.body
    before = await _shared(api, call.id)
    written = _checked(
        CannedText(
            owner_id=None,
            team_id=before.team_id if wanted.team_id is UNSET else wanted.team_id,
            code=before.code if wanted.code is UNSET else wanted.code,
            title=before.title if wanted.title is UNSET else wanted.title,
            text=before.text if wanted.text is UNSET else wanted.text,
        )
    )
    try:
        async with transaction(api.engine) as connection:
            found = await change_canned(connection, call.id, written, now=api.now())
    except CodeTaken:
        raise refused("There is a reply with this code already.") from None
    if not found:
        raise not_found("canned reply")
    return await _answer(api, call.id)


async def delete_canned_reply(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await _shared(api, call.id)
    async with transaction(api.engine) as connection:
        if not await drop_canned(connection, call.id, now=api.now()):
            raise not_found("canned reply")
    return Answer()


def _checked(written: CannedText) -> CannedText:
    if strange := unknown(written.text):
        raise bad_request("invalid", f"There is no such variable: {strange[0]} (body.text).")
    text = clean_text(written.text).strip()
    code = written.code.lower()
    if not text or not _WORD.fullmatch(code):
        raise bad_request("invalid", "A reply has a code and a text (body).")
    return CannedText(
        owner_id=None,
        team_id=written.team_id,
        code=code,
        title=clean_line(written.title, limit=LONGEST_TITLE),
        text=text,
    )


async def _shared(api: Api, id_: UUID) -> Row:
    async with api.engine.connect() as connection:
        row = await canned_by_id(connection, id_)
    if row is None or row.owner_id is not None:
        raise not_found("canned reply")
    return row


async def _answer(api: Api, id_: UUID) -> Answer:
    return Answer(body=shown(await _shared(api, id_)))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/canned-replies",
        tag="Canned replies",
        summary="Canned replies that are shared, by code",
        scope="read",
        handler=list_canned_replies,
        query=CannedRepliesQuery,
        answers=ListOf[CannedReply],
    ),
    Endpoint(
        method="POST",
        path="/canned-replies",
        tag="Canned replies",
        summary="Add a canned reply for everybody, or for a team",
        scope="write",
        handler=create_canned_reply,
        body=NewCannedReply,
        status=201,
        refuses=True,
        answers=CannedReply,
    ),
    Endpoint(
        method="GET",
        path="/canned-replies/{id}",
        tag="Canned replies",
        summary="One canned reply",
        scope="read",
        handler=show_canned_reply,
        what="canned reply",
        answers=CannedReply,
    ),
    Endpoint(
        method="PATCH",
        path="/canned-replies/{id}",
        tag="Canned replies",
        summary="Change a canned reply",
        scope="write",
        handler=change_canned_reply,
        body=CannedReplyChanges,
        what="canned reply",
        refuses=True,
        answers=CannedReply,
    ),
    Endpoint(
        method="DELETE",
        path="/canned-replies/{id}",
        tag="Canned replies",
        summary="Delete a canned reply",
        scope="write",
        handler=delete_canned_reply,
        what="canned reply",
        answers=None,
        status=204,
    ),
)
