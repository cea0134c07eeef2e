"""What is the same for every endpoint: tokens, limits, problems."""

from datetime import datetime
from io import BytesIO
from typing import Any

from sqlalchemy import text

from inbox.api.endpoints import MOST_BYTES, PREFIX, Endpoint
from inbox.api.routes import ENDPOINTS
from router.ids import new_id
from tests.builders import START, Rows
from tests.inbox.api.client import ApiClient

LISTS = [
    endpoint
    for endpoint in ENDPOINTS
    if endpoint.method == "GET" and "limit" in endpoint.query.__struct_fields__
]


def _path(endpoint: Endpoint) -> str:
    return endpoint.path.replace("{id}", str(new_id()))


async def _used_at(api: ApiClient, scope: str) -> datetime | None:
    async with api.engine.connect() as connection:
        found = await connection.execute(
            text("select used_at from api_token where name = :name"), {"name": scope}
        )
        used: datetime | None = found.scalar_one()
        return used


# One database serves all endpoints of a test: making one takes longer than asking forty questions.


async def test_nobody_without_a_good_token_gets_in(api: ApiClient) -> None:
    for endpoint in ENDPOINTS:
        for given in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
            async with api.http.request(
                endpoint.method, PREFIX + _path(endpoint), headers=given
            ) as response:
                assert response.status == 401, endpoint
                assert response.content_type == "application/problem+json"
                assert "Bearer" in response.headers["WWW-Authenticate"]
    assert api.desk.told == []


async def test_a_token_may_do_what_its_scope_says_and_no_more(api: ApiClient) -> None:
    scopes = ("read", "write", "admin")
    for endpoint in ENDPOINTS:
        for scope in scopes:
            if endpoint.answers == "text/event-stream":
                continue  # an answer without an end has tests of its own
            got = await api(endpoint.method, _path(endpoint), scope=scope)
            if scopes.index(scope) < scopes.index(endpoint.scope):
                assert got.status == 403, (endpoint, scope)
                assert endpoint.scope in got.body["detail"]
            else:
                assert got.status not in {401, 403}, (endpoint, scope)
        # What changes something is never for a token that only reads.
        assert endpoint.method == "GET" or endpoint.scope != "read", endpoint


async def test_a_wider_scope_includes_the_narrower(api: ApiClient) -> None:
    for scope in ("read", "write", "admin"):
        assert (await api("GET", "/contacts", scope=scope)).status == 200


async def test_a_revoked_token_is_nobodys(api: ApiClient) -> None:
    assert (await api("GET", "/leads", scope="read")).status == 200
    async with api.engine.begin() as connection:
        await connection.execute(text("update api_token set revoked_at = now()"))
    assert (await api("GET", "/leads", scope="read")).status == 401


async def test_the_last_use_is_noted_once_a_minute(api: ApiClient) -> None:
    assert await _used_at(api, "read") is None
    await api("GET", "/leads", scope="read")
    assert await _used_at(api, "read") == START
    api.clock.move(seconds=59)
    await api("GET", "/leads", scope="read")
    assert await _used_at(api, "read") == START
    api.clock.move(seconds=2)
    await api("GET", "/leads", scope="read")
    assert await _used_at(api, "read") == api.clock.at


async def test_a_limit_or_cursor_that_means_nothing_is_said_so(api: ApiClient) -> None:
    async with api.engine.begin() as connection:
        talk = await Rows(connection).conversation()
    for endpoint in LISTS:
        for given in (
            {"limit": "0"},
            {"limit": "501"},
            {"limit": "many"},
            {"cursor": "nonsense"},
            {"cursor": "x" * 600},
        ):
            got = await api("GET", endpoint.path.replace("{id}", str(talk)), params=given)
            assert got.status == 400, (endpoint, given)
            assert next(iter(given)) in got.body["detail"]


async def test_an_empty_installation_answers_empty_lists(api: ApiClient) -> None:
    for endpoint in LISTS:
        got = await api("GET", _path(endpoint))
        if "{id}" in endpoint.path:
            assert got.status == 404, endpoint
        else:
            assert (got.status, got.body) == (200, {"items": [], "next_cursor": None}), endpoint


async def test_an_id_that_is_no_id_is_not_found(api: ApiClient) -> None:
    needed: dict[str, Any] = {
        "post_message": {"text": "hi"},
        "merge_contact": {"contact_id": str(new_id())},
        "run_macro": {"macro": str(new_id())},
    }
    for endpoint in ENDPOINTS:
        if "{id}" in endpoint.path:
            body = needed.get(endpoint.operation_id, {})
            got = await api(endpoint.method, endpoint.path.replace("{id}", "7"), json=body)
            assert got.status == 404, endpoint
            assert endpoint.what in got.body["detail"]


BAD_BODIES = [
    (b"", "text"),
    (b"{", "JSON"),
    (b"[]", "body"),
    (b"\xff\xfe", "JSON"),
    (b'{"text": 7}', "body.text"),
    (b'{"text": "hi", "reply_to": "yesterday"}', "body.reply_to"),
    (b'{"text": "hi", "kind": "shout"}', "body.kind"),
    (b'{"text": "a\\u0000b"}', "NUL"),
    (b'{"text": "  "}', "body.text"),
    (b'{"x":' + b"[" * 100_000, "JSON"),
]


async def test_a_body_that_is_not_what_was_asked_for_is_refused_with_its_place(
    api: ApiClient,
) -> None:
    for data, place in BAD_BODIES:
        got = await api("POST", f"/conversations/{new_id()}/messages", data=data)
        assert got.status == 400, data[:40]
        assert place in got.body["detail"], data[:40]
    assert api.desk.told == []


async def test_fields_nobody_knows_are_ignored(api: ApiClient) -> None:
    got = await api("POST", "/contacts", json={"name": "Анна", "shoe_size": 38})
    assert got.status == 201


async def test_a_body_has_a_bound(api: ApiClient) -> None:
    big = b'{"text": "' + b"a" * MOST_BYTES + b'"}'
    path = f"/conversations/{new_id()}/messages"
    assert (await api("POST", path, data=BytesIO(big))).status == 413


async def test_a_wrong_path_or_method_is_a_problem_too(api: ApiClient) -> None:
    got = await api("GET", "/no-such-thing")
    assert (got.status, got.headers["Content-Type"][:24]) == (404, "application/problem+json")
    got = await api("PUT", "/contacts")
    assert (got.status, got.headers["Allow"]) == (405, "GET, POST")


async def test_a_refusal_is_passed_on_in_words(api: ApiClient) -> None:
    api.desk.refusal = "The customer has blocked the bot."
    got = await api("POST", f"/conversations/{new_id()}/messages", json={"text": "hi"})
    assert got.status == 409
    assert got.body["detail"] == "The customer has blocked the bot."


async def test_a_fault_of_ours_is_a_problem_without_its_insides(api: ApiClient) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret insides")

    api.desk.reply = broken  # type: ignore[assignment, method-assign]  # a desk that breaks
    got = await api("POST", f"/conversations/{new_id()}/messages", json={"text": "hi"})
    assert got.status == 500
    assert "insides" not in str(got.body)
