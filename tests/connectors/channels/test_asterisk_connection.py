"""The held connection, against the stand-in: log-in, heart beat, lost lines, and what became of the calls meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.channels.asterisk import connector, session, watching
from connectors.channels.asterisk.recordings import below_monitor
from connectors.connector import Account
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Unreachable,
)
from connectors.outgoing import open_http
from sandbox.asterisk import Event, Manager, answered as answered_scene
from sandbox.asterisk.manager import SECRET
from tests.connectors.channels.asterisk_world import (
    CUSTOMER,
    NO_HTTP,
    REAL,
    Watched,
    an_account,
    told,
    watched,
)
from tests.connectors.channels.telephony_door import answered, story


@pytest.mark.parametrize("scenario", REAL)
async def test_a_real_call_comes_over_the_line(scenario: str) -> None:
    async with watched() as line:
        line.manager.tell(*REAL[scenario])
        wanted = told(REAL[scenario])
        assert await line.until(len(wanted)) == wanted


async def test_the_secret_never_travels() -> None:
    async with watched() as line:
        login = next(each for each in line.manager.asked if each["Action"] == "Login")
    assert login["AuthType"] == "MD5"
    assert all(SECRET not in value for each in line.manager.asked for value in each.values())


async def opened(account: Account) -> None:
    assert connector.watch is not None
    coming = connector.watch(account, "", NO_HTTP)
    try:
        await anext(coming)
    finally:
        if isinstance(coming, AsyncGenerator):
            await coming.aclose()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        pytest.param({"secret": "wrong"}, AccountBroken, id="a wrong secret"),
        pytest.param({"username": "nobody"}, AccountBroken, id="a wrong user"),
        pytest.param({"secret": ""}, AccountBroken, id="no secret"),
        pytest.param({"port": "x"}, AccountBroken, id="no port"),
        pytest.param({"port": "1"}, Unreachable, id="nobody there"),
        pytest.param({"tls": "yes"}, Unreachable, id="no TLS there"),
        pytest.param({"username": "a\nAction: Logoff"}, Rejected, id="a line's end"),
    ],
)
async def test_what_is_wrong_with_an_account_is_named(
    fields: dict[str, str], error: type[SendError]
) -> None:
    async with Manager().running() as manager:
        account = an_account(**{"port": str(manager.port)} | fields)
        with pytest.raises(error) as raised:
            await opened(account)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("action", ["CoreShowChannels", "Events", "Challenge"])
async def test_a_manager_user_with_too_few_rights_is_told_so(action: str) -> None:
    async with Manager().running() as manager:
        manager.denied = {action}
        with pytest.raises(AccountBroken):
            await opened(an_account(port=str(manager.port)))


@pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH\r\n", b"x" * 200_000, b""])
async def test_what_is_no_asterisk_is_recognised(banner: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable, match="not Asterisk"):
            await opened(an_account(port=str(port)))


async def test_a_line_that_breaks_is_told_and_the_next_goes_on() -> None:
    async with watched() as line:
        ring, *rest = REAL["inbound_answered_direct"][2:]
        line.manager.tell(ring)
        await line.until(1)
        line.manager.hang_up()
        with pytest.raises(Unreachable):
            await line.until(99)
        line.manager.channels = [seen(ring)]
        await line.open()
        line.manager.tell(*rest)
        reports = await line.until(len(told([ring, *rest])))
    assert story(reports) == story(told([ring, *rest]))


def seen(event: Event, **more: str) -> Event:
    """A Newchannel's channel as CoreShowChannels shows it."""
    return [(n, v) for n, v in event if n not in {"Event", "Privilege", "Timestamp"}] + list(
        more.items()
    )


async def test_a_call_that_ended_meanwhile_is_ended() -> None:
    async with watched() as line:
        for number, event in enumerate(REAL["inbound_answered_direct"]):
            line.manager.tell(event)
            if number == 52:
                break
        await line.until(3)
        line.manager.hang_up()
        await line.close()
        await line.open()
        reports = await line.until(6)
    assert sorted(story(reports[3:])) == ["101:ended", "call:ended", "call:recorded"]
    assert {each.reason for each in reports[3:] if each.phase == "ended"} == {"lost sight of"}
    assert answered(reports)


@pytest.mark.parametrize("order", [1, -1])
async def test_a_call_that_began_meanwhile_is_taken_up_midway(order: int) -> None:
    scene = list(answered_scene(10, caller="79161234567", did="74951234567", extension="101"))
    async with Manager().running() as manager:
        manager.channels = [seen(each, BridgeId="b") for each in scene[:2]][::order]
        line = Watched(manager, an_account(port=str(manager.port)))
        await line.open()
        await line.until(2)
        manager.tell(*scene[-2:])
        reports = await line.until(4)
        await line.close()
    assert story(reports) == ["call:ringing", "101:talking", "101:ended", "call:ended"]
    assert (reports[0].theirs, reports[0].direction) == (CUSTOMER, "in")


async def test_a_call_whose_first_channel_is_gone_is_the_customers() -> None:
    scene = list(answered_scene(10, caller="79161234567", did="74951234567", extension="101"))
    transferred = [
        [(n, "standin-0.1" if n == "Linkedid" else v) for n, v in seen(each, BridgeId="b")]
        for each in scene[:2]
    ]
    async with Manager().running() as manager:
        manager.channels = transferred[::-1]
        line = Watched(manager, an_account(port=str(manager.port)))
        await line.open()
        reports = await line.until(2)
        await line.close()
    assert story(reports) == ["call:ringing", "101:talking"]
    assert (reports[0].theirs, reports[0].direction) == (CUSTOMER, "in")


async def test_a_silent_line_is_asked_and_a_dead_one_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "SILENCE", 0.02)
    async with watched() as line:
        polled = await line.next()
        polled = await line.next()
        assert polled.incoming == ()
        assert any(each["Action"] == "Ping" for each in line.manager.asked)
        line.manager.mute = True
        monkeypatch.setattr(session, "ANSWER_WITHIN", 0.05)
        with pytest.raises(Unreachable, match="dead"):
            await line.until(99)


async def test_an_event_too_long_is_named_and_costs_nothing_else() -> None:
    async with watched() as line:
        line.manager.tell_bytes(b"Event: VarSet\r\nValue: " + b"x" * 400_000 + b"\r\n\r\n")
        line.manager.tell_bytes(b"\xff\xfe: odd\r\nno colon\r\n\r\n\r\n")
        line.manager.tell(*REAL["inbound_missed_timeout"])
        await line.until(4)
    assert [each.partition(":")[0] for each in line.ignored] == ["oversized"]


# Click-to-call


async def dialled(account: Account, extension: str = "101", initiated: str = "0198-abc") -> str:
    assert connector.dial is not None
    return await connector.dial(
        account, extension=extension, phone=CUSTOMER, initiated=initiated, http=NO_HTTP
    )


async def test_click_to_call_rings_the_colleague_and_dials_the_customer() -> None:
    async with watched(dial_prefix="9", outbound_context="from-office") as line:
        assert await dialled(line.account) == "allo-0198-abc"
        reports = await line.until(4)
    (asked,) = [each for each in line.manager.asked if each["Action"] == "Originate"]
    assert asked["Channel"] == "PJSIP/101"
    assert (asked["Context"], asked["Exten"]) == ("from-office", "979161234567")
    assert (asked["Async"], asked["ChannelId"]) == ("true", "allo-0198-abc")
    assert story(reports) == ["call:ringing", "101:talking", "101:ended", "call:ended"]
    assert {(each.initiated, each.theirs) for each in reports} == {("0198-abc", CUSTOMER)}


async def test_a_colleague_who_does_not_pick_up_is_told() -> None:
    async with watched() as line:
        line.manager.picks_up = False
        await dialled(line.account)
        (report,) = await line.until(1)
    assert (report.phase, report.reason, report.initiated) == ("ended", "noanswer", "0198-abc")


@pytest.mark.parametrize(
    ("extension", "initiated"),
    [("101\r\nAction: Command", "x"), ("", "x"), ("101", "a b"), ("101/n@evil", "x"), ("101", "")],
)
async def test_what_is_no_extension_is_not_dialled(extension: str, initiated: str) -> None:
    async with Manager().running() as manager:
        with pytest.raises(Rejected):
            await dialled(an_account(port=str(manager.port)), extension, initiated)
        assert manager.asked == []


async def test_what_can_go_wrong_is_told_apart() -> None:
    async with Manager().running() as manager:
        account = an_account(port=str(manager.port))
        manager.denied = {"Originate"}
        with pytest.raises(AccountBroken, match="manager user may not"):
            await dialled(account)
        del manager._actions["Originate"]
        manager.denied = set()
        with pytest.raises(Rejected):
            await dialled(account)
        manager._actions["Originate"] = lambda program, fields: program.writer.transport.abort()
        with pytest.raises(OutcomeUnknown):
            await dialled(account)
        await manager.go_down()
        with pytest.raises(Unreachable):
            await dialled(account)


# Recordings


@asynccontextmanager
async def a_folder(files: dict[str, bytes]) -> AsyncGenerator[str]:
    async def give(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Basic YWxsbzpwdw==":
            return web.Response(status=401)
        content = files.get(request.match_info["path"])
        return web.Response(status=404) if content is None else web.Response(body=content)

    app = web.Application()
    app.router.add_get("/monitor/{path:.*}", give)
    async with TestServer(app) as server:
        yield str(server.make_url("/monitor/"))


async def fetched(account: Account, ref: str) -> bytes:
    assert connector.fetch is not None
    async with open_http() as http:
        found = await connector.fetch(account, ref, http)
        return b"".join([piece async for piece in found.chunks])


async def test_a_recording_is_fetched_from_below_the_monitor_folder() -> None:
    wav = b"RIFF" + b"\0" * 60
    files = {"2026/11/21/пример 1.wav": wav, "empty.wav": b"\0" * 44}
    async with a_folder(files) as url:
        account = an_account(recordings_url=url, recordings_user="allo", recordings_password="pw")
        assert await fetched(account, "/var/spool/asterisk/monitor/2026/11/21/пример 1.wav") == wav
        with pytest.raises(Rejected, match="Nothing was recorded"):
            await fetched(account, "/var/spool/asterisk/monitor/empty.wav")
        with pytest.raises(Unreachable):
            await fetched(account, "/var/spool/asterisk/monitor/later.wav")
        stranger = replace(account, fields=dict(account.fields) | {"recordings_user": ""})
        with pytest.raises(AccountBroken):
            await fetched(stranger, "empty.wav")
        nowhere = replace(account, fields=dict(account.fields) | {"recordings_url": ""})
        with pytest.raises(Rejected, match="recordings_url"):
            await fetched(nowhere, "empty.wav")


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        ("/var/spool/asterisk/monitor/a/b.wav", "a/b.wav"),
        ("/somewhere/else/b.wav", "b.wav"),
        ("b.wav", "b.wav"),
    ],
)
def test_only_what_is_below_the_folder_counts(ref: str, path: str) -> None:
    assert below_monitor(ref) == path


@pytest.mark.parametrize(
    "ref", ["", "/x/monitor/../../etc/passwd", "..", "/monitor/a//b", "/monitor/a\\..\\b"]
)
def test_steps_upwards_lead_nowhere(ref: str) -> None:
    with pytest.raises(Rejected):
        below_monitor(ref)


# Setting up


async def checked(account: Account) -> list[tuple[str, str]]:
    assert connector.check is not None
    async with open_http() as http:
        return [
            (each.level, each.text) for each in await connector.check(account, http, webhook_url="")
        ]


async def test_check_says_what_works() -> None:
    async with Manager().running() as manager:
        found = await checked(an_account(port=str(manager.port), recordings_url=""))
    assert [level for level, _ in found] == ["ok", "ok", "ok"]
    assert "16.28.0" in found[0][1]


async def test_check_says_in_words_what_is_wrong() -> None:
    async with Manager(contexts=()).running() as manager:
        account = an_account(port=str(manager.port), recordings_url="http://127.0.0.1:9/")
        assert [level for level, _ in await checked(account)] == [
            "ok",
            "ok",
            "warning",
            "warning",
            "error",
        ]
        manager.denied = {"CoreShowChannels", "ShowDialPlan"}
        found = await checked(
            replace(account, fields=dict(account.fields) | {"recordings_url": ""})
        )
        assert [level for level, _ in found] == ["ok", "error", "ok"]
        wrong = replace(account, fields=dict(account.fields) | {"secret": "wrong"})
        assert (await checked(wrong))[0] == (
            "error",
            "Asterisk does not accept the manager user and secret: Authentication failed",
        )
