"""/accounts, /users, /teams: the names and ids other resources speak of."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, listed
from inbox.api.problems import not_found
from storage.accounts import NoSuchAccount, set_account_state
from storage.audit import write_audit
from storage.engine import transaction
from storage.reading.colleagues import (
    AccountRow,
    TeamRow,
    UserRow,
    list_accounts,
    list_teams,
    list_users,
)
from storage.reading.paging import Page


class Account(Struct, frozen=True, kw_only=True):
    """A connected channel: `account` (its slug) is what messages name it by. Credentials are never shown."""

    id: UUID
    account: str
    channel: str
    state: str
    team_id: UUID | None
    silent_since: datetime | None
    """Nothing has come since then, for longer than its `silent_hours`."""
    last_event_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    created_at: datetime


class AccountChanges(Struct, frozen=True, kw_only=True):
    """`paused`: nothing is taken or sent until it is `active` again; replies wait."""

    state: Literal["active", "paused"] | UnsetType = UNSET


class User(Struct, frozen=True, kw_only=True):
    id: UUID
    email: str
    name: str
    role: str
    sees: str
    """all, team (theirs and their teams', and what nobody has), or own. Administrators see everything."""
    presence: str
    capacity: int | None
    open_conversations: int
    extension: str
    disabled_at: datetime | None


class Team(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    strategy: str
    is_default: bool
    member_ids: list[UUID]


def _account(row: AccountRow) -> Account:
    return Account(
        id=row.id,
        account=row.slug,
        channel=row.kind,
        state=row.state,
        team_id=row.team_id,
        silent_since=row.silent_since,
        last_event_at=row.last_event_at,
        last_error=row.last_error,
        last_error_at=row.last_error_at,
        created_at=row.created_at,
    )


def _user(row: UserRow) -> User:
    return User(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        sees=row.sees,
        presence=row.presence,
        capacity=row.capacity,
        open_conversations=row.open_conversations,
        extension=row.extension,
        disabled_at=row.disabled_at,
    )


def _team(row: TeamRow) -> Team:
    return Team(
        id=row.id,
        name=row.name,
        strategy=row.strategy,
        is_default=row.is_default,
        member_ids=list(row.member_ids),
    )


async def list_all_accounts(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        return listed(Page(items=tuple(await list_accounts(connection))), _account)


async def change_account(api: Api, call: Call[Nothing, AccountChanges]) -> Answer:
    state = call.body.state
    try:
        async with transaction(api.engine) as connection:
            if state is not UNSET:
                await set_account_state(connection, call.id, state)
                await write_audit(
                    connection,
                    by=None,
                    what="account_state_set",
                    object_kind="account",
                    object_id=call.id,
                    now=api.now(),
                    after={"state": state},
                )
            rows = await list_accounts(connection)
    except NoSuchAccount:
        raise not_found("account") from None
    shown = next((each for each in rows if each.id == call.id), None)
    if shown is None:
        raise not_found("account")
    return Answer(body=_account(shown))


async def list_all_users(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        return listed(Page(items=tuple(await list_users(connection))), _user)


async def list_all_teams(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        return listed(Page(items=tuple(await list_teams(connection))), _team)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/accounts",
        tag="Directory",
        summary="Connected channels",
        scope="read",
        handler=list_all_accounts,
        answers=ListOf[Account],
    ),
    Endpoint(
        method="PATCH",
        path="/accounts/{id}",
        tag="Directory",
        summary="Pause or resume a channel",
        scope="admin",
        handler=change_account,
        body=AccountChanges,
        what="account",
        answers=Account,
    ),
    Endpoint(
        method="GET",
        path="/users",
        tag="Directory",
        summary="Colleagues, those who left too",
        scope="read",
        handler=list_all_users,
        answers=ListOf[User],
    ),
    Endpoint(
        method="GET",
        path="/teams",
        tag="Directory",
        summary="Teams and who is in them",
        scope="read",
        handler=list_all_teams,
        answers=ListOf[Team],
    ),
)
