"""Answering in front of a real browser: where it goes, what it quotes, who else answered, what became of it."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.chromium import PHONE, browsing, needs_chromium
from tests.inbox.stage import Stage, on_stage

pytestmark = needs_chromium


@pytest.fixture
async def stage(database: AsyncEngine, tmp_path: Path) -> AsyncGenerator[Stage]:
    async with on_stage(database, tmp_path) as stage:
        await stage.hire("Anna")
        yield stage


@pytest.fixture
async def open_page(stage: Stage) -> AsyncGenerator[Any]:
    async with browsing(stage) as opened:
        yield opened


@pytest.fixture
async def talk(stage: Stage) -> UUID:
    """Somebody asks in Telegram."""
    account = await stage.shop.connect("bot")
    await stage.receive(accepted(account, a_message(text="Сколько стоит?")))
    talk: UUID = (await stage.shop.one("select id from conversation")).id
    return talk


async def two_channels(stage: Stage) -> tuple[UUID, UUID]:
    """The same person asks in Telegram and then, a minute later, by mail: the conversations."""
    bot = await stage.shop.connect("bot")
    mail = await stage.shop.connect("mail", kind="email")
    person = a_person(1, name="Марина")
    letter = a_message(
        by=a_person(7, channel="email", name="Марина"),
        text="Письмо",
        at=NOON + timedelta(minutes=1),
    )
    await stage.receive(accepted(bot, a_message(by=person, text="В чате")))
    await stage.receive(accepted(mail, letter, channel="email"))
    people = await stage.shop.sql("select id from contact order by created_at, id")
    await stage.desk.merge(people[0].id, people[1].id, by=None)
    rows = await stage.shop.sql(
        "select c.id, a.kind from conversation c join account a on a.id = c.account_id"
    )
    found = {row.kind: row.id for row in rows}
    return found["telegram"], found["email"]


def answer(page: Page, text: str = "") -> Any:
    return page.locator("#messages .msg--out", has_text=text)


async def test_a_reply_is_sent_once_however_often_the_button_is_pressed(
    stage, talk, open_page, count
):
    page = await open_page(f"/conversations/{talk}")
    await page.fill("#reply", "Здравствуйте!")
    await page.evaluate(
        "for (let i = 0; i < 5; i += 1) document.getElementById('composer').requestSubmit()"
    )
    await expect(page.locator("#messages .msg--out[data-item]")).to_contain_text("Здравствуйте!")
    await expect(answer(page)).to_have_count(1)
    assert await count("message", "direction = 'out'") == 1


async def test_who_writes_without_a_pause_is_seen_writing_where_the_reply_will_go(stage, open_page):
    chat, mail = await two_channels(stage)
    page = await open_page(f"/conversations/{chat}")
    await page.clock.install(time=NOON)
    await page.clock.pause_at(NOON + timedelta(minutes=1))
    async with page.expect_request("**/draft") as asked:
        # Never still for long enough to be called a pause.
        for letter in "Добрый":
            await page.locator("#reply").press_sequentially(letter)
            await page.clock.run_for(600)
    told = parse_qs((await asked.value).post_data)
    assert told == {"text": ["Добры"], "mode": ["reply"], "to": [str(mail)]}


async def test_a_reply_is_on_the_screen_before_the_server_has_answered_and_never_twice(
    stage, talk, open_page, count
):
    page = await open_page(f"/conversations/{talk}")
    most = "window.most = 0; new MutationObserver(() => { window.most = Math.max(window.most, document.querySelectorAll('#messages .msg--out').length) }).observe(document.getElementById('messages'), { childList: true, subtree: true })"
    await page.evaluate(most)
    held: list[Any] = []

    async def hold(route: Any) -> None:
        held.append(route)

    await page.route("**/messages", hold)
    await page.fill("#reply", "Сейчас посчитаем")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".is-sending")).to_contain_text("Сейчас посчитаем")
    await expect(page.locator(".is-sending .tick")).to_contain_text("отправляется")
    await expect(page.locator("#reply")).to_have_value("")
    # The push comes before the answer to the request.
    response = await held[0].fetch()
    await stage.publish()
    await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(1)
    await expect(page.locator(".is-sending")).to_have_count(0)
    await held[0].fulfill(response=response)
    await page.unroute("**/messages")
    await page.fill("#reply", "И запишем")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(2)
    assert await page.evaluate("window.most") == 2
    assert await count("message", "direction = 'out'") == 2


async def test_replies_go_in_the_order_in_which_they_were_written(stage, talk, open_page):
    page = await open_page(f"/conversations/{talk}")
    for text in ("один", "два", "три"):
        await page.fill("#reply", text)
        await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(3)
    rows = await stage.shop.sql("select text from message where direction = 'out' order by seq")
    assert [row.text for row in rows] == ["один", "два", "три"]


async def test_a_reply_survives_a_server_that_does_not_answer(stage, talk, open_page, count):
    page = await open_page(f"/conversations/{talk}")
    answers = []

    async def lost(route: Any) -> None:
        # The server takes it, and the answer never comes back.
        answers.append((await route.fetch()).status)
        await route.abort()

    await page.route("**/messages", lost)
    await page.fill("#reply", "Первый раз")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".is-sending.msg--failed .fail")).to_contain_text(
        "сервер не отвечает"
    )
    await page.unroute("**/messages")

    await page.locator(".is-sending [data-again]").click()
    await expect(page.locator("#messages .msg--out[data-item]")).to_contain_text("Первый раз")
    await expect(page.locator(".is-sending")).to_have_count(0)
    assert answers == [201]
    assert await count("message", "direction = 'out'") == 1


async def test_what_failed_waits_in_its_conversation_and_can_be_written_anew(
    stage, talk, open_page, count
):
    await stage.receive(
        *(
            accepted(each.id, a_message(by=a_person(2), at=NOON + timedelta(seconds=9)))
            for each in await stage.shop.sql("select id from account")
        )
    )
    page = await open_page(f"/conversations/{talk}")
    await page.route("**/messages", lambda route: route.abort())
    await page.fill("#reply", "не ушло")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".is-sending .fail")).to_be_visible()
    await page.locator("#rows .row__name", has_text="Person 2").click()
    await expect(page.locator("#talk-head")).to_contain_text("Person 2")
    await expect(page.locator(".is-sending")).to_have_count(0)
    await page.locator("#rows .row__name", has_text="Person 1").click()
    await expect(page.locator(".is-sending .fail")).to_be_visible()
    await page.unroute("**/messages")
    await page.fill("#reply", "")
    await page.locator(".is-sending [data-edit]").click()
    await expect(page.locator("#reply")).to_have_value("не ушло")
    await page.keyboard.type(", теперь ушло")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item]")).to_contain_text("теперь ушло")
    assert await count("message", "direction = 'out'") == 1


async def test_a_reply_goes_where_the_customer_wrote_last(stage, open_page):
    telegram, mail = await two_channels(stage)
    page = await open_page(f"/conversations/{telegram}")
    await expect(page.locator("#to-now")).to_contain_text("Почта")
    await page.fill("#reply", "Ответ письмом")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item]")).to_contain_text("Ответ письмом")
    row = await stage.shop.one("select conversation_id from message where direction = 'out'")
    assert row.conversation_id == mail


async def test_another_channel_can_be_chosen_with_the_keyboard(stage, open_page):
    telegram, _mail = await two_channels(stage)
    page = await open_page(f"/conversations/{telegram}")
    await page.locator("#to > summary").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.locator('#ways input[name="to"]:checked')).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Escape")
    await expect(page.locator("#to-now")).to_contain_text("Telegram")
    await page.fill("#reply", "Ответ в чате")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item]")).to_contain_text("Ответ в чате")
    row = await stage.shop.one("select conversation_id from message where direction = 'out'")
    assert row.conversation_id == telegram


async def test_where_nothing_arrives_cannot_be_chosen_and_says_why(stage, open_page):
    telegram, mail = await two_channels(stage)
    await stage.shop.sql(
        "update conversation set unreachable = 'Telegram: bot was blocked by the user' where id = :id",
        id=telegram,
    )
    page = await open_page(f"/conversations/{telegram}")
    await expect(page.locator("#to-now")).to_contain_text("Почта")
    await page.locator("#to > summary").click()
    off = page.locator("#ways .is-off")
    await expect(off).to_contain_text("клиент заблокировал бота")
    await expect(off.locator("input")).to_be_disabled()
    await stage.shop.sql("update conversation set unreachable = 'gone' where id = :id", id=mail)
    await page.reload()
    await expect(page.locator("#to-warn")).to_be_visible()
    await page.fill("#reply", "в никуда")
    await expect(page.locator(".composer__send")).to_have_attribute("aria-disabled", "true")


async def test_a_message_is_answered_and_the_quote_goes_with_it(stage, talk, open_page):
    page = await open_page(f"/conversations/{talk}")
    message = page.locator("#messages .msg", has_text="Сколько стоит?")
    await message.hover()
    await message.locator("[data-answer]").click()
    await expect(page.locator("#quote")).to_contain_text("Person 1")
    await expect(page.locator("#quote")).to_contain_text("Сколько стоит?")
    await expect(page.locator("#reply")).to_be_focused()
    await page.keyboard.type("1 400 ₽")
    await page.keyboard.press("Control+Enter")
    sent = page.locator("#messages .msg--out[data-item]")
    await expect(sent.locator(".bubble__quote")).to_contain_text("Сколько стоит?")
    await expect(page.locator("#quote")).to_be_hidden()
    row = await stage.shop.one("select reply_to, quote from message where direction = 'out'")
    assert row.reply_to == (await stage.shop.one("select id from message where seq = 1")).id


async def test_a_quote_goes_to_the_channel_it_is_from_or_not_at_all(stage, open_page):
    telegram, _mail = await two_channels(stage)
    page = await open_page(f"/conversations/{telegram}", viewport=PHONE)
    await page.locator("#messages .msg", has_text="В чате").locator("[data-answer]").click()
    await expect(page.locator("#to-now")).to_contain_text("Telegram")
    await page.locator("#to > summary").click()
    await page.locator("#ways label", has_text="Почта").click()
    await expect(page.locator("#quote")).to_be_hidden()
    await expect(page.locator('input[name="reply_to"]')).to_have_value("")


async def test_two_people_do_not_answer_the_same_thing_unasked(stage, talk, open_page, count):
    boris = await stage.hire("Boris")
    page = await open_page(f"/conversations/{talk}")
    await page.fill("#reply", "Стоит 1 400 ₽")
    await stage.desk.reply(talk, by=boris, text="1 400 ₽")
    await stage.publish()
    await expect(page.locator("#messages .msg--out")).to_have_count(1)

    await page.keyboard.press("Control+Enter")
    asked = page.locator(".is-sending .fail")
    await expect(asked).to_contain_text(
        "Уже есть ответ: Boris, 0 с назад: «1 400 ₽». Всё равно отправить?"
    )
    assert await count("message", "direction = 'out'") == 1
    await asked.locator("[data-again]").click()
    await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(2)

    # Asked once: what is known now is no reason to ask again.
    await page.fill("#reply", "И ещё")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(3)


async def test_an_answer_can_be_taken_back_when_somebody_was_quicker(stage, talk, open_page, count):
    boris = await stage.hire("Boris")
    page = await open_page(f"/conversations/{talk}")
    await page.fill("#reply", "Стоит 1 400 ₽")
    await stage.desk.reply(talk, by=boris, text="1 400 ₽")
    await page.keyboard.press("Control+Enter")
    await page.locator(".is-sending [data-edit]").click()
    await expect(page.locator("#reply")).to_have_value("Стоит 1 400 ₽")
    await expect(page.locator(".is-sending")).to_have_count(0)
    assert await count("message", "direction = 'out'") == 1


async def test_what_is_typed_while_the_next_conversation_is_on_its_way_is_kept(
    stage, talk, open_page
):
    account = (await stage.shop.one("select id from account")).id
    later = a_message(by=a_person(2), at=NOON + timedelta(seconds=9))
    await stage.receive(accepted(account, later))
    other = (await stage.shop.one("select id from conversation where id <> :id", id=talk)).id
    page = await open_page(f"/conversations/{talk}")

    async def slow(route: Any) -> None:
        await page.fill("#reply", "дописано на ходу")
        await route.continue_()

    await page.route(f"**/conversations/{other}*", slow)
    async with page.expect_response("**/draft"):
        await page.locator("#rows .row__name", has_text="Person 2").click()
    await expect(page.locator("#talk-head")).to_contain_text("Person 2")
    await expect(page.locator("#reply")).to_have_value("")
    row = await stage.shop.one("select conversation_id, text from draft")
    assert (row.conversation_id, row.text) == (talk, "дописано на ходу")
