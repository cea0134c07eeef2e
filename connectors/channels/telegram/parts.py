"""What one reply becomes in Telegram: texts of 4096, files one by one or as an album, words as the caption they fit in.

Every part is sent, and counted as sent, by itself, so that a failure in the middle repeats nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from connectors.connector import Outgoing, OutgoingFile
from connectors.long_text import length, split_text

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
ALBUM: Final = 10
"""Bot API, sendMediaGroup: 2–10 photos and videos in one message."""

PHOTO_LIMIT: Final = 10_000_000
PHOTO_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})


def is_photo(file: OutgoingFile) -> bool:
    """Whether Telegram shows it as a picture; others go as documents, unscaled."""
    return file.kind == "image" and file.mime in PHOTO_TYPES and file.size <= PHOTO_LIMIT


def is_video(file: OutgoingFile) -> bool:
    return file.kind == "video" and file.mime == "video/mp4"


def split(outgoing: Outgoing) -> Sequence[Outgoing]:
    """Only the first part answers the message that the reply answers."""
    parts = list(_parts(outgoing))
    return [parts[0], *(replace(part, reply_to="") for part in parts[1:])] if parts else []


def _parts(outgoing: Outgoing) -> Iterator[Outgoing]:
    caption = outgoing.text.strip()
    if not outgoing.files or length(caption, "utf16") > CAPTION_LIMIT:
        for text in split_text(outgoing.text, limit=TEXT_LIMIT, unit="utf16"):
            yield replace(outgoing, text=text, html="", files=())
        caption = ""
    for files in _together(outgoing.files):
        yield replace(outgoing, text=caption, html="", files=files)
        caption = ""


def _together(files: Sequence[OutgoingFile]) -> Iterator[tuple[OutgoingFile, ...]]:
    for fits, run in groupby(files, key=lambda file: is_photo(file) or is_video(file)):
        same = tuple(run)
        step = ALBUM if fits else 1
        for start in range(0, len(same), step):
            yield same[start : start + step]
