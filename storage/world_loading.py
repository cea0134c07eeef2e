"""Load: everything a batch of events may touch, in a handful of set-based queries, locked in the one order.

The order is the same everywhere: inbound events, calls, contacts, conversations, leads, and last teams and managers, whom every
batch with a newcomer needs: they are held for as short as can be. Each is sorted by its key. A contact's lock is the
mutex of everything that is the contact's: identities, leads, touches. Identities are read without a lock: whoever moves
them holds the contact, so that a stale owner shows as `merged_into` once we have it.

Queries that do not wait for each other's answers travel together: a trip to the database costs more than most of them.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import receipts
from router.identity import SHARED_BY
from router.ids import is_sent_as
from router.intake import second_id
from router.message import (
    Accepted,
    CallReported,
    ContactShared,
    DeliveryReported,
    Event,
    InboundMessage,
    Key,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
)
from router.out_of_hours import TOLD_LATELY, is_away
from router.records import (
    CLOSED,
    Contact,
    Conversation,
    Identity,
    Lead,
    Manager,
    Member,
    StoredMessage,
    Team,
    Touch,
)
from router.wire import decode_event
from router.world import World
from storage import bulk
from storage.bulk import Records
from storage.calls_loading import load_calls, load_what_follows
from storage.tracks_loading import load_tracks


class _Waiting(msgspec.Struct):
    account_id: UUID
    external_id: str
    body: bytes


class _Chat(msgspec.Struct):
    """What leads to the conversation's lock. `chat`: by which it was asked for, when it was."""

    id: UUID
    contact_id: UUID
    account_id: UUID | None = None
    chat: str = ""


class _Sent(msgspec.Struct):
    """A reply of ours in a chat."""

    account_id: UUID
    chat: str
    message_id: UUID
    external_ids: list[str]


class _Claimed(msgspec.Struct):
    """A key that several people have (`contact_id` None), or that somebody says is theirs."""

    kind: str
    value: str
    contact_id: UUID | None


class _Closed(msgspec.Struct):
    contact_id: UUID
    at: datetime


class _Membership(msgspec.Struct):
    team_id: UUID
    user_id: UUID
    is_lead: bool
    turn: int


# Each look-up is written as one by one key, in the order of the keys given (`lateral`, and `offset 0` to keep it so): a
# join might be planned as a scan while the tables are small, and the plan be kept while they grow.
_STORED = Records(
    StoredMessage,
    "select m.id, m.conversation_id, m.seq, m.account_id, m.external_id, m.direction, m.kind, m.text, m.html,"
    " m.state, m.sent_at, m.edited_at, m.deleted_at, m.reactions, m.details, m.error"
    " from unnest(cast(:accounts as uuid[]), cast(:ids as text[])) as k(account, id),"
    " lateral (select * from message where account_id = k.account and external_id = k.id offset 0) as m",
)
_STORED_BY_ID = Records(
    StoredMessage,
    "select m.id, m.conversation_id, m.seq, m.account_id, m.external_id, m.direction, m.kind, m.text, m.html,"
    " m.state, m.sent_at, m.edited_at, m.deleted_at, m.reactions, m.details, m.error"
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
_WAITING = Records(
    _Waiting,
    # Base64 is how JSON carries bytes; PostgreSQL breaks it into lines.
    "select w.account_id, w.external_id, translate(encode(w.body, 'base64'), E'\\n', '') as body"
    " from unnest(cast(:accounts as uuid[]), cast(:ids as text[])) as k(account, id),"
    " lateral (select * from waiting_event where account_id = k.account and external_id = k.id offset 0) as w",
)
_CHATS = Records(
    _Chat,
    "select c.id, c.contact_id, c.account_id, c.chat"
    " from unnest(cast(:accounts as uuid[]), cast(:chats as text[])) as k(account, chat),"
    " lateral (select * from conversation where account_id = k.account and chat = k.chat offset 0) as c",
)
# A chat named after its person, by another of their names: one that the event gives, or one that was given together with
# it before, which shows in what both are displayed as. Several, when two numbers are one person's: where they wrote last.
_NAMED_OTHERWISE = Records(
    _Chat,
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
# Replies whose sending had no answer, by the name that we gave them.
_UNANSWERED = Records(
    StoredMessage,
    "select m.id, m.conversation_id, m.seq, m.account_id, m.external_id, m.direction, m.kind, m.text, m.html,"
    " m.state, m.sent_at, m.edited_at, m.deleted_at, m.reactions, m.details, m.error"
    " from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from message where id = k.id and state = 'unknown' and external_id is null offset 0) as m",
)
_THREADS = Records(
    _Chat,
    "select c.id, c.contact_id from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from conversation where id = k.id offset 0) as c",
)
_IDENTITIES = Records(
    Identity,
    "select i.id, i.contact_id, i.kind, i.value, i.display, i.proved, i.shared, i.how, i.first_seen, i.last_seen"
    " from unnest(cast(:kinds as text[]), cast(:values as text[])) as k(kind, value),"
    " lateral (select * from identity where kind = k.kind and value = k.value and proved and not shared offset 0) as i",
)
_SHARED_AND_CLAIMED = Records(
    _Claimed,
    "select i.kind, i.value, null as contact_id"
    " from unnest(cast(:kinds as text[]), cast(:values as text[])) as k(kind, value),"
    " lateral (select * from identity where kind = k.kind and value = k.value and shared offset 0) as i"
    " union all select c.kind, c.value, c.contact_id"
    " from unnest(cast(:kinds as text[]), cast(:values as text[])) as k(kind, value),"
    " lateral (select * from identity_claim where kind = k.kind and value = k.value offset 0) as c",
)
_CONTACTS = Records(
    Contact,
    "select c.id, c.name, c.kind, c.manager_id, c.locale, c.merged_into, c.blocked, c.created_at"
    " from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from contact where id = k.id for no key update) as c",
)
_CONVERSATIONS = Records(
    Conversation,
    "select c.id, c.account_id, c.chat, c.chat_kind, c.contact_id, c.identity_id, c.status, c.manager_id, c.team_id,"
    " c.subject, c.seq, c.preview, c.preview_direction, c.preview_kind, c.first_message_at, c.last_message_at,"
    " c.last_inbound_at, c.waiting_since, c.silence_due_at, c.silence_moves, c.snoozed_until, c.unread, c.window_until,"
    " c.unreachable, c.labels, c.created_at, c.resolved_at"
    " from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from conversation where id = k.id for no key update) as c",
)
_OPEN_LEADS = Records(
    Lead,
    "select l.id, l.contact_id, l.pipeline_id, l.stage_id, l.title, l.status, l.value, l.currency, l.manager_id,"
    " l.account_id, l.conversation_id, l.first_touch_id, l.last_touch_id, l.first_touch, l.last_touch, l.lost_reason,"
    " l.created_at, l.stage_since, l.closed_at, l.merged_into from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from lead where contact_id = k.id and pipeline_id = :pipeline and status = 'open'"
    "  for no key update) as l",
)
_LAST_CLOSED = Records(
    _Closed,
    "select l.contact_id, max(l.closed_at) as at from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from lead where contact_id = k.id and status in ('won', 'lost') offset 0) as l"
    " group by l.contact_id",
)
_TOUCHES = Records(
    Touch,
    "select t.id, t.contact_id, t.visitor_id, t.event_id, t.at, t.channel, t.source, t.medium, t.campaign, t.content,"
    " t.term, t.click_ids, t.landing, t.referrer, t.raw from unnest(cast(:contacts as uuid[])) as k(id)"
    ", lateral (select * from touch where contact_id = k.id offset 0) as t"
    " union all select t.id, t.contact_id, t.visitor_id, t.event_id, t.at, t.channel, t.source, t.medium, t.campaign,"
    " t.content, t.term, t.click_ids, t.landing, t.referrer, t.raw from unnest(cast(:visitors as uuid[])) as k(id),"
    " lateral (select * from touch where visitor_id = k.id and contact_id is null offset 0) as t order by at",
)
_TEAMS = Records(
    Team,
    "select id, name, strategy, needs_session, hours, time_zone, holidays, away_text, is_default"
    " from team where id = any(:ids) or is_default order by id for no key update",
)
# Locked, not for the lock: whose turn it is changes while we wait for the team, and a locked row comes as it is by then.
_MEMBERS = Records(
    _Membership,
    "select team_id, user_id, is_lead, turn from team_member"
    " where team_id = any(:ids) or team_id in (select id from team where is_default)"
    " order by team_id, user_id for no key update",
)
_MANAGERS = Records(
    Manager,
    "select id, name, role, presence, presence_since, seen_at, capacity, open_conversations from user_account"
    " where disabled_at is null and role <> 'marketer' and (id = any(:ids) or role = 'admin' or id in"
    "  (select user_id from team_member where team_id = any(:teams) or team_id in (select id from team where is_default)))"
    " order by id for no key update",
)
_TOLD_AWAY = text(
    "select c.contact_id from conversation c where c.contact_id = any(:ids) and exists (select from message m"
    "  where m.conversation_id = c.id and m.sent_at > :since and m.direction = 'out'"
    "  and m.details->>'automatic' = 'out_of_hours')"
)
# Told apart were perhaps contacts that have been merged into these since: it holds for whoever they are now.
_NEVER = text(
    "with people as (select id, coalesce(merged_into, id) as live from contact where id = any(:ids)"
    "  union select id, merged_into from contact where merged_into = any(:ids)),"
    " told_apart as (select survivor_id as one, absorbed_id as other from contact_merge where undone_at is not null"
    "  union all select first_id, second_id from suggestion where decision = 'rejected')"
    " select a.live, b.live from told_apart t join people a on a.id = t.one join people b on b.id = t.other"
    " where a.live <> b.live"
)


async def load(connection: AsyncConnection, world: World, batch: Sequence[Accepted]) -> None:
    """Fills the world with what the batch may touch: all but colleagues, of whom `load_colleagues` is asked."""
    wanted = _Wanted(batch)
    await load_calls(connection, world, wanted.calls, wanted.initiated)
    conversations = await _load_what_is_named(connection, world, wanted)
    await load_contacts(connection, world, _people(world, conversations))
    _see_through_merges(world)
    await _load_what_never_merges(connection, world, wanted)
    await load_conversations(connection, world, [each.id for each in conversations])
    if wanted.calls:
        await load_what_follows(connection, world)
    await load_tracks(connection, world, batch)
    await load_touches(
        connection,
        world,
        wanted.with_sources(world),
        wanted.visitors,
        earliest=min(accepted.event.at for accepted in batch),
    )


def split_by_need(world: World, batch: Sequence[Accepted]) -> tuple[list[Accepted], list[Accepted]]:
    """(those whose conversation is there, open and somebody's, those for which a colleague may have to be chosen)."""
    settled: list[Accepted] = []
    unsettled: list[Accepted] = []
    for accepted in batch:
        found = world.by_chat.get((accepted.account, accepted.event.chat.id))
        needs = (
            # Who answered may take it, and a missed one has a deadline in the team's working hours.
            (isinstance(accepted.event, CallReported) and accepted.event.phase != "recorded")
            or found is None
            or (found.manager_id is None and found.team_id is None)
            or found.status in CLOSED
        )
        (unsettled if needs else settled).append(accepted)
    return settled, unsettled


def _people(world: World, conversations: Iterable[_Chat]) -> set[UUID]:
    people = {each.contact_id for each in conversations}
    people |= {identity.contact_id for identity in world.identities.values()}
    return people.union(*world.claimants.values())


def _see_through_merges(world: World) -> None:
    """What was read before the contacts were locked may name one that has been merged since, or long ago."""
    for identity in world.identities.values():
        identity.contact_id = world.contact(identity.contact_id).id
    for where, claimants in world.claimants.items():
        people = {world.contact(each).id for each in claimants}
        world.claimants[where] = people
        if len(people) > SHARED_BY and where not in world.identities:
            world.shared_keys.add(where)


class _Wanted:
    """What a batch of events names."""

    def __init__(self, batch: Sequence[Accepted]) -> None:
        self.chats: set[tuple[UUID, str]] = set()
        self.keys: set[tuple[str, str]] = set()
        self.messages: set[tuple[UUID, str]] = set()
        self.visitors: set[UUID] = set()
        self.about: list[tuple[UUID, str, str, str]] = []
        self.calls: set[tuple[UUID, str]] = set()
        self.initiated: set[str] = set()
        self.arriving: set[tuple[UUID, str]] = set()
        self.together: list[tuple[Key, ...]] = []
        self.sources: list[tuple[tuple[UUID, str], tuple[Key, ...]]] = []
        self.names: dict[tuple[UUID, str], tuple[str, set[str]]] = {}
        """Of chats that are named after their person: the kind of key, and the names the events give."""
        self.own: set[UUID] = set()
        for accepted in batch:
            account, event = accepted.account, accepted.event
            self._chat(account, event)
            self._whose(accepted.channel, event)
            match event:
                case InboundMessage():
                    self._message(account, event)
                case ContactShared():
                    self.arriving.add((account, event.external_id))
                    self._keys(event.phones)
                case CallReported():
                    self.calls.add((account, event.call))
                    self.initiated.add(event.initiated)
                    self._source(account, event)
                case MessageEdited() | MessageDeleted() | ReactionChanged() | DeliveryReported():
                    for each in receipts.targets(event):
                        self.messages.add((account, each))
                        self.about.append((account, event.chat.id, each, ""))
                    self.own |= receipts.own_ids(event)
                case _:
                    pass
        self.messages |= self.arriving

    def _message(self, account: UUID, event: InboundMessage) -> None:
        self.arriving |= {(account, each) for each in (event.external_id, second_id(event))}
        self.messages.update((account, each) for each in event.thread)
        if event.reply_to is not None:
            self.messages.add((account, event.reply_to.external_id))
        self._source(account, event)
        if event.direction == "out":
            self.about.append((account, event.chat.id, event.external_id, event.sent_as))

    def with_sources(self, world: World) -> set[UUID]:
        """The contacts whose touches matter now: those of events that carry a source."""
        found = set()
        for chat, keys in self.sources:
            conversation = world.by_chat.get(chat)
            if conversation is not None:
                found.add(conversation.contact_id)
            for key in keys:
                identity = world.identities.get((key.kind, key.value))
                if identity is not None:
                    found.add(identity.contact_id)
        return found

    def _whose(self, channel: str, event: Event) -> None:
        if event.sender is not None:
            self._keys(event.sender.keys)
            extra = event.phones if isinstance(event, ContactShared) else ()
            if len(event.sender.keys) + len(extra) > 1:
                self.together.append((*event.sender.keys, *extra))
        if (
            event.chat.kind != "private"
            or event.sender is None
            or getattr(event, "direction", "in") == "out"
        ):
            self.keys.add((f"{channel}_chat", event.chat.id))

    def _source(self, account: UUID, event: InboundMessage | CallReported) -> None:
        # A call says by its number where it came from.
        if event.source is not None or isinstance(event, CallReported):
            self.sources.append(
                ((account, event.chat.id), event.sender.keys if event.sender is not None else ())
            )

    def _chat(self, account: UUID, event: Event) -> None:
        chat = event.chat
        self.chats.add((account, chat.id))
        if not chat.of:
            return
        _, names = self.names.setdefault((account, chat.id), (chat.of, {chat.id}))
        if event.sender is not None:
            names.update(key.value for key in event.sender.keys if key.kind == chat.of)

    def _keys(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.keys.add((key.kind, key.value))
            if key.kind == "visitor":
                self.visitors.add(UUID(key.value))


async def _load_what_is_named(
    connection: AsyncConnection, world: World, wanted: _Wanted
) -> list[_Chat]:
    """Messages, events that wait for them, and whose the keys are; returns the conversations, which are not locked yet."""
    stored = _STORED.asked(**_pairs(wanted.messages, "accounts", "ids"))
    waiting = _WAITING.asked(**_pairs(wanted.arriving, "accounts", "ids"))
    chats = _CHATS.asked(**_pairs(wanted.chats, "accounts", "chats"))
    identities = _IDENTITIES.asked(**_pairs(wanted.keys, "kinds", "values"))
    claimed = _SHARED_AND_CLAIMED.asked(**_pairs(wanted.keys, "kinds", "values"))
    unanswered = _UNANSWERED.asked(ids=list(wanted.own))
    asked = (stored, waiting, chats, identities, claimed)
    await bulk.answer(connection, *asked, *((unanswered,) if wanted.own else ()))
    for message in unanswered.found:
        world.unanswered[message.id] = message
    for message in stored.found:
        world.stored[message.account_id, message.external_id or ""] = message
        world.by_thread[message.account_id, message.external_id or ""] = message.conversation_id
    await _load_own_replies(connection, world, wanted.about)
    for event in waiting.found:
        world.waiting.setdefault((event.account_id, event.external_id), []).append(
            decode_event(event.body)
        )
    for identity in identities.found:
        world.identities[identity.kind, identity.value] = identity
    for claim in claimed.found:
        if claim.contact_id is None:
            world.shared_keys.add((claim.kind, claim.value))
        else:
            world.claimants.setdefault((claim.kind, claim.value), set()).add(claim.contact_id)
    found = chats.found + await _named_otherwise(connection, world, wanted, chats.found)
    threads = {message.conversation_id for message in (*stored.found, *unanswered.found)}
    threads |= {call.conversation_id for call in world.calls.values() if call.conversation_id}
    if elsewhere := list(threads - {chat.id for chat in found}):
        return found + await _THREADS.read(connection, ids=elsewhere)
    return found


async def _named_otherwise(
    connection: AsyncConnection, world: World, wanted: _Wanted, found: Sequence[_Chat]
) -> list[_Chat]:
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


async def _load_own_replies(
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
    for each in await _SENT.read(connection, **_pairs(chats, "accounts", "chats")):
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


async def load_contacts(connection: AsyncConnection, world: World, ids: set[UUID]) -> None:
    """The contacts, locked, and whom they were merged into."""
    while missing := sorted(ids - world.contacts.keys()):
        for contact in await _CONTACTS.read(connection, ids=missing):
            world.contacts[contact.id] = contact
            if contact.merged_into is not None:
                ids = ids | {contact.merged_into}
        if missing == sorted(ids - world.contacts.keys()):
            # Named by a claim or an identity, and gone: a bug or a hand in the database.
            raise LookupError(f"contacts that are not there: {missing}")


async def _load_what_never_merges(
    connection: AsyncConnection, world: World, wanted: _Wanted
) -> None:
    """Pairs a person has told apart; asked only when something in the batch could join or suggest two."""
    if len(world.contacts) > 1 and (wanted.together or world.claimants):
        pairs = (await connection.execute(_NEVER, {"ids": list(world.contacts)})).all()
        world.never_merge = {frozenset((one, other)) for one, other in pairs}


async def load_claimed(
    connection: AsyncConnection, world: World, keys: Collection[tuple[str, str]]
) -> None:
    """Whose these keys are and who says that they are theirs, for colleagues who write some down (`take_claim`)."""
    asked = {"kinds": [kind for kind, _ in keys], "values": [value for _, value in keys]}
    for identity in await _IDENTITIES.read(connection, **asked):
        world.identities[identity.kind, identity.value] = identity
    for key in keys:
        world.claimants[key] = set()
    for each in await _SHARED_AND_CLAIMED.read(connection, **asked):
        if each.contact_id is None:
            world.shared_keys.add((each.kind, each.value))
        else:
            world.claimants[each.kind, each.value].add(each.contact_id)
    await load_contacts(
        connection,
        world,
        {*world.contacts, *(each.contact_id for each in world.identities.values())},
    )
    pairs = (await connection.execute(_NEVER, {"ids": list(world.contacts)})).all()
    world.never_merge = {frozenset((one, other)) for one, other in pairs}


async def load_colleagues(
    connection: AsyncConnection,
    world: World,
    *,
    teams: Iterable[UUID | None] = (),
    managers: Iterable[UUID | None] = (),
) -> None:
    """The last to be locked: teams (the default one always), their members, who has the world's conversations and
    contacts, and whom else the caller names; in the order of their ids.
    """
    conversations, contacts = world.conversations.values(), world.contacts.values()
    team_ids = {*teams, *(each.team_id for each in conversations)} - {None}
    manager_ids = {
        *managers,
        *(each.manager_id for each in conversations),
        *(each.manager_id for each in contacts),
    } - {None}
    found = _TEAMS.asked(ids=list(team_ids))
    members = _MEMBERS.asked(ids=list(team_ids))
    people = _MANAGERS.asked(ids=list(manager_ids), teams=list(team_ids))
    await bulk.answer(connection, found, members, people)
    world.teams = {team.id: team for team in found.found}
    for each in members.found:
        if each.team_id in world.teams:
            world.teams[each.team_id].members.append(
                Member(user_id=each.user_id, is_lead=each.is_lead, turn=each.turn)
            )
    world.managers = {manager.id: manager for manager in people.found}
    await _load_told_away(connection, world)


async def _load_told_away(connection: AsyncConnection, world: World) -> None:
    """Asked at night only, when there is something to say."""
    if world.contacts and any(is_away(team, world.now) for team in (world.teams or {}).values()):
        told = await connection.execute(
            _TOLD_AWAY, {"ids": list(world.contacts), "since": world.now - TOLD_LATELY}
        )
        world.told_away = {world.contact(row.contact_id).id for row in told}


async def load_conversations(
    connection: AsyncConnection, world: World, ids: Iterable[UUID]
) -> None:
    """The conversations, and the open leads of the world's contacts; locked."""
    conversations = _CONVERSATIONS.asked(ids=sorted(ids))
    leads = _open_leads(world, world.contacts)
    await bulk.answer(connection, conversations, leads)
    world.load_conversations(conversations.found)
    world.open_leads = {lead.contact_id: lead for lead in leads.found}
    # Somebody may have merged or moved the chat's person while we waited for the lock.
    before = set(world.contacts)
    await load_contacts(
        connection, world, {each.contact_id for each in world.conversations.values()}
    )
    if others := world.contacts.keys() - before:
        leads = _open_leads(world, others)
        await bulk.answer(connection, leads)
        world.open_leads |= {lead.contact_id: lead for lead in leads.found}


def _open_leads(world: World, contacts: Collection[UUID]) -> bulk.Question[Lead]:
    pipeline = world.pipeline.id if world.pipeline is not None else None
    return _OPEN_LEADS.asked(ids=sorted(contacts), pipeline=pipeline)


async def load_touches(
    connection: AsyncConnection,
    world: World,
    touched: Collection[UUID] = (),
    visitors: Collection[UUID] = (),
    *,
    earliest: datetime | None = None,
) -> None:
    """For contacts without an open lead, when the last was closed; and touches.

    Touches are those of contacts without an open lead, or with one opened later than `earliest` (a message from before
    moves its opening back), of `touched`, and of `visitors` nobody is known behind yet.
    """
    without = [each for each in world.contacts if each not in world.open_leads]
    strangers = [each for each in visitors if ("visitor", str(each)) not in world.identities]
    late = (
        each.contact_id
        for each in world.open_leads.values()
        if earliest is not None and earliest < each.created_at
    )
    contacts = list({*touched, *without, *late})
    if not contacts and not strangers:
        return
    closed = _LAST_CLOSED.asked(ids=without)
    touches = _TOUCHES.asked(contacts=contacts, visitors=strangers)
    await bulk.answer(connection, closed, touches)
    world.last_closed = {each.contact_id: each.at for each in closed.found}
    for touch in touches.found:
        if touch.contact_id is not None:
            world.touches[touch.contact_id].append(touch)
        elif touch.visitor_id is not None:
            world.visitor_touches[touch.visitor_id].append(touch)


def _pairs(pairs: set[tuple[Any, str]], first: str, second: str) -> dict[str, list[Any]]:
    return {first: [each[0] for each in pairs], second: [each[1] for each in pairs]}
