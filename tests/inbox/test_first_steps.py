"""An empty installation leads to its first message."""

from tests.events import a_message, accepted


async def test_an_empty_inbox_says_how_the_first_message_comes(stage, browser):
    await stage.hire("Anna", role="admin")
    await stage.shop.connect("site", kind="site_chat")
    await stage.shop.connect("mail", kind="email")
    text = (await (await browser("Anna")).get("/")).text
    assert 'href="/chat/site/try"' in text
    assert "127.0.0.1:8025" in text
    assert "curl smtp://127.0.0.1:8025" in text
    assert 'href="/settings/channels/new/telegram"' in text
    assert 'href="/settings/people"' in text


async def test_a_step_that_is_done_is_ticked_and_one_that_cannot_be_taken_is_not_there(
    stage, browser
):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna", **{"Accept-Language": "en"})
    await stage.shop.connect("bot")
    text = (await anna.get("/")).text
    assert "/chat/" not in text
    assert "Connect Telegram" in text
    assert 'href="/settings/channels/new/telegram"' not in text
    assert 'href="/settings/people"' in text
    await stage.hire("Boris")
    assert 'href="/settings/people"' not in (await anna.get("/")).text


async def test_a_manager_is_led_to_what_a_manager_can_do(stage, browser):
    await stage.hire("Anna")
    await stage.shop.connect("site", kind="site_chat")
    text = (await (await browser("Anna")).get("/")).text
    assert 'href="/chat/site/try"' in text
    assert "/settings/channels" not in text
    assert "/settings/people" not in text


async def test_an_inbox_where_everything_is_resolved_is_not_a_new_one(stage, browser):
    await stage.hire("Anna", role="admin")
    account = await stage.shop.connect()
    anna = await browser("Anna")
    assert "Впустите первое сообщение" in (await anna.get("/")).text
    await stage.receive(accepted(account, a_message()))
    await stage.shop.sql("update conversation set status = 'resolved'")
    assert "Впустите первое сообщение" not in (await anna.get("/")).text
