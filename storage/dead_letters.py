"""The dead letters: what could not be processed, kept with its reason until a person replays it or drops it.

A letter is open until it is replayed or dropped; the same event failing again while its letter is open counts on that
letter. Closing is an `update … where open` whose rows are read back, so two people closing at once close it once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id

OPEN: Final = "replayed_at is null and dropped_at is null"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLetter:
    """What failed. `queue` is where a replay puts `body`."""

    stage: str
    queue: str
    body: bytes
    reason: str
    account_id: UUID | None = None
    channel: str = ""
    event_id: UUID | None = None
    traceback: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A letter as it is listed. `account` is the slug, "" when it has none any more."""

    id: UUID
    stage: str
    queue: str
    account: str
    channel: str
    event_id: UUID | None
    reason: str
    attempts: int
    first_seen: datetime
    last_seen: datetime
    replayed_at: datetime | None
    dropped_at: datetime | None
    closed_by: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Letters that failed alike; `first` is one of them."""

    stage: str
    reason: str
    count: int
    first: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLetter:
    """A letter with its contents."""

    letter: DeadLetter
    body: bytes
    traceback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returning:
    """A letter on its way back to its queue."""

    id: UUID
    queue: str
    body: bytes


_LETTER: Final = """
    letter.id, letter.stage, letter.queue, coalesce(account.slug, '') as account, letter.channel, letter.event_id,
    letter.reason, letter.attempts, letter.first_seen, letter.last_seen, letter.replayed_at, letter.dropped_at,
    letter.closed_by, length(letter.body) as size
    from dead_letter letter left join account on account.id = letter.account_id
"""


async def keep_letter(connection: AsyncConnection, new: NewLetter, *, now: datetime) -> UUID:
    """Adds it, or counts it on the open letter of the same event; returns the letter."""
    found = await connection.execute(
        text(
            """
            insert into dead_letter as letter
                (id, stage, queue, account_id, channel, event_id, body, reason, traceback, attempts,
                 first_seen, last_seen)
            values (:id, :stage, :queue, :account_id, :channel, :event_id, :body, :reason, :traceback, :attempts,
                    :now, :now)
            on conflict (stage, event_id)
                where event_id is not null and replayed_at is null and dropped_at is null
            do update set attempts = letter.attempts + excluded.attempts, last_seen = excluded.last_seen,
                reason = excluded.reason, traceback = excluded.traceback, body = excluded.body, queue = excluded.queue
            returning id
            """
        ),
        {
            "id": new_id(),
            "stage": new.stage,
            "queue": new.queue,
            "account_id": new.account_id,
            "channel": new.channel,
            "event_id": new.event_id,
            "body": new.body,
            "reason": new.reason,
            "traceback": new.traceback,
            "attempts": new.attempts,
            "now": now,
        },
    )
    kept: UUID = found.scalar_one()
    return kept


async def open_letters(
    connection: AsyncConnection,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
    alike: tuple[str, str] | None = None,
) -> tuple[DeadLetter, ...]:
    """The open ones, oldest first, behind the (first_seen, id) of `after`; `alike`: of this stage and reason."""
    place = "" if after is None else "and (letter.first_seen, letter.id) > (:at, :id)"
    if alike is not None:
        place += " and letter.stage = :stage and letter.reason = :reason"
    found = await connection.execute(
        text(
            f"""
            select {_LETTER}
            where letter.replayed_at is null and letter.dropped_at is null {place}
            order by letter.first_seen, letter.id limit :limit
            """  # constants of this module
        ),
        {"limit": limit}
        | ({} if after is None else {"at": after[0], "id": after[1]})
        | ({} if alike is None else {"stage": alike[0], "reason": alike[1]}),
    )
    return tuple(DeadLetter(**row) for row in found.mappings())


async def kinds_of_letters(connection: AsyncConnection, *, of: int = 1000) -> list[Kind]:
    """What the oldest `of` open ones died of, the most frequent first."""
    found = await connection.execute(
        text("""
            select stage, reason, count(*) as count, (array_agg(id order by first_seen))[1] as first from (
                select id, stage, reason, first_seen from dead_letter
                where replayed_at is null and dropped_at is null order by first_seen, id limit :of
            ) as open_one group by stage, reason order by count(*) desc, stage, reason
        """),
        {"of": of},
    )
    return [Kind(**row) for row in found.mappings()]


async def find_letter(connection: AsyncConnection, letter: UUID) -> OpenedLetter | None:
    found = await connection.execute(
        text(f"select letter.body, letter.traceback, {_LETTER} where letter.id = :id"),  # constants
        {"id": letter},
    )
    row = found.mappings().first()
    if row is None:
        return None
    rest = dict(row)
    return OpenedLetter(
        body=rest.pop("body"), traceback=rest.pop("traceback"), letter=DeadLetter(**rest)
    )


async def count_open_letters(connection: AsyncConnection) -> int:
    found = await connection.execute(text(f"select count(*) from dead_letter where {OPEN}"))  # noqa: S608  # a constant
    return int(found.scalar_one())


async def close_for_replay(
    connection: AsyncConnection, letters: Sequence[UUID], *, by: str, now: datetime
) -> tuple[Returning, ...]:
    """Marks those of `letters` that are open, and can go back, as replayed; the caller publishes before it commits."""
    found = await connection.execute(
        text(
            f"""
            update dead_letter set replayed_at = :now, closed_by = :by
            where id = any(cast(:ids as uuid[])) and queue <> '' and {OPEN}
            returning id, queue, body
            """  # noqa: S608  # a constant of this module
        ),
        {"ids": sorted(letters), "by": by, "now": now},
    )
    # In the order in which they failed, as ids are: an edit must not overtake its message again.
    return tuple(sorted((Returning(**row) for row in found.mappings()), key=lambda each: each.id))


async def drop_letters(
    connection: AsyncConnection, letters: Sequence[UUID], *, by: str, now: datetime
) -> tuple[UUID, ...]:
    """Closes those of `letters` that are open without processing them; returns which."""
    found = await connection.execute(
        text(
            f"""
            update dead_letter set dropped_at = :now, closed_by = :by
            where id = any(cast(:ids as uuid[])) and {OPEN}
            returning id
            """  # noqa: S608  # a constant of this module
        ),
        {"ids": sorted(letters), "by": by, "now": now},
    )
    return tuple(found.scalars())
