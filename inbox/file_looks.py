"""What a page draws of a file, what it only offers to download, and under which name."""

import unicodedata
from collections.abc import Mapping
from typing import Final, Literal, Protocol

ShownAs = Literal["image", "audio", "video", "file"]

SAFE_INLINE: Final[Mapping[str, ShownAs]] = {
    "image/jpeg": "image",
    "image/png": "image",
    "image/gif": "image",
    "image/webp": "image",
    "image/avif": "image",
    "audio/mpeg": "audio",
    "audio/ogg": "audio",
    "audio/mp4": "audio",
    "audio/aac": "audio",
    "audio/wav": "audio",
    "audio/x-wav": "audio",
    "audio/webm": "audio",
    "video/mp4": "video",
    "video/webm": "video",
    "video/quicktime": "video",
}
"""What the browser draws itself and cannot run. SVG is not among them: it may hold a script."""

LARGEST_SHOWN: Final = 20 << 20
MOST_DOTS: Final = 50_000_000
"""What a browser is asked to draw at most: bytes of a picture, and its dots (a telephone's camera makes up to 48 million;
each takes four bytes once it is unpacked). Beyond, it is a file to download."""
LONGEST_NAME: Final = 200


class Measured(Protocol):
    """`size` in bytes; None where it is not known."""

    @property
    def mime(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...


def too_much(file: Measured) -> bool:
    return (file.size or 0) > LARGEST_SHOWN or (file.width or 0) * (file.height or 0) > MOST_DOTS


def is_drawn(file: Measured) -> bool:
    """A picture that can be drawn where it stands."""
    return SAFE_INLINE.get(file.mime) == "image" and not too_much(file)


def tame(name: str) -> str:
    """A file's name as it may be shown and saved: no path, no line breaks, nothing that turns the writing round so that
    an .exe reads as a .pdf.
    """
    seen = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Zl", "Zp"})
    return seen.replace("/", "_").replace("\\", "_").strip()[-LONGEST_NAME:].lstrip(".")
