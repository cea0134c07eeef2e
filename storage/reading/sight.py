"""What a colleague sees: everything, what is theirs and their teams', or only what is theirs.

A conversation is theirs when they answer for it, and their team's when it is in the team's hands, also while nobody has
taken it. A person is in sight with one conversation of theirs, with a lead of theirs, or when they are the person's own
manager; a lead is, when its person is. Whoever asks by SQL takes the condition from here; a page that is asked for
something by its id asks `unseen`. A program with an API key sees everything: its scope says what it may do.

The condition of a list is split by whoever pages through it (`shares`): an OR over two indexes is none of either.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    any_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from router.notices import ABOUT_MESSAGES
from storage.tables import (
    assignment,
    attachment,
    call,
    contact,
    contact_merge,
    conversation,
    lead,
    lead_event,
    message,
    notification,
    suggestion,
    task,
    team_member,
)

Sees = Literal["all", "team", "own"]
SEES: Final[tuple[Sees, ...]] = get_args(Sees)
LIMITED_ROLES: Final = frozenset({"lead", "manager"})
"""An administrator sees everything; a marketer no conversation at all, whatever is set."""

Kind = Literal[
    "conversation", "contact", "lead", "task", "message", "file", "call", "suggestion", "merge"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """`user` is None for nobody in particular, who sees everything. `teams` are those the colleague is in."""

    what: Sees = "all"
    user: UUID | None = None
    teams: tuple[UUID, ...] = ()
    reads: bool = True
    """What customers write is for their eyes, and so what is made of it: titles of leads, tasks. A marketer's it is not."""

    @property
    def whole(self) -> bool:
        return self.what == "all"


EVERYTHING: Final = Sight()
FEW: Final = 10_000
"""Ways to people in sight, up to which these are gathered first. Of more, a list finds a page after some hundred looks."""


def sight_of(*, user: UUID, role: str, sees: str, teams: Sequence[UUID]) -> Sight:
    if role not in LIMITED_ROLES or sees == "all":
        return Sight(user=user, reads=role != "marketer")
    if sees == "team":
        return Sight(what="team", user=user, teams=tuple(sorted(teams)))
    return Sight(what="own", user=user)


# Conditions.


def conversation_in_sight(sight: Sight, of: Any = conversation.c) -> ColumnElement[bool]:
    """`of`: the columns of `conversation`, or of an alias of it."""
    if sight.whole:
        return true()
    inside: list[ColumnElement[bool]] = [of.manager_id == sight.user]
    if sight.teams:
        inside.append(of.team_id == any_(_ids(sight.teams)))
    return or_(*inside)


def shares(
    sight: Sight, *, tab: str = "all", of: Any = conversation.c
) -> list[tuple[ColumnElement[bool], ...]]:
    """The conversations in sight as parts that have nothing in common, each along an index of its own.

    No part: nothing is in sight. One without a condition: everything is.
    """
    if sight.whole:
        return [()]
    mine = (of.manager_id == sight.user,)
    if tab == "mine":
        return [mine]
    if tab == "unassigned":
        return [(of.team_id == each,) for each in sight.teams]
    others = of.manager_id.is_distinct_from(sight.user)
    return [mine, *((of.team_id == each, others) for each in sight.teams)]


def contact_in_sight(sight: Sight, id_: Any = contact.c.id) -> ColumnElement[bool]:
    """`id_`: the column with the contact's id. Looks each person up; for a list of people see `contacts_in_sight`."""
    if sight.whole:
        return true()
    return or_(*(_there_is(each) for each in _looks(sight, id_)))


def _looks(sight: Sight, id_: Any) -> list[Select[Any]]:
    """One into each table, each along the index of the person."""
    # Aliases, so that none of it is taken for the rows of the query around it.
    talk, person, card = conversation.alias(), contact.alias(), lead.alias()
    return [
        select(talk.c.contact_id).where(
            talk.c.contact_id == id_, conversation_in_sight(sight, talk.c)
        ),
        select(card.c.contact_id).where(card.c.contact_id == id_, lead_in_hand(sight, card.c)),
        select(person.c.id).where(person.c.id == id_, person.c.manager_id == sight.user),
    ]


async def contacts_in_sight(
    connection: AsyncConnection, sight: Sight, id_: Any = contact.c.id
) -> ColumnElement[bool]:
    """The same, for what pages through many: when few are in sight they are gathered first, or one would look long for them;
    when many are, looking each one up soon finds a page.
    """
    if sight.whole:
        return true()
    if await are_few(connection, sight):
        gathered: ColumnElement[bool] = id_ == func.any(people_in_sight(sight))
        return gathered
    return contact_in_sight(sight, id_)


async def are_few(connection: AsyncConnection, sight: Sight) -> bool:
    """Counted along the indexes, up to FEW of each."""
    some = [
        select(func.count())
        .select_from(
            select(literal(1).label("one")).where(each.whereclause).limit(FEW + 1).subquery()
        )
        .scalar_subquery()
        for _, each in _known(sight)
        if each.whereclause is not None
    ]
    counted = (await connection.execute(select(*some))).one()
    return sum(counted) <= FEW


def people_in_sight(sight: Sight) -> Any:
    """An array of them, made once for the whole statement."""
    parts = [each.with_only_columns(column) for column, each in _known(sight)]
    return func.array(union_all(*parts).scalar_subquery(), type_=ARRAY(PG_UUID))


def _known(sight: Sight) -> list[tuple[Any, Select[Any]]]:
    """Why somebody is in sight: (the column with their id, where it is looked for)."""
    # Aliases, so that none of it is taken for the rows of the query around it.
    talk, person, card = conversation.alias(), contact.alias(), lead.alias()
    by: list[tuple[Any, ColumnElement[bool]]] = [
        (person.c.id, person.c.manager_id == sight.user),
        (talk.c.contact_id, talk.c.manager_id == sight.user),
        (card.c.contact_id, card.c.manager_id == sight.user),
    ]
    if sight.teams:
        by += [
            (talk.c.contact_id, talk.c.team_id == any_(_ids(sight.teams))),
            (card.c.contact_id, card.c.manager_id == any_(_mates(sight))),
        ]
    return [(column, select(column).where(condition)) for column, condition in by]


def _there_is(one: Select[Any]) -> ColumnElement[bool]:
    """As EXISTS, which the planner would answer by reading all there is and keeping it in a hash."""
    return one.limit(1).scalar_subquery().is_not(None)


def lead_in_sight(sight: Sight, of: Any = lead.c) -> ColumnElement[bool]:
    """With its person, of whom a lead of theirs is a part."""
    if sight.whole:
        return true()
    return lead_in_hand(sight, of) | contact_in_sight(sight, of.contact_id)


def lead_counted(sight: Sight, of: Any = lead.c) -> ColumnElement[bool]:
    """The same, of very many: the planner chooses between looking each person up and gathering all of them once."""
    if sight.whole:
        return true()
    return or_(lead_in_hand(sight, of), *(each.exists() for each in _looks(sight, of.contact_id)))


def lead_in_hand(sight: Sight, of: Any = lead.c) -> ColumnElement[bool]:
    """Theirs or their teams' to work on: fewer than are in sight, and found along one index."""
    if sight.whole:
        return true()
    if sight.teams:
        return or_(of.manager_id == sight.user, of.manager_id == any_(_mates(sight)))
    mine: ColumnElement[bool] = of.manager_id == sight.user
    return mine


async def leads_in_sight(connection: AsyncConnection, sight: Sight) -> ColumnElement[bool]:
    """The same, for what pages through many."""
    if sight.whole:
        return true()
    if await are_few(connection, sight):
        return lead.c.contact_id == func.any(people_in_sight(sight))
    return lead_in_sight(sight)


def task_in_sight(sight: Sight, of: Any = task.c) -> ColumnElement[bool]:
    """Theirs to do, written down by them, or part of a conversation in sight."""
    if sight.whole:
        return true()
    talk = conversation.alias()
    inside: list[ColumnElement[bool]] = [
        of.manager_id == sight.user,
        of.created_by == sight.user,
        _there_is(
            select(talk.c.id).where(
                talk.c.id == of.conversation_id, conversation_in_sight(sight, talk.c)
            )
        ),
    ]
    if sight.teams:
        inside.insert(1, of.manager_id == any_(_mates(sight)))
    return or_(*inside)


def notice_in_sight(sight: Sight, of: Any = notification.c) -> ColumnElement[bool]:
    """What somebody was told, while what it is of is still for their eyes."""
    conditions: list[ColumnElement[bool]] = []
    if not sight.reads:
        conditions.append(of.kind.not_in(ABOUT_MESSAGES))
    if not sight.whole:
        talk, card, todo = conversation.alias(), lead.alias(), task.alias()
        conditions += [
            or_(
                of.task_id.is_not(None),
                of.conversation_id.is_(None),
                exists().where(
                    talk.c.id == of.conversation_id, conversation_in_sight(sight, talk.c)
                ),
            ),
            or_(
                of.task_id.is_not(None),
                of.lead_id.is_(None),
                exists().where(card.c.id == of.lead_id, lead_in_sight(sight, card.c)),
            ),
            or_(
                of.task_id.is_(None),
                exists().where(todo.c.id == of.task_id, task_in_sight(sight, todo.c)),
            ),
        ]
    return and_(true(), *conditions)


async def who_sees(connection: AsyncConnection, conversation_id: UUID) -> set[UUID]:
    """The colleagues who have this conversation in sight, whether or not their role reads any."""
    rows = await connection.execute(
        text("""
            select u.id from conversation v, user_account u
            where v.id = :talk and (
                u.sees = 'all' or u.role <> all(cast(:limited as text[])) or u.id = v.manager_id
                or u.sees = 'team' and exists (
                    select from team_member m where m.user_id = u.id and m.team_id = v.team_id))
        """),
        {"talk": conversation_id, "limited": sorted(LIMITED_ROLES)},
    )
    return set(rows.scalars())


def teammates(sight: Sight) -> Select[Any]:
    """The colleagues of the teams, themselves too."""
    return select(team_member.c.user_id).where(team_member.c.team_id == any_(_ids(sight.teams)))


# Asking about ids.


async def unseen(
    connection: AsyncConnection, sight: Sight, kind: Kind, ids: Iterable[UUID]
) -> set[UUID]:
    """Which of these are out of sight, or not there at all: a stranger is not told which."""
    asked = set(ids)
    if sight.whole or not asked:
        return set()
    return asked - await seen(connection, sight, kind, asked)


async def seen(
    connection: AsyncConnection, sight: Sight, kind: Kind, ids: Iterable[UUID]
) -> set[UUID]:
    ids = tuple(ids)
    if not ids:
        return set()
    id_, from_, condition = _of(sight, kind)
    found = await connection.execute(
        select(id_).select_from(from_).where(id_ == any_(_ids(ids)), condition)
    )
    return set(found.scalars())


async def once_seen(
    connection: AsyncConnection, sight: Sight, conversations: Iterable[UUID]
) -> set[UUID]:
    """Which of these are, or ever were, in sight: whoever saw one hears that it is gone."""
    ids = set(conversations)
    if sight.whole or not ids:
        return ids
    now = await seen(connection, sight, "conversation", ids)
    rest = tuple(ids - now)
    if not rest:
        return now
    whose: ColumnElement[bool] = assignment.c.manager_id == sight.user
    if sight.teams:
        whose |= assignment.c.team_id == any_(_ids(sight.teams))
    once = await connection.execute(
        select(assignment.c.conversation_id)
        .where(assignment.c.conversation_id == any_(_ids(rest)), whose)
        .distinct()
    )
    return {*now, *once.scalars()}


async def once_led(connection: AsyncConnection, sight: Sight, leads: Iterable[UUID]) -> set[UUID]:
    """As `once_seen`, of leads: also those that were theirs before they were given to somebody else."""
    ids = set(leads)
    now = ids if sight.whole else await seen(connection, sight, "lead", ids)
    rest = tuple(ids - now)
    if not rest:
        return now
    whose: ColumnElement[bool] = lead_event.c.before == func.to_jsonb(
        cast(literal(str(sight.user)), Text)
    )
    if sight.teams:
        mates = teammates(sight).subquery()
        whose |= lead_event.c.before.in_(select(func.to_jsonb(cast(mates.c.user_id, Text))))
    once = await connection.execute(
        select(lead_event.c.lead_id)
        .where(lead_event.c.lead_id == any_(_ids(rest)), lead_event.c.what == "manager", whose)
        .distinct()
    )
    return {*now, *once.scalars()}


def _of(  # noqa: PLR0911  # one per kind
    sight: Sight, kind: Kind
) -> tuple[ColumnElement[UUID], FromClause, ColumnElement[bool]]:
    """The id, where it is, and the condition."""
    talk = conversation_in_sight(sight)
    match kind:
        case "conversation":
            return conversation.c.id, conversation, talk
        case "contact":
            # A tombstone is in sight with the one who survived.
            living = func.coalesce(contact.c.merged_into, contact.c.id)
            return contact.c.id, contact, contact_in_sight(sight, living)
        case "lead":
            return lead.c.id, lead, lead_in_sight(sight)
        case "task":
            of = func.coalesce(task.c.contact_id, lead.c.contact_id)
            whole = task.outerjoin(lead, lead.c.id == task.c.lead_id)
            unassigned = and_(task.c.manager_id.is_(None), contact_in_sight(sight, of))
            return task.c.id, whole, task_in_sight(sight) | unassigned
        case "message":
            said = message.join(conversation, conversation.c.id == message.c.conversation_id)
            return message.c.id, said, talk
        case "file":
            sent = attachment.join(message, message.c.id == attachment.c.message_id).join(
                conversation, conversation.c.id == message.c.conversation_id
            )
            return attachment.c.id, sent, talk
        case "call":
            telephoned = call.join(conversation, conversation.c.id == call.c.conversation_id)
            return call.c.id, telephoned, talk
        case "suggestion":
            both = and_(
                contact_in_sight(sight, suggestion.c.first_id),
                contact_in_sight(sight, suggestion.c.second_id),
            )
            return suggestion.c.id, suggestion, both
        case "merge":
            return (
                contact_merge.c.id,
                contact_merge,
                contact_in_sight(sight, contact_merge.c.survivor_id),
            )


def _mates(sight: Sight) -> Any:
    """Once for the whole statement."""
    return func.array(teammates(sight).scalar_subquery(), type_=ARRAY(PG_UUID))


def _ids(ids: Collection[UUID]) -> Any:
    return literal(list(ids), ARRAY(PG_UUID))
