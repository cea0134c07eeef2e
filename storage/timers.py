"""What happens because time passes: silence, snoozes, queues, events whose message never came, retention."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import assignment, deciding, receipts
from router.calls import WITHHELD
from router.ids import new_id
from router.intake import receive
from router.message import Accepted, CallReported, Chat, InboundMessage, MessageEdited
from router.wire import decode_event
from router.world import World
from storage import outbox
from storage.colleagues_loading import load_colleagues
from storage.policies import Policies
from storage.world import decide
from storage.world_loading import load, load_contacts, load_conversations, load_touches
from storage.world_saving import save

BATCH: Final = 100

NEVER_CAME: Final = timedelta(minutes=10)
"""An edit or a report that waited so long for its message: it was from before the channel was connected."""

LATELY: Final = timedelta(minutes=1)
"""Longer than any transaction: one that did not see another's commit has ended since."""

RAW_DAYS: Final = 30
OUTBOX_DAYS: Final = 30
LOG_DAYS: Final = 14
UNDO_DAYS: Final = 7
"""An undo is offered for minutes, and a macro's key is repeated within hours: long past both."""

_SILENT = text(
    "select id, contact_id from conversation where silence_due_at <= :now"
    " order by silence_due_at limit :batch"
)
_AWAKE = text(
    "select id, contact_id from conversation"
    " where status = 'snoozed' and snoozed_until <= :now order by snoozed_until limit :batch"
)
# The calls are locked first, as the router does (`storage.world_loading`), and again when they are loaded.
_DUE_CALLS = text(
    "select c.account_id, a.kind as channel, c.key, c.direction, c.started_at, c.ended_at, v.chat,"
    " (select max(l.ended_at) from call_leg l where l.call_id = c.id) as leg_ended_at"
    " from call c join account a on a.id = c.account_id left join conversation v on v.id = c.conversation_id"
    " where c.look_at <= :now order by c.account_id, c.key limit :batch for no key update of c skip locked"
)
_ORPHANS = text(
    "delete from waiting_event where id in (select w.id from waiting_event w where w.since <= :before"
    " or (w.since > :lately and exists (select from message m where m.account_id = w.account_id"
    "  and m.external_id = w.external_id)) order by w.since limit :batch for update skip locked)"
    " returning external_id, body"
)

_FORGET_RAW = text(
    "with old as (select account_id, key, raw_ref from inbound_event"
    "  where received_at < :before and (raw is not null or raw_ref is not null)),"
    " forgotten as (update inbound_event e set raw = null, raw_ref = null from old"
    "  where e.account_id = old.account_id and e.key = old.key)"
    " select distinct old.raw_ref from old where old.raw_ref is not null"
    # The same bytes came again later, or are somebody's attachment.
    " and not exists (select from inbound_event o where o.raw_ref = old.raw_ref and o.received_at >= :before)"
    " and not exists (select from attachment a where a.sha256 = old.raw_ref and a.sha256 <> '')"
)
_FORGET_WHAT_CANNOT_BE_UNDONE: Final = (
    text("delete from bulk_action where at < :before"),
    text("delete from macro_run where at < :before"),
    text("delete from saved_view where deleted_at < :before"),
    text("delete from canned_reply where deleted_at < :before"),
    text(
        "delete from macro m where m.deleted_at < :before"
        " and not exists (select from macro_run r where r.macro_id = m.id)"
    ),
)


async def move_on_the_silent(
    connection: AsyncConnection, *, policies: Policies, now: datetime
) -> int:
    """Conversations nobody answered in time go to the next manager; how many."""
    world = await _world(connection, _SILENT, policies=policies, now=now)
    if world is None:
        return 0
    moved = 0
    for conversation in list(world.conversations.values()):
        if conversation.silence_due_at is not None and conversation.silence_due_at <= now:
            assignment.move_on(
                world, conversation, lead=world.open_leads.get(conversation.contact_id)
            )
            moved += 1
    await save(connection, world)
    return moved


async def wake_the_snoozed(
    connection: AsyncConnection, *, policies: Policies, now: datetime
) -> int:
    world = await _world(connection, _AWAKE, policies=policies, now=now)
    if world is None:
        return 0
    for conversation in list(world.conversations.values()):
        if conversation.status == "snoozed":
            deciding.wake(world, conversation)
    await save(connection, world)
    return len(world.conversations)


async def settle_orphans(connection: AsyncConnection, *, policies: Policies, now: datetime) -> int:
    """Events whose message never came: an edit stands for its message, anything else is written off. How many.

    And those whose message is there after all: the two came in transactions that did not see each other.
    """
    rows = (
        await connection.execute(
            _ORPHANS,
            {"before": now - NEVER_CAME, "lately": now - LATELY, "batch": BATCH},
        )
    ).all()
    waiting = [(row.external_id, decode_event(row.body)) for row in rows]
    # Edits first: what else waited for the message is then about the one that the first of them stands for.
    for external_id, accepted in sorted(
        waiting, key=lambda each: (not isinstance(each[1].event, MessageEdited), each[1].event.at)
    ):
        await _settle_orphan(connection, external_id, accepted, policies=policies, now=now)
    return len(waiting)


async def _settle_orphan(
    connection: AsyncConnection,
    external_id: str,
    accepted: Accepted,
    *,
    policies: Policies,
    now: datetime,
) -> None:
    event = accepted.event
    world = World(now=now)
    await policies.give(connection, world, {accepted.account})
    await load(connection, world, [accepted])
    if receipts.apply_late(world, accepted, external_id):
        world.note(accepted, "stored")
    elif isinstance(event, MessageEdited):
        whole = msgspec.structs.replace(accepted, event=_as_message(event))
        world = World(now=now)
        await policies.give(connection, world, {accepted.account})
        await load(connection, world, [whole])
        await load_colleagues(connection, world, teams=[world.policy(accepted.account).team_id])
        receive(world, whole)
        world.note(accepted, "stored: the message itself never came")
    elif not any((accepted.account, each) in world.stored for each in receipts.targets_of(event)):
        world.note(accepted, "ignored: its message never came")
    await save(connection, world)


async def settle_calls(connection: AsyncConnection, *, policies: Policies, now: datetime) -> int:
    """Calls whose end nobody reported, though all their legs have ended; whose end was lost; and of unknown callers.

    Each becomes one more report, that the whole of it is over, and is decided like any other. How many.
    """
    rows = (await connection.execute(_DUE_CALLS, {"now": now, "batch": BATCH})).all()
    if not rows:
        return 0
    over = [
        Accepted(
            id=new_id(),
            account=row.account_id,
            channel=row.channel,
            received_at=now,
            event=CallReported(
                key=f"over:{row.key}",
                chat=Chat(id=row.chat)
                if row.chat is not None
                else Chat(id=WITHHELD, kind="channel"),
                # The end that a part of it had is better known than the moment at which we look.
                at=row.ended_at or row.leg_ended_at or row.started_at,
                call=row.key,
                direction=row.direction,
                phase="ended",
            ),
        )
        for row in rows
    ]
    await decide(connection, over, policies=policies, now=now)
    return len(over)


async def forget_the_old(connection: AsyncConnection, *, now: datetime) -> list[str]:
    """Retention: raw payloads, published facts, channel logs, what was kept to be undone, sessions that ended.

    Notices, what webhooks were told and changes of labels are forgotten by those who work them off.

    Returns the files of raw payloads that nobody else has, for the caller to delete before it commits: a file that
    could not be deleted is then still named, and deleted another day.
    """
    files = await connection.scalars(_FORGET_RAW, {"before": now - timedelta(days=RAW_DAYS)})
    await outbox.prune(connection, before=now - timedelta(days=OUTBOX_DAYS))
    await connection.execute(
        text("delete from channel_log where at < :before"),
        {"before": now - timedelta(days=LOG_DAYS)},
    )
    for forgotten in _FORGET_WHAT_CANNOT_BE_UNDONE:
        await connection.execute(forgotten, {"before": now - timedelta(days=UNDO_DAYS)})
    await connection.execute(text("delete from session where expires_at < :now"), {"now": now})
    await connection.execute(
        text("delete from sign_in_attempt where at < :before"), {"before": now - timedelta(days=1)}
    )
    return list(files)


async def recount_open(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
    """Counters that disagree with a recount, by manager's email: (kept, counted); they are mended."""
    # The lock first, and a statement that begins when it is held: counting while waiting for it would compare a count
    # from before with a counter from after, and "mend" what another transaction has just written right.
    await connection.execute(text("select id from user_account order by id for update"))
    rows = await connection.execute(
        text(
            "with counted as (select u.id, u.email, u.open_conversations as kept,"
            "  (select count(*) from conversation c where c.manager_id = u.id and c.status not in ('resolved', 'spam')) as n"
            "  from user_account u)"
            " update user_account u set open_conversations = counted.n from counted"
            " where u.id = counted.id and counted.kept <> counted.n returning counted.email, counted.kept, counted.n"
        )
    )
    return {row.email: (row.kept, row.n) for row in rows}


async def _world(
    connection: AsyncConnection, query: object, *, policies: Policies, now: datetime
) -> World | None:
    """The world around the conversations that the query finds; None when it finds none."""
    rows = (await connection.execute(query, {"now": now, "batch": BATCH})).all()  # type: ignore[call-overload]
    if not rows:
        return None
    world = World(now=now)
    await policies.give(connection, world, set())
    await load_contacts(connection, world, {row.contact_id for row in rows})
    await load_conversations(connection, world, [row.id for row in rows])
    await load_touches(connection, world)
    await load_colleagues(connection, world)
    return world


def _as_message(event: MessageEdited) -> InboundMessage:
    return InboundMessage(
        key=event.key,
        chat=event.chat,
        at=event.sent_at or event.at,
        sender=event.sender,
        lane=event.lane,
        external_id=event.external_id,
        kind=event.kind,
        direction=event.direction,
        text=event.text,
        html=event.html,
        attachments=event.attachments,
        details={**event.details, "edited": True},
    )
