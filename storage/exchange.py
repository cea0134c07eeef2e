"""Money of one currency in another: by the rate of the day, or else by the last one before it; without a rate not at all.

Said twice, side by side: spend is counted where it lies, in SQL, and what leads and overheads are worth in Python. Both mind
that a yen has no small change and a rouble a hundred of it, both round halves away from nothing, and a test holds them to it.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any, Final

from babel.numbers import get_currency_precision
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_RATES: Final = text("""
    select currency, day, rate from currency_rate
    where cast(:only as text[]) is null or currency = any(cast(:only as text[])) order by day
""")


def rate_of(currency: str, day: str) -> str:
    """SQL: what counts for the day; null without one."""
    return f"""(
        select r.rate from currency_rate r where r.currency = {currency} and r.day <= {day} order by r.day desc limit 1
    )"""  # noqa: S608  # names of our own columns


def exchanged(amount: str, currency: str, day: str) -> str:
    """SQL: an amount in whole units of its currency, in minor units of the one that `own_currency` is given, not yet
    rounded; null without a rate.
    """
    return f"""{amount} * cast(:minor_units as bigint)
        * case when {currency} = cast(:own as text) then 1 else {rate_of(currency, day)} end"""


def own_currency(currency: str) -> dict[str, Any]:
    """The parameters of `exchanged`."""
    return {"own": currency, "minor_units": 10 ** get_currency_precision(currency)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """In Python: minor units of any currency in those of `own`. `known`: rates by currency, the earliest first."""

    own: str
    known: Mapping[str, Sequence[tuple[date, Decimal]]]

    def __call__(self, amount: int, currency: str, day: date) -> int | None:
        """In whole minor units; None without a rate."""
        exact = self.exactly(Fraction(amount), currency, day)
        return None if exact is None else rounded(exact)

    def exactly(self, amount: Fraction, currency: str, day: date) -> Fraction | None:
        """For what is added up before it is rounded."""
        if currency == self.own:
            return amount
        known = self.known.get(currency, ())
        behind = bisect_right(known, day, key=lambda each: each[0])
        if not behind:
            return None
        digits = get_currency_precision(self.own) - get_currency_precision(currency)
        return amount * Fraction(known[behind - 1][1]) * Fraction(10) ** digits


def rounded(amount: Fraction) -> int:
    """Halves away from nothing, as PostgreSQL rounds."""
    whole = floor(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


async def read_rates(
    connection: AsyncConnection, *, own: str, only: Collection[str] | None = None
) -> Rates:
    """Of these currencies, or (None) of all there are."""
    known: dict[str, list[tuple[date, Decimal]]] = {}
    for row in await connection.execute(_RATES, {"only": None if only is None else list(only)}):
        known.setdefault(row.currency, []).append((row.day, row.rate))
    return Rates(own=own, known=known)
