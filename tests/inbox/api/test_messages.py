from datetime import timedelta

import pytest
from sqlalchemy import text

from router.ids import new_id
from tests.builders import START, Rows
from tests.inbox.api.client import ApiClient


async def test_a_message_carries_all_that_was_promised(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        anna = await there.contact()
        talk = await there.conversation(contact=anna)
        asked = await there.message(talk, text="Сколько?", external_id="5:17", author_contact=anna)
        answered = await there.message(
            talk, text="Тысяча", direction="out", reply_to=asked, state="queued"
        )
        await there.delivery(answered, state="delivered")
        file = await there.attachment(answered)
    got = await api("GET", "/messages", scope="read")
    one, other = got.body["items"]
    assert {
        "id": str(asked),
        "account": "shop_bot",
        "channel": "telegram",
        "external_id": "5:17",
        "direction": "in",
        "kind": "text",
        "text": "Сколько?",
        "html": "",
        "attachments": [],
        "sent_at": "2026-11-21T12:00:01Z",
        "received_at": "2026-11-21T12:00:01Z",
        "contact_id": str(anna),
        "conversation_id": str(talk),
        "reply_to": None,
        "state": "",
    }.items() <= one.items()
    assert (other["reply_to"], other["state"]) == (str(asked), "delivered")
    assert other["attachments"][0]["url"] == f"/api/v1/attachments/{file}"
    assert (await api("GET", f"/messages/{asked}")).body == one


async def test_every_message_is_walked_once_and_the_end_can_be_followed(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        mail = await there.account(slug="mail", kind="email")
        talk, other = await there.conversation(), await there.conversation(account=mail)
        made = [str(await there.message(talk)) for _ in range(5)]
        mailed = str(await there.message(other))
        await there.message(talk, direction="note")
    first = await api("GET", "/messages", params={"account": "shop_bot", "limit": "3"})
    rest = await api(
        "GET",
        "/messages",
        params={"account": "shop_bot", "limit": "3", "cursor": first.body["next_cursor"]},
    )
    assert [item["id"] for item in (*first.body["items"], *rest.body["items"])] == made
    assert rest.body["next_cursor"] is None
    assert await api.ids("/messages", account="shop_bot", after=made[-1]) == []
    async with api.engine.begin() as connection:
        new = str(await Rows(connection).message(talk))
    assert await api.ids("/messages", account="shop_bot", after=made[-1]) == [new]
    stored = (await api("GET", f"/messages/{mailed}")).body["stored_at"]
    assert await api.ids("/messages", after=stored) == [new]
    assert len(await api.ids("/messages", after="2020-01-01T03:00:00+03:00")) == 7
    assert len(await api.ids("/messages", direction="note")) == 1
    for wrong in ("yesterday", "2026-11-21T12:00:00", str(new_id())):
        assert (await api("GET", "/messages", params={"after": wrong})).status == 400


async def test_a_conversation_reads_from_either_end(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        talk = await there.conversation()
        # Stored newest first: what counts is when they were written.
        made = [
            str(await there.message(talk, at=START - timedelta(minutes=number)))
            for number in range(5)
        ]
    path = f"/conversations/{talk}/messages"
    for order, expected in (("newest", made), ("oldest", made[::-1])):
        seen: list[str] = []
        cursor = ""
        while True:
            got = await api("GET", path, params={"order": order, "limit": "2", "cursor": cursor})
            seen += [item["id"] for item in got.body["items"]]
            if got.body["next_cursor"] is None:
                break
            cursor = got.body["next_cursor"]
        assert seen == expected
    assert await api.ids(path, after_seq="3") == made[3:]
    assert (await api("GET", f"/conversations/{new_id()}/messages")).status == 404


async def test_an_answer_is_stored_once_however_often_it_is_sent(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        talk = await Rows(connection).conversation()
    path = f"/conversations/{talk}/messages"
    header = {"Idempotency-Key": "order-7"}
    first = await api("POST", path, scope="write", json={"text": "Готово"}, headers=header)
    again = await api(
        "POST", path, scope="write", json={"text": "Готово", "idempotency_key": "order-7"}
    )
    assert first.status == again.status == 201
    assert first.body == again.body
    assert first.headers["Location"] == f"/api/v1/messages/{first.body['id']}"
    name, args, more = api.desk.told[0]
    assert (name, args) == ("reply", (talk,))
    assert (more["text"], more["by"], more["author_name"]) == ("Готово", None, "write")
    other = await api("POST", path, json={"text": "Готово"}, headers=header)
    assert other.body["id"] != first.body["id"], "another token's keys are its own"


async def test_a_note_is_no_answer(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        talk = await Rows(connection).conversation()
    got = await api(
        "POST", f"/conversations/{talk}/messages", json={"text": "Перезвонить", "kind": "note"}
    )
    assert (got.status, got.body["direction"]) == (201, "note")
    assert [name for name, *_ in api.desk.told] == ["note"]


async def test_an_answer_to_nobody_is_not_found(api: ApiClient) -> None:
    got = await api("POST", f"/conversations/{new_id()}/messages", json={"text": "hi"})
    assert (got.status, got.body["detail"]) == (404, "There is no conversation with this id.")


async def test_a_failed_message_is_sent_again_on_request(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        failed = await there.message(await there.conversation(), direction="out", state="failed")
    got = await api("POST", f"/messages/{failed}/retry", scope="write")
    assert (got.status, got.body["id"]) == (200, str(failed))
    assert api.desk.told == [("retry", (failed,), {"by": None})]


async def test_a_file_is_a_download_with_its_name(api: ApiClient) -> None:
    sha256 = await api.media.put(b"<script>alert(1)</script>")
    async with api.engine.begin() as connection:
        there = Rows(connection)
        message = await there.message(await there.conversation())
        file = await there.attachment(message, sha256=sha256, name="счёт.html", mime="text/html")
    async with api.http.get(
        f"/api/v1/attachments/{file}", headers={"Authorization": f"Bearer {api.tokens['read']}"}
    ) as response:
        assert response.status == 200
        assert await response.read() == b"<script>alert(1)</script>"
        assert response.headers["Content-Disposition"].startswith("attachment; ")
        assert "%D1%81%D1%87" in response.headers["Content-Disposition"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("state = 'wanted'", "yet"),
        ("state = 'failed'", "would not"),
        (f"sha256 = '{'0' * 64}'", "no longer"),
    ],
)
async def test_a_file_that_is_not_here_says_why(api: ApiClient, change: str, word: str) -> None:
    async with api.engine.begin() as connection:
        there = Rows(connection)
        file = await there.attachment(await there.message(await there.conversation()))
        await connection.execute(text(f"update attachment set {change}"))
    got = await api("GET", f"/attachments/{file}")
    assert got.status == 404
    assert word in got.body["detail"]
