"""Money in another currency: spend, leads and overheads are all counted alike, to the last minor unit."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.ids import new_id
from storage.analytics.terms import read_terms
from storage.exchange import Rates, exchanged, own_currency, read_rates
from storage.tables import currency_rate, overhead
from tests.conftest import NOON

DAY = date(2026, 11, 10)
CURRENCIES = ("RUB", "USD", "JPY", "KWD", "KRW", "KZT")
"""Of two, none and three decimals."""
DIGITS = {"RUB": 2, "USD": 2, "JPY": 0, "KWD": 3, "KRW": 0, "KZT": 2}

rates = st.lists(
    st.tuples(
        st.sampled_from(CURRENCIES),
        st.integers(-5, 5),
        st.decimals(min_value="0.00000001", max_value="100000", places=8),
    ),
    max_size=6,
)


async def rate(connection: AsyncConnection, currency: str, day: date, rate: Decimal) -> None:
    await connection.execute(
        text(
            "insert into currency_rate (currency, day, rate) values (:currency, :day, :rate)"
            " on conflict (currency, day) do update set rate = excluded.rate"
        ),
        {"currency": currency, "day": day, "rate": rate},
    )


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    own=st.sampled_from(CURRENCIES),
    known=rates,
    amounts=st.lists(
        st.tuples(st.integers(-(10**12), 10**12), st.sampled_from(CURRENCIES), st.integers(-7, 7)),
        min_size=1,
        max_size=8,
    ),
)
async def test_sql_and_python_count_alike(
    database: AsyncEngine,
    own: str,
    known: list[tuple[str, int, Decimal]],
    amounts: list[tuple[int, str, int]],
) -> None:
    async with database.connect() as connection, connection.begin() as whole:
        for currency, days, worth in known:
            await rate(connection, currency, DAY + timedelta(days=days), worth)
        in_python = await read_rates(connection, own=own)
        found = await connection.execute(
            text(f"""
                select round({exchanged("n.amount", "n.currency", "n.day")})
                from unnest(cast(:amounts as numeric[]), cast(:currencies as text[]), cast(:days as date[]))
                    with ordinality as n (amount, currency, day, place)
                order by n.place
            """),
            {
                **own_currency(own),
                "amounts": [
                    Decimal(minor).scaleb(-DIGITS[currency]) for minor, currency, _ in amounts
                ],
                "currencies": [currency for _, currency, _ in amounts],
                "days": [DAY + timedelta(days=days) for *_, days in amounts],
            },
        )
        in_sql = list(found.scalars())
        await whole.rollback()

    assert in_sql == [
        in_python(minor, currency, DAY + timedelta(days=days)) for minor, currency, days in amounts
    ]


@pytest.mark.parametrize(
    ("own", "currency", "worth", "amount", "counted"),
    [
        pytest.param("RUB", "JPY", "0.55", 1_000, 55_000, id="a yen has no small change"),
        pytest.param("JPY", "RUB", "1.8", 100_000, 1_800, id="a rouble has"),
        pytest.param("RUB", "KWD", "264.1", 1_000, 26_410, id="a dinar has a thousand"),
        pytest.param("RUB", "USD", "81.5", 10_050, 819_075, id="alike"),
        pytest.param("RUB", "USD", "0.5", 5, 3, id="a half goes up"),
        pytest.param("RUB", "USD", "0.5", -5, -3, id="and of what was returned down"),
        pytest.param("RUB", "RUB", "7", 5, 5, id="its own"),
    ],
)
def test_the_digits_of_both_currencies_are_minded(
    own: str, currency: str, worth: str, amount: int, counted: int
) -> None:
    rates = Rates(own=own, known={currency: [(DAY, Decimal(worth))]})

    assert rates(amount, currency, DAY) == counted


def test_a_rate_counts_from_its_day_until_the_next() -> None:
    rates = Rates(
        own="RUB", known={"USD": [(DAY, Decimal(80)), (DAY + timedelta(days=2), Decimal(90))]}
    )

    counted = [rates(1, "USD", DAY + timedelta(days=days)) for days in range(-1, 4)]

    assert counted == [None, 80, 80, 90, 90]


@pytest.mark.parametrize(
    ("own", "currency", "worth", "amount", "within"),
    [
        pytest.param("RUB", "JPY", "0.55", 30_000, 550_000, id="yen in roubles"),
        pytest.param("JPY", "RUB", "1.8", 3_000_000, 18_000, id="roubles in yen"),
        pytest.param("RUB", "RUB", "1", 3_000_001, 1_000_000, id="roubles in roubles"),
    ],
)
async def test_overheads_count_for_their_days_in_the_companys_currency(
    database: AsyncEngine, *, own: str, currency: str, worth: str, amount: int, within: int
) -> None:
    async with database.begin() as connection:
        await connection.execute(
            insert(overhead),
            [
                # A month, of which the period has ten days; one that is over, and one that nobody has a rate for.
                {**_overhead("rent", amount, currency), "last_day": date(2026, 11, 30)},
                {**_overhead("over", amount, currency), "last_day": date(2026, 11, 10)},
                {**_overhead("abroad", amount, "CHF"), "last_day": date(2026, 11, 30)},
            ],
        )
        if currency != own:
            await connection.execute(
                insert(currency_rate),
                [
                    {"currency": currency, "day": date(2026, 11, 11), "rate": Decimal(worth)},
                    {"currency": currency, "day": date(2026, 11, 12), "rate": Decimal(7)},
                ],
            )

        terms = await read_terms(
            connection, first=date(2026, 11, 11), last=date(2026, 11, 20), currency=own
        )

    assert terms.overheads == within


async def test_overheads_are_rounded_when_they_are_added_up(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        await connection.execute(
            insert(overhead),
            [{**_overhead(name, 1, "RUB"), "last_day": date(2026, 11, 2)} for name in "abc"],
        )

        terms = await read_terms(
            connection, first=date(2026, 11, 1), last=date(2026, 11, 1), currency="RUB"
        )

    assert terms.overheads == 2


def _overhead(name: str, amount: int, currency: str) -> dict[str, object]:
    return {
        "id": new_id(),
        "name": name,
        "amount": amount,
        "currency": currency,
        "first_day": date(2026, 11, 1),
        "created_at": NOON,
    }
