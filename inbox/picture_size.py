"""How many dots a picture unpacks into, read from its beginning. Nothing is decoded here.

A small file may say that it is gigabytes of dots; whoever draws it pays. So what a page draws is measured as the browser
measures it, and what does not say how large it is counts as too large.
"""

import struct
from base64 import b64decode
from binascii import Error as NotBase64
from io import BytesIO
from typing import Final

import imagesize

from inbox.file_looks import MOST_DOTS, SAFE_INLINE

BEGINNING: Final = 512 << 10
"""A photo's own description, with its preview, stands before its size."""

_GIF: Final = (b"GIF87a", b"GIF89a")
_DATA: Final = "data:"


def can_be_drawn(beginning: bytes) -> bool:
    size: tuple[int, int] = imagesize.get(BytesIO(beginning))
    width, height = size
    if beginning.startswith(_GIF):
        # Its first line says how large the screen is; a browser makes it as large as the first frame.
        first = _first_frame(beginning)
        width, height = max(width, first[0]), max(height, first[1])
        return first[0] * first[1] > 0 and width * height <= MOST_DOTS
    return width > 0 and height > 0 and width * height <= MOST_DOTS


def can_be_drawn_here(address: str) -> bool:
    """Of a picture that is in its own address (`data:image/png;base64,…`), as mail has them."""
    head, _, body = address.strip().partition(",")
    kind, *more = head.removeprefix(_DATA).lower().split(";")
    if SAFE_INLINE.get(kind.strip()) != "image" or [each.strip() for each in more][-1:] != [
        "base64"
    ]:
        return False
    try:
        return can_be_drawn(b64decode("".join(body[: BEGINNING * 4 // 3].split()) + "==="))
    except (NotBase64, ValueError):
        return False


def _first_frame(gif: bytes) -> tuple[int, int]:
    """As far to the right and down as it reaches; (0, 0) when there is none in sight."""
    try:
        at = 13 + _colours(gif[10])
        while gif[at] == 0x21:  # extensions: comments, how long a frame stays
            at += 2
            while gif[at]:
                at += 1 + gif[at]
            at += 1
        if gif[at] != 0x2C:
            return 0, 0
        left, top, width, height = struct.unpack_from("<HHHH", gif, at + 1)
    except (IndexError, struct.error):
        return 0, 0
    return left + width, top + height


def _colours(flags: int) -> int:
    """Bytes of the table of colours."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
