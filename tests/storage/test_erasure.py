"""Erasing a person leaves none of their words anywhere: every column of every table is looked through."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from router.asking import BulkChange
from router.attribution import BY_HAND
from router.ids import new_id
from router.message import Attachment
from storage.desk import Desk
from storage.drafts import Draft, Writing, keep_draft
from storage.engine import transaction
from storage.lead_sources import say_source
from storage.origins import forget_unused, intern
from storage.recording import index_conversations
from storage.tasks import create_task
from storage.tracked_links import make_link
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.installation import Installation
from tests.storage.analytics.business import Business

SECRET = "Кракатау"
OF_WORDS = text("""
    select table_name, column_name, data_type from information_schema.columns
    where table_schema = 'public' and data_type in ('text', 'jsonb', 'json', 'character varying', 'ARRAY', 'bytea', 'tsvector')
    and table_name in (select table_name from information_schema.tables
        where table_schema = 'public' and table_type = 'BASE TABLE')
""")


class NoFiles:
    async def delete(self, sha256: str) -> None:
        pass


async def where_it_is_said(engine: AsyncEngine, secret: str) -> set[str]:
    """table.column of every place that holds it."""
    found = set()
    async with engine.connect() as connection:
        for table, column, kind in (await connection.execute(OF_WORDS)).all():
            holds = (
                f"position(convert_to(:secret, 'UTF8') in \"{column}\") > 0"
                if kind == "bytea"
                else f"lower(cast(\"{column}\" as text)) like '%' || lower(:secret) || '%'"
            )
            said = await connection.execute(
                text(f'select 1 from "{table}" where {holds} limit 1'), {"secret": secret}
            )
            if said.one_or_none() is not None:
                found.add(f"{table}.{column}")
    return found


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    installation = await Installation(database).found()
    await installation.hire("Anna")
    return installation


async def say_it_everywhere(shop: Installation) -> UUID:
    """As the customer, as colleagues and as programs do; the person it is about."""
    desk = Desk(shop.engine, now=lambda: NOON + timedelta(minutes=10), media=NoFiles())
    anna = shop.managers[0]
    account = await shop.connect()
    await shop.route(
        accepted(
            account,
            a_message(
                text=f"Я {SECRET}",
                by=a_person(1, name=f"Анна {SECRET}"),
                attachments=(Attachment(kind="document", ref=SECRET, name=f"{SECRET}.pdf"),),
            ),
        )
    )
    talk = (await shop.one("select id from conversation")).id
    person = (await shop.one("select id from contact")).id
    lead = (await shop.one("select id from lead")).id
    await desk.reply(talk, by=anna, text=f"Добрый день, {SECRET}!")
    await desk.note(talk, by=anna, text=f"{SECRET} звонила", mentions=[anna])
    await desk.change_contact(
        person,
        {
            "name": f"А. {SECRET}",
            "note": SECRET,
            "fields": {"city": SECRET},
            "block_reason": SECRET,
        },
        by=anna,
    )
    await desk.add_key(person, kind="email", value=f"{SECRET}@example.com", by=anna)
    await desk.change_lead(
        lead, {"title": f"Торт для {SECRET}", "fields": {"повод": SECRET}}, by=anna
    )
    await desk.note_lead(lead, f"{SECRET} думает", by=anna)
    await desk.change_lead(lead, {"status": "lost", "lost_reason": f"{SECRET} уехала"}, by=anna)
    gone = uuid4()
    await desk.change_many(
        gone, BulkChange(kind="resolve"), {talk: "an older revision", uuid4(): ""}, by=anna
    )
    async with shop.engine.begin() as connection:
        await create_task(
            connection, text=f"Позвонить {SECRET}", due_at=NOON, now=NOON, contact_id=person
        )
        await create_task(connection, text=f"Счёт {SECRET}", due_at=NOON, now=NOON, lead_id=lead)
        await keep_draft(
            connection,
            user_id=anna,
            conversation_id=talk,
            draft=Draft(text=f"{SECRET}, ваш заказ", note=False, to=None, reply_to=None, files=[]),
            writing=Writing(writer="w", nth=1, base=None),
            now=NOON,
        )
    await shop.sql(
        "insert into notification (id, user_id, kind, subject, conversation_id, details, at, told_at)"
        " values (:id, :anna, 'failed', :id, :talk, jsonb_build_object('reason', cast(:said as text)), :now, :now)",
        id=new_id(),
        anna=anna,
        talk=talk,
        said=f"550 {SECRET}",
        now=NOON,
    )
    await shop.sql("update message set error = :said", said=f"550 {SECRET}")
    await shop.sql("update delivery set error = :said", said=f"550 {SECRET}")
    await a_webhook_that_was_told(shop)
    async with shop.engine.begin() as connection:
        await index_conversations(connection, [talk])
    return UUID(str(person))


async def a_webhook_that_was_told(shop: Installation) -> None:
    webhook = new_id()
    await shop.sql(
        "insert into webhook (id, url, events, sealed, created_at) values (:id, 'https://crm.example', '{}', '', now())",
        id=webhook,
    )
    for fact in await shop.sql("select id, kind, body from outbox"):
        await shop.sql(
            "insert into webhook_delivery (id, webhook_id, fact_id, event, fact, body, response, next_attempt_at,"
            " created_at) values (:fact, :webhook, :fact, :kind, :body, convert_to(:said, 'UTF8'), :said, now(), now())",
            webhook=webhook,
            fact=fact.id,
            kind=fact.kind,
            body=bytes(fact.body),
            said=f'{{"text": "{SECRET}"}}',
        )
    # A trial is about nobody.
    await shop.sql(
        "insert into webhook_delivery (id, webhook_id, fact_id, event, fact, next_attempt_at, created_at)"
        " values (:id, :webhook, :id, 'ping', '', now(), now())",
        id=new_id(),
        webhook=webhook,
    )


async def say_where_from(shop: Installation, person: UUID) -> None:
    """A colleague says who recommended us; and a link was clicked on a page whose address says something."""
    lead = (await shop.one("select id from lead")).id
    anna = shop.managers[0]
    async with transaction(shop.engine) as connection:
        await say_source(connection, lead, SECRET, by=anna, now=NOON)
        link = await make_link(
            connection,
            name="Кнопка",
            kind="telegram",
            account=None,
            address="shop_bot",
            utm={},
            by=anna,
            now=NOON,
        )
    await shop.sql(
        "insert into link_click (id, code, link_id, at, keys, contact_id)"
        " values (gen_random_uuid(), 'click', :link, now(), jsonb_build_object('landing', cast(:secret as text)), :person)",
        link=link,
        secret=f"https://shop.example/{SECRET}",
        person=person,
    )
    visitor = new_id()
    await shop.sql(
        "insert into visitor (id, account_id, token, first_seen, last_seen, first_touch, last_touch)"
        " select cast(:id as uuid), a.id, cast(cast(:id as uuid) as text), now(), now(), seen, seen from account a,"
        " jsonb_build_object('landing', cast(:secret as text)) seen limit 1",
        id=visitor,
        secret=f"https://shop.example/{SECRET}",
    )
    await shop.sql(
        "insert into identity (id, contact_id, kind, value, proved, first_seen, last_seen)"
        " values (gen_random_uuid(), :person, 'visitor', :visitor, true, now(), now())",
        person=person,
        visitor=str(visitor),
    )


async def test_no_column_holds_a_word_of_an_erased_person(shop: Installation) -> None:
    person = await say_it_everywhere(shop)
    await say_where_from(shop, person)
    said = await where_it_is_said(shop.engine, SECRET)
    # The search finds it where it was planted, or it would prove nothing.
    assert said >= {
        "attachment.name", "audit.after", "bulk_action.outcome", "contact.fields", "contact.name", "contact.note",
        "delivery.error", "draft.text", "identity_claim.value", "lead.fields", "lead.lost_reason", "lead.title",
        "lead.first_touch", "lead.source_by_hand", "lead_event.after", "link_click.keys", "message.error", "message.text",
        "message_search.vector", "notification.details", "said_word.word", "task.text", "touch.source",
        "visitor.first_touch", "visitor.last_touch",
        "webhook_delivery.body", "webhook_delivery.response",
    }  # fmt: skip
    desk = Desk(shop.engine, now=lambda: NOON + timedelta(minutes=11), media=NoFiles())
    await desk.erase_contact(person, by=None)
    assert await where_it_is_said(shop.engine, SECRET) == set()


async def test_somebody_elses_words_stay_and_so_does_who_did_what(shop: Installation) -> None:
    person = await say_it_everywhere(shop)
    account = (await shop.one("select id from account")).id
    await shop.route(
        accepted(account, a_message(text="Я другая", by=a_person(2, name="Бэла"), key="b"))
    )
    before: Any = await shop.sql("select id, user_id, what, at from audit order by id")
    desk = Desk(shop.engine, now=lambda: NOON + timedelta(minutes=11), media=NoFiles())
    await desk.erase_contact(person, by=None)
    assert {"message.text", "contact.name"} <= {
        *await where_it_is_said(shop.engine, "Я другая"),
        *await where_it_is_said(shop.engine, "Бэла"),
    }
    after: Any = await shop.sql(
        "select id, user_id, what, at from audit where what <> 'contact_erased' order by id"
    )
    assert after == before
    with pytest.raises(DBAPIError, match="append-only"):
        await shop.sql("update audit set before = null, after = null")


async def test_words_that_somebody_else_has_said_too_are_still_known(shop: Installation) -> None:
    person = await say_it_everywhere(shop)
    account = (await shop.one("select id from account")).id
    await shop.route(accepted(account, a_message(text="Добрый вечер", by=a_person(2), key="b")))
    async with shop.engine.begin() as connection:
        talks = [row.id for row in await shop.sql("select id from conversation")]
        await index_conversations(connection, talks)
    desk = Desk(shop.engine, now=lambda: NOON + timedelta(minutes=11), media=NoFiles())
    assert {row.word for row in await shop.sql("select word from said_word")} > {"добрый", "день"}
    await desk.erase_contact(person, by=None)
    assert {row.word for row in await shop.sql("select word from said_word")} == {"добрый", "вечер"}


async def test_what_a_colleague_said_of_their_source_leaves_the_reports_with_them(
    database: AsyncEngine,
) -> None:
    shop = await Business(database).begin()
    said = {1: SECRET, 2: SECRET, 3: "Fair"}
    leads = {}
    for who, words in said.items():
        await shop.do("message", who, 0)
        (row,) = await shop.sql("select id, contact_id from lead order by id desc limit 1")
        leads[who] = row
        async with transaction(database) as connection:
            await say_source(connection, row.id, words, by=shop.managers[0], now=shop.now)
    await shop.settle()
    assert await origins_by_hand(shop) == ["fair", SECRET.lower()]

    await shop.desk.erase_contact(leads[1].contact_id, by=shop.managers[0])
    await shop.settle()
    assert await forgotten(database) == 0  # somebody else was recommended by the same
    await shop.desk.erase_contact(leads[2].contact_id, by=shop.managers[0])
    assert await forgotten(database) == 0  # not while reports still count it
    await shop.settle()
    before = await shop.kept()
    assert await forgotten(database) == 1

    assert await origins_by_hand(shop) == ["by_hand", "fair"]
    assert await where_it_is_said(database, SECRET) == set()
    assert await shop.kept() == before
    assert await shop.counted_anew() == before


async def test_an_origin_that_is_just_being_written_down_is_not_forgotten(
    database: AsyncEngine,
) -> None:
    triple = (SECRET.lower(), BY_HAND, "")
    async with transaction(database) as connection:
        await intern(connection, [triple], now=NOON)
    async with asyncio.TaskGroup() as group, transaction(database) as writer:
        numbers, _ = await intern(writer, [triple], now=NOON)
        forgetting = group.create_task(forgotten(database))
        await somebody_waits(database)
        await writer.execute(
            text(
                "insert into fact_credit (kind, subject_id, place, created_on, contact_id, origin_id, account_id,"
                " manager_id, pipeline_id, weights)"
                " select 'lead', u, 0, '2026-11-01', u, :origin, u, u, u, '{}' from gen_random_uuid() u"
            ),
            {"origin": numbers[triple]},
        )

    assert forgetting.result() == 0


async def forgotten(engine: AsyncEngine) -> int:
    async with transaction(engine) as connection:
        # A busy machine may take longer than a process at work would wait before it tries again.
        await connection.execute(text("set local lock_timeout = 0"))
        return await forget_unused(connection)


async def somebody_waits(engine: AsyncEngine) -> None:
    async with asyncio.timeout(30), engine.connect() as connection:
        waiting = text(
            "select 1 from pg_locks l join pg_stat_activity a using (pid)"
            " where not l.granted and l.locktype = 'advisory' and a.datname = current_database()"
        )
        while not (await connection.execute(waiting)).first():  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.02)


async def origins_by_hand(shop: Business) -> list[str]:
    rows = await shop.sql("select source from origin where medium = 'by_hand'")
    return sorted(row.source for row in rows)
