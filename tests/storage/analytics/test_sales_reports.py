"""The summary, the funnel, managers and calls against a count made here, of what the tables say happened; and the cards
behind each of their numbers.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from router.attribution_models import WHOLE
from router.ids import new_id
from router.working_hours import working_seconds_between
from storage import activity_plans, tables
from storage.activity_plans import Plan
from storage.analytics import calls, funnel, managers, summary
from storage.analytics.calls import CallsWish
from storage.analytics.funnel import FunnelWish
from storage.analytics.managers import ManagersWish, Work
from storage.analytics.measures import Measure
from storage.analytics.sales_cards import SalesCard, sales_cards
from storage.analytics.source_report import Wish as SourceWish, source_report
from storage.analytics.summary import SummaryWish
from storage.analytics.wishes import Wish
from storage.reading.paging import BadCursor
from tests.builders import Rows
from tests.storage.analytics.business import HOURS, ZONE, Business
from tests.storage.analytics.test_kept_equals_a_recount import DEEDS
from tests.storage.analytics.test_reckoning import NOW, reckon

MOSCOW = ZoneInfo(ZONE)
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 14)
PERIOD: dict[str, Any] = {"first": FIRST, "last": LAST}
A_MONTH_AND_MORE: dict[str, Any] = {"first": date(2026, 10, 28), "last": date(2026, 12, 3)}
"""Of which whole months are kept, and the days around them are not."""


@pytest.fixture
async def business(database: AsyncEngine) -> Business:
    """Some weeks of work, all of it recorded."""
    chance = random.Random(5)  # nothing secret
    shop = await Business(database).begin()
    async with database.begin() as connection:
        second = (await shop.stages())[1]
        await activity_plans.choose_offer_stages(connection, [second])
        await activity_plans.save_plan(connection, shop.managers[0], Plan(calls=3, offers=1))
    # What customers answer is no figure of these; a story of fewer words has more of everything else.
    deeds = [*(deed for deed in DEEDS if deed != "say"), "stage", "call"]
    for _ in range(110):
        await shop.do(chance.choice(deeds), chance.randrange(6), chance.randrange(24))
    await shop.settle()
    return shop


def day(at: datetime | None) -> date | None:
    return None if at is None else at.astimezone(MOSCOW).date()


def within(at: datetime | None, *, first: date = FIRST, last: date = LAST) -> bool:
    on = day(at)
    return on is not None and first <= on <= last


def nth(values: Sequence[int], percent: int) -> int | None:
    """The smallest of those that are not exceeded by so many percent of all."""
    if not values:
        return None
    return sorted(values)[-(-len(values) * percent // 100) - 1]


async def behind(
    shop: Business, wish: Wish, counted: str, stage: UUID | None = None
) -> list[SalesCard]:
    """All the cards, a few at a time."""
    found: list[SalesCard] = []
    cursor = ""
    async with shop.engine.connect() as connection:
        while True:
            page = await sales_cards(
                connection,
                wish,
                counted,
                zone=MOSCOW,
                now=shop.now,
                stage=stage,
                cursor=cursor,
                limit=3,
            )
            found += page.items
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
    moments = [card.at.astimezone(MOSCOW).date() for card in found]
    assert moments == sorted(moments, reverse=True)
    return found


async def real_leads(shop: Business) -> list[Any]:
    return await shop.sql("select * from lead where status <> 'merged' order by id")


async def the_summary(business: Business) -> None:
    wish = SummaryWish(**PERIOD, by="week")
    async with business.engine.connect() as connection:
        found = await summary.summary(connection, wish)
        daily = await summary.summary(connection, replace(wish, by="day"))
        months = await summary.summary(connection, replace(wish, by="month"))
    leads = await real_leads(business)
    new = [lead for lead in leads if within(lead.created_at)]
    won = [lead for lead in leads if lead.status == "won" and within(lead.closed_at)]
    lost = [lead for lead in leads if lead.status == "lost" and within(lead.closed_at)]
    still = [
        lead
        for lead in leads
        if day(lead.created_at) <= LAST and (lead.status == "open" or day(lead.closed_at) > LAST)
    ]
    assert (found.total.leads, found.total.won, found.total.lost) == (len(new), len(won), len(lost))
    assert min(len(new), len(won), len(lost)) > 0
    assert found.total.revenue == sum(lead.value or 0 for lead in won)
    async with business.engine.connect() as connection:
        by_source = (await source_report(connection, SourceWish(**PERIOD, basis="event"))).total
    # The same definitions, and so the same numbers, though they are read from elsewhere.
    assert [by_source.leads, by_source.won, by_source.lost] == [
        n * WHOLE for n in (len(new), len(won), len(lost))
    ]
    assert by_source.revenue == found.total.revenue
    assert (found.total.open, found.total.open_value) == (
        len(still),
        sum(lead.value or 0 for lead in still),
    )
    assert (daily.total, months.total) == (found.total, found.total)
    assert [point.day for point in found.series] == [
        date(2026, 10, 26),
        date(2026, 11, 2),
        date(2026, 11, 9),
    ]
    assert len(daily.series) == 14
    assert sum(point.sums.leads for point in found.series) == found.total.leads
    assert found.wish.before().last == FIRST - timedelta(days=1)
    before = [lead for lead in leads if date(2026, 10, 18) <= day(lead.created_at) < FIRST]
    assert found.before.leads == len(before)
    for figure in summary.FIGURES:
        if figure.kind == "count":
            cards = await behind(business, wish, figure.counted)
            assert len({card.id for card in cards}) == len(cards) == figure.value(found.total)
    assert (
        sum(card.money or 0 for card in await behind(business, wish, "won")) == found.total.revenue
    )
    anna = SummaryWish(**PERIOD, manager=business.managers[0])
    async with business.engine.connect() as connection:
        hers = (await summary.summary(connection, anna)).total
        of_team = (
            await summary.summary(connection, SummaryWish(**PERIOD, team=business.team))
        ).total
    assert hers.leads == sum(lead.manager_id == business.managers[0] for lead in new)
    assert of_team.leads == sum(lead.manager_id is not None for lead in new)


async def test_every_number_is_what_the_tables_say_and_lists_what_it_counts(
    business: Business,
) -> None:
    """One story for all of them: to live it takes longer than to count it."""
    await the_summary(business)
    await a_summary_of_some_is_a_part_of_the_whole(business)
    await the_funnel(business, PERIOD)
    await the_funnel(business, A_MONTH_AND_MORE)
    await the_managers(business)
    await what_has_no_source_cannot_be_told_of_one(business)
    await the_calls(business)
    await a_cursor_is_of_its_own_figure_and_a_figure_of_its_own_report(business)


async def a_summary_of_some_is_a_part_of_the_whole(business: Business) -> None:
    """By where they came from, by who had them, and by both: each is read from elsewhere."""
    async with business.engine.connect() as connection:

        async def counted(**narrowed: Any) -> Counter[str]:
            total = (
                await summary.summary(connection, SummaryWish(**A_MONTH_AND_MORE, **narrowed))
            ).total
            return Counter(leads=total.leads, won=total.won, lost=total.lost, revenue=total.revenue)

        wish = SourceWish(**A_MONTH_AND_MORE, basis="event")
        sources = [row.key for row in (await source_report(connection, wish)).rows]
        channels = ("telegram", "vk", "mango")
        whole = await counted()
        assert sum([await counted(source=key) for key in sources], Counter()) == whole
        assert sum([await counted(channel=kind) for kind in channels], Counter()) == whole
        for kind in channels:
            both = [await counted(source=key, channel=kind) for key in sources]
            assert sum(both, Counter()) == await counted(channel=kind)


async def test_an_offer_is_made_once_though_there_are_several_stages_of_it(
    database: AsyncEngine,
) -> None:
    async with database.begin() as connection:
        there = Rows(connection, now=NOW)
        new, in_work, won, _ = await there.stages()
        person, anna = await there.contact(), await there.user(name="Anna")
        lead = await there.lead(person, status="won", stage_id=won, closed_at=NOW, manager_id=anna)
        for days, stage in ((3, new), (2, in_work), (0, won)):
            await connection.execute(
                insert(tables.lead_event).values(
                    id=new_id(),
                    lead_id=lead,
                    what="stage",
                    after=str(stage),
                    at=NOW - timedelta(days=days),
                )
            )
        await reckon(connection, person)
        today = ManagersWish(first=NOW.date(), last=NOW.date())
        for stages, offers in (([], 0), ([won], 1), ([in_work, won], 0)):
            await activity_plans.choose_offer_stages(connection, stages)
            found = await managers.managers(connection, today, zone=MOSCOW, now=NOW)
            assert found.total.offers == offers
            page = await sales_cards(connection, today, "offers", zone=MOSCOW, now=NOW)
            assert len(page.items) == offers


async def test_the_win_rate_is_of_what_was_closed(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection, now=NOW)
        person = await there.contact()
        for number in range(151):
            status = "open" if number == 150 else "won" if number < 23 else "lost"
            closed = None if number == 150 else NOW
            await there.lead(person, status=status, value=100, created_at=NOW, closed_at=closed)
        await reckon(connection, person)
        on = NOW.date()
        found = await summary.summary(connection, SummaryWish(first=on, last=on))
    rate = summary.BY_NAME["win_rate"].value(found.total)
    assert rate == Fraction(23, 150)
    assert f"{float(rate):.1%}" == "15.3%"
    assert summary.BY_NAME["average_sale"].value(found.total) == 100
    assert summary.BY_NAME["win_rate"].value(found.before) is None


async def the_funnel(business: Business, period: dict[str, Any]) -> None:
    wish = FunnelWish(**period, by="source")
    async with business.engine.connect() as connection:
        found = await funnel.funnel(connection, wish)
    way, leads, reached, lost, here, stays = await count_funnel(business, period)
    assert found.leads == len(leads) > 10
    for n, stage in enumerate(found.stages):
        assert (stage.id, stage.reached, stage.lost, stage.here) == (
            way[n].id,
            reached[n],
            lost[n],
            here[n],
        )
        assert (stage.median, stage.p90) == (nth(stays[stage.id], 50), nth(stays[stage.id], 90))
        for figure in funnel.FIGURES:
            if figure.kind == "count":
                cards = await behind(business, wish, figure.counted, stage.id)
                assert len({card.id for card in cards}) == len(cards) == figure.value(stage)
    assert found.stages[0].reached == found.leads
    assert (
        sum(stage.lost for stage in found.stages)
        == found.lost
        == sum(lead.status == "lost" for lead in leads)
        > 0
    )
    assert [sum(group.reached[n] for group in found.groups) for n in range(len(way))] == [
        stage.reached for stage in found.stages
    ]
    assert len(found.groups) > 1
    for group in found.groups:
        async with business.engine.connect() as connection:
            own = await funnel.funnel(connection, FunnelWish(**period, source=group.key))
        assert tuple(stage.reached for stage in own.stages) == group.reached
    for by in ("manager", "channel", "account"):
        async with business.engine.connect() as connection:
            grouped = await funnel.funnel(connection, FunnelWish(**period, by=by))
            one = next(group for group in grouped.groups if group.leads)
            narrowed = {by: one.key if by == "channel" else UUID(one.key)}
            both = await funnel.funnel(connection, FunnelWish(**period, by="source", **narrowed))
        assert sum(group.leads for group in grouped.groups) == len(leads)
        assert tuple(stage.reached for stage in both.stages) == one.reached


async def count_funnel(business: Business, period: dict[str, Any]) -> tuple[Any, ...]:
    """(stages on the way, leads, then by place on the way: reached, lost from, here; and stays by stage)."""
    way = await business.sql("select id, kind from stage where kind <> 'lost' order by position")
    place = {stage.id: n for n, stage in enumerate(way)}
    steps: dict[UUID, list[tuple[UUID, datetime]]] = defaultdict(list)
    for event in await business.sql(
        "select lead_id, after, at from lead_event where what in ('opened', 'stage') order by at, id"
    ):
        steps[event.lead_id].append((UUID(event.after), event.at))
    leads = [lead for lead in await real_leads(business) if within(lead.created_at, **period)]
    reached: Counter[int] = Counter()
    lost: Counter[int] = Counter()
    here: Counter[int] = Counter()
    stays: dict[UUID, list[int]] = defaultdict(list)
    for lead in leads:
        been = [stage for stage, _ in steps[lead.id] if stage in place]
        for n in range(max(place[stage] for stage in been) + 1):
            reached[n] += 1
        if lead.status == "lost":
            lost[place[been[-1]]] += 1
        if lead.status == "open":
            here[place[lead.stage_id]] += 1
        for (stage, at), (_, left) in zip(steps[lead.id], steps[lead.id][1:], strict=False):
            stays[stage].append(int((left - at).total_seconds()))
    return way, leads, reached, lost, here, stays


async def test_a_stage_that_was_skipped_counts_as_passed(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        there = Rows(connection, now=NOW)
        new, in_work, won, lost = await there.stages()
        for stages, status in (
            ([new, won], "won"),
            ([new, in_work, lost], "lost"),
            ([new], "open"),
        ):
            person = await there.contact()
            closed = None if status == "open" else NOW
            lead = await there.lead(person, status=status, stage_id=stages[-1], closed_at=closed)
            for n, stage in enumerate(stages):
                await connection.execute(
                    insert(tables.lead_event).values(
                        id=new_id(),
                        lead_id=lead,
                        what="stage" if n else "opened",
                        after=str(stage),
                        at=NOW - timedelta(hours=9 - n),
                    )
                )
            await reckon(connection, person)
        wish = FunnelWish(first=NOW.date(), last=NOW.date(), pipeline=there.pipeline)
        found = await funnel.funnel(connection, wish)
    assert [(stage.reached, stage.lost, stage.here) for stage in found.stages] == [
        (3, 0, 1),
        (2, 1, 0),
        (1, 0, 0),
    ]
    conversion = funnel.BY_NAME["conversion"].value
    assert [conversion(stage) for stage in found.stages] == [1, Fraction(2, 3), Fraction(1, 2)]
    assert [stage.median for stage in found.stages] == [3600, 3600, None]


async def the_managers(business: Business) -> None:
    wish = ManagersWish(**PERIOD)
    async with business.engine.connect() as connection:
        found = await managers.managers(connection, wish, zone=MOSCOW, now=business.now)
    counted = await count_managers(business)
    assert {row.manager_id for row in found.rows} == set(business.managers)
    for row in found.rows:
        work = {name: getattr(row.work, name) for name in counted[row.manager_id]}
        assert work == counted[row.manager_id], row.name
    everything = [
        getattr(found.total, name)
        for name in ("assigned", "answered", "messages", "calls_in", "tasks_done")
    ]
    assert min(everything) > 0, found.total
    assert [row.place for row in found.rows] == [1, 2]
    assert found.rows[0].work.revenue >= found.rows[1].work.revenue
    anna = next(row.work for row in found.rows if row.manager_id == business.managers[0])
    # The first half of November: ten days from Monday to Friday, and her team works on those.
    assert (anna.planned_calls, anna.planned_offers) == (30, 10)
    for figure in managers.FIGURES:
        if figure.counted and figure.kind == "count":
            for row in found.rows:
                cards = await behind(
                    business, replace(wish, manager=row.manager_id), figure.counted
                )
                assert len(cards) == figure.value(row.work), figure.name
            cards = await behind(business, wish, figure.counted)
            assert len(cards) == figure.value(found.total), figure.name
    talks = await behind(business, wish, "talked")
    assert sum(card.seconds or 0 for card in talks) == found.total.talk_seconds


async def count_managers(shop: Business) -> dict[UUID, dict[str, Any]]:
    counted: dict[UUID, dict[str, Any]] = {}
    leads = await real_leads(shop)
    assigned = await shop.sql("select manager_id, at from assignment")
    answers = await shop.sql(
        "select r.*, v.team_id from response r join conversation v on v.id = r.conversation_id"
    )
    inquiries = await shop.sql("select conversation_id, at from inquiry")
    written = await shop.sql(
        "select author_user, sent_at from message where direction = 'out' and kind = 'text'"
    )
    rang = await shop.sql(
        "select k.*, v.manager_id from call k join conversation v on v.id = k.conversation_id"
    )
    tasks = await shop.sql("select * from task")
    offer = (await shop.stages())[1]
    entered = await shop.sql(
        "select lead_id, min(at) as at from lead_event where what in ('opened', 'stage') and after = to_jsonb(cast(:s as text))"
        " group by 1",
        s=str(offer),
    )
    whose = {lead.id: lead.manager_id for lead in leads}
    for manager in shop.managers:
        mine = [each for each in answers if each.user_id == manager and within(each.at)]
        first = [
            each
            for each in mine
            if any(
                inquiry.conversation_id == each.conversation_id
                and each.waited_since <= inquiry.at <= each.at
                for inquiry in inquiries
            )
        ]
        waited = [
            working_seconds_between(HOURS, ZONE, frozenset(), each.waited_since, each.at)
            for each in first
        ]
        talks = [call for call in rang if within(call.started_at) and call.user_id == manager]
        own = [lead for lead in leads if lead.manager_id == manager]
        won = [lead for lead in own if lead.status == "won" and within(lead.closed_at)]
        todo = [task for task in tasks if task.manager_id == manager]
        counted[manager] = {
            "assigned": sum(each.manager_id == manager and within(each.at) for each in assigned),
            "answered": len(mine),
            "first_answers": len(first),
            "first_median": nth(waited, 50),
            "first_p90": nth(waited, 90),
            "messages": sum(
                each.author_user == manager and within(each.sent_at) for each in written
            ),
            "calls_in": sum(
                call.direction == "in" and call.answered_at is not None for call in talks
            ),
            "calls_out": sum(call.direction == "out" for call in talks),
            "calls_missed": sum(
                call.phase == "missed" and call.manager_id == manager and within(call.started_at)
                for call in rang
            ),
            "talk_seconds": sum(int(call.talked or 0) for call in talks if call.answered_at),
            "tasks_done": sum(within(task.done_at) and task.cancelled_at is None for task in todo),
            "tasks_late": sum(
                within(task.due_at)
                and (task.done_at or shop.now) > task.due_at
                and task.cancelled_at is None
                for task in todo
            ),
            "offers": sum(
                whose.get(each.lead_id) == manager and within(each.at) for each in entered
            ),
            "leads": sum(within(lead.created_at) for lead in own),
            "won": len(won),
            "lost": sum(lead.status == "lost" and within(lead.closed_at) for lead in own),
            "revenue": sum(lead.value or 0 for lead in won),
        }
    return counted


async def what_has_no_source_cannot_be_told_of_one(business: Business) -> None:
    wish = ManagersWish(**PERIOD, source="yandex / cpc", rank="messages")
    async with business.engine.connect() as connection:
        found = await managers.managers(connection, wish, zone=MOSCOW, now=business.now)
    assert found.rows
    for row in found.rows:
        assert (row.work.messages, row.work.calls_in, row.work.first_median, row.place) == (
            None,
            None,
            None,
            None,
        )
    assert found.total.messages is None
    assert await behind(business, wish, "assigned") == []


async def the_calls(business: Business) -> None:
    wish = CallsWish(**PERIOD)
    async with business.engine.connect() as connection:
        found = await calls.calls(connection, wish)
        by_number = await calls.calls(connection, replace(wish, by="number"))
        by_day = await calls.calls(connection, replace(wish, by="day"))
    rows = await business.sql(
        "select k.*, v.contact_id from call k join conversation v on v.id = k.conversation_id"
    )
    inside = [call for call in rows if within(call.started_at)]
    missed = [call for call in inside if call.phase == "missed" and call.direction == "in"]
    abandoned = [
        call
        for call in missed
        if not any(
            other.contact_id == call.contact_id
            and other.answered_at is not None
            and max(other.answered_at, other.ended_at or other.answered_at) >= call.started_at
            for other in rows
        )
    ]
    total = found.total
    assert (total.incoming, total.outgoing) == (
        sum(call.direction == "in" for call in inside),
        sum(call.direction == "out" for call in inside),
    )
    assert (total.missed, total.not_called_back) == (len(missed), len(abandoned))
    assert total.missed > total.not_called_back > 0
    assert total.talk_seconds == sum(int(call.talked or 0) for call in inside if call.answered_at)
    assert total.wait_seconds == 5 * total.answered_in
    cells = Counter(
        (began.weekday(), began.hour)
        for began in (call.started_at.astimezone(MOSCOW) for call in inside)
    )
    assert {(cell.weekday, cell.hour): cell.sums.calls for cell in found.cells} == cells
    assert {row.key: row.sums.calls for row in by_number.rows} == Counter(
        call.ours for call in inside
    )
    assert {row.key: row.sums.calls for row in by_day.rows} == Counter(
        str(day(call.started_at)) for call in inside
    )
    for report in (found, by_number, by_day):
        assert sum(row.sums.calls for row in report.rows) == total.calls
    for figure in calls.FIGURES:
        if figure.kind == "count":
            cards = await behind(business, wish, figure.counted)
            assert len({card.id for card in cards}) == len(cards) == figure.value(total)
    cell = found.cells[0]
    there = await behind(business, replace(wish, weekday=cell.weekday, hour=cell.hour), "incoming")
    assert len(there) == cell.sums.incoming


async def a_cursor_is_of_its_own_figure_and_a_figure_of_its_own_report(
    business: Business,
) -> None:
    wish = SummaryWish(**PERIOD)
    async with business.engine.connect() as connection:
        more: dict[str, Any] = {"zone": MOSCOW, "now": business.now}
        page = await sales_cards(connection, wish, "leads", limit=2, **more)
        assert page.next_cursor
        with pytest.raises(BadCursor):
            await sales_cards(connection, wish, "won", cursor=page.next_cursor, **more)
        with pytest.raises(ValueError, match="not counted"):
            await sales_cards(connection, wish, "calls_in", **more)


@pytest.mark.parametrize(
    "figures",
    [summary.FIGURES, funnel.FIGURES, managers.FIGURES, calls.FIGURES],
    ids=["summary", "funnel", "managers", "calls"],
)
def test_every_figure_says_how_it_is_made(figures: Sequence[Measure[Any]]) -> None:
    assert len({figure.name for figure in figures}) == len(figures)
    assert all(figure.label and figure.formula for figure in figures)


def test_of_those_alike_each_has_the_same_place() -> None:
    people = [
        type("Person", (), {"id": UUID(int=n), "name": str(n), "disabled": False}) for n in range(4)
    ]
    works = [Work(won=3), Work(won=5), Work(won=3), Work(won=1)]
    ranked = managers.ranked(list(zip(people, works, strict=True)), "won")
    assert [(row.name, row.place) for row in ranked] == [("1", 1), ("0", 2), ("2", 2), ("3", 4)]
