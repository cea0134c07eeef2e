"""What advertising cost: an import replaces its days and nothing else, once, and all of it or none."""

import asyncio
import time
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.advertising.reading import read_spend
from router.spending import Spending, SpendRow
from storage.ad_accounts import (
    AdAccountNameTaken,
    ad_account_by_id,
    add_ad_account,
    archive_ad_account,
    change_ad_account,
)
from storage.engine import transaction
from storage.reading.spending import (
    import_by_id,
    list_ad_accounts,
    list_imports,
    missing_rates,
)
from storage.sources import origin_ids
from storage.spend_labels import relabel
from storage.spend_parts import CannotWrite
from storage.spend_plan import plan_spending
from storage.spend_reckoning import (
    currency_changed,
    drop_rate,
    recount,
    set_rate,
    set_vat,
)
from storage.spending import Written, enter_by_hand, write_spending
from tests.conftest import NOON
from tests.installation import Installation

NOV = [date(2026, 11, day) for day in range(1, 31)]


class Books:
    """One advertising account, and what is written into it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.imports = 0

    async def found(self, **account: Any) -> "Books":
        await Installation(self.engine).found()
        async with transaction(self.engine) as connection:
            self.account = await add_ad_account(
                connection,
                **{
                    "name": "Директ",
                    "platform": "yandex-direct",
                    "source": "Yandex",
                    "medium": "cpc",
                    "currency": "RUB",
                    "now": NOON,
                    **account,
                },
            )
        return self

    async def write(self, said: Spending | str, **more: Any) -> Written:
        self.imports += 1
        if isinstance(said, str):
            more.setdefault("file_hash", said)
            said = read_spend(said.encode())
        async with transaction(self.engine) as connection:
            return await write_spending(
                connection,
                self.account,
                said,
                **{
                    "how": "file",
                    "file_hash": str(self.imports),
                    "by": None,
                    "now": NOON + timedelta(minutes=self.imports),
                    **more,
                },
            )

    async def by_hand(self, row: SpendRow) -> Written:
        self.imports += 1
        async with transaction(self.engine) as connection:
            return await enter_by_hand(
                connection, self.account, row, by=None, now=NOON + timedelta(minutes=self.imports)
            )

    async def sql(self, asked: str) -> list[Any]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(asked))]

    async def counted(self) -> list[Any]:
        return [
            row[0] for row in await self.sql("select counted from spend order by day, object_id")
        ]

    async def days(self) -> list[Any]:
        return await self.sql(
            "select extract(day from day)::int, amount::text from spend order by 1, 2"
        )


@pytest.fixture
async def books(database: AsyncEngine) -> Books:
    return await Books(database).found()


def day(number: int, amount: str, **more: Any) -> SpendRow:
    return SpendRow(
        first_day=NOV[number - 1],
        last_day=NOV[number - 1],
        amount=Decimal(amount),
        level="campaign",
        **more,
    )


def said(*rows: SpendRow, covered: tuple[int, int] | None = None) -> Spending:
    first, last = covered or (
        min(row.first_day for row in rows).day,
        max(row.last_day for row in rows).day,
    )
    return Spending(format="csv", rows=rows, covered=(NOV[first - 1], NOV[last - 1]))


FILE = "date;campaign;cost\n01.11.2026;Тормоза;100,50\n02.11.2026;Тормоза;200\n"


async def test_a_file_is_written_and_the_same_file_again_changes_nothing(books):
    first = await books.write(FILE)
    assert (first.written, first.replaced, first.totals) == (2, 0, {"RUB": Decimal("300.50")})
    before = await books.sql("select * from spend order by day")
    again = await books.write(FILE)
    assert (again.unchanged, again.id) == (True, first.id)
    assert await books.sql("select * from spend order by day") == before
    assert len(await books.sql("select 1 from spend_import")) == 1
    assert await books.counted() == [10050, 20000]


async def test_an_import_replaces_its_days_at_every_level_and_no_others(books):
    await books.write(said(*(day(number, "10", campaign="a") for number in range(1, 6))))
    other = await Books(books.engine).sql("select count(*) from spend")
    assert other == [(5,)]
    ads = replace(day(3, "7"), level="ad", object_id="9", campaign="a")
    done = await books.write(said(ads, covered=(2, 4)))
    assert done.replaced == 3
    assert [number for number, _ in await books.days()] == [1, 3, 5]
    assert await books.counted() == [1000, 700, 1000]


async def test_of_two_that_overlap_the_last_wins_and_the_log_says_so(books):
    await books.write(FILE)
    await books.write(said(day(2, "5", campaign="x")))
    async with books.engine.connect() as connection:
        later, earlier = (await list_imports(connection)).items
    assert (later.written, later.standing, later.replaced) == (1, 1, 1)
    assert (earlier.written, earlier.standing) == (2, 1)
    # Since then the first file says something else than what is there: it is written again.
    assert (await books.write(FILE)).unchanged is False
    assert [amount for _, amount in await books.days()] == ["100.500000", "200.000000"]


async def test_the_same_file_is_written_anew_when_the_account_has_another_currency(books):
    await books.write(FILE)
    async with transaction(books.engine) as connection:
        await change_ad_account(connection, books.account, currency="KZT")
    done = await books.write(FILE)
    assert (done.unchanged, done.replaced, list(done.totals)) == (False, 2, ["KZT"])
    assert await books.sql("select distinct currency from spend") == [("KZT",)]
    assert (await books.write(FILE)).unchanged


async def test_parts_of_one_figure_are_added_up(books):
    row = day(1, "10.10", campaign="A", campaign_id="7", object_id="7", clicks=3)
    await books.write(
        said(row, replace(row, amount=Decimal("0.95"), clicks=4), replace(row, currency="EUR"))
    )
    assert await books.sql("select currency, amount::text, clicks from spend order by 1") == [
        ("EUR", "10.100000", 3),
        ("RUB", "11.050000", 7),
    ]


async def test_a_range_is_spread_and_its_sum_stays_exact(books):
    week = replace(day(1, "1000", campaign="a"), last_day=NOV[6])
    await books.write(said(week))
    counted = await books.counted()
    assert counted == [*6 * [14285], 14290]
    assert sum(counted) == 100_000


async def test_a_range_in_yen_is_spread_in_whole_yen(books):
    days = replace(day(1, "100", campaign="a", currency="JPY"), last_day=NOV[2])
    async with transaction(books.engine) as connection:
        await set_rate(connection, currency="JPY", day=NOV[0], rate=Decimal("0.5"))
    await books.write(said(days))
    assert await books.counted() == [1650, 1650, 1700]
    by_hand = replace(days, first_day=NOV[5], last_day=NOV[7])
    await books.by_hand(by_hand)
    assert (await books.counted())[3:] == [1650, 1650, 1700]


@pytest.mark.parametrize(
    ("included", "with_vat", "counted"),
    [(True, True, 12000), (True, False, 10000), (False, True, 14400), (False, False, 12000)],
)
async def test_vat_is_in_or_out_as_the_company_wants_it(books, included, with_vat, counted):
    async with transaction(books.engine) as connection:
        await change_ad_account(
            connection, books.account, vat_included=included, vat_rate=Decimal(20)
        )
    await books.write(said(day(1, "120", campaign="a")))
    async with transaction(books.engine) as connection:
        await set_vat(connection, with_vat=with_vat)
    assert await books.counted() == [counted]
    # A row that says it itself is believed.
    await books.write(said(day(1, "120", campaign="a", vat_included=not included)))
    own = {(True, True): 14400, (True, False): 12000, (False, True): 12000, (False, False): 10000}
    assert await books.counted() == [own[included, with_vat]]


async def test_what_has_no_rate_is_not_counted_until_there_is_one(books):
    done = await books.write(
        said(*(day(number, "10", campaign="a", currency="USD") for number in (1, 2, 3)))
    )
    assert done.uncounted == 3
    async with books.engine.connect() as connection:
        (lacking,) = await missing_rates(connection)
    assert (lacking.currency, lacking.first_day, lacking.last_day) == ("USD", NOV[0], NOV[2])
    async with transaction(books.engine) as connection:
        await set_rate(connection, currency="USD", day=NOV[1], rate=Decimal("90.5"))
    assert await books.counted() == [None, 90500, 90500]
    async with transaction(books.engine) as connection:
        await set_rate(connection, currency="USD", day=NOV[0], rate=Decimal(80))
    assert await books.counted() == [80000, 90500, 90500]
    async with transaction(books.engine) as connection:
        assert await drop_rate(connection, currency="USD", day=NOV[1])
        assert not await drop_rate(connection, currency="USD", day=NOV[1])
    assert await books.counted() == [80000, 80000, 80000]
    await books.write(said(day(4, "1", campaign="a", currency="USD")))
    assert (await books.counted())[-1] == 8000
    async with transaction(books.engine) as connection:
        await currency_changed(connection)
    assert await books.counted() == [None] * 4


async def test_cost_meets_leads_by_what_the_links_are_marked_with(books):
    await books.write(
        said(
            day(1, "1", campaign="Тормоза Москва", campaign_id="77"),
            day(1, "2", campaign="own", source="VK", medium="CPM"),
            day(1, "3"),
        )
    )
    origins = "select o.source, o.medium, o.campaign from spend s join origin o on o.id = s.origin_id order by s.amount"
    assert await books.sql(origins) == [
        ("yandex", "cpc", "тормоза москва"),
        ("vk", "cpm", "own"),
        ("yandex", "cpc", ""),
    ]
    async with transaction(books.engine) as connection:
        await change_ad_account(connection, books.account, campaign_by="id", source="ya")
        await relabel(connection, books.account, now=NOON)
    assert await books.sql(origins) == [
        ("ya", "cpc", "77"),
        ("vk", "cpm", "own"),
        ("ya", "cpc", ""),
    ]


async def test_two_who_intern_the_same_origins_get_the_same_numbers(books):
    triples = [("s", "m", str(number)) for number in range(50)]

    async def intern(order: list[Any]) -> dict[Any, int]:
        async with transaction(books.engine) as connection:
            return await origin_ids(connection, order, now=NOON)

    async with asyncio.TaskGroup() as group:
        one, other = group.create_task(intern(triples)), group.create_task(intern(triples[::-1]))
    assert one.result() == other.result()
    assert len(one.result()) == 50
    nobody = await books.sql(
        "select id from origin where (source, medium, campaign) = ('', '', '')"
    )
    async with transaction(books.engine) as connection:
        assert await origin_ids(connection, [("", "", "")], now=NOON) == {
            ("", "", ""): nobody[0][0]
        }


async def test_a_plan_says_what_would_be_and_changes_nothing(books):
    await books.write(FILE)
    before = await books.sql("select * from spend order by day")
    rows = (day(2, "5", campaign="b"), day(3, "6", campaign="b", currency="EUR"))
    async with books.engine.connect() as connection:
        plan = await plan_spending(connection, books.account, said(*rows), file_hash="new")
        same = await plan_spending(
            connection, books.account, read_spend(FILE.encode()), file_hash=FILE
        )
    assert (plan.written, plan.replaced) == (2, 1)
    assert plan.totals == {"EUR": 6, "RUB": 5}
    assert plan.replaced_totals == {"RUB": 200}
    assert list(plan.without_rate) == ["EUR"]
    assert plan.strange_campaigns == 1
    assert plan.unchanged_since is None
    assert same.unchanged_since is not None
    assert await books.sql("select * from spend order by day") == before


async def test_a_large_file_may_take_longer_than_a_forgotten_transaction(books):
    show = text("show idle_in_transaction_session_timeout")
    async with books.engine.connect() as connection:
        assert (await connection.execute(show)).scalar() == "1min"
        await plan_spending(connection, books.account, said(day(1, "5")), file_hash="")
        assert (await connection.execute(show)).scalar() == "10min"
        await connection.rollback()
        assert (await connection.execute(show)).scalar() == "1min"


async def test_what_is_entered_by_hand_stays_beside_itself_and_never_beside_an_import(books):
    await books.by_hand(replace(day(1, "31", campaign="Листовки"), last_day=NOV[2]))
    await books.by_hand(day(1, "5", campaign="Радио"))
    assert await books.counted() == [500, 1033, 1033, 1034] or sorted(await books.counted()) == [
        500,
        1033,
        1033,
        1034,
    ]
    await books.by_hand(day(2, "50", campaign="листовки"))
    await books.by_hand(day(3, "0", campaign="Листовки"))
    assert sorted(await books.counted()) == [500, 1033, 5000]
    await books.write(said(day(10, "9", campaign="a")))
    with pytest.raises(CannotWrite, match="An import speaks"):
        await books.by_hand(day(10, "5", campaign="Радио"))


async def test_nothing_readable_writes_nothing_and_keeps_what_was(books):
    await books.write(FILE)
    with pytest.raises(CannotWrite, match="not an amount"):
        await books.write("date;cost\n01.11.2026;xyz\n")
    assert len(await books.days()) == 2
    async with transaction(books.engine) as connection:
        await archive_ad_account(connection, books.account, now=NOON)
    with pytest.raises(CannotWrite, match="put away"):
        await books.write(said(day(1, "1")))


async def test_the_log_keeps_the_lines_that_could_not_be_read(books):
    done = await books.write("date;cost\n01.11.2026;5\n31.02.2026;5\n02.11.2026;-3\n")
    async with books.engine.connect() as connection:
        line, noted = await import_by_id(connection, done.id)
    assert (line.written, line.refused) == (2, 1)
    assert [(each.line, each.refused) for each in noted] == [(3, True), (4, False)]
    assert await books.counted() == [500, -300]


async def test_a_failure_in_the_middle_leaves_what_was_there(books):
    await books.write(FILE)
    before = await books.sql("select * from spend order by day")

    class Died(Exception):
        pass

    async def write_and_die() -> None:
        async with transaction(books.engine) as connection:
            await write_spending(
                connection,
                books.account,
                said(day(1, "7")),
                how="file",
                file_hash="z",
                by=None,
                now=NOON,
            )
            raise Died

    with pytest.raises(Died):
        await write_and_die()
    assert await books.sql("select * from spend order by day") == before
    assert len(await books.sql("select 1 from spend_import")) == 1


async def test_two_imports_at_once_leave_the_figures_of_one(books):
    rows = [day(number, "1", campaign=str(each)) for number in (1, 2) for each in range(200)]

    async def write(amount: str) -> None:
        await books.write(said(*(replace(row, amount=Decimal(amount)) for row in rows)))

    async with asyncio.TaskGroup() as group:
        for amount in ("1", "2", "3"):
            group.create_task(write(amount))
    assert len({amount for _, amount in await books.days()}) == 1
    assert sum(row[0] for row in await books.sql("select standing from spend_import")) == 400


async def test_the_list_of_accounts_says_what_is_there(books):
    await books.write(said(day(3, "5", campaign="a"), day(9, "1", campaign="a", currency="USD")))
    with pytest.raises(AdAccountNameTaken):
        async with transaction(books.engine) as connection:
            await add_ad_account(
                connection,
                name="ДИРЕКТ",
                platform="other",
                source="x",
                medium="cpc",
                currency="RUB",
                now=NOON,
            )
    async with books.engine.connect() as connection:
        (line,) = await list_ad_accounts(connection)
        account = await ad_account_by_id(connection, books.account)
    assert line.account == account
    assert (line.first_day, line.last_day) == (NOV[2], NOV[8])
    assert (line.uncounted, line.counted, line.last_how) == (1, 500, "file")
    assert account.condition == "files"


PLAN = """
    explain select origin_id, sum(counted) from spend
    where day between '2026-11-03' and '2026-11-04' group by origin_id
"""


async def test_many_rows_take_seconds_and_a_report_s_question_only_its_index(books):
    rows = [
        day(number % 28 + 1, "1.25", campaign=f"c{number % 40}", term=f"t{number}", currency="RUB")
        for number in range(30_000)
    ]
    # Of our own: what others do on the machine meanwhile is not counted.
    began = time.process_time()
    done = await books.write(said(*rows))
    assert done.written == 30_000
    assert time.process_time() - began < 10
    async with transaction(books.engine) as connection:
        await recount(connection)
    async with books.engine.connect() as connection:
        auto = await connection.execution_options(isolation_level="AUTOCOMMIT")
        # That it can; how it does it with how many rows is the planner's affair.
        for each in ("bitmapscan", "seqscan"):
            await auto.execute(text(f"set enable_{each} = off"))
        plan = ""
        async with asyncio.timeout(30):
            # As long as an autovacuum looks at the table, too, rows are not known to be seen by all.
            while "Index Only Scan using ix_spend_day" not in plan:
                await auto.execute(text("vacuum analyze spend"))
                plan = "\n".join(row[0] for row in await auto.execute(text(PLAN)))
