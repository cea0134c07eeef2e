"""How fast one account may send: as its channel says, bursts included."""

from dataclasses import replace

import pytest

from connectors.connector import Capabilities, Connector
from workers.deliver import _Pace


def a_channel(**can: float) -> Connector:
    return Connector(
        kind="x",
        label="X",
        icon="x",
        identity="x",
        fields=(),
        capabilities=replace(Capabilities(), **can),
    )


@pytest.mark.parametrize(
    ("can", "at_once"),
    [
        ({"chat_rate": 1}, 1),
        ({"chat_rate": 1 / 6}, 1),
        ({"chat_rate": 1 / 6, "chat_burst": 45}, 45),
        ({"chat_rate": 5}, 5),
    ],
)
async def test_a_chat_gets_so_many_at_once_and_then_waits(can, at_once):
    pace = _Pace(a_channel(**can))
    for _ in range(at_once):
        await pace.turn("one")
    assert not pace._chats["one"].has_capacity()
    await pace.turn("another")
    limiter = pace._chats["one"]
    assert limiter.max_rate / limiter.time_period == pytest.approx(can["chat_rate"])
