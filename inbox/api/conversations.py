"""/conversations: the list a manager sees, and what can be done to one."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from inbox.api.endpoints import (
    Answer,
    Api,
    Call,
    Endpoint,
    ListOf,
    Nothing,
    OfSource,
    Paged,
    Search,
    ShortText,
)
from inbox.api.problems import bad_request, not_found
from router.records import Status
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import (
    STATUSES,
    ConversationFilter,
    Sort,
    conversation_by_id,
    list_conversations,
)
from storage.reading.sight import EVERYTHING


class Assignment(Struct, frozen=True, kw_only=True):
    """Whose it is and why, in words; `manager_id` null: it waits in the team's queue."""

    manager_id: UUID | None
    manager_name: str
    team_id: UUID | None
    team_name: str
    reason: str
    at: datetime | None


class Conversation(Struct, frozen=True, kw_only=True):
    """`waiting_since`: when the customer wrote what nobody has answered yet. `window_until`: until when the channel
    lets us answer freely. `unreachable`: why we cannot write, empty when we can.
    """

    id: UUID
    account: str
    channel: str
    chat_kind: str
    contact_id: UUID
    contact_name: str
    status: Status
    subject: str
    labels: list[str]
    unread: int
    failed: int
    """Replies that were not sent, or perhaps not, and that nobody has dealt with."""
    seq: int
    preview: str
    preview_direction: str
    waiting_since: datetime | None
    snoozed_until: datetime | None
    window_until: datetime | None
    unreachable: str
    manager_id: UUID | None
    team_id: UUID | None
    assignment: Assignment
    lead_id: UUID | None
    first_message_at: datetime
    last_message_at: datetime
    last_inbound_at: datetime | None
    created_at: datetime
    resolved_at: datetime | None


def shown(row: ConversationRow) -> Conversation:
    return Conversation(
        id=row.id,
        account=row.account,
        channel=row.channel,
        chat_kind=row.chat_kind,
        contact_id=row.contact_id,
        contact_name=row.contact_name,
        status=msgspec.convert(row.status, Status),
        subject=row.subject,
        labels=list(row.labels),
        unread=row.unread,
        failed=row.failed,
        seq=row.seq,
        preview=row.preview,
        preview_direction=row.preview_direction,
        waiting_since=row.waiting_since,
        snoozed_until=row.snoozed_until,
        window_until=row.window_until,
        unreachable=row.unreachable,
        manager_id=row.manager_id,
        team_id=row.team_id,
        assignment=Assignment(
            manager_id=row.manager_id,
            manager_name=row.manager_name,
            team_id=row.team_id,
            team_name=row.team_name,
            reason=row.assignment_reason,
            at=row.assigned_at,
        ),
        lead_id=row.lead_id,
        first_message_at=row.first_message_at,
        last_message_at=row.last_message_at,
        last_inbound_at=row.last_inbound_at,
        created_at=row.created_at,
        resolved_at=row.resolved_at,
    )


class ConversationsQuery(Paged, frozen=True, kw_only=True):
    status: Annotated[
        tuple[Literal["open", "waiting", "snoozed", "resolved", "spam", "any"], ...],
        Meta(description="Any of them; all when not given."),
    ] = ()
    assignee: Annotated[
        str, Meta(description="A user's id, or `none`: those nobody has.", max_length=64)
    ] = ""
    team: UUID | None = None
    channel: Annotated[tuple[str, ...], Meta(description="Kinds of channel: telegram, email…")] = ()
    account: Annotated[tuple[str, ...], Meta(description="Slugs of accounts.")] = ()
    contact: UUID | None = None
    label: ShortText = ""
    unread: Annotated[bool, Meta(description="Only those with something unread.")] = False
    waiting: Annotated[bool, Meta(description="Only where the customer waits for us.")] = False
    failed: Annotated[bool, Meta(description="Only with replies that were not sent.")] = False
    source: OfSource = ""
    q: Annotated[
        Search,
        Meta(
            description="A name, a part of a phone number or address, a lead's number (#1284), words of messages."
        ),
    ] = ""
    exact: Annotated[
        bool,
        Meta(
            description="Only what `q` says: no other spelling is searched when it is found nowhere."
        ),
    ] = False
    sort: Sort = "newest"


class FoundConversations(ListOf[Conversation], frozen=True, kw_only=True):
    """`searched_instead`, mostly not there: the spellings searched in the place of `q`, which is found nowhere."""

    searched_instead: list[str] | UnsetType = UNSET


class ConversationChanges(Struct, frozen=True, kw_only=True):
    """What is not given stays. `manager_id` null puts it back into the queue; a team alone lets its strategy choose.
    `snoozed` needs `snoozed_until`; null is until the customer writes.
    """

    status: Status | UnsetType = UNSET
    snoozed_until: datetime | UnsetType | None = UNSET
    manager_id: UUID | UnsetType | None = UNSET
    team_id: UUID | UnsetType | None = UNSET
    labels: (
        Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=50)]
        | UnsetType
    ) = UNSET


async def list_all_conversations(api: Api, call: Call[ConversationsQuery, Nothing]) -> Answer:
    query = call.query
    nobody = query.assignee.lower() in {"none", "null"}
    manager = None
    if query.assignee and not nobody:
        try:
            manager = UUID(query.assignee)
        except ValueError:
            raise bad_request(
                "invalid", "`assignee` is a user's id or `none` (query.assignee)."
            ) from None
    statuses = () if "any" in query.status else query.status
    wish = ConversationFilter(
        nobody=nobody,
        statuses=tuple(each for each in STATUSES if each in statuses),
        channels=query.channel,
        accounts=query.account,
        team=query.team,
        manager=manager,
        contact=query.contact,
        label=query.label,
        unread=query.unread,
        waiting=query.waiting,
        failed=query.failed,
        source=query.source,
        q=query.q,
        exact=query.exact,
    )
    async with api.engine.connect() as connection:
        page = await list_conversations(
            connection,
            wish,
            sight=EVERYTHING,
            sort=query.sort,
            cursor=query.cursor,
            limit=query.limit,
        )
    return Answer(
        body=FoundConversations(
            items=[shown(row) for row in page.items],
            next_cursor=page.next_cursor,
            searched_instead=list(page.instead) or UNSET,
        )
    )


async def show_conversation(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return await _shown(api, call.id)


async def change_conversation(api: Api, call: Call[Nothing, ConversationChanges]) -> Answer:
    wanted = call.body
    until = wanted.snoozed_until or None
    if until is not None and until.tzinfo is None:
        raise bad_request("invalid", "A time needs its offset (body.snoozed_until).")
    if wanted.status == "snoozed" and wanted.snoozed_until is UNSET:
        raise bad_request("invalid", "Until when? (body.snoozed_until)")
    if wanted.manager_id is not UNSET or wanted.team_id is not UNSET:
        await api.desk.assign(
            call.id, by=None, manager=wanted.manager_id or None, team=wanted.team_id or None
        )
    if wanted.labels is not UNSET:
        await api.desk.set_labels(call.id, wanted.labels, by=None)
    if wanted.status is not UNSET:
        await api.desk.set_status(call.id, wanted.status, by=None, until=until)
    return await _shown(api, call.id)


async def _shown(api: Api, id_: UUID) -> Answer:
    async with api.engine.connect() as connection:
        row = await conversation_by_id(connection, id_, sight=EVERYTHING)
    if row is None:
        raise not_found("conversation")
    return Answer(body=shown(row))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/conversations",
        tag="Conversations",
        summary="Conversations, the newest first unless asked otherwise",
        scope="read",
        handler=list_all_conversations,
        query=ConversationsQuery,
        answers=FoundConversations,
    ),
    Endpoint(
        method="GET",
        path="/conversations/{id}",
        tag="Conversations",
        summary="One conversation, with whose it is and why",
        scope="read",
        handler=show_conversation,
        what="conversation",
        answers=Conversation,
    ),
    Endpoint(
        method="PATCH",
        path="/conversations/{id}",
        tag="Conversations",
        summary="Hand over, label, snooze, resolve",
        scope="write",
        handler=change_conversation,
        body=ConversationChanges,
        what="conversation",
        refuses=True,
        answers=Conversation,
    ),
)
