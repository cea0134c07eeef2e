"""The stand-in behaves like Telegram: towards aiogram, an independent client, and towards webhooks."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiogram import Bot as Client, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InputMediaPhoto,
    Message,
    ReplyParameters,
    Update,
)
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.telegram import Bot, Fault, Limits, Telegram
from sandbox.telegram.control import routes

TOKEN = "123456:TEST"
ANNA = 700
UNLIMITED = Limits(bot_rate=None, chat_rate=None, group_rate=None)


@asynccontextmanager
async def a_telegram(limits: Limits = UNLIMITED) -> AsyncGenerator[tuple[Telegram, Bot]]:
    telegram = Telegram(now=time.time, tempo=0.01, limits=limits)
    bot = telegram.add_bot(TOKEN)
    bot.chat_of(ANNA, name="Анна")
    async with telegram.running(routes=routes(telegram)):
        yield telegram, bot


@asynccontextmanager
async def a_client(telegram: Telegram, token: str = TOKEN) -> AsyncGenerator[Client]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(telegram.url))
    async with Client(token, session=session) as client:
        yield client


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


# As aiogram sees it


async def test_aiograms_own_polling_works_against_it() -> None:
    seen: list[str] = []
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: Message) -> None:
        seen.append(message.text or message.content_type)
        await message.reply(f"Вы написали: {message.text}")

    @dispatcher.callback_query()
    async def press(query: CallbackQuery) -> None:
        seen.append(f"pressed {query.data}")
        await query.answer()

    async with (
        a_telegram() as (telegram, bot),
        a_client(telegram) as client,
        asyncio.TaskGroup() as group,
    ):
        polling = group.create_task(
            dispatcher.start_polling(client, handle_signals=False, close_bot_session=False)
        )
        bot.writes(ANNA, "раз")
        await until(lambda: bot.times("Вы написали: раз") == 1)
        bot.presses(ANNA, bot.sent[0].message_id, "yes")
        bot.shares_contact(ANNA, "79161234567")
        await until(lambda: len(seen) == 3)
        await until(lambda: bot.answered)
        await dispatcher.stop_polling()
        await polling
    assert sorted(seen) == ["contact", "pressed yes", "раз"]
    assert bot.sent[0].reply_to == 1


async def test_everything_people_do_is_an_update_that_aiogram_reads() -> None:
    async with a_telegram() as (_, bot):
        bot.allowed = frozenset(Update.model_fields)
        deeds = [
            bot.writes(ANNA, "раз"),
            bot.starts(ANNA, "ad42"),
            bot.sends_photo(ANNA, b"jpeg", caption="вот"),
            bot.sends_document(ANNA, b"pdf", name="a.pdf", mime="application/pdf"),
            bot.shares_contact(ANNA, "79161234567"),
            bot.shares_contact(ANNA, "79161234567", owner=5),
            bot.edits(ANNA, 1, "два"),
            bot.presses(ANNA, 1, "x"),
            bot.reacts(ANNA, 1, "👍"),
            bot.reacts(ANNA, 1, ""),
            bot.blocks(ANNA),
            bot.blocks(ANNA, blocked=False),
        ]
        bot.group(-5, "Чат")
        deeds += bot.migrates(-5, -1001)
        assert bot.pending[0]["message"]["text"] == "раз"
        for deed in deeds:
            Update.model_validate(deed)
        assert len(bot.pending) == len(deeds)
        assert len({deed["update_id"] for deed in deeds}) == len(deeds)


async def test_everything_a_bot_sends_is_seen_and_answered_in_full() -> None:
    async with a_telegram() as (telegram, bot), a_client(telegram) as client:
        assert (await client.get_me()).username == bot.username
        text = await client.send_message(ANNA, "раз")
        photo = await client.send_photo(ANNA, BufferedInputFile(b"jpeg", "a.jpg"), caption="вот")
        assert photo.photo is not None
        again = await client.send_photo(ANNA, photo.photo[0].file_id)
        album = await client.send_media_group(
            ANNA, [InputMediaPhoto(media=BufferedInputFile(b"j", f"{n}.jpg")) for n in range(3)]
        )
        for send in (
            client.send_document,
            client.send_video,
            client.send_audio,
            client.send_voice,
            client.send_animation,
        ):
            await send(ANNA, BufferedInputFile(b"x", "f"))
        edited = await client.edit_message_text("два", chat_id=ANNA, message_id=text.message_id)
        assert await client.send_chat_action(ANNA, "typing")
    assert isinstance(edited, Message)
    assert edited.text == "два"
    assert again.photo
    assert len({each.media_group_id for each in album}) == 1
    assert len(bot.sent) == 11
    assert bot.sent[1].text == "вот"


async def test_files_come_back_as_they_were_sent() -> None:
    async with a_telegram() as (telegram, bot), a_client(telegram) as client:
        content = bytes(range(256)) * 500
        told = bot.sends_document(ANNA, content, name="a.bin")["message"]["document"]
        got = await client.download(told["file_id"])
        assert got is not None
        assert got.read() == content
        large = bot.sends_document(ANNA, b"x" * 20_000_001, name="b.bin")["message"]["document"]
        with pytest.raises(TelegramBadRequest, match="file is too big"):
            await client.get_file(large["file_id"])


async def test_what_telegram_refuses_is_refused_in_its_words() -> None:
    async with a_telegram() as (telegram, bot), a_client(telegram) as client:
        with pytest.raises(TelegramBadRequest, match="message text is empty"):
            await client.send_message(ANNA, " ")
        with pytest.raises(TelegramBadRequest, match="message is too long"):
            await client.send_message(ANNA, "😀" * 2049)
        with pytest.raises(TelegramBadRequest, match="caption is too long"):
            await client.send_photo(ANNA, BufferedInputFile(b"j", "a.jpg"), caption="x" * 1025)
        with pytest.raises(TelegramBadRequest, match="chat not found"):
            await client.send_message(5, "x")
        with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
            await client.send_message(ANNA, "x", reply_parameters=ReplyParameters(message_id=99))
        with pytest.raises(TelegramBadRequest, match="query is too old"):
            await client.answer_callback_query("old")
        bot.blocks(ANNA)
        with pytest.raises(TelegramForbiddenError, match="blocked by the user"):
            await client.send_message(ANNA, "x")
        bot.group(-5, "Чат")
        bot.migrates(-5, -1001)
        with pytest.raises(TelegramMigrateToChat) as moved:
            await client.send_message(-5, "x")
        assert moved.value.migrate_to_chat_id == -1001
        async with a_client(telegram, "999:OTHER") as stranger:
            with pytest.raises(TelegramUnauthorizedError):
                await stranger.get_me()
    assert bot.sent == []


async def test_sending_too_fast_is_throttled_per_chat_and_in_all() -> None:
    async with a_telegram(Limits(chat_burst=3)) as (telegram, bot), a_client(telegram) as client:
        for number in range(3):
            await client.send_message(ANNA, str(number))
        with pytest.raises(TelegramRetryAfter) as chat:
            await client.send_message(ANNA, "3")
        assert chat.value.retry_after == 1
        for user in range(1, 60):
            bot.chat_of(user)
        taken = 0
        while bot.meter.refused == 1:
            taken += 1
            await _throttled(client.send_message(taken, "x"))
    # 30 at once, the one of a moment ago among them, and a few that have become free meanwhile.
    assert 27 <= taken <= 58


@pytest.mark.parametrize(
    ("fault", "raised", "seen"),
    [
        (Fault(kind="answer", status=502, description="Bad Gateway"), TelegramServerError, 0),
        (Fault(kind="drop_before"), TelegramNetworkError, 0),
        (Fault(kind="drop_after"), TelegramNetworkError, 1),
        (Fault(kind="hang_before"), TelegramNetworkError, 0),
        (Fault(kind="hang_after"), TelegramNetworkError, 1),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_bad_days_are_made_to_order(fault: Fault, raised: type[Exception], seen: int) -> None:
    async with a_telegram() as (telegram, bot), a_client(telegram) as client:
        telegram.go_wrong(fault)
        with pytest.raises(raised):
            await client.send_message(ANNA, "раз", request_timeout=1)
        assert bot.times("раз") == seen
        await client.send_message(ANNA, "два")
    assert bot.times("два") == 1


async def test_down_is_refused_and_up_again_works() -> None:
    async with a_telegram() as (telegram, bot), a_client(telegram) as client:
        await client.send_message(ANNA, "раз")
        await telegram.go_down()
        with pytest.raises(TelegramNetworkError):
            await client.send_message(ANNA, "два")
        await telegram.come_back()
        await client.send_message(ANNA, "два")
    assert bot.times("два") == 1


# getUpdates


async def test_one_asks_for_updates_at_a_time() -> None:
    async with (
        a_telegram() as (telegram, _),
        a_client(telegram) as first,
        a_client(telegram) as second,
    ):
        async with asyncio.TaskGroup() as group:
            older = group.create_task(_refused(first.get_updates(timeout=50)))
            await until(lambda: telegram.delivery._asking)
            newer = group.create_task(second.get_updates(timeout=10))
        assert isinstance(older.result(), TelegramConflictError)
        assert newer.result() == []


async def _throttled(call: Any) -> None:
    with contextlib.suppress(TelegramRetryAfter):
        await call


async def _refused(call: Any) -> Exception | None:
    try:
        await call
    except TelegramConflictError as error:
        return error
    return None


async def test_updates_are_not_asked_for_while_there_is_a_webhook() -> None:
    async with a_telegram() as (telegram, bot), a_client(telegram) as client:
        await client.set_webhook("http://127.0.0.1:9/")
        bot.writes(ANNA, "раз")
        with pytest.raises(TelegramConflictError, match="webhook is active"):
            await client.get_updates()
        assert (await client.get_webhook_info()).pending_update_count == 1
        await client.delete_webhook(drop_pending_updates=False)
        assert len(await client.get_updates()) == 1
        await client.delete_webhook(drop_pending_updates=True)
        assert await client.get_updates() == []


async def test_a_waiting_poll_is_answered_when_something_happens() -> None:
    async with a_telegram() as (telegram, bot), a_client(telegram) as client:
        async with asyncio.TaskGroup() as group:
            poll = group.create_task(client.get_updates(timeout=50))
            await until(lambda: telegram.delivery._asking)
            bot.writes(ANNA, "раз")
        assert len(poll.result()) == 1
        assert len(await client.get_updates(limit=1)) == 1
        assert await client.get_updates(offset=poll.result()[0].update_id + 1) == []


# Webhooks


class Hook:
    """A bot's webhook that answers what it is told to, and 200 otherwise."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.secrets: set[str] = set()
        self.times: list[float] = []
        self.answers: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.waiting: dict[str, asyncio.Event] = {}

    async def handle(self, request: web.Request) -> web.Response:
        text = json.loads(await request.read())["message"]["text"]
        self.secrets.add(request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""))
        self.times.append(time.monotonic())
        self.got.append(text)
        if text in self.waiting:
            await self.waiting[text].wait()
        answers = self.answers.get(text)
        status, headers = answers.pop(0) if answers else (200, {})
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def a_webhook(telegram: Telegram) -> AsyncGenerator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.handle)
    async with TestServer(app) as server, a_client(telegram) as client:
        await client.set_webhook(str(server.make_url("/hook")), secret_token="s3cret")
        yield hook
        await client.delete_webhook()


async def test_updates_are_pushed_with_the_secret() -> None:
    async with a_telegram() as (telegram, bot), a_webhook(telegram) as hook:
        for number in range(20):
            bot.writes(700 + number % 5, str(number))
        await until(lambda: not bot.pending)
    assert sorted(hook.got, key=int) == [str(number) for number in range(20)]
    assert hook.secrets == {"s3cret"}


async def test_a_refused_update_holds_up_its_chat_and_no_other() -> None:
    async with a_telegram() as (telegram, bot), a_webhook(telegram) as hook:
        hook.answers["a1"] = [(500, {})] * 3
        hook.waiting["a1"] = asyncio.Event()
        bot.writes(1, "a1")
        bot.writes(1, "a2")
        bot.writes(2, "b1")
        await until(lambda: "b1" in hook.got)
        assert "a2" not in hook.got
        hook.waiting["a1"].set()
        await until(lambda: not bot.pending)
    assert hook.got.count("a1") == 4
    assert hook.got.index("a2") > max(n for n, text in enumerate(hook.got) if text == "a1")
    assert telegram.delivery.attempts == 6


async def test_retry_after_is_heeded() -> None:
    async with a_telegram() as (telegram, bot), a_webhook(telegram) as hook:
        hook.answers["a"] = [(503, {"Retry-After": "30"})]
        bot.writes(1, "a")
        await until(lambda: not bot.pending)
    assert hook.times[1] - hook.times[0] >= 30 * 0.01


async def test_a_webhook_that_is_down_gets_everything_once_it_is_up() -> None:
    async with a_telegram() as (telegram, bot), a_client(telegram) as client:
        await client.set_webhook("http://127.0.0.1:9/")
        bot.writes(1, "a")
        bot.writes(1, "b")
        await until(lambda: telegram.delivery.attempts >= 3)
        assert (await client.get_webhook_info()).last_error_message
        async with a_webhook(telegram) as hook:
            await until(lambda: not bot.pending)
    assert hook.got == ["a", "b"]


# By hand


async def test_people_can_be_moved_over_http() -> None:
    async with (
        a_telegram() as (telegram, bot),
        aiohttp.ClientSession() as http,
        a_client(telegram) as client,
    ):

        async def tell(deed: str, **told: Any) -> int:
            async with http.post(f"{telegram.url}/control/{TOKEN}/{deed}", json=told) as response:
                return response.status

        assert await tell("write", user=5, text="раз", name="Пётр") == 200
        assert await tell("start", user=5, payload="ad42") == 200
        assert await tell("contact", user=5, phone="79161234567") == 200
        assert await tell("photo", user=5) == await tell("document", user=5, name="a.pdf") == 200
        assert await tell("block", user=6) == 200
        assert await tell("write", user=5) == 400
        assert await tell("dance", user=5) == 404
        assert [next(name for name in each if name != "update_id") for each in bot.pending] == [
            "message"
        ] * 5 + ["my_chat_member"]
        async with http.post(f"{telegram.url}/control/fault", json={"kind": "answer"}) as response:
            assert response.status == 204
        with pytest.raises(TelegramServerError):
            await client.send_message(5, "да")
        await client.send_message(5, "да")
        async with http.get(f"{telegram.url}/control/{TOKEN}/sent") as response:
            told = await response.json()
    assert told["seen"] == [{"chat": 5, "text": "да", "times": 1}]
