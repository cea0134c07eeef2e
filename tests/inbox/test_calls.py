"""Calls as colleagues see them: the entry, the player, the button that rings, the task to call back."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from inbox.call_view import reason_in_words
from inbox.formats import Formats
from inbox.languages import language
from tests.conftest import NOON
from tests.doubles.exchange import a_recording, an_exchange_among_the_channels
from tests.events import a_call_report, accepted

PHONE = "+79161234567"


@pytest.fixture(autouse=True)
def exchange() -> Iterator[Any]:
    with an_exchange_among_the_channels() as state:
        yield state


@pytest.fixture
async def office(stage) -> UUID:
    await stage.hire("Anna", extension="101")
    await stage.hire("Boris", extension="102")
    return await stage.shop.connect("office", kind="exchange")


async def report(stage, account, *reports) -> None:
    for each in reports:
        await stage.receive(accepted(account, each, channel="exchange"))


async def opened(stage, browser, *, spoken="en", who="Anna") -> Any:
    one = await browser(who, **{"Accept-Language": spoken})
    talk = (await stage.shop.one("select id from conversation")).id
    answer = await one.get(f"/conversations/{talk}")
    assert answer.status == 200
    return one, answer.text


def entry(page: str) -> str:
    """The words of the only call on the page."""
    found = re.search(r'<div class="call.*?</div>\s*</div>', page, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def answered(**more: Any) -> list[Any]:
    return [
        a_call_report("ringing", **more),
        a_call_report("talking", leg="a", extension="102", after=7, **more),
        a_call_report("ended", after=199, reason="1110", **more),
    ]


async def test_an_answered_call_says_who_talked_how_long_and_who_hung_up(stage, browser, office):
    await report(stage, office, *answered())
    _, page = await opened(stage, browser)
    words = entry(page)
    assert "Incoming call" in words
    assert "3:12" in words
    assert "Answered by Boris · after 7 s" in words
    assert "The caller hung up" in words
    _, page = await opened(stage, browser, spoken="ru")
    assert "Входящий звонок" in entry(page)
    assert "Ответил(а) Boris · через 7 с" in entry(page)
    assert "Звонивший положил трубку" in entry(page)


async def test_a_call_that_goes_on_says_so(stage, browser, office):
    await report(stage, office, a_call_report("ringing"))
    _, page = await opened(stage, browser)
    assert "Incoming call, ringing" in entry(page)
    assert "/back" not in page
    await report(stage, office, a_call_report("talking", extension="101", after=3))
    _, page = await opened(stage, browser)
    assert "Incoming call, talking" in entry(page)


async def test_a_transfer_names_to_whom(stage, browser, office):
    await report(
        stage,
        office,
        a_call_report("talking", leg="a", extension="101"),
        a_call_report("transferred", leg="a", transferred_to="102", after=30),
        a_call_report("ended", after=60),
    )
    _, page = await opened(stage, browser)
    assert "Transferred to Boris" in entry(page)


async def test_an_outgoing_call_that_nobody_answered(stage, browser, office):
    await report(
        stage,
        office,
        a_call_report("ringing", direction="out", extension="101"),
        a_call_report("ended", direction="out", after=20, reason="busy"),
    )
    _, page = await opened(stage, browser)
    words = entry(page)
    assert "Outgoing call" in words
    assert "Called by Anna · no answer" in words
    assert "The line was busy" in words


async def test_an_extension_that_is_nobodys_is_shown_as_it_is(stage, browser, office):
    await report(
        stage, office, a_call_report("talking", extension="205"), a_call_report("ended", after=9)
    )
    _, page = await opened(stage, browser)
    assert "Answered by extension 205" in entry(page)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1120", "we hung up"),
        ("2010", "the exchange's balance is used up"),
        ("17", "the line was busy"),
        ("16", ""),
        ("answered", ""),
        ("operator_busy", "the line was busy"),
        ("NOANSWER", "nobody picked up"),
        ("no-answer", "nobody picked up"),
        ("9999", ""),
        ("", ""),
        ("Trunk is down", "Trunk is down"),
        ("1110 the caller hung up", "the caller hung up"),
        ("1100 ended as usual", ""),
        ("busy (17)", "the line was busy"),
        ("answered (16)", ""),
        ("User alerting, no answer", "nobody picked up"),
        ("1", "there is no such number"),
    ],
)
def test_why_it_ended_in_words(code, words):
    formats = Formats(language=language("en"), zone=ZoneInfo("UTC"), now=NOON)
    assert reason_in_words(code, formats=formats) == words


# Recordings


async def test_the_recording_is_played_on_the_page_and_can_be_moved_along(stage, browser, office):
    await report(stage, office, *answered(), a_call_report("recorded", who="", recording="r1"))
    one, page = await opened(stage, browser)
    assert "on its way" in page
    content = a_recording()
    sha256 = await stage.media.put(content)
    await stage.shop.sql(
        "update attachment set state = 'stored', sha256 = :sha256, mime = 'audio/x-wav'",
        sha256=sha256,
    )
    _, page = await opened(stage, browser)
    found = re.search(r'<audio controls preload="none" src="(/files/[^"]+)"', page)
    assert found
    part = await one.get(found[1], Range="bytes=100-199")
    assert part.status == 206
    assert part.body == content[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"


# The button that rings


async def test_calling_back_rings_through_the_line_that_was_called(stage, browser, office):
    await report(stage, office, a_call_report("ringing"), a_call_report("ended", after=20))
    one, page = await opened(stage, browser)
    assert "Missed call" in entry(page)
    found = re.search(r'data-post="(/calls/[^"]+/back)"', page)
    assert found
    assert (await one.post(found[1], **{"X-Fragment": "1"})).status == 204
    (asked,) = stage.calls.asked
    anna = stage.shop.managers[0]
    assert (asked["phone"], asked["by"], asked["account"]) == (PHONE, anna, "office")


async def test_why_it_could_not_ring_is_said_in_the_readers_words(stage, browser, office):
    await report(stage, office, a_call_report("ringing"), a_call_report("ended", after=20))
    one, page = await opened(stage, browser, spoken="ru")
    stage.calls.refusal = (
        "There is no extension to ring: write yours in your profile, then call again."
    )
    found = re.search(r'data-post="(/calls/[^"]+/back)"', page)
    answer = await one.post(found[1], **{"X-Fragment": "1"})
    assert answer.status == 409
    assert answer.text.startswith("Некуда звонить: укажите свой внутренний номер в профиле")


async def test_a_number_of_the_person_can_be_called_where_a_channel_can(stage, browser, office):
    await report(stage, office, *answered())
    one, page = await opened(stage, browser)
    found = re.search(r'data-post="(/contacts/[^"]+/call/\d+)"', page)
    assert found
    await one.post(found[1], **{"X-Fragment": "1"})
    assert stage.calls.asked[0]["phone"] == PHONE
    stage.calls.dials = False
    _, page = await opened(stage, browser)
    assert "/call/7916" not in page


async def test_a_caller_without_a_number_cannot_be_called_back(stage, browser, office):
    await report(stage, office, *answered())
    one, _ = await opened(stage, browser)
    call = await stage.shop.one("select id from call")
    await stage.shop.sql("update call set theirs = ''")
    _, page = await opened(stage, browser)
    assert "/back" not in page
    assert (await one.post(f"/calls/{call.id}/back")).status == 409
    assert stage.calls.asked == []


async def test_nothing_is_called_without_a_token_of_the_session(stage, browser, office):
    await report(stage, office, *answered())
    one, _ = await opened(stage, browser)
    call = await stage.shop.one("select id from call")
    assert (await one.post(f"/calls/{call.id}/back", token="")).status == 403


# The task


async def test_the_task_stands_beside_the_conversation_and_is_ticked_off(stage, browser, office):
    for n in range(2):
        at = NOON + timedelta(minutes=n)
        await report(
            stage,
            office,
            a_call_report("ringing", call=f"c{n}", at=at),
            a_call_report("ended", call=f"c{n}", at=at, after=20),
        )
    one, page = await opened(stage, browser)
    assert "Call back" in page
    assert "2 missed calls, the last" in page
    found = re.search(r'data-post="(/tasks/[^"]+/done)"', page)
    assert found
    assert (await one.post(found[1], **{"X-Fragment": "1"})).status == 200
    task = await stage.shop.one("select done_at from task")
    assert task.done_at == NOON
    _, page = await opened(stage, browser)
    assert "/done" not in page


async def test_a_list_shows_that_the_last_call_was_missed(stage, browser, office):
    await report(stage, office, a_call_report("ringing"), a_call_report("ended", after=20))
    one = await browser("Anna", **{"Accept-Language": "ru"})
    assert "Пропущенный звонок" in (await one.get("/")).text


async def test_what_only_receives_says_so_and_takes_notes(stage, browser, office):
    await report(stage, office, *answered())
    one, page = await opened(stage, browser)
    assert "This channel only receives" in page
    talk = (await stage.shop.one("select id from conversation")).id
    refused = await one.post(
        f"/conversations/{talk}/messages", {"text": "hello", "mode": "reply", "key": "k1"}
    )
    assert refused.status == 409
    noted = await one.post(
        f"/conversations/{talk}/messages", {"text": "call at six", "mode": "note", "key": "k2"}
    )
    assert noted.status == 303


# Extensions


async def test_everybody_writes_their_own_extension_and_no_two_have_the_same(
    stage, browser, office
):
    one = await browser("Anna", **{"Accept-Language": "en"})
    assert (await one.post("/profile/extension", {"extension": "120"})).status == 303
    assert 'value="120"' in (await one.get("/profile")).text
    assert (await one.post("/profile/extension", {"extension": "102"})).status == 409
    assert (await one.post("/profile/extension", {"extension": "not one"})).status == 409
    assert (await one.post("/profile/extension", {"extension": ""})).status == 303


async def test_an_administrator_writes_others(stage, browser, office):
    await stage.hire("Olga", role="admin")
    one = await browser("Olga", **{"Accept-Language": "en"})
    boris = stage.shop.managers[1]
    form = {"role": "manager", "capacity": "", "extension": "330"}
    assert (await one.post(f"/settings/people/{boris}", form)).status == 303
    assert "extension 330" in (await one.get("/settings/people")).text
    assert (await one.post(f"/settings/people/{boris}", form | {"extension": "101"})).status == 409


async def test_who_comes_back_does_not_take_the_extension_of_who_has_it_now(stage, browser, office):
    await stage.hire("Olga", role="admin")
    one = await browser("Olga")
    anna, boris = stage.shop.managers[:2]
    await one.post(f"/settings/people/{anna}/disable")
    assert (await one.post(f"/settings/people/{boris}", {"extension": "101"})).status == 303
    assert (await one.post(f"/settings/people/{anna}/enable")).status == 303
    row = await stage.shop.one("select extension from user_account where id = :id", id=anna)
    assert row.extension == ""
