"""Save: what a world changed, as a handful of set-based statements; the caller commits.

The order matters in three places: contacts before what belongs to them, leads that close before leads that move to the
same contact, merges after everything whose rows they may have to move.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.receipts import RANK
from router.records import (
    Assignment,
    ByItself,
    Call,
    Callback,
    CallEntry,
    CallLeg,
    Claim,
    Contact,
    Conversation,
    Delivery,
    DigestRecipient,
    Identity,
    Inquiry,
    Lead,
    LeadEvent,
    LinkClick,
    Manager,
    Mention,
    Merge,
    Message,
    MessageFile,
    Response,
    StageTask,
    StoredMessage,
    Suggestion,
    Touch,
)
from router.wire import encode_event
from router.world import World
from storage import bulk, failures, tables
from storage.analytics import reckoning
from storage.driver import numbered
from storage.merge_saving import save_merge
from storage.outbox import WAKE, adding_to_outbox, tell

_CONTACT: Final = (
    "id",
    "name",
    "kind",
    "manager_id",
    "locale",
    "merged_into",
    "blocked",
    "created_at",
)
_IDENTITY: Final = (
    "id", "contact_id", "kind", "value", "display", "proved", "shared", "how", "first_seen", "last_seen",
)  # fmt: skip
_CLAIM: Final = ("id", "contact_id", "kind", "value", "display", "event_id", "at")
_CONVERSATION: Final = (
    "id", "account_id", "chat", "chat_kind", "contact_id", "identity_id", "status", "manager_id", "team_id", "subject", "seq",
    "preview", "preview_direction", "preview_kind", "first_message_at", "last_message_at", "last_inbound_at",
    "waiting_since", "silence_due_at", "silence_moves", "snoozed_until", "unread", "window_until", "unreachable",
    "created_at", "resolved_at",
)  # fmt: skip
_MESSAGE: Final = (
    "id", "conversation_id", "seq", "account_id", "external_id", "direction", "kind", "author_contact",
    "author_user", "author_name", "text", "html", "subject", "reply_to", "quote", "album", "automatic", "details",
    "place", "sent_at", "received_at", "state", "idempotency_key",
)  # fmt: skip
_STORED: Final = (
    "id",
    "external_id",
    "text",
    "html",
    "state",
    "error",
    "edited_at",
    "deleted_at",
    "reactions",
    "details",
)
_ATTACHMENT: Final = (
    "id", "message_id", "position", "kind", "name", "mime", "size", "width", "height", "duration", "cid", "sha256",
    "ref", "state", "next_attempt_at",
)  # fmt: skip
_MENTION: Final = ("message_id", "user_id", "conversation_id", "at")
_TOUCH: Final = (
    "id", "contact_id", "visitor_id", "event_id", "at", "channel", "source", "medium", "campaign", "content", "term",
    "click_ids", "landing", "referrer", "raw",
)  # fmt: skip
_LEAD: Final = (
    "id", "contact_id", "pipeline_id", "stage_id", "title", "status", "value", "currency", "manager_id", "account_id",
    "conversation_id", "first_touch_id", "last_touch_id", "first_touch", "last_touch", "lost_reason", "created_at",
    "stage_since", "closed_at", "merged_into",
)  # fmt: skip
_LEAD_EVENT: Final = ("id", "lead_id", "what", "before", "after", "by_user", "at")
_ASSIGNMENT: Final = (
    "id", "conversation_id", "manager_id", "team_id", "rule", "reason", "refused", "by_user", "at",
)  # fmt: skip
_MANAGER: Final = ("id", "open_conversations", "presence", "presence_since")
_DELIVERY: Final = (
    "id",
    "message_id",
    "account_id",
    "conversation_id",
    "next_attempt_at",
    "created_at",
)
_SUGGESTION: Final = ("id", "first_id", "second_id", "score", "reasons", "at")
_CALL: Final = (
    "id", "account_id", "key", "conversation_id", "message_id", "direction", "phase", "ours", "theirs", "extension",
    "user_id", "transferred_to", "reason", "started_at", "answered_at", "ended_at", "talked", "recordings", "initiated",
    "asked_by", "said", "look_at", "created_at",
)  # fmt: skip
_LEG: Final = (
    "id", "call_id", "key", "phase", "extension", "user_id", "transferred_to", "reason", "started_at", "answered_at",
    "ended_at", "talked", "said",
)  # fmt: skip
_CALLBACK: Final = (
    "id", "contact_id", "lead_id", "conversation_id", "manager_id", "kind", "text", "due_at", "done_at", "origin",
    "details", "created_at",
)  # fmt: skip
_BY_ITSELF: Final = ("id", "what", "object_kind", "object_id", "before", "after", "at")
_INQUIRY: Final = ("id", "conversation_id", "kind", "at")
_RESPONSE: Final = ("id", "conversation_id", "user_id", "waited_since", "at")

_TURNS: Final = numbered(
    "update team_member as m set turn = given.turn, last_assigned_at = given.at"
    " from json_to_recordset(cast(cast(:rows as text) as json))"
    "  as given(team_id uuid, user_id uuid, turn bigint, at timestamptz)"
    " where m.team_id = given.team_id and m.user_id = given.user_id"
)

_FOLLOW: Final = numbered(
    "update task set manager_id = given.manager_id"
    " from json_to_recordset(cast(cast(:rows as text) as json)) as given(conversation_id uuid, manager_id uuid)"
    " where task.conversation_id = given.conversation_id and task.kind = 'callback' and task.done_at is null"
)


async def save(connection: AsyncConnection, world: World) -> None:
    # What must be out of the way of the rest, which is rare; then nearly everything in one round trip; then what needs it.
    await _close_leads(connection, world)
    await _end_assignments(connection, world)
    # A task that is done makes room for the contact's next one.
    await bulk.update(connection, tables.task, _CALLBACK, list(world.changed[Callback].values()))
    merges = world.all_of(Merge)
    await bulk.together(
        connection,
        [
            *_people(world),
            *_conversations(world),
            *_leads(world),
            *_calls(world),
            bulk.inserting(tables.mention, _MENTION, world.all_of(Mention)),
            bulk.inserting(tables.assignment, _ASSIGNMENT, world.all_of(Assignment)),
            bulk.inserting(tables.audit, _BY_ITSELF, world.all_of(ByItself)),
            _follow_assignments(world),
            bulk.updating(tables.user_account, _MANAGER, list(world.changed[Manager].values())),
            _turns(world),
            None if merges else adding_to_outbox(world.facts),
        ],
        finally_="1" if merges or not world.facts else WAKE,
    )
    await _save_what_follows(connection, world)
    for merge in merges:
        await save_merge(connection, merge)
    await _save_waiting(connection, world)
    if merges:
        await tell(connection, world.facts)


def _people(world: World) -> Iterator[bulk.Step | None]:
    yield bulk.inserting(tables.contact, _CONTACT, world.all_of(Contact))
    yield bulk.updating(tables.contact, _CONTACT, list(world.changed[Contact].values()))
    # Sorted, so that two routers that meet the same new people wait for each other and do not deadlock.
    world.all_of(Identity).sort(key=lambda each: (each.kind, each.value))
    yield bulk.inserting(tables.identity, _IDENTITY, world.all_of(Identity))
    yield bulk.updating(tables.identity, _IDENTITY, list(world.changed[Identity].values()))
    yield bulk.inserting(
        tables.identity_claim,
        _CLAIM,
        world.all_of(Claim),
        suffix="on conflict (contact_id, kind, value) do nothing",
    )
    yield bulk.inserting(
        tables.suggestion,
        _SUGGESTION,
        world.all_of(Suggestion),
        # The reason may be new; a pair that a person has decided stays decided.
        suffix="on conflict (first_id, second_id) do nothing",
    )


def _conversations(world: World) -> Iterator[bulk.Step | None]:
    yield bulk.inserting(tables.conversation, _CONVERSATION, world.all_of(Conversation))
    yield bulk.updating(
        tables.conversation, _CONVERSATION, list(world.changed[Conversation].values())
    )
    messages = world.all_of(Message)
    yield bulk.inserting(tables.message, _MESSAGE, messages)
    yield bulk.inserting(tables.inquiry, _INQUIRY, world.all_of(Inquiry))
    yield bulk.inserting(
        tables.response, _RESPONSE, world.all_of(Response), suffix="on conflict do nothing"
    )
    files = [
        MessageFile(id=id_, message_id=message.id, position=n, file=each)
        for message in messages
        for n, (id_, each) in enumerate(message.attachments)
    ]
    yield bulk.inserting(
        tables.attachment,
        _ATTACHMENT,
        [_attachment(each, world) for each in (*files, *world.all_of(MessageFile))],
    )
    yield bulk.inserting(tables.delivery, _DELIVERY, world.all_of(Delivery))


def _attachment(of: MessageFile, world: World) -> dict[str, Any]:
    each = of.file
    return {
        "id": of.id,
        "message_id": of.message_id,
        "position": of.position,
        "kind": each.kind,
        "name": each.name,
        "mime": each.mime,
        "size": each.size,
        "width": each.width,
        "height": each.height,
        "duration": each.duration,
        "cid": each.cid,
        "sha256": each.sha256,
        "ref": each.ref,
        "state": "stored" if each.sha256 else "wanted",
        "next_attempt_at": None if each.sha256 else world.now,
    }


def _calls(world: World) -> Iterator[bulk.Step | None]:
    yield bulk.inserting(tables.call, _CALL, world.all_of(Call))
    yield bulk.updating(tables.call, _CALL, list(world.changed[Call].values()))
    yield bulk.inserting(tables.call_leg, _LEG, world.all_of(CallLeg))
    yield bulk.updating(tables.call_leg, _LEG, list(world.changed[CallLeg].values()))
    yield bulk.inserting(tables.task, _CALLBACK, world.all_of(Callback))
    yield bulk.inserting(tables.task, _CALLBACK, world.all_of(StageTask))


def _leads(world: World) -> Iterator[bulk.Step | None]:
    yield bulk.inserting(tables.touch, _TOUCH, world.all_of(Touch))
    yield bulk.updating(
        tables.link_click, ("id", "contact_id"), list(world.changed[LinkClick].values())
    )
    yield bulk.updating(
        tables.digest_recipient, ("id", "address"), list(world.changed[DigestRecipient].values())
    )
    yield bulk.updating(
        tables.lead, _LEAD, [each for each in world.changed[Lead].values() if each.status == "open"]
    )
    yield bulk.inserting(tables.lead, _LEAD, world.all_of(Lead))
    yield bulk.inserting(tables.lead_event, _LEAD_EVENT, world.all_of(LeadEvent))


async def _close_leads(connection: AsyncConnection, world: World) -> None:
    """An open lead may take the place of one that closes in the same batch: one open per contact and pipeline.

    What it was merged into may be new itself, and is named when that is there (`_save_what_follows`).
    """
    await bulk.update(
        connection,
        tables.lead,
        [
            name
            for name in _LEAD
            if name not in {"merged_into", "contact_id", "first_touch_id", "last_touch_id"}
        ],
        [each for each in world.changed[Lead].values() if each.status != "open"],
    )


async def _end_assignments(connection: AsyncConnection, world: World) -> None:
    """One live assignment per conversation; a new conversation has had none."""
    new = {each.id for each in world.all_of(Conversation)}
    ended = [each for each in world.ended_assignments if each not in new]
    if ended:
        await connection.execute(
            text(
                "update assignment set ended_at = :now where conversation_id = any(:ids) and ended_at is null"
            ),
            {"now": world.now, "ids": ended},
        )


async def _save_what_follows(connection: AsyncConnection, world: World) -> None:
    """Changes of what the batch itself has just made, or that name it."""
    closed = [each for each in world.changed[Lead].values() if each.status != "open"]
    await bulk.update(
        connection,
        tables.lead,
        ("id", "contact_id", "merged_into", "first_touch_id", "last_touch_id"),
        closed,
    )
    # A later event of the batch may have changed a message of the batch.
    await bulk.update(
        connection, tables.message, _STORED, list(world.changed[StoredMessage].values())
    )
    await bulk.update(
        connection,
        tables.message,
        ("id", "direction", "sent_at"),
        list({each.id: each for each in world.all_of(CallEntry)}.values()),
    )
    for each in world.read_up_to:
        await connection.execute(
            text(
                "update message set state = :state where conversation_id = :conversation and seq <= :seq"
                " and direction = 'out' and state = any(:before)"
            ),
            {
                "state": each.state,
                "conversation": each.conversation_id,
                "seq": each.seq,
                "before": [state for state, rank in RANK.items() if rank < RANK.get(each.state, 0)],
            },
        )
    if moved := world.failures_moved | {each.conversation_id for each in world.read_up_to}:
        await failures.recount(connection, moved)
    if world.linked_visitors:
        await connection.execute(
            text(
                "update touch set contact_id = k.contact"
                " from unnest(cast(:visitors as uuid[]), cast(:contacts as uuid[])) as k(visitor, contact)"
                " where touch.visitor_id = k.visitor and touch.contact_id is null"
            ),
            {
                "visitors": list(world.linked_visitors),
                "contacts": list(world.linked_visitors.values()),
            },
        )
        # Earlier visits have become this contact's, and no fact says so: their leads may come from there.
        await reckoning.due(connection, world.linked_visitors.values(), now=world.now)


def _follow_assignments(world: World) -> bulk.Step | None:
    """An open call back is the work of whose conversation it is; of a conversation made just now it has been set."""
    new = {each.id for each in world.all_of(Conversation)}
    rows = [
        {"conversation_id": each.conversation_id, "manager_id": each.manager_id}
        for each in world.all_of(Assignment)
        if each.conversation_id not in new
    ]
    return bulk.Step(_FOLLOW, bulk.as_json(rows)) if rows else None


def _turns(world: World) -> bulk.Step | None:
    rows = [
        {"team_id": team, "user_id": user, "turn": turn, "at": world.now}
        for (team, user), turn in world.turns.items()
    ]
    return bulk.Step(_TURNS, bulk.as_json(rows)) if rows else None


async def _save_waiting(connection: AsyncConnection, world: World) -> None:
    await bulk.insert(
        connection,
        tables.waiting_event,
        ("id", "account_id", "external_id", "body", "since"),
        [
            {
                "id": world.new_id(),
                "account_id": accepted.account,
                "external_id": external_id,
                "body": encode_event(accepted),
                "since": world.now,
            }
            for external_id, accepted in world.to_wait
        ],
    )
    if world.settled:
        await connection.execute(
            text(
                "delete from waiting_event w"
                " using unnest(cast(:accounts as uuid[]), cast(:ids as text[])) as k(account, id)"
                " where w.account_id = k.account and w.external_id = k.id"
            ),
            {
                "accounts": [account for account, _ in world.settled],
                "ids": [external_id for _, external_id in world.settled],
            },
        )
    if world.became:
        await connection.execute(
            text(
                "update inbound_event e set message_id = k.call from unnest(cast(:accounts as uuid[]),"
                " cast(:keys as text[]), cast(:calls as uuid[])) as k(account, key, call)"
                " where e.account_id = k.account and e.key = k.key"
            ),
            {
                "accounts": [account for account, _ in world.became],
                "keys": [key for _, key in world.became],
                "calls": list(world.became.values()),
            },
        )
    if world.outcomes:
        await connection.execute(
            text(
                "update inbound_event e set outcome = k.outcome, message_id = null from unnest(cast(:accounts as uuid[]),"
                " cast(:keys as text[]), cast(:outcomes as text[])) as k(account, key, outcome)"
                " where e.account_id = k.account and e.key = k.key"
            ),
            {
                "accounts": [account for account, _ in world.outcomes],
                "keys": [key for _, key in world.outcomes],
                "outcomes": list(world.outcomes.values()),
            },
        )
