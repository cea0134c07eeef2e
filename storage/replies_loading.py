"""Load: replies of ours that a platform's message id does not lead to."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import is_sent_as
from router.records import StoredMessage
from router.world import World
from storage import bulk
from storage.bulk import Records

MESSAGE_COLUMNS: Final = (
    "m.id, m.conversation_id, m.seq, m.account_id, m.external_id, m.direction, m.kind, m.text, m.html, m.state, m.sent_at,"
    " m.edited_at, m.deleted_at, m.reactions, m.details, m.error"
)
"""Of the `message` m, what a StoredMessage holds."""


class _Sent(msgspec.Struct):
    """A reply of ours in a chat."""

    account_id: UUID
    chat: str
    message_id: UUID
    external_ids: list[str]


_STORED_BY_ID = Records(
    StoredMessage,
    f"select {MESSAGE_COLUMNS}"  # noqa: S608  # our own names
    " from unnest(cast(:ids as uuid[])) as k(id), lateral (select * from message where id = k.id offset 0) as m",
)
# What is about a reply comes within seconds, redelivered within hours: among so many to one person it is found.
_SENT = Records(
    _Sent,
    "select c.account_id, c.chat, d.message_id, d.external_ids"
    " from unnest(cast(:accounts as uuid[]), cast(:chats as text[])) as k(account, chat),"
    " lateral (select * from conversation where account_id = k.account and chat = k.chat offset 0) as c,"
    " lateral (select * from delivery where conversation_id = c.id order by id desc limit 200) as d",
)
# Replies whose sending had no answer, by the name that we gave them.
UNANSWERED = Records(
    StoredMessage,
    f"select {MESSAGE_COLUMNS}"  # noqa: S608  # our own names
    " from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from message where id = k.id and state = 'unknown' and external_id is null offset 0) as m",
)


async def load_own_replies(
    connection: AsyncConnection, world: World, about: Sequence[tuple[UUID, str, str, str]]
) -> None:
    """Replies of ours that a message's id alone does not lead to. `about`: (account, chat, message's id, sent as).

    An echo may come before the platform's answer to us was written down: then it is known by the number it was sent
    under. And of a reply that became several of the platform's messages, a message has the first one's id only.
    """
    unknown = [each for each in about if (each[0], each[2]) not in world.stored]
    if not unknown:
        return
    chats = {(account, chat) for account, chat, _, _ in unknown}
    sent: dict[tuple[UUID, str], list[_Sent]] = {}
    for each in await _SENT.read(connection, **bulk.columns(chats, "accounts", "chats")):
        sent.setdefault((each.account_id, each.chat), []).append(each)
    ours = {
        (account, external_id): reply.message_id
        for account, chat, external_id, number in unknown
        for reply in sent.get((account, chat), ())
        if external_id in reply.external_ids
        or (number.isdecimal() and is_sent_as(reply.message_id, int(number)))
    }
    if ours:
        found = await _STORED_BY_ID.read(connection, ids=list(set(ours.values())))
        replies = {message.id: message for message in found}
        world.stored |= {known: replies[reply] for known, reply in ours.items() if reply in replies}
