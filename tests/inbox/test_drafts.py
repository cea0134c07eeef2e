"""Drafts: one for all the windows of a person, and nothing newer is gone over."""

import json

from tests.events import a_message, accepted


async def a_talk(stage) -> str:
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    return str((await stage.shop.one("select id from conversation")).id)


def written(text: str, writer: str, nth: int, base: str | None = "", **more: str) -> dict[str, str]:
    form = {"text": text, "mode": "reply", "writer": writer, "nth": str(nth), **more}
    return form if base is None else {**form, "base": base}


async def test_two_windows_do_not_go_over_each_others_words(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna, elsewhere = await browser("Anna"), await browser("Anna")
    draft = f"/conversations/{talk}/draft"
    first = await anna.post(draft, written("один", "a", 1))
    assert (first.status, first.headers["X-Revision"]) == (204, "a.1")
    late = await elsewhere.post(draft, written("два", "b", 1))
    assert late.status == 409
    assert json.loads(late.text)["text"] == "один"
    assert (await elsewhere.post(draft, written("два", "b", 2, "a.1"))).status == 204
    assert (await anna.post(draft, written("один и ещё", "a", 2, "a.1"))).status == 409
    assert json.loads((await anna.get(draft)).text)["text"] == "два"
    # The person decided.
    assert (await anna.post(draft, written("мой", "a", 3, None))).status == 204
    assert "мой</textarea>" in (await elsewhere.get(f"/conversations/{talk}")).text


async def test_what_comes_late_from_the_same_window_is_left_out(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    draft = f"/conversations/{await a_talk(stage)}/draft"
    await anna.post(draft, written("абв", "a", 2))
    assert (await anna.post(draft, written("аб", "a", 1))).status == 409
    assert (await anna.post(draft, written("абвг", "a", 3))).status == 204
    assert json.loads((await anna.get(draft)).text)["text"] == "абвг"


async def test_what_was_sent_elsewhere_does_not_come_back_as_a_draft(stage, browser, count):
    await stage.hire("Anna")
    anna = await browser("Anna")
    talk = await a_talk(stage)
    draft, say = f"/conversations/{talk}/draft", f"/conversations/{talk}/messages"
    await anna.post(draft, written("привет", "a", 1))
    await anna.post(say, {"text": "привет", "writer": "b", "base": "a.1"})
    assert await count("draft") == 0
    assert (await anna.post(draft, written("приве", "c", 1, "a.1"))).status == 409
    # A reply from one window leaves alone what another has begun since.
    await anna.post(draft, written("другое", "d", 1))
    await anna.post(say, {"text": "ещё", "writer": "b", "base": ""})
    assert await count("draft") == 1
    await anna.post(say, {"text": "без скрипта"})
    assert await count("draft") == 0


async def test_a_draft_keeps_files_mode_channel_and_quote(stage, browser, count):
    await stage.hire("Anna")
    await stage.hire("Boris")
    talk = await a_talk(stage)
    message = (await stage.shop.one("select id from message")).id
    anna, boris = await browser("Anna"), await browser("Boris")
    ticket = json.loads((await anna.upload("счёт.pdf", b"%PDF-", "application/pdf")).text)["ticket"]
    draft = f"/conversations/{talk}/draft"
    more = {"file": ticket, "to": talk, "reply_to": str(message)}
    assert (await anna.post(draft, written("", "a", 1, **more))).status == 204
    page = (await anna.get(f"/conversations/{talk}")).text
    assert f'value="{ticket}"' in page
    assert "счёт.pdf" in page
    assert f'name="reply_to" value="{message}"' in page
    assert 'data-revision="a.1"' in page
    assert (await boris.post(draft, written("x", "b", 1, file=ticket))).status == 400
    form = {"text": "", "file": ticket, "writer": "a", "base": "a.1", "to": talk}
    assert (await anna.post(f"/conversations/{talk}/messages", form)).status == 303
    assert await count("draft") == 0
    assert await count("attachment", "name = 'счёт.pdf'") == 1


async def test_a_reply_may_put_the_conversation_away(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    say = f"/conversations/{talk}/messages"
    for then, status in [("resolved", "resolved"), ("waiting", "waiting"), ("", "open")]:
        assert (await anna.post(say, {"text": "да", "then": then})).status == 303
        assert (await stage.shop.one("select status from conversation")).status == status
    until = "2026-11-22T09:00:00+03:00"
    await anna.post(say, {"text": "да", "then": until})
    row = await stage.shop.one("select status, snoozed_until from conversation")
    assert row.status == "snoozed"
    assert row.snoozed_until.isoformat() == "2026-11-22T06:00:00+00:00"
    sent = "select count(*) as n from message where direction = 'out'"
    before = (await stage.shop.one(sent)).n
    for then in ("spam", "2020-01-01T00:00:00Z"):
        assert (await anna.post(say, {"text": "да", "then": then})).status in {400, 409}
    assert (await stage.shop.one(sent)).n == before


async def test_what_sends_is_ones_own_choice(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    assert 'data-send="ctrl_enter"' in (await anna.get(f"/conversations/{talk}")).text
    assert (await anna.post("/profile/send-key", {"send_key": "enter"})).status == 303
    assert 'data-send="enter"' in (await anna.get(f"/conversations/{talk}")).text
    assert (await anna.post("/profile/send-key", {"send_key": "space"})).status == 400
