"""How a visitor's page learns what is new, and tells what was seen."""

import asyncio
import json
import re
from typing import Any

import aiohttp

from connectors.channels.site_chat import connector
from connectors.connector import Account, Outgoing
from router.ids import new_id
from router.message import DeliveryReported
from storage.threads import Threads
from tests.doubles.site_chat import Chat, answer
from tests.doubles.site_chat_browser import Browser


async def test_the_three_ways_of_reading_tell_the_same(
    browser: Browser, chat: Chat, threads: Threads
) -> None:
    await browser.say("раз")
    visitor = chat.intake.messages[0].chat.id
    await answer(chat.engine, visitor, "два")
    paged = await browser.read()
    polled = await browser.read("?after=0&wait=25")
    streamed, stream = await opened(browser, after=0)
    stream.close()
    assert paged == polled == streamed
    assert [each["text"] for each in paged] == ["раз", "два"]
    assert [each["mine"] for each in paged] == [True, False]
    assert paged[1]["author"] == "Анна"


async def test_an_answer_an_edit_and_a_deletion_come_down_the_open_stream(
    browser: Browser, chat: Chat, threads: Threads
) -> None:
    await browser.say("раз")
    visitor = chat.intake.messages[0].chat.id
    await threads.look()
    _, stream = await opened(browser, after=0)
    told = await answer(chat.engine, visitor, "отве")
    await threads.look()
    (news,) = await next_news(stream)
    assert (news["text"], news["edited"]) == ("отве", False)
    for change, expected in (
        ("text = 'ответ', edited_at = now()", ("ответ", True, False)),
        ("deleted_at = now()", ("", True, True)),
    ):
        async with chat.engine.begin() as connection:
            await connection.exec_driver_sql(f"update message set {change} where id = '{told}'")
        threads.hint_all()
        (news,) = await next_news(stream)
        assert (news["text"], news["edited"], news["deleted"]) == expected
    stream.close()


async def test_a_long_poll_ends_with_the_answer(
    browser: Browser, chat: Chat, threads: Threads
) -> None:
    await browser.say("раз")
    await threads.look()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        poll = group.create_task(browser.read("?after=1&wait=25"))
        while not threads._watched:  # noqa: ASYNC110  # nothing tells when a poll has begun to wait
            await asyncio.sleep(0.01)
        await answer(chat.engine, chat.intake.messages[0].chat.id, "два")
        await threads.look()
        assert (await poll)[-1]["text"] == "два"


async def test_a_long_conversation_is_read_from_its_end(browser: Browser, chat: Chat) -> None:
    await browser.say("раз")
    for number in range(60):
        await answer(chat.engine, chat.intake.messages[0].chat.id, str(number))
    newest = await browser.read()
    assert [newest[0]["seq"], newest[-1]["seq"]] == [12, 61]
    older = await browser.read("?before=12")
    assert [older[0]["seq"], older[-1]["seq"]] == [1, 11]


async def test_a_stream_ends_when_the_server_stops(
    browser: Browser, chat: Chat, threads: Threads
) -> None:
    await browser.say("раз")
    _, stream = await opened(browser, after=0)
    threads.close()
    async with asyncio.timeout(5):
        assert not (await stream.content.read()).strip()


async def test_a_stranger_reads_nothing(browser: Browser, http: aiohttp.ClientSession) -> None:
    await browser.say("личное")
    assert await (await Browser(http).begin()).read() == []
    for path in ("messages", "events"):
        async with http.get(f"/chat/site/{path}") as got:
            assert got.status == 401


async def opened(browser: Browser, *, after: int) -> tuple[Any, aiohttp.ClientResponse]:
    response = await browser.http.get(f"/chat/site/events?after={after}", headers=browser.headers())
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["X-Accel-Buffering"] == "no"
    return await next_news(response), response


async def next_news(response: aiohttp.ClientResponse) -> Any:
    async with asyncio.timeout(10):
        async for line in response.content:
            if found := re.fullmatch(rb"data: (.*)\n", line):
                return json.loads(found[1])["messages"]
    return []


async def test_reading_is_reported_once_for_all_up_to_the_last(
    browser: Browser, chat: Chat
) -> None:
    await browser.say("раз")
    visitor = chat.intake.messages[0].chat.id
    await answer(chat.engine, visitor, "два")
    last = await answer(chat.engine, visitor, "три")
    assert (await browser.post("seen", {"delivered": 3, "read": 0}))[0] == 204
    assert (await browser.post("seen", {"delivered": 3, "read": 3}))[0] == 204
    assert (await browser.post("seen", {"delivered": 3, "read": 3}))[0] == 204
    reports = [each for each in chat.intake.events if isinstance(each, DeliveryReported)]
    assert [(each.state, each.external_ids, each.up_to) for each in reports] == [
        ("delivered", (f"{visitor}:{last}",), True),
        ("read", (f"{visitor}:{last}",), True),
    ]


async def test_nobody_reports_what_they_cannot_have_seen(browser: Browser, chat: Chat) -> None:
    await browser.say("раз")
    assert (await browser.post("seen", {"delivered": 999, "read": 999}))[0] == 204
    assert (await browser.post("seen", {"delivered": -1}))[0] == 400
    assert len(chat.intake.events) == 1


async def test_sending_is_done_by_having_stored(browser: Browser) -> None:
    assert connector.send is not None
    outgoing = Outgoing(id=new_id(), chat="chat", text="ответ")
    sent = await connector.send(
        Account(id=new_id(), kind="site_chat", slug="s"), outgoing, browser.http
    )
    assert (sent.external_id, sent.state) == (f"chat:{outgoing.id}", "sent")
