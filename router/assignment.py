"""Whose is it? The first that answers wins, and the answer is kept with its reason in words.

1. Returning customer: the manager of the contact or of the open lead.
2. The account's team, by its strategy: round robin (the longest since the last turn), least loaded (open
   conversations by capacity, ties by turn) or broadcast (everybody sees it, the first who answers takes it).
3. A team without a single manager: its administrator.
4. Nobody: the team's queue, from which it is handed out, oldest first, as soon as somebody can take it.

Only people who are here, within working hours and under capacity count. Teams and managers were locked when they were
loaded, so two routers never exceed a capacity and never give one conversation to two people.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from router.conversations import about
from router.facts import Assigned
from router.leads import give
from router.records import (
    CLOSED,
    Assignment,
    Contact,
    Conversation,
    Lead,
    Manager,
    Member,
    Team,
)
from router.working_hours import add_working_minutes, is_open
from router.world import World

PATIENCE: Final = timedelta(minutes=30)
"""A returning customer waits so long for a manager who is away, then somebody else takes over."""

SESSION_ALIVE: Final = timedelta(minutes=2)
"""A page sends a sign of life every 30 s; four missed ones mean that nobody is there."""

USUAL_CAPACITY: Final = 50
"""What "least loaded" reckons with for a manager without a limit."""


def assign(
    world: World, conversation: Conversation, *, contact: Contact, lead: Lead | None
) -> None:
    """Gives an open conversation that is nobody's work to whoever should have it, or to the queue."""
    teams, _ = world.colleagues()
    policy = world.accounts.get(conversation.account_id)
    team = _team(teams, conversation, policy.team_id if policy else None)
    conversation.team_id = team.id if team else None
    refused: list[dict[str, str]] = []
    returning = conversation.manager_id or contact.manager_id or (lead.manager_id if lead else None)
    # Closed, it did not count among anybody's; whoever takes it now is the first it counts for.
    conversation.manager_id = None
    if returning is not None and _to_returning(
        world, conversation, returning, team=team, lead=lead, refused=refused
    ):
        return
    if _to_team(world, conversation, team=team, lead=lead, refused=refused):
        return
    _wait(world, conversation, team=team, refused=refused)


def assign_in_team(
    world: World, conversation: Conversation, *, team: Team, contact: Contact
) -> None:
    """The team was chosen by a person: its strategy decides, whoever dealt with the customer before."""
    lead = world.open_leads.get(contact.id)
    refused: list[dict[str, str]] = []
    if not _to_team(world, conversation, team=team, lead=lead, refused=refused):
        _wait(world, conversation, team=team, refused=refused)


def try_again(
    world: World, conversation: Conversation, *, contact: Contact, lead: Lead | None
) -> bool:
    """Hands out what waits in the queue, if anybody can take it now; changes nothing if not."""
    teams, _ = world.colleagues()
    team = teams.get(conversation.team_id) if conversation.team_id else None
    refused: list[dict[str, str]] = []
    returning = contact.manager_id or (lead.manager_id if lead else None)
    if returning is not None and _to_returning(
        world, conversation, returning, team=team, lead=lead, refused=refused
    ):
        return True
    return _to_team(world, conversation, team=team, lead=lead, refused=refused)


def _to_returning(
    world: World,
    conversation: Conversation,
    returning: UUID,
    *,
    team: Team | None,
    lead: Lead | None,
    refused: list[dict[str, str]],
) -> bool:
    _, managers = world.colleagues()
    manager = managers.get(returning)
    if manager is None:
        return False
    why_not = _why_not(manager, team, world.now, patience=PATIENCE)
    if why_not is not None:
        refused.append({"manager": str(manager.id), "why": why_not})
        return False
    hand_over(
        world,
        conversation,
        manager,
        lead=lead,
        rule="returning_customer",
        reason=f"{manager.name} has dealt with this customer before",
    )
    return True


def _to_team(
    world: World,
    conversation: Conversation,
    *,
    team: Team | None,
    lead: Lead | None,
    refused: list[dict[str, str]],
) -> bool:
    """By the team's strategy; a team without a single manager has its administrator."""
    _, managers = world.colleagues()
    if team is not None and team.strategy == "broadcast":
        return False
    member = _choose(team, managers, world.now, refused) if team is not None else None
    if team is not None and member is not None:
        team_turn(world, team, member)
        manager = managers[member.user_id]
        words = (
            "it was their turn"
            if team.strategy == "round_robin"
            else f"had the least to do ({manager.open_conversations} open)"
        )
        hand_over(
            world,
            conversation,
            manager,
            lead=lead,
            rule=f"team_{team.strategy}",
            reason=f"{manager.name} of {team.name}: {words}",
            refused=refused,
        )
        return True
    if team is not None and any(each.user_id in managers for each in team.members):
        return False
    admin = next((each for each in managers.values() if each.role == "admin"), None)
    if admin is None or _why_not(admin, None, world.now) is not None:
        return False
    hand_over(
        world,
        conversation,
        admin,
        lead=lead,
        rule="administrator",
        reason=f"{admin.name}: there is no manager yet",
        refused=refused,
    )
    return True


def _wait(
    world: World,
    conversation: Conversation,
    *,
    team: Team | None,
    refused: list[dict[str, str]],
) -> None:
    everybody = team is not None and team.strategy == "broadcast"
    to_queue(
        world,
        conversation,
        rule="broadcast" if everybody else "queue",
        reason="Whoever answers first takes it"
        if everybody
        else "Nobody can take it now; it is handed out as soon as somebody can",
        refused=refused,
    )


def needs_somebody(conversation: Conversation) -> bool:
    return conversation.manager_id is None and conversation.status not in CLOSED


def hand_over(
    world: World,
    conversation: Conversation,
    manager: Manager,
    *,
    lead: Lead | None,
    rule: str,
    reason: str,
    refused: list[dict[str, str]] | None = None,
    by: UUID | None = None,
) -> None:
    """The conversation is this manager's from now on, and so are its open lead and, if nobody's, its contact."""
    take_off(world, conversation)
    conversation.manager_id = manager.id
    if conversation.status not in CLOSED:
        manager.open_conversations += 1
        world.change(manager)
    world.change(conversation)
    contact = world.contacts.get(conversation.contact_id)
    if contact is not None and contact.manager_id is None:
        contact.manager_id = manager.id
        world.change(contact)
    if lead is not None:
        give(world, lead, manager.id, by=by)
    watch_silence(world, conversation)
    _write_down(world, conversation, rule=rule, reason=reason, refused=refused or [], by=by)


def to_queue(
    world: World,
    conversation: Conversation,
    *,
    rule: str,
    reason: str,
    refused: list[dict[str, str]] | None = None,
    by: UUID | None = None,
) -> None:
    """The conversation waits in its team's queue."""
    take_off(world, conversation)
    conversation.manager_id = None
    conversation.silence_due_at = None
    world.change(conversation)
    _write_down(world, conversation, rule=rule, reason=reason, refused=refused or [], by=by)


def take_off(world: World, conversation: Conversation) -> None:
    """It no longer counts among its manager's open ones."""
    if conversation.manager_id is None or conversation.status in CLOSED:
        return
    _, managers = world.colleagues()
    manager = managers.get(conversation.manager_id)
    if manager is not None:
        manager.open_conversations -= 1
        world.change(manager)


def put_on(world: World, conversation: Conversation) -> None:
    """It counts among its manager's open ones again."""
    if conversation.manager_id is None:
        return
    _, managers = world.colleagues()
    manager = managers.get(conversation.manager_id)
    if manager is not None:
        manager.open_conversations += 1
        world.change(manager)


def watch_silence(world: World, conversation: Conversation) -> None:
    """Sets when the silence timer moves the conversation on, or that it does not."""
    policy = world.accounts.get(conversation.account_id)
    if (
        policy is None
        or policy.silence_minutes is None
        or conversation.waiting_since is None
        or conversation.manager_id is None
    ):
        conversation.silence_due_at = None
        return
    teams, _ = world.colleagues()
    team = teams.get(conversation.team_id) if conversation.team_id else None
    conversation.silence_due_at = add_working_minutes(
        team.hours if team else None,
        team.time_zone if team else "UTC",
        team.holidays if team else frozenset(),
        # From when the manager could have known: a message may come late, and wake what was put off.
        max(conversation.waiting_since, world.now),
        policy.silence_minutes,
    )


def move_on(world: World, conversation: Conversation, *, lead: Lead | None) -> None:
    """Nobody answered in time: the next manager; after the account's number of moves, the team's lead."""
    teams, managers = world.colleagues()
    policy = world.policy(conversation.account_id)
    if policy.silence_minutes is None:
        # Switched off since the timer was set.
        conversation.silence_due_at = None
        world.change(conversation)
        return
    team = teams.get(conversation.team_id) if conversation.team_id else None
    silent = managers.get(conversation.manager_id) if conversation.manager_id else None
    who = silent.name if silent else "The manager"
    conversation.silence_moves += 1
    refused = [{"manager": str(conversation.manager_id), "why": "did not answer in time"}]
    words = f"{who} did not answer within {policy.silence_minutes} working minutes"
    if team is not None and conversation.silence_moves <= policy.silence_moves:
        member = _choose(team, managers, world.now, refused, but_not=conversation.manager_id)
        if member is not None:
            team_turn(world, team, member)
            hand_over(
                world,
                conversation,
                managers[member.user_id],
                lead=lead,
                rule="silence",
                reason=words,
                refused=refused,
            )
            return
    chief = next(
        (
            managers[member.user_id]
            for member in (team.members if team else ())
            if member.is_lead
            and member.user_id in managers
            and member.user_id != conversation.manager_id
        ),
        None,
    )
    if chief is not None:
        conversation.silence_moves = policy.silence_moves + 1
        hand_over(
            world,
            conversation,
            chief,
            lead=lead,
            rule="silence_lead",
            reason=words,
            refused=refused,
        )
        conversation.silence_due_at = None
        return
    # Nobody else could answer: it stays where it is, and is looked at again after the same time.
    watch_silence(world, conversation)
    world.change(conversation)


def team_turn(world: World, team: Team, member: Member) -> None:
    member.turn = max(each.turn for each in team.members) + 1
    world.turns[team.id, member.user_id] = member.turn


def _choose(
    team: Team,
    managers: dict[UUID, Manager],
    now: datetime,
    refused: list[dict[str, str]],
    *,
    but_not: UUID | None = None,
) -> Member | None:
    able = []
    for member in team.members:
        manager = managers.get(member.user_id)
        if manager is None or member.user_id == but_not:
            continue
        why_not = _why_not(manager, team, now)
        if why_not is None:
            able.append((manager, member))
        elif len(refused) < 20:
            refused.append({"manager": str(manager.id), "why": why_not})
    if not able:
        return None
    if team.strategy == "least_loaded":
        return min(
            able,
            key=lambda each: (
                each[0].open_conversations / (each[0].capacity or USUAL_CAPACITY),
                each[1].turn,
                each[0].id,
            ),
        )[1]
    return min(able, key=lambda each: (each[1].turn, each[0].id))[1]


def _why_not(
    manager: Manager, team: Team | None, now: datetime, *, patience: timedelta | None = None
) -> str | None:
    """Why this manager cannot take another conversation now; None: can."""
    if manager.presence != "here":
        away = patience is not None and manager.presence == "away" and manager.presence_since
        if not away or now - away >= (patience or timedelta()):
            return f"is {manager.presence}"
    if team is not None and not is_open(team.hours, team.time_zone, team.holidays, now):
        return "is outside working hours"
    if (
        team is not None
        and team.needs_session
        and (manager.seen_at is None or now - manager.seen_at > SESSION_ALIVE)
    ):
        return "is not signed in"
    if manager.capacity is not None and manager.open_conversations >= manager.capacity:
        return f"has {manager.open_conversations} open of {manager.capacity} at most"
    return None


def _team(
    teams: dict[UUID, Team], conversation: Conversation, preferred: UUID | None
) -> Team | None:
    for team_id in (conversation.team_id, preferred):
        if team_id in teams:
            return teams[team_id]
    return next((team for team in teams.values() if team.is_default), None)


def _write_down(
    world: World,
    conversation: Conversation,
    *,
    rule: str,
    reason: str,
    refused: list[dict[str, str]],
    by: UUID | None,
) -> None:
    if conversation.id in world.ended_assignments:
        # Decided twice in one batch: the first never was.
        world.new[Assignment] = [
            each for each in world.all_of(Assignment) if each.conversation_id != conversation.id
        ]
    world.ended_assignments.add(conversation.id)
    assignment = world.add(
        Assignment(
            id=world.new_id(),
            conversation_id=conversation.id,
            manager_id=conversation.manager_id,
            team_id=conversation.team_id,
            rule=rule,
            reason=reason,
            refused=refused,
            by_user=by,
            at=world.now,
        )
    )
    world.tell(
        Assigned(
            id=world.new_id(),
            at=world.now,
            assignment=assignment.id,
            reason=reason,
            by=by,
            **about(conversation),
        )
    )
