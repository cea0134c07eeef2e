"""What a business calls the places people come from: ordered rules over (source, medium, campaign), the first that fits wins.

A pattern is what people write without learning anything: words with `|` between alternatives, `*` for any characters,
letters of either case. An empty pattern asks nothing; `""` asks that nothing be there.

    source ya|yandex   medium cpc|ppc   →  "Яндекс Директ"

`Rules` remembers what it found out about each word and each pair, so that a hundred thousand origins, which differ in
their campaigns, are named as fast as the few pairs among them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

from router.clean_text import clean_line

LONGEST_PATTERN: Final = 500
NOTHING: Final = '""'
_NOT_SET: Final = frozenset({"", "(not set)", "(none)", "not_set"})
"""What other programs write for a word that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`number`: its place in the list as people count, from 1."""

    id: UUID
    number: int
    source_pattern: str = ""
    medium_pattern: str = ""
    campaign_pattern: str = ""
    source_id: UUID


class BadPattern(ValueError):
    """The pattern asks nothing that could be answered."""


def clean_pattern(written: str) -> str:
    """As it is kept: lower-case, without doubled or empty alternatives. Raises BadPattern."""
    words = [
        word
        for each in clean_line(written, limit=10_000).lower().split("|")
        if (word := " ".join(each.split()))
    ]
    kept = "|".join(dict.fromkeys(words))
    if len(kept) > LONGEST_PATTERN:
        raise BadPattern(f"{LONGEST_PATTERN} characters are as long as a pattern may be.")
    return kept


def exactly(value: str) -> str:
    """The pattern that this value alone fits, as far as patterns can say it: they have no escape for `|` and `*`."""
    folded = fold(value)
    return folded.replace("|", "*") if folded else NOTHING


def fold(value: str) -> str:
    folded = clean_line(value, limit=255).lower()
    return "" if folded in _NOT_SET else folded


def fits(pattern: str, value: str) -> bool:
    """`value` is folded already."""
    return not pattern or _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    alternatives = (
        "" if word == NOTHING else _expression(word) for word in pattern.lower().split("|")
    )
    return re.compile("|".join(alternatives), re.DOTALL)


def _expression(word: str) -> str:
    """What stands between two stars is sought once, the first time it comes: a pattern full of stars costs no more."""
    first, *rest = map(re.escape, re.split(r"\*+", word))
    if not rest:
        return first
    *between, last = rest
    return first + "".join(f"(?>.*?{each})" for each in between) + f".*{last}"


class Rules:
    """The rules in their order."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._by_source: dict[str, tuple[Rule, ...]] = {}
        self._by_pair: dict[tuple[str, str], tuple[Rule, ...]] = {}

    def first(self, source: str, medium: str, campaign: str) -> Rule | None:
        """The rule that names this origin; None: no rule knows it."""
        source, medium = fold(source), fold(medium)
        candidates = self._by_pair.get((source, medium))
        if candidates is None:
            candidates = self._by_pair[source, medium] = self._of_pair(source, medium)
        if not candidates:
            return None
        if not candidates[0].campaign_pattern:
            return candidates[0]
        campaign = fold(campaign)
        return next((each for each in candidates if fits(each.campaign_pattern, campaign)), None)

    def _of_pair(self, source: str, medium: str) -> tuple[Rule, ...]:
        """Those that fit the pair, up to the first that does not ask for the campaign."""
        of_source = self._by_source.get(source)
        if of_source is None:
            of_source = tuple(each for each in self.rules if fits(each.source_pattern, source))
            self._by_source[source] = of_source
        found = []
        for each in of_source:
            if fits(each.medium_pattern, medium):
                found.append(each)
                if not each.campaign_pattern:
                    break
        return tuple(found)
