"""Worlds in memory: what an installation has before a decision, without a database."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from router.ids import new_id
from router.intake import receive
from router.message import Event
from router.records import (
    AccountPolicy,
    Contact,
    Conversation,
    Manager,
    Member,
    Pipeline,
    Stage,
    Team,
)
from router.world import World
from tests.conftest import NOON
from tests.events import accepted

ALWAYS = None
NINE_TO_SIX = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
"""Moscow time; NOON of the tests is a Saturday, 15:00 in Moscow."""


class Shop:
    """One account, one team, one pipeline, and everybody in memory."""

    def __init__(self, *, now: datetime = NOON, **policy: Any) -> None:
        self.now = now
        self.account = new_id()
        self.policy = policy
        self.teams: dict[UUID, Team] = {}
        self.managers: dict[UUID, Manager] = {}
        self.team = self.add_team()
        stages = tuple(
            Stage(id=new_id(), name=kind, kind=kind, position=n)
            for n, kind in enumerate(("open", "qualified", "won", "lost"))
        )
        self.pipeline = Pipeline(id=new_id(), currency="RUB", stages=stages)

    def add_team(self, **columns: Any) -> Team:
        first = not self.teams
        team = Team(id=new_id(), name="Sales", is_default=first, **columns)
        self.teams[team.id] = team
        return team

    def hire(
        self, name: str, *, is_lead: bool = False, in_team: bool = True, **columns: Any
    ) -> Manager:
        manager = Manager(id=new_id(), name=name, **columns)
        self.managers[manager.id] = manager
        if in_team:
            self.team.members.append(Member(user_id=manager.id, is_lead=is_lead))
        return manager

    def world(self, *, now: datetime | None = None) -> World:
        world = World(now=now or self.now)
        world.accounts = {
            self.account: AccountPolicy(
                id=self.account,
                channel="telegram",
                slug="shop",
                team_id=self.team.id,
                **self.policy,
            )
        }
        world.teams, world.managers, world.pipeline = self.teams, self.managers, self.pipeline
        return world

    def receive(self, world: World, *events: Event, channel: str = "telegram") -> None:
        for event in events:
            receive(world, accepted(self.account, event, channel=channel))


def a_contact(world: World, *, minutes: float = 0, **columns: Any) -> Contact:
    """`minutes`: how much younger than NOON."""
    return world.add(Contact(id=new_id(), created_at=NOON + timedelta(minutes=minutes), **columns))


def a_conversation(
    world: World, account: UUID, contact: Contact, *, at: datetime = NOON, **columns: Any
) -> Conversation:
    return world.add(
        Conversation(
            id=new_id(),
            account_id=account,
            chat=str(new_id()),
            contact_id=contact.id,
            first_message_at=at,
            last_message_at=at,
            created_at=at,
            waiting_since=columns.pop("waiting_since", at),
            **columns,
        )
    )
