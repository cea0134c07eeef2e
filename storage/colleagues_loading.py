"""Load: teams, their members and whoever has something in hand: what every batch with a newcomer needs, and waits for."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.out_of_hours import TOLD_LATELY, is_away
from router.records import Manager, Member, Team
from router.world import World
from storage import bulk
from storage.bulk import Records


class _Membership(msgspec.Struct):
    team_id: UUID
    user_id: UUID
    is_lead: bool
    turn: int


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
