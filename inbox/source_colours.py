"""A colour for each source, the same wherever it is named.

Chosen from the name, so that nobody has to keep it; two sources may share one, the words beside it tell them apart. Green,
amber and red are not among them: those speak of waiting, health and money.
"""

from typing import Final
from zlib import crc32

COLOURS: Final = ("petrol", "violet", "ochre", "sky", "slate", "leaf", "blue")
"""As in static/css/components/colours.css."""


def source_colour(source: str) -> str:
    """ "": there is no source."""
    name = " ".join(source.casefold().split())
    return COLOURS[(crc32(name.encode()) >> 16) % len(COLOURS)] if name else ""
