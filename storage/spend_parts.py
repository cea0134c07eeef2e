"""Spend as rows of the table will hold it: a figure for a day, an object and a currency, and where it meets the leads."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

from babel.numbers import get_currency_precision
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.spending import MOST, MOST_ROWS, Spending, SpendRow, folded, object_of, spread
from storage.ad_accounts import AdAccount
from storage.origins import Triple

_UNDER_WAY: Final = text("set local idle_in_transaction_session_timeout = '10min'")


class CannotWrite(Exception):
    """Nothing was written; the text is the sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What the table holds of a row, but for what the database makes of it. `row` is of one day."""

    row: SpendRow
    object_id: str
    currency: str
    origin: Triple
    amount: Decimal
    clicks: int | None
    impressions: int | None


class Marked(Protocol):
    """A row of a file, or one of the table: what it says of itself, "" where that is the account's."""

    @property
    def source(self) -> str: ...
    @property
    def medium(self) -> str: ...
    @property
    def campaign(self) -> str: ...
    @property
    def campaign_id(self) -> str: ...


def origin_of(account: AdAccount, row: Marked) -> Triple:
    """By what the cost meets the leads: as the links of the account are marked."""
    by_name = account.campaign_by == "name"
    campaign = row.campaign or row.campaign_id if by_name else row.campaign_id or row.campaign
    return (
        folded(row.source or account.source),
        folded(row.medium or account.medium),
        folded(campaign),
    )


def days_of(said: Spending) -> tuple[date, date]:
    """Those that it speaks for. Raises CannotWrite when there is nothing to write."""
    if said.covered is None:
        why = next((each.reason for each in said.problems if each.refused), "")
        raise CannotWrite(why or "There is nothing in it that could be written.")
    return said.covered


async def parts_of(
    connection: AsyncConnection, rows: Iterable[SpendRow], account: AdAccount
) -> Sequence[Part]:
    """By day, the parts of one figure added up. Raises CannotWrite."""
    # A large file takes seconds, and on a busy machine a minute: whoever else is served here must not wait for it, and the
    # server must not take the transaction that waits for it as forgotten.
    await connection.execute(_UNDER_WAY)
    return await asyncio.to_thread(_parts, rows, account)


def _parts(rows: Iterable[SpendRow], account: AdAccount) -> Sequence[Part]:
    found: dict[tuple[str, str, date, str], Part] = {}
    for row in rows:
        object_id, currency = object_of(row), row.currency or account.currency
        origin = origin_of(account, row)
        for each in spread(row, decimals=get_currency_precision(currency)):
            key = (each.level, object_id, each.first_day, currency)
            before = found.get(key)
            if before is None:
                found[key] = Part(
                    row=each,
                    object_id=object_id,
                    currency=currency,
                    origin=origin,
                    amount=each.amount,
                    clicks=each.clicks,
                    impressions=each.impressions,
                )
                continue
            found[key] = replace(
                before,
                amount=before.amount + each.amount,
                clicks=_sum(before.clicks, each.clicks),
                impressions=_sum(before.impressions, each.impressions),
            )
        if len(found) > MOST_ROWS:
            raise CannotWrite(f"The file has more than {MOST_ROWS} lines: split it into several.")
    if any(abs(part.amount) >= MOST for part in found.values()):
        raise CannotWrite("No advertising costs that much.")
    return list(found.values())


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def totals_of(parts: Iterable[Part]) -> dict[str, Decimal]:
    """By currency."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        totals[part.currency] += part.amount
    return dict(sorted(totals.items()))
