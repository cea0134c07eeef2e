"""Outgoing webhooks and their deliveries, as the settings and the API show them. A secret is in neither."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of

MOST_COUNTED: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow:
    """`state`: active, paused, or stopped (`stopped_because` failing, gone). `waiting` counts to MOST_COUNTED."""

    id: UUID
    url: str
    events: tuple[str, ...]
    state: str
    stopped_because: str
    failing_since: datetime | None
    earlier_secret_until: datetime | None
    created_by_name: str
    created_at: datetime
    waiting: int
    last_delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """An attempt at telling; `status` is the HTTP answer's, `response` its beginning."""

    id: UUID
    event: str
    state: str
    attempts: int
    status: int | None
    response: str
    error: str
    body: bytes | None
    created_at: datetime
    tried_at: datetime | None
    next_attempt_at: datetime


_ROWS: Final = """
    select w.id, w.url, w.events, w.state, w.stopped_because, w.failing_since, w.earlier_secret_until,
        coalesce(u.name, '') as created_by_name, w.created_at,
        (select count(*) from (select 1 from webhook_delivery d where d.webhook_id = w.id and d.state = 'waiting'
         limit 1000) as some_of_them) as waiting,
        (select max(tried_at) from (select state, tried_at from webhook_delivery d where d.webhook_id = w.id
         order by d.id desc limit 200) as lately where lately.state = 'delivered') as last_delivered_at
    from webhook w left join user_account u on u.id = w.created_by
"""


async def list_webhooks(connection: AsyncConnection) -> list[WebhookRow]:
    """All; there are few."""
    found = await connection.execute(text(f"{_ROWS} order by w.created_at, w.id"))
    return [_row(row) for row in found.mappings()]


async def webhook_by_id(connection: AsyncConnection, id_: UUID) -> WebhookRow | None:
    found = await connection.execute(text(f"{_ROWS} where w.id = :id"), {"id": id_})
    row = found.mappings().one_or_none()
    return None if row is None else _row(row)


async def list_deliveries(
    connection: AsyncConnection, webhook: UUID, *, cursor: str = "", limit: int = DEFAULT_LIMIT
) -> Page[DeliveryRow]:
    """The newest first. Raises BadCursor."""
    after = key_of(cursor, "webhook_deliveries", tuple[UUID])[0] if cursor else None
    found = await connection.execute(
        text(f"""
            select id, event, state, attempts, status, response, error, body, created_at, tried_at, next_attempt_at
            from webhook_delivery where webhook_id = :webhook {"and id < :after" if after else ""}
            order by id desc limit :limit
        """),  # noqa: S608  # a constant of ours
        {"webhook": webhook, "limit": limit + 1} | ({"after": after} if after else {}),
    )
    rows = [DeliveryRow(**row) for row in found.mappings()]
    return page_of(rows, limit=limit, name="webhook_deliveries", key=lambda row: (row.id,))


def _row(row: object) -> WebhookRow:
    values = dict(row)  # type: ignore[call-overload]  # a mapping of the driver's
    return WebhookRow(**(values | {"events": tuple(values["events"])}))
