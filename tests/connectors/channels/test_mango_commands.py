"""Mango Office through its stand-in: calls told to our door, commands, recordings, and how it refuses."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp
import pytest

from connectors.channels.mango import connector
from connectors.connector import Account, Finding
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
from sandbox.mango import Mango
from sandbox.mango.sequences import LINE
from tests.connectors.channels.call_stand import Clock, Door, a_door, all_of
from tests.connectors.channels.calls_world import ANNA
from tests.connectors.channels.mango_world import KEY, SALT, an_account

PHONE = f"+{ANNA}"


@dataclass(frozen=True, slots=True)
class Stand:
    mango: Mango
    door: Door
    clock: Clock
    http: aiohttp.ClientSession

    def account(self, **fields: str) -> Account:
        return an_account(**({"api_base": self.mango.url} | fields))

    async def dial(self, phone: str = PHONE, **fields: str) -> str:
        assert connector.dial is not None
        return await connector.dial(
            self.account(**fields),
            extension="101",
            phone=phone,
            initiated="allo-42",
            http=self.http,
        )

    async def fetch(self, ref: str, **fields: str) -> bytes:
        assert connector.fetch is not None
        return await all_of(await connector.fetch(self.account(**fields), ref, self.http))

    async def check(
        self, url: str = "https://allo.example/hooks/telephony/shop", **fields: str
    ) -> list[Finding]:
        assert connector.check is not None
        return list(await connector.check(self.account(**fields), self.http, webhook_url=url))


@pytest.fixture
async def stand() -> AsyncGenerator[Stand]:
    clock = Clock()
    async with a_door(clock) as door, open_http() as http:
        mango = Mango(now=clock, key=KEY, salt=SALT, hook=door.url)
        async with mango.running():
            stand = Stand(mango, door, clock, http)
            door.account = stand.account()
            yield stand


# Told to our door


async def test_an_answered_call_comes_through_the_door(stand: Stand) -> None:
    await stand.mango.rings(phone=ANNA, answered_by="101", dynamic_number="74957654321")
    assert {each.status for each in stand.mango.told} == {200}
    assert len(stand.door.events) + len(stand.door.ignored) == len(stand.mango.told)
    phases = Counter(each.phase for each in stand.door.events)
    assert phases == {"ringing": 4, "talking": 1, "ended": 2, "recorded": 1}
    (call,) = {each.call for each in stand.door.events}
    assert call
    named = [each for each in stand.door.events if each.phase != "recorded"]
    assert {each.chat.id for each in named} == {PHONE}
    assert named[0].source is not None
    assert named[0].source.referral == {"dynamic_number": "+74957654321"}
    assert named[0].ours == f"+{LINE}"


async def test_a_missed_call_and_one_without_a_number(stand: Stand) -> None:
    await stand.mango.rings(phone=ANNA)
    assert [each.phase for each in stand.door.events if not each.leg] == ["missed"]
    await stand.mango.rings()
    assert len({each.chat.id for each in stand.door.events}) == 2
    assert stand.door.events[-1].sender is None


async def test_a_consultation_has_one_call_and_two_who_talked(stand: Stand) -> None:
    events = stand.mango.incoming(phone=ANNA, answered_by="101", passed_to="102")
    await stand.mango.happen([*reversed(events), *events])
    by_key = {each.key: each for each in stand.door.events}
    talked = {each.answered_by for each in by_key.values() if each.phase == "talking"}
    assert talked == {"101", "102"}
    assert len({each.call for each in by_key.values()}) == 1
    assert len(stand.door.events) == 2 * len(by_key)


async def test_a_broken_event_in_the_middle_costs_nothing_else(stand: Stand) -> None:
    events = stand.mango.incoming(phone=ANNA, answered_by="101")
    await stand.mango.happen([*events[:3], ("events/call", {"entry_id": []}), *events[3:]])
    assert stand.door.refused == [400]
    assert len({each.key for each in stand.door.events}) == 8


async def test_another_salt_is_refused_at_the_door(stand: Stand) -> None:
    stand.mango.salt = "another"
    await stand.mango.rings(phone=ANNA)
    assert {each.status for each in stand.mango.told} == {403}
    assert not stand.door.events
    assert not [each for each in stand.door.log if SALT in each.detail]


# Click-to-call


async def test_a_call_that_was_asked_for_comes_back_with_our_name(stand: Stand) -> None:
    assert not await stand.dial(line_number="+7 495 123-45-67")
    (command,) = stand.mango.dialled
    assert command == {
        "command_id": "allo-42",
        "from": {"extension": "101"},
        "to_number": ANNA,
        "line_number": LINE,
    }
    await stand.mango.happen(stand.mango.connects(command))
    legs = [each for each in stand.door.events if each.leg]
    assert {each.initiated for each in legs} == {"allo-42"}
    assert {each.direction for each in stand.door.events} == {"out"}
    talking = [each for each in stand.door.events if each.phase == "talking"]
    assert [(each.extension, each.theirs) for each in talking] == [("101", PHONE)]


async def test_a_wrong_number_is_refused_in_words(stand: Stand) -> None:
    with pytest.raises(Rejected, match="the number is wrong"):
        await stand.dial("+7916")


async def test_four_callbacks_a_second_and_then_wait(stand: Stand) -> None:
    for _ in range(4):
        await stand.dial()
    with pytest.raises(Throttled):
        await stand.dial()
    assert stand.mango.callbacks_rate.refused == 1
    stand.clock.go(1)
    await stand.dial()


async def test_wrong_requests_lock_the_api_and_stop_nothing_for_good(stand: Stand) -> None:
    for _ in range(2):
        with pytest.raises(Throttled) as refused:
            await stand.dial(api_salt="wrong")
    assert refused.value.retry_after == 120
    with pytest.raises(Throttled):
        await stand.dial()
    stand.clock.go(121)
    await stand.dial()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="answer", status=500), Unreachable),
        (Fault(kind="answer", status=403), AccountBroken),
        (Fault(kind="answer", status=404), Rejected),
        (Fault(kind="answer", status=200, description="<html>"), OutcomeUnknown),
        (Fault(kind="answer", status=200, description='{"result": 5001}'), Unreachable),
        (Fault(kind="answer", status=200, description='{"result": 2000}'), Rejected),
        (Fault(kind="drop_after"), OutcomeUnknown),
    ],
)
async def test_how_it_refuses(stand: Stand, fault: Fault, error: type[SendError]) -> None:
    stand.mango.go_wrong(fault)
    with pytest.raises(error) as refused:
        await stand.dial()
    assert KEY not in str(refused.value)


async def test_no_exchange_there() -> None:
    assert connector.dial is not None
    account = an_account(api_base="http://127.0.0.1:1")
    async with open_http() as http:
        with pytest.raises(Unreachable):
            await connector.dial(account, extension="101", phone=PHONE, initiated="1", http=http)


async def test_without_credentials_nothing_is_asked(stand: Stand) -> None:
    with pytest.raises(AccountBroken):
        await stand.dial(api_salt="")
    assert not stand.mango.requests


# Recordings


async def test_a_recording_is_fetched_when_it_is_ready(stand: Stand) -> None:
    await stand.mango.rings(phone=ANNA, answered_by="101")
    (ref,) = [each.recording for each in stand.door.events if each.recording]
    with pytest.raises(Unreachable, match="not ready"):
        await stand.fetch(ref)
    stand.clock.go(10)
    content = await stand.fetch(ref)
    assert content == stand.mango.recordings[ref].content
    assert content.startswith(b"RIFF")


async def test_a_recording_nobody_knows_may_still_come(stand: Stand) -> None:
    with pytest.raises(Unreachable):
        await stand.fetch("nothing")


async def test_a_lock_is_no_reason_to_give_a_recording_up(stand: Stand) -> None:
    stand.mango.go_wrong(Fault(kind="answer", method="post", status=401))
    with pytest.raises(Throttled):
        await stand.fetch("r")


@pytest.mark.parametrize(
    "where",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:1/",
        "https://mango-office.ru.example/x.mp3",
        "https://user@app.mango-office.ru/x.mp3",
        "http://app.mango-office.ru/x.mp3",
        "https://app.mango-office.ru:8443/x.mp3",
        "https://app.mango-office.ru:port/x.mp3",
        "file:///etc/passwd",
        "http://[x",
        "//app.mango-office.ru:x/",
    ],
)
async def test_a_redirection_elsewhere_is_not_followed(stand: Stand, where: str) -> None:
    stand.mango.go_wrong(
        Fault(kind="answer", method="post", status=302, headers={"Location": where})
    )
    with pytest.raises(Rejected):
        await stand.fetch("r")


async def test_round_and_round_is_given_up(stand: Stand) -> None:
    where = {"location": "/vpbx/queries/recording/post"}
    for method in ("post", "post", "post", "post"):
        stand.mango.go_wrong(Fault(kind="answer", method=method, status=302, headers=where))
    with pytest.raises(Rejected, match="round"):
        await stand.fetch("r")


# Set-up


async def test_the_check_asks_for_real(stand: Stand) -> None:
    findings = await stand.check()
    assert [each.level for each in findings] == ["ok", "ok"]
    assert "2 colleagues" in findings[0].text
    assert stand.mango.requests == ["/vpbx/config/users/request"]


async def test_the_check_says_what_is_wrong(stand: Stand) -> None:
    findings = await stand.check("", api_salt="wrong", allowed_ips="mango")
    assert [each.level for each in findings] == ["error", "error", "error"]
    assert "allowed_ips" in findings[0].text
    assert "does not accept" in findings[1].text
    assert "ALLO_PUBLIC_URL" in findings[2].text
