"""/users/{id}/notifications: what lies under a colleague's bell. A token is no person, so it says whose."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, Paged, listed
from inbox.api.problems import not_found
from storage.reading.colleagues import list_users
from storage.reading.notices import NoticeRow, list_notices
from storage.reading.sight import EVERYTHING


class Notification(Struct, frozen=True, kw_only=True):
    """`kind`: assigned, message, unassigned, mention, failed, task, lead, waiting, channel. One is about one thing; when
    that happens again it is news again, and `at` is then.
    """

    id: UUID
    user_id: UUID
    kind: str
    at: datetime
    read_at: datetime | None
    conversation_id: UUID | None
    lead_id: UUID | None
    task_id: UUID | None
    contact_name: str
    text: str
    by_name: str
    details: dict[str, Any]


def shown(row: NoticeRow) -> Notification:
    return Notification(
        id=row.id,
        user_id=row.user_id,
        kind=row.kind,
        at=row.at,
        read_at=row.read_at,
        conversation_id=row.conversation_id,
        lead_id=row.lead_id,
        task_id=row.task_id,
        contact_name=row.contact_name,
        text=row.text or row.task_text,
        by_name=row.by_name,
        details=row.details,
    )


async def list_notifications(api: Api, call: Call[Paged, Nothing]) -> Answer:
    query = call.query
    async with api.engine.connect() as connection:
        page = await list_notices(
            connection, call.id, cursor=query.cursor, limit=query.limit, sight=EVERYTHING
        )
        if call.id not in {each.id for each in await list_users(connection)}:
            raise not_found("user")
    return listed(page, shown)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/users/{id}/notifications",
        tag="Directory",
        summary="What a colleague was told, the newest first",
        scope="read",
        handler=list_notifications,
        query=Paged,
        what="user",
        answers=ListOf[Notification],
    ),
)
