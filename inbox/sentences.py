"""What the rest of Allo says to people, in the reader's language.

A refusal, a finding of a check, why a reply was not sent: they come as English sentences from where nobody knows who will
read them. `translations/sentences.*.po` has each, kept by hand; `{…}` stands for what was inserted, which is put into the
translation as it came, or translated when it is a sentence (or a word) of its own. What is not there stays English.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

_CATALOGUES: Final = Path(__file__).parent / "translations"
_PLACE: Final = re.compile(r"\{(\w+)\}")
LONGEST: Final = 1000
"""Characters; nothing that Allo says is longer, and what a platform says beyond them is not searched."""
DEEPEST: Final = 3


class Sentences:
    """The sentences of one language, by their English; a full stop at the end comes and goes with the sentence."""

    def __init__(self, known: Mapping[str, str]) -> None:
        bare = {said.removesuffix("."): own.removesuffix(".") for said, own in known.items()}
        self._plain = {said: own for said, own in bare.items() if not _PLACE.search(said)}
        # The one that leaves the least to what was inserted says it best.
        with_places = sorted(
            (pair for pair in bare.items() if _PLACE.search(pair[0])),
            key=lambda pair: -len(_PLACE.sub("", pair[0])),
        )
        self._with_places = [(_pattern(said), own) for said, own in with_places]

    def say(self, sentence: str) -> str:
        """In this language; the sentence itself when it is not known."""
        if not sentence or len(sentence) > LONGEST:
            return sentence
        bare = sentence.removesuffix(".")
        own = self._said(bare, depth=0)
        return own + sentence[len(bare) :]

    def _said(self, bare: str, *, depth: int) -> str:
        if (plain := self._plain.get(bare)) is not None:
            return plain
        if depth == DEEPEST:
            return bare
        for pattern, own in self._with_places:
            if found := pattern.fullmatch(bare):
                inserted = {
                    name: self._said(value, depth=depth + 1)
                    for name, value in found.groupdict().items()
                }
                return _PLACE.sub(lambda place: inserted[place[1]], own)  # noqa: B023  # used at once
        return bare


@cache
def sentences(code: str) -> Sentences:
    path = _CATALOGUES / f"sentences.{code}.po"
    if not path.exists():
        return Sentences({})
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    return Sentences(
        {
            message.id: message.string
            for message in catalogue
            if isinstance(message.id, str) and isinstance(message.string, str) and message.id
        }
    )


def _pattern(said: str) -> re.Pattern[str]:
    pieces: list[str] = []
    end = 0
    for place in _PLACE.finditer(said):
        pieces += [re.escape(said[end : place.start()]), f"(?P<{place[1]}>.+?)"]
        end = place.end()
    return re.compile("".join([*pieces, re.escape(said[end:])]), re.DOTALL)
