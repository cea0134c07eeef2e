"""What colleagues write down about people: numbers they were told, offices' phones, fields, notes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router.asking import NotFound, Refused
from storage.desk import Desk
from storage.engine import transaction
from storage.fields import add_field, archive_field, change_field, move_field
from storage.reading.contact_keys import claims_of
from storage.reading.contacts import (
    ContactFilter,
    contact_by_id,
    contacts_by_last_message,
    list_contacts,
)
from storage.reading.fields import archived_fields, list_fields, undefined_keys
from storage.reading.merging import unmerge_preview
from storage.reading.sight import EVERYTHING
from storage.reading.ways import ways_to
from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone, a_shared_contact, accepted
from tests.installation import Installation

PHONE = "+79215551408"


class NoFiles:
    async def delete(self, sha256: str) -> None:
        raise AssertionError("nothing is deleted here")


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    installation = await Installation(database).found()
    await installation.hire("Anna")
    return installation


@pytest.fixture
async def telegram(shop: Installation) -> UUID:
    return await shop.connect()


@pytest.fixture
def desk(shop: Installation) -> Desk:
    return Desk(shop.engine, now=lambda: NOON + timedelta(minutes=10), media=NoFiles())


async def person(shop: Installation, telegram: UUID, number: int, **more: Any) -> UUID:
    at = NOON + timedelta(seconds=number)
    await shop.route(accepted(telegram, a_message(by=a_person(number, **more), at=at)))
    row = await shop.one(
        "select contact_id from identity where kind = 'telegram' and value = :value",
        value=str(number),
    )
    return UUID(str(row.contact_id))


async def test_a_number_that_is_proved_for_another_is_kept_as_claimed_and_suggests_them(
    shop, telegram, desk
):
    owner, teller = await person(shop, telegram, 1), await person(shop, telegram, 2)
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), a_phone(PHONE))))
    claim = await desk.add_key(teller, kind="phone", value=PHONE, by=None)
    async with shop.engine.connect() as connection:
        (told,) = await claims_of(connection, teller, sight=EVERYTHING)
    assert (told.id, told.value, told.proved_by) == (claim, PHONE, owner)
    pair = await shop.one("select first_id, second_id, score, decision from suggestion")
    assert {pair.first_id, pair.second_id} == {owner, teller}
    assert (pair.score, pair.decision) == (80, "open")
    assert len(await shop.sql("select id from contact where merged_into is null")) == 2

    with pytest.raises(Refused):
        await desk.add_key(teller, kind="phone", value=PHONE, by=None)
    await desk.remove_key(claim, by=None)
    with pytest.raises(NotFound):
        await desk.remove_key(claim, by=None)


async def test_a_contact_made_by_hand_with_a_known_number_suggests_its_owner(shop, telegram, desk):
    owner = await person(shop, telegram, 1)
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), a_phone(PHONE))))
    made = await desk.create_contact(by=None, name="Марина", keys=[("phone", PHONE)])
    pair = await shop.one("select first_id, second_id from suggestion")
    assert {pair.first_id, pair.second_id} == {owner, made}


async def test_a_pair_that_was_told_apart_is_not_suggested_by_a_new_claim(shop, telegram, desk):
    one, two = await person(shop, telegram, 1), await person(shop, telegram, 2)
    merge = await desk.merge(one, two, by=None)
    await desk.unmerge(merge, by=None)
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), a_phone(PHONE))))
    await desk.add_key(two, kind="phone", value=PHONE, by=None)
    assert await shop.sql("select id from suggestion") == []


async def test_what_a_colleague_vouches_for_is_proved_and_merges_until_they_take_it_back(
    shop, telegram, desk
):
    one, two = await person(shop, telegram, 1), await person(shop, telegram, 2)
    claim = await desk.add_key(one, kind="phone", value=PHONE, by=None)
    key = await desk.vouch_for_key(claim, by=shop.managers[0])
    await desk.unvouch_key(key, by=shop.managers[0])
    async with shop.engine.connect() as connection:
        (told,) = await claims_of(connection, one, sight=EVERYTHING)
    await desk.vouch_for_key(told.id, by=shop.managers[0])
    other = await desk.add_key(two, kind="phone", value=PHONE, by=None)
    with pytest.raises(Refused):
        await desk.vouch_for_key(other, by=shop.managers[0])
    assert len(await shop.sql("select id from identity_claim where contact_id = :id", id=two)) == 1
    await shop.sql("delete from suggestion")
    await shop.route(accepted(telegram, a_shared_contact(a_person(2), a_phone(PHONE))))
    merge = await shop.one("select survivor_id, absorbed_id, rule from contact_merge")
    assert (merge.survivor_id, merge.absorbed_id, merge.rule) == (one, two, "proved_keys")


async def test_an_offices_phone_joins_nobody_and_is_somebodys_own_again(shop, telegram, desk):
    owner = await person(shop, telegram, 1)
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), a_phone(PHONE))))
    key = (await shop.one("select id from identity where kind = 'phone'")).id
    await desk.share_key(key, shared=True, by=None)

    other = await person(shop, telegram, 2)
    await shop.route(accepted(telegram, a_shared_contact(a_person(2), a_phone(PHONE))))
    assert owner != other
    assert await shop.sql("select id from contact_merge") == []
    await desk.share_key(key, shared=False, by=None)
    assert not (await shop.one("select shared from identity where id = :id", id=key)).shared

    messenger = (await shop.sql("select id from identity where kind = 'telegram'"))[0].id
    with pytest.raises(Refused):
        await desk.share_key(messenger, shared=True, by=None)


async def test_a_declined_suggestion_is_asked_again_and_an_accepted_one_merges_as_chosen(
    shop, telegram, desk
):
    one, two = await person(shop, telegram, 1), await person(shop, telegram, 2)
    await shop.route(accepted(telegram, a_shared_contact(a_person(1), a_phone(PHONE))))
    await desk.add_key(two, kind="phone", value=PHONE, by=None)
    suggestion = (await shop.one("select id from suggestion")).id
    assert await desk.decide_suggestion(suggestion, accept=False, by=None) is None
    await desk.reopen_suggestion(suggestion, by=None)
    with pytest.raises(NotFound):
        await desk.reopen_suggestion(suggestion, by=None)
    merge = await desk.decide_suggestion(suggestion, accept=True, by=None, keep={"name": two})
    async with shop.engine.connect() as connection:
        survivor = await contact_by_id(connection, one, sight=EVERYTHING)
        preview = await unmerge_preview(connection, merge)
    assert survivor is not None
    assert survivor.name == "Person 2"
    assert preview is not None
    assert preview.moves["conversation"] == 1
    await desk.unmerge(merge, by=None)
    assert (await shop.one("select name from contact where id = :id", id=one)).name == "Person 1"


async def test_a_choice_of_somebody_else_is_refused(shop, telegram, desk):
    one, two, three = [await person(shop, telegram, number) for number in (1, 2, 3)]
    with pytest.raises(Refused):
        await desk.merge(one, two, by=None, keep={"name": three})
    assert await shop.sql("select id from contact_merge") == []


async def test_after_a_merge_every_reply_still_goes_to_its_own_address(shop, telegram, desk):
    one, two = await person(shop, telegram, 1), await person(shop, telegram, 2)
    chats = {
        row.contact_id: (row.id, row.chat)
        for row in await shop.sql("select id, contact_id, chat from conversation")
    }
    await desk.merge(one, two, by=None)
    for conversation, _ in chats.values():
        await desk.reply(conversation, by=shop.managers[0], text="Здравствуйте")
    sent = await shop.sql(
        "select d.conversation_id, c.chat from delivery d join conversation c on c.id = d.conversation_id"
    )
    assert {(row.conversation_id, row.chat) for row in sent} == set(chats.values())
    async with shop.engine.connect() as connection:
        ways = await ways_to(connection, chats[one][0], sight=EVERYTHING)
    assert {(each.conversation_id, each.address) for each in ways} == set(chats.values())


async def test_a_block_has_its_reason_only_while_it_lasts(shop, telegram, desk):
    one = await person(shop, telegram, 1)
    await desk.change_contact(one, {"blocked": True, "block_reason": "спам"}, by=None)
    row = await shop.one("select blocked, block_reason from contact")
    assert (row.blocked, row.block_reason) == (True, "спам")
    await desk.change_contact(one, {"blocked": False}, by=None)
    row = await shop.one("select blocked, block_reason from contact")
    assert (row.blocked, row.block_reason) == (False, "")


async def test_fields_are_made_moved_renamed_put_away_and_taken_out_again(shop, desk, telegram):
    async with transaction(shop.engine) as connection:
        city, car = [
            await add_field(connection, entity="contact", name=name, kind="text", now=NOON)
            for name in ("Город", "Госномер")
        ]
        with pytest.raises(Refused):
            await add_field(connection, entity="contact", name="город", kind="text", now=NOON)
        with pytest.raises(Refused):
            await add_field(connection, entity="contact", name="Где", kind="choice", now=NOON)
        await add_field(connection, entity="lead", name="Город", kind="text", now=NOON)
        await move_field(connection, car, by=-1)
        await move_field(connection, car, by=-1)
        await change_field(connection, city, name="Откуда")
        rows = await list_fields(connection, of="contact")
        assert [(each.name, each.key) for each in rows] == [
            ("Госномер", "gosnomer"),
            ("Откуда", "gorod"),
        ]
        await archive_field(connection, car, archived=True, now=NOON)
        assert [each.id for each in await archived_fields(connection, of="contact")] == [car]
        await archive_field(connection, car, archived=False, now=NOON)
        assert [each.id for each in await list_fields(connection, of="contact")] == [car, city]
    one = await person(shop, telegram, 1)
    await desk.change_contact(one, {"fields": {"utm_id": "7", "gorod": "Тверь"}}, by=None)
    async with shop.engine.connect() as connection:
        assert await undefined_keys(connection, of="contact") == ["utm_id"]


async def test_contacts_are_listed_by_whom_was_heard_of_last_and_narrowed(shop, telegram, desk):
    one, two, three = [await person(shop, telegram, number) for number in (1, 2, 3)]
    late = a_message(by=a_person(1), at=NOON + timedelta(minutes=5))
    await shop.route(accepted(telegram, late))
    await desk.change_contact(two, {"blocked": True}, by=None)
    silent = await desk.create_contact(by=None, name="Без диалога")
    async with shop.engine.connect() as connection:
        first = await contacts_by_last_message(
            connection, ContactFilter(), limit=2, sight=EVERYTHING
        )
        assert [each.id for each in first.items] == [one, three]
        rest = await contacts_by_last_message(
            connection, ContactFilter(), cursor=first.next_cursor or "", limit=2, sight=EVERYTHING
        )
        assert [each.id for each in rest.items] == [two]

        async def found(**wish: Any) -> set[UUID]:
            page = await list_contacts(connection, ContactFilter(**wish), sight=EVERYTHING)
            return {each.id for each in page.items}

        assert await found(blocked=True) == {two}
        assert await found(without_lead=True) == {silent}
        assert await found(channel="telegram") == {one, two, three}
        assert await found(channel="vk") == set()
        assert await found(nobodys=True) == {silent}
        assert await found(with_duplicates=True) == set()
        assert await found(created_from=NOON + timedelta(seconds=2)) == {two, three, silent}
