"""What a colleague with limited sight gets to see: every page there is, with everything a customer said planted abroad."""

import random
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from inbox.app import PAGES
from inbox.in_sight import of_what
from inbox.rights import may
from inbox.visit import Page
from router.ids import new_id
from storage import tables
from storage.reading.conversation_counts import count_tabs
from storage.reading.conversations import ConversationFilter, list_conversations
from storage.reading.sight import SEES, Sight, sight_of
from tests.builders import Rows
from tests.events import a_message, a_person, accepted
from tests.inbox.planted import SECRET, SOUGHT, Abroad, plant
from tests.inbox.test_live import listening

LIMITED = [sees for sees in SEES if sees != "all"]


@pytest.fixture
async def abroad(stage: Any) -> Abroad:
    return await plant(stage)


async def limit(stage: Any, who: str, sees: str) -> None:
    await stage.shop.sql(
        "update user_account set sees = :sees where name = :name", sees=sees, name=who
    )


def to(page: Page, ids: dict[str, UUID], *, macro: UUID | None = None) -> str:
    """The page's address with ids from abroad in it."""
    path = page.path
    for name, kind in of_what(page.path):
        if kind is not None:
            path = re.sub(r"\{" + name + r"(:[^{}]*(\{[^{}]*\})?[^{}]*)?\}", str(ids[kind]), path)
    path = re.sub(r"\{digits:.*\}$", "79161234567", path)
    path = re.sub(r"\{[^/]*\}", str(uuid4()), path)
    return f"{path}?macro={macro}" if path.endswith("/macro") and macro else path


def names_a_customers(page: Page) -> bool:
    return any(kind is not None for _, kind in of_what(page.path))


READ = [page for page in PAGES if page.method == "GET" and page.path != "/live"]


def addresses(abroad: Abroad) -> list[tuple[str, dict[str, str]]]:
    """Everything that can be asked for, with every word that could lead abroad."""
    ids, macro = abroad.ids, abroad.own["macro"]
    queries = ["", f"?q={SOUGHT}&tab=all&status=any", "?tab=all&status=any", "?tab=unassigned"]
    queries += [f"?view=list&q={SOUGHT}", "?view=list", "?show=all", "?who=all", "?tab=mentions"]
    queries += ["?of=all", "?lost=1", "?duplicates=1", f"?phone=%2B79160000007&q={SOUGHT}"]
    queries += ["?" + "&".join(f"{kind}={id_}" for kind, id_ in ids.items())]
    queries += [f"?tab=all&status=any&ids={ids['conversation']},{ids['message']},{ids['lead']}"]
    found: list[tuple[str, dict[str, str]]] = []
    for page in READ:
        path = to(page, ids, macro=macro)
        for query in [""] if names_a_customers(page) else queries:
            found.append((path + query, {}))
            if query in queries[:2]:
                found.append((path + query, {"X-Fragment": "1"}))
        kinds = {kind for _, kind in of_what(page.path) if kind is not None}
        if kinds and kinds <= abroad.own.keys():
            # Hers, with what is not hers beside it.
            own = to(page, abroad.own, macro=macro)
            joint = "&" if "?" in own else "?"
            beside = [f"with={ids['contact']}", f"to={ids['conversation']}", f"at={ids['message']}"]
            beside += [f"ids={ids['message']}", f"since={ids['conversation']}:0"]
            found += [(own + query, {}) for query in ["", *(joint + each for each in beside)]]
    return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("sees", LIMITED)
async def test_no_page_tells_a_word_of_what_is_out_of_sight(stage, browser, abroad, sees):
    """While she sees everything Anna is told of it in many places; in none of these any more."""
    anna = await browser("Anna")
    telling, hers = [], []
    for path, headers in addresses(abroad):
        text = (await anna.get(path, **headers)).text
        if SECRET in text:
            telling.append((path, headers))
        elif "видимое" in text:
            hers.append((path, headers))
    assert len(telling) > 20, "need pages that tell it for this test to mean anything"
    await limit(stage, "Anna", sees)

    answers = {(path, *headers): await anna.get(path, **headers) for path, headers in telling}
    assert {path for path, answer in answers.items() if SECRET in answer.text} == set()
    assert {path for path, answer in answers.items() if answer.status >= 500} == set()
    for path, headers in hers[:5]:
        assert "видимое" in (await anna.get(path, **headers)).text, path


@pytest.mark.parametrize("sees", LIMITED)
async def test_every_page_of_something_foreign_is_not_there(stage, browser, abroad, sees):
    boris = await browser("Boris")
    await limit(stage, "Anna", sees)
    anna = await browser("Anna")
    foreign = [
        page
        for page in PAGES
        if names_a_customers(page) and page.right and may("manager", page.right)
    ]
    assert len(foreign) > 20
    for page in foreign:
        path = to(page, abroad.ids, macro=abroad.own["macro"])
        answer = await (anna.get(path) if page.method == "GET" else anna.post(path, {}))
        assert answer.status == 404, (page.method, page.path)
        assert SECRET not in answer.text
        if page.method == "GET":
            assert (await boris.get(path)).status in {200, 301}, page.path


async def test_a_team_sees_what_is_in_its_hands_taken_or_not(stage, browser, abroad):
    await stage.shop.sql(
        "insert into team_member (team_id, user_id, joined_at) values (:team, :anna, now())",
        team=abroad.team,
        anna=abroad.anna,
    )
    anna = await browser("Anna")
    pages = [
        page
        for page in READ
        if names_a_customers(page) and page.right and may("manager", page.right)
    ]
    for sees, manager, told in [
        ("team", abroad.boris, {200, 301}),
        ("team", None, {200, 301}),
        ("own", None, {404}),
        ("own", abroad.anna, {200, 301}),
    ]:
        await limit(stage, "Anna", sees)
        await stage.shop.sql(
            "update conversation set manager_id = :manager where id = :talk",
            manager=manager,
            talk=abroad.ids["conversation"],
        )
        for page in pages:
            answer = await anna.get(to(page, abroad.ids, macro=abroad.own["macro"]))
            assert answer.status in told, (sees, manager, page.path)
        for tab, there in [("all", told != {404}), ("unassigned", sees == "team" and not manager)]:
            listed = (await anna.get(f"/?tab={tab}")).text
            row = f'id="c-{abroad.ids["conversation"]}"'
            assert (row in listed) == there, (sees, manager, tab)


def test_every_id_in_an_address_says_what_it_is_of():
    for page in PAGES:
        for name, kind in of_what(page.path):
            assert kind is not None or name in {"code", "kind", "slug", "digits"}, (
                f"{page.path}: say in inbox/in_sight.py what {{{name}}} is of"
            )
    assert any(names_a_customers(page) for page in PAGES)


async def test_a_form_cannot_name_what_is_out_of_sight(stage, browser, abroad):
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message(by=a_person(5))))
    own = (await stage.shop.one("select id from conversation where account_id = :a", a=account)).id
    await stage.shop.sql(
        "update conversation set manager_id = :anna where id = :own", anna=abroad.anna, own=own
    )
    await limit(stage, "Anna", "own")
    anna = await browser("Anna")
    talk, person = abroad.ids["conversation"], abroad.ids["contact"]

    assert (await anna.get(f"/conversations/{own}")).status == 200
    for path, fields in [
        (f"/conversations/{own}/messages", {"text": "hi", "to": str(talk)}),
        (f"/conversations/{own}/draft", {"text": "hi", "to": str(talk)}),
        ("/leads", {"contact": str(person)}),
    ]:
        assert (await anna.post(path, fields)).status == 404, path
    assert (await anna.post(f"/conversations/{own}/messages", {"text": "hi"})).status == 303


async def test_who_hands_a_conversation_away_is_led_back_to_their_list(stage, browser):
    anna_id = await stage.hire("Anna", sees="own")
    boris = await stage.hire("Boris")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    await stage.shop.sql("update conversation set manager_id = :anna", anna=anna_id)
    anna = await browser("Anna")
    answer = await anna.post(f"/conversations/{talk}/assignment", {"manager": str(boris)})
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert (await anna.get(f"/conversations/{talk}")).status == 404


async def test_a_timeline_over_all_channels_shows_only_the_conversations_in_sight(
    stage, browser, abroad
):
    async with stage.engine.begin() as connection:
        there = Rows(connection, now=stage.now())
        account = await there.account(slug="own", team_id=stage.shop.team)
        own = await there.conversation(
            contact=abroad.ids["contact"], account=account, manager_id=abroad.anna
        )
        await there.message(own, text="видимое")
        await there.assignment(abroad.ids["conversation"], reason=SECRET, manager_id=abroad.boris)
        await connection.execute(
            tables.contact.update()
            .values(name="Мария")
            .where(tables.contact.c.id == abroad.ids["contact"])
        )
        await connection.execute(tables.identity.delete())
        await connection.execute(tables.suggestion.delete())
    await stage.shop.sql("update contact set fields = '{}'")
    # What is known of the person is in sight with them: also where they came from.
    await stage.shop.sql("update lead set title = 'Колодки', first_touch = null, last_touch = null")
    await stage.shop.sql("delete from touch")
    await stage.shop.sql("update task set text = 'Позвонить'")
    await stage.shop.sql("update contact set name = 'Пётр' where name like :w", w=SECRET + "%")
    anna = await browser("Anna")
    assert SECRET in (await anna.get(f"/conversations/{own}")).text
    await limit(stage, "Anna", "own")

    for path in [
        f"/conversations/{own}",
        f"/conversations/{own}/messages",
        f"/conversations/{own}/ways",
    ]:
        answer = await anna.get(path)
        assert answer.status == 200, path
        assert SECRET not in answer.text, path
    assert "видимое" in (await anna.get(f"/conversations/{own}")).text
    named = f"/conversations/{own}/messages?ids={abroad.ids['message']}"
    assert SECRET not in (await anna.get(named)).text


async def test_an_administrator_and_a_marketer_see_as_before_whatever_is_set(stage):
    for role in ["admin", "marketer"]:
        assert sight_of(user=new_id(), role=role, sees="own", teams=[]).whole
    assert not sight_of(user=new_id(), role="lead", sees="own", teams=[]).whole


# Lists, against counting on one's fingers.


@pytest.mark.parametrize("seed", range(3))
async def test_a_limited_list_is_what_one_would_pick_by_hand(stage, browser, seed):
    dice = random.Random(seed)
    people = {name: await stage.hire(name, in_team=False) for name in ["Anna", "Boris", "Vera"]}
    async with stage.engine.begin() as connection:
        there = Rows(connection, now=stage.now())
        teams = [await there.team(name=f"Team {number}") for number in range(3)]
        for team in teams:
            for person in people.values():
                if dice.random() < 0.5:
                    await connection.execute(
                        tables.team_member.insert().values(
                            team_id=team, user_id=person, joined_at=stage.now()
                        )
                    )
        for number in range(60):
            await there.conversation(
                manager_id=dice.choice([None, *people.values()]),
                team_id=dice.choice([None, *teams]),
                status=dice.choice(["open", "waiting", "snoozed", "resolved"]),
                waiting_since=dice.choice([None, stage.now()]),
                at=stage.now() if number % 7 else stage.now().replace(hour=number % 12),
            )
    members = await stage.shop.sql("select team_id, user_id from team_member")
    rows = await stage.shop.sql(
        "select id, manager_id, team_id, status, waiting_since from conversation"
    )

    for person in people.values():
        own_teams = {row.team_id for row in members if row.user_id == person}
        for what in SEES:
            sight = sight_of(user=person, role="manager", sees=what, teams=sorted(own_teams))
            seen = [
                row
                for row in rows
                if what == "all"
                or row.manager_id == person
                or (what == "team" and row.team_id in own_teams)
            ]
            for tab in ["all", "mine", "unassigned"]:
                expected = {
                    row.id
                    for row in seen
                    if tab == "all" or row.manager_id == (person if tab == "mine" else None)
                }
                for sort in ["newest", "oldest", "waiting"]:
                    wish = ConversationFilter(
                        tab=tab, me=person, statuses=("open", "waiting", "snoozed", "resolved")
                    )
                    found = await paged(stage, wish, sight, sort)
                    assert len(found) == len(set(found)), "nothing comes twice"
                    assert set(found) == expected, (what, tab, sort)
            async with stage.engine.connect() as connection:
                counts = await count_tabs(connection, me=person, sight=sight)
            active = [row for row in seen if row.status in {"open", "waiting"}]
            assert counts.all == len(active)
            assert counts.mine == sum(row.manager_id == person for row in active)
            assert counts.unassigned == sum(row.manager_id is None for row in active)


async def paged(stage: Any, wish: ConversationFilter, sight: Sight, sort: Any) -> list[UUID]:
    found, cursor = [], ""
    async with stage.engine.connect() as connection:
        while True:
            page = await list_conversations(
                connection, wish, sight=sight, sort=sort, cursor=cursor, limit=7
            )
            found += [row.id for row in page.items]
            if not page.next_cursor:
                return found
            cursor = page.next_cursor


# Live.


async def test_of_what_is_out_of_sight_a_page_hears_nothing(stage, browser):
    anna_id = await stage.hire("Anna")
    boris_id = await stage.hire("Boris")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message(by=a_person(1))))
    await stage.receive(accepted(account, a_message(by=a_person(2))))
    talks = {row.chat: row.id for row in await stage.shop.sql("select id, chat from conversation")}
    await stage.desk.assign(talks["1"], by=None, manager=anna_id)
    await stage.desk.assign(talks["2"], by=None, manager=boris_id)
    await stage.publish()
    await stage.shop.sql("delete from assignment where ended_at is not null")
    await limit(stage, "Anna", "own")
    anna = await browser("Anna")

    async with listening(anna) as stream:
        await stage.receive(accepted(account, a_message(by=a_person(2), text="not hers")))
        await stage.receive(accepted(account, a_message(by=a_person(1), text="hers")))
        heard = await stream.hints()
        assert str(talks["2"]) not in str(heard)
        assert str(talks["1"]) in str(heard)


async def test_what_leaves_somebodys_sight_is_told_so_that_it_leaves_the_page(stage, browser):
    anna_id = await stage.hire("Anna")
    boris_id = await stage.hire("Boris")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    await stage.desk.assign(talk, by=None, manager=anna_id)
    await stage.publish()
    await limit(stage, "Anna", "own")
    anna = await browser("Anna")

    async with listening(anna) as stream:
        await stage.desk.assign(talk, by=boris_id, manager=boris_id)
        await stage.publish()
        kinds = {hint["kind"]: hint for hint in await stream.hints()}
    assert kinds["conversation"]["conversation"] == str(talk)
    changed = await anna.get(f"/conversations/changed?tab=all&ids={talk}")
    assert str(talk) in changed.text.partition('"gone"')[2]
