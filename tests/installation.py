"""Builders of what an installation has before anybody writes: accounts, a team, managers, a pipeline."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from router.ids import new_id
from router.message import Accepted
from storage.policies import Policies
from storage.world import Routed, route
from tests.conftest import NOON


class Installation:
    """An installation in a database of its own. `managers` are in the order in which they were hired."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.policies = Policies()
        self.team = new_id()
        self.pipeline = new_id()
        self.managers: list[UUID] = []

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []

    async def one(self, statement: str, **values: Any) -> Any:
        rows = await self.sql(statement, **values)
        assert len(rows) == 1, f"{len(rows)} rows: {statement}"
        return rows[0]

    async def found(self, *, strategy: str = "round_robin") -> "Installation":
        """The default team and the default pipeline."""
        await self.sql(
            "insert into team (id, name, strategy, is_default, created_at) values (:id, 'Sales', :strategy, true, now())",
            id=self.team,
            strategy=strategy,
        )
        await self.sql(
            "insert into pipeline (id, name, position) values (:id, 'Sales', 1)", id=self.pipeline
        )
        for position, (name, kind) in enumerate(
            [("New", "open"), ("Qualified", "qualified"), ("Won", "won"), ("Lost", "lost")]
        ):
            await self.sql(
                "insert into stage (id, pipeline_id, name, kind, position) values (:id, :pipeline, :name, :kind, :position)",
                id=new_id(),
                pipeline=self.pipeline,
                name=name,
                kind=kind,
                position=position,
            )
        return self

    async def hire(
        self,
        name: str,
        *,
        role: str = "manager",
        capacity: int | None = None,
        in_team: bool = True,
        **columns: Any,
    ) -> UUID:
        user = new_id()
        await self.sql(
            "insert into user_account (id, email, name, role, capacity, created_at)"
            " values (:id, :email, :name, :role, :capacity, now())",
            id=user,
            email=f"{name.lower()}@example.com",
            name=name,
            role=role,
            capacity=capacity,
        )
        if in_team:
            await self.sql(
                "insert into team_member (team_id, user_id, joined_at, is_lead) values (:team, :user, now(), :lead)",
                team=self.team,
                user=user,
                lead=columns.pop("is_lead", False),
            )
        for column, value in columns.items():
            await self.sql(
                f"update user_account set {column} = :value where id = :id", value=value, id=user
            )
        self.managers.append(user)
        return user

    async def connect(self, slug: str = "shop", *, kind: str = "telegram", **columns: Any) -> UUID:
        account = new_id()
        await self.sql(
            "insert into account (id, kind, slug, sealed, team_id, created_at) values (:id, :kind, :slug, '', :team, now())",
            id=account,
            kind=kind,
            slug=slug,
            team=self.team,
        )
        for column, value in columns.items():
            await self.sql(
                f"update account set {column} = :value where id = :id", value=value, id=account
            )
        return account

    async def route(self, *events: Accepted, now: Any = NOON) -> Routed:
        async with self.engine.begin() as connection:
            return await route(connection, events, policies=self.policies, now=now)
