"""What one reply becomes in VK: texts of 4096, files up to ten with the last of them.

Every part is sent, and counted as sent, by itself, so that a failure in the middle repeats nothing. Its number goes with
it, and makes its random_id.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from connectors.connector import Outgoing, OutgoingFile
from connectors.long_text import split_text

TEXT_LIMIT: Final = 4096
"""Code points. The schema says 9000; error 914 comes beyond 4096."""

FILES: Final = 10
"""VK API: attachments of one message."""

TOGETHER: Final = 10_000_000
"""Bytes of files in one part: they are uploaded one after the other, and a part has 45 s (workers.deliver)."""

FILE_LIMIT: Final = 50_000_000
"""VK takes documents of 200 MB; a part's 45 s are enough for 50 MB at about 12 Mbit/s."""

PHOTO_LIMIT: Final = 50_000_000
PHOTO_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif"})
VOICE_TYPES: Final = frozenset({"audio/ogg", "audio/mpeg"})

PART: Final = "vk_part"
"""The part's number, among an outgoing message's details."""


def is_photo(file: OutgoingFile) -> bool:
    """Whether VK shows it as a picture; others go as documents, unscaled."""
    return file.kind == "image" and file.mime in PHOTO_TYPES and file.size <= PHOTO_LIMIT


def is_voice(file: OutgoingFile) -> bool:
    return file.kind == "voice" and file.mime in VOICE_TYPES


def split(outgoing: Outgoing) -> Sequence[Outgoing]:
    """Only the first part answers the message that the reply answers."""
    return [
        replace(
            part,
            html="",
            reply_to="" if number else part.reply_to,
            details={**part.details, PART: number},
        )
        for number, part in enumerate(_parts(outgoing))
    ]


def _parts(outgoing: Outgoing) -> Iterator[Outgoing]:
    texts = split_text(outgoing.text, limit=TEXT_LIMIT)
    bundles = list(_bundles(outgoing.files))
    for text in texts[:-1] if bundles else texts:
        yield replace(outgoing, text=text, files=())
    words = texts[-1] if texts else ""
    for files in bundles:
        yield replace(outgoing, text=words, files=files)
        words = ""


def _bundles(files: Sequence[OutgoingFile]) -> Iterator[tuple[OutgoingFile, ...]]:
    """A voice message stands alone: VK shows it so, or not at all."""
    bundle: list[OutgoingFile] = []
    for file in files:
        full = len(bundle) == FILES or sum(each.size for each in bundle) + file.size > TOGETHER
        if bundle and (full or is_voice(file) or is_voice(bundle[-1])):
            yield tuple(bundle)
            bundle = []
        bundle.append(file)
    if bundle:
        yield tuple(bundle)
