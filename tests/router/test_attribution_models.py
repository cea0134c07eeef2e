"""How a sale is shared: the published vectors, what must hold of any journey, and two other programs' answers."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from router.attribution_models import MODELS, WHOLE, shares_of, split

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ORACLES = json.loads((Path(__file__).parent / "oracles" / "answers.json").read_text("utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    id: UUID
    at: datetime
    source: str = "yandex"


def days_before(*days: float, source: str = "yandex") -> list[Touch]:
    return [
        Touch(id=UUID(int=number), at=NOW - timedelta(days=each), source=source)
        for number, each in enumerate(days)
    ]


@pytest.mark.parametrize(
    ("model", "days", "expected"),
    [
        pytest.param("time_decay", (14, 7, 0), (0.142857, 0.285714, 0.571429), id="weeks"),
        pytest.param("time_decay", (10, 3, 0), (0.175691, 0.351383, 0.472926), id="days"),
        pytest.param("position_40_20_40", (9, 6, 3, 0), (0.4, 0.1, 0.1, 0.4), id="four"),
        pytest.param("position_40_20_40", (9, 6, 3), (0.4, 0.2, 0.4), id="three"),
        pytest.param("position_20_60_20", (9, 6, 3, 0), (0.2, 0.3, 0.3, 0.2), id="20-60-20"),
        pytest.param("position_10_50_40", (9, 6, 3, 0), (0.1, 0.25, 0.25, 0.4), id="10-50-40"),
        pytest.param("position_40_20_40", (9, 6), (0.5, 0.5), id="two, of equal weight"),
        pytest.param("position_10_50_40", (9, 6), (0.2, 0.8), id="two, renormalised"),
        pytest.param("position_10_50_40", (9,), (1,), id="one takes all"),
        pytest.param("linear", (9, 6, 3, 0), (0.25, 0.25, 0.25, 0.25), id="linear"),
        pytest.param("last", (9, 6, 3), (0, 0, 1), id="last"),
        pytest.param("first", (9, 6, 3), (1, 0, 0), id="first"),
    ],
)
def test_published_vectors(model, days, expected):
    weights = shares_of(days_before(*days), at=NOW).weights[model]

    assert [weight / WHOLE for weight in weights] == pytest.approx(expected, abs=1e-6)


def test_last_non_direct_is_the_one_before_the_direct_visit_and_direct_when_there_is_no_other():
    touches = [*days_before(9, 6), *days_before(1, source="direct")]

    assert shares_of(touches, at=NOW).weights["last_non_direct"] == (0, WHOLE, 0)
    only = shares_of(days_before(6, 1, source="direct"), at=NOW)
    assert only.weights["last_non_direct"] == (0, WHOLE)


def test_what_comes_after_the_conversion_or_too_long_before_does_not_count():
    touches = days_before(91, 90, 5, -1)

    assert shares_of(touches, at=NOW).touches == (1, 2)
    assert shares_of(touches, at=NOW, look_back=timedelta(days=7)).touches == (2,)
    assert shares_of(days_before(91, -1), at=NOW).touches == ()


def test_equal_times_are_in_the_order_of_their_ids_however_they_are_given():
    touches = [Touch(id=UUID(int=number), at=NOW) for number in (3, 1, 2)]

    assert shares_of(touches, at=NOW).touches == (1, 2, 0)


journeys = st.lists(
    st.tuples(st.floats(-10, 120), st.sampled_from(["yandex", "direct", "vk"])), max_size=40
)


@given(journeys)
def test_weights_of_every_model_add_up_to_one(journey):
    touches = [
        Touch(id=UUID(int=number), at=NOW - timedelta(days=days), source=source)
        for number, (days, source) in enumerate(journey)
    ]
    shares = shares_of(touches, at=NOW)

    assert set(shares.weights) == (set(MODELS) if shares.touches else set())
    for model, weights in shares.weights.items():
        assert sum(weights) == WHOLE, model
        assert min(weights) >= 0, model
        assert len(weights) == len(shares.touches)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, WHOLE), min_size=1, max_size=40))
def test_the_parts_of_an_amount_are_the_amount_to_the_kopeck(amount, weights):
    parts = split(amount, weights)

    assert sum(parts) == (amount if sum(weights) else 0)
    for part, weight in zip(parts, weights, strict=True):
        if sum(weights):
            assert abs(part - amount * weight / sum(weights)) < 1 + 1e-3
        if not weight:
            assert part == 0


@pytest.mark.parametrize("package", [name for name in ORACLES if name != "journeys"])
def test_two_other_programs_say_the_same_where_they_know_the_model(package):
    """What ours gives to each channel over two hundred journeys (tests/router/oracles/ask.py)."""
    ours: dict[str, dict[str, float]] = {}
    for journey in ORACLES["journeys"]:
        touches = [
            Touch(id=UUID(int=number), at=NOW - timedelta(hours=hours), source=channel)
            for number, (channel, hours) in enumerate(
                zip(journey["channels"], journey["hours"], strict=True)
            )
        ]
        shares = shares_of(touches, at=NOW)
        for model, weights in shares.weights.items():
            for place, weight in zip(shares.touches, weights, strict=True):
                found = ours.setdefault(model, {})
                source = touches[place].source
                found[source] = found.get(source, 0) + weight / WHOLE

    assert len(ORACLES[package]) >= 3
    for model, theirs in ORACLES[package].items():
        assert ours[model] == pytest.approx(theirs, abs=1e-3), model
