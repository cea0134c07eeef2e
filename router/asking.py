"""The words in which colleagues ask for something, shared by whoever asks (pages, API, command line) and whoever does it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Presence = Literal["here", "away", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file for a reply, already in the media store. `size` in bytes."""

    sha256: str
    name: str
    mime: str
    size: int


class NotFound(Exception):
    """There is no such thing."""


class Refused(Exception):
    """The rules do not allow it; the text says why, for the person who asked."""


class AnsweredMeanwhile(Exception):
    """A colleague has answered since the author looked: ask whether to send it all the same.

    `seq` is of that answer: sent again as seen, the reply goes. `name` may be "".
    """

    def __init__(self, *, seq: int, name: str, at: datetime, words: str = "") -> None:
        super().__init__(f"answered by {name or 'somebody'} at {at}")
        self.seq = seq
        self.name = name
        self.at = at
        self.words = words
        """The first of what they wrote."""
