import asyncio
import json
import re
from datetime import timedelta
from uuid import UUID

from router.message import Chat, InboundMessage, Key, Sender
from tests.conftest import NOON
from tests.events import (
    a_deletion,
    a_message,
    a_person,
    a_phone,
    a_service,
    a_shared_contact,
    accepted,
    an_edit,
)


async def talk_of(stage, name: str = "") -> UUID:
    row = await stage.shop.one(
        "select v.id from conversation v join contact c on c.id = v.contact_id where :name in ('', c.name)",
        name=name,
    )
    return row.id


async def a_talk(stage, *, text: str = "Сколько стоит?", **more) -> UUID:
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message(text=text, **more)))
    return await talk_of(stage)


async def test_a_row_says_who_what_whose_and_how_long(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna", **{"Accept-Language": "en"})
    await a_talk(stage)
    stage.time = NOON + timedelta(minutes=5)

    text = (await anna.get("/")).text

    assert "Person 1" in text
    assert "Сколько стоит?" in text
    assert "Assigned to Anna" in text
    assert re.search(r"wait--ok.*5 min", text, re.DOTALL)
    stage.time = NOON + timedelta(minutes=20)
    assert "wait--late" in (await anna.get("/")).text


async def test_what_a_customer_writes_is_never_markup(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    evil = '<script>alert(1)</script> http://x.example/"onmouseover=alert(1) <b>'
    talk = await a_talk(stage, text=evil, by=a_person(1, name="<img src=x onerror=alert(1)>"))
    for path in ["/", f"/conversations/{talk}", "/leads", "/contacts"]:
        text = (await anna.get(path)).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert 'href="http://x.example/"' in text or "conversations" not in path


async def test_tabs_filters_and_search_narrow_the_list(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    anna = await browser("Anna")
    for number, name in enumerate(["Марина", "Виктор"]):
        sender = a_person(number + 1, name=name)
        await stage.receive(accepted(account, a_message(by=sender, text="тормоза")))
    await stage.shop.sql(
        "update conversation set manager_id = null where preview = 'тормоза' and contact_id = (select id from contact where name = 'Виктор')"
    )

    mine = (await anna.get("/?tab=mine")).text
    assert "Марина" in mine
    assert "Виктор" not in mine
    assert "Виктор" in (await anna.get("/?tab=unassigned")).text
    assert "Марина" not in (await anna.get("/?tab=all&q=Викт")).text
    assert "Ничего не нашлось" in (await anna.get("/?q=zzz")).text
    assert "ничего не подходит" in (await anna.get("/?tab=all&status=spam")).text
    assert (await anna.get("/?tab=nonsense&status=x&sort=y&manager=z&cursor=q")).status == 200


async def test_the_list_goes_on_by_key(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    anna = await browser("Anna")
    await stage.receive(
        *(
            accepted(account, a_message(by=a_person(number), at=NOON + timedelta(seconds=number)))
            for number in range(1, 71)
        )
    )
    first = (await anna.get("/?tab=all")).text
    assert first.count('class="row ') == 50
    [more] = re.findall(r'data-more="([^"]+)"', first)
    rest = (await anna.fragment(more.replace("&amp;", "&"))).text
    assert rest.count('class="row ') == 20
    assert "data-more" not in rest


async def test_a_conversation_shows_edits_deletions_notes_quotes_and_failures_in_words(
    stage, browser
):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    first, second = a_message(text="было"), a_message(text="удалят", at=NOON + timedelta(seconds=5))
    await stage.receive(accepted(account, first), accepted(account, second))
    await stage.receive(
        accepted(account, an_edit(first, "стало")), accepted(account, a_deletion(second))
    )
    talk = await talk_of(stage)
    anna = await browser("Anna")
    await stage.desk.note(talk, by=stage.shop.managers[0], text="внутри")
    sent = await stage.desk.reply(talk, by=stage.shop.managers[0], text="ответ")
    await stage.shop.sql(
        "update message set state = 'failed', error = 'bot was blocked' where id = :id", id=sent
    )

    text = (await anna.fragment(f"/conversations/{talk}/messages")).text

    assert "стало" in text
    assert "изменено" in text
    assert "было" not in text
    assert "удалено клиентом" in text
    assert "удалят" not in text
    assert "Заметка · Anna" in text
    assert "Не отправлено. bot was blocked" in text
    assert f'data-post="/messages/{sent}/retry"' in text
    assert "Назначено: Anna" in text


async def test_the_partial_on_load_is_the_partial_on_push(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    [message] = await stage.shop.sql("select id from message")

    page = (await anna.get(f"/conversations/{talk}?tab=all")).text
    pushed = (await anna.fragment(f"/conversations/{talk}/messages?ids={message.id}")).text
    caught_up = (await anna.fragment(f"/conversations/{talk}/messages")).text

    bubble = re.search(rf'<div class="msg" id="m-{message.id}".*?\n</div>', pushed, re.DOTALL)
    assert bubble is not None
    assert bubble[0] in page
    assert bubble[0] in caught_up

    row = json.loads((await anna.fragment(f"/conversations/changed?tab=all&ids={talk}")).text)
    assert row["rows"][0]["html"].strip() in (await anna.get("/?tab=all")).text
    assert row["counts"] == {
        "mine": "1",
        "unassigned": "0",
        "all": "1",
        "mentions": "0",
        "failed": "0",
    }


async def test_a_row_that_no_longer_belongs_here_leaves_the_list(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    await anna.post(f"/conversations/{talk}/status", {"status": "resolved"})
    answer = json.loads((await anna.fragment(f"/conversations/changed?ids={talk}")).text)
    assert answer["rows"] == []
    assert answer["gone"] == [str(talk)]


async def test_messages_of_somebody_else_do_not_come_with_this_conversation(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(
        accepted(account, a_message(by=a_person(1), text="one")),
        accepted(account, a_message(by=a_person(2), text="two")),
    )
    one, two = await talk_of(stage, "Person 1"), await talk_of(stage, "Person 2")
    [message] = await stage.shop.sql(
        "select id from message where conversation_id = :talk", talk=two
    )
    anna = await browser("Anna")
    assert "two" in (await anna.fragment(f"/conversations/{two}/messages?ids={message.id}")).text
    assert (
        "two" not in (await anna.fragment(f"/conversations/{one}/messages?ids={message.id}")).text
    )


async def test_a_persons_channels_are_one_thread(stage, browser):
    await stage.hire("Anna")
    telegram = await stage.shop.connect("bot")
    whatsapp = await stage.shop.connect("wa", kind="whatsapp")
    phone = a_phone("+79215551408")
    person = a_person(1)
    await stage.receive(accepted(telegram, a_message(by=person, text="из телеграма")))
    await stage.receive(accepted(telegram, a_shared_contact(person, phone)))
    sender = Sender(keys=(Key(kind="whatsapp", value="79215551408"), phone), name="Марина")
    await stage.receive(
        accepted(
            whatsapp,
            a_message(by=sender, text="из ватсапа", at=NOON + timedelta(minutes=1)),
            channel="whatsapp",
        )
    )
    talk = (
        await stage.shop.one("select id from conversation where account_id = :a", a=whatsapp)
    ).id
    text = (await (await browser("Anna")).fragment(f"/conversations/{talk}/messages")).text
    assert text.index("из телеграма") < text.index("из ватсапа")
    assert "thread is-telegram" in text
    assert "thread is-whatsapp" in text


async def test_older_messages_come_on_the_way_up(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(
        *(
            accepted(account, a_message(text=f"number {n:03}", at=NOON + timedelta(minutes=n)))
            for n in range(100)
        )
    )
    anna = await browser("Anna")
    talk = await talk_of(stage)
    newest = await anna.fragment(f"/conversations/{talk}/messages")
    seen = set(re.findall(r"number (\d\d\d)", newest.text))
    assert "099" in seen
    assert "050" not in seen
    url = newest.headers["X-Earlier"]
    assert url in (await anna.get(f"/conversations/{talk}")).text
    while url:
        answer = await anna.fragment(url)
        got = set(re.findall(r"number (\d\d\d)", answer.text))
        assert got.isdisjoint(seen)
        seen |= got
        url = answer.headers.get("X-Earlier")
    assert len(seen) == 100


# Answering.


async def test_the_same_form_sent_twice_is_one_message(stage, browser, count):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    await anna.csrf()
    form = {"text": "Здравствуйте!", "mode": "reply", "key": "k1"}

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(anna.post(f"/conversations/{talk}/messages", form))

    assert await count("message", "direction = 'out'") == 1
    assert await count("delivery") == 1
    await anna.post(f"/conversations/{talk}/messages", {**form, "key": "k2"})
    assert await count("message", "direction = 'out'") == 2


async def test_a_note_stays_inside(stage, browser, count):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    answer = await anna.post(
        f"/conversations/{talk}/messages", {"text": "тише", "mode": "note", "key": "n"}
    )
    assert answer.status == 303
    assert await count("message", "direction = 'note'") == 1
    assert await count("delivery") == 0


async def test_an_empty_reply_is_refused_in_words(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    answer = await anna.post(
        f"/conversations/{talk}/messages", {"text": "  ", "mode": "reply"}, **{"X-Fragment": "1"}
    )
    assert (answer.status, answer.text) == (409, "Сначала напишите что-нибудь.")


async def test_a_draft_is_kept_until_it_is_sent(stage, browser, count):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    draft = f"/conversations/{talk}/draft"
    assert (await anna.post(draft, {"text": "начала писать", "mode": "note"})).status == 204

    page = (await anna.get(f"/conversations/{talk}")).text
    assert "начала писать</textarea>" in page
    assert 'data-mode="note"' in page
    assert "Черновик:" in page

    await anna.post(f"/conversations/{talk}/messages", {"text": "готово", "key": "1"})
    assert await count("draft") == 0


async def test_a_draft_is_ones_own(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Boris")
    talk = await a_talk(stage)
    anna, boris = await browser("Anna"), await browser("Boris")
    await anna.post(f"/conversations/{talk}/draft", {"text": "моё", "mode": "reply"})
    assert "моё" in (await anna.get(f"/conversations/{talk}")).text
    assert "моё" not in (await boris.get(f"/conversations/{talk}?tab=all")).text


async def test_assigning_resolving_snoozing(stage, browser):
    await stage.hire("Anna")
    boris = await stage.hire("Boris")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    where = f"/conversations/{talk}"

    await anna.post(f"{where}/assignment", {"manager": str(boris)})
    assert (await stage.shop.one("select manager_id from conversation")).manager_id == boris
    await anna.post(f"{where}/assignment", {"nobody": "1"})
    await anna.post(f"{where}/status", {"status": "resolved"})
    assert (await stage.shop.one("select status from conversation")).status == "resolved"
    await anna.post(f"{where}/status", {"status": "open"})
    until = stage.time + timedelta(hours=1)
    await anna.post(f"{where}/status", {"until": until.isoformat()})
    row = await stage.shop.one("select status, snoozed_until from conversation")
    assert (row.status, row.snoozed_until) == ("snoozed", until)

    past = await anna.post(f"{where}/status", {"until": NOON.isoformat()})
    assert past.status == 409
    assert (await anna.post(f"{where}/status", {"status": "exploded"})).status == 400
    assert (await anna.post(f"{where}/assignment", {"manager": "x"})).status == 400


async def test_reading_takes_the_unread_mark_away(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    assert (await stage.shop.one("select unread from conversation")).unread == 1
    await anna.post(f"/conversations/{talk}/read")
    assert (await stage.shop.one("select unread from conversation")).unread == 0


async def test_mail_is_shown_as_text_and_cleaned_in_its_frame(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect("mail", kind="email")
    html = (
        "<p style='color:red' onclick='x()'>Hello</p><script>alert(1)</script>"
        "<img src='https://spy.example/p.png' alt='logo'><a href='javascript:x()'>link</a><form action=x><input></form>"
    )
    mail = InboundMessage(
        key="m",
        chat=Chat(id="t"),
        at=NOON,
        sender=Sender(keys=(Key(kind="email", value="a@b.example"),)),
        external_id="<1>",
        text="Hello",
        html=html,
        subject="Order",
    )
    await stage.receive(accepted(account, mail, channel="email"))
    anna = await browser("Anna")
    message = (await stage.shop.one("select id from message")).id
    page = (await anna.get(f"/conversations/{await talk_of(stage)}")).text
    assert "Hello" in page
    assert "spy.example" not in page
    assert 'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"' in page

    frame = await anna.get(f"/messages/{message}/html")
    assert "Hello" in frame.text
    for forbidden in ["script", "onclick", "javascript:", "spy.example", "<form", "<input"]:
        assert forbidden not in frame.text
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "https:" not in frame.headers["Content-Security-Policy"]

    with_images = await anna.get(f"/messages/{message}/html?images=1")
    assert "https://spy.example/p.png" in with_images.text
    assert "script-src" not in with_images.headers["Content-Security-Policy"]


async def test_why_it_is_somebodys_is_said_in_the_readers_language(stage, browser):
    anna, boris = await stage.hire("Anna"), await stage.hire("Boris")
    talk = await a_talk(stage)
    await stage.desk.assign(talk, by=anna, manager=boris)
    await stage.desk.assign(talk, by=anna, manager=anna)
    russian = await browser("Anna")
    text = (await russian.get(f"/conversations/{talk}")).text
    assert "Назначено: Anna — по очереди в команде «Sales»" in text
    assert "Назначено: Boris — решение: Anna" in text
    assert "Назначено: Anna — по своему решению" in text
    assert "it was their turn" not in text
    english = await browser("Boris", **{"Accept-Language": "en"})
    text = (await english.get(f"/conversations/{talk}")).text
    assert "Assigned to Anna — next in turn in Sales" in text
    assert "Assigned to Boris — decided by Anna" in text


async def test_why_two_are_one_is_said_in_the_readers_language(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    for number in (1, 2):
        person = a_person(number)
        at = NOON + timedelta(minutes=number)
        phone = a_phone("+79215551408")
        await stage.receive(accepted(account, a_message(by=person, at=at)))
        await stage.receive(accepted(account, a_shared_contact(person, phone, at=at)))
    anna = await browser("Anna")
    talk = (await stage.shop.sql("select id from conversation"))[0].id
    text = (await anna.get(f"/conversations/{talk}")).text
    assert "Одно событие подтвердило ключи обоих:" in text
    assert "Телефон +79215551408" in text
    assert "proved keys" not in text


async def test_a_refusal_is_said_in_the_readers_language(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    await stage.desk.create_contact(by=None, name="Marina")
    anna = await browser("Anna")
    contact = (
        await stage.shop.one("select contact_id from conversation where id = :id", id=talk)
    ).contact_id
    answer = await anna.post("/leads", {"contact": str(contact)}, **{"X-Fragment": "1"})
    assert answer.status == 409
    assert answer.text.startswith("У этого контакта уже есть открытый лид")


async def test_labels_are_added_taken_away_and_offered_again(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    path = f"/conversations/{talk}/labels"
    for label in ("  срочно ", "опт", "Срочно", "<b>"):
        assert (await anna.post(path, {"add": label})).status == 303
    row = await stage.shop.one("select labels from conversation")
    assert sorted(row.labels) == sorted(["срочно", "опт", "<b>"])
    await anna.post(path, {"remove": "опт"})
    text = (await anna.get(f"/conversations/{talk}")).text
    assert 'value="срочно" aria-label="Убрать метку срочно"' in text
    assert "опт" not in text
    assert "<b></span>" not in text
    assert (await anna.post(path, {})).status == 400
    assert (await anna.post(path, {"add": "x" * 99})).status == 303
    assert "x" * 41 not in (await anna.get(f"/conversations/{talk}")).text

    account = (await stage.shop.one("select id from account")).id
    await stage.receive(accepted(account, a_message(by=a_person(2))))
    other = await talk_of(stage, "Person 2")
    assert '<option value="срочно">' in (await anna.get(f"/conversations/{other}")).text


async def test_there_is_an_end_to_labels(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    anna = await browser("Anna")
    answers = [
        await anna.post(f"/conversations/{talk}/labels", {"add": f"label {n}"}) for n in range(13)
    ]
    assert [answer.status for answer in answers] == [303] * 12 + [409]


async def test_what_happened_in_a_chat_is_said_in_words(stage, browser):
    await stage.hire("Anna")
    talk = await a_talk(stage)
    account = (await stage.shop.one("select id from account")).id
    person = a_person(1)
    for name in ("blocked", "something_new"):
        await stage.receive(accepted(account, a_service(name, by=person)))
    text = (await (await browser("Anna")).get(f"/conversations/{talk}")).text
    assert "Клиент заблокировал бота" in text
    assert "Ответ не дойдёт: клиент заблокировал бота" in text
    assert "Событие" in text
