"""Zadarma through its stand-in: calls told to our door, methods, recordings, routing, and how it refuses."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp
import pytest

from connectors.channels.zadarma import connector
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
from sandbox.zadarma import Zadarma
from sandbox.zadarma.exchange import FILE_AFTER
from tests.connectors.channels.call_stand import Clock, Door, a_door, all_of, who_asks
from tests.connectors.channels.calls_world import ANNA
from tests.connectors.channels.zadarma_world import SECRET, an_account

PHONE = f"+{ANNA}"
KEY = an_account()["api_key"]


@dataclass(frozen=True, slots=True)
class Stand:
    zadarma: Zadarma
    door: Door
    clock: Clock
    http: aiohttp.ClientSession

    def account(self, **fields: str) -> Account:
        return an_account(**({"api_base": self.zadarma.url} | fields))

    async def dial(self, phone: str = PHONE, **fields: str) -> str:
        assert connector.dial is not None
        return await connector.dial(
            self.account(**fields), extension="101", phone=phone, initiated="42", http=self.http
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
    everybody = who_asks(an_account(), Caller(name="Анна", extension="102"))
    async with a_door(clock, everybody) as door, open_http() as http:
        zadarma = Zadarma(now=clock, key=KEY, secret=SECRET, hook=door.url)
        async with zadarma.running():
            stand = Stand(zadarma, door, clock, http)
            door.account = stand.account()
            yield stand


async def test_the_address_is_taken_when_it_gives_back_what_it_got(stand: Stand) -> None:
    assert await stand.zadarma.tries_the_address("b5 <ad>&1f")


async def test_an_answered_and_transferred_call_comes_through_the_door(stand: Stand) -> None:
    await stand.zadarma.incoming(phone=PHONE, answered_by="101", passed_to="102")
    assert {each.status for each in stand.zadarma.told} == {200}
    phases = Counter(each.phase for each in stand.door.events)
    assert phases == {"ringing": 5, "talking": 2, "ended": 1, "recorded": 1}
    assert len({each.call for each in stand.door.events}) == 1
    assert len({each.key for each in stand.door.events}) == 8
    assert {each.started_at for each in stand.door.events if each.phase == "ended"} == {
        stand.door.now()
    }


async def test_a_missed_call_a_busy_one_and_one_without_a_number(stand: Stand) -> None:
    await stand.zadarma.incoming(phone=PHONE)
    await stand.zadarma.incoming(phone="anonymous", disposition="busy")
    missed = [each for each in stand.door.events if each.phase == "missed"]
    assert [each.reason for each in missed] == ["no answer (19)", "busy (17)"]
    assert (missed[1].sender, missed[1].chat.id) == (None, f"call:{missed[1].call}")


async def test_a_call_to_a_customer(stand: Stand) -> None:
    await stand.zadarma.outgoing(phone=ANNA, extension="101")
    await stand.zadarma.outgoing(phone=ANNA, extension="101", answered=False)
    assert {each.direction for each in stand.door.events} == {"out"}
    assert {each.chat.id for each in stand.door.events if each.phase != "recorded"} == {PHONE}
    assert Counter(each.phase for each in stand.door.events)["ended"] == 2


async def test_another_secret_is_refused_at_the_door(stand: Stand) -> None:
    stand.zadarma.secret = "another"
    await stand.zadarma.incoming(phone=PHONE)
    assert {each.status for each in stand.zadarma.told} == {403}
    assert not stand.door.events


async def test_the_call_goes_to_the_customers_own_manager(stand: Stand) -> None:
    stand.zadarma.hook = stand.door.url.replace("/hooks/telephony/shop", "/asked")
    told = await stand.zadarma.incoming(phone=PHONE)
    rung = [each["internal"] for each in told if each["event"] == "NOTIFY_INTERNAL"]
    assert rung == ["102"]


# Click-to-call


async def test_a_call_is_asked_for(stand: Stand) -> None:
    assert not await stand.dial()
    assert stand.zadarma.dialled == [{"from": "101", "to": ANNA}]


@pytest.mark.parametrize("extension", ["10 1", "101/2", "внутр", "1+1&x=2"])
async def test_whatever_is_asked_for_is_what_was_signed(stand: Stand, extension: str) -> None:
    assert connector.dial is not None
    await connector.dial(
        stand.account(), extension=extension, phone=PHONE, initiated="", http=stand.http
    )
    assert stand.zadarma.dialled == [{"from": extension, "to": ANNA}]


async def test_an_answer_that_is_lost_does_not_call_twice(stand: Stand) -> None:
    """The method is a GET, and aiohttp would ask again."""
    await stand.dial()
    stand.zadarma.go_wrong(Fault(kind="drop_after", method="callback"))
    with pytest.raises(OutcomeUnknown):
        await stand.dial()
    assert len(stand.zadarma.dialled) == 2


async def test_wrong_keys_are_a_broken_account(stand: Stand) -> None:
    for wrong in ({"api_secret": "x"}, {"api_key": "x"}, {"api_key": ""}):
        with pytest.raises(AccountBroken):
            await stand.dial(**wrong)


async def test_a_hundred_requests_a_minute_and_then_wait(stand: Stand) -> None:
    for _ in range(100):
        await stand.dial()
    with pytest.raises(Throttled) as refused:
        await stand.dial()
    assert refused.value.retry_after == 60
    stand.clock.go(60)
    await stand.dial()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="answer", status=502), Unreachable),
        (Fault(kind="answer", status=429, headers={"Retry-After": "7"}), Throttled),
        (Fault(kind="answer", status=200, description="<html>"), OutcomeUnknown),
        (Fault(kind="answer", status=200, description="[" * 50_000), OutcomeUnknown),
        (
            Fault(kind="answer", status=200, description='{"status":"error","message":"No money"}'),
            Rejected,
        ),
        (Fault(kind="drop_after"), OutcomeUnknown),
    ],
)
async def test_how_it_refuses(stand: Stand, fault: Fault, error: type[SendError]) -> None:
    stand.zadarma.go_wrong(fault)
    with pytest.raises(error) as refused:
        await stand.dial()
    assert KEY not in str(refused.value)


# Recordings


async def test_a_recording_is_fetched_when_it_is_ready(stand: Stand) -> None:
    await stand.zadarma.incoming(phone=PHONE, answered_by="101")
    (ref,) = {each.recording for each in stand.door.events if each.recording}
    with pytest.raises(Unreachable, match="not ready"):
        await stand.fetch(ref)
    stand.clock.go(FILE_AFTER)
    assert (await stand.fetch(ref)).startswith(b"RIFF")


def a_link(link: str, name: str = "link") -> Fault:
    body = f'{{"status": "success", "{name}": {link}}}'
    return Fault(kind="answer", method="request", description=body, status=200)


async def test_of_several_recordings_the_one_that_was_named(stand: Stand) -> None:
    await stand.zadarma.incoming(phone=PHONE, answered_by="101")
    stand.clock.go(FILE_AFTER)
    ((call, recording),) = stand.zadarma.recordings.items()
    good = f"{stand.zadarma.url}/v1/pbx/record/download/{call}/{recording.name}.wav"
    other = f"{stand.zadarma.url}/v1/pbx/record/download/{call}/other.wav"
    stand.zadarma.go_wrong(a_link(f'["{other}", 1, "{good}"]', "links"))
    assert await stand.fetch(f"{call}/{recording.name}") == recording.content
    stand.zadarma.go_wrong(a_link(f'"{good}"'))
    assert await stand.fetch(call) == recording.content


@pytest.mark.parametrize(
    "link", ["http://169.254.169.254/x", "https://zadarma.com.example/x", "//x", "x"]
)
async def test_a_link_elsewhere_is_not_followed(stand: Stand, link: str) -> None:
    stand.zadarma.go_wrong(a_link(f'"{link}"'))
    with pytest.raises(Rejected):
        await stand.fetch("in_1/2")


@pytest.mark.parametrize("links", ["[]", "null", "{}", '[{"a": 1}]'])
async def test_no_link_yet(stand: Stand, links: str) -> None:
    stand.zadarma.go_wrong(a_link(links, "links"))
    with pytest.raises(Unreachable):
        await stand.fetch("in_1/2")


async def test_a_file_that_breaks_off_comes_again(stand: Stand) -> None:
    await stand.zadarma.incoming(phone=PHONE, answered_by="101")
    stand.clock.go(FILE_AFTER)
    ((call, recording),) = stand.zadarma.recordings.items()
    stand.zadarma.go_wrong(Fault(kind="drop_before", method=f"{recording.name}.wav", times=2))
    with pytest.raises(Unreachable) as broken:
        await stand.fetch(f"{call}/{recording.name}")
    assert "download" not in str(broken.value)
    assert await stand.fetch(f"{call}/{recording.name}") == recording.content


@pytest.mark.parametrize(
    ("status", "error"), [(500, Unreachable), (429, Throttled), (410, Rejected), (204, Unreachable)]
)
async def test_a_file_that_is_refused(stand: Stand, status: int, error: type[SendError]) -> None:
    stand.zadarma.go_wrong(
        a_link(f'"{stand.zadarma.url}/v1/pbx/record/download/a/b.wav"'),
        Fault(kind="answer", method="b.wav", status=status, description=""),
    )
    with pytest.raises(error):
        await stand.fetch("in_1/2")


# Set-up


async def test_the_check_asks_for_real(stand: Stand) -> None:
    findings = await stand.check()
    assert [each.level for each in findings] == ["ok", "ok"]


async def test_the_check_notices_another_zone(stand: Stand) -> None:
    findings = await stand.check(timezone="Asia/Yekaterinburg")
    assert [each.level for each in findings] == ["ok", "warning", "ok"]
    assert "UTC+3" in findings[1].text


async def test_the_check_says_what_is_wrong(stand: Stand) -> None:
    findings = await stand.check("", api_secret="wrong", timezone="Mars/Base")
    assert [each.level for each in findings] == ["error"] * 3
