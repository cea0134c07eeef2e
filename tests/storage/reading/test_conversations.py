from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.reading.conversation_counts import count_tabs
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import (
    ConversationFilter,
    conversation_by_id,
    list_conversations,
    matches,
)
from storage.reading.paging import BadCursor
from storage.reading.sight import EVERYTHING
from tests.builders import START, Rows

ANY = ConversationFilter()


async def test_a_row_shows_all_that_the_list_needs(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        stages = await there.stages()
        anna = await there.contact(name="Анна Петрова")
        boris = await there.user(name="Борис Николаевич Иванов")
        team = await there.team(name="Сервис")
        touch = {"source": "yandex", "campaign": "brakes"}
        lead = await there.lead(anna, stage_id=stages[1], last_touch=touch)
        talk = await there.conversation(
            contact=anna,
            manager_id=boris,
            team_id=team,
            preview="Сейчас посмотрю",
            preview_direction="out",
            labels=["vip"],
            unread=2,
            waiting_since=START,
            window_until=START + timedelta(hours=24),
        )
        await there.message(talk, direction="out", state="sent")
        await there.message(talk, direction="out", state="failed")

        row = (await list_conversations(connection, ANY, sight=EVERYTHING)).items[0]

    assert row.id == talk
    assert row.contact_name == "Анна Петрова"
    assert (row.channel, row.account) == ("telegram", "shop_bot")
    assert (row.manager_name, row.manager_initials) == ("Борис Николаевич Иванов", "БИ")
    assert (row.team_name, row.labels, row.unread) == ("Сервис", ("vip",), 2)
    assert (row.preview, row.preview_direction) == ("Сейчас посмотрю", "out")
    assert row.last_out_state == "failed"
    assert (row.lead_id, row.lead_stage) == (lead, "В работе")
    assert (row.source, row.campaign) == ("yandex", "brakes")
    assert (row.waiting_since, row.window_until) == (START, START + timedelta(hours=24))


async def test_what_became_of_our_answer_is_of_no_interest_once_they_wrote_again(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        talk = await there.conversation(preview_direction="in")
        await there.message(talk, direction="out", state="read")
        await there.message(talk)
        row = await conversation_by_id(connection, talk, sight=EVERYTHING)
    assert row is not None
    assert row.last_out_state == ""


@pytest.mark.parametrize("sort", ["newest", "oldest", "waiting"])
@pytest.mark.parametrize("tab", ["all", "unassigned"])
async def test_pages_give_every_row_once_in_order(
    database: AsyncEngine, sort: str, tab: str
) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        for number in range(13):
            waits = START + timedelta(minutes=-number // 3) if number % 2 else None
            status = "waiting" if number % 5 == 0 else "open"
            # Equal times on purpose: the id decides.
            at = START + timedelta(minutes=number // 4)
            await there.conversation(at=at, waiting_since=waits, status=status)
        wish = ConversationFilter(tab=tab)  # type: ignore[arg-type]  # parametrised
        whole = await list_conversations(connection, wish, sort=sort, sight=EVERYTHING)  # type: ignore[arg-type]
        seen: list[ConversationRow] = []
        cursor = ""
        while True:
            page = await list_conversations(
                connection,
                wish,
                sort=sort,  # type: ignore[arg-type]
                cursor=cursor,
                limit=3,
                sight=EVERYTHING,
            )
            seen.extend(page.items)
            if page.next_cursor is None:
                break
            cursor = page.next_cursor

    assert len(whole.items) == 13
    assert seen == list(whole.items)
    match sort:
        case "newest":
            assert seen == sorted(seen, key=lambda r: (r.last_message_at, r.id), reverse=True)
        case "oldest":
            assert seen == sorted(seen, key=lambda r: (r.last_message_at, r.id))
        case _:
            waiting = [row for row in seen if row.waiting_since]
            assert seen[: len(waiting)] == waiting
            assert waiting == sorted(waiting, key=lambda r: (r.waiting_since, r.id))
            rest = seen[len(waiting) :]
            assert rest == sorted(rest, key=lambda r: (r.last_message_at, r.id), reverse=True)


async def test_what_comes_in_between_two_pages_repeats_and_hides_nothing(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        ids = [
            await there.conversation(at=START - timedelta(minutes=number)) for number in range(4)
        ]
        first = await list_conversations(connection, ANY, limit=2, sight=EVERYTHING)
        await there.conversation(at=START + timedelta(minutes=1))
        second = await list_conversations(
            connection, ANY, limit=2, cursor=first.next_cursor or "", sight=EVERYTHING
        )
    assert [row.id for row in (*first.items, *second.items)] == ids


async def test_a_cursor_of_another_order_is_refused(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        for _ in range(2):
            await there.conversation()
        page = await list_conversations(connection, ANY, sort="newest", limit=1, sight=EVERYTHING)
        for cursor in (page.next_cursor or "", "garbage", "AAAA", "x" * 2000):
            with pytest.raises(BadCursor):
                await list_conversations(
                    connection, ANY, sort="oldest", cursor=cursor, sight=EVERYTHING
                )


async def test_filters_narrow_the_list(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        me = await there.user()
        team = await there.team()
        mail = await there.account(slug="mail", kind="email")
        mine = await there.conversation(manager_id=me, unread=1)
        mailed = await there.conversation(account=mail, labels=["опт"])
        teams = await there.conversation(team_id=team, waiting_since=START)
        resolved = await there.conversation(status="resolved")

        async def found(**wish: object) -> set[object]:
            page = await list_conversations(
                connection, ConversationFilter(**wish), sight=EVERYTHING
            )  # type: ignore[arg-type]
            return {row.id for row in page.items}

        assert await found() == {mine, mailed, teams}
        assert await found(statuses=()) == {mine, mailed, teams, resolved}
        assert await found(statuses=("resolved",)) == {resolved}
        assert await found(tab="mine", me=me) == {mine}
        assert await found(tab="unassigned") == {mailed, teams}
        assert await found(manager=me) == {mine}
        assert await found(team=team) == {teams}
        assert await found(channels=("email",)) == {mailed}
        assert await found(accounts=("shop_bot",)) == {mine, teams}
        assert await found(accounts=("no_such",)) == set()
        assert await found(label="опт") == {mailed}
        assert await found(unread=True) == {mine}
        assert await found(waiting=True) == {teams}
        wish = ConversationFilter(tab="unassigned", waiting=True)
        assert await matches(connection, wish, [mine, mailed, teams], sight=EVERYTHING) == {teams}


@pytest.mark.parametrize(
    "q",
    [
        pytest.param("анна", id="name"),
        pytest.param("Питрова", id="a name with a wrong letter"),
        pytest.param("Петрва", id="a name with a letter lost"),
        pytest.param("916 123", id="a part of a phone"),
        pytest.param("8 (916) 123-45", id="a phone written the national way"),
        pytest.param("anna@exam", id="a part of an address"),
        pytest.param("колодка", id="a Russian word form"),
        pytest.param("brake", id="an English word form"),
        pytest.param("тормозн", id="the beginning of a word"),
        pytest.param("8 905 000-11-22", id="a phone they only claimed, given whole"),
    ],
)
async def test_search_finds_the_conversation(database: AsyncEngine, q: str) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        other = await there.conversation(contact=await there.contact(name="Глеб Сидоров"))
        await there.message(other, text="Спасибо, до завтра")
        anna = await there.contact(name="Анна Петрова")
        await there.identity(anna, kind="phone", value="+79161234567")
        await there.identity(anna, kind="email", value="anna@example.com")
        await there.claim(anna, kind="phone", value="+79050001122")
        talk = await there.conversation(contact=anna)
        await there.message(talk, text="Сколько стоят тормозные колодки? Brakes for Golf")
        page = await list_conversations(connection, ConversationFilter(q=q), sight=EVERYTHING)
    assert [row.id for row in page.items] == [talk]


@pytest.mark.parametrize("q", ["%", "_", "'", "a' | b & !", '"', "(((", "\\", "\x00", "📦", "8"])
async def test_search_takes_whatever_is_typed(database: AsyncEngine, q: str) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        talk = await there.conversation(contact=await there.contact(name="100% Анна_М"))
        page = await list_conversations(connection, ConversationFilter(q=q), sight=EVERYTHING)
    found = [row.id for row in page.items]
    assert found == ([talk] if q in {"%", "_", "\x00"} else [])


async def test_tabs_are_counted_to_a_bound(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        me, anna = await there.user(), await there.contact()
        await there.conversation(manager_id=me, unread=3)
        await there.conversation(manager_id=me, status="resolved")
        for _ in range(100):
            await there.conversation(contact=anna)
        counts = await count_tabs(connection, me=me, sight=EVERYTHING)
    assert (counts.mine, counts.mine_unread) == (1, 1)
    assert [counts.shown(each) for each in (counts.mine, counts.unassigned, counts.all)] == [
        "1",
        "99+",
        "99+",
    ]
