import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, strategies as some

from storage.reading.initials import initials
from storage.reading.paging import BadCursor, cursor_at, key_of, page_of
from storage.reading.searching import wanted

moments = some.datetimes(timezones=some.just(UTC))


@given(moments, some.uuids())
def test_a_cursor_gives_back_the_place_it_stands_for(at: datetime, id_: UUID) -> None:
    cursor = cursor_at("list", (at, id_))
    assert key_of(cursor, "list", tuple[datetime, UUID]) == (at, id_)
    with pytest.raises(BadCursor):
        key_of(cursor, "another list", tuple[datetime, UUID])
    with pytest.raises(BadCursor):
        key_of(cursor, "list", tuple[int, UUID])


@given(some.text() | some.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_what_is_no_cursor_is_a_bad_cursor_and_nothing_worse(cursor: str) -> None:
    with pytest.raises(BadCursor):
        key_of(cursor, "list", tuple[datetime, UUID])


def test_a_full_page_without_a_row_behind_it_is_the_last() -> None:
    assert page_of([1, 2], limit=2, name="n", key=lambda row: (row,)).next_cursor is None
    page = page_of([1, 2, 3], limit=2, name="n", key=lambda row: (row,))
    assert page.items == (1, 2)
    assert key_of(page.next_cursor or "", "n", tuple[int]) == (2,)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Анна Петрова", "АП"),
        ("Анна Ивановна Петрова", "АП"),
        ("anna", "A"),
        ("", ""),
        ("+79161234567", ""),
        ("  Анна  ", "А"),
        ("«Ромашка» ООО", "О"),
    ],
)
def test_a_badge_has_the_first_letters(name: str, expected: str) -> None:
    assert initials(name) == expected


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("+7 (916) 123-45-67", ("79161234567",)),
        ("8 916 123", ("8916123", "7916123")),
        ("8 9", ()),
        ("4567", ("4567",)),
        ("дом 4567", ()),
    ],
)
def test_digits_are_a_phone_only_when_nothing_else_is_there(
    typed: str, digits: tuple[str, ...]
) -> None:
    sought = wanted(typed)
    assert sought is not None
    assert sought.digits == digits


@given(some.text())
def test_anything_typed_is_taken(typed: str) -> None:
    sought = wanted(typed)
    assert sought is None or (sought.text == sought.text.lower() and len(sought.text) <= 400)
