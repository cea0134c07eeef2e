"""Which rule names an origin: the first that fits, whatever the case and however many campaigns there are."""

import time
from uuid import uuid4

import pytest

from router.source_rules import BadPattern, Rule, Rules, clean_pattern, exactly, fits, fold

YANDEX, VK, SPRING, SEARCH = (uuid4() for _ in range(4))


def rules(*patterns):
    return Rules(
        [
            Rule(
                id=uuid4(),
                number=n,
                source_pattern=source,
                medium_pattern=medium,
                campaign_pattern=campaign,
                source_id=named,
            )
            for n, (source, medium, campaign, named) in enumerate(patterns, start=1)
        ]
    )


@pytest.mark.parametrize(
    ("pattern", "value", "whether"),
    [
        pytest.param("ya|yandex", "yandex", True, id="an alternative"),
        pytest.param("ya|yandex", "yandex.ru", False, id="whole words only"),
        pytest.param("yandex*", "yandex.ru", True, id="a star at the end"),
        pytest.param("*.vk.com", "m.vk.com", True, id="a star at the beginning"),
        pytest.param("*spring*", "2026_spring_sale", True, id="stars around"),
        pytest.param("a*b*c", "a-c-b", False, id="pieces in their order"),
        pytest.param("aba*ba", "aba", False, id="pieces do not overlap"),
        pytest.param("", "anything", True, id="an empty pattern asks nothing"),
        pytest.param('""', "", True, id="nothing is there"),
        pytest.param('""', "cpc", False, id="something is there"),
        pytest.param('cpc|""', "", True, id="a word or nothing"),
        pytest.param("a.c", "abc", False, id="a dot is a dot"),
        pytest.param("весна*", "весна-2026", True, id="of any alphabet"),
    ],
)
def test_what_a_pattern_fits(pattern, value, whether):
    assert fits(pattern, value) is whether


def test_the_first_rule_that_fits_wins_and_case_does_not_matter():
    named = rules(
        ("ya|yandex", "cpc", "*spring*", SPRING),
        ("ya|yandex", "cpc", "", YANDEX),
        ("ya*", "", "", SEARCH),
    )
    assert named.first("Yandex", "CPC", "Spring-Sale").source_id == SPRING
    assert named.first("YA", "cpc", "autumn").source_id == YANDEX
    assert named.first("yandex", "organic", "").source_id == SEARCH
    assert named.first("bing", "cpc", "spring") is None


def test_what_other_programs_write_for_nothing_is_nothing():
    assert fold("(not set)") == fold("(none)") == ""
    assert rules(("vk", '""', "", VK)).first("vk", "(none)", "x").source_id == VK


def test_a_pattern_is_kept_without_doubles_and_empty_alternatives():
    assert clean_pattern("  YA | yandex||ya ") == "ya|yandex"
    with pytest.raises(BadPattern):
        clean_pattern("|".join(f"word{n}" for n in range(200)))


def test_a_rule_made_of_an_origin_fits_that_origin():
    for value in ("newsletter", "a|b", "", "x.y"):
        assert fits(exactly(value), fold(value)), value


def test_a_pattern_full_of_stars_is_no_trap():
    began = time.process_time()
    assert not fits("*a" * 60 + "*b", "a" * 255)
    assert time.process_time() - began < 0.2


def test_a_hundred_thousand_origins_are_named_in_a_moment():
    many = rules(
        *((f"source{n}", "cpc", "", YANDEX) for n in range(99)), ("ya", "cpc", "sale*", SPRING)
    )
    began = time.process_time()
    found = [many.first("ya", "cpc", f"sale-{n}") for n in range(100_000)]
    assert all(found)
    # Measured at 0.24 s; a full pass over the rules for each would take far longer than the limit.
    assert time.process_time() - began < 2
