"""What a colleague decides about a conversation: whose it is, and whether it is done."""

from datetime import datetime
from uuid import UUID

from router import assignment
from router.conversations import by_itself, changed
from router.records import CLOSED, Conversation, Status
from router.world import World


def give_to(world: World, conversation: Conversation, manager_id: UUID, *, by: UUID | None) -> None:
    """A person may give more than the capacity allows: they see what they do."""
    _, managers = world.colleagues()
    manager = managers[manager_id]
    if conversation.manager_id == manager_id:
        return
    giver = managers[by].name if by in managers else "A colleague"
    assignment.hand_over(
        world,
        conversation,
        manager,
        lead=world.open_leads.get(conversation.contact_id),
        rule="by_hand",
        reason=f"{manager.name} took it"
        if by == manager_id
        else f"{giver} gave it to {manager.name}",
        by=by,
    )


def give_to_team(
    world: World, conversation: Conversation, team_id: UUID | None, *, by: UUID | None
) -> None:
    """The team's strategy chooses; without a team, back to the queue of its own."""
    teams, managers = world.colleagues()
    giver = managers[by].name if by in managers else "A colleague"
    if team_id is None:
        assignment.to_queue(
            world, conversation, rule="by_hand", reason=f"{giver} put it back into the queue", by=by
        )
        return
    contact = world.contact(conversation.contact_id)
    assignment.take_off(world, conversation)
    conversation.manager_id, conversation.team_id = None, team_id
    assignment.assign_in_team(world, conversation, team=teams[team_id], contact=contact)


def set_status(
    world: World,
    conversation: Conversation,
    status: Status,
    *,
    by: UUID | None,
    until: datetime | None = None,
) -> None:
    before = conversation.status
    if before == status and conversation.snoozed_until == until:
        return
    if before not in CLOSED and status in CLOSED:
        assignment.take_off(world, conversation)
    conversation.status = status
    conversation.snoozed_until = until if status == "snoozed" else None
    if status in CLOSED:
        conversation.resolved_at = world.now
        conversation.waiting_since = conversation.silence_due_at = None
        conversation.silence_moves = 0
        conversation.unread = 0
    elif before in CLOSED:
        conversation.resolved_at = None
        assignment.put_on(world, conversation)
    if status in {"snoozed", "waiting"}:
        conversation.silence_due_at = None
    changed(
        world, conversation, "reopened" if before in CLOSED and status == "open" else status, by=by
    )


def wake(world: World, conversation: Conversation) -> None:
    """The time it was put off to has come."""
    conversation.status, conversation.snoozed_until = "open", None
    assignment.watch_silence(world, conversation)
    by_itself(world, conversation, before="snoozed")
    changed(world, conversation, "woke")


def hand_out(world: World, waiting: list[Conversation]) -> int:
    """Gives what waits in the queues to whoever can take it now, oldest first; how many found somebody."""
    given = 0
    for conversation in sorted(
        waiting, key=lambda each: (each.waiting_since or each.last_message_at, each.id)
    ):
        if not assignment.needs_somebody(conversation):
            continue
        given += assignment.try_again(
            world,
            conversation,
            contact=world.contact(conversation.contact_id),
            lead=world.open_leads.get(conversation.contact_id),
        )
    return given
