"""Browsers that are told also when no page of ours is open, and what is on its way to them.

A browser gives an address at its maker's push service and two keys; what is sent there is encrypted for the browser and
signed with the installation's own keys, made once (the private one sealed). With the secret that sealed them lost, new
ones are made, and browsers have to be asked again: a push service takes a subscription's messages from one signer only.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.sealing import CannotUnseal, Sealer

_CONTEXT: Final = b"push_keys"
MOST_BROWSERS: Final = 20
"""Of one person: a browser that forgot its subscription makes another, and the oldest go."""

_DUE: Final = text("""
    with due as (
        select id from push_delivery where next_attempt_at <= :now
        order by next_attempt_at limit :limit for update skip locked
    )
    update push_delivery d set next_attempt_at = :again, attempts = d.attempts + 1
    from due, push_subscription s
    where d.id = due.id and s.id = d.subscription_id
    returning d.id, d.attempts, d.created_at, d.notification_id, s.id as subscription_id, s.user_id, s.endpoint, s.p256dh, s.auth
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    id: UUID
    browser: str
    created_at: datetime
    told_at: datetime | None
    error: str
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """`notification_id` None: a trial."""

    id: UUID
    attempts: int
    created_at: datetime
    notification_id: UUID | None
    subscription_id: UUID
    user_id: UUID
    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushKeys:
    """`public` as browsers want it (base64url of the point), `private` in PEM."""

    public: str
    private: bytes


async def public_push_key(connection: AsyncConnection) -> str:
    """Empty until there is one."""
    found = await connection.execute(
        text("select value ->> 'public' from setting where name = 'push_keys'")
    )
    return found.scalar_one_or_none() or ""


async def kept_push_keys(
    connection: AsyncConnection, sealer: Sealer, *, made: PushKeys
) -> PushKeys:
    """The installation's; those `made`, when it has none that open. Two processes that ask at once get the same."""
    await connection.execute(
        text(
            "insert into setting (name, value) values ('push_keys', cast(cast(:value as text) as jsonb)) on conflict do nothing"
        ),
        {"value": _sealed(made, sealer)},
    )
    found = await connection.execute(
        text("select value from setting where name = 'push_keys' for update")
    )
    kept = found.scalar_one()
    try:
        private = sealer.unseal(base64.b64decode(kept["sealed"]), context=_CONTEXT)
    except CannotUnseal:
        await connection.execute(
            text(
                "update setting set value = cast(cast(:value as text) as jsonb) where name = 'push_keys'"
            ),
            {"value": _sealed(made, sealer)},
        )
        await connection.execute(text("delete from push_subscription"))
        return made
    return PushKeys(public=kept["public"], private=private)


def _sealed(keys: PushKeys, sealer: Sealer) -> str:
    box = sealer.seal(keys.private, context=_CONTEXT)
    kept = {"public": keys.public, "sealed": base64.b64encode(box).decode()}
    return msgspec.json.encode(kept).decode()


async def subscribe(
    connection: AsyncConnection,
    user: UUID,
    *,
    endpoint: str,
    p256dh: str,
    auth: str,
    browser: str,
    now: datetime,
) -> UUID:
    """A browser is of whoever subscribed it last: colleagues may share a machine."""
    made = await connection.execute(
        text(
            "insert into push_subscription (id, user_id, endpoint, p256dh, auth, browser, created_at)"
            " values (:id, :user, :endpoint, :p256dh, :auth, :browser, :now)"
            " on conflict (endpoint) do update set user_id = excluded.user_id, p256dh = excluded.p256dh,"
            "  auth = excluded.auth, browser = excluded.browser, error = '' returning id"
        ),
        {
            "id": new_id(),
            "user": user,
            "endpoint": endpoint,
            "p256dh": p256dh,
            "auth": auth,
            "browser": browser,
            "now": now,
        },
    )
    id_: UUID = made.scalar_one()
    await connection.execute(
        text(
            "delete from push_subscription where id in (select id from push_subscription where user_id = :user"
            " and id <> :id order by coalesce(told_at, created_at) desc, id desc offset :most)"
        ),
        {"user": user, "id": id_, "most": MOST_BROWSERS - 1},
    )
    return id_


async def unsubscribe(
    connection: AsyncConnection, user: UUID, *, id_: UUID | None = None, endpoint: str = ""
) -> None:
    await connection.execute(
        text(
            "delete from push_subscription where user_id = :user"
            " and (id = cast(:id as uuid) or endpoint = :endpoint)"
        ),
        {"user": user, "id": id_, "endpoint": endpoint},
    )


async def subscriptions_of(connection: AsyncConnection, user: UUID) -> Sequence[Subscription]:
    rows = await connection.execute(
        text(
            "select id, browser, created_at, told_at, error, endpoint from push_subscription"
            " where user_id = :user order by created_at, id"
        ),
        {"user": user},
    )
    return [Subscription(**_named(row)) for row in rows]


async def try_push(connection: AsyncConnection, user: UUID, *, now: datetime) -> int:
    """A trial to all browsers of the person; to how many."""
    made = await connection.execute(
        text(
            "insert into push_delivery (id, subscription_id, created_at, next_attempt_at)"
            " select gen_random_uuid(), s.id, :now, :now from push_subscription s where s.user_id = :user"
            # One that waits is enough.
            " and not exists (select from push_delivery d where d.subscription_id = s.id and d.notification_id is null)"
        ),
        {"user": user, "now": now},
    )
    return made.rowcount


async def due_pushes(
    connection: AsyncConnection, *, now: datetime, again: timedelta, limit: int
) -> Sequence[Due]:
    """Those whose moment has come; each comes again after `again`, unless it is settled by then."""
    rows = await connection.execute(_DUE, {"now": now, "again": now + again, "limit": limit})
    return [Due(**_named(row)) for row in rows]


async def settle_push(
    connection: AsyncConnection, push: Due, *, now: datetime, error: str = ""
) -> None:
    """It has arrived, or never will."""
    await connection.execute(text("delete from push_delivery where id = :id"), {"id": push.id})
    await connection.execute(
        text(
            "update push_subscription set error = :error,"
            " told_at = case when :error = '' then :now else told_at end where id = :id"
        ),
        {"id": push.subscription_id, "error": error, "now": now},
    )


async def put_off_push(
    connection: AsyncConnection, push: Due, *, until: datetime, error: str
) -> None:
    await connection.execute(
        text("update push_delivery set next_attempt_at = :until where id = :id"),
        {"id": push.id, "until": until},
    )
    await connection.execute(
        text("update push_subscription set error = :error where id = :id"),
        {"id": push.subscription_id, "error": error},
    )


async def forget_browser(connection: AsyncConnection, subscription: UUID) -> None:
    """The push service knows it no more."""
    await connection.execute(
        text("delete from push_subscription where id = :id"), {"id": subscription}
    )


def _named(row: Any) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001  # a Row's public mapping
