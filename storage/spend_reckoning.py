"""Spend as reports count it: in the company's currency, with or without VAT as the company wants it.

`spend.amount` stays as it was said; `counted` is made of it here, and made again whenever something it rests on changes: a
rate, an account's VAT, the company's wish or its currency. It is null as long as there is no rate for the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ad_accounts import all_ad_accounts
from storage.company import company_currency, put, setting
from storage.exchange import exchanged, own_currency

VAT: Final = "spend_vat"
"""The setting: "with" or "without"."""

RATE_STEP: Final = Decimal("0.00000001")

_WITH_VAT: Final = "(1 + a.vat_rate / 100)"
_HAS_VAT: Final = "coalesce(n.vat_included, a.vat_included)"
COUNTED: Final = f"""
    round(
        {exchanged("n.amount", "n.currency", "n.day")}
        * case when cast(:with_vat as boolean) and not {_HAS_VAT} then {_WITH_VAT} else 1 end
        / case when not cast(:with_vat as boolean) and {_HAS_VAT} then {_WITH_VAT} else 1 end
    )::bigint
"""
"""Of a row `n` with amount, currency, day and vat_included, and its account `a`; parameters are those of `Reckoning`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """What reports count in."""

    currency: str
    with_vat: bool

    @property
    def parameters(self) -> dict[str, Any]:
        return {**own_currency(self.currency), "with_vat": self.with_vat}


async def reckoning(connection: AsyncConnection) -> Reckoning:
    return Reckoning(
        currency=await company_currency(connection),
        with_vat=await setting(connection, VAT) != "without",
    )


async def set_vat(connection: AsyncConnection, *, with_vat: bool) -> None:
    await put(connection, VAT, "with" if with_vat else "without")
    await recount(connection)


async def currency_changed(connection: AsyncConnection) -> None:
    """Rates were of the last currency of the company: they go, and everything is counted anew."""
    await connection.execute(text("delete from currency_rate"))
    await recount(connection)


async def set_rate(
    connection: AsyncConnection, *, currency: str, day: date, rate: Decimal, how: str = "hand"
) -> None:
    """From that day on until the next rate."""
    await set_rates(connection, [(currency, day, rate)], how=how)


async def set_rates(
    connection: AsyncConnection, rates: Sequence[tuple[str, date, Decimal]], *, how: str
) -> None:
    """(currency, day, rate): of two for the same day the last."""
    known = {(currency, day): rate for currency, day, rate in rates}
    await connection.execute(
        text("""
            insert into currency_rate (currency, day, rate, how)
            select currency, day, rate, :how
            from unnest(cast(:currencies as text[]), cast(:days as date[]), cast(:rates as numeric[]))
                as given (currency, day, rate)
            on conflict (currency, day) do update set rate = excluded.rate, how = excluded.how
        """),
        {
            "currencies": [currency for currency, _ in known],
            "days": [day for _, day in known],
            "rates": list(known.values()),
            "how": how,
        },
    )
    for currency in sorted({currency for currency, _ in known}):
        since = min(day for code, day in known if code == currency)
        await recount(connection, currency=currency, since=since)


async def drop_rate(connection: AsyncConnection, *, currency: str, day: date) -> bool:
    """False when there was none."""
    gone = await connection.execute(
        text("delete from currency_rate where currency = :currency and day = :day returning day"),
        {"currency": currency, "day": day},
    )
    if gone.scalar() is None:
        return False
    await recount(connection, currency=currency, since=day)
    return True


async def recount(
    connection: AsyncConnection,
    *,
    account: UUID | None = None,
    currency: str | None = None,
    since: date | None = None,
) -> None:
    """Of one account or of all, of one currency or of every, from one day on or all."""
    if account is None:
        # One account after the other: no statement takes longer than one may.
        for each in await all_ad_accounts(connection):
            await recount(connection, account=each.id, currency=currency, since=since)
        return
    how = await reckoning(connection)
    await connection.execute(
        text(f"""
            update spend set counted = fresh.counted
            from (
                select n.ad_account_id, n.level, n.object_id, n.day, n.currency, {COUNTED} as counted
                from spend n join ad_account a on a.id = n.ad_account_id
                where n.ad_account_id = :account
                  and (cast(:only as text) is null or n.currency = :only)
                  and (cast(:since as date) is null or n.day >= :since)
            ) fresh
            where (spend.ad_account_id, spend.level, spend.object_id, spend.day, spend.currency)
                = (fresh.ad_account_id, fresh.level, fresh.object_id, fresh.day, fresh.currency)
              and spend.counted is distinct from fresh.counted
        """),  # noqa: S608  # our own words
        {**how.parameters, "account": account, "only": currency, "since": since},
    )
