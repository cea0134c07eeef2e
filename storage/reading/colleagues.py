"""Accounts, people and teams by name: what filters, menus and other programs choose from. All small, so whole."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.initials import initials
from storage.tables import account, team, team_member, user_account


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    id: UUID
    slug: str
    kind: str
    state: str
    team_id: UUID | None
    silent_since: datetime | None
    last_event_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    id: UUID
    email: str
    name: str
    role: str
    sees: str
    presence: str
    capacity: int | None
    open_conversations: int
    extension: str
    disabled_at: datetime | None

    @property
    def initials(self) -> str:
        return initials(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow:
    id: UUID
    name: str
    strategy: str
    is_default: bool
    member_ids: tuple[UUID, ...]


async def list_accounts(connection: AsyncConnection) -> list[AccountRow]:
    """Without those removed."""
    rows = await connection.execute(
        select(*(account.c[name] for name in AccountRow.__dataclass_fields__))
        .where(account.c.state != "removed")
        .order_by(account.c.slug)
    )
    return [AccountRow(**_named(row)) for row in rows]


async def list_users(connection: AsyncConnection) -> list[UserRow]:
    """Everybody, those who left too: old messages are theirs."""
    rows = await connection.execute(
        select(*(user_account.c[name] for name in UserRow.__dataclass_fields__)).order_by(
            user_account.c.name, user_account.c.id
        )
    )
    return [UserRow(**_named(row)) for row in rows]


async def list_teams(connection: AsyncConnection) -> list[TeamRow]:
    members = (
        select(
            func.array_agg(aggregate_order_by(team_member.c.user_id, team_member.c.user_id)).label(
                "ids"
            )
        )
        .where(team_member.c.team_id == team.c.id)
        .scalar_subquery()
    )
    rows = await connection.execute(
        select(
            team.c.id, team.c.name, team.c.strategy, team.c.is_default, members.label("member_ids")
        ).order_by(team.c.name)
    )
    return [TeamRow(**{**_named(row), "member_ids": tuple(row.member_ids or ())}) for row in rows]


def _named(row: Any) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001  # a Row's public mapping
