"""Events, touches, sources, dead letters, the directory."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
from aiohttp import ClientResponse
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.api.events import PATIENCE_S
from router import facts, wire
from router.ids import new_id
from storage import tables
from storage.dead_letters import NewLetter, keep_letter
from storage.sources import add_rule, origin_ids
from tests.builders import START, Rows
from tests.inbox.api.client import ApiClient


async def _tell(engine: AsyncEngine, fact: facts.Fact, *, position: int | None) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            insert(tables.outbox).values(
                id=fact.id,
                kind=type(fact).__struct_config__.tag,
                conversation_id=fact.conversation,
                body=wire.encode_fact(fact),
                at=fact.at,
                position=position,
            )
        )


def _received(talk: UUID) -> facts.Fact:
    return facts.MessageReceived(id=new_id(), at=START, conversation=talk, message=new_id(), seq=1)


def _opened() -> facts.Fact:
    return facts.LeadOpened(id=new_id(), at=START, lead=new_id())


async def test_events_come_by_position_and_only_once_published(api: ApiClient) -> None:
    talk = new_id()
    await _tell(api.engine, _received(talk), position=2)
    await _tell(api.engine, _opened(), position=1)
    await _tell(api.engine, _received(talk), position=None)
    got = await api("GET", "/events", scope="read")
    opened, received = got.body["items"]
    assert (opened["position"], opened["type"]) == (1, "lead_opened")
    assert (received["position"], received["type"]) == (2, "message_received")
    assert received["data"]["conversation"] == str(talk)
    assert await api.ids("/events", after="1") == [received["id"]]
    assert await api.ids("/events", after="2") == []
    assert await api.ids("/events", type="lead_opened") == [opened["id"]]
    first = await api("GET", "/events", params={"limit": "1"})
    rest = await api("GET", "/events", params={"cursor": first.body["next_cursor"]})
    assert [item["id"] for item in rest.body["items"]] == [received["id"]]
    assert (await api("GET", "/events", params={"after": "-1"})).status == 400


async def _event(response: ClientResponse) -> tuple[int, str, dict[str, object]]:
    """The next event of the stream: (id, name, data)."""
    fields: dict[str, str] = {}
    async with asyncio.timeout(10):
        while True:
            line = (await response.content.readline()).decode().rstrip("\n")
            if not line and "data" in fields:
                break
            name, _, value = line.partition(": ")
            fields[name] = value
    return int(fields["id"]), fields["event"], msgspec.json.decode(fields["data"])


async def test_the_stream_goes_on_where_it_was_and_tells_what_happens(api: ApiClient) -> None:
    talk = new_id()
    for position in (1, 2, 3):
        await _tell(api.engine, _received(talk), position=position)
    token = {"Authorization": f"Bearer {api.tokens['read']}"}
    async with api.http.get(
        "/api/v1/events/stream", headers={**token, "Last-Event-ID": "1"}
    ) as stream:
        assert stream.content_type == "text/event-stream"
        assert [(await _event(stream))[0] for _ in range(2)] == [2, 3]
        fact = _opened()
        await _tell(api.engine, fact, position=4)
        api.hub.hear_fact(fact)
        position, name, data = await _event(stream)
    assert (position, name, data["type"]) == (4, "lead_opened", "lead_opened")


async def test_the_stream_begins_now_and_needs_no_broadcast(api: ApiClient) -> None:
    await _tell(api.engine, _opened(), position=1)
    token = {"Authorization": f"Bearer {api.tokens['read']}"}
    async with api.http.get(
        "/api/v1/events/stream", params={"type": "lead_opened"}, headers=token
    ) as stream:
        await stream.content.readline()
        await _tell(api.engine, _received(new_id()), position=2)
        await _tell(api.engine, _opened(), position=3)
        assert (await _event(stream))[:2] == (3, "lead_opened")


async def test_a_revoked_token_ends_its_stream(api: ApiClient) -> None:
    token = {"Authorization": f"Bearer {api.tokens['read']}"}
    async with api.http.get("/api/v1/events/stream", headers=token) as stream:
        await stream.content.readline()
        async with api.engine.begin() as connection:
            await connection.execute(text("update api_token set revoked_at = now()"))
        api.clock.move(minutes=1)
        async with asyncio.timeout(10):
            assert b"still here" not in await stream.read()


async def test_a_process_that_stops_ends_its_streams_at_once(api: ApiClient) -> None:
    token = {"Authorization": f"Bearer {api.tokens['read']}"}
    async with api.http.get("/api/v1/events/stream", headers=token) as stream:
        await stream.content.readline()
        began = asyncio.get_running_loop().time()
        api.hub.close()
        async with asyncio.timeout(10):
            await stream.read()
        assert asyncio.get_running_loop().time() - began < PATIENCE_S / 2


async def test_a_last_event_id_that_is_none_is_refused(api: ApiClient) -> None:
    got = await api("GET", "/events/stream", headers={"Last-Event-ID": "x"})
    assert got.status == 400


async def test_touches_and_sources_say_where_people_came_from(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna = await there.contact()
        first = str(await there.touch(anna, campaign="brakes", click_ids={"yclid": "7"}))
        second = str(await there.touch(None, campaign="brakes", at=START + timedelta(days=1)))
        third = str(await there.touch(anna, source="vk", medium="cpc"))
    assert await api.ids("/touches") == [first, second, third]
    assert await api.ids("/touches", contact=str(anna)) == [first, third]
    got = await api("GET", "/sources")
    assert [
        (item["source"], item["medium"], item["campaign"], item["touches"])
        for item in got.body["items"]
    ] == [("vk", "cpc", "", 1), ("yandex", "", "brakes", 2)]
    page = await api("GET", "/sources", params={"limit": "1"})
    rest = await api("GET", "/sources", params={"cursor": page.body["next_cursor"]})
    assert [item["source"] for item in rest.body["items"]] == ["yandex"]


async def test_what_a_rule_names_is_called_so_and_found_by_its_key(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        said = {"source": "ya", "medium": "cpc", "campaign": "brakes"}
        other = {"source": "ya", "medium": "referral", "campaign": ""}
        person = await there.contact()
        await there.touch(person, **said)
        paid = str(await there.lead(person, last_touch=said))
        free = str(await there.lead(await there.contact(), last_touch=other))
        await add_rule(
            connection, patterns=("ya", "cpc", ""), name="Директ", kind="paid", now=START
        )
        await origin_ids(connection, [("ya", "cpc", "brakes"), ("ya", "referral", "")], now=START)
        named = (await connection.execute(select(tables.source.c.id))).scalar_one()

    assert (await api("GET", "/touches")).body["items"][0]["source_name"] == "Директ"
    assert (await api("GET", "/sources")).body["items"][0]["name"] == "Директ"
    lead = (await api("GET", f"/leads/{paid}")).body
    assert lead["last_touch"] == {"source_name": "Директ", **said}
    assert (await api("GET", f"/leads/{free}")).body["last_touch"]["source_name"] == "ya"
    assert await api.ids("/leads", source=str(named)) == [paid]
    assert await api.ids("/leads", source="ya / referral") == [free]
    assert set(await api.ids("/leads", source="ya")) == {paid, free}


async def test_dead_letters_are_listed_oldest_first_and_replayed(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        account = await Rows(connection).account()
        letters = [
            await keep_letter(
                connection,
                NewLetter(
                    stage="route",
                    queue="inbound.0",
                    body=b"{}",
                    reason="no such thing",
                    account_id=account,
                    channel="telegram",
                ),
                now=START + timedelta(minutes=number),
            )
            for number in range(3)
        ]
    first = await api("GET", "/dead-letters", params={"limit": "2"})
    assert [item["id"] for item in first.body["items"]] == [str(each) for each in letters[:2]]
    assert first.body["items"][0]["account"] == "shop_bot"
    rest = await api("GET", "/dead-letters", params={"cursor": first.body["next_cursor"]})
    assert [item["id"] for item in rest.body["items"]] == [str(letters[2])]
    api.letters.there.add(letters[0])
    assert (await api("POST", f"/dead-letters/{letters[0]}/replay")).status == 204
    assert api.letters.replayed == [letters[0]]
    assert (await api("POST", f"/dead-letters/{new_id()}/replay")).status == 404


async def test_names_for_ids_are_to_be_had(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        account, boris, team = await there.account(), await there.user(), await there.team()
        await there.account(slug="old", state="removed")
        await connection.execute(
            insert(tables.team_member).values(team_id=team, user_id=boris, joined_at=START)
        )
    assert await api.ids("/accounts") == [str(account)]
    assert await api.ids("/users") == [str(boris)]
    assert (await api("GET", "/users", scope="read")).body["items"][0]["sees"] == "all"
    teams = (await api("GET", "/teams")).body["items"]
    mine = next(each for each in teams if each["id"] == str(team))
    assert mine["member_ids"] == [str(boris)]
    accounts = (await api("GET", "/accounts")).body["items"]
    assert "sealed" not in accounts[0]


async def test_a_channel_is_paused_and_resumed(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        account, gone = await there.account(), await there.account(slug="old", state="removed")
    for state in ("paused", "active"):
        changed = await api("PATCH", f"/accounts/{account}", json={"state": state})
        assert changed.status == 200
        assert changed.body["state"] == state
        assert (await api("GET", "/accounts")).body["items"][0]["state"] == state
    assert (await api("PATCH", f"/accounts/{account}", json={"state": "removed"})).status == 400
    assert (await api("PATCH", f"/accounts/{gone}", json={"state": "active"})).status == 404


async def test_what_a_colleague_was_told_can_be_read(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna, boris = await there.user(name="Анна"), await there.user(name="Борис")
        talk = await there.conversation()
        for n in range(3):
            await connection.execute(
                text(
                    "insert into notification (id, user_id, kind, subject, conversation_id, at, told_at)"
                    " values (:id, :user, 'assigned', :id, :talk, :at, :at)"
                ),
                {
                    "id": new_id(),
                    "user": anna,
                    "talk": talk,
                    "at": START + timedelta(minutes=n),
                },
            )
    first = await api("GET", f"/users/{anna}/notifications?limit=2", scope="read")
    assert [each["kind"] for each in first.body["items"]] == ["assigned", "assigned"]
    assert first.body["items"][0]["conversation_id"] == str(talk)
    rest = f"/users/{anna}/notifications?limit=2&cursor={first.body['next_cursor']}"
    assert len((await api("GET", rest, scope="read")).body["items"]) == 1
    assert (await api("GET", f"/users/{boris}/notifications", scope="read")).body["items"] == []
    assert (await api("GET", f"/users/{new_id()}/notifications", scope="read")).status == 404
