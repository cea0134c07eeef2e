"""What platforms sent, kept compressed until retention ends, so that a parser mended later can read it again.

Zstandard, not zlib: for the few hundred bytes of a message zlib spends 10 µs, most of it on setting itself up.
"""

import threading
from typing import Final

import zstandard

LEVEL: Final = 3
LARGEST: Final = 64 << 20
"""Bytes when unpacked; larger ones are in the media store."""

_own = threading.local()


def pack(raw: bytes) -> bytes:
    """A compressor is not shared between threads; each keeps its own."""
    compressor: zstandard.ZstdCompressor | None = getattr(_own, "compressor", None)
    if compressor is None:
        compressor = _own.compressor = zstandard.ZstdCompressor(level=LEVEL)
    return compressor.compress(raw)


def unpack(packed: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(packed, max_output_size=LARGEST)
