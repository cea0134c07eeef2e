"""A call is one entry of the conversation, whatever number of reports tell of it, in whatever order.

    a report ──▶ call_reports: what is said of the call and its leg grows ──▶ what the call looks like now
                                                                                  │
          the first that names who calls ──▶ contact, lead, entry (`intake`)      │
          somebody talks now      ──▶ nobody waits; who answered takes it; the callback task is done
          it is over, and nobody did ──▶ missed: the callback task (`callbacks`)
          a recording             ──▶ a file of the entry, fetched by the media worker

"Answered" means that a person answered. The end of the whole call is the end; when the platform reports none, the end of
all its legs is, after a moment in which another may begin (a transfer); and a call of which nothing has been heard for
hours is over too, because the end of it was lost. Both are the timer's (`storage.timers`).
"""

from datetime import datetime, timedelta
from typing import Final

from router import assignment, callbacks
from router.call_reports import names_somebody, silent_since, take_in, work_out
from router.conversations import about, answered_elsewhere, next_seq
from router.facts import MediaWanted, MessageChanged
from router.inquiries import note_response
from router.message import Accepted, Attachment, CallReported
from router.records import Call, CallEntry, CallLeg, CallRequest, Conversation, Message, MessageFile
from router.world import World

GRACE: Final = timedelta(seconds=20)
"""After the last leg's end: a transfer begins its next leg within it, and platforms deliver an end that was late."""

LOST: Final = timedelta(hours=4)
"""Without a report: longer than people talk, and than exchanges let them."""

WITHHELD: Final = "withheld"
"""The chat that callers without a number share, account by account."""


def heard(world: World, accepted: Accepted, event: CallReported) -> tuple[Call, bool]:
    """The call, with what this report adds; and whether that is anything new."""
    call = world.calls.get((accepted.account, event.call))
    if call is None:
        call = world.add(
            Call(
                id=world.new_id(),
                account_id=accepted.account,
                key=event.call,
                started_at=event.at,
                created_at=world.now,
            )
        )
    world.became[accepted.account, event.key] = call.id
    legs = world.legs[call.id]
    leg = legs.get(event.leg) if event.leg else None
    if event.leg and leg is None:
        leg = world.add(
            CallLeg(id=world.new_id(), call_id=call.id, key=event.leg, started_at=event.at)
        )
    new = take_in(call, leg, event)
    if new:
        parts: list[Call | CallLeg] = [call, *legs.values()]
        before = {each.id: each.extension for each in parts}
        work_out(call, legs.values())
        for each in parts:
            # Whose extension it was when they talked, whoever has it later.
            if each.user_id is None or each.extension != before[each.id]:
                each.user_id = world.extensions.get(each.extension)
        request = requested(world, call)
        call.asked_by = request.user_id if request is not None else call.asked_by
        if call.direction == "out" and call.user_id is None:
            call.user_id = call.asked_by
        save_changes(world, call)
    return call, new


def save_changes(world: World, call: Call) -> None:
    """The call and its legs: the end of the call is the end of them all."""
    legs = world.legs[call.id].values()
    call.look_at = _next_look(call, list(legs), world.now)
    world.change(call)
    for leg in legs:
        world.change(leg)


def requested(world: World, call: Call) -> CallRequest | None:
    """The wish of a colleague that became this call."""
    return next(
        (
            each
            for each in world.call_requests
            if each.account_id == call.account_id
            and (each.id.hex == call.initiated or (each.call_key and each.call_key == call.key))
        ),
        None,
    )


def says_where(world: World, accepted: Accepted, event: CallReported) -> bool:
    """Whether the report tells which conversation the call belongs to."""
    chat = event.chat.id
    return names_somebody(event) or chat == WITHHELD or (accepted.account, chat) in world.by_chat


def we_began(world: World, call: Call, conversation: Conversation) -> None:
    """A conversation that begins with a call of ours: it is the caller's, and nobody else's turn."""
    _, managers = world.colleagues()
    manager = managers.get(call.user_id) if call.user_id is not None else None
    if manager is None:
        conversation.status = "waiting"
        world.change(conversation)
        return
    assignment.hand_over(
        world,
        conversation,
        manager,
        lead=world.open_leads.get(conversation.contact_id),
        rule="called",
        reason=f"{manager.name} called",
    )


def given_by(call: Call, conversation: Conversation, *, newcomer: bool) -> None:
    """The call itself had somebody found for the customer (`newcomer`: who was nobody's until then)."""
    call.said["given"] = [str(conversation.manager_id), newcomer]


def entry(accepted: Accepted, call: Call, conversation: Conversation) -> Message:
    """The call's place in the conversation: when it began, however late we hear of it."""
    call.conversation_id, call.message_id = conversation.id, accepted.id
    return Message(
        id=accepted.id,
        conversation_id=conversation.id,
        seq=next_seq(conversation),
        account_id=accepted.account,
        external_id=f"call:{call.key}",
        direction=call.direction,
        kind="call",
        author_user=call.user_id if call.direction == "out" else None,
        sent_at=call.started_at,
        received_at=accepted.received_at,
    )


class Before:
    """What of a call had happened already when a report of it came."""

    def __init__(self, call: Call | None) -> None:
        self.answered = call is not None and call.answered_at is not None
        self.phase = call.phase if call is not None else ""
        self.recordings = set(call.recordings) if call is not None else set()
        self.direction = call.direction if call is not None else ""
        self.started_at = call.started_at if call is not None else None
        self.ended_at = call.ended_at if call is not None else None


def draw_conclusions(
    world: World, call: Call, conversation: Conversation, *, before: Before, entered: bool
) -> None:
    """What follows from the call as it is now. `entered`: its entry was made by this very report."""
    if call.answered_at is not None and (entered or not before.answered):
        _was_answered(world, call, conversation)
    if call.answered_at is not None and (
        entered or not before.answered or call.ended_at != before.ended_at
    ):
        callbacks.was_talked_to(world, call, conversation)
    if call.phase == "missed" and (entered or before.phase != "missed"):
        callbacks.was_missed(world, call, conversation)
    at = max(call.started_at, before.started_at or call.started_at)
    if conversation.preview_kind in {"call", "missed_call"} and conversation.last_message_at <= at:
        conversation.preview_kind = "missed_call" if call.phase == "missed" else "call"
        world.change(conversation)
    _attach(world, call, conversation, known=set() if entered else before.recordings)
    if entered or call.message_id is None:
        return
    if (call.direction, call.started_at) != (before.direction, before.started_at):
        world.add(CallEntry(id=call.message_id, direction=call.direction, sent_at=call.started_at))
    world.tell(
        MessageChanged(
            id=world.new_id(),
            at=world.now,
            message=call.message_id,
            what="edited",
            **about(conversation),
        )
    )


def _was_answered(world: World, call: Call, conversation: Conversation) -> None:
    assert call.answered_at is not None  # noqa: S101  # the caller has looked
    note_response(world, conversation, answer=call.id, by=call.user_id, at=call.answered_at)
    answered_elsewhere(conversation, call.answered_at)
    world.change(conversation)
    if call.direction == "in" and call.user_id is not None:
        _take(world, call, conversation)


def _take(world: World, call: Call, conversation: Conversation) -> None:
    """Who answered has the customer, when the customer was nobody's or had been given away by this very call only."""
    _, managers = world.colleagues()
    manager = managers.get(call.user_id) if call.user_id is not None else None
    given, newcomer = call.said.get("given", ("", False))
    if manager is None or conversation.manager_id == manager.id:
        return
    if conversation.manager_id is not None and str(conversation.manager_id) != given:
        return
    contact = world.contact(conversation.contact_id)
    if newcomer and str(contact.manager_id) == given:
        contact.manager_id = manager.id
        world.change(contact)
    assignment.hand_over(
        world,
        conversation,
        manager,
        lead=world.open_leads.get(contact.id),
        rule="took_it",
        reason=f"{manager.name} answered first",
    )


def _attach(world: World, call: Call, conversation: Conversation, *, known: set[str]) -> None:
    assert call.message_id is not None  # noqa: S101  # it has an entry
    fresh = [ref for ref in call.recordings if ref not in known]
    for n, ref in enumerate(fresh):
        world.add(
            MessageFile(
                id=world.new_id(),
                message_id=call.message_id,
                position=len(known) + n,
                file=Attachment(kind="audio", ref=ref, duration=call.talked),
            )
        )
    if fresh:
        world.tell(
            MediaWanted(
                id=world.new_id(), at=world.now, message=call.message_id, **about(conversation)
            )
        )


def _next_look(call: Call, legs: list[CallLeg], now: datetime) -> datetime | None:
    if call.ended_at is not None and call.message_id is not None:
        return None
    if call.ended_at is not None:
        return now + GRACE  # over, and nobody has said who it was
    return now + (GRACE if silent_since(call, legs) is not None else LOST)
