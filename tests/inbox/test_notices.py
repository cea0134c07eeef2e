"""The bell: what lies under it, whose pages learn of it, and how people wish to be told."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from router.notices import KINDS
from storage import notice_feed
from storage.engine import transaction
from storage.notice_wishes import load_people
from storage.push import subscribe
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.test_live import listening

FRAGMENT = {"X-Fragment": "1"}
KEY = "B" * 87
AUTH = "A" * 22


async def settle(stage) -> None:
    """What the notifier does, and the relay with what it told."""
    await stage.publish()
    async with stage.engine.begin() as connection:
        await notice_feed.follow(connection, now=stage.now(), zone="UTC")
    await stage.publish()


async def writes(stage, account, n=1, text="секрет") -> Any:
    await stage.receive(
        accepted(account, a_message(by=a_person(1, name="Марина"), key=f"m{n}", text=text))
    )
    await settle(stage)
    return await stage.shop.one("select id from conversation")


async def news(browser) -> Any:
    return json.loads((await browser.get("/notices/news")).text)


async def test_a_notice_leads_to_its_place_and_is_read_then(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    anna = await browser("Anna")
    talk = await writes(stage, account)
    page = (await anna.fragment("/notices")).text
    assert "Марина" in page
    assert "Диалог теперь ваш · Telegram" in page
    [link] = re.findall(r'href="(/notices/[^"]+)"', page)
    assert (await news(anna))["unread"] == 1
    answer = await anna.get(link)
    assert answer.headers["Location"] == f"/conversations/{talk.id}"
    assert (await news(anna))["unread"] == 0


async def test_only_the_persons_own_pages_learn_of_it(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Boris", presence="off")
    account = await stage.shop.connect()
    anna, boris = await browser("Anna"), await browser("Boris")
    async with listening(anna) as hers, listening(boris) as his:
        await writes(stage, account)
        await stage.desk.set_presence(stage.shop.managers[0], "away", by=None)
        await stage.publish()

        async def until_presence(stream) -> set[str]:
            kinds: set[str] = set()
            while "presence" not in kinds:
                kinds |= {hint["kind"] for hint in await stream.hints()}
            return kinds

        assert "notice" in await until_presence(hers)
        assert "notice" not in await until_presence(his)
    assert (await news(boris))["unread"] == 0


async def test_another_persons_notice_is_nobody_elses_to_see_or_to_read(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Boris", presence="off")
    await writes(stage, await stage.shop.connect())
    notice = (await stage.shop.one("select id from notification")).id
    boris = await browser("Boris")
    assert (await boris.get(f"/notices/{notice}")).status == 404
    await boris.post("/notices/read", {"notice": str(notice)})
    await boris.post("/notices/read")
    assert (await stage.shop.one("select read_at from notification")).read_at is None


async def test_all_read_is_told_to_the_persons_other_pages_and_can_be_taken_back(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    await writes(stage, await stage.shop.connect())
    async with listening(anna) as stream:
        answer = json.loads((await anna.post("/notices/read", **FRAGMENT)).text)
        await stage.publish()
        assert "notice" in {hint["kind"] for hint in await stream.hints()}
    assert answer["said"] == "Всё прочитано"
    assert (await news(anna))["unread"] == 0
    await anna.post(answer["undo"]["action"], answer["undo"]["fields"])
    assert (await news(anna))["unread"] == 1


async def test_what_was_written_is_shown_on_the_desktop_only_when_it_is_wished(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    await writes(stage, await stage.shop.connect())
    [told] = (await news(anna))["news"]
    assert told["desktop"]
    assert "секрет" not in told["body"]
    usual = {f"{kind}.{way}": "on" for kind in KINDS for way in ("in_app", "desktop", "push")}
    await anna.post("/profile/notices", {**usual, "push_text": "on", "quiet": "never"})
    [told] = (await news(anna))["news"]
    assert "секрет" in told["body"]
    stage.time += timedelta(minutes=2)
    assert (await news(anna))["news"] == [], "what is two minutes old rings no more"


async def test_wishes_are_kept_and_quiet_hours_silence_desktop_and_sound(stage, browser):
    me = await stage.hire("Anna")
    anna = await browser("Anna")
    await writes(stage, await stage.shop.connect())
    quiet = {
        "assigned.in_app": "on",
        "assigned.desktop": "on",
        "mention.push": "on",
        "sound": "on",
        "quiet": "own",
        "quiet_from": "14:00",
        "quiet_to": "16:00",
        "time_zone": "Europe/Moscow",
    }
    assert (await anna.post("/profile/notices", quiet)).status == 303
    told = await news(anna)
    assert not told["sound"]
    assert not told["news"][0]["desktop"]
    async with stage.engine.connect() as connection:
        person = (await load_people(connection, only=me))[me]
    assert person.wishes["assigned"].desktop
    assert not person.wishes["message"].in_app
    assert not person.wishes["mention"].push, "what is not in the list is nowhere"
    assert person.wishes["channel"] == KINDS["channel"], "not asked of a manager, and left alone"
    page = (await anna.get("/profile")).text
    assert 'name="assigned.in_app" checked' in page
    assert 'name="message.in_app" checked' not in page
    assert 'name="channel.in_app"' not in page
    stage.time += timedelta(hours=2)
    assert (await news(anna))["sound"]
    wrong = await anna.post(
        "/profile/notices", {"quiet": "never", "time_zone": "Mars/Olympus"}, **FRAGMENT
    )
    assert (wrong.status, wrong.text) == (409, "Такого часового пояса нет: выберите из списка.")


async def test_a_conversation_is_muted_from_its_menu(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    anna = await browser("Anna")
    talk = await writes(stage, account)
    await anna.post("/notices/read")
    muted = json.loads((await anna.post(f"/conversations/{talk.id}/mute", **FRAGMENT)).text)
    await writes(stage, account, 2)
    assert (await news(anna))["unread"] == 0
    assert "Снова сообщать о новых сообщениях" in (await anna.get(f"/conversations/{talk.id}")).text
    await anna.post(muted["undo"]["action"])
    await writes(stage, account, 3)
    assert (await news(anna))["unread"] == 1


async def test_a_browser_is_subscribed_tried_and_removed(stage, browser):
    me = await stage.hire("Anna")
    anna = await browser("Anna")
    answer = await anna.post("/profile/push/test", **FRAGMENT)
    assert (answer.status, answer.text) == (
        409,
        "Ни один браузер ещё не подключён: сначала включите уведомления.",
    )
    good = {"endpoint": "https://push.example/1", "p256dh": KEY, "auth": AUTH}
    for bad in (
        {"endpoint": "http://push.example/1"},
        {"endpoint": "https:///1"},
        {"endpoint": "https://push.example/" + "x" * 1000},
        {"p256dh": "short"},
        {"auth": ""},
    ):
        assert (await anna.post("/profile/push", {**good, **bad})).status == 400, bad
    assert (
        await anna.post("/profile/push", good, **{"User-Agent": "X Windows Firefox/130"})
    ).status == 303
    assert "Firefox, Windows" in (await anna.get("/profile")).text
    assert (await anna.post("/profile/push/test")).status == 303
    assert len(await stage.shop.sql("select id from push_delivery")) == 1
    async with transaction(stage.engine) as connection:
        boris = await stage.hire("Boris")
        other = await subscribe(
            connection,
            boris,
            endpoint="https://push.example/2",
            p256dh=KEY,
            auth=AUTH,
            browser="",
            now=NOON,
        )
    await anna.post("/profile/push/remove", {"id": str(other)})
    await anna.post("/profile/push/remove", {"endpoint": good["endpoint"]})
    left = await stage.shop.sql("select user_id from push_subscription")
    assert [row.user_id for row in left] == [boris]
    assert me != boris


async def test_it_can_be_installed_by_anybody_who_can_reach_it(stage, browser):
    guest = await browser()
    answer = await guest.get("/manifest.webmanifest", **{"Accept-Language": "ru"})
    assert answer.headers["Content-Type"].startswith("application/manifest+json")
    manifest = json.loads(answer.text)
    assert manifest["display"] == "standalone"
    assert [each["name"] for each in manifest["shortcuts"]] == ["Входящие", "Задачи", "Лиды"]
    assert "maskable" in {each["purpose"] for each in manifest["icons"]}
    for each in manifest["icons"]:
        icon = await guest.get(each["src"])
        assert (icon.status, icon.headers["Content-Type"].split(";")[0]) == (200, each["type"])
    worker = await guest.get("/sw.js")
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert worker.headers["Cache-Control"] == "no-cache"
    assert "worker-src 'self'" in worker.headers["Content-Security-Policy"]
    assert "Нет сети" in (await guest.get("/offline", **{"Accept-Language": "ru"})).text


async def test_who_is_here_is_told_to_colleagues(stage, browser):
    anna = await stage.hire("Anna")
    boris = await stage.hire("Boris", presence="away")
    page = await browser("Anna")
    assert json.loads((await page.get("/presence")).text) == {str(anna): "here", str(boris): "away"}
    answer = json.loads(
        (await page.post("/profile/presence", {"presence": "off"}, **FRAGMENT)).text
    )
    assert answer["said"].startswith("Ваш статус: ")
    assert (await news(page))["presence"] == "off"
    await page.post(answer["undo"]["action"], answer["undo"]["fields"])
    assert (await news(page))["presence"] == "here"


@pytest.mark.parametrize("cursor", ["nonsense", "e30"])
async def test_a_cursor_that_is_none_is_not_found(stage, browser, cursor):
    await stage.hire("Anna")
    assert (await (await browser("Anna")).get(f"/notices?cursor={cursor}")).status == 404
