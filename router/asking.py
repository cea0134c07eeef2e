"""The words in which colleagues ask for something, shared by whoever asks (pages, API, command line) and whoever does it."""

from dataclasses import dataclass
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
