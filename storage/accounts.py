"""Connected channels: kept, changed, and read whole by the processes that hold them in memory.

Of an account's fields the secret ones are sealed to the account (`storage.sealing`), the others are plain; which are which,
the caller says, who knows the channel. Every change calls out `allo_accounts` with the account's id when it commits;
`accounts_version` tells whoever missed it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import ChannelChanged
from router.ids import new_id
from storage.outbox import tell
from storage.sealing import CannotUnseal, Sealer
from storage.tables import account

log = structlog.get_logger()

CHANGED: Final = "allo_accounts"
"""The channel of NOTIFY."""

EVENT_NOTED_EVERY: Final = timedelta(seconds=10)
"""A row that every message updated would be a queue that all routers stand in."""

LONGEST_ERROR: Final = 1000

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

State = Literal["active", "paused", "broken", "removed"]

OPTIONS: Final = frozenset(
    {
        "team_id",
        "lead_policy",
        "region",
        "language",
        "silence_minutes",
        "silence_moves",
        "promise_minutes",
        "silent_hours",
        "callback_minutes",
    }
)
"""What every account has, whatever its kind."""


class SlugTaken(Exception):
    """Another account has this slug."""


class BadSlug(Exception):
    """It would not do in an address."""


class NoSuchAccount(Exception):
    """There is no account of that id, or it was removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account; `fields` are all of them, in the clear."""

    id: UUID
    kind: str
    slug: str
    fields: Mapping[str, str] = field(repr=False)
    unreadable: str
    """Why the secret fields are missing from `fields`, in a sentence; "" when they are not."""
    state: State
    team_id: UUID | None
    lead_policy: str
    region: str
    language: str
    silence_minutes: int | None
    silence_moves: int
    promise_minutes: int
    silent_hours: int | None
    silent_since: datetime | None
    callback_minutes: int
    last_event_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    created_at: datetime

    @property
    def condition(self) -> Literal["active", "silent", "paused", "broken", "removed"]:
        """The state, and of a working one whether it is strangely silent."""
        return "silent" if self.state == "active" and self.silent_since is not None else self.state


async def add_account(
    connection: AsyncConnection,
    *,
    kind: str,
    slug: str,
    fields: Mapping[str, str],
    secrets: frozenset[str],
    sealer: Sealer,
    now: datetime,
    **options: Any,
) -> UUID:
    """`secrets` are the names of the secret fields, `options` some of OPTIONS. Raises BadSlug, SlugTaken."""
    _check(options)
    if not _SLUG.fullmatch(slug):
        raise BadSlug(
            f"{slug!r} cannot be an account's name: it is a part of addresses, so use up to 63 small Latin letters, digits, "
            "hyphens and underscores, and begin with a letter or a digit."
        )
    id_ = new_id()
    added = await connection.execute(
        text("""
            insert into account (id, kind, slug, sealed, created_at) values (:id, :kind, :slug, '', :now)
            on conflict (slug) do nothing returning id
        """),
        {"id": id_, "kind": kind, "slug": slug, "now": now},
    )
    if added.scalar() is None:
        raise SlugTaken(
            f"There is an account {slug} already: choose another name, or remove that one first."
        )
    await _write(connection, id_, _split(fields, secrets, sealer, id_) | options)
    return id_


async def change_account(
    connection: AsyncConnection,
    account_id: UUID,
    *,
    fields: Mapping[str, str],
    secrets: frozenset[str],
    sealer: Sealer,
    **options: Any,
) -> None:
    """Fields that are not named keep their value, those named "" are unset. Raises NoSuchAccount, CannotUnseal."""
    _check(options)
    row = (
        await connection.execute(
            select(account.c.sealed, account.c.settings)
            .where(account.c.id == account_id, account.c.state != "removed")
            .with_for_update()
        )
    ).one_or_none()
    if row is None:
        raise NoSuchAccount(str(account_id))
    kept: dict[str, str] = dict(row.settings)
    touched = secrets & fields.keys()
    # Somebody who lost the key can still enter all the credentials anew.
    if not secrets or touched < secrets:
        kept |= sealer.unseal_fields(row.sealed, context=account_id.bytes)
    kept = {name: value for name, value in (kept | dict(fields)).items() if value}
    await _write(connection, account_id, _split(kept, secrets, sealer, account_id) | options)


async def set_account_state(
    connection: AsyncConnection, account_id: UUID, state: Literal["active", "paused"]
) -> None:
    """What a person decides; the error of before is forgotten, and silence counts from now. Raises NoSuchAccount."""
    await _write(
        connection,
        account_id,
        {
            "state": state,
            "last_error": None,
            "last_error_at": None,
            "silent_since": None,
            "active_since": func.now(),
        },
    )


async def remove_account(connection: AsyncConnection, account_id: UUID) -> None:
    """Its conversations stay, so the row does; its credentials go, and its slug is free. Raises NoSuchAccount."""
    slug = (
        await connection.execute(select(account.c.slug).where(account.c.id == account_id))
    ).scalar()
    # A tilde is in no slug that can be given, so this one collides with none.
    await _write(
        connection,
        account_id,
        {
            "state": "removed",
            "slug": f"{slug}~{account_id.hex[-12:]}",
            "sealed": b"",
            "settings": {},
            "team_id": None,
        },
    )
    await connection.execute(text("delete from cursor where account_id = :id"), {"id": account_id})


async def note_events(connection: AsyncConnection, seen: Mapping[UUID, datetime]) -> None:
    """When each account last heard from its platform."""
    await connection.execute(
        text("""
            update account set last_event_at = s.at
            from (
                select a.id, k.at from account a
                join unnest(cast(:ids as uuid[]), cast(:ats as timestamptz[])) as k(id, at) on k.id = a.id
                where a.last_event_at is null or a.last_event_at < k.at - cast(:every as interval)
                order by a.id for no key update of a skip locked
            ) s
            where account.id = s.id
        """),
        {"ids": list(seen), "ats": list(seen.values()), "every": EVENT_NOTED_EVERY},
    )


async def note_error(
    connection: AsyncConnection, account_id: UUID, error: str, *, broken: bool, now: datetime
) -> None:
    """`broken`: nothing will work until a person does something. A removed account has no errors."""
    changed = await connection.execute(
        text("""
            update account a set last_error = :error, last_error_at = :now,
                                 state = case when :broken and a.state = 'active' then 'broken' else a.state end
            from (select id, state from account where id = :id for no key update) before
            where a.id = before.id and a.state <> 'removed'
            returning a.state = 'broken' and :broken as broke, before.state as was
        """),
        {"id": account_id, "error": error[:LONGEST_ERROR], "now": now, "broken": broken},
    )
    row = changed.one_or_none()
    if row is not None and row.broke:
        await _tell(connection, account_id)
        if row.was == "active":
            await tell(
                connection,
                [ChannelChanged(id=new_id(), at=now, account=account_id, what="broken")],
            )


async def note_recovery(connection: AsyncConnection, account_id: UUID) -> None:
    """It works: a broken account is active again."""
    changed = await connection.execute(
        text("""
            update account set active_since = case state when 'broken' then now() else active_since end,
                               state = case state when 'broken' then 'active' else state end,
                               last_error = null, last_error_at = null
            where id = :id and (state = 'broken' or last_error is not null) and state <> 'removed' returning id
        """),
        {"id": account_id},
    )
    if changed.scalar() is not None:
        await _tell(connection, account_id)


async def load_accounts(connection: AsyncConnection, sealer: Sealer) -> list[AccountRow]:
    """All that are not removed, by slug. One whose credentials do not open is there without them, and says why."""
    rows = await connection.execute(
        select(account).where(account.c.state != "removed").order_by(account.c.slug)
    )
    return [_row(row, sealer) for row in rows]


async def account_by_slug(
    connection: AsyncConnection, slug: str, sealer: Sealer
) -> AccountRow | None:
    row = (await connection.execute(select(account).where(account.c.slug == slug))).one_or_none()
    return None if row is None or row.state == "removed" else _row(row, sealer)


async def accounts_version(connection: AsyncConnection) -> str:
    """Differs whenever `load_accounts` would, but for last events and errors, which change all the time."""
    found = await connection.execute(
        text("""
            select coalesce(md5(string_agg(md5(cast(row(
                id, kind, slug, sealed, settings, state, team_id, lead_policy, region, language,
                silence_minutes, silence_moves, promise_minutes, silent_hours, silent_since
            ) as text)), '' order by id)), '') from account where state <> 'removed'
        """)
    )
    return str(found.scalar_one())


async def reseal_accounts(connection: AsyncConnection, sealer: Sealer) -> int:
    """Seals with the newest secret whatever an earlier one sealed; returns how many. Raises CannotUnseal."""
    rows = await connection.execute(
        select(account.c.id, account.c.sealed).order_by(account.c.id).with_for_update()
    )
    count = 0
    for row in rows:
        if row.sealed and not sealer.is_current(row.sealed):
            fields = sealer.unseal_fields(row.sealed, context=row.id.bytes)
            sealed = sealer.seal_fields(fields, context=row.id.bytes)
            await connection.execute(
                update(account).where(account.c.id == row.id).values(sealed=sealed)
            )
            count += 1
    return count


def _row(row: Any, sealer: Sealer) -> AccountRow:
    values = {name: getattr(row, name) for name in _COLUMNS}
    fields, unreadable = dict(row.settings), ""
    try:
        fields |= sealer.unseal_fields(row.sealed, context=row.id.bytes)
    except CannotUnseal as error:
        unreadable = str(error)
        log.warning("credentials_not_unsealed", account=row.slug, why=type(error).__name__)
    return AccountRow(fields=fields, unreadable=unreadable, **values)


_COLUMNS: Final = tuple(
    name for name in AccountRow.__dataclass_fields__ if name not in {"fields", "unreadable"}
)


def _split(
    fields: Mapping[str, str], secrets: frozenset[str], sealer: Sealer, account_id: UUID
) -> dict[str, Any]:
    hidden = {name: value for name, value in fields.items() if name in secrets and value}
    plain = {name: value for name, value in fields.items() if name not in secrets and value}
    return {
        "sealed": sealer.seal_fields(hidden, context=account_id.bytes),
        "settings": plain,
    }


async def _write(connection: AsyncConnection, account_id: UUID, values: Mapping[str, Any]) -> None:
    changed = await connection.execute(
        update(account)
        .where(account.c.id == account_id, account.c.state != "removed")
        .values(**values)
        .returning(account.c.id)
    )
    if changed.scalar() is None:
        raise NoSuchAccount(str(account_id))
    await _tell(connection, account_id)


async def _tell(connection: AsyncConnection, account_id: UUID) -> None:
    await connection.execute(
        text("select pg_notify(:channel, :id)"), {"channel": CHANGED, "id": str(account_id)}
    )


def _check(options: Mapping[str, Any]) -> None:
    unknown: Sequence[str] = sorted(options.keys() - OPTIONS)
    if unknown:
        raise TypeError(f"an account has no {', '.join(unknown)}")
