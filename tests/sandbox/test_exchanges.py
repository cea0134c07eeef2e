"""The stand-ins of telephone exchanges by hand: a person makes somebody call, and sees what was told."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import aiohttp
import pytest

from sandbox.exchange import Exchange, beep, control
from sandbox.mango import Mango
from sandbox.rates import Window
from sandbox.uis import Uis
from sandbox.zadarma import Zadarma
from tests.connectors.channels.call_stand import Clock, a_door
from tests.connectors.channels.mango_world import KEY, SALT, an_account as at_mango
from tests.connectors.channels.uis_world import SECRET as PATH, an_account as at_uis
from tests.connectors.channels.zadarma_world import SECRET, an_account as at_zadarma

Incoming = Callable[..., Awaitable[object]]


def mango(clock: Clock, hook: str) -> tuple[Exchange, Incoming]:
    made = Mango(now=clock, key=KEY, salt=SALT, hook=hook)
    return made, made.rings


def zadarma(clock: Clock, hook: str) -> tuple[Exchange, Incoming]:
    made = Zadarma(now=clock, key="k", secret=SECRET, hook=hook)
    return made, made.incoming


def uis(clock: Clock, hook: str) -> tuple[Exchange, Incoming]:
    made = Uis(now=clock, token="t", hook=f"{hook}/{PATH}")
    return made, made.incoming


@pytest.mark.parametrize(
    ("make", "account"), [(mango, at_mango()), (zadarma, at_zadarma()), (uis, at_uis())]
)
async def test_somebody_calls_by_hand(make, account) -> None:
    clock = Clock()
    async with a_door(clock) as door, aiohttp.ClientSession() as http:
        door.account = account
        exchange, incoming = make(clock, door.url)
        async with exchange.running(routes=control(exchange, incoming)):
            call = {"phone": "+79161234567", "answered_by": "101"}
            async with http.post(f"{exchange.url}/control/call", json=call) as response:
                names = await response.json()
            async with http.get(f"{exchange.url}/control/told") as response:
                told = await response.json()
            async with http.post(f"{exchange.url}/control/call", json={"x": 1}) as response:
                assert response.status == HTTPStatus.BAD_REQUEST
    assert [each["what"] for each in told] == names
    assert {each["status"] for each in told} == {200}
    assert "talking" in {each.phase for each in door.events}
    assert not exchange.requests, "a person's own door is no request of ours"


async def test_nobody_listens_and_nothing_is_told_again() -> None:
    exchange, incoming = mango(Clock(), "http://127.0.0.1:1/hooks/telephony/shop")
    async with exchange.running():
        await incoming(phone="79161234567")
    assert {each.status for each in exchange.told} == {0}


async def test_before_it_runs_it_tells_nothing() -> None:
    exchange, incoming = zadarma(Clock(), "http://127.0.0.1:1/")
    with pytest.raises(RuntimeError):
        await incoming(phone="79161234567")
    assert not exchange.told


def test_a_window_forgets_what_is_over() -> None:
    window = Window(2, 10.0)
    assert [window.take(at) for at in (0.0, 1.0, 2.0, 10.0)] == [0.0, 0.0, 8.0, 0.0]
    assert window.refused == 1


def test_a_recording_can_be_heard() -> None:
    assert beep(0.1).startswith(b"RIFF")
    assert len(beep(0.1)) == 44 + 2 * 800
