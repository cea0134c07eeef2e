"""Rules in the database: kept in order, naming every origin anew, one person at a time."""

import asyncio

import pytest

from router.asking import Refused
from storage.engine import transaction
from storage.sources import (
    add_rule,
    change_rule,
    list_names,
    list_rules,
    move_rule,
    name_origins,
    named_by,
    remove_rule,
    seed_rules,
    unmapped,
)
from tests.conftest import NOON
from tests.installation import Installation


@pytest.fixture
async def shop(database):
    return await Installation(database).found()


async def arrived(shop, *origins):
    for source, medium, campaign in origins:
        await shop.sql(
            "insert into origin (source, medium, campaign, first_seen) values (:s, :m, :c, now())",
            s=source,
            m=medium,
            c=campaign,
        )


async def rule(shop, *patterns, name, kind="paid", number=None):
    async with transaction(shop.engine) as connection:
        return await add_rule(
            connection,
            patterns=(*patterns, *[""] * (3 - len(patterns))),
            name=name,
            kind=kind,
            number=number,
            now=NOON,
        )


async def named(shop):
    rows = await shop.sql(
        "select o.source, o.campaign, s.name from origin o left join source s on s.id = o.source_id"
        " where o.id <> 0 order by o.id"
    )
    return {(row.source, row.campaign): row.name for row in rows}


async def test_each_change_of_the_rules_names_all_origins_anew(shop):
    await arrived(shop, ("ya", "cpc", "spring"), ("ya", "cpc", "autumn"), ("flyer", "qr", ""))
    all_of_it = await rule(shop, "ya|yandex", "cpc", name="Директ")
    assert await named(shop) == {
        ("ya", "spring"): "Директ",
        ("ya", "autumn"): "Директ",
        ("flyer", ""): None,
    }
    spring = await rule(shop, "ya", "", "spring*", name="Весна")
    assert (await named(shop))["ya", "spring"] == "Директ"
    async with transaction(shop.engine) as connection:
        assert await move_rule(connection, spring, to=1) == 2
    assert (await named(shop))["ya", "spring"] == "Весна"
    async with transaction(shop.engine) as connection:
        await change_rule(
            connection, spring, patterns=("ya", "", "autumn"), name="Осень", kind="paid", now=NOON
        )
    assert await named(shop) == {
        ("ya", "spring"): "Директ",
        ("ya", "autumn"): "Осень",
        ("flyer", ""): None,
    }
    async with transaction(shop.engine) as connection:
        await remove_rule(connection, all_of_it)
        # What nothing names any more is gone, what is named stays.
        assert [each.name for each in await list_names(connection)] == ["Осень"]
        assert [each.rule.number for each in await list_rules(connection)] == [1]
    assert (await named(shop))["ya", "spring"] is None


async def test_new_origins_are_named_by_themselves(shop):
    await rule(shop, "ya", name="Яндекс")
    await arrived(shop, ("ya", "", "one"), ("ya", "", "two"))
    first = (await shop.sql("select id from origin where campaign = 'one'"))[0].id
    async with transaction(shop.engine) as connection:
        assert await name_origins(connection, [first]) == 1
    assert await named(shop) == {("ya", "one"): "Яндекс", ("ya", "two"): None}


async def test_an_origin_that_arrives_while_the_rules_change_is_named_by_the_new_ones(shop):
    await rule(shop, "ya", name="Раньше")
    async with transaction(shop.engine) as recorder:
        await recorder.exec_driver_sql(
            "insert into origin (source, medium, campaign, first_seen) values ('ya', 'x', 'y', now())"
        )
        ids = (await recorder.exec_driver_sql("select id from origin where campaign = 'y'")).all()
        await name_origins(recorder, [row.id for row in ids])
        changing = asyncio.ensure_future(rule(shop, "ya", "x", name="Теперь", number=1))
        done, _ = await asyncio.wait([changing], timeout=0.3)
        assert not done, "need the change to wait for the recorder for this test to mean anything"
    await changing
    assert (await named(shop))["ya", "y"] == "Теперь"


async def test_a_rule_is_refused_that_asks_nothing_or_the_same(shop):
    await rule(shop, "YA | yandex", "cpc", name="Директ")
    with pytest.raises(Refused, match="at least one"):
        await rule(shop, " | ", name="Всё")
    with pytest.raises(Refused, match="exactly the same"):
        await rule(shop, "ya|yandex", "CPC", name="Другое")
    with pytest.raises(Refused, match="called"):
        await rule(shop, "bing", name=" ")


async def test_what_no_rule_knows_is_listed_with_how_many_came(shop):
    contact = "insert into contact (id, created_at) values (gen_random_uuid(), now()) returning id"
    person = (await shop.one(contact)).id
    for n in range(3):
        await shop.sql(
            "insert into touch (id, contact_id, at, channel, source, medium, campaign)"
            " values (gen_random_uuid(), :who, now(), 'site_chat', :s, 'qr', '')",
            who=person,
            s="flyer" if n else "poster",
        )
    await arrived(shop, ("poster", "qr", ""), ("flyer", "qr", ""), ("ya", "cpc", ""))
    await rule(shop, "ya", name="Яндекс")
    async with shop.engine.connect() as connection:
        rows, count = await unmapped(connection)
    assert count == 2
    assert [(each.source, each.touches) for each in rows] == [("flyer", 2), ("poster", 1)]


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        (("yd", "cpc", "spring"), "Яндекс Директ"),
        (("yandex", "cpc", ""), "Яндекс Директ"),
        (("vk", "cpc", ""), "VK Реклама"),
        (("vk.com", "social", ""), "Соцсети"),
        (("google", "cpc", ""), "Google Ads"),
        (("instagram", "paid_social", ""), "Meta Ads"),
        (("meta", "cpc", ""), "Meta Ads"),
        (("yandex", "organic", ""), "Яндекс поиск"),
        (("google", "organic", ""), "Google поиск"),
        (("2gis", "referral", ""), "2ГИС"),
        (("yandex", "maps", ""), "Яндекс Карты"),
        (("avito", "", ""), "Авито"),
        (("telegram", "channel", ""), "Telegram"),
        (("mindbox", "email", ""), "Email-рассылка"),
        (("direct", "none", ""), "Прямые заходы"),
        (("blog.example", "referral", ""), "Ссылки с других сайтов"),
        (("link", "telegram", "abc"), None),
    ],
)
async def test_the_rules_one_begins_with_know_the_usual_places(database, origin, name):
    async with transaction(database) as connection:
        await seed_rules(connection, language="ru", now=NOON)
        found = named_by(await list_rules(connection), origin)
    assert (found.source.name if found is not None else None) == name


async def test_the_first_rules_come_once_and_in_the_language_of_the_company(shop):
    await shop.sql("""insert into setting (name, value) values ('company', '{"language": "en"}')""")
    async with transaction(shop.engine) as connection:
        assert await seed_rules(connection, language="ru", now=NOON)
        rules = await list_rules(connection)
        assert "Yandex Direct" in {each.source.name for each in rules}
        for each in rules:
            await remove_rule(connection, each.rule.id)
    async with transaction(shop.engine) as connection:
        assert not await seed_rules(connection, language="ru", now=NOON)
        assert await list_rules(connection) == []
