"""Who asks which advertising account, and how far a round of asking has come.

`ad_account.pull_state` is the round: the days still to be asked for, and the request that is under way. What is learnt is
written in one transaction with the step forward, so that dying anywhere repeats a question and never an answer. A claim
makes it one process's at a time; what is settled under a claim that is no longer one's own is not settled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.ad_accounts import AdAccount, account_of
from storage.sealing import Sealer

CLAIM: Final = timedelta(minutes=10)
"""Longer than a step may take."""

_JSON: Final = JSONB()


class LostClaim(Exception):
    """Somebody else asks this account now, or it is another account since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedPull:
    """`sealed` opens to the account's credentials."""

    account: AdAccount
    claim: UUID
    sealed: bytes = field(repr=False)


async def claim_pull(connection: AsyncConnection, *, now: datetime) -> ClaimedPull | None:
    """The account that has been due for longest, or None."""
    claim = new_id()
    found = await connection.execute(
        text("""
            update ad_account set pull_state = pull_state
                || jsonb_build_object('claim', cast(:claim as text), 'claimed_until', cast(:until as timestamptz))
            where id = (
                select id from ad_account
                where next_pull_at <= :now and archived_at is null and sealed is not null
                  and coalesce(cast(pull_state ->> 'claimed_until' as timestamptz), '-infinity') <= :now
                order by next_pull_at, id limit 1
                for update skip locked
            )
            returning *
        """).columns(pull_state=_JSON),
        {"claim": str(claim), "until": now + CLAIM, "now": now},
    )
    row = found.one_or_none()
    if row is None:
        return None
    return ClaimedPull(account=account_of(row), claim=claim, sealed=bytes(row.sealed))


async def settle_pull(
    connection: AsyncConnection,
    claimed: ClaimedPull,
    *,
    state: Mapping[str, Any],
    next_at: datetime | None,
    error: str,
    pulled_at: datetime | None = None,
) -> None:
    """Ends the claim. `next_at` None: not until a person says so; who paused it meanwhile is not overruled.

    Raises LostClaim.
    """
    done = await connection.execute(
        text("""
            update ad_account set
                pull_state = :state,
                next_pull_at = case when next_pull_at is null then null else cast(:next_at as timestamptz) end,
                error = :error,
                pulled_at = coalesce(:pulled_at, pulled_at)
            where id = :id and pull_state ->> 'claim' = :claim
            returning id
        """).bindparams(bindparam("state", type_=_JSON)),
        {
            "id": claimed.account.id,
            "claim": str(claimed.claim),
            "state": dict(state),
            "next_at": next_at,
            "error": error,
            "pulled_at": pulled_at,
        },
    )
    if done.scalar() is None:
        raise LostClaim(claimed.account.name)


async def keep_credentials(
    connection: AsyncConnection,
    claimed: ClaimedPull,
    fields: Mapping[str, str],
    *,
    sealer: Sealer,
) -> None:
    """With what the platform gave for them (a token that lives on). Raises LostClaim."""
    done = await connection.execute(
        text("""
            update ad_account set sealed = :sealed where id = :id and pull_state ->> 'claim' = :claim returning id
        """),
        {
            "id": claimed.account.id,
            "claim": str(claimed.claim),
            "sealed": sealer.seal_fields(fields, context=claimed.account.id.bytes),
        },
    )
    if done.scalar() is None:
        raise LostClaim(claimed.account.name)
