"""A visitor with a real browser, a shop's page with a strict policy, and the chat on another origin.

The shop stands on localhost and the chat on 127.0.0.1, which a browser holds for two different sites.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import (
    Browser,
    BrowserContext,
    Error,
    Frame,
    Locator,
    Page,
    async_playwright,
    expect,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.threads import Threads
from tests.conftest import SERVICES_REQUIRED
from tests.doubles.site_chat import Chat, TableIntake, add_account, answer

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf50"
    "0f0003860180345a8b6b0000000049454e44ae426082"
)

pytestmark = [
    pytest.mark.timeout(120),
    # Reason: a newcomer without a browser still has the rest tested; with ALLO_REQUIRE_SERVICES=1 it runs, and fails.
    pytest.mark.skipif(
        not CHROMIUM.exists() and not SERVICES_REQUIRED, reason="no chromium on this machine"
    ),
]


@pytest.fixture(scope="module")
async def browser() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield launched
        await launched.close()


@pytest.fixture
async def chat(database: AsyncEngine) -> Chat:
    account = await add_account(database, title="Колодка", ip_rate="0")
    return Chat(engine=database, account=account, intake=TableIntake(database))


@asynccontextmanager
async def shop_with(chat: Chat, attributes: str = "") -> AsyncGenerator[str]:
    """A shop whose policy lets in nothing but the chat's script and frame."""
    home = f"http://127.0.0.1:{chat.port}"

    async def page(request: web.Request) -> web.Response:
        return web.Response(
            text=f"<!doctype html><html lang='ru'><title>Магазин</title><body><h1>Магазин</h1>"
            f"<script async src='{home}/widget.js?account=site' {attributes}></script>"
            f"<script async src='{home}/widget.js?account=site' {attributes}></script></body></html>",
            content_type="text/html",
            headers={
                "Content-Security-Policy": f"default-src 'none'; script-src {home}; frame-src {home}"
            },
        )

    application = web.Application()
    application.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's
    try:
        yield f"http://localhost:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def watching(threads: Threads) -> AsyncGenerator[None]:
    """What the process does beside serving: it looks for what is new."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(threads.keep_watch(every=0.1))
        yield
        task.cancel()


async def open_chat(page: Page) -> Frame:
    await page.get_by_role("button", name="Написать нам").click()
    return await frame_of(page)


async def frame_of(page: Page) -> Frame:
    element = await page.locator("iframe#allo-frame").element_handle()
    assert element is not None
    frame = await element.content_frame()
    assert frame is not None
    return frame


async def write(frame: Frame, words: str) -> None:
    await frame.get_by_label("Сообщение", exact=True).fill(words)
    await frame.get_by_role("button", name="Отправить").click()


def bubbles(frame: Frame) -> Locator:
    return frame.locator(".w__b")


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(15):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


async def only_chat(engine: AsyncEngine) -> str:
    async with engine.connect() as connection:
        return str((await connection.execute(text("select chat from conversation"))).scalar_one())


async def test_a_conversation_survives_a_reload_and_a_restart_of_the_server(
    browser: Browser, chat: Chat
) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        context = await browser.new_context(locale="ru-RU")
        page = await context.new_page()
        await page.goto(shop)
        frame = await open_chat(page)
        await write(frame, "Сколько стоит замена колодок?")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        await answer(chat.engine, await only_chat(chat.engine), "1 400 ₽. Какая машина?")
        await expect(bubbles(frame).last).to_contain_text("1 400 ₽")
        await expect(frame.get_by_text("Анна", exact=True)).to_be_visible()

        await page.reload()
        frame = await open_chat(page)
        await expect(bubbles(frame)).to_have_count(2)

    async with chat.serving() as threads, watching(threads), shop_with(chat) as other_shop:
        # The shop's port is another one now, so its storage is too: the visitor comes back by the token it kept.
        page_two = await context.new_page()
        token = await page.evaluate("localStorage.getItem('allo.site.token')")
        await page_two.add_init_script(f"localStorage.setItem('allo.site.token', '{token}')")
        await page_two.goto(other_shop)
        frame = await open_chat(page_two)
        await write(frame, "Киа Рио")
        await expect(bubbles(frame)).to_have_count(3)
        await expect(bubbles(frame).first).to_contain_text("Сколько стоит")
        await context.close()
    assert [each.text for each in chat.intake.messages] == [
        "Сколько стоит замена колодок?",
        "Киа Рио",
    ]
    assert len({each.chat.id for each in chat.intake.messages}) == 1


async def test_an_open_page_goes_on_after_a_restart(browser: Browser, chat: Chat) -> None:
    async with chat.serving() as threads, watching(threads):
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        # The page of the same server, which a fresh installation offers.
        await page.goto(f"http://127.0.0.1:{chat.port}/chat/site/try")
        frame = await open_chat(page)
        await write(frame, "первое")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
    await write(frame, "пока сервера нет")
    await expect(frame.get_by_role("status")).to_contain_text("Нет связи")
    await expect(frame.locator(".w__tick.is-waiting")).to_have_count(1)
    async with chat.serving() as threads, watching(threads):
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(2, timeout=20000)
        await expect(frame.get_by_role("status")).to_be_hidden()
        await answer(chat.engine, await only_chat(chat.engine), "Мы снова здесь")
        await expect(bubbles(frame).last).to_contain_text("Мы снова здесь", timeout=20000)
        await page.context.close()
    assert [each.text for each in chat.intake.messages] == ["первое", "пока сервера нет"]


async def test_what_was_written_without_a_connection_is_sent_once(
    browser: Browser, chat: Chat
) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        context = await browser.new_context(locale="ru-RU")
        page = await context.new_page()
        await page.goto(shop)
        frame = await open_chat(page)
        # The server takes the message, and its answer is lost on the way: the browser cannot know.
        lost = 0

        async def lose(route) -> None:  # type: ignore[no-untyped-def]  # playwright's
            nonlocal lost
            if route.request.method == "POST" and lost < 2:
                lost += 1
                with suppress(Error):
                    await route.fetch()
                await route.abort()
            else:
                await route.continue_()

        await context.route("**/messages", lose)
        await write(frame, "один раз")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1, timeout=20000)
        await context.set_offline(True)
        await write(frame, "из туннеля")
        await expect(frame.locator(".w__tick.is-waiting")).to_have_count(1)
        await expect(frame.get_by_role("status")).to_contain_text("Нет связи")
        await context.set_offline(False)
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(2, timeout=20000)
        await context.close()
    assert lost >= 1
    assert chat.intake.repeats >= 1
    assert [each.text for each in chat.intake.messages] == ["один раз", "из туннеля"]


async def test_a_message_that_waited_is_sent_by_the_next_page(browser: Browser, chat: Chat) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        context = await browser.new_context(locale="ru-RU")
        page = await context.new_page()
        await page.goto(shop)
        frame = await open_chat(page)
        await context.route("**/messages", lambda route: route.abort())
        await write(frame, "написал и закрыл")
        await expect(frame.locator(".w__tick.is-waiting")).to_have_count(1)
        await page.close()
        await context.unroute("**/messages")
        again = await context.new_page()
        await again.goto(shop)
        await eventually(lambda: len(chat.intake.messages) == 1)
        await context.close()
    assert chat.intake.messages[0].text == "написал и закрыл"


async def test_an_answer_is_counted_on_the_button_and_reported_read_when_seen(
    browser: Browser, chat: Chat
) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        context = await browser.new_context(locale="ru-RU")
        page = await context.new_page()
        await page.goto(shop)
        frame = await open_chat(page)
        await write(frame, "Здравствуйте")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        await page.keyboard.press("Escape")
        button = page.get_by_role("button", name="Написать нам")
        await expect(button).to_be_focused()
        await answer(chat.engine, await only_chat(chat.engine), "Здравствуйте!")
        await expect(
            page.get_by_role("button", name="Написать нам, 1 непрочитанное сообщение")
        ).to_be_visible()

        async def state() -> str:
            async with chat.engine.connect() as connection:
                found = await connection.execute(
                    text("select state from message where direction = 'out'")
                )
                return str(found.scalar_one())

        async def is_delivered() -> bool:
            return await state() == "delivered"

        async def is_read() -> bool:
            return await state() == "read"

        await eventually(is_delivered)
        await button.click()
        await eventually(is_read)
        await context.close()


async def test_a_second_tab_shows_the_same_conversation(browser: Browser, chat: Chat) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        context = await browser.new_context(locale="ru-RU")
        one = await context.new_page()
        await one.goto(shop)
        await write(await open_chat(one), "из первой вкладки")
        await eventually(lambda: len(chat.intake.messages) == 1)
        # Opened only now: a page behind another one is slowed down by the browser.
        other = await context.new_page()
        await other.goto(shop)
        frame = await open_chat(other)
        await expect(bubbles(frame)).to_have_count(1)
        await write(frame, "из второй вкладки")
        await answer(chat.engine, await only_chat(chat.engine), "обеим")
        for page in (one, other):
            await expect(bubbles(await frame_of(page))).to_have_count(3)
        await one.close()
        await answer(chat.engine, await only_chat(chat.engine), "оставшейся")
        await expect(bubbles(frame).last).to_contain_text("оставшейся", timeout=20000)
        await context.close()


async def test_files_go_up_and_come_back(browser: Browser, chat: Chat) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        await page.goto(shop)
        frame = await open_chat(page)
        await frame.locator("input[type=file]").set_input_files(
            [
                {"name": "колодка.png", "mimeType": "text/plain", "buffer": PNG},
                {
                    "name": "evil.html",
                    "mimeType": "text/html",
                    "buffer": b"<script>alert(1)</script>",
                },
            ]
        )
        await expect(frame.locator(".w__chip.is-ready")).to_have_count(2)
        await write(frame, "вот фото")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        picture = frame.locator("img.w__img")
        await expect(picture).to_have_js_property("naturalWidth", 1)
        async with page.expect_download() as started:
            await frame.locator("a.w__file").click()
        assert (await started.value).suggested_filename == "evil.html"
        await page.context.close()
    (message,) = chat.intake.messages
    assert [(each.name, each.mime, each.kind) for each in message.attachments] == [
        ("колодка.png", "image/png", "image"),
        ("evil.html", "application/octet-stream", "document"),
    ]
    assert chat.media.kept[message.attachments[0].sha256] == PNG


async def test_the_source_of_the_visit_is_kept_though_the_visitor_walks_on(
    browser: Browser, chat: Chat
) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        await page.goto(
            f"{shop}/колодки?utm_source=yandex&UTM_Campaign=brakes&yclid=77&utm_source=second&token=s3cret#part"
        )
        await page.get_by_role("button", name="Написать нам").wait_for()
        await page.goto(f"{shop}/контакты")
        frame = await open_chat(page)
        await write(frame, "Здравствуйте")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        await page.evaluate("history.pushState({}, '', '/spa?utm_source=vk&utm_medium=cpc')")
        # The first page may have been left before it heard its token: a visit of a visitor who never came back.
        visitor = await only_chat(chat.engine)
        await eventually(lambda: touches(chat, 2, visitor))
        await write(frame, "И ещё")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(2)
        await page.context.close()
    first, second = chat.intake.messages
    assert first.source is not None
    assert first.source.utm == {"source": "yandex", "campaign": "brakes"}
    assert first.source.click_ids == {"yclid": "77"}
    assert "s3cret" not in first.source.landing
    assert "#" not in first.source.landing
    assert first.details["page"]["url"].endswith(
        "/%D0%BA%D0%BE%D0%BD%D1%82%D0%B0%D0%BA%D1%82%D1%8B"
    )
    assert second.source is not None
    assert second.source.utm == {"source": "vk", "medium": "cpc"}


async def touches(chat: Chat, wanted: int, visitor: str | None = None) -> bool:
    async with chat.engine.connect() as connection:
        found = await connection.execute(
            text("select count(*) from touch where coalesce(visitor_id = cast(:id as uuid), true)"),
            {"id": visitor},
        )
        return int(found.scalar_one()) == wanted


async def test_hostile_text_is_only_text(browser: Browser, chat: Chat) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await page.goto(shop)
        frame = await open_chat(page)
        hostile = "<img src=x onerror=alert(1)><script>alert(2)</script> javascript:alert(3)"
        await write(frame, hostile)
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        await answer(
            chat.engine,
            await only_chat(chat.engine),
            'https://shop.example/"onmouseover="alert(4) <b>жирно</b>',
            author="<script>alert(5)</script>",
        )
        await expect(bubbles(frame)).to_have_count(2)
        await expect(bubbles(frame).first).to_contain_text("<img src=x onerror=alert(1)>")
        assert await frame.locator(".w__log img, .w__log script, .w__log b").count() == 0
        link = frame.locator(".w__log a")
        await expect(link).to_have_attribute("href", "https://shop.example/")
        await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow ugc")
        assert dialogs == []
        await page.context.close()


async def test_another_page_may_not_carry_the_chat(browser: Browser, chat: Chat) -> None:
    chat.change(allowed_origins="https://kolodka.example")
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        await page.goto(shop)
        await eventually(lambda: any("frame-ancestors" in each for each in refused))
        assert await page.get_by_role("button", name="Написать нам").count() == 0
        await page.context.close()


async def test_nothing_is_kept_before_consent(browser: Browser, chat: Chat) -> None:
    async with (
        chat.serving() as threads,
        watching(threads),
        shop_with(chat, "data-consent='required'") as shop,
    ):
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        await page.goto(f"{shop}/?utm_source=yandex")
        frame = await open_chat(page)
        await write(frame, "до согласия")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        assert await kept_by(page.context) == []
        assert await touches(chat, 0)
        await page.evaluate("Allo('consent', true)")
        await eventually(lambda: touches(chat, 1))
        assert "allo.site.token" in await kept_by(page.context)
        await page.evaluate("Allo('consent', false)")
        assert await kept_by(page.context) == []
        await page.context.close()


async def kept_by(context: BrowserContext) -> list[str]:
    state = await context.storage_state()
    names = [each["name"] for each in state.get("cookies", [])]
    for origin in state.get("origins", []):
        names += [each["name"] for each in origin["localStorage"]]
    return names


async def test_the_form_asks_first_and_says_what_is_wrong(browser: Browser, chat: Chat) -> None:
    chat.change(
        prechat="required",
        prechat_fields="name phone",
        privacy_url="https://kolodka.example/policy",
    )
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        await page.goto(shop)
        frame = await open_chat(page)
        await frame.get_by_label("Имя").fill("Пётр")
        await frame.get_by_label("Телефон").fill("+7 921 555-14-0")
        await frame.get_by_label("Вопрос").fill("Можно сегодня?")
        await frame.get_by_role("button", name="Начать переписку").click()
        await expect(frame.get_by_text("Без согласия")).to_be_visible()
        await frame.get_by_role("checkbox").check()
        await frame.get_by_role("button", name="Начать переписку").click()
        await expect(frame.get_by_text("В номере не хватает цифр")).to_be_visible()
        await frame.get_by_label("Телефон").fill("8 921 555-14-07")
        await frame.get_by_role("button", name="Начать переписку").click()
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        await page.context.close()
    (message,) = chat.intake.messages
    assert message.sender is not None
    assert message.sender.name == "Пётр"
    phone = message.sender.keys[-1]
    assert (phone.kind, phone.value, phone.proof) == ("phone", "+79215551407", "claimed")
    assert message.details["consent"]["url"] == "https://kolodka.example/policy"


async def test_a_log_out_leaves_nothing_for_the_next_person(browser: Browser, chat: Chat) -> None:
    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        await page.goto(shop)
        frame = await open_chat(page)
        await write(frame, "личное")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        await page.evaluate("Allo('reset')")
        await expect(frame.get_by_text("личное")).to_have_count(0)
        await write(frame, "другой человек")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        await page.reload()
        await expect(bubbles(await open_chat(page))).to_have_count(1)
        await page.context.close()
    assert len({each.chat.id for each in chat.intake.messages}) == 2


async def test_the_site_says_who_is_logged_in_and_the_next_person_sees_nothing(
    browser: Browser, chat: Chat
) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    chat.change(identity_secret=secret)

    def proof(id_: str) -> str:
        return hmac.new(secret.encode(), id_.encode(), hashlib.sha256).hexdigest()

    async with chat.serving() as threads, watching(threads), shop_with(chat) as shop:
        page = await (await browser.new_context(locale="ru-RU")).new_page()
        await page.goto(shop)
        frame = await open_chat(page)
        await page.evaluate(
            """([id, hash]) => {
                window.refused = [];
                Allo('on', 'error', (error) => window.refused.push(error.reason));
                Allo('identify', { id, hash: 'forged' });
                Allo('identify', { id, hash });
            }""",
            ["42", proof("42")],
        )
        await write(frame, "от сорок второго")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        assert await page.evaluate("window.refused") == ["identify"]
        await page.evaluate("([id, hash]) => Allo('identify', { id, hash })", ["43", proof("43")])
        await expect(frame.get_by_text("от сорок второго")).to_have_count(0)
        await write(frame, "от сорок третьего")
        await expect(frame.locator(".w__tick.is-delivered")).to_have_count(1)
        await page.context.close()
    keys = [[key.value for key in each.sender.keys] for each in chat.intake.messages if each.sender]
    assert [each[1] for each in keys] == ["site:42", "site:43"]
    assert keys[0][0] != keys[1][0]
