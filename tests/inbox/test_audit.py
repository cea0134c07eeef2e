"""The audit as people read it."""

from datetime import timedelta

from storage.audit import STRUCK_OUT, without_secrets
from tests.events import a_message, accepted


async def test_who_did_what_to_what_and_what_it_was_before(stage, browser):
    await stage.hire("Anna", role="admin")
    boris = await stage.hire("Boris")
    anna = await browser("Anna", **{"Accept-Language": "en"})
    await anna.post(f"/settings/people/{boris}", {"capacity": "5"})
    await anna.post(f"/settings/people/{boris}", {"capacity": "9"})

    text = (await anna.get("/settings/audit")).text
    assert f'href="/settings/people/{boris}">Boris</a>' in text
    assert '<del><span class="vh">before: </span>5</del>' in text
    assert '<ins><span class="vh">after: </span>9</ins>' in text
    assert "127.0.0.1" in text


async def test_it_is_narrowed_by_person_kind_thing_and_day(stage, browser):
    anna_id = await stage.hire("Anna", role="admin")
    root_id = await stage.hire("Root", role="admin")
    boris = await stage.hire("Boris")
    anna, root = await browser("Anna"), await browser("Root")
    await anna.post(f"/settings/people/{boris}", {"capacity": "5"})
    stage.time += timedelta(days=3)
    await root.post("/settings/teams", {"name": "Support"})

    async def lines(query: str) -> int:
        return (await anna.get(f"/settings/audit?{query}")).text.count('class="audit__line"')

    assert await lines("") == 2
    assert await lines(f"user={anna_id}") == 1
    assert await lines("kind=team") == 1
    assert await lines(f"object={boris}") == 1
    assert await lines("until=2026-11-21") == 1
    assert await lines("since=2026-11-22") == 1
    assert await lines(f"user={root_id}&kind=user") == 0
    assert await lines("since=nonsense&user=nonsense") == 2
    assert (await anna.get("/settings/audit?cursor=x")).status == 404


async def test_it_is_read_page_by_page_and_loses_nothing(stage, browser):
    await stage.hire("Anna", role="admin")
    boris = await stage.hire("Boris")
    anna = await browser("Anna")
    for number in range(70):
        await stage.shop.sql(
            "insert into audit (id, what, object_kind, object_id, after, at) values"
            " (gen_random_uuid(), 'x', 'user', :boris, cast(:after as jsonb), :at)",
            boris=boris,
            after=f'{{"capacity": "<{number}>"}}',
            at=stage.now() + timedelta(seconds=number // 3),
        )
    first = (await anna.get("/settings/audit?kind=user")).text
    more = first.split('href="/settings/audit?kind=user&amp;cursor=')[1].split('"')[0]
    second = (await anna.get(f"/settings/audit?kind=user&cursor={more}")).text
    for number in range(70):
        assert (f"&lt;{number}&gt;" in first) != (f"&lt;{number}&gt;" in second), number


async def test_an_empty_audit_says_what_it_is_for(stage, browser):
    await stage.hire("Anna", role="admin")
    anna = await browser("Anna", **{"Accept-Language": "en"})
    assert "Nothing is written down yet" in (await anna.get("/settings/audit")).text
    assert "Nothing of that kind" in (await anna.get("/settings/audit?kind=team")).text


async def test_only_who_may_read_it_does(stage, browser):
    for name, role in [("Lena", "lead"), ("Boris", "manager"), ("Mark", "marketer")]:
        await stage.hire(name, role=role)
        assert (await (await browser(name)).get("/settings/audit")).status == 403


async def test_what_the_desk_does_says_from_where(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    anna = await browser("Anna")
    await anna.post(f"/conversations/{talk}/status", {"status": "resolved"})
    line = await stage.shop.one("select remote from audit where what = 'conversation_status'")
    assert line.remote == "127.0.0.1"


def test_credentials_are_struck_out_however_deep():
    told = without_secrets(
        {"name": "bot", "token": "123:S", "fields": [{"path_secret": "s", "password": ""}]}
    )
    assert told == {
        "name": "bot",
        "token": STRUCK_OUT,
        "fields": [{"path_secret": STRUCK_OUT, "password": ""}],
    }


async def test_what_the_desk_wrote_down_is_told_in_words(stage, browser):
    await stage.hire("Root", role="admin", in_team=False)
    await stage.hire("Anna")
    boris = await stage.hire("Boris", presence="off")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    root = await browser("Root", **{"Accept-Language": "en"})
    await root.post(f"/conversations/{talk}/assignment", {"manager": str(boris)})
    await root.post(f"/conversations/{talk}/status", {"status": "resolved"})

    text = (await root.get("/settings/audit?kind=conversation")).text
    assert "handed a conversation over" in text
    assert '<del><span class="vh">before: </span>Anna</del>' in text
    assert '<ins><span class="vh">after: </span>Resolved</ins>' in text
    assert f'href="/conversations/{talk}"' in text


async def test_a_lead_won_is_told_in_words_and_money(stage, browser):
    account = await stage.shop.connect()
    await stage.hire("Anna", role="admin")
    await stage.receive(accepted(account, a_message(text="Сколько стоит?")))
    lead = (await stage.shop.one("select id from lead")).id
    anna = await browser("Anna", **{"Accept-Language": "en"})
    await anna.post(f"/leads/{lead}", {"status": "won", "value": "4500"})

    text = (await anna.get("/settings/audit?kind=lead")).text
    assert "</span>₽4,500</ins>" in text
    assert "</span>Won</ins>" in text
    assert "450000" not in text
