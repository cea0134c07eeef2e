"""Is this a lead? One open lead per contact and pipeline, opened by the account's policy."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from router.attribution import take_snapshot
from router.clean_text import clean_line
from router.facts import LeadChanged, LeadOpened, TaskChanged
from router.records import (
    AccountPolicy,
    Contact,
    Conversation,
    Lead,
    LeadEvent,
    Stage,
    StageTask,
)
from router.working_hours import add_working_minutes
from router.world import World

TITLE_LIMIT: Final = 160
WORDS_LIMIT: Final = 80


def open_or_continue(
    world: World,
    *,
    policy: AccountPolicy,
    contact: Contact,
    conversation: Conversation,
    at: datetime,
    words: str,
) -> Lead | None:
    """The contact's open lead: the one there is, or a new one when the policy wants it."""
    lead = world.open_leads.get(contact.id)
    if lead is not None:
        _continue(world, lead, conversation=conversation, contact=contact, at=at, words=words)
        return lead
    if not _wanted(world, policy, contact, at) or world.pipeline is None:
        return None
    stage = world.pipeline.stages[0]
    lead = world.add(
        Lead(
            id=world.new_id(),
            contact_id=contact.id,
            pipeline_id=world.pipeline.id,
            stage_id=stage.id,
            title=title(contact.name, words),
            currency=world.pipeline.currency,
            manager_id=conversation.manager_id or contact.manager_id,
            account_id=conversation.account_id,
            conversation_id=conversation.id,
            created_at=at,
            stage_since=at,
        )
    )
    take_snapshot(world, lead)
    world.add(
        LeadEvent(
            id=world.new_id(), lead_id=lead.id, what="opened", after=str(stage.id), at=world.now
        )
    )
    world.tell(
        LeadOpened(
            id=world.new_id(),
            at=world.now,
            lead=lead.id,
            account=conversation.account_id,
            contact=contact.id,
            conversation=conversation.id,
            manager=lead.manager_id,
            team=conversation.team_id,
        )
    )
    _give_task(world, lead, stage, conversation)
    return lead


def _give_task(world: World, lead: Lead, stage: Stage, conversation: Conversation) -> None:
    """What the stage that leads begin in makes somebody do. Counted from now: an old message is no late task."""
    if not stage.task_text:
        return
    teams, _ = world.colleagues()
    team = teams.get(conversation.team_id) if conversation.team_id is not None else None
    task = world.add(
        StageTask(
            id=world.new_id(),
            contact_id=lead.contact_id,
            lead_id=lead.id,
            conversation_id=conversation.id,
            manager_id=lead.manager_id,
            text=stage.task_text,
            due_at=add_working_minutes(
                team.hours if team else None,
                team.time_zone if team else "UTC",
                team.holidays if team else frozenset(),
                world.now,
                stage.task_minutes,
            ),
            details={"stage": str(stage.id)},
            created_at=world.now,
        )
    )
    world.tell(
        TaskChanged(
            id=world.new_id(),
            at=world.now,
            task=task.id,
            what="opened",
            contact=task.contact_id,
            conversation=task.conversation_id,
            manager=task.manager_id,
        )
    )


def _wanted(world: World, policy: AccountPolicy, contact: Contact, at: datetime) -> bool:
    if contact.blocked or contact.kind != "person":
        return False
    closed = world.last_closed.get(contact.id)
    match policy.lead_policy.partition(":"):
        case "never", _, _:
            return False
        case "first_contact", _, _:
            return closed is None
        case "after", _, days:
            return closed is None or at - closed >= timedelta(days=int(days))
        case _:
            return True


def _continue(
    world: World,
    lead: Lead,
    *,
    conversation: Conversation,
    contact: Contact,
    at: datetime,
    words: str,
) -> None:
    """An earlier message may arrive late, and the first real words may come after a mere "/start"."""
    changed = False
    if at < lead.created_at:
        lead.created_at = lead.stage_since = at
        take_snapshot(world, lead)
        changed = True
    # Only a title without words is completed: it is the name alone.
    if words and lead.title == contact.name[:TITLE_LIMIT]:
        lead.title = title(contact.name, words)
        changed = True
    if changed:
        world.change(lead)
        tell_changed(world, lead, "title")


def title(name: str, words: str) -> str:
    """The person and the first words."""
    first = clean_line(words, limit=WORDS_LIMIT + 1)
    if len(first) > WORDS_LIMIT:
        # Not in the middle of a word, unless it is one long word.
        first = (first[:WORDS_LIMIT].rpartition(" ")[0] or first[:WORDS_LIMIT]) + "…"
    return ": ".join(part for part in (name, first) if part)[:TITLE_LIMIT]


def give(world: World, lead: Lead, manager: UUID | None, *, by: UUID | None = None) -> None:
    """The lead's manager is now this one."""
    if lead.manager_id == manager:
        return
    log(world, lead, "manager", before=lead.manager_id, after=manager, by=by)
    lead.manager_id = manager
    world.change(lead)
    for task in world.new[StageTask]:
        if task.lead_id == lead.id:
            task.manager_id = manager
    tell_changed(world, lead, "manager", by=by)


def log(
    world: World, lead: Lead, what: str, *, before: Any, after: Any, by: UUID | None = None
) -> None:
    """The line of the lead's history."""
    world.add(
        LeadEvent(
            id=world.new_id(),
            lead_id=lead.id,
            what=what,
            before=str(before) if isinstance(before, UUID) else before,
            after=str(after) if isinstance(after, UUID) else after,
            by_user=by,
            at=world.now,
        )
    )


def tell_changed(world: World, lead: Lead, what: str, *, by: UUID | None = None) -> None:
    world.tell(
        LeadChanged(
            id=world.new_id(),
            at=world.now,
            lead=lead.id,
            what=what,
            account=lead.account_id,
            contact=lead.contact_id,
            conversation=lead.conversation_id,
            manager=lead.manager_id,
            by=by,
        )
    )
