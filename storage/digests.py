"""Digests: a saved report, sent on a schedule through a connected account to those who want it.

    due ─▶ claim (a row, committed) ─▶ it is sent ─▶ settled      and when all are: the next time

What was claimed is never sent again by itself: a process that dies in the middle leaves "sending", which the page shows as
perhaps sent. So nobody gets a digest twice, and those who were not yet claimed get theirs when the next process looks.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound, Refused
from router.digests import BEGINS, SECRET_BYTES
from router.ids import new_id

Every = Literal["day", "week", "month"]
EVERY: Final[tuple[Every, ...]] = ("day", "week", "month")
MOST: Final = 20
"""Of one saved report."""
MOST_RECIPIENTS: Final = 50
ATTEMPTS: Final = 5
PAUSE: Final = timedelta(minutes=5)
"""Before what did not go is tried again, times how often it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    id: UUID
    saved_view_id: UUID
    account_id: UUID
    account: str
    kind: str
    every: Every
    on_day: int
    hour: int
    language: str
    by_user: UUID
    next_at: datetime
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """`address` is "" while a chat has not said /start yet (`router.digests`). `state` and the rest are of what was sent last."""

    id: UUID
    digest_id: UUID
    address: str
    name: str
    code: str
    stopped_at: datetime | None
    state: str | None = None
    at: datetime | None = None
    error: str = ""


_DIGEST: Final = (
    "select d.id, d.saved_view_id, d.account_id, a.slug as account, a.kind, d.every, d.on_day, d.hour, d.language,"
    " d.by_user, d.next_at, d.paused from digest d join account a on a.id = d.account_id"
)


async def add_digest(  # its fields
    connection: AsyncConnection,
    *,
    saved_view: UUID,
    account: UUID,
    every: Every,
    on_day: int,
    hour: int,
    language: str,
    by: UUID,
    next_at: datetime,
    now: datetime,
) -> UUID:
    there = await connection.execute(
        text("select count(*) from digest where saved_view_id = :view"), {"view": saved_view}
    )
    if there.scalar_one() >= MOST:
        raise Refused(f"This report is sent in {MOST} ways already: take one away.")
    id_ = new_id()
    await connection.execute(
        text(
            "insert into digest (id, saved_view_id, account_id, every, on_day, hour, language, by_user, created_at, next_at)"
            " values (:id, :view, :account, :every, :on_day, :hour, :language, :by, :now, :next_at)"
        ),
        {
            "id": id_, "view": saved_view, "account": account, "every": every, "on_day": on_day, "hour": hour,
            "language": language, "by": by, "now": now, "next_at": next_at,
        },
    )  # fmt: skip
    return id_


async def add_recipient(
    connection: AsyncConnection, digest: UUID, *, address: str, name: str, now: datetime
) -> Recipient:
    there = await connection.execute(
        text("select count(*) from digest_recipient where digest_id = :digest"), {"digest": digest}
    )
    if there.scalar_one() >= MOST_RECIPIENTS:
        raise Refused(f"A digest goes to {MOST_RECIPIENTS} people at most.")
    made = Recipient(
        id=new_id(),
        digest_id=digest,
        address=address,
        name=name,
        code=BEGINS + secrets.token_urlsafe(SECRET_BYTES),
        stopped_at=None,
    )
    await connection.execute(
        text(
            "insert into digest_recipient (id, digest_id, address, name, code, created_at)"
            " values (:id, :digest, :address, :name, :code, :now)"
        ),
        {
            "id": made.id, "digest": digest, "address": address, "name": name, "code": made.code, "now": now,
        },
    )  # fmt: skip
    return made


async def digests_of(connection: AsyncConnection, saved_view: UUID) -> list[Digest]:
    rows = await connection.execute(
        text(f"{_DIGEST} where d.saved_view_id = :view order by d.created_at, d.id"),
        {"view": saved_view},
    )
    return [Digest(**row) for row in rows.mappings()]


async def digest_by_id(connection: AsyncConnection, digest: UUID) -> Digest:
    rows = await connection.execute(text(f"{_DIGEST} where d.id = :id"), {"id": digest})
    row = rows.mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such digest.")
    return Digest(**row)


async def recipients_of(
    connection: AsyncConnection, digests: Sequence[UUID]
) -> dict[UUID, list[Recipient]]:
    """With what was sent to each last."""
    rows = await connection.execute(
        text(
            "select r.id, r.digest_id, r.address, r.name, r.code, r.stopped_at, s.state, s.at, coalesce(s.error, '') as error"
            " from digest_recipient r left join lateral (select state, at, error from digest_sending s"
            "  where s.recipient_id = r.id order by s.due_at desc limit 1) s on true"
            " where r.digest_id = any(cast(:digests as uuid[])) order by r.created_at, r.id"
        ),
        {"digests": list(digests)},
    )
    found: dict[UUID, list[Recipient]] = {digest: [] for digest in digests}
    for row in rows.mappings():
        found[row["digest_id"]].append(Recipient(**row))
    return found


async def delete_digest(connection: AsyncConnection, digest: UUID) -> None:
    await connection.execute(text("delete from digest where id = :id"), {"id": digest})


async def pause_digest(
    connection: AsyncConnection, digest: UUID, *, paused: bool, next_at: datetime
) -> None:
    """Going on, it is not sent for the time it rested."""
    await connection.execute(
        text("update digest set paused = :paused, next_at = :next_at where id = :id"),
        {"id": digest, "paused": paused, "next_at": next_at},
    )


async def send_now(connection: AsyncConnection, digest: UUID, *, now: datetime) -> None:
    await connection.execute(
        text("update digest set next_at = :now, paused = false where id = :id"),
        {"id": digest, "now": now},
    )


# What the sender does.


async def due_digests(connection: AsyncConnection, *, now: datetime) -> list[Digest]:
    """Of reports that are still kept, through accounts that are there, set up by colleagues who have not left."""
    rows = await connection.execute(
        text(
            f"{_DIGEST} join saved_view v on v.id = d.saved_view_id join user_account u on u.id = d.by_user"
            " where not d.paused and d.next_at <= :now and v.deleted_at is null and u.disabled_at is null"
            " and a.state <> 'removed' order by d.next_at limit 20"
        ),
        {"now": now},
    )
    return [Digest(**row) for row in rows.mappings()]


async def waiting_recipients(
    connection: AsyncConnection, digest: UUID, *, due_at: datetime
) -> list[tuple[Recipient, datetime | None]]:
    """Who is still to get it, and when it is tried again if it was tried."""
    rows = await connection.execute(
        text(
            "select r.id, r.digest_id, r.address, r.name, r.code, r.stopped_at, s.at as tried, s.attempts"
            " from digest_recipient r left join digest_sending s on s.recipient_id = r.id and s.due_at = :due"
            " where r.digest_id = :digest and r.stopped_at is null and r.address <> ''"
            " and (s.recipient_id is null or s.state = 'failed' and s.again) order by r.created_at, r.id"
        ),
        {"digest": digest, "due": due_at},
    )
    found = []
    for row in rows.mappings():
        fields = dict(row)
        tried, attempts = fields.pop("tried"), fields.pop("attempts")
        found.append((Recipient(**fields), tried + PAUSE * attempts if tried else None))
    return found


async def claim(
    connection: AsyncConnection, recipient: UUID, *, due_at: datetime, now: datetime
) -> bool:
    """Whether it is ours to send: nobody has, or it did not go. Commit before it is sent."""
    claimed = await connection.execute(
        text(
            "insert into digest_sending as s (recipient_id, due_at, state, at) values (:id, :due, 'sending', :now)"
            " on conflict (recipient_id, due_at) do update"
            " set state = 'sending', at = :now, attempts = s.attempts + 1, again = false, error = ''"
            " where s.state = 'failed' and s.again"
        ),
        {"id": recipient, "due": due_at, "now": now},
    )
    return bool(claimed.rowcount)


async def settle(
    connection: AsyncConnection,
    recipient: UUID,
    *,
    due_at: datetime,
    error: str,
    again: bool,
    now: datetime,
) -> None:
    """An `error` of "" is success. `again`: it surely did not go, and may go later."""
    await connection.execute(
        text(
            "update digest_sending set state = case when :error = '' then 'sent' else 'failed' end, at = :now,"
            " error = :error, again = :again and attempts < :most where recipient_id = :id and due_at = :due"
        ),
        {
            "id": recipient, "due": due_at, "error": error[:500], "again": again, "most": ATTEMPTS, "now": now,
        },
    )  # fmt: skip


async def go_on(
    connection: AsyncConnection, digest: UUID, *, due_at: datetime, next_at: datetime
) -> None:
    """It was sent for `due_at`; unless somebody has asked for it anew meanwhile."""
    await connection.execute(
        text("update digest set next_at = :next where id = :id and next_at = :due"),
        {"id": digest, "next": next_at, "due": due_at},
    )


async def stop(connection: AsyncConnection, code: str, *, now: datetime) -> bool:
    """By whoever has the link. Whether there is such a one."""
    done = await connection.execute(
        text(
            "update digest_recipient set stopped_at = coalesce(stopped_at, :now) where code = :code"
        ),
        {"code": code, "now": now},
    )
    return bool(done.rowcount)


async def of_code(connection: AsyncConnection, code: str) -> str | None:
    """The report's name; None when the code is nobody's."""
    found = await connection.execute(
        text(
            "select v.name from digest_recipient r join digest d on d.id = r.digest_id"
            " join saved_view v on v.id = d.saved_view_id where r.code = :code"
        ),
        {"code": code},
    )
    name: str | None = found.scalar_one_or_none()
    return name
