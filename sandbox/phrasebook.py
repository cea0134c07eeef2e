"""What was said in the town and what fits as an answer: how colleagues know what to say."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.telling import Photo, Turn


@dataclass(slots=True, eq=False)
class Asked:
    """A turn that somebody begins now; `said` once they have finished."""

    turn: Turn
    who: str
    said: asyncio.Event = field(default_factory=asyncio.Event)


class Phrasebook:
    def __init__(self) -> None:
        self._asked: defaultdict[str, list[Asked]] = defaultdict(list)

    def begin(self, turn: Turn, who: str) -> Asked:
        asked = Asked(turn, who)
        for words in _words_of(turn):
            self._asked[words].append(asked)
        return asked

    def forget(self, asked: Asked) -> None:
        for words in _words_of(asked.turn):
            left = [each for each in self._asked[words] if each is not asked]
            if left:
                self._asked[words] = left
            else:
                del self._asked[words]

    def find(self, texts: Sequence[str], who: str) -> Asked | None:
        """What these messages begin or are; two people may say the same, then the name tells."""
        found: list[Asked] = []
        for text in map(plain, texts):
            # A mail has a signature under its words.
            found += (
                each
                for words, asked in self._asked.items()
                if text.startswith(words)
                for each in asked
            )
        return next((each for each in found if each.who == who), found[0] if found else None)


def plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _words_of(turn: Turn) -> list[str]:
    spoken = (
        each.caption if isinstance(each, Photo) else each
        for each in turn.says
        if isinstance(each, str | Photo)
    )
    return list(dict.fromkeys(plain(each) for each in spoken if each))
