"""Words as they may have been meant: another letter, one too many, two changed over, or the other keyboard layout.

    запсной ──▶ запасной        ghbdtn ──▶ привет

A word is looked for among the words that were ever said (`storage/said_words.py`): those with like letters by the trigram
index, and of them the ones with the fewest errors. Numbers and short words are taken as they are.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.said_words import LONGEST, SHORTEST

MOST_NEAR: Final = 3
"""Words equally near that are searched in the place of one."""
MOST_SPELLINGS: Final = 4
MOST_WORDS: Final = 8
"""A longer question is a quotation."""
MOST_LIKE: Final = 200
"""Words with like letters of which the errors are counted."""
ONE_ERROR: Final = 5
"""Words no longer than this may have one error, or two letters changed over; longer ones two errors."""
ERRORS: Final = 2

_WORD = re.compile(r"\w+")
_LATIN: Final = "`qwertyuiop[]asdfghjkl;'zxcvbnm,."
_CYRILLIC: Final = "ёйцукенгшщзхъфывапролджэячсмитьбю"
_TO_CYRILLIC: Final = str.maketrans(_LATIN + '~{}:"<>', _CYRILLIC + "ёхъжэбю")
_TO_LATIN: Final = str.maketrans(_CYRILLIC, _LATIN)


def in_the_other_layout(typed: str) -> str | None:
    """What the same keys type on the other keyboard, Russian or English; None when it has letters of both, or of neither."""
    latin = re.search("[a-z]", typed) is not None
    cyrillic = re.search("[а-яё]", typed) is not None
    if latin == cyrillic:
        return None
    return typed.translate(_TO_CYRILLIC if latin else _TO_LATIN)


async def spellings(connection: AsyncConnection, typed: str) -> list[str]:
    """The likeliest first. None when nothing like a word of it was ever said, or when every word was, only never together.

    To be asked with the settings of a search, which make it go by the indexes.
    """
    places = list(_places(typed))
    if not places or len(places) > MOST_WORDS:
        return []
    known = await _known(connection, places)
    unknown = [each for each in places if each.word not in known]
    near = await _near(connection, {word for each in unknown for word in each.readings()} - known)
    choices: list[tuple[str, ...]] = []
    for each in places:
        if each.word in known:
            choices.append((each.word,))
        elif each.other in known:
            choices.append((each.other,))
        elif meant := near.get(each.word) or near.get(each.other):
            choices.append(meant)
        else:
            return []
    return [" ".join(words) for words in islice(product(*choices), MOST_SPELLINGS) if unknown]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A word of the question, and what the same keys type in the other layout, when that is a word, too."""

    word: str
    other: str = ""

    def readings(self) -> tuple[str, ...]:
        return (self.word, self.other) if self.other else (self.word,)


def _places(typed: str) -> Iterator[_Place]:
    for part in typed.split():
        words = _WORD.findall(part)
        other = in_the_other_layout(part)
        if other is None or not other.isalpha():
            yield from (_Place(word=word) for word in words)
        else:  # "[jkjl" is one word, холод; as it stands it is none.
            yield _Place(word=words[0] if words == [part] else part, other=other)


_KNOWN: Final = text("""
    select asked.word from unnest(cast(:words as text[]), cast(:begun as text[])) asked(word, begun)
    where (
        select s.message_id from message_search s where s.vector @@ (
            plainto_tsquery('russian', asked.word) || plainto_tsquery('english', asked.word)
            || plainto_tsquery('simple', asked.word)
            || case when asked.begun <> '' then to_tsquery('simple', asked.begun) else '' end) limit 1) is not null
""")
"""Said in any form; the last one also when it is the beginning of what was said."""


async def _known(connection: AsyncConnection, places: list[_Place]) -> set[str]:
    asked = {word: "" for each in places for word in each.readings()}
    asked |= {word: f"'{word}':*" for word in places[-1].readings() if _WORD.fullmatch(word)}
    values = {"words": list(asked), "begun": list(asked.values())}
    return set((await connection.execute(_KNOWN, values)).scalars())


_LIKENESS: Final = text("""
    select set_config('pg_trgm.similarity_threshold', '0.2', true)
""")
"""Of a word of five letters with two changed over, a fifth of the trigrams are left."""
_NEAR: Final = text("""
    select asked.word, near.word as said, near.errors
    from unnest(cast(:words as text[])) asked(word) cross join lateral (
        select likely.word, levenshtein_less_equal(likely.word, asked.word, :errors) as errors from (
            select word from said_word
            where word % asked.word and abs(length(word) - length(asked.word)) <= :errors
            order by similarity(word, asked.word) desc, word limit :most
        ) likely
    ) near
    where near.errors <= :errors order by near.errors, near.word
""")


async def _near(connection: AsyncConnection, words: set[str]) -> Mapping[str, tuple[str, ...]]:
    """The words with the fewest errors, of those that have some near."""
    asked = sorted(each for each in words if SHORTEST <= len(each) <= LONGEST and each.isalpha())
    if not asked:
        return {}
    await connection.execute(_LIKENESS)
    values = {"words": asked, "errors": ERRORS, "most": MOST_LIKE}
    near: dict[str, dict[int, list[str]]] = {}
    for row in await connection.execute(_NEAR, values):
        errors = 1 if sorted(row.said) == sorted(row.word) else row.errors
        if errors == 1 or (errors == ERRORS and len(row.word) > ONE_ERROR):
            near.setdefault(row.word, {}).setdefault(errors, []).append(row.said)
    return {word: tuple(by[min(by)][:MOST_NEAR]) for word, by in near.items()}
