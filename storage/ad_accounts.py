"""Advertising accounts: what they are called, what their links are marked with, and the credentials they are asked with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.sealing import Sealer
from storage.tables import ad_account

PLATFORMS: Final = ("yandex-direct", "vk-ads", "google-ads", "meta-ads", "other")
CAMPAIGN_BY: Final = ("name", "id")
LONGEST_NAME: Final = 100
MOST: Final = 200
"""Accounts of an installation."""
PATIENCE: Final = timedelta(days=2)
"""What is out of order for longer is not over by itself."""


class AdAccountNameTaken(Exception):
    """Another advertising account has this name."""


class NoSuchAdAccount(Exception):
    """There is no advertising account of that id or name."""


class TooManyAdAccounts(Exception):
    """There are as many as there may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdAccount:
    """`pulls`: there are credentials, so that it can be asked. `error`: why it could not be, the last time."""

    id: UUID
    name: str
    platform: str
    external_id: str
    currency: str
    time_zone: str
    vat_included: bool
    vat_rate: Decimal
    source: str
    medium: str
    campaign_by: str
    pulls: bool
    pull_state: Mapping[str, Any] = field(repr=False)
    next_pull_at: datetime | None
    pulled_at: datetime | None
    error: str
    created_at: datetime
    archived_at: datetime | None

    @property
    def condition(self) -> str:
        """A word for how its figures come: files, working, waiting, paused or broken."""
        if not self.pulls:
            return "files"
        if self.next_pull_at is None:
            return "broken" if self.error else "paused"
        if self.error:
            return "failing"
        return "working" if self.pulled_at else "waiting"

    @property
    def failing_since(self) -> datetime:
        said = self.pull_state.get("failing_since")
        return datetime.fromisoformat(said) if said else self.created_at

    def needs_somebody(self, now: datetime) -> bool:
        """It does not let us in, or has told nothing for days."""
        match self.condition:
            case "broken":
                return True
            case "failing":
                return now - self.failing_since >= PATIENCE
            case _:
                return False


CHANGEABLE: Final = frozenset(
    {
        *("name", "platform", "external_id", "currency", "time_zone", "vat_included", "vat_rate"),
        *("source", "medium", "campaign_by"),
    }
)


async def add_ad_account(
    connection: AsyncConnection,
    *,
    name: str,
    platform: str,
    source: str,
    medium: str,
    currency: str,
    now: datetime,
    **more: Any,
) -> UUID:
    """`more` are others of CHANGEABLE. Raises AdAccountNameTaken, TooManyAdAccounts."""
    _check(more)
    there = await connection.execute(text("select count(*) from ad_account"))
    if there.scalar_one() >= MOST:
        raise TooManyAdAccounts(f"There are {MOST} advertising accounts already.")
    if await _named(connection, name) is not None:
        raise AdAccountNameTaken(f"There is an advertising account {name} already.")
    id_ = new_id()
    await connection.execute(
        insert(ad_account).values(
            id=id_,
            name=name,
            platform=platform,
            source=source,
            medium=medium,
            currency=currency,
            created_at=now,
            **more,
        )
    )
    return id_


async def change_ad_account(connection: AsyncConnection, id_: UUID, **changes: Any) -> None:
    """Some of CHANGEABLE. What is counted is `storage.spend_reckoning`'s. Raises NoSuchAdAccount, AdAccountNameTaken."""
    _check(changes)
    if "name" in changes:
        other = await _named(connection, changes["name"])
        if other not in {None, id_}:
            raise AdAccountNameTaken(f"There is an advertising account {changes['name']} already.")
    await _change(connection, id_, changes)


async def archive_ad_account(connection: AsyncConnection, id_: UUID, *, now: datetime) -> None:
    """What it has cost stays; it is asked no more, and its credentials go. Raises NoSuchAdAccount."""
    await _change(
        connection,
        id_,
        {"archived_at": now, "sealed": None, "next_pull_at": None, "pull_state": {}, "error": ""},
    )


async def restore_ad_account(connection: AsyncConnection, id_: UUID) -> None:
    """Raises NoSuchAdAccount."""
    await _change(connection, id_, {"archived_at": None})


async def set_credentials(
    connection: AsyncConnection,
    id_: UUID,
    fields: Mapping[str, str],
    *,
    sealer: Sealer,
    now: datetime,
) -> None:
    """With some it is asked from now on, anew; with none no more. Raises NoSuchAdAccount."""
    await _change(
        connection,
        id_,
        {
            "sealed": sealer.seal_fields(fields, context=id_.bytes) if fields else None,
            "next_pull_at": now if fields else None,
            "pull_state": {},
            "error": "",
        },
    )


async def set_pulling(connection: AsyncConnection, id_: UUID, *, on: bool, now: datetime) -> None:
    """Raises NoSuchAdAccount."""
    await _change(connection, id_, {"next_pull_at": now if on else None, "error": ""})


async def credentials_of(
    connection: AsyncConnection, id_: UUID, *, sealer: Sealer
) -> dict[str, str]:
    """Raises NoSuchAdAccount, CannotUnseal."""
    found = await connection.execute(select(ad_account.c.sealed).where(ad_account.c.id == id_))
    row = found.one_or_none()
    if row is None:
        raise NoSuchAdAccount(str(id_))
    return sealer.unseal_fields(row.sealed or b"", context=id_.bytes)


async def ad_account_by_id(
    connection: AsyncConnection, id_: UUID, *, locked: bool = False
) -> AdAccount:
    """`locked`: nobody else changes it, or imports into it, before the transaction ends. Raises NoSuchAdAccount."""
    asked = select(ad_account).where(ad_account.c.id == id_)
    row = (await connection.execute(asked.with_for_update() if locked else asked)).one_or_none()
    if row is None:
        raise NoSuchAdAccount("There is no such advertising account.")
    return account_of(row)


async def ad_account_named(connection: AsyncConnection, name: str) -> AdAccount | None:
    """By its name, in whatever case."""
    id_ = await _named(connection, name)
    return None if id_ is None else await ad_account_by_id(connection, id_)


async def all_ad_accounts(connection: AsyncConnection) -> Sequence[AdAccount]:
    """Also the archived ones, behind the others."""
    rows = await connection.execute(
        select(ad_account).order_by(ad_account.c.archived_at.is_not(None), ad_account.c.name)
    )
    return [account_of(row) for row in rows]


async def ailing_ad_accounts(connection: AsyncConnection, *, now: datetime) -> Sequence[AdAccount]:
    """Those that somebody has to look after."""
    return [each for each in await all_ad_accounts(connection) if each.needs_somebody(now)]


def account_of(row: Any) -> AdAccount:
    """Of a row of the table."""
    return AdAccount(
        id=row.id,
        name=row.name,
        platform=row.platform,
        external_id=row.external_id,
        currency=row.currency,
        time_zone=row.time_zone,
        vat_included=row.vat_included,
        vat_rate=row.vat_rate,
        source=row.source,
        medium=row.medium,
        campaign_by=row.campaign_by,
        pulls=row.sealed is not None,
        pull_state=row.pull_state,
        next_pull_at=row.next_pull_at,
        pulled_at=row.pulled_at,
        error=row.error,
        created_at=row.created_at,
        archived_at=row.archived_at,
    )


async def _named(connection: AsyncConnection, name: str) -> UUID | None:
    found = await connection.execute(
        text("select id from ad_account where lower(name) = lower(:name) order by created_at"),
        {"name": name},
    )
    id_: UUID | None = found.scalars().first()
    return id_


async def _change(connection: AsyncConnection, id_: UUID, values: Mapping[str, Any]) -> None:
    changed = await connection.execute(
        update(ad_account).where(ad_account.c.id == id_).values(**values).returning(ad_account.c.id)
    )
    if changed.scalar() is None:
        raise NoSuchAdAccount("There is no such advertising account.")


def _check(given: Mapping[str, Any]) -> None:
    if unknown := given.keys() - CHANGEABLE:
        raise TypeError(f"no such columns: {sorted(unknown)}")
