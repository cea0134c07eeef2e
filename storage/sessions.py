"""Who is signed in, and how often somebody has tried. A session is known by the hash of its token, never the token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

ATTEMPTS_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A live session with its person as they are now: a role taken away is gone with the next request."""

    user_id: UUID
    email: str
    name: str
    role: str
    sees: str
    teams: tuple[UUID, ...]
    """Asked for only where they limit what is seen."""
    language: str
    theme: str
    presence: str
    must_change_password: bool
    csrf: str
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    token_hash: str
    user_id: UUID
    csrf: str
    expires_at: datetime
    user_agent: str
    remote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    user_id: UUID
    password: str
    """The argon2 hash."""
    role: str


async def session_by_hash(
    connection: AsyncConnection, token_hash: str, *, now: datetime
) -> SessionRow | None:
    """None when it has expired, or its person has been disabled."""
    row = (
        await connection.execute(
            text("""
                select u.id as user_id, u.email, u.name, u.role, u.sees,
                       case when u.sees = 'team' then array(
                           select m.team_id from team_member m where m.user_id = u.id order by m.team_id
                       ) else '{}' end as teams,
                       u.language, u.theme, u.presence,
                       u.must_change_password, s.csrf, s.seen_at, s.expires_at
                from session s join user_account u on u.id = s.user_id
                where s.token_hash = :token_hash and s.expires_at > :now and u.disabled_at is null
            """),
            {"token_hash": token_hash, "now": now},
        )
    ).one_or_none()
    if row is None:
        return None
    return SessionRow(**{**row._mapping, "teams": tuple(row.teams)})  # noqa: SLF001  # a Row's public mapping


async def add_session(connection: AsyncConnection, new: NewSession, *, now: datetime) -> None:
    await connection.execute(
        text("""
            insert into session (token_hash, user_id, csrf, created_at, seen_at, expires_at, user_agent, remote)
            values (:token_hash, :user_id, :csrf, :now, :now, :expires_at, :user_agent, :remote)
        """),
        {
            "token_hash": new.token_hash,
            "user_id": new.user_id,
            "csrf": new.csrf,
            "now": now,
            "expires_at": new.expires_at,
            "user_agent": new.user_agent,
            "remote": new.remote,
        },
    )
    await connection.execute(text("delete from session where expires_at < :now"), {"now": now})


async def prolong_session(
    connection: AsyncConnection, token_hash: str, *, now: datetime, expires_at: datetime
) -> None:
    """Also tells the teams that ask for it that the person is there."""
    await connection.execute(
        text("""
            with seen as (
                update session set seen_at = :now, expires_at = :expires_at
                where token_hash = :token_hash returning user_id
            )
            update user_account set seen_at = :now from seen where id = seen.user_id
        """),
        {"token_hash": token_hash, "now": now, "expires_at": expires_at},
    )


async def end_session(connection: AsyncConnection, token_hash: str) -> None:
    await connection.execute(
        text("delete from session where token_hash = :token_hash"), {"token_hash": token_hash}
    )


async def end_sessions_of(connection: AsyncConnection, user_id: UUID, *, but: str = "") -> None:
    """All of a person's, but the one with this hash."""
    await connection.execute(
        text("delete from session where user_id = :user_id and token_hash <> :but"),
        {"user_id": user_id, "but": but},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """`key` names it to its owner; it is a part of the hash, of which nobody makes a token."""

    key: str
    created_at: datetime
    seen_at: datetime
    user_agent: str
    remote: str


async def sessions_of(
    connection: AsyncConnection, user_id: UUID, *, now: datetime
) -> list[OpenSession]:
    """The last used first."""
    rows = await connection.execute(
        text("""
            select left(token_hash, 16) as key, created_at, seen_at, user_agent, remote
            from session where user_id = :user_id and expires_at > :now
            order by seen_at desc, token_hash limit 100
        """),
        {"user_id": user_id, "now": now},
    )
    return [OpenSession(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping


async def end_session_of(connection: AsyncConnection, user_id: UUID, *, key: str) -> bool:
    """False when there is no such session of theirs."""
    ended = await connection.execute(
        text("delete from session where user_id = :user_id and left(token_hash, 16) = :key"),
        {"user_id": user_id, "key": key},
    )
    return bool(ended.rowcount)


async def credentials_of(connection: AsyncConnection, email: str) -> Credentials | None:
    """Of somebody who may sign in."""
    row = (
        await connection.execute(
            text("""
                select id as user_id, password, role from user_account
                where email = lower(:email) and disabled_at is null
            """),
            {"email": email},
        )
    ).one_or_none()
    return None if row is None else Credentials(**row._mapping)  # noqa: SLF001  # a Row's public mapping


async def count_attempts(
    connection: AsyncConnection, *, email: str, remote: str, since: datetime
) -> tuple[int, int]:
    """(for this email, from this address), since then."""
    row = (
        await connection.execute(
            text("""
                select (select count(*) from sign_in_attempt where email = :email and at > :since) as by_email,
                       (select count(*) from sign_in_attempt where remote = :remote and at > :since) as by_remote
            """),
            {"email": email, "remote": remote, "since": since},
        )
    ).one()
    return row.by_email, row.by_remote


async def add_attempt(
    connection: AsyncConnection, *, email: str, remote: str, now: datetime
) -> None:
    await connection.execute(
        text("insert into sign_in_attempt (email, remote, at) values (:email, :remote, :now)"),
        {"email": email, "remote": remote, "now": now},
    )


async def forget_attempts(connection: AsyncConnection, *, email: str, now: datetime) -> None:
    """After a success; and all that are too old to matter."""
    await connection.execute(
        text("delete from sign_in_attempt where email = :email or at < :old"),
        {"email": email, "old": now - ATTEMPTS_KEPT},
    )
