"""Load: everything a batch of events may touch, in a handful of set-based queries, locked in the one order.

The order is the same everywhere: inbound events, calls, contacts, conversations, leads, and last teams and managers, whom every
batch with a newcomer needs: they are held for as short as can be. Each is sorted by its key. A contact's lock is the
mutex of everything that is the contact's: identities, leads, touches. Identities are read without a lock: whoever moves
them holds the contact, so that a stale owner shows as `merged_into` once we have it.

Queries that do not wait for each other's answers travel together: a trip to the database costs more than most of them.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.identity import SHARED_BY
from router.message import Accepted, CallReported
from router.records import CLOSED, Contact, Conversation, Identity, Lead, StoredMessage, Touch
from router.wire import decode_event
from router.world import World
from storage import bulk
from storage.batch_names import BatchNames
from storage.bulk import Records
from storage.calls_loading import load_calls, load_what_follows
from storage.chats_loading import CHATS, THREADS, ChatPlace, named_otherwise
from storage.replies_loading import MESSAGE_COLUMNS, UNANSWERED, load_own_replies


class _Waiting(msgspec.Struct):
    account_id: UUID
    external_id: str
    body: bytes


class _Claimed(msgspec.Struct):
    """A key that several people have (`contact_id` None), or that somebody says is theirs."""

    kind: str
    value: str
    contact_id: UUID | None


class _Closed(msgspec.Struct):
    contact_id: UUID
    at: datetime


# Each look-up is written as one by one key, in the order of the keys given (`lateral`, and `offset 0` to keep it so): a
# join might be planned as a scan while the tables are small, and the plan be kept while they grow.
_STORED = Records(
    StoredMessage,
    f"select {MESSAGE_COLUMNS}"  # noqa: S608  # our own names
    " from unnest(cast(:accounts as uuid[]), cast(:ids as text[])) as k(account, id),"
    " lateral (select * from message where account_id = k.account and external_id = k.id offset 0) as m",
)
_WAITING = Records(
    _Waiting,
    # Base64 is how JSON carries bytes; PostgreSQL breaks it into lines.
    "select w.account_id, w.external_id, translate(encode(w.body, 'base64'), E'\\n', '') as body"
    " from unnest(cast(:accounts as uuid[]), cast(:ids as text[])) as k(account, id),"
    " lateral (select * from waiting_event where account_id = k.account and external_id = k.id offset 0) as w",
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
    wanted = BatchNames(batch)
    await load_calls(connection, world, wanted.calls, wanted.initiated)
    conversations = await _load_what_is_named(connection, world, wanted)
    await load_contacts(connection, world, _people(world, conversations))
    _see_through_merges(world)
    await _load_what_never_merges(connection, world, wanted)
    await load_conversations(connection, world, [each.id for each in conversations])
    if wanted.calls:
        await load_what_follows(connection, world)
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


def _people(world: World, conversations: Iterable[ChatPlace]) -> set[UUID]:
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


async def _load_what_is_named(
    connection: AsyncConnection, world: World, wanted: BatchNames
) -> list[ChatPlace]:
    """Messages, events that wait for them, and whose the keys are; returns the conversations, which are not locked yet."""
    stored = _STORED.asked(**bulk.columns(wanted.messages, "accounts", "ids"))
    waiting = _WAITING.asked(**bulk.columns(wanted.arriving, "accounts", "ids"))
    chats = CHATS.asked(**bulk.columns(wanted.chats, "accounts", "chats"))
    identities = _IDENTITIES.asked(**bulk.columns(wanted.keys, "kinds", "values"))
    claimed = _SHARED_AND_CLAIMED.asked(**bulk.columns(wanted.keys, "kinds", "values"))
    unanswered = UNANSWERED.asked(ids=list(wanted.own))
    asked = (stored, waiting, chats, identities, claimed)
    await bulk.answer(connection, *asked, *((unanswered,) if wanted.own else ()))
    for message in unanswered.found:
        world.unanswered[message.id] = message
    for message in stored.found:
        world.stored[message.account_id, message.external_id or ""] = message
        world.by_thread[message.account_id, message.external_id or ""] = message.conversation_id
    await load_own_replies(connection, world, wanted.about)
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
    found = chats.found + await named_otherwise(connection, world, wanted, chats.found)
    threads = {message.conversation_id for message in (*stored.found, *unanswered.found)}
    threads |= {call.conversation_id for call in world.calls.values() if call.conversation_id}
    if elsewhere := list(threads - {chat.id for chat in found}):
        return found + await THREADS.read(connection, ids=elsewhere)
    return found


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
    connection: AsyncConnection, world: World, wanted: BatchNames
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
