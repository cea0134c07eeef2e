"""What one reply becomes in WhatsApp: texts of 4096, files one by one, words as the caption that the first file can have.

Every part is sent, and counted as sent, by itself, so that a failure in the middle repeats nothing.
https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media (Supported media types)
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from connectors.connector import Outgoing, OutgoingFile
from connectors.long_text import split_text

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
FILE_LIMIT: Final = 100_000_000

Family = Literal["image", "video", "audio", "document"]

_SHOWN: Final[dict[str, tuple[Family, int]]] = {
    "image/jpeg": ("image", 5_000_000),
    "image/png": ("image", 5_000_000),
    "video/mp4": ("video", 16_000_000),
    "video/3gpp": ("video", 16_000_000),
    "audio/aac": ("audio", 16_000_000),
    "audio/amr": ("audio", 16_000_000),
    "audio/mpeg": ("audio", 16_000_000),
    "audio/mp4": ("audio", 16_000_000),
    "audio/ogg": ("audio", 16_000_000),
}
"""By type: what WhatsApp shows it as, and up to how many bytes. All else goes as a document."""


def family_of(file: OutgoingFile) -> Family:
    family, limit = _SHOWN.get(file.mime, ("document", FILE_LIMIT))
    return family if file.size <= limit else "document"


def split(outgoing: Outgoing) -> Sequence[Outgoing]:
    """A template is one message whatever it says. Only the first part answers the message that the reply answers."""
    if outgoing.details.get("template"):
        return [replace(outgoing, files=())]
    parts = list(_parts(outgoing))
    return [parts[0], *(replace(part, reply_to="") for part in parts[1:])] if parts else []


def _parts(outgoing: Outgoing) -> Iterator[Outgoing]:
    caption = outgoing.text.strip()
    captioned = bool(outgoing.files) and family_of(outgoing.files[0]) != "audio"
    if not captioned or len(caption) > CAPTION_LIMIT:
        for text in split_text(outgoing.text, limit=TEXT_LIMIT):
            yield replace(outgoing, text=text, html="", files=())
        caption = ""
    for file in outgoing.files:
        yield replace(outgoing, text=caption, html="", files=(file,))
        caption = ""
