"""Percentiles by classes are those that sorting everything finds."""

from collections import Counter

from hypothesis import given, strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.analytics.lengths import BOUNDS, PERCENTS, length_class, limits, places

seconds = st.one_of(st.integers(0, 100), st.integers(0, 10**6), st.integers(0, 2**40))


@given(lengths=st.lists(seconds, min_size=1, max_size=60))
def test_a_percentile_is_a_length_that_there_was_and_the_one_of_the_sorted(
    lengths: list[int],
) -> None:
    found = places({"all": Counter(map(length_class, lengths)), "none": Counter()})

    assert [(place.key, place.percent) for place in found] == [("all", each) for each in PERCENTS]
    for place in found:
        shortest, longest = limits(place.kind)
        within = sorted(each for each in lengths if shortest <= each <= longest)
        expected = sorted(lengths)[-(-len(lengths) * place.percent // 100) - 1]
        assert within[place.nth - 1] == expected


async def test_postgresql_has_the_same_classes(database: AsyncEngine) -> None:
    lengths = sorted({0, 2**31, 2**40} | {bound + near for bound in BOUNDS for near in (-1, 0, 1)})
    async with database.connect() as connection:
        rows = await connection.execute(
            text(
                "select s, width_bucket(s, cast(:bounds as bigint[])) as kind"
                " from unnest(cast(:lengths as bigint[])) s"
            ),
            {"bounds": list(BOUNDS), "lengths": lengths},
        )
        assert [row.kind for row in rows] == [length_class(each) for each in lengths]
