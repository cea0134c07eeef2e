"""What other programs are told of what happens here: kept until it has been told.

    outbox, by position ──collect──▶ webhook_delivery ──claim──▶ POST ──settle──▶ delivered | later | failed

Collecting moves a position and writes the deliveries in one transaction, and a fact is one delivery of each webhook: dying
anywhere repeats nothing and loses nothing. A claim is a promise for a minute; whoever dies with one leaves it to the
next, so that a delivery may arrive twice and never not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.sealing import Sealer

GIVE_UP_AFTER: Final = timedelta(hours=24)
STOP_AFTER: Final = timedelta(days=3)
"""Without one success; an address nobody answers at is asked no longer."""
KEPT: Final = timedelta(days=7)
"""What was sent to whom, for looking into: it has customers' words in it."""
CLAIM: Final = timedelta(seconds=60)
"""Longer than the longest attempt."""
_POSITION: Final = "webhooks_position"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery to be tried now. `attempts` counts this one; `body` None: it was never sent before."""

    id: UUID
    event: str
    fact: bytes
    body: bytes | None
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`secrets`: the newest first."""

    id: UUID
    url: str
    secrets: tuple[str, ...]


async def collect(connection: AsyncConnection, *, now: datetime, limit: int = 500) -> int:
    """Writes down whom to tell of the next facts; how many facts were looked at."""
    await connection.execute(
        text("""
            insert into setting (name, value)
            select :name, to_jsonb(coalesce((select max(position) from outbox), 0))
            on conflict (name) do nothing
        """),
        {"name": _POSITION},
    )
    found = await connection.execute(
        text(
            "select cast(value #>> '{}' as bigint) as position from setting where name = :name for update"
        ),
        {"name": _POSITION},
    )
    after = found.scalar_one()
    seen = await connection.execute(
        text("""
            select count(*) as looked, max(position) as until from (
                select position from outbox where position > :after order by position limit :limit
            ) as next
        """),
        {"after": after, "limit": limit},
    )
    row = seen.one()
    if not row.looked:
        return 0
    pairs = await connection.execute(
        text("""
            select w.id as webhook, o.id as fact, o.kind, o.body
            from outbox o join webhook w
              on w.state in ('active', 'paused') and o.kind = any(w.events) and o.at >= w.created_at
            where o.position > :after and o.position <= :until order by o.position
        """),
        {"after": after, "until": row.until},
    )
    new = pairs.all()
    if new:
        await connection.execute(
            text("""
                insert into webhook_delivery (id, webhook_id, fact_id, event, fact, next_attempt_at, created_at)
                select id, webhook_id, fact_id, event, fact, :now, :now from unnest(
                    cast(:ids as uuid[]), cast(:webhooks as uuid[]), cast(:facts as uuid[]),
                    cast(:events as text[]), cast(:bodies as bytea[])
                ) as t (id, webhook_id, fact_id, event, fact)
                on conflict (webhook_id, fact_id) do nothing
            """),
            {
                "ids": [new_id() for _ in new],
                "webhooks": [each.webhook for each in new],
                "facts": [each.fact for each in new],
                "events": [each.kind for each in new],
                "bodies": [bytes(each.body) for each in new],
                "now": now,
            },
        )
    await connection.execute(
        text("update setting set value = to_jsonb(cast(:until as bigint)) where name = :name"),
        {"until": row.until, "name": _POSITION},
    )
    return int(row.looked)


async def targets_due(
    connection: AsyncConnection, *, sealer: Sealer, now: datetime
) -> list[Target]:
    """Webhooks that have something to be told now. Raises CannotUnseal."""
    found = await connection.execute(
        text("""
            select id, url, sealed, earlier_secret_until from webhook w
            where state = 'active' and exists (
                select 1 from webhook_delivery d
                where d.webhook_id = w.id and d.state = 'waiting' and d.next_attempt_at <= :now
                  and (d.claimed_until is null or d.claimed_until < :now)
            )
        """),
        {"now": now},
    )
    return [
        Target(
            id=row.id,
            url=row.url,
            secrets=_secrets(
                sealer.unseal_fields(row.sealed, context=row.id.bytes),
                two=row.earlier_secret_until is not None and row.earlier_secret_until > now,
            ),
        )
        for row in found
    ]


def _secrets(fields: dict[str, str], *, two: bool) -> tuple[str, ...]:
    names = ("secret", "earlier") if two else ("secret",)
    return tuple(fields[name] for name in names if name in fields)


async def claim(
    connection: AsyncConnection, webhook: UUID, *, now: datetime, limit: int
) -> list[Claimed]:
    found = await connection.execute(
        text("""
            update webhook_delivery d set claimed_until = :until, attempts = d.attempts + 1, tried_at = :now
            from (
                select id from webhook_delivery
                where webhook_id = :webhook and state = 'waiting' and next_attempt_at <= :now
                  and (claimed_until is null or claimed_until < :now)
                order by next_attempt_at, id limit :limit for update skip locked
            ) as next
            where d.id = next.id
            returning d.id, d.event, d.fact, d.body, d.attempts, d.created_at
        """),
        {"webhook": webhook, "now": now, "until": now + CLAIM, "limit": limit},
    )
    return sorted((Claimed(**row) for row in found.mappings()), key=lambda each: each.id)


async def keep_body(connection: AsyncConnection, delivery: UUID, body: bytes) -> None:
    """As it is sent now, it is sent again."""
    await connection.execute(
        text("update webhook_delivery set body = :body where id = :id"),
        {"id": delivery, "body": body},
    )


async def settle(
    connection: AsyncConnection,
    claimed: Claimed,
    *,
    now: datetime,
    status: int | None,
    response: str,
    error: str,
    again_at: datetime | None,
) -> None:
    """`error` "": it was taken. `again_at` None with an error: not tried any more."""
    settled = "delivered" if not error else "failed" if again_at is None else "waiting"
    done = await connection.execute(
        text("""
            update webhook_delivery set
                state = :settled, claimed_until = null, status = :status, response = :response, error = :error,
                next_attempt_at = coalesce(:again_at, next_attempt_at),
                settled_at = case when :settled = 'waiting' then null else cast(:now as timestamptz) end
            where id = :id and attempts = :attempts and state = 'waiting' returning webhook_id
        """),
        {
            "id": claimed.id,
            "attempts": claimed.attempts,
            "settled": settled,
            "status": status,
            "response": response,
            "error": error,
            "again_at": again_at,
            "now": now,
        },
    )
    webhook = done.scalar()
    if webhook is None:
        return  # somebody took it over, or it was deleted
    await connection.execute(
        text("""
            update webhook set failing_since = case when :well then null else coalesce(failing_since, :now) end
            where id = :id and (failing_since is null) <> :well
        """),
        {"id": webhook, "well": not error, "now": now},
    )


async def stop_failing(
    connection: AsyncConnection, *, now: datetime, gone: Sequence[UUID] = ()
) -> list[UUID]:
    """Those that have not taken anything for days, and those whose address says that it is no more; which."""
    stopped = await connection.execute(
        text("""
            update webhook set state = 'stopped',
                stopped_because = case when id = any(cast(:gone as uuid[])) then 'gone' else 'failing' end
            where state = 'active' and (failing_since < :before or id = any(cast(:gone as uuid[])))
            returning id
        """),
        {"before": now - STOP_AFTER, "gone": list(gone)},
    )
    return list(stopped.scalars())


async def prune(connection: AsyncConnection, *, now: datetime, limit: int = 5000) -> int:
    """Forgets deliveries settled long ago; how many."""
    done = await connection.execute(
        text("""
            delete from webhook_delivery where id in (
                select id from webhook_delivery where settled_at < :before order by settled_at limit :limit
            )
        """),
        {"before": now - KEPT, "limit": limit},
    )
    return done.rowcount
