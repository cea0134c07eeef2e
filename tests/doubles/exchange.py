"""The exchange of `exchange_channel` among the channels, as long as a test lasts."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors import channels
from connectors.registry import discover

_FOLDER = Path(__file__).parent / "exchange_channel"


@contextmanager
def an_exchange_among_the_channels() -> Iterator[Any]:
    """Gives what it was asked and answers, new."""
    before = list(channels.__path__)
    channels.__path__ = [*before, str(_FOLDER)]
    discover.cache_clear()
    try:
        module = importlib.import_module("connectors.channels.exchange")
        module.STATE.__init__()
        yield module.STATE
    finally:
        channels.__path__ = before
        discover.cache_clear()


def a_recording(seconds: int = 2) -> bytes:
    """A WAV file of silence: 8 kHz, 8 bits, as exchanges make them."""
    data = b"\x80" * 8000 * seconds
    head = (
        b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    )
    shape = (1).to_bytes(2, "little") * 2 + (8000).to_bytes(4, "little") * 2
    return (
        head
        + shape
        + (1).to_bytes(2, "little")
        + (8).to_bytes(2, "little")
        + b"data"
        + len(data).to_bytes(4, "little")
        + data
    )
