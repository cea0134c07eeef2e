"""The panel beside a conversation: who this is, and what else they could be."""

from datetime import timedelta

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from router.ids import new_id
from storage import tables
from storage.reading.board import board
from storage.reading.contact_keys import claims_of
from storage.reading.contact_merges import live_merge, merges_of
from storage.reading.contacts import resolve
from storage.reading.lead_history import lead_history
from storage.reading.leads import LeadFilter, leads_of
from storage.reading.pipelines import list_pipelines
from storage.reading.sight import EVERYTHING
from storage.reading.suggestions import suggestions_of
from storage.reading.touches import touches_of
from tests.builders import START, Rows


async def test_a_claim_names_whose_proved_key_it_is(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        anna, vera = await there.contact(), await there.contact(name="Вера")
        await there.identity(vera, kind="phone", value="+79160000001")
        await there.identity(anna, kind="email", value="anna@shop.test")
        await there.identity(vera, kind="phone", value="+79160000002", shared=True)
        for kind, value in (
            ("phone", "+79160000001"),
            ("email", "anna@shop.test"),
            ("phone", "+79160000002"),
        ):
            await there.claim(anna, kind=kind, value=value)
        claims = await claims_of(connection, anna, sight=EVERYTHING)
    assert [(claim.value, claim.proved_by_name) for claim in claims] == [
        ("+79160000001", "Вера"),
        ("+79160000002", ""),
    ]


async def test_a_merge_can_be_found_from_both_sides_while_it_stands(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        anna, same, former = [await there.contact() for _ in range(3)]
        await there.merge(anna, former, undone_at=START + timedelta(hours=1), at=START)
        merge = await there.merge(anna, same, at=START + timedelta(hours=2))
        assert next(row.id for row in await merges_of(connection, anna)) == merge
        assert await resolve(connection, same) == anna
        assert await resolve(connection, new_id()) is None
        for side in (anna, same):
            found = await live_merge(connection, side)
            assert found is not None
            assert (found.id, found.survivor_id, found.absorbed_id) == (merge, anna, same)
        assert await live_merge(connection, former) is None
        assert await live_merge(connection, anna, merge_id=new_id()) is None


async def test_a_suggestion_shows_the_other_one(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        anna, vera, gleb = [await there.contact(name=name) for name in ("Анна", "Вера", "Глеб")]
        await there.suggestion(vera, anna)
        await there.suggestion(vera, gleb)
        (found,) = await suggestions_of(connection, anna, sight=EVERYTHING)
    assert found.other(anna) == (vera, "Вера")
    assert found.other(vera) == (anna, "Анна")


async def test_the_way_to_us_reads_from_the_first_touch_to_the_last(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        anna = await there.contact()
        late = await there.touch(anna, at=START + timedelta(days=1))
        early = await there.touch(anna, at=START)
        assert [touch.id for touch in await touches_of(connection, anna)] == [early, late]
        assert [touch.id for touch in await touches_of(connection, anna, limit=1)] == [late]


async def test_a_persons_open_lead_comes_first_and_merged_ones_not_at_all(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        anna, boris = await there.contact(), await there.user(name="Борис Иванов")
        opened = await there.lead(
            anna, manager_id=boris, created_at=START, last_touch={"source": "vk"}
        )
        won = await there.lead(anna, status="won", created_at=START + timedelta(days=1))
        await there.lead(anna, status="merged")
        for number in range(2):
            await connection.execute(
                insert(tables.lead_event).values(
                    id=new_id(),
                    lead_id=opened,
                    what=f"change {number}",
                    by_user=boris,
                    at=START + timedelta(minutes=number),
                )
            )
        leads = await leads_of(connection, anna, sight=EVERYTHING)
        history = await lead_history(connection, opened)
    assert [lead.id for lead in leads] == [opened, won]
    assert (leads[0].manager_initials, leads[0].source) == ("БИ", "vk")
    assert [(event.what, event.by_name) for event in history] == [
        ("change 1", "Борис Иванов"),
        ("change 0", "Борис Иванов"),
    ]


async def test_the_board_has_every_column_its_sums_and_its_first_cards(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection)
        stages = await there.stages()
        boris = await there.user()
        cards = [
            await there.lead(await there.contact(), value=100, position=number)
            for number in (3.0, 1.0, 2.0)
        ]
        his = await there.lead(await there.contact(), stage_id=stages[1], value=7, manager_id=boris)
        await connection.execute(
            insert(tables.task).values(
                id=new_id(), lead_id=his, text="Счёт", due_at=START, created_at=START
            )
        )
        for closed_days_ago in (1, 60):
            await there.lead(
                await there.contact(),
                stage_id=stages[2],
                status="won",
                closed_at=START - timedelta(days=closed_days_ago),
            )
        (pipeline,) = await list_pipelines(connection)
        columns = await board(
            connection, pipeline, LeadFilter(), now=START, per_stage=2, sight=EVERYTHING
        )
        mine = await board(
            connection, pipeline, LeadFilter(manager=boris), now=START, sight=EVERYTHING
        )
    assert [(column.stage.name, column.count, column.value) for column in columns] == [
        ("Новый", 3, 300),
        ("В работе", 1, 7),
        ("Сделка", 1, 0),
        ("Отказ", 0, 0),
    ]
    assert [lead.id for lead in columns[0].leads] == [cards[0], cards[2]]
    assert columns[0].next_cursor is not None
    assert columns[1].leads[0].next_task_at == START
    assert [column.count for column in mine] == [0, 1, 0, 0]
