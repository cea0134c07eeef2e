"""When a team is open: breaks, nights, holidays, the days on which clocks change."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings, strategies as st

from router.working_hours import (
    add_working_minutes,
    is_open,
    next_opening,
    working_seconds_between,
    works_on,
)

NOBODY_OFF: frozenset[str] = frozenset()
WEEK: dict[str, Any] = {
    day: [["09:00", "13:00"], ["14:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")
}
MOSCOW, BERLIN = "Europe/Moscow", "Europe/Berlin"


def at(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("clock", "open_"),
    [
        pytest.param((8, 59), False, id="before"),
        pytest.param((9, 0), True, id="the first moment"),
        pytest.param((12, 59), True, id="morning"),
        pytest.param((13, 0), False, id="the break begins"),
        pytest.param((14, 0), True, id="the break ends"),
        pytest.param((18, 0), False, id="the last moment is outside"),
    ],
)
def test_a_day_with_a_break(clock, open_):
    monday = at(MOSCOW, 2026, 11, 23, *clock)
    assert is_open(WEEK, MOSCOW, NOBODY_OFF, monday) is open_


def test_a_day_that_is_missing_is_a_day_off():
    saturday = at(MOSCOW, 2026, 11, 21, 12, 0)
    assert not is_open(WEEK, MOSCOW, NOBODY_OFF, saturday)
    assert next_opening(WEEK, MOSCOW, NOBODY_OFF, saturday) == at(MOSCOW, 2026, 11, 23, 9, 0)


def test_without_hours_it_is_always_open():
    now = at(MOSCOW, 2026, 11, 22, 3, 0)
    assert is_open(None, MOSCOW, NOBODY_OFF, now)
    assert next_opening(None, MOSCOW, NOBODY_OFF, now) == now
    assert add_working_minutes(None, MOSCOW, NOBODY_OFF, now, 90) == now + timedelta(minutes=90)


def test_with_empty_hours_it_never_is():
    now = at(MOSCOW, 2026, 11, 22, 3, 0)
    assert not is_open({}, MOSCOW, NOBODY_OFF, now)
    assert next_opening({}, MOSCOW, NOBODY_OFF, now) is None
    assert add_working_minutes({}, MOSCOW, NOBODY_OFF, now, 10) == now + timedelta(days=60)


def test_midnight_can_be_the_end():
    hours = {"mon": [["18:00", "24:00"]]}
    assert is_open(hours, MOSCOW, NOBODY_OFF, at(MOSCOW, 2026, 11, 23, 23, 59))
    assert not is_open(hours, MOSCOW, NOBODY_OFF, at(MOSCOW, 2026, 11, 24, 0, 0))


def test_a_night_shift_belongs_to_the_day_on_which_it_begins():
    hours = {"mon": [["22:00", "06:00"]]}
    assert is_open(hours, MOSCOW, NOBODY_OFF, at(MOSCOW, 2026, 11, 23, 23, 0))
    assert is_open(hours, MOSCOW, NOBODY_OFF, at(MOSCOW, 2026, 11, 24, 5, 59))
    assert not is_open(hours, MOSCOW, NOBODY_OFF, at(MOSCOW, 2026, 11, 24, 6, 0))
    assert not is_open(hours, MOSCOW, NOBODY_OFF, at(MOSCOW, 2026, 11, 23, 5, 0))
    # Tuesday is a holiday; the night that began on Monday is worked to its end.
    assert is_open(hours, MOSCOW, {"2026-11-24"}, at(MOSCOW, 2026, 11, 24, 5, 0))
    assert not is_open(hours, MOSCOW, {"2026-11-23"}, at(MOSCOW, 2026, 11, 24, 5, 0))
    assert next_opening(hours, MOSCOW, NOBODY_OFF, at(MOSCOW, 2026, 11, 24, 3, 0)) == at(
        MOSCOW, 2026, 11, 24, 3, 0
    )


def test_round_the_clock_is_one_shift_a_day():
    hours = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    now = at(BERLIN, 2026, 10, 24, 20, 0)
    # Through the night on which the clock goes back: 24 hours are 24 hours.
    assert add_working_minutes(hours, BERLIN, NOBODY_OFF, now, 24 * 60) == now + timedelta(days=1)


def test_a_holiday_is_a_day_of_the_teams_own_zone():
    holiday = {"2026-11-23"}
    assert not is_open(WEEK, MOSCOW, holiday, at(MOSCOW, 2026, 11, 23, 10, 0))
    # 22:00 UTC of Sunday is Monday in Vladivostok, which has the day off too.
    early = {"mon": [["08:00", "18:00"]]}
    assert not is_open(
        early, "Asia/Vladivostok", holiday, datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
    )
    assert is_open(
        early, "Asia/Vladivostok", NOBODY_OFF, datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
    )


def test_minutes_go_on_after_the_weekend():
    friday = at(MOSCOW, 2026, 11, 20, 17, 50)
    assert add_working_minutes(WEEK, MOSCOW, NOBODY_OFF, friday, 30) == at(
        MOSCOW, 2026, 11, 23, 9, 20
    )
    assert add_working_minutes(WEEK, MOSCOW, {"2026-11-23"}, friday, 30) == at(
        MOSCOW, 2026, 11, 24, 9, 20
    )


def test_a_shift_is_as_long_as_it_really_is_when_the_clock_changes():
    hours = {"sun": [["00:00", "06:00"]]}
    forward, back = at(BERLIN, 2026, 3, 29, 0, 0), at(BERLIN, 2026, 10, 25, 0, 0)
    # Five real hours in spring, seven in autumn; the sixth and the eighth are a week later.
    assert add_working_minutes(hours, BERLIN, NOBODY_OFF, forward, 300) == at(
        BERLIN, 2026, 3, 29, 6, 0
    )
    assert add_working_minutes(hours, BERLIN, NOBODY_OFF, forward, 301) == at(
        BERLIN, 2026, 4, 5, 0, 1
    )
    assert add_working_minutes(hours, BERLIN, NOBODY_OFF, back, 420) == at(
        BERLIN, 2026, 10, 25, 6, 0
    )


def test_a_shift_inside_the_hour_that_does_not_exist_is_none():
    hours = {"sun": [["02:15", "02:45"]]}
    # Europe/Berlin, 2026-03-29: 02:00 is 03:00.
    moments = (at(BERLIN, 2026, 3, 29, 1, 0) + timedelta(minutes=m) for m in range(0, 180, 5))
    opened = sum(is_open(hours, BERLIN, NOBODY_OFF, each) for each in moments)
    assert opened <= 6  # half an hour at most, wherever it is put; and no crash


def test_shifts_written_in_any_order_and_overlapping_count_once():
    tidy = {"mon": [["09:00", "18:00"]]}
    untidy = {"mon": [["14:00", "18:00"], ["09:00", "13:00"], ["12:00", "15:00"]]}
    monday = at(MOSCOW, 2026, 11, 23, 8, 0)
    for minutes in (1, 60, 240, 300, 539, 540, 541):
        assert add_working_minutes(
            untidy, MOSCOW, NOBODY_OFF, monday, minutes
        ) == add_working_minutes(tidy, MOSCOW, NOBODY_OFF, monday, minutes)
    assert next_opening(untidy, MOSCOW, NOBODY_OFF, monday) == at(MOSCOW, 2026, 11, 23, 9, 0)


clocks = st.integers(0, 24 * 4 - 1).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")
weeks = st.dictionaries(
    st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
    st.lists(st.tuples(clocks, clocks | st.just("24:00")), min_size=1, max_size=3),
    max_size=7,
)
zones = st.sampled_from(
    [MOSCOW, BERLIN, "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "UTC"]
)
# Around the days on which clocks change, too.
moments = st.sampled_from(
    [
        datetime(2026, 3, 28, tzinfo=UTC),
        datetime(2026, 10, 24, tzinfo=UTC),
        datetime(2026, 11, 20, tzinfo=UTC),
    ]
).flatmap(lambda day: st.integers(0, 4 * 24 * 60).map(lambda n: day + timedelta(minutes=n)))
holidays = st.frozensets(
    st.sampled_from(["2026-03-29", "2026-03-30", "2026-10-25", "2026-10-26", "2026-11-23"]),
    max_size=2,
)


@settings(max_examples=200, deadline=None)
@given(hours=weeks, zone=zones, off=holidays, since=moments, minutes=st.integers(1, 3000))
def test_working_minutes_end_while_the_team_works(hours, zone, off, since, minutes):
    done = add_working_minutes(hours, zone, off, since, minutes)
    assert since < done <= since + timedelta(days=60)
    if done < since + timedelta(days=60):
        assert is_open(hours, zone, off, done - timedelta(microseconds=1))


@settings(max_examples=200, deadline=None)
@given(
    hours=weeks,
    zone=zones,
    off=holidays,
    since=moments,
    later=st.integers(0, 5000),
    minutes=st.integers(0, 3000),
    more=st.integers(0, 3000),
)
@example(  # beyond the horizon: once, one that began later ended earlier
    hours={"mon": [("00:00", "00:15")]},
    zone="UTC",
    off=frozenset(),
    since=datetime(2026, 11, 20, 23, 0, tzinfo=UTC),
    later=120,
    minutes=134,
    more=1,
)
def test_more_minutes_and_a_later_beginning_never_end_earlier(  # noqa: PLR0917  # hypothesis gives them by name
    hours, zone, off, since, later, minutes, more
):
    done = add_working_minutes(hours, zone, off, since, minutes)
    assert add_working_minutes(hours, zone, off, since, minutes + more) >= done
    assert add_working_minutes(hours, zone, off, since + timedelta(minutes=later), minutes) >= done


@settings(max_examples=100, deadline=None)
@given(hours=weeks, zone=zones, off=holidays, since=moments, minutes=st.integers(1, 600))
def test_minutes_counted_one_by_one_are_the_same_sum(hours, zone, off, since, minutes):
    done = add_working_minutes(hours, zone, off, since, minutes)
    assume(done - since < timedelta(days=4))
    # All shifts begin and end on whole minutes, and so does `since`: a minute is open or it is not.
    length = int((done - since).total_seconds() // 60)
    worked = sum(is_open(hours, zone, off, since + timedelta(minutes=m)) for m in range(length))
    assert worked == minutes


@settings(max_examples=200, deadline=None)
@given(hours=weeks, zone=zones, off=holidays, now=moments)
def test_the_next_opening_is_the_first_open_moment(hours, zone, off, now):
    opens = next_opening(hours, zone, off, now)
    if is_open(hours, zone, off, now):
        assert opens == now
    elif opens is not None:
        assert opens > now
        assert is_open(hours, zone, off, opens)
        assert not is_open(hours, zone, off, opens - timedelta(microseconds=1))
        checked = min(opens, now + timedelta(days=2))
        n = int((checked - now).total_seconds() // 900)
        assert not any(is_open(hours, zone, off, now + timedelta(minutes=15 * k)) for k in range(n))
    else:
        assert not any(is_open(hours, zone, off, now + timedelta(hours=h)) for h in range(24 * 8))


@pytest.mark.parametrize(
    ("since", "until", "hours", "seconds"),
    [
        pytest.param((2026, 11, 23, 9, 0), (2026, 11, 23, 9, 10), WEEK, 600, id="at work"),
        pytest.param((2026, 11, 23, 12, 30), (2026, 11, 23, 14, 30), WEEK, 3600, id="over the break"),
        pytest.param((2026, 11, 20, 17, 50), (2026, 11, 23, 9, 5), WEEK, 900, id="over the weekend"),
        pytest.param((2026, 11, 21, 10, 0), (2026, 11, 22, 20, 0), WEEK, 0, id="all of it off"),
        pytest.param((2026, 11, 21, 10, 0), (2026, 11, 21, 10, 1), None, 60, id="always open"),
        pytest.param((2026, 11, 23, 9, 10), (2026, 11, 23, 9, 0), WEEK, 0, id="turned round"),
        pytest.param((2025, 11, 24, 0, 0), (2026, 11, 23, 0, 0), WEEK, 52 * 5 * 8 * 3600, id="a year"),
        pytest.param(
            (2026, 11, 23, 23, 0), (2026, 11, 24, 3, 0), {"mon": [["22:00", "02:00"], ["23:30", "01:00"]]}, 3 * 3600,
            id="shifts that overlap, past midnight",
        ),
    ],
)  # fmt: skip
def test_how_much_of_a_time_was_worked(
    since: tuple[int, ...], until: tuple[int, ...], hours: dict[str, Any] | None, seconds: int
) -> None:
    found = working_seconds_between(
        hours, MOSCOW, NOBODY_OFF, at(MOSCOW, *since), at(MOSCOW, *until)
    )
    assert found == seconds


@given(minutes=st.integers(0, 30 * 24 * 60), worked=st.integers(0, 5000))
def test_after_so_many_working_minutes_so_many_have_been_worked(minutes: int, worked: int) -> None:
    since = at(BERLIN, 2026, 3, 20, 0, 0) + timedelta(minutes=minutes)
    until = add_working_minutes(WEEK, BERLIN, NOBODY_OFF, since, worked)
    assert working_seconds_between(WEEK, BERLIN, NOBODY_OFF, since, until) == worked * 60


def test_a_day_off_is_one_without_hours_or_a_holiday() -> None:
    monday, sunday = at(MOSCOW, 2026, 11, 23, 12).date(), at(MOSCOW, 2026, 11, 22, 12).date()
    assert works_on(WEEK, NOBODY_OFF, monday)
    assert not works_on(WEEK, NOBODY_OFF, sunday)
    assert not works_on(WEEK, frozenset({"2026-11-23"}), monday)
    assert works_on(None, NOBODY_OFF, sunday)
