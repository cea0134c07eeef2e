"""Webhooks as they are set up: where other programs are told, of what, and with which secret.

How they are told is `storage.webhook_deliveries`.
"""

from collections.abc import Sequence
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

EARLIER_SECRET_LIVES: Final = timedelta(days=1)


class TooMany(Exception):
    """There are as many webhooks as there may be."""


class NoSuchWebhook(Exception):
    """There is no webhook, or no delivery, of that id."""


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
