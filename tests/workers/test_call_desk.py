"""Calls that colleagues ask for: what the exchange is told, what it tells back, what is in the way."""

from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.errors import AccountBroken, OutcomeUnknown, Rejected
from connectors.registry import discover
from inbox.desk import Refused
from storage.accounts import add_account, set_account_state
from storage.sealing import Sealer
from tests.conftest import NOON
from tests.doubles.exchange import an_exchange_among_the_channels
from tests.events import a_call_report, accepted
from tests.installation import Installation
from workers.account_book import AccountBook
from workers.call_desk import Telephone

PHONE = "+79161234567"


@pytest.fixture(autouse=True)
def exchange() -> Iterator[Any]:
    with an_exchange_among_the_channels() as state:
        yield state


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna", extension="101")
    await shop.hire("Boris")
    return shop


@pytest.fixture
async def office(shop: Installation) -> UUID:
    return await connected(shop, "office")


async def connected(shop: Installation, slug: str, kind: str = "exchange") -> UUID:
    async with shop.engine.begin() as connection:
        return await add_account(
            connection,
            kind=kind,
            slug=slug,
            fields={"secret": "s"},
            secrets={"secret"},
            sealer=Sealer(b"s" * 32),
            now=NOON,
            team_id=shop.team,
        )


@pytest.fixture
async def telephone(shop: Installation, office: UUID) -> AsyncGenerator[Telephone]:
    book = AccountBook(
        shop.engine, connectors=discover(), sealer=Sealer(b"s" * 32), secret=b"s" * 32
    )
    await book.load()
    async with aiohttp.ClientSession() as http:
        yield Telephone(
            engine=shop.engine, connectors=discover(), accounts=book, http=http, now=lambda: NOON
        )


async def test_the_exchange_rings_the_colleagues_extension_and_then_the_number(
    shop, telephone, exchange
):
    request = await telephone.call("8 (916) 123-45-67", by=shop.managers[0])
    assert exchange.dialled == [{"extension": "101", "phone": PHONE, "initiated": request.hex}]
    row = await shop.one("select * from call_request")
    assert (row.user_id, row.phone, row.call_key) == (shop.managers[0], PHONE, "c-1")
    assert (await shop.one("select what from audit")).what == "call_asked_for"


@pytest.mark.parametrize("first", ["the report", "the answer"])
async def test_the_call_is_known_as_the_one_asked_for_by_the_exchanges_key(
    shop, office, telephone, exchange, first
):
    """Reports without an extension: only the key says who called."""
    ringing = accepted(
        office, a_call_report("ringing", call="c-1", direction="out"), channel="exchange"
    )
    if first == "the report":
        await shop.route(ringing)
        await telephone.call(PHONE, by=shop.managers[0])
    else:
        await telephone.call(PHONE, by=shop.managers[0])
        await shop.route(ringing)
    call = await shop.one("select asked_by, user_id from call")
    assert (call.asked_by, call.user_id) == (shop.managers[0], shop.managers[0])


async def test_and_by_our_own_name_of_it_when_the_exchange_tells_that_back(
    shop, office, telephone, exchange
):
    exchange.key = ""
    request = await telephone.call(PHONE, by=shop.managers[0])
    report = a_call_report("ringing", call="x9", direction="out", initiated=request.hex)
    await shop.route(accepted(office, report, channel="exchange"))
    assert (await shop.one("select asked_by from call")).asked_by == shop.managers[0]


async def test_the_answered_call_back_does_the_task(shop, office, telephone, exchange):
    async def report(phase: Any, **more: Any) -> None:
        await shop.route(accepted(office, a_call_report(phase, **more), channel="exchange"))

    await report("ringing", call="in")
    await report("ended", call="in", after=20)
    await telephone.call(PHONE, by=shop.managers[0])
    later = {"at": NOON + timedelta(minutes=2), "call": "c-1", "direction": "out"}
    await report("ringing", **later)
    assert (await shop.one("select done_at from task")).done_at is None
    await report("talking", after=9, **later)
    assert (await shop.one("select done_at from task")).done_at is not None


async def test_the_same_wish_twice_rings_once(shop, telephone, exchange):
    one = await telephone.call(PHONE, by=shop.managers[0], idempotency_key="k")
    assert await telephone.call(PHONE, by=shop.managers[0], idempotency_key="k") == one
    assert len(exchange.dialled) == 1


async def test_a_contact_is_called_on_the_line_they_were_spoken_to_on(
    shop, office, telephone, exchange
):
    branch = await connected(shop, "branch")
    await telephone.accounts.load()
    for account, at in ((branch, NOON), (office, NOON + timedelta(hours=1))):
        await shop.route(accepted(account, a_call_report("ended", at=at), channel="exchange"))
    contact = (await shop.one("select id from contact")).id
    await telephone.call(PHONE, by=shop.managers[0], contact=contact)
    assert (await shop.one("select account_id from call_request")).account_id == office


async def test_without_an_extension_nobody_is_rung(shop, telephone, exchange):
    with pytest.raises(Refused, match="write yours in your profile"):
        await telephone.call(PHONE, by=shop.managers[1])
    assert exchange.dialled == []


@pytest.mark.parametrize("phone", ["12", "MTS", "", "+7916"])
async def test_what_is_no_number_is_not_called(shop, telephone, exchange, phone):
    with pytest.raises(Refused, match="is not a number that can be called"):
        await telephone.call(phone, by=shop.managers[0])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Rejected("Extension 101 is not registered"), "Extension 101 is not registered"),
        (AccountBroken("The exchange refuses our key"), "The exchange refuses our key"),
        (OutcomeUnknown("no answer"), "your phone may ring all the same"),
    ],
)
async def test_what_the_exchange_says_no_with_is_told_and_kept(
    shop, telephone, exchange, error, words
):
    exchange.error = error
    with pytest.raises(Refused, match=words):
        await telephone.call(PHONE, by=shop.managers[0])
    assert words in (await shop.one("select error from call_request")).error


async def test_a_channel_that_cannot_call_or_is_away_says_so(shop, telephone, office):
    await connected(shop, "bot", "telegram")
    await telephone.accounts.load()
    with pytest.raises(Refused, match="cannot make calls"):
        await telephone.call(PHONE, by=shop.managers[0], account="bot")
    with pytest.raises(Refused, match="is not connected"):
        await telephone.call(PHONE, by=shop.managers[0], account="nowhere")
    assert telephone.lines()
    async with shop.engine.begin() as connection:
        await set_account_state(connection, office, "paused")
    await telephone.accounts.load()
    assert not telephone.lines()
    with pytest.raises(Refused, match="No connected channel"):
        await telephone.call(PHONE, by=shop.managers[0])
