"""The callback of our own: its signature, its schema, its answers; and the client of the documentation, as it stands there."""

import asyncio
import json
import random
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings, strategies as st

from connectors.channels.call_hook import connector
from connectors.channels.call_hook.reports import Report
from connectors.channels.call_hook.signature import prove_origin, sign
from connectors.connector import Account, Caller, Enquiry, Request
from connectors.errors import (
    AccountBroken,
    Malformed,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
    Unverified,
)
from connectors.outgoing import open_http
from router.message import CallReported
from tests.connectors.channels.call_hook_world import (
    CUSTOMER,
    NOON,
    SECRET,
    Json,
    a_report,
    a_request,
    an_account,
    received,
    reports_of,
)
from tests.connectors.channels.telephony_door import Door, a_door, by_key

PAGE = (Path(__file__).parents[3] / "docs" / "channels" / "call-hook.md").read_text()


def answer_of(told: Any) -> tuple[int, Json]:
    answer = received(told).answer
    assert answer.content_type == "application/json"
    return answer.status, json.loads(answer.body)


# The signature


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        pytest.param(None, True, id="none"),
        pytest.param("", True, id="empty"),
        pytest.param("v1=00", False, id="no moment"),
        pytest.param(f"t={int(NOON.timestamp())}", False, id="no v1"),
        pytest.param(f"t={int(NOON.timestamp())},v1=", False, id="an empty v1"),
        pytest.param(f"t={int(NOON.timestamp())},v1=секрет", False, id="not ASCII"),
        pytest.param("t=-1,v1=00", False, id="a moment that is none"),
        pytest.param("t=٣,v1=00", False, id="digits that are none of ours"),
        pytest.param("t=1," + "v1=00," * 5000, False, id="endless"),
    ],
)
def test_what_is_not_signed_is_refused(header: str | None, *, missing: bool) -> None:
    good = a_request(a_report())
    headers = {} if header is None else {"Allo-Signature": header}
    request = Request(method="POST", headers=headers, body=good.body, received_at=NOON)
    with pytest.raises(Unverified) as raised:
        prove_origin(an_account(), request)
    assert raised.value.missing is missing
    prove_origin(an_account(), good)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_signature_is_refused_so_that_nothing_can_be_played_again(minutes: int) -> None:
    with pytest.raises(Unverified):
        prove_origin(an_account(), a_request(a_report(), at=NOON + timedelta(minutes=minutes)))
    prove_origin(an_account(), a_request(a_report(), at=NOON + timedelta(minutes=minutes * 0.8)))


def test_while_the_secret_is_changed_both_are_good() -> None:
    account = an_account(secret=f"the-new-one {SECRET}")
    prove_origin(account, a_request(a_report()))
    prove_origin(account, a_request(a_report(), secret="the-new-one"))
    with pytest.raises(Unverified):
        prove_origin(account, a_request(a_report(), secret=account["secret"]))
    assert sign(account["secret"], b"x", at=NOON) == sign("the-new-one", b"x", at=NOON)


# The schema


def test_a_ring_says_who_calls_whom() -> None:
    (report,) = reports_of(a_report(name="Анна"))
    assert (report.phase, report.call, report.direction) == ("ringing", "17", "in")
    assert (report.theirs, report.ours, report.chat.id) == (CUSTOMER, "+74951234567", CUSTOMER)
    assert report.sender is not None
    assert (report.sender.keys[0].value, report.sender.name) == (CUSTOMER, "Анна")
    assert report.at == NOON


def test_everything_that_is_documented_arrives() -> None:
    told = a_report(
        "talking",
        leg="17-101",
        direction="out",
        extension="101",
        answered_by="101",
        transferred_to="102",
        at="2026-11-21T14:59:00+03:00",
        started_at="2026-11-21T14:58:00+03:00",
        answered_at="2026-11-21T14:58:30+03:00",
        ended_at="2026-11-21T14:59:00+03:00",
        duration=30,
        reason="hung up",
        recording="https://pbx.example/rec/17.mp3",
        initiated="click-7",
        source={"code": "ya", "utm": {"utm_source": "yandex", "medium": "cpc"}, "click_ids": {"yclid": "1"}},
        id="r-1",
        route=False,
    )  # fmt: skip
    (report,) = reports_of(told)
    at = datetime(2026, 11, 21, 11, 59, tzinfo=UTC)
    assert (report.leg, report.extension, report.answered_by) == ("17-101", "101", "101")
    assert (report.at, report.ended_at, report.duration) == (at, at, 30)
    assert (report.transferred_to, report.reason, report.initiated) == ("102", "hung up", "click-7")
    assert report.recording == told["recording"]
    assert report.source is not None
    assert report.source.utm == {"source": "yandex", "medium": "cpc"}
    assert report.key == "17:17-101:talking:r-1"


def test_the_page_names_every_field_and_no_other() -> None:
    table = PAGE.partition("## A report")[2].partition("\n\nSay")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == set(Report.__struct_fields__)


@pytest.mark.parametrize("number", ["", "anonymous", "Restricted"])
def test_who_hides_their_number_has_a_chat_per_call(number: str) -> None:
    (report,) = reports_of(a_report(customer=number))
    assert (report.chat.id, report.sender, report.theirs) == ("call:17", None, "")


def test_nothing_is_ever_from_the_future() -> None:
    (report,) = reports_of(a_report(at="2038-01-01T00:00:00Z"))
    assert report.at == NOON


@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param({"phase": "ringing"}, "missing required field `call`", id="no call"),
        pytest.param({"call": "", "phase": "ringing"}, "length >= 1", id="an empty call"),
        pytest.param({"call": " \n", "phase": "ringing"}, "`call` is empty", id="a blank call"),
        pytest.param(a_report("rings"), "Invalid enum value 'rings' - at `$.phase`", id="phase"),
        pytest.param(a_report(answeredBy="101"), "unknown field `answeredBy`", id="a slip of the pen"),
        pytest.param(a_report(duration=-1), "`$.duration`", id="a duration below nothing"),
        pytest.param(a_report(at="2026-11-21T12:00:00"), "`$.at`", id="no zone"),
        pytest.param(a_report(customer=79161234567), "`$.customer`", id="a number that is no string"),
        pytest.param(a_report(source={"utm": {"source": 1}}), "`$.source.utm[...]`", id="utm"),
        pytest.param(a_report("recorded"), "needs `recording`", id="no recording"),
        pytest.param(a_report("recorded", recording="file:///etc/passwd"), "not an address", id="a file"),
        pytest.param(a_report(reason="x" * 200), "length <= 128", id="too long"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(told: Json, words: str) -> None:
    status, answer = answer_of(told)
    assert status == 400
    assert answer["accepted"] == 0
    (refused,) = answer["refused"]
    assert refused["index"] == 0
    assert words in refused["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"), (b"{", "not JSON"), (b"[]", "neither"), (b"7", "neither"), (b"\xff", "not JSON"),
        (b'{"reports": []}', "empty"), (b'{"reports": {}}', "neither"), (b'{"reports": [], "x": 1}', "nothing else"),
        (b'{"reports": [' + b",".join([b"1"] * 501) + b"]}", "500"),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_said(body: bytes, words: str) -> None:
    status, answer = answer_of(body)
    assert status == 400
    assert words in answer["error"]


def test_a_broken_report_costs_the_others_nothing() -> None:
    told = {"reports": [a_report(), a_report("rings"), 7, a_report("ended")]}
    status, answer = answer_of(told)
    assert (status, answer["accepted"]) == (200, 2)
    assert [each["index"] for each in answer["refused"]] == [1, 2]
    assert [each.phase for each in reports_of(told)] == ["ringing", "ended"]
    assert [each.partition(":")[0] for each in received(told).ignored] == ["broken", "broken"]


def test_the_same_said_twice_is_one_and_another_is_another() -> None:
    one, two = a_report("ringing", leg="a"), a_report("ringing", leg="b")
    assert len(reports_of({"reports": [one, one, two]})) == 2
    again = dict(reversed(list(one.items())))
    assert reports_of(again)[0].key == reports_of(one)[0].key


@settings(deadline=None, max_examples=50)
@given(seed=st.integers())
def test_shuffled_and_doubled_they_say_the_same(seed: int) -> None:
    told = [
        a_report(),
        a_report("ringing", leg="1", extension="101"),
        a_report("talking", leg="1", extension="101", answered_by="101"),
        a_report("transferred", leg="1", transferred_to="102"),
        a_report("ended", leg="1"),
        a_report("ended", duration=3),
        a_report("recorded", recording="https://pbx.example/17.mp3"),
    ]
    shuffled = [*told, *told]
    random.Random(seed).shuffle(shuffled)
    cut = seed % len(shuffled)
    mixed = [*reports_of({"reports": shuffled[cut:]})]
    mixed += reports_of({"reports": shuffled[:cut]}) if cut else []
    assert by_key(mixed) == by_key(reports_of({"reports": told}))


def test_what_was_kept_is_read_again_as_it_was() -> None:
    assert connector.reread is not None
    told = received({"reports": [a_report(), a_report("ended")]})
    for each in told.incoming:
        assert each.raw is not None
        again = connector.reread(an_account(), each.raw, NOON)
        assert again is not None
        assert again.incoming == (each,)
    with pytest.raises(Malformed):
        connector.reread(an_account(), b"{}", NOON)


# Routing


def test_who_asks_is_told_whose_customer_calls() -> None:
    told = received(a_report(route=True))
    assert isinstance(told.enquiry, Enquiry)
    assert told.enquiry.phone == CUSTOMER
    known = told.enquiry.answer(Caller(name="Anna", extension="101"))
    assert json.loads(known.body) == {
        "accepted": 1,
        "refused": [],
        "route": {"extension": "101", "name": "Anna"},
    }
    for nobody in (None, Caller()):
        assert json.loads(told.enquiry.answer(nobody).body)["route"] is None
    assert json.loads(told.answer.body)["route"] is None


@pytest.mark.parametrize(
    "told",
    [
        a_report(),
        a_report("ended", route=True),
        a_report(route=True, direction="out"),
        a_report(route=True, customer=""),
        {"reports": [a_report(route=True)]},
    ],
)
def test_nobody_is_looked_up_who_was_not_asked_about(told: Json) -> None:
    assert received(told).enquiry is None


# The client of the documentation


@asynccontextmanager
async def an_open_door() -> AsyncGenerator[Door]:
    async with a_door(an_account(), connector, now=lambda: datetime.now(UTC)) as door:
        yield door


async def run(*command: str, **variables: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def example(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


async def test_the_client_on_the_page_tells_about_a_call(tmp_path: Path) -> None:
    client = tmp_path / "call_hook.py"
    client.write_text(example("python"))
    async with an_open_door() as door:
        for line in re.findall(r"^    (\{\"call\".*\})$", PAGE, re.MULTILINE):
            status, output = await run(sys.executable, str(client), door.url, SECRET, line)
            assert status == 0, output
            assert json.loads(output) == {"accepted": 1, "refused": []}
        assert [each.phase for each in door.reports] == ["ringing", "talking", "ended"]
        assert {each.theirs for each in door.reports} == {CUSTOMER}
        status, output = await run(sys.executable, str(client), door.url, "another", "{}")
        assert status != 0
        assert "403" in output
        assert len(door.reports) == 3


async def test_the_shell_on_the_page_signs_as_we_do() -> None:
    """Where there are curl and openssl, as nearly everywhere; else the page's signature is checked by the client's."""
    script = example("sh")
    async with an_open_door() as door:
        status, output = await run("sh", "-ec", script, ADDRESS=door.url, SECRET=SECRET)
        if status == 127:
            assert "not found" in output
            return
        assert json.loads(output) == {"accepted": 1, "refused": []}
        assert [(each.call, each.phase) for each in door.reports] == [("17", "ringing")]


async def test_what_could_not_be_kept_is_to_be_sent_again() -> None:
    async with an_open_door() as door, open_http() as http:
        door.durable = False
        body = json.dumps(a_report()).encode()
        headers = {"Allo-Signature": sign(SECRET, body, at=datetime.now(UTC))}
        async with http.post(door.url, data=body, headers=headers) as response:
            assert response.status == 503
            assert "Retry-After" in response.headers


# Click-to-call


@asynccontextmanager
async def an_exchange(
    status: int, body: str = "", **headers: str
) -> AsyncGenerator[tuple[str, list[Request]]]:
    asked: list[Request] = []

    async def take(request: web.Request) -> web.Response:
        asked.append(
            Request(
                method="POST",
                headers=request.headers,
                body=await request.read(),
                received_at=datetime.now(UTC),
            )
        )
        if status == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status or 200, text=body, headers=headers)

    app = web.Application()
    app.router.add_post("/dial", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/dial")), asked


async def dialled(account: Account) -> str:
    assert connector.dial is not None
    async with open_http() as http:
        return await connector.dial(
            account, extension="101", phone=CUSTOMER, initiated="click-7", http=http
        )


async def test_click_to_call_posts_what_the_exchange_can_check() -> None:
    async with an_exchange(202, '{"call": "18"}') as (url, asked):
        account = an_account(dial_url=url)
        assert await dialled(account) == "18"
    (request,) = asked
    prove_origin(account, request)
    assert json.loads(request.body) == {
        "extension": "101",
        "phone": CUSTOMER,
        "initiated": "click-7",
    }


async def test_an_exchange_need_not_tell_its_key() -> None:
    async with an_exchange(200, "OK") as (url, _):
        assert await dialled(an_account(dial_url=url)) == ""


@pytest.mark.parametrize(
    ("status", "error"),
    [(0, OutcomeUnknown), (403, AccountBroken), (404, Rejected), (429, Throttled), (500, Unreachable), (302, Rejected)],
)  # fmt: skip
async def test_what_can_go_wrong_is_told_apart(status: int, error: type[SendError]) -> None:
    async with an_exchange(status, "so", **{"Retry-After": "7"}) as (url, _):
        with pytest.raises(error) as raised:
            await dialled(an_account(dial_url=url))
    if isinstance(raised.value, Throttled):
        assert raised.value.retry_after == 7


@pytest.mark.parametrize("fields", [{}, {"dial_url": "ftp://x"}])
async def test_without_an_address_nobody_is_called(fields: dict[str, str]) -> None:
    with pytest.raises(Rejected):
        await dialled(an_account(**fields))
    with pytest.raises(AccountBroken):
        await dialled(an_account(dial_url="https://pbx.example/dial", secret=""))


# Recordings


async def fetched(account: Account, ref: str) -> bytes:
    assert connector.fetch is not None
    async with open_http() as http:
        found = await connector.fetch(account, ref, http)
        return b"".join([piece async for piece in found.chunks])


@asynccontextmanager
async def a_folder() -> AsyncGenerator[str]:
    async def give(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Basic YWxsbzpwdw==":
            return web.Response(status=401)
        if request.match_info["path"] == "later.mp3":
            return web.Response(status=404)
        return web.Response(body=b"ID3")

    app = web.Application()
    app.router.add_get("/{path:.*}", give)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_a_recording_of_our_own_place_is_fetched_with_its_password() -> None:
    async with a_folder() as url:
        account = an_account(
            recordings_base=f"{url}rec/", recordings_user="allo", recordings_password="pw"
        )
        assert await fetched(account, f"{url}rec/17.mp3") == b"ID3"
        with pytest.raises(AccountBroken):
            await fetched(an_account(recordings_base=f"{url}rec/"), f"{url}rec/17.mp3")


@pytest.mark.parametrize(
    "path", ["other/17.mp3", "rec/../17.mp3", "rec/%2e%2e/17.mp3", "recording.mp3"]
)
async def test_nothing_else_inside_our_network_can_be_read(path: str) -> None:
    async with a_folder() as url:
        account = an_account(
            recordings_base=f"{url}rec/", recordings_user="allo", recordings_password="pw"
        )
        with pytest.raises(Unreachable):
            await fetched(account, url + path)
        with pytest.raises(Unreachable):
            await fetched(an_account(), f"{url}rec/17.mp3")


@pytest.mark.parametrize("ref", ["", "file:///etc/passwd", "https://", "http://[x"])
async def test_what_is_no_address_is_not_fetched(ref: str) -> None:
    with pytest.raises(SendError):
        await fetched(an_account(), ref)


# Setting up


@pytest.mark.parametrize(
    ("fields", "url", "levels"),
    [
        ({}, "https://allo.example/hooks/telephony/pbx", ["ok", "ok"]),
        ({"secret": ""}, "https://allo.example/x", ["error", "ok", "ok"]),
        ({"secret": "short"}, "http://allo.example/x", ["warning", "warning", "ok"]),
        ({"dial_url": "pbx"}, "/hooks/telephony/pbx", ["error", "error"]),
    ],
)
async def test_check_says_what_is_to_do(
    fields: dict[str, str], url: str, levels: list[str]
) -> None:
    assert connector.check is not None
    async with open_http() as http:
        findings = await connector.check(an_account(**fields), http, webhook_url=url)
    assert [each.level for each in findings] == levels


def test_a_report_is_what_the_router_takes() -> None:
    assert isinstance(reports_of(a_report())[0], CallReported)
