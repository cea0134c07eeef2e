"""We missed somebody: one task to call back, until we have talked to them.

    missed ──▶ talked to since? ──▶ an open task? ──▶ joined: another attempt, the earliest deadline stays
                                         └─ none ──▶ a new one, due after the account's working minutes
    talked to ──▶ the task is done, unless they were missed again after that talk

The task is the contact's: whichever line they called, one call back is enough. It is the work of whose conversation it is.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from router.call_reports import instant
from router.facts import TaskChanged
from router.records import Call, Callback, Contact, Conversation
from router.working_hours import add_working_minutes
from router.world import World

MOST_ATTEMPTS: Final = 100
"""Kept by name; who rings more often is counted no further."""

_TEXT: Final = {"ru": "Перезвонить: {who}", "en": "Call back: {who}"}


def was_missed(world: World, call: Call, conversation: Conversation) -> None:
    contact = world.contact(conversation.contact_id)
    if conversation.status == "spam" or contact.blocked or conversation.chat_kind != "private":
        return
    talked = world.talked_at.get(contact.id)
    if talked is not None and talked >= call.started_at:
        return
    due = _deadline(world, call, conversation)
    lead = world.open_leads.get(contact.id)
    task = world.callbacks.get(contact.id)
    if task is None:
        task = world.add(
            Callback(
                id=world.new_id(),
                contact_id=contact.id,
                lead_id=lead.id if lead is not None else None,
                conversation_id=conversation.id,
                manager_id=conversation.manager_id,
                text=_text(world, call, contact),
                due_at=due,
                details={"calls": {str(call.id): instant(call.started_at)}},
                created_at=world.now,
            )
        )
        _tell(world, task, "opened")
        return
    calls: dict[str, str] = task.details.get("calls", {})
    if str(call.id) in calls or len(calls) >= MOST_ATTEMPTS:
        return
    task.details = {**task.details, "calls": {**calls, str(call.id): instant(call.started_at)}}
    task.due_at = min(task.due_at, due)
    task.lead_id = task.lead_id or (lead.id if lead is not None else None)
    task.conversation_id = task.conversation_id or conversation.id
    world.change(task)
    _tell(world, task, "joined")


def was_talked_to(world: World, call: Call, conversation: Conversation) -> bool:
    """A person answered, on either side: whoever was missed until then needs no call back. True: a task is done by it."""
    contact = world.contact(conversation.contact_id)
    at = call.answered_at
    if at is None:
        return False
    # They may be talking to us again already: what counts is the end of the talk, as far as it is known.
    until = max(at, call.ended_at or at)
    world.talked_at[contact.id] = max(until, world.talked_at.get(contact.id, until))
    task = world.callbacks.get(contact.id)
    if task is None or task.done_at is not None:
        return False
    last = last_attempt(task.details)
    if last is not None and last > until:
        return False
    task.done_at = world.now
    task.details = {**task.details, "done_by": str(call.id)}
    world.change(task)
    _tell(world, task, "done")
    del world.callbacks[contact.id]
    return True


def attempts(details: Mapping[str, Any]) -> int:
    return len(details.get("calls", ()))


def last_attempt(details: Mapping[str, Any]) -> datetime | None:
    calls = details.get("calls", {})
    return datetime.fromisoformat(max(calls.values())) if calls else None


def _tell(world: World, task: Callback, what: Literal["opened", "joined", "done"]) -> None:
    world.tell(
        TaskChanged(
            id=world.new_id(),
            at=world.now,
            task=task.id,
            what=what,
            contact=task.contact_id,
            conversation=task.conversation_id,
            manager=task.manager_id,
        )
    )


def _deadline(world: World, call: Call, conversation: Conversation) -> datetime:
    teams, _ = world.colleagues()
    team = teams.get(conversation.team_id) if conversation.team_id is not None else None
    return add_working_minutes(
        team.hours if team else None,
        team.time_zone if team else "UTC",
        team.holidays if team else frozenset(),
        call.ended_at or call.started_at,
        world.policy(call.account_id).callback_minutes,
    )


def _text(world: World, call: Call, contact: Contact) -> str:
    """In the account's language, for whoever reads tasks elsewhere; the pages say it in the reader's own."""
    language = world.policy(call.account_id).language
    who = ", ".join(each for each in (contact.name, call.theirs) if each)
    return _TEXT.get(language, _TEXT["en"]).format(who=who)
