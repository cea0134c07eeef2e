"""Colleagues: hired, changed, disabled. Who is signed in is `storage.sessions`, what they change themselves `storage.profile`.

A new manager is in the default team, here, always at work and without a limit until told otherwise, so that a fresh
installation assigns at once. There is always an administrator who can sign in: the last one stays.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import select, text, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import PresenceChanged
from router.ids import new_id
from storage.outbox import tell
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.tables import user_account
from storage.teams import add_member, default_team

Role = Literal["admin", "lead", "manager", "marketer"]
ANSWERING: Final = frozenset({"manager", "lead"})
"""Roles that customers are assigned to."""

CHANGEABLE: Final = frozenset(
    {"name", "role", "capacity", "language", "theme", "extension", "sees"}
)

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


class EmailTaken(Exception):
    """A colleague has this address already."""


class BadEmail(Exception):
    """That is no address."""


class ExtensionTaken(Exception):
    """Another colleague has this extension."""


class NoSuchColleague(Exception):
    """There is no colleague of that id."""


class LastAdministrator(Exception):
    """Without them nobody could manage the installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    id: UUID
    email: str
    name: str
    role: Role
    sees: str
    language: str
    presence: str
    presence_since: datetime | None
    seen_at: datetime | None
    capacity: int | None
    open_conversations: int
    must_change_password: bool
    disabled_at: datetime | None
    created_at: datetime


_COLUMNS: Final = tuple(user_account.c[name] for name in Colleague.__dataclass_fields__)


async def create_user(
    connection: AsyncConnection,
    *,
    email: str,
    role: Role,
    password: str,
    now: datetime,
    name: str = "",
    language: str = "",
    must_change_password: bool = False,
) -> UUID:
    """`password` is the argon2 hash; "": nobody can sign in as them yet. Raises BadEmail, EmailTaken."""
    email = email.strip()
    if not _EMAIL.fullmatch(email):
        raise BadEmail(f"{email!r} is not an email address.")
    added = await connection.execute(
        text("""
            insert into user_account
                (id, email, name, role, password, must_change_password, language, presence_since, created_at)
            values (:id, lower(:email), :name, :role, :password, :must_change, :language, :now, :now)
            on conflict (email) do nothing returning id
        """),
        {
            "id": new_id(),
            "email": email,
            "name": name.strip() or email.partition("@")[0],
            "role": role,
            "password": password,
            "must_change": must_change_password,
            "language": language,
            "now": now,
        },
    )
    made: UUID | None = added.scalar()
    if made is None:
        raise EmailTaken(f"There is a colleague with the address {email} already.")
    if role in ANSWERING and (team_id := await default_team(connection)) is not None:
        await add_member(connection, team_id, made, is_lead=role == "lead", now=now)
    return made


async def colleague_by_email(connection: AsyncConnection, email: str) -> Colleague | None:
    """Those disabled too."""
    row = (
        await connection.execute(
            text(f"select {_NAMES} from user_account where email = lower(:email)"),  # noqa: S608  # our own names
            {"email": email.strip()},
        )
    ).one_or_none()
    return None if row is None else _colleague(row)


async def list_colleagues(
    connection: AsyncConnection, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[Colleague]:
    """Everybody by address, those who left too. Raises BadCursor."""
    wish = select(*_COLUMNS).order_by(user_account.c.email, user_account.c.id).limit(limit + 1)
    if cursor is not None:
        email, id_ = key_of(cursor, "colleagues", tuple[str, UUID])
        wish = wish.where(tuple_(user_account.c.email, user_account.c.id) > (email, id_))
    rows = [_colleague(row) for row in await connection.execute(wish)]
    return page_of(rows, limit=limit, name="colleagues", key=lambda each: (each.email, each.id))


async def change_user(connection: AsyncConnection, user_id: UUID, **changes: Any) -> None:
    """Some of CHANGEABLE. Raises NoSuchColleague, LastAdministrator, ExtensionTaken."""
    unknown = sorted(changes.keys() - CHANGEABLE)
    if unknown:
        raise TypeError(f"a colleague has no {', '.join(unknown)} to change")
    if "role" in changes and changes["role"] != "admin":
        await _another_administrator(connection, user_id)
    if changes:
        await _update(connection, user_id, changes)


async def disable_user(connection: AsyncConnection, user_id: UUID, *, now: datetime) -> None:
    """Signed out everywhere, and their API tokens are worth nothing. What they wrote, and is theirs, stays: whoever
    disables them hands their conversations on.

    Raises NoSuchColleague, LastAdministrator.
    """
    await _another_administrator(connection, user_id)
    await _update(connection, user_id, {"disabled_at": now})
    await connection.execute(text("delete from session where user_id = :id"), {"id": user_id})
    await connection.execute(
        text(
            "update api_token set revoked_at = :now where created_by = :id and revoked_at is null"
        ),
        {"id": user_id, "now": now},
    )
    await tell_pages(connection, user_id, now=now)


async def tell_pages(connection: AsyncConnection, user_id: UUID, *, now: datetime) -> None:
    """Their open pages look again, at once, whether they are still signed in, and as whom."""
    await tell(connection, [PresenceChanged(id=new_id(), at=now, manager=user_id)])


async def enable_user(connection: AsyncConnection, user_id: UUID) -> None:
    """Without their extension, when somebody else has it by now. Raises NoSuchColleague."""
    await connection.execute(
        text(
            "update user_account u set extension = '' where u.id = :id and exists (select from user_account o"
            " where o.extension = u.extension and o.disabled_at is null and o.id <> u.id)"
        ),
        {"id": user_id},
    )
    await _update(connection, user_id, {"disabled_at": None})


async def _another_administrator(connection: AsyncConnection, but: UUID) -> None:
    """Two administrators who disable each other at the same moment wait here for one another."""
    able = text(
        "select id from user_account where role = 'admin' and disabled_at is null order by id for update"
    )
    ids = {row.id for row in await connection.execute(able)}
    if ids == {but}:
        raise LastAdministrator(
            "This is the only administrator: make somebody else one before, or nobody can manage Allo any more."
        )


async def _update(connection: AsyncConnection, user_id: UUID, values: Mapping[str, Any]) -> None:
    try:
        changed = await connection.execute(
            update(user_account)
            .where(user_account.c.id == user_id)
            .values(**values)
            .returning(user_account.c.id)
        )
    except IntegrityError as error:
        if "uq_user_account_extension" not in str(error.orig):
            raise
        raise ExtensionTaken("Another colleague has this extension.") from error
    if changed.scalar() is None:
        raise NoSuchColleague(str(user_id))


_NAMES: Final = ", ".join(Colleague.__dataclass_fields__)


def _colleague(row: Any) -> Colleague:
    return Colleague(**row._mapping)  # noqa: SLF001  # a Row's public mapping
