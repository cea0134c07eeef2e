"""Cards on the board, and the pipelines they stand in, on a real database."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from router.asking import Refused
from router.ids import new_id
from storage import pipelines
from storage.desk import Desk
from storage.engine import transaction
from storage.lead_changes import MovedMeanwhile
from storage.lead_places import Place
from storage.reading.board import board, column_page
from storage.reading.leads import LeadFilter, list_leads
from storage.reading.pipelines import PipelineRow, list_pipelines
from storage.reading.sight import EVERYTHING
from tests.conftest import NOON
from tests.events import a_message, accepted
from tests.installation import Installation


class NoFiles:
    async def delete(self, sha256: str) -> None:
        raise AssertionError(sha256)


class Board:
    """Cards are told apart by their titles."""

    def __init__(self, shop: Installation) -> None:
        self.shop = shop
        self.time = NOON
        self.desk = Desk(shop.engine, now=lambda: self.time, media=NoFiles())
        self.stages: dict[str, UUID] = {}

    async def look(self) -> None:
        rows = await self.shop.sql("select id, name from stage")
        self.stages = {row.name: row.id for row in rows}

    async def card(self, title: str, *, stage: str = "New", value: int | None = None) -> UUID:
        contact = new_id()
        await self.shop.sql(
            "insert into contact (id, name, created_at) values (:id, :name, now())",
            id=contact,
            name=title,
        )
        self.time += timedelta(seconds=1)
        made = await self.desk.create_lead(
            contact, by=None, title=title, value=value, stage=self.stages[stage]
        )
        await self.shop.sql(
            "update lead set position = :at where id = :id", id=made, at=self.time.timestamp()
        )
        return made

    async def pipeline(self) -> PipelineRow:
        async with self.shop.engine.connect() as connection:
            return (await list_pipelines(connection))[0]

    async def column(self, name: str) -> list[str]:
        async with self.shop.engine.connect() as connection:
            columns = await board(
                connection,
                await self.pipeline(),
                LeadFilter(),
                now=self.time,
                per_stage=500,
                sight=EVERYTHING,
            )
        found = next(each for each in columns if each.stage.name == name)
        assert found.count == len(found.leads)
        return [each.title for each in found.leads]


@pytest.fixture
async def cards(database: AsyncEngine) -> Board:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    made = Board(shop)
    await made.look()
    return made


async def test_a_new_card_stands_on_top_and_a_moved_one_where_it_was_put(cards):
    one, two, three = [await cards.card(title) for title in ("one", "two", "three")]
    assert await cards.column("New") == ["three", "two", "one"]
    new = cards.stages["New"]
    await cards.desk.move_lead(one, new, by=None, place=Place(below=three))
    assert await cards.column("New") == ["one", "three", "two"]
    await cards.desk.move_lead(one, new, by=None, place=Place(above=three, below=two))
    assert await cards.column("New") == ["three", "one", "two"]
    await cards.desk.move_lead(three, new, by=None, place=Place(above=two))
    assert await cards.column("New") == ["one", "two", "three"]
    # The card it was to stand under has gone: on top of the one below.
    await cards.desk.move_lead(one, cards.stages["Qualified"], by=None)
    await cards.desk.move_lead(three, new, by=None, place=Place(above=one, below=two))
    assert await cards.column("New") == ["three", "two"]


async def test_there_is_always_room_between_two_cards(cards):
    low, high = await cards.card("low"), await cards.card("high")
    others = [await cards.card(str(number)) for number in range(4)]
    for turn in range(120):
        await cards.desk.move_lead(
            others[turn % 4], cards.stages["New"], by=None, place=Place(above=high)
        )
        order = await cards.column("New")
        assert order[order.index("high") + 1] == str(turn % 4)
    assert sorted(await cards.column("New")) == ["0", "1", "2", "3", "high", "low"]
    assert (await cards.column("New"))[-1] == "low"
    assert low


async def test_cards_that_all_stand_at_the_same_place_are_told_apart_when_one_is_moved(cards):
    made = [await cards.card(str(number)) for number in range(150)]
    await cards.shop.sql("update lead set position = 0")
    order = await cards.column("New")
    below = made[int(order[-1])]
    await cards.desk.move_lead(
        made[int(order[0])], cards.stages["New"], by=None, place=Place(below=below)
    )
    assert await cards.column("New") == [*order[1:-1], order[0], order[-1]]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    moves=st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(["New", "Qualified"]),
            st.integers(0, 5),
            st.sampled_from(["above", "below", "neither"]),
        ),
        min_size=2,
        max_size=10,
    )
)
async def test_whoever_moves_cards_at_once_loses_none_and_leaves_one_order(cards, moves):
    await cards.shop.sql("delete from lead_event")
    await cards.shop.sql("delete from lead")
    ids = [await cards.card(str(number)) for number in range(6)]

    async def move(which: int, stage: str, beside: int, side: str) -> None:
        place = Place(**({side: ids[beside]} if side != "neither" else {}))
        await cards.desk.move_lead(ids[which], cards.stages[stage], by=None, place=place)

    async with asyncio.TaskGroup() as group:
        for each in moves:
            group.create_task(move(*each))
    columns = [await cards.column("New"), await cards.column("Qualified")]
    assert sorted([*columns[0], *columns[1]]) == ["0", "1", "2", "3", "4", "5"]
    assert columns == [await cards.column("New"), await cards.column("Qualified")]


async def test_a_card_that_somebody_else_has_moved_is_not_moved_from_where_it_was_seen(cards):
    lead = await cards.card("one")
    new, qualified, won = (cards.stages[name] for name in ("New", "Qualified", "Won"))
    await cards.desk.move_lead(lead, qualified, by=None, seen=new)
    with pytest.raises(MovedMeanwhile):
        await cards.desk.move_lead(lead, won, by=None, seen=new, changes={"value": 5})
    assert await cards.column("Qualified") == ["one"]


async def test_won_needs_an_amount_and_nothing_is_one_when_it_is_said(cards):
    lead = await cards.card("one")
    won = cards.stages["Won"]
    with pytest.raises(Refused):
        await cards.desk.move_lead(lead, won, by=cards.shop.managers[0])
    assert await cards.column("New") == ["one"]
    await cards.desk.move_lead(lead, won, by=cards.shop.managers[0], changes={"value": 0})
    row = await cards.shop.one("select status, value, closed_at from lead")
    assert (row.status, row.value, row.closed_at) == ("won", 0, cards.time)
    history = {row.what for row in await cards.shop.sql("select what from lead_event")}
    assert history == {"opened", "stage", "won", "value"}


async def test_what_was_moved_by_mistake_is_put_back_as_if_it_had_never_been_moved(cards):
    one, lead, three = [await cards.card(title) for title in ("one", "two", "three")]
    await cards.shop.sql(
        "update stage set task_text = 'Позвонить' where id = :id", id=cards.stages["Lost"]
    )
    before = await cards.shop.one("select stage_since, value from lead where id = :id", id=lead)
    cards.time += timedelta(hours=3)
    lost = cards.stages["Lost"]
    was = await cards.desk.move_lead(
        lead, lost, by=None, changes={"lost_reason": "Дорого", "lost_details": "на 10 %"}
    )
    assert await cards.column("Lost") == ["two"]
    assert (await cards.shop.one("select count(*) as n from task where done_at is null")).n == 1
    await cards.desk.move_lead(lead, was.stage_id, by=None, seen=lost, earlier=was)
    assert await cards.column("New") == ["three", "two", "one"]
    after = await cards.shop.one(
        "select stage_since, value, status, closed_at, lost_reason, lost_details from lead where id = :id",
        id=lead,
    )
    assert (after.stage_since, after.value) == (before.stage_since, before.value)
    assert (after.status, after.closed_at, after.lost_reason, after.lost_details) == (
        "open",
        None,
        "",
        "",
    )
    assert (await cards.shop.one("select count(*) as n from task where done_at is null")).n == 0
    assert one != three


async def test_who_is_erased_leaves_no_word_in_the_history_of_their_leads(cards):
    lead = await cards.card("Марина")
    await cards.shop.sql("update pipeline set lost_reasons = '{Дорого}'")
    await cards.desk.note_lead(lead, "Марина просила скидку", by=None)
    changes = {"title": "Марина Б.", "fields": {"car": "А 777 АА"}}
    await cards.desk.change_lead(lead, changes, by=None)
    lost = {"lost_reason": "Дорого", "lost_details": "сказала Марина"}
    await cards.desk.move_lead(lead, cards.stages["Lost"], by=None, changes=lost)
    contact = (await cards.shop.one("select contact_id from lead")).contact_id

    async def kept() -> str:
        rows = await cards.shop.sql(
            "select to_jsonb(e) as line from lead_event e union all"
            " select to_jsonb(l) from (select title, fields, lost_reason, lost_details from lead) l"
        )
        return str([row.line for row in rows])

    said = ("Марина", "скидку", "А 777 АА", "сказала")
    before = await kept()
    assert all(word in before for word in said)
    await cards.desk.erase_contact(contact, by=None)
    after = await kept()
    assert not any(word in after for word in said)
    assert "Дорого" in after


async def test_entering_a_stage_makes_its_task_once_within_working_hours(cards):
    await cards.shop.sql(
        'update team set time_zone = \'UTC\', hours = \'{"mon": [["09:00", "10:00"]]}\''
    )
    qualified, new = cards.stages["Qualified"], cards.stages["New"]
    await cards.shop.sql(
        "update stage set task_text = 'Прислать смету', task_minutes = 30 where id = :id",
        id=qualified,
    )
    lead = await cards.card("one")
    cards.time = datetime(2026, 11, 28, 12, tzinfo=UTC)  # a Saturday
    anna = cards.shop.managers[0]
    await cards.desk.change_lead(lead, {"manager_id": anna}, by=anna)
    await cards.desk.move_lead(lead, qualified, by=anna)
    await cards.desk.move_lead(lead, new, by=anna)
    await cards.desk.move_lead(lead, qualified, by=anna)
    task = await cards.shop.one("select text, origin, due_at, manager_id, lead_id from task")
    assert (task.text, task.origin, task.lead_id) == ("Прислать смету", "stage", lead)
    assert task.manager_id == anna
    assert task.due_at == datetime(2026, 11, 30, 9, 30, tzinfo=UTC)


async def test_a_lead_that_opens_by_itself_brings_the_task_of_its_first_stage(cards):
    await cards.shop.sql(
        "update stage set task_text = 'Ответить', task_minutes = 15 where name = 'New'"
    )
    account = await cards.shop.connect()
    await cards.shop.route(accepted(account, a_message()), accepted(account, a_message(text="?")))
    task = await cards.shop.one("select text, origin, due_at, manager_id, lead_id from task")
    lead = await cards.shop.one("select id, manager_id from lead")
    assert (task.text, task.origin, task.due_at) == (
        "Ответить",
        "stage",
        NOON + timedelta(minutes=15),
    )
    assert (task.lead_id, task.manager_id) == (lead.id, cards.shop.managers[0])


async def test_a_column_goes_on_behind_its_last_card(cards):
    for number in range(7):
        await cards.card(str(number), value=100)
    pipeline = await cards.pipeline()
    async with cards.shop.engine.connect() as connection:
        columns = await board(
            connection, pipeline, LeadFilter(), now=cards.time, per_stage=3, sight=EVERYTHING
        )
        new = columns[0]
        assert (new.count, new.value, new.without_task) == (7, 700, 7)
        rest = await column_page(
            connection,
            new.stage,
            LeadFilter(),
            now=cards.time,
            cursor=new.next_cursor,
            limit=3,
            sight=EVERYTHING,
        )
        last = await column_page(
            connection,
            new.stage,
            LeadFilter(),
            now=cards.time,
            cursor=rest.next_cursor,
            limit=3,
            sight=EVERYTHING,
        )
    shown = [*new.leads, *rest.items, *last.items]
    assert [each.title for each in shown] == ["6", "5", "4", "3", "2", "1", "0"]
    assert last.next_cursor is None


async def test_lists_are_sorted_by_value_age_and_task_page_by_page(cards):
    values = {"a": 5, "b": None, "c": 900, "d": 5}
    for title, value in values.items():
        lead = await cards.card(title, value=value)
        if title != "b":
            await cards.shop.sql(
                "insert into task (id, lead_id, text, due_at, created_at)"
                " values (gen_random_uuid(), :lead, 'x', :due, now())",
                lead=lead,
                due=NOON - timedelta(hours=ord(title)),
            )

    async def listed(sort: Any) -> list[str]:
        found: list[str] = []
        cursor: str | None = ""
        async with cards.shop.engine.connect() as connection:
            while cursor is not None:
                page = await list_leads(
                    connection, LeadFilter(), sort=sort, cursor=cursor, limit=2, sight=EVERYTHING
                )
                found += [each.title for each in page.items]
                cursor = page.next_cursor
        return found

    assert await listed("created") == ["d", "c", "b", "a"]
    assert await listed("value") == ["c", "d", "a", "b"]
    assert await listed("age") == ["a", "b", "c", "d"]
    assert await listed("task") == ["d", "c", "a"]


# Pipelines.


async def test_a_stage_with_leads_goes_only_when_it_is_said_where_they_go(cards):
    lead = await cards.card("one", stage="Qualified")
    qualified, new, won = (cards.stages[name] for name in ("Qualified", "New", "Won"))

    async def remove(to: UUID | None) -> int:
        async with transaction(cards.shop.engine) as connection:
            return await pipelines.remove_stage(connection, qualified, leads_to=to, now=cards.time)

    for nowhere in (None, qualified, won, new_id()):
        with pytest.raises(Refused):
            await remove(nowhere)
    await cards.shop.sql("delete from outbox")
    assert await remove(new) == 1
    told = await cards.shop.sql("select kind, body from outbox")
    assert [(row.kind, str(lead) in str(bytes(row.body))) for row in told] == [
        ("lead_changed", True)
    ]
    assert await cards.column("New") == ["one"]
    moved = await cards.shop.sql("select after from lead_event where what = 'stage'")
    assert [row.after for row in moved] == [str(new)]
    assert lead


@pytest.mark.parametrize("name", ["Won", "Lost"])
async def test_a_pipeline_keeps_somewhere_for_leads_to_end(cards, name):
    async with transaction(cards.shop.engine) as connection:
        with pytest.raises(Refused):
            await pipelines.remove_stage(
                connection, cards.stages[name], leads_to=None, now=cards.time
            )
        with pytest.raises(Refused):
            await pipelines.change_stage(connection, cards.stages[name], {"kind": "open"})


async def test_stages_where_leads_end_stand_last_however_they_are_put(cards):
    new, qualified, won, lost = (cards.stages[name] for name in ("New", "Qualified", "Won", "Lost"))
    async with transaction(cards.shop.engine) as connection:
        pipeline = (await list_pipelines(connection))[0].id
        await pipelines.order_stages(connection, pipeline, [lost, won, qualified, new])
        made = await pipelines.add_stage(connection, pipeline, name="Offer", kind="open")
    assert [each.id for each in (await cards.pipeline()).stages] == [
        qualified,
        new,
        made,
        won,
        lost,
    ]


async def test_the_first_pipeline_is_where_leads_begin(cards):
    async with transaction(cards.shop.engine) as connection:
        made = await pipelines.add_pipeline(
            connection,
            name="Договоры",
            currency="USD",
            stages=[("Потеряно", "lost"), ("Новый", "open"), ("Подписан", "won")],
        )
        await pipelines.move_pipeline(connection, made, to=0)
    first = await cards.pipeline()
    assert (first.id, [each.name for each in first.stages]) == (
        made,
        ["Новый", "Подписан", "Потеряно"],
    )
    await cards.look()
    await cards.card("one", stage="Новый")
    assert (await cards.shop.one("select pipeline_id, currency from lead")).currency == "USD"
    async with transaction(cards.shop.engine) as connection:
        with pytest.raises(Refused):
            await pipelines.remove_pipeline(connection, made)
