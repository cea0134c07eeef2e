"""Whose a form is: one person, one open lead; and a typed phone is nobody's proof."""

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Request
from router.message import Accepted
from tests.conftest import NOON
from tests.connectors.channels.lead_form_world import TILDA, as_form, enquiry
from tests.events import a_message, a_person, a_phone, accepted
from tests.installation import Installation

PHONE = "+79161234567"


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna")
    return shop


def filled_in(account: UUID, request: Request) -> Accepted:
    return accepted(account, enquiry(request), channel="lead_form")


async def test_one_person_who_fills_in_twice_has_one_contact_one_lead_one_conversation(
    shop: Installation,
) -> None:
    form = await shop.connect("landing", kind="lead_form")
    other = await shop.connect("quiz", kind="lead_form")
    await shop.route(
        filled_in(form, as_form(TILDA)),
        filled_in(form, as_form({"Телефон": "8 916 123 45 67", "Вопрос": "Когда?"})),
        filled_in(other, as_form({"phone": PHONE})),
    )
    assert (await shop.one("select count(*) as n from contact")).n == 1
    lead = await shop.one("select first_touch, title from lead")
    assert lead.first_touch["source"] == "yandex"
    assert lead.first_touch["campaign"] == "kolodki"
    assert "Анна" in lead.title
    chats = await shop.sql("select count(*) as n from conversation")
    assert chats[0].n == 2, "one of each form"
    assert (await shop.one("select count(*) as n from message")).n == 3


async def test_a_phone_typed_into_a_form_only_makes_a_suggestion(shop: Installation) -> None:
    telegram = await shop.connect("shop")
    form = await shop.connect("landing", kind="lead_form")
    await shop.route(accepted(telegram, a_message(by=a_person(700, a_phone(PHONE)))))
    await shop.route(filled_in(form, as_form(TILDA)))
    assert (await shop.one("select count(*) as n from contact where merged_into is null")).n == 2
    suggestion = await shop.one("select reasons, decided_at from suggestion")
    assert suggestion.decided_at is None
    assert any("phone" in each for each in suggestion.reasons)
    owner = await shop.one("select kind, contact_id from identity where kind = 'phone'")
    writer = await shop.one("select contact_id from identity where kind = 'lead_form'")
    assert owner.contact_id != writer.contact_id


async def test_the_same_form_twice_is_one_message(shop: Installation) -> None:
    form = await shop.connect("landing", kind="lead_form")
    await shop.route(filled_in(form, as_form(TILDA)))
    await shop.route(filled_in(form, as_form(TILDA)), now=NOON)
    assert (await shop.one("select count(*) as n from message")).n == 1
