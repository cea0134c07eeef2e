"""/calls: what is told of telephone calls, and asking for one."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from inbox.desk import Refused
from router.ids import new_id
from tests.builders import START, Rows
from tests.inbox.api.client import ApiClient

PHONE = "+79161234567"


async def a_call(api: ApiClient, *, phone: str = PHONE, **columns: Any) -> dict[str, Any]:
    """A call of a contact with a number; gives the ids."""
    async with api.engine.begin() as connection:
        there = Rows(connection)
        contact = await there.contact()
        await there.identity(contact, kind="phone", value=phone)
        account = await there.account(slug=f"office-{uuid4().hex[:6]}", kind="mango")
        talk = await there.conversation(contact=contact, account=account)
        entry = await there.message(talk, text="", kind="call")
        user = await there.user(name="Anna", extension=uuid4().hex[:6])
        call = new_id()
        values = {
            "id": call,
            "account": account,
            "key": uuid4().hex,
            "talk": talk,
            "entry": entry,
            "phase": "ended",
            "user": user,
            "at": START,
            "phone": phone,
            **columns,
        }
        await connection.execute(
            text("""
                insert into call (id, account_id, key, conversation_id, message_id, direction, phase, theirs,
                                  extension, user_id, started_at, answered_at, talked, created_at)
                values (:id, :account, :key, :talk, :entry, 'in', :phase, :phone, '101', :user, :at, :at, 60, :at)
            """),
            values,
        )
        await connection.execute(
            text("""
                insert into call_leg (id, call_id, key, phase, extension, started_at)
                values (:id, :call, 'a', 'ended', '101', :at)
            """),
            {"id": new_id(), "call": call, "at": START},
        )
        file = await there.attachment(entry, kind="audio", state="stored", duration=60.0)
    return {"call": call, "contact": contact, "talk": talk, "user": user, "file": file, **values}


async def test_a_call_is_told_with_its_legs_and_recordings(api: ApiClient) -> None:
    made = await a_call(api)
    (item,) = (await api("GET", "/calls", scope="read")).body["items"]
    assert item["id"] == str(made["call"])
    assert (item["phase"], item["direction"], item["duration"]) == ("ended", "in", 60)
    assert item["contact_id"] == str(made["contact"])
    assert [leg["extension"] for leg in item["legs"]] == ["101"]
    (recording,) = item["recordings"]
    assert recording["url"] == f"/api/v1/attachments/{made['file']}"
    one = await api("GET", f"/calls/{made['call']}", scope="read")
    assert one.body == item
    messages = await api("GET", f"/conversations/{made['talk']}/messages", scope="read")
    assert messages.body["items"][0]["call_id"] == str(made["call"])


async def test_calls_are_found_by_whose_they_are_and_what_became_of_them(api: ApiClient) -> None:
    one = await a_call(api)
    other = await a_call(api, phone="+79160000002", phase="missed")
    for query, expected in (
        (f"contact={one['contact']}", one),
        (f"conversation={other['talk']}", other),
        (f"user={one['user']}", one),
        ("phase=missed", other),
    ):
        found = (await api("GET", f"/calls?{query}", scope="read")).body["items"]
        assert [each["id"] for each in found] == [str(expected["call"])]


async def test_pages_of_calls_go_back_in_time(api: ApiClient) -> None:
    made = {str((await a_call(api, phone=f"+7916000000{n}"))["call"]) for n in range(3)}
    first = (await api("GET", "/calls?limit=2", scope="read")).body
    rest = (await api("GET", f"/calls?limit=2&cursor={first['next_cursor']}", scope="read")).body
    assert rest["next_cursor"] is None
    assert {each["id"] for each in first["items"] + rest["items"]} == made


async def test_a_call_that_is_not_there(api: ApiClient) -> None:
    assert (await api("GET", f"/calls/{uuid4()}", scope="read")).status == 404


async def test_ringing_a_colleague_and_then_a_contact(api: ApiClient) -> None:
    made = await a_call(api)
    answer = await api(
        "POST",
        "/calls",
        scope="write",
        json={
            "contact_id": str(made["contact"]),
            "user_id": str(made["user"]),
            "idempotency_key": "once",
        },
    )
    assert answer.status == 201
    (asked,) = api.calls.asked
    assert asked["phone"] == "+79161234567"
    assert (asked["by"], asked["contact"]) == (made["user"], made["contact"])
    assert asked["idempotency_key"].endswith(":once")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"phone": "+79161234567"}, "body.user_id"),
        ({"extension": "101"}, "body.phone"),
        ({"extension": "101", "contact_id": str(uuid4())}, "body.contact_id"),
        ({"user_id": str(uuid4()), "phone": "+79161234567"}, "body.user_id"),
    ],
)
async def test_what_is_missing_is_named(api: ApiClient, body: Any, place: str) -> None:
    answer = await api("POST", "/calls", scope="write", json=body)
    assert answer.status == 400
    assert place in answer.body["detail"]
    assert api.calls.asked == []


async def test_what_the_exchange_refuses_is_a_problem_with_its_words(api: ApiClient) -> None:
    api.calls.refusal = "The call was not made: extension 101 is busy"
    body = {"extension": "101", "phone": "+79161234567"}
    answer = await api("POST", "/calls", scope="write", json=body)
    assert answer.status == 409
    assert answer.body["detail"] == str(Refused(api.calls.refusal))


async def test_reading_is_not_calling(api: ApiClient) -> None:
    body = {"extension": "101", "phone": "+79161234567"}
    assert (await api("POST", "/calls", scope="read", json=body)).status == 403
