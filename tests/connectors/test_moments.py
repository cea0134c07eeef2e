"""Moments as platforms write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from connectors.moments import believable, unix_moment, wall_clock, zone_of

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MOSCOW = zone_of("Europe/Moscow")
assert MOSCOW is not None


def test_seconds_and_milliseconds() -> None:
    seconds = str(int(NOON.timestamp()))
    assert unix_moment(seconds) == unix_moment(seconds + "000") == NOON
    for none in ("", "0", "-1", "soon", "nan", "inf", "1e300"):
        assert unix_moment(none) is None


def test_a_clock_on_the_wall() -> None:
    assert wall_clock("2026-11-21 15:00:00", MOSCOW) == NOON
    assert wall_clock("2026-11-21T12:00:00Z", MOSCOW) == NOON
    for none in ("", "noon", "2026-13-01 00:00:00", "0001-01-01 00:00:00+05:00"):
        assert wall_clock(none, MOSCOW) is None


@pytest.mark.parametrize(
    ("name", "hours"),
    [("UTC+3", 3), ("+03:00", 3), ("gmt-5", -5), ("+0530", 5.5), ("UTC", 0), ("Asia/Tomsk", 7)],
)
def test_zones(name: str, hours: float) -> None:
    zone = zone_of(name)
    assert zone is not None
    assert NOON.astimezone(zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["", "Europe", "/etc/passwd", "../x", "UTC+99", "Moscow", "\0"])
def test_what_is_no_zone(name: str) -> None:
    assert zone_of(name) is None


@given(st.text(max_size=30))
def test_nothing_makes_them_fall_over(text: str) -> None:
    unix_moment(text)
    wall_clock(text, MOSCOW)
    zone_of(text)


@pytest.mark.parametrize(
    ("ago", "believed"),
    [
        (timedelta(minutes=5), timedelta(minutes=5)),
        (timedelta(seconds=-30), timedelta()),
        (timedelta(hours=-3), None),
        (timedelta(days=4), None),
    ],
)
def test_only_what_can_be_is_believed(ago: timedelta, believed: timedelta | None) -> None:
    moment = believable(NOON - ago, NOON)
    assert moment == (None if believed is None else NOON - believed)
    assert believable(None, NOON) is None
