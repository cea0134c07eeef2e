"""What is made up is counted by reports as if it had happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from storage.analytics import reckoning
from storage.analytics.rule_changes import notice_changes
from storage.analytics.source_report import Wish, source_report
from storage.seeding.filling import fill
from tests.installation import Installation

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ZONE = "Europe/Moscow"


async def test_reports_of_a_made_up_installation_count_its_inquiries_answers_and_leads(
    database: AsyncEngine,
) -> None:
    shop = await Installation(database).found()
    async for _ in fill(database, conversations=150, messages=1200, now=NOW):
        pass

    assert await shop.sql("select id, conversation_id, at from inquiry order by id") == inquiries(
        await said(shop)
    )
    assert await shop.sql(
        "select id, conversation_id, user_id, waited_since, at from response order by id"
    ) == answers(await said(shop))

    async with database.begin() as connection:
        assert await notice_changes(connection, time_zone=ZONE, now=NOW)
        rules = await reckoning.read_rules(connection, time_zone=ZONE)
        while await reckoning.reckon_due(connection, rules, now=NOW):
            pass
        last = NOW.date()
        wish = Wish(first=last - timedelta(days=800), last=last, by="source")
        report = await source_report(connection, wish)
    whole = 1_000_000
    assert report.total.inquiries == whole * len(inquiries(await said(shop)))
    (leads,) = await shop.sql(
        "select count(*) as all, count(*) filter (where status = 'won') as won from lead"
    )
    assert leads.won
    assert (report.total.leads, report.total.won) == (whole * leads.all, whole * leads.won)
    assert {"yandex / ", "vk / "} <= {each.key for each in report.rows}


async def test_made_up_leads_go_through_the_stages_before_theirs(database: AsyncEngine) -> None:
    shop = await Installation(database).found()
    async for _ in fill(database, conversations=400, messages=1600, now=NOW):
        pass

    leads = await shop.sql(
        "select l.id, s.name as stage, l.created_at, l.stage_since from lead l join stage s on s.id = l.stage_id"
    )
    ways = await shop.sql(
        "select e.lead_id, e.what, s.name as stage, e.at from lead_event e join stage s"
        " on s.id = cast(e.after #>> '{}' as uuid) order by e.lead_id, e.at, s.position"
    )
    moved = [lead for lead in leads if lead.stage_since > lead.created_at]
    assert {lead.stage for lead in moved} == {"New", "Qualified", "Won", "Lost"}
    expected = {
        "New": ["New"],
        "Qualified": ["New", "Qualified"],
        "Won": ["New", "Qualified", "Won"],
        "Lost": ["New", "Lost"],
    }
    for lead in moved:
        way = [each for each in ways if each.lead_id == lead.id]
        assert [each.stage for each in way] == expected[lead.stage]
        assert [each.what for each in way] == ["opened", *["stage"] * (len(way) - 1)]
        assert way[0].at == lead.created_at
        assert len(way) == 1 or way[-1].at == lead.stage_since


async def said(shop: Installation) -> list[Any]:
    return await shop.sql(
        "select m.id, m.conversation_id, m.direction, m.author_user, m.sent_at, v.status from message m"
        " join conversation v on v.id = m.conversation_id where m.direction <> 'note' order by m.conversation_id, m.seq"
    )


def inquiries(messages: list[Any]) -> list[Any]:
    heard: dict[Any, datetime] = {}
    found = []
    for each in messages:
        if each.direction != "in" or each.status == "spam":
            continue
        before = heard.get(each.conversation_id)
        if before is None or each.sent_at - before >= timedelta(days=1):
            found.append((each.id, each.conversation_id, each.sent_at))
        heard[each.conversation_id] = each.sent_at
    return sorted(found)


def answers(messages: list[Any]) -> list[Any]:
    waiting: dict[Any, datetime] = {}
    found = []
    for each in messages:
        if each.direction == "in":
            waiting.setdefault(each.conversation_id, each.sent_at)
        elif (since := waiting.pop(each.conversation_id, None)) is not None:
            found.append((each.id, each.conversation_id, each.author_user, since, each.sent_at))
    return sorted(found)
