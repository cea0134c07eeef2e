"""Which whole weeks and months a period holds, and which begin in a month."""

from datetime import date, timedelta

import pytest
from hypothesis import given, strategies as st

from storage.analytics.spans import Step, begin_of, begun_in_month, following, whole

STEPS: tuple[Step, ...] = ("day", "week", "month")
days = st.dates(date(2019, 12, 1), date(2029, 3, 1))


@pytest.mark.parametrize(
    ("first", "last", "step", "begin", "end"),
    [
        (date(2026, 3, 1), date(2026, 3, 31), "month", date(2026, 3, 1), date(2026, 4, 1)),
        (date(2026, 3, 2), date(2026, 3, 31), "month", date(2026, 4, 1), date(2026, 4, 1)),
        (date(2026, 2, 10), date(2026, 5, 9), "month", date(2026, 3, 1), date(2026, 5, 1)),
        (date(2026, 3, 2), date(2026, 3, 8), "week", date(2026, 3, 2), date(2026, 3, 9)),
        (date(2026, 3, 3), date(2026, 3, 15), "week", date(2026, 3, 9), date(2026, 3, 16)),
    ],
)
def test_the_whole_ones_of_a_period(
    first: date, last: date, step: Step, begin: date, end: date
) -> None:
    assert whole(first, last, step) == (begin, end)


@given(first=days, length=st.integers(0, 100), step=st.sampled_from(STEPS))
def test_around_the_whole_ones_no_whole_one_is_left(first: date, length: int, step: Step) -> None:
    last = first + timedelta(days=length)
    begin, end = whole(first, last, step)
    assert begin_of(begin, step) == begin
    assert begin_of(end, step) == end
    assert first <= begin <= following(begin_of(first, step), step)
    assert end <= last + timedelta(days=1) < following(end, step)


@given(month=days, step=st.sampled_from(STEPS))
def test_each_begins_in_one_month(month: date, step: Step) -> None:
    """So that months counted anew, one after the other, are everything counted anew."""
    month = month.replace(day=1)
    first, last = begun_in_month(month, step)
    after, _ = begun_in_month(following(month, "month"), step)
    assert after == last + timedelta(days=1)
    assert month <= first
    assert begin_of(last, step) < following(month, "month")
