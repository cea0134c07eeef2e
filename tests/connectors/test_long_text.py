"""A long text is cut where a reader would pause, and nothing of it is lost."""

import pytest
from hypothesis import given, strategies as st

from connectors.long_text import Unit, length, split_text


def test_a_short_text_is_one_part() -> None:
    assert split_text("Здравствуйте!", limit=4096, unit="utf16") == ["Здравствуйте!"]


def test_blank_text_has_no_parts() -> None:
    assert split_text(" \n\t ", limit=10) == []


def test_a_paragraph_break_is_the_best_border() -> None:
    text = "Первый абзац. Ещё.\n\nВторой абзац довольно длинный."
    assert split_text(text, limit=32) == ["Первый абзац. Ещё.", "Второй абзац довольно длинный."]


def test_a_sentence_is_better_than_a_word() -> None:
    text = "Приезжайте завтра. Мы работаем с девяти"
    assert split_text(text, limit=30) == ["Приезжайте завтра.", "Мы работаем с девяти"]


def test_a_border_far_from_the_end_is_passed_over() -> None:
    text = "Да.\n\n" + "слово " * 20
    assert split_text(text, limit=60)[0].startswith("Да.\n\nслово")


def test_a_word_longer_than_a_part_is_cut() -> None:
    assert split_text("a" * 25, limit=10) == ["a" * 10, "a" * 10, "a" * 5]


def test_utf16_counts_an_emoji_twice_and_never_halves_it() -> None:
    parts = split_text("😀" * 5, limit=5, unit="utf16")
    assert parts == ["😀😀", "😀😀", "😀"]
    assert length("😀", "utf16") == 2


@pytest.mark.parametrize(
    "character",
    [
        pytest.param("👨‍👩‍👧‍👦", id="family"),
        pytest.param("\u0438\u0306", id="combining breve"),
        pytest.param("👍🏽", id="skin tone"),
        pytest.param("🇷🇺", id="flag"),
    ],
)
def test_what_reads_as_one_character_is_not_cut(character: str) -> None:
    parts = split_text(character * 4, limit=len(character) + 1)
    assert parts == [character] * 4


def test_a_part_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="room"):
        split_text("😀", limit=1, unit="utf16")


def test_a_megabyte_is_cut_quickly() -> None:
    parts = split_text("слово и дело. " * 75_000, limit=4096, unit="utf16")
    assert max(map(len, parts)) <= 4096


@given(
    st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("\n .😀‍")),
    st.integers(2, 40),
    st.sampled_from(["utf16", "codepoints"]),
)
def test_nothing_but_white_space_at_borders_is_lost(text: str, limit: int, unit: Unit) -> None:
    parts = split_text(text, limit=limit, unit=unit)
    assert all(part.strip() and length(part, unit) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
