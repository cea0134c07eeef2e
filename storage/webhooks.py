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

EVENTS: Final = (
    "message_received",
    "message_queued",
    "note_added",
    "message_changed",
    "delivery_changed",
    "conversation_changed",
    "assigned",
    "contact_created",
    "contact_changed",
    "contacts_merged",
    "lead_opened",
    "lead_changed",
    "task_changed",
)
"""The facts that can be asked for, by the names they have in /events."""

PING: Final = "ping"
MOST: Final = 50
"""Webhooks of an installation: each costs a row for every fact."""

GIVE_UP_AFTER: Final = timedelta(hours=24)
STOP_AFTER: Final = timedelta(days=3)
"""Without one success; an address nobody answers at is asked no longer."""
EARLIER_SECRET_LIVES: Final = timedelta(days=1)
KEPT: Final = timedelta(days=7)
"""What was sent to whom, for looking into: it has customers' words in it."""

CLAIM: Final = timedelta(seconds=60)
"""Longer than the longest attempt."""

_POSITION: Final = "webhooks_position"


class TooMany(Exception):
    """There are as many webhooks as there may be."""


class NoSuchWebhook(Exception):
    """There is no webhook, or no delivery, of that id."""


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


async def create_webhook(
    connection: AsyncConnection,
    *,
    url: str,
    events: Sequence[str],
    secret: str,
    sealer: Sealer,
    by: UUID | None,
    now: datetime,
) -> UUID:
    """Raises TooMany."""
    there = await connection.execute(text("select count(*) from webhook"))
    if there.scalar_one() >= MOST:
        raise TooMany(f"There are {MOST} webhooks already: delete one first.")
    id_ = new_id()
    await connection.execute(
        text("""
            insert into webhook (id, url, events, sealed, created_by, created_at)
            values (:id, :url, cast(:events as text[]), :sealed, :by, :now)
        """),
        {
            "id": id_,
            "url": url,
            "events": list(events),
            "sealed": sealer.seal_fields({"secret": secret}, context=id_.bytes),
            "by": by,
            "now": now,
        },
    )
    return id_


async def change_webhook(
    connection: AsyncConnection,
    webhook: UUID,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    state: str | None = None,
) -> None:
    """What is None stays. To be active again is a new beginning. Raises NoSuchWebhook."""
    changed = await connection.execute(
        text("""
            update webhook set
                url = coalesce(:url, url),
                events = coalesce(cast(:events as text[]), events),
                state = coalesce(:state, state),
                failing_since = case when :state = 'active' then null else failing_since end,
                stopped_because = case when :state = 'active' then '' else stopped_because end
            where id = :id returning id
        """),
        {
            "id": webhook,
            "url": url,
            "events": None if events is None else list(events),
            "state": state,
        },
    )
    if changed.scalar() is None:
        raise NoSuchWebhook(str(webhook))
    if state == "active":
        await connection.execute(
            text("""
                update webhook_delivery set next_attempt_at = created_at
                where webhook_id = :id and state = 'waiting' and attempts > 0
            """),
            {"id": webhook},
        )


async def rotate_secret(
    connection: AsyncConnection, webhook: UUID, *, secret: str, sealer: Sealer, now: datetime
) -> None:
    """The last one signs too, for a day. Raises NoSuchWebhook, CannotUnseal."""
    found = await connection.execute(
        text("select sealed from webhook where id = :id for update"), {"id": webhook}
    )
    row = found.one_or_none()
    if row is None:
        raise NoSuchWebhook(str(webhook))
    last = sealer.unseal_fields(row.sealed, context=webhook.bytes)["secret"]
    await connection.execute(
        text("update webhook set sealed = :sealed, earlier_secret_until = :until where id = :id"),
        {
            "id": webhook,
            "sealed": sealer.seal_fields(
                {"secret": secret, "earlier": last}, context=webhook.bytes
            ),
            "until": now + EARLIER_SECRET_LIVES,
        },
    )


async def delete_webhook(connection: AsyncConnection, webhook: UUID) -> None:
    """With what it has still to be told. Raises NoSuchWebhook."""
    gone = await connection.execute(
        text("delete from webhook where id = :id returning id"), {"id": webhook}
    )
    if gone.scalar() is None:
        raise NoSuchWebhook(str(webhook))


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


async def add_ping(connection: AsyncConnection, webhook: UUID, *, now: datetime) -> UUID:
    """A delivery about nothing, to see whether it arrives. Raises NoSuchWebhook."""
    id_ = new_id()
    made = await connection.execute(
        text("""
            insert into webhook_delivery (id, webhook_id, fact_id, event, fact, next_attempt_at, created_at)
            select :id, id, :id, :event, '', :now, :now from webhook where id = :webhook returning id
        """),
        {"id": id_, "webhook": webhook, "event": PING, "now": now},
    )
    if made.scalar() is None:
        raise NoSuchWebhook(str(webhook))
    return id_


async def send_again(connection: AsyncConnection, delivery: UUID, *, now: datetime) -> None:
    """The same once more, as if it were new. Raises NoSuchWebhook."""
    changed = await connection.execute(
        text("""
            update webhook_delivery set state = 'waiting', attempts = 0, next_attempt_at = :now, created_at = :now,
                claimed_until = null, settled_at = null
            where id = :id returning id
        """),
        {"id": delivery, "now": now},
    )
    if changed.scalar() is None:
        raise NoSuchWebhook(str(delivery))


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
