"""Pictures that people send, drawn on the spot: no files to carry along."""

import struct
import zlib
from functools import cache
from math import atan2, hypot, sin
from typing import Final

SIZE: Final = 320


@cache
def brake_disc() -> bytes:
    """A worn brake disc from above, as a PNG."""
    rows = b"".join(b"\0" + b"".join(bytes(_shade(x, y)) for x in range(SIZE)) for y in range(SIZE))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _shade(x: int, y: int) -> tuple[int, int, int]:
    across, down = x - SIZE / 2, y - SIZE / 2
    radius, angle = hypot(across, down) / (SIZE / 2), atan2(down, across)
    if radius > 0.93:
        floor = 62 + int(10 * sin(x / 9) * sin(y / 13))
        return floor, floor, floor + 4
    if radius > 0.88:  # the rim rusts first
        return 122, 74, 46
    if radius > 0.45:  # grooves, and the light on them
        groove = 150 + int(26 * sin(radius * 140)) + int(34 * sin(2 * angle))
        return groove, groove, groove + 4
    if radius > 0.16:
        bolt = any(
            hypot(across - cx, down - cy) < SIZE * 0.028
            for cx, cy in ((48, 0), (15, 46), (-39, 28), (-39, -28), (15, -46))
        )
        return (30, 30, 32) if bolt else (104, 96, 90)
    return 44, 42, 44


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )
