"""A form on a page with our script says more than its own fields: the visits before it."""

from datetime import UTC, datetime

import pytest

from connectors.channels.lead_form.sources import source_of
from tests.connectors.test_tracked_links import TRAIL, encoded

AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def told(**service):
    return source_of(service, query={}, referrer="", now=AT)


@pytest.mark.parametrize(
    "fields", [{}, {"utm_source": "yandex"}, {"utm_source": "yandex", "utm_campaign": "spring"}]
)
def test_what_the_script_filled_in_is_one_way_and_not_two(fields):
    source = told(allo=encoded(TRAIL), **fields)
    assert source.visit == "v2"
    assert [each.visit for each in source.earlier] == ["v1"]
    assert source.earlier[0].utm["campaign"] == "spring"


def test_words_of_the_pages_own_come_after_the_visits():
    source = told(allo=encoded(TRAIL), utm_source="partner")
    assert source.utm == {"source": "partner"}
    assert [each.visit for each in source.earlier] == ["v1", "v2"]


def test_nonsense_in_the_field_leaves_what_the_form_says():
    assert told(allo="!!", utm_source="partner").utm == {"source": "partner"}
    assert told(allo="!!") is None
