"""Numbers that are lent: to whom, for how long, and what happens when there are none."""

import asyncio
import json
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connectors.site_script import LENT, SiteScript, script
from storage.call_numbers import HELD, KeptNumbers, add_number, archive_number, save_source_sites
from storage.engine import transaction
from tests.conftest import NOON
from tests.connectors.test_tracked_links import TRAIL, encoded
from tests.installation import Installation

SHOP = "https://shop.example"


class Clock:
    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def shop(database):
    made = await Installation(database).found()
    async with transaction(database) as connection:
        await save_source_sites(connection, SHOP)
        for n in range(2):
            await add_number(
                connection,
                number=f"+7495123456{n}",
                kind="pool",
                name="",
                pool="site",
                utm={},
                now=NOON,
            )
    return made


@pytest.fixture
async def client(database, clock):
    served = SiteScript(numbers=KeptNumbers(database), now=clock, public_url="http://allo.example")
    application = web.Application()
    application.add_routes(served.routes())
    async with TestClient(TestServer(application)) as client:
        yield client


async def ask(client, *, origin=SHOP, lease="", trail=TRAIL, **more):
    body = json.dumps({"lease": lease, "trail": encoded(trail), **more})
    answer = await client.post("/source/number", data=body, headers={"Origin": origin})
    return answer, (await answer.json() if answer.status == 200 else None)


async def test_each_visit_has_a_number_of_its_own_until_it_is_silent(shop, client, clock):
    answer, first = await ask(client)
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert first["shown"] == "+7 495 123-45-60"
    _, second = await ask(client)
    assert second["number"] != first["number"]
    _, none = await ask(client)
    assert none == {"number": "", "again": 120}

    clock.at += HELD - timedelta(seconds=1)
    _, kept = await ask(client, lease=first["lease"])
    assert (kept["number"], kept["lease"]) == (first["number"], first["lease"])
    # The one that said nothing has lost it, and the next gets that one and not the other's.
    clock.at += timedelta(seconds=2)
    _, third = await ask(client)
    assert third["number"] == second["number"]
    _, late = await ask(client, lease=second["lease"])
    assert late["number"] == ""
    rows = await shop.sql("select number, at, until, keys from number_lease order by at, id")
    assert [row.number for row in rows] == [first["number"], second["number"], third["number"]]
    assert rows[0].until == NOON + 2 * HELD - timedelta(seconds=1)
    assert rows[0].keys["earlier"][0]["utm"]["campaign"] == "spring"


async def test_a_number_that_rested_longest_goes_first(shop, client, clock):
    _, first = await ask(client)
    _, second = await ask(client)
    clock.at += timedelta(minutes=2)
    await ask(client, lease=first["lease"])
    clock.at += HELD * 2
    _, third = await ask(client)
    assert third["number"] == second["number"]


async def test_two_who_ask_at_once_never_get_the_same(shop, client):
    told = await asyncio.gather(*(ask(client) for _ in range(6)))  # at once is the point
    numbers = [each["number"] for _, each in told if each["number"]]
    assert len(numbers) == len(set(numbers)) == 2


async def test_other_peoples_pages_get_none(shop, client):
    for origin in ("https://evil.example", "null", ""):
        answer, _ = await ask(client, origin=origin)
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert await shop.sql("select id from number_lease") == []
    answer, _ = await ask(client)
    assert answer.status == 200


async def test_nobody_empties_the_pool_from_one_address(shop, client, clock):
    for _ in range(LENT.burst):
        clock.at += HELD
        _, told = await ask(client)
        assert told["number"]
    clock.at += HELD
    _, refused = await ask(client)
    # Six minutes bring a few more, and that is all.
    for _ in range(20):
        _, refused = await ask(client)
    assert refused["number"] == ""


async def test_a_number_that_was_put_away_is_lent_no_more(shop, client, clock):
    _, first = await ask(client)
    row = await shop.one("select id from call_number where number = :n", n=first["number"])
    async with transaction(shop.engine) as connection:
        await archive_number(connection, row.id, archived=True, now=NOON)
    _, told = await ask(client, lease=first["lease"])
    assert told["number"] != first["number"]


async def test_nonsense_is_refused(shop, client):
    for body in (b"", b"[]", b"{" * 9000, b"x" * 20_000, b'{"pool": 7}', b"\xff"):
        answer = await client.post("/source/number", data=body, headers={"Origin": SHOP})
        assert answer.status == 400, body[:10]


async def test_the_script_is_small_and_cached(client):
    answer = await client.get("/source.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    again = await client.get("/source.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
    assert len(script()) < 9000
    assert "What brought a visitor" not in script(), "comments are not for strangers' pages"
