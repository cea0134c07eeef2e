"""The list: what narrows it, views of it, what is found and why, what is done to many at once."""

import json
import re
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text as sql

from router.ids import new_id
from router.message import Chat, InboundMessage, Key, Sender
from storage.recording import index_conversations
from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone, a_shared_contact, accepted
from tests.inbox.test_conversations import a_talk, talk_of

QUIET = {"X-Fragment": "1"}


async def people(stage, *names: str, account: UUID | None = None) -> dict[str, UUID]:
    """Each wrote once, one after the other."""
    account = account or await stage.shop.connect()
    for name in names:
        number = 100 + int.from_bytes(name.encode()[:6], "big") % 10**9
        at = NOON + timedelta(seconds=len(name))
        await stage.receive(
            accepted(account, a_message(by=a_person(number, name=name), at=at, text="здравствуйте"))
        )
    return {name: await talk_of(stage, name) for name in names}


async def names_in(browser, path: str) -> set[str]:
    return named_in((await browser.get(path)).text)


def named_in(text: str) -> set[str]:
    return set(re.findall(r'<a class="row__name[^>]*><bdi>([^<]*)</bdi>', text))


async def recorded(stage) -> None:
    """What the recorder does with what was said."""
    async with stage.engine.begin() as connection:
        talks = (await connection.execute(sql("select id from conversation"))).scalars()
        await index_conversations(connection, list(talks))


# Narrowing.


async def test_every_filter_narrows_by_itself_and_with_the_others(stage, browser):
    anna, boris = await stage.hire("Anna"), await stage.hire("Boris")
    telegram, vk = await stage.shop.connect("bot"), await stage.shop.connect("club", kind="vk")
    talks = await people(stage, "Марина", "Виктор", account=telegram)
    talks |= await people(stage, "Оксана", account=vk)
    team = new_id()
    await stage.shop.sql(
        "insert into team (id, name, strategy, is_default, created_at)"
        " values (:id, 'Parts', 'round_robin', false, now())",
        id=team,
    )
    await stage.shop.sql(
        "update conversation set manager_id = :boris, team_id = :team, labels = '{опт,срочно}' where id = :id",
        boris=boris,
        team=team,
        id=talks["Виктор"],
    )
    await stage.shop.sql(
        "update conversation set manager_id = null, unread = 0, waiting_since = null where id = :id",
        id=talks["Оксана"],
    )
    await stage.shop.sql(
        "update conversation set manager_id = :anna, status = 'snoozed', failed = 1 where id = :id",
        anna=anna,
        id=talks["Марина"],
    )
    await stage.shop.sql(
        "update lead set last_touch = cast(:touch as jsonb) where contact_id in"
        " (select contact_id from conversation where id = :id)",
        touch=json.dumps({"source": "Авито", "campaign": ""}),
        id=talks["Виктор"],
    )
    page = await browser("Anna")
    expected = {
        "channel=vk": {"Оксана"},
        "account=bot": {"Виктор"},
        f"team={team}": {"Виктор"},
        f"manager={boris}": {"Виктор"},
        "manager=none": {"Оксана"},
        "label=опт": {"Виктор"},
        "source=Авито": {"Виктор"},
        "unread=1": {"Виктор"},
        "waiting=1": {"Виктор"},
        "failed=1": {"Марина"},
        "status=snoozed": {"Марина"},
        "status=any&account=bot": {"Марина", "Виктор"},
        f"label=опт&source=Авито&manager={boris}&team={team}&unread=1&channel=telegram": {"Виктор"},
        "label=опт&manager=none": set(),
    }
    for query, names in expected.items():
        for sort in ("newest", "oldest", "waiting"):
            assert await names_in(page, f"/?tab=all&{query}&sort={sort}") == names, query
        # And what is heard of live is judged by the same rules.
        ids = ",".join(map(str, talks.values()))
        answer = json.loads(
            (await page.fragment(f"/conversations/changed?tab=all&{query}&ids={ids}")).text
        )
        assert {row["id"] for row in answer["rows"]} == {str(talks[name]) for name in names}


async def test_what_narrows_the_list_stands_above_it_and_each_can_be_taken_away(stage, browser):
    await stage.hire("Anna")
    await a_talk(stage)
    anna = await browser("Anna")
    text = (await anna.get("/?tab=all&label=опт&unread=1&q=тормоза")).text
    for chip in ("Метка: опт", "Непрочитанные", "«тормоза»"):
        [href] = re.findall(
            rf'<span class="cut">{chip}</span><a href="([^"]*)" data-list aria-label="Убрать: {chip}"',
            text,
        )
        rest = (await anna.get(href.replace("&amp;", "&"))).text
        assert f"Убрать: {chip}" not in rest
        assert rest.count('class="chip-f"') == 2


async def test_a_narrowed_list_goes_on_by_key(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(
        *(
            accepted(account, a_message(by=a_person(n), at=NOON + timedelta(seconds=n)))
            for n in range(1, 71)
        )
    )
    await stage.shop.sql("update conversation set labels = '{опт}', failed = 1")
    anna = await browser("Anna")
    for query in ("label=опт", "failed=1", "label=опт&unread=1&sort=waiting"):
        first = (await anna.get(f"/?tab=all&{query}")).text
        [more] = re.findall(r'data-more="([^"]+)"', first)
        rest = (await anna.fragment(more.replace("&amp;", "&"))).text
        ids = [*re.findall(r'data-id="([^"]+)" data-rev', first + rest)]
        assert len(ids) == len(set(ids)) == 70


async def test_only_the_list_is_drawn_for_a_page_that_is_there(stage, browser):
    await stage.hire("Anna")
    await a_talk(stage)
    anna = await browser("Anna")
    text = (await anna.fragment("/?tab=all")).text
    assert text.startswith('<section class="pane pane--list"')
    assert 'id="views"' in text
    assert "<html" not in text


# The row.


async def test_a_row_says_what_a_manager_asks_before_opening_it(stage, browser):
    anna, boris = await stage.hire("Anna"), await stage.hire("Boris")
    mail = await stage.shop.connect("post", kind="email")
    letter = InboundMessage(
        key="m",
        chat=Chat(id="t"),
        at=NOON,
        sender=Sender(keys=(Key(kind="email", value="a@b.example"),), name="Игорь"),
        external_id="<1>",
        text="во вложении",
        subject="Счёт № 7",
    )
    await stage.receive(accepted(mail, letter, channel="email"))
    talk = await talk_of(stage)
    page = await browser("Anna")
    assert '<span class="row__subject">Счёт № 7</span>' in (await page.get("/?tab=all")).text

    async def row_when(**columns):
        for column, value in columns.items():
            await stage.shop.sql(f"update conversation set {column} = :value", value=value)
        return (await page.get("/?tab=all&status=any")).text

    assert "окно 45 мин" in await row_when(window_until=NOON + timedelta(minutes=45))
    assert "окно" not in await row_when(window_until=NOON + timedelta(hours=20))
    assert "окно закрыто" in await row_when(window_until=NOON)
    await stage.shop.sql("update account set kind = 'whatsapp'")
    assert "только шаблон" in await row_when()
    assert "пока не напишет" in await row_when(status="snoozed", snoozed_until=None)
    assert 'title="опт, срочно"' in await row_when(labels=["опт", "срочно"])

    await row_when(status="open", window_until=None)
    stage.time = NOON + timedelta(minutes=1)
    message = await stage.desk.reply(talk, by=boris, text="Смотрю", author_name="Boris Orlov")
    assert '<span class="row__who">Boris:</span>' in await row_when()
    await stage.desk.reply(talk, by=anna, text="Отправила")
    assert '<span class="row__who">Вы:</span>' in await row_when()
    await stage.shop.sql("update message set state = 'failed' where direction = 'out'")
    assert '<span class="late strong">Не отправлено:</span>' in await row_when()
    assert message


# Mentions.


async def test_where_i_was_named_is_a_tab_until_i_have_looked(stage, browser):
    anna, boris = await stage.hire("Anna"), await stage.hire("Boris")
    talk = await a_talk(stage)
    note = await stage.desk.note(talk, by=boris, text="@Anna, глянь")
    await stage.shop.sql(
        "insert into mention (message_id, user_id, conversation_id, at) values (:note, :anna, :talk, now())",
        note=note,
        anna=anna,
        talk=talk,
    )
    await stage.shop.sql("update conversation set status = 'resolved'")
    page, other = await browser("Anna"), await browser("Boris")

    text = (await page.get("/?tab=mentions")).text
    assert "Person 1" in text
    assert 'data-tab="mentions">1<' in text
    assert "вас здесь упомянули" in text
    assert "Вас никто не упоминал" in (await other.get("/?tab=mentions")).text

    await other.get(f"/conversations/{talk}")
    assert 'data-tab="mentions">1<' in (await page.get("/")).text
    await page.fragment(f"/conversations/{talk}")
    text = (await page.get("/?tab=mentions")).text
    assert 'data-tab="mentions">0<' in text
    assert "Person 1" in text
    assert "вас здесь упомянули" not in text


# What was not sent.


async def test_what_was_not_sent_is_said_everywhere_until_it_is_dealt_with(stage, browser):
    anna = await stage.hire("Anna")
    talk = await a_talk(stage)
    message = await stage.desk.reply(talk, by=anna, text="ответ")
    await stage.shop.sql("update message set state = 'failed' where id = :id", id=message)
    await stage.shop.sql("update conversation set failed = 1, status = 'resolved'")
    page = await browser("Anna")
    assert "Не отправлено: <b" in (await page.get("/?tab=mine")).text
    text = (await page.get("/?tab=all&failed=1")).text
    assert f'data-post="/conversations/{talk}/failures"' in text

    answer = await page.post(f"/conversations/{talk}/failures", **QUIET)
    told = json.loads(answer.text)
    assert await names_in(page, "/?tab=all&failed=1") == set()
    await page.post(told["undo"]["action"], told["undo"]["fields"], **QUIET)
    assert await names_in(page, "/?tab=all&failed=1") == {"Person 1"}


# Views.


async def test_a_view_is_saved_renamed_moved_deleted_and_brought_back(stage, browser):
    await stage.hire("Anna")
    await a_talk(stage)
    await stage.shop.sql("update conversation set labels = '{опт}'")
    anna = await browser("Anna")
    query = "tab=all&label=опт&sort=waiting"
    for name in ("Опт", "Второй"):
        answer = await anna.post("/views", {"name": name, "query": query + "&cursor=x&evil=1"})
        assert answer.status == 303
    [first, second] = await stage.shop.sql("select id, query from saved_view order by position")
    assert first.query == "tab=all&label=%D0%BE%D0%BF%D1%82&sort=waiting"
    text = (await anna.get("/")).text
    assert text.index("Опт</span>") < text.index("Второй</span>")
    counts = json.loads((await anna.fragment("/views/counts")).text)
    assert counts[f"view-{first.id}"] == "1"
    assert counts["open"] == "1"
    assert counts["spam"] == "0"

    await anna.post(f"/views/{first.id}", {"name": "Оптовики"})
    await anna.post(f"/views/{first.id}/move", {"to": "down"})
    text = (await anna.get("/views")).text
    assert text.index("Второй") < text.index("Оптовики")

    told = json.loads((await anna.post(f"/views/{second.id}/delete", **QUIET)).text)
    assert "Второй" not in (await anna.get("/")).text
    await anna.post(told["undo"]["action"], **QUIET)
    assert "Второй" in (await anna.get("/")).text
    assert (await anna.post("/views", {"name": " ", "query": query}, **QUIET)).status == 409


async def test_a_view_is_ones_own_unless_a_lead_shares_it(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Boris")
    await stage.hire("Lena", role="lead")
    anna, boris, lena = await browser("Anna"), await browser("Boris"), await browser("Lena")
    assert (await anna.post("/views", {"name": "Моё", "query": "unread=1"})).status == 303
    shared = {"name": "Общее", "query": "waiting=1", "shared": "1"}
    assert (await anna.post("/views", shared)).status == 403
    assert (await lena.post("/views", shared)).status == 303

    text = (await boris.get("/")).text
    assert "Общее" in text
    assert "Моё" not in text
    views = {row.name: row.id for row in await stage.shop.sql("select id, name from saved_view")}
    for view in views.values():
        for what in ("", "/move", "/delete"):
            fields = {"name": "Чужое", "to": "up"}
            assert (await boris.post(f"/views/{view}{what}", fields)).status == 404
    assert (await lena.post(f"/views/{views['Моё']}", {"name": "x"})).status == 404
    assert (await lena.post(f"/views/{views['Общее']}", {"name": "Иначе"})).status == 303
    # Not shared any more, it is hers who took it back.
    assert "Иначе" not in (await boris.get("/views")).text


# Many at once.


async def bulk(browser, talks, do, *, key=None, **fields):
    text = (await browser.get("/?tab=all&status=any")).text
    revisions = dict(re.findall(r'data-id="([^"]+)" data-rev="([^"]+)"', text))
    ids = [str(each) for each in talks]
    return await browser.post(
        "/conversations/bulk",
        {
            "key": key or uuid4().hex,
            "do": do,
            "ids": ",".join(ids),
            "revs": ",".join(revisions.get(each, "") for each in ids),
            **fields,
        },
        **QUIET,
    )


async def test_many_are_done_at_once_and_given_back(stage, browser):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    talks = await people(stage, "Марина", "Виктор", "Оксана")
    anna = await browser("Anna")
    told = json.loads((await bulk(anna, talks.values(), "assign", manager=str(boris))).text)
    assert told["said"] == "Готово: 3 диалога"
    assert await names_in(anna, f"/?tab=all&manager={boris}") == set(talks)

    answer = await bulk(anna, talks.values(), "label", label=" опт ")
    assert answer.status == 200
    assert await names_in(anna, "/?tab=all&label=опт") == set(talks)
    told = json.loads((await bulk(anna, talks.values(), "resolve")).text)
    assert await names_in(anna, "/?tab=all&status=resolved") == set(talks)
    assert (await anna.post(told["undo"]["action"], **QUIET)).status == 204
    assert await names_in(anna, "/?tab=all&status=open&waiting=1") == set(talks)
    assert (await anna.post(told["undo"]["action"], **QUIET)).status == 409
    await bulk(anna, talks.values(), "snooze")
    assert await names_in(anna, "/?tab=all&status=snoozed") == set(talks)


async def test_what_a_colleague_changed_is_skipped_and_named(stage, browser):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    talks = await people(stage, "Марина", "Виктор")
    anna = await browser("Anna")
    text = (await anna.get("/?tab=all")).text
    revisions = dict(re.findall(r'data-id="([^"]+)" data-rev="([^"]+)"', text))
    await stage.desk.set_status(talks["Марина"], "spam", by=boris)
    answer = await anna.post(
        "/conversations/bulk",
        {
            "key": uuid4().hex,
            "do": "resolve",
            "ids": ",".join(revisions),
            "revs": ",".join(revisions.values()),
        },
        **QUIET,
    )
    told = json.loads(answer.text)
    assert told["said"] == (
        "Готово: 1 диалог. Не тронут 1: Марина — Его тем временем изменил другой сотрудник."
    )
    assert await names_in(anna, "/?tab=all&status=spam") == {"Марина"}


async def test_what_is_asked_of_many_is_checked(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    assert (await bulk(anna, [talk], "explode")).status == 400
    assert (await bulk(anna, [talk], "resolve", key="x")).status == 400
    assert (await bulk(anna, [], "resolve")).status == 409
    assert (await bulk(anna, [talk], "label", label="")).status == 409
    past = (stage.time - timedelta(hours=1)).isoformat()
    assert (await bulk(anna, [talk], "snooze", until=past)).status == 409
    assert (await bulk(anna, [talk], "assign", manager=str(uuid4()))).status == 404
    answer = await bulk(anna, [talk, uuid4()], "read")
    assert "Не тронут 1" in json.loads(answer.text)["said"]


async def test_one_is_marked_as_unread_and_back(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    await anna.post(f"/conversations/{talk}/read")
    told = json.loads((await anna.post(f"/conversations/{talk}/unread", **QUIET)).text)
    assert (await stage.shop.one("select unread from conversation")).unread == 1
    await anna.post(told["undo"]["action"], **QUIET)
    assert (await stage.shop.one("select unread from conversation")).unread == 0


# Searching.


@pytest.fixture
async def marina(stage, browser):
    """Found by her number in any notation, by her name, her mail, her lead and what she said."""
    await stage.hire("Anna")
    account = await stage.shop.connect()
    person = a_person(1, name="Марина Белозёрова")
    await stage.receive(
        accepted(account, a_message(by=person, text="Сколько стоит замена тормозных колодок?"))
    )
    phone = a_phone("+79215551408")
    await stage.receive(accepted(account, a_shared_contact(person, phone)))
    await stage.shop.sql(
        "insert into identity_claim (id, contact_id, kind, value, at)"
        " select gen_random_uuid(), id, 'email', 'm.belozerova@yandex.example', now() from contact"
    )
    await stage.receive(
        accepted(account, a_message(by=a_person(2, name="Виктор"), text="Do you sell brake pads?"))
    )
    await recorded(stage)
    return await browser("Anna")


@pytest.mark.parametrize(
    ("typed", "marked"),
    [
        ("+79215551408", "+79215551408"),
        ("8 (921) 555", "921555"),
        ("8 (921) 555-14-08", "9215551408"),
        ("921-555-14", "92155514"),
        ("+7921", "+7921"),
        ("7 921 555 14 08", "79215551408"),
        ("1408", "1408"),
        ("555 14", "55514"),
        ("921.555", "921555"),
    ],
)
async def test_a_number_is_found_however_it_is_written(marina, typed, marked):
    text = (await marina.get(f"/?{urlencode({'tab': 'all', 'q': typed})}")).text
    assert await names_in(marina, f"/?{urlencode({'tab': 'all', 'q': typed})}") == {
        "Марина Белозёрова"
    }
    [hit] = re.findall(r"<mark>([^<]+)</mark>", text)
    assert hit.endswith(marked) or marked in hit


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("белозер", {"Марина Белозёрова"}),
        ("Белозёр", {"Марина Белозёрова"}),
        ("Маринна", {"Марина Белозёрова"}),
        ("belozerova@yan", {"Марина Белозёрова"}),
        ("колодки", {"Марина Белозёрова"}),
        ("тормозная колодка", {"Марина Белозёрова"}),
        ("brakes", {"Виктор"}),
        ("selling", {"Виктор"}),
        ("суппорт", set()),
    ],
)
async def test_people_and_words_are_found_in_their_forms(marina, typed, found):
    assert await names_in(marina, f"/?{urlencode({'tab': 'all', 'q': typed})}") == found


async def test_a_lead_is_found_by_its_number(stage, marina):
    [row] = await stage.shop.sql(
        "select l.number from lead l join contact c on c.id = l.contact_id where c.name = 'Виктор'"
    )
    for typed in (f"#{row.number}", f"лид {row.number}", f"№ {row.number}", f"Lead #{row.number}"):
        assert await names_in(marina, f"/?{urlencode({'tab': 'all', 'q': typed})}") == {"Виктор"}


async def test_the_line_that_was_found_is_shown_and_leads_to_its_message(stage, marina):
    account = (await stage.shop.one("select id from account")).id
    person = a_person(1, name="Марина Белозёрова")
    evil = "<b>не то</b> " * 30 + "а вот суппорт <i>заклинило</i> опять"
    await stage.receive(accepted(account, a_message(by=person, text=evil, at=NOON)))
    await stage.receive(
        accepted(account, a_message(by=person, text="спасибо", at=NOON + timedelta(hours=1)))
    )
    await recorded(stage)
    [message] = await stage.shop.sql("select id from message where text like '%суппорт%'")
    text = (await marina.get("/?tab=all&q=суппорты")).text
    [line] = re.findall(r'<p class="row__text row__hit[^>]*><bdi>(.*?)</bdi>', text)
    assert "<mark>суппорт</mark>" in line
    assert "<i>" not in line
    assert f"at={message.id}" in text


async def test_a_subject_is_found_and_an_empty_result_explains_itself(stage, browser):
    await stage.hire("Anna")
    mail = await stage.shop.connect("post", kind="email")
    letter = InboundMessage(
        key="m",
        chat=Chat(id="t"),
        at=NOON,
        sender=Sender(keys=(Key(kind="email", value="a@b.example"),), name="Игорь"),
        external_id="<1>",
        text="во вложении",
        subject="Договор поставки",
    )
    await stage.receive(accepted(mail, letter, channel="email"))
    await recorded(stage)
    anna = await browser("Anna")
    assert "<mark>Договор</mark>" in (await anna.get("/?tab=all&q=договора")).text
    text = (await anna.get("/?tab=all&q=zzzz")).text
    assert "Ничего не нашлось" in text
    assert "Искать во всех диалогах, включая закрытые" in text


# Searching for what was meant.


async def shown_for(browser, typed: str, **more: str) -> tuple[set[str], list[str]]:
    """Who is found, and what was looked for in the place of what was typed."""
    path = f"/?{urlencode({'tab': 'all', 'q': typed, **more})}"
    text = (await browser.get(path)).text
    [notice] = re.findall(r'<p class="list__instead".*?</p>', text) or [""]
    return named_in(text), re.findall(r"<b>«([^»]*)»</b>", notice)


@pytest.fixture
async def shop_talk(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    said = {
        "Марина": "Здравствуйте, есть запасной ремень на Октавию?",
        "Виктор": "Нужно масло и тормозная жидкость",
        "Оксана": "Do you sell brake pads?",
        "Глеб": "Привет! Подойдёт ли весло, заказ 48213",
    }
    for number, (name, words) in enumerate(said.items()):
        person = a_person(100 + number, name=name)
        await stage.receive(accepted(account, a_message(by=person, text=words)))
    await recorded(stage)
    return await browser("Anna")


async def test_a_mistyped_word_is_found_and_the_page_says_what_it_looked_for(shop_talk):
    for typed, found, instead in [
        ("запсной", {"Марина"}, ["запасной"]),
        ("Зопасной", {"Марина"}, ["запасной"]),
        ("запасноой", {"Марина"}, []),  # an ending, forgiven without a word
        ("мсало", {"Виктор"}, ["масло"]),
        ("месло", {"Виктор", "Глеб"}, ["весло", "масло"]),
        ("запсной ремень", {"Марина"}, ["запасной ремень"]),
        ("запсной реме", {"Марина"}, ["запасной реме"]),
        ("жидкасть тармозная", {"Виктор"}, ["жидкость тормозная"]),
        ("barke", {"Оксана"}, ["brake"]),
        ("ghbdtn", {"Глеб"}, ["привет"]),
        ("pfgfcyjq htvtym", {"Марина"}, ["запасной ремень"]),
        ("икфлу", {"Оксана"}, ["brake"]),
        ("ghbdn", {"Глеб"}, ["привет"]),
        ("brake зфвы", {"Оксана"}, ["brake pads"]),
        ("Vfhbyf", {"Марина"}, ["марина"]),
        ("48214", set(), []),
        ("абракадабра", set(), []),
        ("запсной абракадабра", set(), []),
        ("запасной жидкость", set(), []),
    ]:
        assert await shown_for(shop_talk, typed) == (found, instead), typed


async def test_what_is_said_is_not_looked_for_in_other_words(shop_talk):
    for typed in ("запасной", "масл", "жидкостью", "brake pads", "Марина"):
        found, instead = await shown_for(shop_talk, typed)
        assert found
        assert instead == []


async def test_a_search_can_be_for_exactly_what_was_typed(shop_talk):
    text = (await shop_talk.get("/?tab=all&q=запсной")).text
    assert "<mark>запасной</mark>" in text
    notice, href = re.findall(
        r'<p class="list__instead" role="status">(.*?)<a href="([^"]*)" data-list>Искать именно это',
        text,
    )[0]
    assert (
        re.sub("<[^>]*>", "", notice).strip()
        == "По запросу «запсной» ничего нет, показано: «запасной»"
    )
    text = (await shop_talk.get(href.replace("&amp;", "&"))).text
    assert "Ничего не нашлось" in text
    assert "list__instead" not in text
    assert "Точно «запсной»" in text
    # The next search is an ordinary one again.
    form = re.findall(r'<form class="search".*?</form>', text, re.DOTALL)[0]
    assert 'name="exact"' not in form
    [back] = re.findall(r'<a href="([^"]*)" data-list>Искать и похожее', text)
    assert "list__instead" in (await shop_talk.get(back.replace("&amp;", "&"))).text


async def test_further_pages_of_what_was_meant_go_on_with_it(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(
        *(
            accepted(
                account,
                a_message(by=a_person(n), at=NOON + timedelta(seconds=n), text="масло и фильтр"),
            )
            for n in range(1, 56)
        )
    )
    await recorded(stage)
    anna = await browser("Anna")
    first = (await anna.get("/?tab=all&q=мсало")).text
    [more] = re.findall(r'data-more="([^"]+)"', first)
    rest = (await anna.fragment(more.replace("&amp;", "&"))).text
    assert len(set(re.findall(r'data-id="([^"]+)" data-rev', first + rest))) == 55
    assert "<mark>масло</mark>" in rest
