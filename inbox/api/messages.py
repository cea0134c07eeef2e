"""/messages and /conversations/{id}/messages: what was said, and saying something."""

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from connectors.message_templates import Template
from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, Paged, listed
from inbox.api.problems import Problem, bad_request, not_found
from inbox.mentions import Named, named_in, readers
from inbox.template_choice import Choice, choose
from storage.reading.colleagues import list_teams, list_users
from storage.reading.conversations import conversation_by_id
from storage.reading.messages import (
    MessageRow,
    list_messages,
    message_by_id,
    messages_after_seq,
    timeline,
)
from storage.reading.paging import Page
from storage.reading.sight import EVERYTHING, who_sees

IDEMPOTENCY_KEY = "Idempotency-Key"

Direction = Literal["in", "out", "note", "system"]


class Attachment(Struct, frozen=True, kw_only=True):
    """`state`: wanted (still being fetched), stored, failed. `url` when stored; read with the same token."""

    id: UUID
    kind: str
    name: str
    mime: str
    size: int | None
    width: int | None
    height: int | None
    duration: float | None
    sha256: str
    state: Literal["wanted", "stored", "failed"]
    url: str | None
    error: str


class Author(Struct, frozen=True, kw_only=True):
    name: str
    contact_id: UUID | None
    user_id: UUID | None


class Message(Struct, frozen=True, kw_only=True):
    """`account` is the slug, `channel` its kind. `external_id` is the platform's. `reply_to` is the answered message's
    id. `state` of what we sent: queued, sending, sent, delivered, read, failed, unknown (it may or may not have
    arrived); empty for what came in. `error` says why it failed.
    """

    id: UUID
    account: str
    channel: str
    external_id: str | None
    direction: Direction
    kind: str
    text: str
    html: str
    subject: str
    attachments: list[Attachment]
    sent_at: datetime
    received_at: datetime
    stored_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    contact_id: UUID
    conversation_id: UUID
    seq: int
    author: Author
    reply_to: UUID | None
    quote: str
    reactions: dict[str, Any]
    automatic: str | None
    details: dict[str, Any]
    call_id: UUID | None
    state: str
    error: str


def shown(row: MessageRow) -> Message:
    return Message(
        id=row.id,
        account=row.account,
        channel=row.channel,
        external_id=row.external_id,
        direction=msgspec.convert(row.direction, Direction),
        kind=row.kind,
        text=row.text,
        html=row.html,
        subject=row.subject,
        attachments=[
            Attachment(
                id=each.id,
                kind=each.kind,
                name=each.name,
                mime=each.mime,
                size=each.size,
                width=each.width,
                height=each.height,
                duration=each.duration,
                sha256=each.sha256,
                state=msgspec.convert(each.state, Literal["wanted", "stored", "failed"]),
                url=f"/api/v1/attachments/{each.id}" if each.state == "stored" else None,
                error=each.error,
            )
            for each in row.attachments
        ],
        sent_at=row.sent_at,
        received_at=row.received_at,
        stored_at=row.stored_at,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        contact_id=row.contact_id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        author=Author(name=row.author, contact_id=row.author_contact, user_id=row.author_user),
        reply_to=row.reply_to,
        quote=row.quote,
        reactions=row.reactions,
        automatic=row.automatic,
        details=row.details,
        call_id=row.call.id if row.call is not None else None,
        state=_state(row),
        error=row.error or (row.delivery.error if row.delivery else ""),
    )


def _state(row: MessageRow) -> str:
    """The message's own, which the platform's reports move; until it is sent, its delivery knows better."""
    if row.state == "queued" and row.delivery is not None:
        return row.delivery.state
    return row.state


class FeedQuery(Paged, frozen=True, kw_only=True):
    account: Annotated[str, Meta(description="Of this account only (its slug).")] = ""
    after: Annotated[
        str,
        Meta(
            description="Stored after this time (RFC 3339), or behind the message with this id.",
            max_length=64,
        ),
    ] = ""
    direction: Annotated[
        tuple[Direction, ...], Meta(description="Any of them; in and out when not given.")
    ] = ("in", "out")


class ConversationMessagesQuery(Paged, frozen=True, kw_only=True):
    order: Annotated[
        Literal["newest", "oldest"], Meta(description="Which end the pages begin at.")
    ] = "newest"
    after_seq: Annotated[
        int | None,
        Meta(description="Catch up: what arrived behind this `seq`, in order of arrival."),
    ] = None


class TemplateSlot(Struct, frozen=True, kw_only=True):
    """A place of a template that wants a value."""

    key: str
    label: str
    example: str


class MessageTemplate(Struct, frozen=True, kw_only=True):
    """Words that the platform has approved; `text` has its places as {{key}}."""

    name: str
    language: str
    category: str
    text: str
    slots: list[TemplateSlot]


class ChosenTemplate(Struct, frozen=True, kw_only=True):
    """One of the conversation's templates, with a value for each of its `slots`, by their keys."""

    name: Annotated[str, Meta(max_length=512)]
    language: Annotated[str, Meta(max_length=16)]
    values: dict[str, Annotated[str, Meta(max_length=1024)]] = msgspec.field(default_factory=dict)


class NewMessage(Struct, frozen=True, kw_only=True):
    """`kind` reply goes to the customer; a note stays inside. The same `idempotency_key` (or Idempotency-Key header)
    again answers the same message and sends nothing twice. A `template` instead of a text can also be sent when the time
    for a free reply is over (the conversation's `window_until`); a text is then answered 409.
    """

    text: Annotated[str, Meta(max_length=100_000)] = ""
    template: ChosenTemplate | None = None
    kind: Literal["reply", "note"] = "reply"
    reply_to: UUID | None = None
    mentions: Annotated[
        list[UUID], Meta(max_length=50, description="Colleagues and teams whom a note names.")
    ] = msgspec.field(default_factory=list)
    idempotency_key: Annotated[str, Meta(max_length=200)] | None = None


async def list_all_messages(api: Api, call: Call[FeedQuery, Nothing]) -> Answer:
    query = call.query
    async with api.engine.connect() as connection:
        page = await list_messages(
            connection,
            account_slug=query.account,
            directions=query.direction,
            after=_after(query.after),
            cursor=query.cursor,
            limit=query.limit,
        )
    return listed(page, shown)


def _after(given: str) -> datetime | UUID | None:
    if not given:
        return None
    try:
        return UUID(given)
    except ValueError:
        pass
    try:
        # In an address a bare + stands for a space: 12:00:00+03:00 arrives as "12:00:00 03:00".
        moment = msgspec.convert(given.replace(" ", "+"), datetime)
    except msgspec.ValidationError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise bad_request(
            "invalid",
            "`after` is a time with its offset, like 2026-11-21T12:00:00Z, or a message's id (query.after).",
        )
    return moment


async def list_conversation_messages(
    api: Api, call: Call[ConversationMessagesQuery, Nothing]
) -> Answer:
    query = call.query
    async with api.engine.connect() as connection:
        if await conversation_by_id(connection, call.id, sight=EVERYTHING) is None:
            raise not_found("conversation")
        if query.after_seq is not None:
            rows = await messages_after_seq(
                connection, call.id, seq=query.after_seq, limit=query.limit
            )
            return listed(Page(items=tuple(rows)), shown)
        # To begin at the oldest is to go forward from before everything.
        oldest = query.order == "oldest"
        page = await timeline(
            connection,
            sight=EVERYTHING,
            conversation_id=call.id,
            before="" if oldest else query.cursor,
            after=query.cursor if oldest else "",
            from_the_start=oldest and not query.cursor,
            limit=query.limit,
        )
    rows = list(page.messages) if oldest else list(reversed(page.messages))
    return listed(
        Page(items=tuple(rows), next_cursor=page.later if oldest else page.earlier), shown
    )


async def show_message(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        row = await message_by_id(connection, call.id, sight=EVERYTHING)
    if row is None:
        raise not_found("message")
    return Answer(body=shown(row))


async def post_message(api: Api, call: Call[Nothing, NewMessage]) -> Answer:
    new = call.body
    if new.template is None and not new.text.strip():
        raise bad_request("invalid", "There is nothing in the text to send (body.text).")
    if new.template is not None and (new.text or new.kind == "note"):
        raise bad_request(
            "invalid", "A template is a reply and brings its own text (body.template)."
        )
    key = call.request.headers.get(IDEMPOTENCY_KEY) or new.idempotency_key
    if key is not None and len(key) > 200:
        raise bad_request("invalid", "An idempotency key has 200 characters at most.")
    if key:
        # Two tokens may use the same key for different things.
        key = sha256(f"{call.token.id}:{key}".encode()).hexdigest()
    if new.kind == "note":
        named = await _named(api, call.id, new)
        made = await api.desk.note(
            call.id,
            by=None,
            text=new.text,
            idempotency_key=key or None,
            mentions=named.users,
            named=named.names,
        )
    else:
        choice = await _choice(api, call.id, new.template) if new.template is not None else None
        made = await api.desk.reply(
            call.id,
            by=None,
            text=choice.text if choice is not None else new.text,
            reply_to=new.reply_to,
            idempotency_key=key or None,
            author_name=call.token.name,
            template=choice.details if choice is not None else None,
        )
    return await _made(api, made)


async def _named(api: Api, conversation: UUID, new: NewMessage) -> Named:
    """Those given by their ids, and those the text names; of those who have the conversation in sight."""
    async with api.engine.connect() as connection:
        users, teams = await list_users(connection), await list_teams(connection)
        seeing = await who_sees(connection, conversation)
    able = {each.id: (each.id,) for each in readers(users, seeing=seeing)}
    groups = {each.id: tuple(one for one in each.member_ids if one in able) for each in teams}
    given: list[UUID] = []
    for id_ in new.mentions:
        if id_ not in able and id_ not in groups:
            raise bad_request(
                "invalid", "A mention is of a colleague who sees this conversation, or of a team."
            )
        given += able.get(id_) or groups[id_]
    written = named_in(
        new.text, picked=new.mentions, users=users, teams=teams, author=None, seeing=seeing
    )
    return Named(users=tuple(dict.fromkeys([*given, *written.users])), names=written.names)


async def _choice(api: Api, conversation: UUID, chosen: ChosenTemplate) -> Choice:
    return await choose(
        api.channels,
        await _account(api, conversation),
        name=chosen.name,
        language=chosen.language,
        values=chosen.values,
    )


async def _account(api: Api, conversation: UUID) -> str:
    async with api.engine.connect() as connection:
        row = await conversation_by_id(connection, conversation, sight=EVERYTHING)
    if row is None:
        raise not_found("conversation")
    return row.account


async def list_templates(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    templates = await api.channels.templates(await _account(api, call.id))
    return listed(Page(items=tuple(templates)), _shown_template)


def _shown_template(template: Template) -> MessageTemplate:
    return MessageTemplate(
        name=template.name,
        language=template.language,
        category=template.category,
        text=template.text,
        slots=[
            TemplateSlot(key=slot.key, label=slot.label, example=slot.example)
            for slot in template.slots
        ],
    )


async def retry_message(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.desk.retry(call.id, by=None)
    return await _made(api, call.id, status=200)


async def _made(api: Api, id_: UUID, *, status: int = 201) -> Answer:
    async with api.engine.connect() as connection:
        row = await message_by_id(connection, id_, sight=EVERYTHING)
    if row is None:
        raise Problem(
            404, "not-found", "Not found", "The message was removed as soon as it was there."
        )
    return Answer(
        body=shown(row), status=status, headers={"Location": f"/api/v1/messages/{row.id}"}
    )


_KEY_HEADER = ((IDEMPOTENCY_KEY, "The same key again answers the same message."),)

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/messages",
        tag="Messages",
        summary="Every stored message, in the order they were stored",
        description="What came in and what went out, of every account. Walk it with `cursor`; come back later with "
        "`after` = the id of the last message you have. A message that is being stored at this moment may come a "
        "second later, never in front of one you have seen.",
        scope="read",
        handler=list_all_messages,
        query=FeedQuery,
        answers=ListOf[Message],
    ),
    Endpoint(
        method="GET",
        path="/messages/{id}",
        tag="Messages",
        summary="One message",
        scope="read",
        handler=show_message,
        what="message",
        answers=Message,
    ),
    Endpoint(
        method="POST",
        path="/messages/{id}/retry",
        tag="Messages",
        summary="Send a failed or unknown message again",
        scope="write",
        handler=retry_message,
        what="message",
        refuses=True,
        answers=Message,
    ),
    Endpoint(
        method="GET",
        path="/conversations/{id}/messages",
        tag="Conversations",
        summary="The messages of a conversation",
        description="In the order they were written, newest first unless asked otherwise.",
        scope="read",
        handler=list_conversation_messages,
        query=ConversationMessagesQuery,
        what="conversation",
        answers=ListOf[Message],
    ),
    Endpoint(
        method="GET",
        path="/conversations/{id}/templates",
        tag="Conversations",
        summary="The message templates that can be sent here",
        description="As the platform lists them now; none where a channel has no such thing.",
        scope="read",
        handler=list_templates,
        what="conversation",
        refuses=True,
        answers=ListOf[MessageTemplate],
    ),
    Endpoint(
        method="POST",
        path="/conversations/{id}/messages",
        tag="Conversations",
        summary="Answer the customer, or leave a note",
        scope="write",
        handler=post_message,
        body=NewMessage,
        what="conversation",
        status=201,
        refuses=True,
        headers=_KEY_HEADER,
        answers=Message,
    ),
)
