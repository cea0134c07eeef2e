"""UIS through its stand-in: calls told to our door, the Call API, recordings, scenarios, and how it refuses."""

import json
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp
import pytest

from connectors.channels.uis import connector
from connectors.channels.uis.recordings import fetch as fetch_recording
from connectors.connector import Account, Caller, Finding
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from connectors.outgoing import open_http
from sandbox.exchange import Fault
from sandbox.uis import Uis
from tests.connectors.channels.call_stand import Clock, Door, a_door, all_of, who_asks
from tests.connectors.channels.calls_world import ANNA, SHOP
from tests.connectors.channels.uis_world import SECRET, an_account

PHONE = f"+{ANNA}"
TOKEN = "tk-7d9f1c2b3a4e5f60"


@dataclass(frozen=True, slots=True)
class Stand:
    uis: Uis
    door: Door
    clock: Clock
    http: aiohttp.ClientSession

    def account(self, **fields: str) -> Account:
        own = {"api_base": self.uis.url, "access_token": TOKEN, "virtual_phone_number": SHOP}
        return an_account(**(own | fields))

    async def dial(self, extension: str = "101", **fields: str) -> str:
        assert connector.dial is not None
        return await connector.dial(
            self.account(**fields),
            extension=extension,
            phone=PHONE,
            initiated="allo-42",
            http=self.http,
        )

    async def fetch(self, ref: str, **fields: str) -> bytes:
        assert connector.fetch is not None
        return await all_of(await connector.fetch(self.account(**fields), ref, self.http))

    async def check(self, url: str = "https://a.example", **fields: str) -> list[Finding]:
        assert connector.check is not None
        return list(await connector.check(self.account(**fields), self.http, webhook_url=url))


@pytest.fixture
async def stand() -> AsyncGenerator[Stand]:
    clock = Clock()
    everybody = who_asks(an_account(), Caller(name="Анна", extension="101"))
    async with a_door(clock, everybody) as door, open_http() as http:
        uis = Uis(now=clock, token=TOKEN, hook=f"{door.url}/{SECRET}")
        async with uis.running():
            stand = Stand(uis, door, clock, http)
            door.account = stand.account()
            yield stand


async def test_an_answered_and_transferred_call_comes_through_the_door(stand: Stand) -> None:
    visit = {"utm_source": "yandex", "utm_term": 'колодки "bosch"', "yclid": "1"}
    await stand.uis.incoming(
        phone=ANNA, answered_by="8031", passed_to="8032", name='ООО "Ромашка"', visit=visit
    )
    assert {each.status for each in stand.uis.told} == {200}
    phases = Counter(each.phase for each in stand.door.events)
    assert phases == {"ringing": 3, "talking": 2, "ended": 1, "recorded": 1}
    assert len({each.key for each in stand.door.events}) == len(stand.door.events)
    first = stand.door.events[0]
    assert first.source is not None
    assert first.source.utm == {"source": "yandex", "term": 'колодки "bosch"'}
    assert first.sender is not None
    assert first.sender.name == 'ООО "Ромашка"'
    assert first.started_at == stand.door.now()


async def test_a_missed_call_and_one_without_a_number(stand: Stand) -> None:
    await stand.uis.incoming(phone=ANNA)
    await stand.uis.incoming(phone="")
    whole = [each for each in stand.door.events if each.phase == "missed"]
    assert [each.chat.id for each in whole[::2]] == [PHONE, f"call:{whole[2].call}"]


async def test_another_secret_is_refused_at_the_door(stand: Stand) -> None:
    stand.uis.hook = stand.door.url + "/another-secret"
    await stand.uis.incoming(phone=ANNA)
    assert {each.status for each in stand.uis.told} == {403}
    assert not stand.door.events


async def test_a_scenario_is_told_the_customers_own_manager(stand: Stand) -> None:
    assert await stand.uis.asks("anonymous") == {"returned_code": 1}
    stand.uis.hook = stand.door.url.replace("/hooks/telephony/shop", f"/asked/{SECRET}")
    assert await stand.uis.asks(ANNA) == {"phones": ["79031112233"]}


# Click-to-call


async def test_a_call_that_was_asked_for_comes_back_with_our_name(stand: Stand) -> None:
    session = await stand.dial(virtual_phone_number="+7 (495) 123-45-67")
    (asked,) = stand.uis.dialled
    assert str(asked["call_session_id"]) == session
    assert asked["employee"] == {"id": 8031}
    assert (asked["contact"], asked["virtual_phone_number"]) == (ANNA, SHOP)
    await stand.uis.outgoing(
        phone=asked["contact"], employee="8031", session=session, external_id=asked["external_id"]
    )
    calls = [each for each in stand.door.events if each.phase != "recorded"]
    assert {(each.call, each.initiated, each.direction) for each in calls} == {
        (session, "allo-42", "out")
    }


async def test_what_is_not_set_is_said_before_anything_is_asked(stand: Stand) -> None:
    with pytest.raises(Rejected, match="virtual_phone_number"):
        await stand.dial(virtual_phone_number="")
    with pytest.raises(Rejected, match="employees"):
        await stand.dial("*7")
    with pytest.raises(AccountBroken, match="access_token"):
        await stand.dial(access_token="")
    assert not stand.uis.requests


async def test_an_employee_uis_does_not_know(stand: Stand) -> None:
    with pytest.raises(Rejected, match="Employee is not found"):
        await stand.dial("777")


async def test_a_wrong_key_and_an_address_that_is_not_listed(stand: Stand) -> None:
    with pytest.raises(AccountBroken, match="API key") as refused:
        await stand.dial(access_token="wrong-token")
    assert "wrong-token" not in str(refused.value)
    stand.uis.listed = False
    with pytest.raises(AccountBroken, match="this address"):
        await stand.dial()


async def test_the_limit_of_a_minute(stand: Stand) -> None:
    for _ in range(60):
        await stand.dial()
    with pytest.raises(Throttled):
        await stand.dial()
    stand.clock.go(60)
    await stand.dial()


def an_error(mnemonic: str) -> str:
    return json.dumps({"error": {"code": -1, "message": "", "data": {"mnemonic": mnemonic}}})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="answer", status=503), Unreachable),
        (Fault(kind="answer", status=404), Rejected),
        (Fault(kind="answer", status=200, description="<html>"), OutcomeUnknown),
        (Fault(kind="answer", status=200, description='{"result": 1}'), OutcomeUnknown),
        (Fault(kind="answer", status=200, description=an_error("internal_error")), Unreachable),
        (Fault(kind="answer", status=200, description='{"error": {"data": []}}'), Rejected),
        (Fault(kind="drop_after"), OutcomeUnknown),
    ],
)
async def test_how_it_refuses(stand: Stand, fault: Fault, error: type[SendError]) -> None:
    stand.uis.go_wrong(fault)
    with pytest.raises(error) as refused:
        await stand.dial()
    assert TOKEN not in str(refused.value)


# Recordings


async def test_a_recording_is_fetched_when_it_is_ready(stand: Stand) -> None:
    await stand.uis.incoming(phone=ANNA, answered_by="8031")
    (ref,) = {each.recording for each in stand.door.events if each.recording}
    with pytest.raises(Unreachable, match="not ready"):
        await stand.fetch(ref)
    stand.clock.go(10)
    assert (await stand.fetch(ref)).startswith(b"RIFF")
    session = stand.door.events[0].call
    assert (await stand.fetch(f"{session}/0f1e2d3c4b5a")).startswith(b"RIFF")


@pytest.mark.parametrize(
    "ref",
    [
        "http://169.254.169.254/latest",
        "https://uiscom.ru.example/x",
        "http://app.uiscom.ru/x",
        "ftp://app.uiscom.ru/x",
        "https://[x/",
    ],
)
async def test_a_link_elsewhere_is_not_followed(stand: Stand, ref: str) -> None:
    with pytest.raises(Rejected):
        await stand.fetch(ref)


async def test_a_hash_is_at_the_vendors_own_server(stand: Stand) -> None:
    """It is not asked for: that would leave this machine. That it may be asked for, says `pinned`."""
    found = await fetch_recording(an_account(), "1/ab", stand.http)
    assert (found.name, found.mime) == ("", "")


# Set-up


async def test_the_check_asks_for_real(stand: Stand) -> None:
    findings = await stand.check()
    assert [each.level for each in findings] == ["ok", "ok"]
    assert SECRET not in findings[1].text


async def test_the_check_says_what_is_wrong(stand: Stand) -> None:
    stand.uis.listed = False
    findings = await stand.check(
        "", path_secret="short", employees="101 102=8032", timezone="Mars", allowed_ips="x"
    )
    assert [each.level for each in findings] == ["error"] * 5
    slashed = await stand.check(path_secret="a/secret/with/slashes")
    assert "part of an address" in slashed[-1].text
    (calling,) = (each for each in await stand.check(access_token="") if "call" in each.text)
    assert calling.level == "warning"
