"""Whole calls through the stand-in and the real webhook: who is rung, what is told, what is recorded."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from connectors.channels.twilio import connector
from connectors.connector import Account, Answer, Caller, Enquiry
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from connectors.outgoing import open_http
from sandbox.twilio import Fault, Person, Twilio
from sandbox.twilio.conduct import sign
from tests.connectors.channels.telephony_door import Door, a_door, answered, by_key, story
from tests.connectors.channels.twilio_world import (
    ANNA,
    BORIS,
    CUSTOMER,
    NUMBER,
    SID,
    TOKEN,
    a_call,
    an_account,
    received,
)


@dataclass
class Stand:
    twilio: Twilio
    door: Door
    account: Account
    http: aiohttp.ClientSession


@asynccontextmanager
async def a_stand(*, shuffled: random.Random | None = None, **fields: str) -> AsyncGenerator[Stand]:
    def now() -> datetime:
        # The stand-in's clock runs on while a call is told; nothing is ever from the future here.
        return datetime.fromtimestamp(time.time() + 86_400, UTC)

    twilio = Twilio(now=time.time, shuffled=shuffled)
    async with twilio.running(), open_http() as http:
        account = an_account(api_base=twilio.url, **fields)
        async with a_door(account, connector, now=now) as door:
            twilio.add_number(NUMBER, voice_url=door.url, status_callback=f"{door.url}/status")
            yield Stand(twilio, door, account, http)
            assert twilio.refused == []


async def over(twilio: Twilio, sid: str) -> None:
    async with asyncio.timeout(5):
        await twilio.calls[sid].over.wait()


async def test_everyone_is_rung_and_who_answers_first_talks() -> None:
    async with a_stand() as stand:
        stand.twilio.people[ANNA] = Person(after=9)
        stand.twilio.people[BORIS] = Person(after=3, talks=42)
        call = await stand.twilio.call_in(CUSTOMER, NUMBER)
        assert call.rung == [ANNA, BORIS]
        assert call.spoke == [BORIS]
    reports = stand.door.reports
    talking = [each for each in reports if each.phase == "talking" and each.answered_by]
    assert {each.answered_by for each in talking} == {BORIS}
    assert {
        each.duration for each in reports if each.phase == "ended" and each.leg and each.answered_by
    } == {42.0}
    assert story(reports)[0] == "call:ringing"
    assert story(reports)[-1] == "call:ended"
    assert {each.call for each in reports} == {call.sid}
    assert {each.chat.id for each in reports} == {CUSTOMER}


async def test_a_call_that_nobody_answers_is_told_as_such() -> None:
    async with a_stand() as stand:
        stand.twilio.people[ANNA] = Person(answers=False)
        stand.twilio.people[BORIS] = Person(busy=True)
        call = await stand.twilio.call_in(CUSTOMER, NUMBER)
        assert call.status == "completed"
    assert not answered(stand.door.reports)
    assert story(stand.door.reports)[-1] == "call:ended"


async def test_shuffled_and_doubled_the_same_is_known() -> None:
    async with a_stand() as plain:
        await plain.twilio.call_in(CUSTOMER, NUMBER)
    async with a_stand(shuffled=random.Random(4)) as mixed:
        await mixed.twilio.call_in(CUSTOMER, NUMBER)
    assert len(mixed.door.reports) > len(plain.door.reports)
    assert sorted(story(by_key(mixed.door.reports).values())) == sorted(story(plain.door.reports))


async def test_a_conversation_is_recorded_told_and_fetched() -> None:
    async with a_stand(record="yes") as stand:
        await stand.twilio.call_in(CUSTOMER, NUMBER)
        (recorded,) = [each for each in stand.door.reports if each.phase == "recorded"]
        assert recorded.chat.id == CUSTOMER
        assert connector.fetch is not None
        fetched = await connector.fetch(stand.account, recorded.recording, stand.http)
        assert fetched.mime == "audio/mpeg"
        content = await contents(stand, recorded.recording)
        assert content == stand.twilio.recordings[recorded.recording]
        for ref in ("RE404", "../Calls", "https://evil.example/x"):
            with pytest.raises(Rejected):
                await contents(stand, ref)
        stand.twilio.faults.append(Fault(path="/Recordings", status=503))
        with pytest.raises(Unreachable):
            await contents(stand, recorded.recording)


async def contents(stand: Stand, ref: str) -> bytes:
    assert connector.fetch is not None
    fetched = await connector.fetch(stand.account, ref, stand.http)
    return b"".join([piece async for piece in fetched.chunks])


# Routing


def an_answer(caller: Caller | None, **fields: str) -> ET.Element:
    told = received(a_call(), account=an_account(**fields))
    assert isinstance(told.enquiry, Enquiry)
    assert told.enquiry.phone == CUSTOMER
    return parsed(told.enquiry.answer(caller))


def parsed(answer: Answer) -> ET.Element:
    assert answer.content_type == "text/xml"
    return ET.fromstring(answer.body)


def rung(response: ET.Element) -> list[tuple[str, str]]:
    return [(noun.tag, noun.text or "") for noun in response.iterfind("Dial/*")]


@pytest.mark.parametrize(
    ("extension", "fields", "wanted"),
    [
        pytest.param("+14155550199", {}, ("Number", "+14155550199"), id="a telephone"),
        pytest.param("sip:anna@shop.sip.twilio.com", {}, ("Sip", "sip:anna@shop.sip.twilio.com"), id="sip"),
        pytest.param("client:anna", {}, ("Client", "anna"), id="an app"),
        pytest.param("101", {"sip_domain": "shop.sip.twilio.com"}, ("Sip", "sip:101@shop.sip.twilio.com"), id="extension"),
    ],
)  # fmt: skip
def test_a_known_callers_colleague_is_rung(
    extension: str, fields: dict[str, str], wanted: tuple[str, str]
) -> None:
    response = an_answer(Caller(name="Anna", extension=extension), **fields)
    assert rung(response) == [wanted]
    dial = response.find("Dial")
    assert dial is not None
    assert "then=everyone" in dial.get("action", "")
    assert dial.get("answerOnBridge") == "true"


@pytest.mark.parametrize(
    "caller", [None, Caller(name="Anna"), Caller(extension="101"), Caller(extension='"><Hangup/>')]
)
def test_everyone_is_rung_for_whom_we_do_not_know_or_cannot_connect(caller: Caller | None) -> None:
    assert rung(an_answer(caller)) == [("Number", ANNA), ("Number", BORIS)]


def test_with_nobody_to_ring_the_line_is_busy() -> None:
    response = an_answer(None, ring="")
    assert [each.tag for each in response] == ["Reject"]


def test_a_hidden_number_is_not_asked_about_and_is_answered_all_the_same() -> None:
    told = received(a_call(From="anonymous"))
    assert told.enquiry is None
    assert rung(parsed(told.answer)) == [("Number", ANNA), ("Number", BORIS)]


def test_when_the_colleague_does_not_answer_everyone_is_rung() -> None:
    after = a_call("in-progress", DialCallStatus="no-answer", DialCallSid="CA3")
    told = received(after, "dialled", {"phone": CUSTOMER, "then": "everyone"})
    response = parsed(told.answer)
    assert rung(response) == [("Number", ANNA), ("Number", BORIS)]
    dial = response.find("Dial")
    assert dial is not None
    assert "then=" not in dial.get("action", "")
    answered_ = a_call("in-progress", DialCallStatus="completed", DialCallSid="CA3")
    told = received(answered_, "dialled", {"phone": CUSTOMER, "then": "everyone"})
    assert list(parsed(told.answer)) == []


# Click-to-call


async def dialled(stand: Stand, extension: str = ANNA) -> str:
    assert connector.dial is not None
    return await connector.dial(
        stand.account, extension=extension, phone=CUSTOMER, initiated="click-7", http=stand.http
    )


async def test_click_to_call_rings_the_colleague_and_then_the_customer() -> None:
    async with a_stand(record="yes") as stand:
        sid = await dialled(stand)
        await over(stand.twilio, sid)
    call = stand.twilio.calls[sid]
    assert call.rung == [ANNA, CUSTOMER]
    reports = stand.door.reports
    assert answered(reports)
    assert story(reports)[-1] == "call:ended"
    for each in reports:
        assert (each.call, each.direction, each.theirs) == (sid, "out", CUSTOMER)
        assert (each.initiated, each.extension) == ("click-7", ANNA)


async def test_a_colleague_who_does_not_pick_up_is_no_answered_call() -> None:
    async with a_stand() as stand:
        stand.twilio.people[ANNA] = Person(answers=False)
        await over(stand.twilio, await dialled(stand))
    assert stand.twilio.calls[next(iter(stand.twilio.calls))].rung == [ANNA]
    assert not answered(stand.door.reports)
    assert stand.door.reports[-1].reason == "no-answer"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(Fault(path="/Calls", status=429, code=20429, message="Too Many Requests", retry_after=7), Throttled, id="429"),
        pytest.param(Fault(path="/Calls", status=503), Unreachable, id="503"),
        pytest.param(Fault(path="/Calls", status=500, after=True), OutcomeUnknown, id="500, and it rings"),
        pytest.param(Fault(path="/Calls", drop=True, after=True), OutcomeUnknown, id="no answer, and it rings"),
        pytest.param(Fault(path="/Calls", status=400, code=21215, message="Geo Permission"), Rejected, id="400"),
        pytest.param(Fault(path="/Calls", status=401, code=20003, message="Authenticate"), AccountBroken, id="401"),
        pytest.param(Fault(path="/IncomingPhone", status=500), Unreachable, id="500 before anything rings"),
    ],
)  # fmt: skip
async def test_what_can_go_wrong_is_told_apart(fault: Fault, error: type[SendError]) -> None:
    async with a_stand() as stand:
        stand.twilio.faults.append(fault)
        with pytest.raises(error) as raised:
            await dialled(stand)
        assert TOKEN not in str(raised.value)
        if isinstance(raised.value, Throttled):
            assert raised.value.retry_after == 7


@pytest.mark.parametrize(
    ("fields", "extension"),
    [
        pytest.param({"number": ""}, ANNA, id="no number of our own"),
        pytest.param({"number": "+14155550999"}, ANNA, id="another's number"),
        pytest.param({}, "101", id="an extension without a domain"),
        pytest.param({}, "sip:evil", id="no address"),
    ],
)
async def test_what_twilio_could_not_do_is_not_asked(
    fields: dict[str, str], extension: str
) -> None:
    async with a_stand(**fields) as stand:
        with pytest.raises(Rejected):
            await dialled(stand, extension)
        assert stand.twilio.calls == {}


async def test_nobody_is_called_when_nobody_would_learn_how_it_went() -> None:
    async with a_stand() as stand:
        stand.twilio.numbers[NUMBER].voice_url = "https://demo.twilio.com/welcome/voice/"
        with pytest.raises(Rejected, match="allo channel check shop"):
            await dialled(stand)


# Setting up


async def test_connecting_sets_the_number_and_check_agrees() -> None:
    assert connector.connect is not None
    assert connector.check is not None
    async with a_stand() as stand:
        number = stand.twilio.numbers[NUMBER]
        number.voice_url = number.status_callback = ""
        url = stand.door.url
        before = await connector.check(stand.account, stand.http, webhook_url=url)
        assert [each.level for each in before] == ["ok", "warning"]
        assert number.voice_url == ""
        connected = await connector.connect(stand.account, stand.http, webhook_url=url)
        assert [each.level for each in connected] == ["ok"]
        assert (number.voice_url, number.status_callback) == (url, f"{url}/status")
        after = await connector.check(stand.account, stand.http, webhook_url=url)
        assert [each.level for each in after] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"auth_token": "wrong"}, "does not accept", id="a wrong token"),
        pytest.param({"auth_token": ""}, "not set", id="no token"),
        pytest.param({"account_sid": "../x"}, "is not one", id="no sid"),
        pytest.param({"number": "+14155550999"}, "has no number", id="another's number"),
        pytest.param({"ring": "101"}, "cannot ring", id="nobody who can be rung"),
        pytest.param({"api_base": "http://127.0.0.1:9"}, "does not accept connections", id="not there"),
    ],
)  # fmt: skip
async def test_check_says_in_words_what_is_wrong(fields: dict[str, str], words: str) -> None:
    assert connector.check is not None
    async with a_stand() as stand:
        account = replace(stand.account, fields=dict(stand.account.fields) | fields)
        findings = await connector.check(account, stand.http, webhook_url=stand.door.url)
        assert [each for each in findings if each.level == "error" and words in each.text]


async def test_an_address_that_twilio_cannot_call_is_named() -> None:
    assert connector.connect is not None
    async with open_http() as http:
        (finding,) = await connector.connect(
            an_account(), http, webhook_url="http://shop.example/x"
        )
        assert "https" in finding.text
        (finding,) = await connector.connect(an_account(), http, webhook_url="/hooks/x")
        assert "ALLO_PUBLIC_URL" in finding.text


# The stand-in itself, against Twilio's own library


class _ToTheStandIn(TwilioHttpClient):
    def __init__(self, base: str) -> None:
        super().__init__(timeout=5)
        self.base = base

    def request(self, method: str, url: str, *args: object, **more: object) -> Response:  # type: ignore[override]
        return super().request(
            method, url.replace("https://api.twilio.com", self.base), *args, **more
        )  # type: ignore[arg-type]


async def test_the_stand_in_serves_twilios_own_client() -> None:
    async with a_stand() as stand:
        client = Client(SID, TOKEN, http_client=_ToTheStandIn(stand.twilio.url))
        wrong = Client(SID, "wrong", http_client=_ToTheStandIn(stand.twilio.url))

        def use() -> str:
            assert client.api.accounts(SID).fetch().friendly_name == "Stand-in"
            (number,) = client.incoming_phone_numbers.list(phone_number=NUMBER)
            assert number.voice_url == stand.door.url
            with pytest.raises(TwilioRestException) as raised:
                wrong.calls.create(to=ANNA, from_=NUMBER, twiml="<Response/>")
            assert raised.value.code == 20003
            made = client.calls.create(to=ANNA, from_=NUMBER, twiml="<Response/>")
            assert made.direction == "outbound-api"
            return made.sid or ""

        sid = await asyncio.to_thread(use)
        await over(stand.twilio, sid)
        shown = await asyncio.to_thread(lambda: client.calls(sid).fetch())
        assert shown.status == "completed"


def test_the_stand_in_signs_as_twilios_own_validator_expects() -> None:
    url, fields = "https://shop.example/hooks/telephony/shop?a=1", a_call(CallerName=" Анна ")
    assert RequestValidator(TOKEN).validate(url, fields, sign(TOKEN, url, fields))


async def test_the_stand_in_can_be_used_by_hand() -> None:
    async with a_stand() as stand:
        control = f"{stand.twilio.url}/control"
        await stand.http.post(f"{control}/person", json={"number": ANNA, "answers": False})
        await stand.http.post(f"{control}/person", json={"number": BORIS, "answers": False})
        async with stand.http.post(
            f"{control}/call", json={"from": CUSTOMER, "to": NUMBER}
        ) as response:
            told = await response.json()
        assert (told["status"], told["spoke"]) == ("completed", [])
