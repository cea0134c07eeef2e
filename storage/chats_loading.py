"""Load: which conversations a batch's chats are, whose locks come later. One by one key, as `storage.world_loading` says."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from router.world import World
from storage.batch_names import BatchNames
from storage.bulk import Records


class ChatPlace(msgspec.Struct):
    """What leads to the conversation's lock. `chat`: by which it was asked for, when it was."""

    id: UUID
    contact_id: UUID
    account_id: UUID | None = None
    chat: str = ""


CHATS = Records(
    ChatPlace,
    "select c.id, c.contact_id, c.account_id, c.chat"
    " from unnest(cast(:accounts as uuid[]), cast(:chats as text[])) as k(account, chat),"
    " lateral (select * from conversation where account_id = k.account and chat = k.chat offset 0) as c",
)
# A chat named after its person, by another of their names: one that the event gives, or one that was given together with
# it before, which shows in what both are displayed as. Several, when two numbers are one person's: where they wrote last.
_NAMED_OTHERWISE = Records(
    ChatPlace,
    "select distinct on (k.account, k.chat) v.id, v.contact_id, k.account as account_id, k.chat"
    " from unnest(cast(:accounts as uuid[]), cast(:kinds as text[]), cast(:chats as text[]), cast(:names as text[]))"
    "  as k(account, kind, chat, name), lateral ("
    "   select c.id, c.contact_id, c.last_message_at from conversation c"
    "    where c.account_id = k.account and c.chat = k.name and c.chat_kind = 'private'"
    "   union all select c.id, c.contact_id, c.last_message_at from identity i"
    "    join identity j on j.contact_id = i.contact_id and j.kind = i.kind and j.display = i.display"
    "    join conversation c on c.account_id = k.account and c.chat = j.value and c.chat_kind = 'private'"
    "    where i.kind = k.kind and i.value = k.name and i.proved and not i.shared and i.display <> '') as v"
    " order by k.account, k.chat, v.last_message_at desc, v.id",
)
THREADS = Records(
    ChatPlace,
    "select c.id, c.contact_id from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from conversation where id = k.id offset 0) as c",
)


async def named_otherwise(
    connection: AsyncConnection, world: World, wanted: BatchNames, found: Sequence[ChatPlace]
) -> list[ChatPlace]:
    """Conversations of `Chat.of` that are not there under the name the event gives; asked for rarely, at a first message."""
    missing = wanted.names.keys() - {(chat.account_id, chat.chat) for chat in found}
    rows = [
        (account, wanted.names[account, chat][0], chat, name)
        for account, chat in missing
        for name in wanted.names[account, chat][1]
        if chat
    ]
    if not rows:
        return []
    accounts, kinds, chats, names = (list(column) for column in zip(*rows, strict=True))
    others = await _NAMED_OTHERWISE.read(
        connection, accounts=accounts, kinds=kinds, chats=chats, names=names
    )
    for each in others:
        if each.account_id is not None:
            world.same_chat[each.account_id, each.chat] = each.id
    seen = {chat.id for chat in found}
    return list({each.id: each for each in others if each.id not in seen}.values())
