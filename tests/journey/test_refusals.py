"""What is forged, broken or too large is refused with the right status, counted, and leaves no trace; what is right
and yet cannot be processed lies in the dead letters, alone, until somebody has mended the cause.
"""

import asyncio
import gzip
import io
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from storage.embedded import running_server_url
from tests.journey.conftest import Shared
from tests.journey.processes import Api, Place, Process, api_of, eventually

pytestmark = pytest.mark.timeout(300)

SECRET = "s3cret"
SIGNED = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
HOOK = "/hooks/telegram/shop"
MEGABYTE = b"x" * (1 << 20)


def an_update(n: int, text: str, *, user: int = 700) -> bytes:
    person = {"id": user, "is_bot": False, "first_name": f"U{user}"}
    chat = {"id": user, "type": "private", "first_name": f"U{user}"}
    message = {"message_id": n, "date": 1763700000 + n, "from": person, "chat": chat, "text": text}
    return json.dumps({"update_id": 900_000 + n, "message": message}).encode()


GOOD = an_update(1, "Здравствуйте")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A request that must be refused with `status`."""

    name: str
    status: int
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    chunked: bool = False

    @property
    def door(self) -> str:
        return "api" if self.path.startswith("/api/") else self.path.split("/")[1]


def at_the_hook() -> list[Bad]:
    def bad(name: str, status: int, body: bytes = GOOD, **more: Any) -> Bad:
        return Bad(**{"path": HOOK, "headers": SIGNED, **more}, name=name, status=status, body=body)

    def secret(value: str) -> dict[str, str]:
        return SIGNED | {"X-Telegram-Bot-Api-Secret-Token": value}

    json_only = {"Content-Type": "application/json"}
    squeezed = SIGNED | {"Content-Encoding": "gzip"}
    return [
        bad("unsigned", 401, headers=json_only),
        bad("unsigned and broken", 401, b"{", headers=json_only),
        bad("forged", 403, headers=secret("other")),
        bad("forged, nearly right", 403, headers=secret(SECRET + "x")),
        bad("forged, empty", 403, headers=secret("")),
        bad("forged, not ASCII", 403, headers=secret("секрет")),
        bad("nobody's slug", 404, path="/hooks/telegram/other"),
        bad("another channel's hook", 404, path="/hooks/vk/shop"),
        bad("a slug of a channel without a hook", 404, path="/hooks/telegram/site"),
        bad("method", 405, method="PUT"),
        bad("empty", 400, b""),
        bad("truncated", 400, GOOD[:-20]),
        bad("garbage", 400, bytes(range(256)) * 4),
        bad("a list", 400, b"[]"),
        bad("null", 400, b"null"),
        bad("a word", 400, b'"update"'),
        bad("a number too large", 400, b'{"update_id": ' + b"9" * 400 + b"}"),
        bad("an update without its number", 400, b'{"message": {"text": "x"}}'),
        bad("its number of another type", 400, b'{"update_id": "1", "message": {}}'),
        bad("nested beyond reason", 400, b"[" * 200_000),
        bad("UTF-16", 400, GOOD.decode().encode("utf-16")),
        bad("UTF-32", 400, GOOD.decode().encode("utf-32")),
        bad("a form", 400, b"update_id=1&message=x"),
        bad("no gzip, though it says so", 400, headers=squeezed),
        bad("gzip, truncated", 400, gzip.compress(GOOD)[:-40], headers=squeezed),
        bad("oversized", 413, MEGABYTE * 20),
        bad("oversized, without saying how large", 413, MEGABYTE * 20, chunked=True),
        bad("oversized once unpacked", 413, gzip.compress(MEGABYTE * 200), headers=squeezed),
    ]


def at_the_chat(origin: str, token: str) -> list[Bad]:
    page = {"Origin": origin, "Content-Type": "application/json"}
    visitor = page | {"Authorization": f"Bearer {token}"}
    posted = json.dumps({"client_msg_id": str(uuid4()), "text": "Здравствуйте"}).encode()

    def bad(name: str, status: int, body: bytes | None = posted, **more: Any) -> Bad:
        usual = {"path": "/chat/site/messages", "headers": visitor}
        return Bad(**{**usual, **more}, name=name, status=status, body=body)

    def bearer(given: str) -> dict[str, str]:
        return page | {"Authorization": given}

    long = json.dumps({"client_msg_id": str(uuid4()), "text": "я" * 20_000}).encode()
    unnumbered = json.dumps({"client_msg_id": "1", "text": "x"}).encode()
    return [
        bad("from no page", 403, headers={"Authorization": f"Bearer {token}"}),
        bad("from another's page", 403, headers=visitor | {"Origin": "https://evil.example"}),
        bad("from a page that is like ours", 403, headers=visitor | {"Origin": f"{origin}.evil"}),
        bad("from no origin", 403, headers=visitor | {"Origin": "http://["}),
        bad("from null", 403, headers=visitor | {"Origin": "null"}),
        bad("nobody's chat", 404, path="/chat/other/messages"),
        bad("a chat that is a bot", 404, path="/chat/shop/messages"),
        bad("without a token", 401, headers=page),
        bad("with an empty token", 401, headers=bearer("Bearer ")),
        bad("with a forged token", 401, headers=bearer(f"Bearer {token[:-4]}AAAA")),
        bad("with half a token", 401, headers=bearer(f"Bearer {token[: len(token) // 2]}")),
        bad("with another scheme", 401, headers=bearer(f"Basic {token}")),
        bad("truncated", 400, posted[:-5]),
        bad("a list", 400, b"[]"),
        bad("UTF-16", 400, posted.decode().encode("utf-16")),
        bad("broken UTF-8", 400, posted.replace(b"\\u0417", b"\xff\xfe")),
        bad("an id that is none", 400, unnumbered),
        bad("text that is a number", 400, posted.replace(b'"text": "', b'"text": 1, "x": "')),
        bad("nested beyond reason", 400, b"[" * 60_000),
        bad("oversized", 413, MEGABYTE),
        bad("oversized, without saying how large", 413, MEGABYTE, chunked=True),
        bad("longer than a message may be", 413, long),
        bad("no file", 400, b"x", path="/chat/site/files"),
        bad("no gzip, though it says so", 400, headers=visitor | {"Content-Encoding": "gzip"}),
        bad(
            "a page that is no number", 400, None, path="/chat/site/messages?after=x", method="GET"
        ),
        bad("identified by nobody", 403, b'{"external_id": "7"}', path="/chat/site/identify"),
    ]


def at_the_api(token: str, reader: str) -> list[Bad]:
    own = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    contact = b'{"name": "Nobody"}'

    def bad(name: str, status: int, body: bytes | None = contact, **more: Any) -> Bad:
        usual = {"path": "/api/v1/contacts", "headers": own}
        return Bad(**{**usual, **more}, name=name, status=status, body=body)

    def bearer(given: str) -> dict[str, str]:
        return own | {"Authorization": given}

    replay = f"/api/v1/dead-letters/{uuid4()}/replay"
    return [
        bad("unsigned", 401, headers={"Content-Type": "application/json"}),
        bad("forged", 401, headers=bearer("Bearer allo_forged")),
        bad("forged, endless", 401, headers=bearer("Bearer " + "x" * 5000)),
        bad("forged, not ASCII", 401, headers=bearer("Bearer токен")),
        bad("another scheme", 401, headers=bearer(f"Basic {token}")),
        bad("not allowed", 403, headers=bearer(f"Bearer {reader}")),
        bad("not allowed to replay", 403, b"", path=replay, headers=bearer(f"Bearer {reader}")),
        bad("truncated", 400, contact[:-4]),
        bad("a list", 400, b"[]"),
        bad("garbage", 400, bytes(range(256))),
        bad("UTF-16", 400, contact.decode().encode("utf-16")),
        bad("broken UTF-8", 400, b'{"name": "\xff\xfe"}'),
        bad("no gzip, though it says so", 400, headers=own | {"Content-Encoding": "gzip"}),
        bad("no gzip, unsigned", 401, headers={"Content-Encoding": "gzip"}),
        bad("NUL", 400, b'{"name": "a\\u0000b"}'),
        bad("another type", 400, b'{"name": 7}'),
        bad("nested beyond reason", 400, b"[" * 200_000),
        bad("oversized", 413, MEGABYTE * 2),
        bad("oversized, without saying how large", 413, MEGABYTE * 2, chunked=True),
        bad("a cursor that is none", 400, None, path="/api/v1/messages?cursor=x", method="GET"),
        bad("a limit that is none", 400, None, path="/api/v1/messages?limit=x", method="GET"),
        bad("an id of nothing", 404, None, path=f"/api/v1/leads/{uuid4()}", method="GET"),
        bad("an id that is none", 404, None, path="/api/v1/leads/x", method="GET"),
        bad("an address that is none", 404, None, path="/api/v1/nothing", method="GET"),
        bad("a letter that is none", 404, b"", path=replay),
        bad("a method that is none", 405, method="PUT"),
    ]


async def _answered(http: aiohttp.ClientSession, url: str, bad: Bad) -> int:
    async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(body), 1 << 16):
            yield body[at : at + (1 << 16)]

    data: Any = bad.body
    if bad.body is not None and len(bad.body) >= len(MEGABYTE):
        data = in_pieces(bad.body) if bad.chunked else io.BytesIO(bad.body)
    try:
        async with http.request(
            bad.method, url + bad.path, data=data, headers=bad.headers, skip_auto_headers=["Origin"]
        ) as answer:
            return answer.status
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        # The answer was there before all of the body was, and then the line was cut.
        return 413


async def _counted(http: aiohttp.ClientSession, url: str) -> Counter[tuple[str, str]]:
    async with http.get(f"{url}/metrics") as answer:
        told = await answer.text()
    return Counter(
        {
            (sample.labels["door"], sample.labels["status"]): int(sample.value)
            for family in text_string_to_metric_families(told)
            for sample in family.samples
            if sample.name == "allo_http_refused_total"
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    place: Place
    allo: Process
    api: Api
    http: aiohttp.ClientSession
    database: asyncpg.Connection

    async def one(self, question: str) -> int:
        return int(await self.database.fetchval(question) or 0)

    async def brings(self, update: bytes) -> int:
        async with self.http.post(self.allo.url + HOOK, data=update, headers=SIGNED) as answer:
            return answer.status


@asynccontextmanager
async def _stand(directory: Path, **environment: str) -> AsyncGenerator[Stand]:
    place = Place(directory, **environment)
    async with place.process() as allo:
        await allo.ready()
        await place.add_channel(
            *("telegram", "shop"),
            token="1:TEST",
            webhook_secret=SECRET,
            mode="webhook",
            api_base="http://127.0.0.1:9",
        )
        url = environment.get("ALLO_DATABASE_URL") or await running_server_url(
            directory / "var" / "postgres"
        )
        database = await asyncpg.connect(url)
        try:
            async with (
                api_of(allo, token=await place.token()) as api,
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=30), max_field_size=65536
                ) as http,
            ):
                yield Stand(place=place, allo=allo, api=api, http=http, database=database)
        finally:
            await database.close()


async def test_what_is_wrong_at_any_door_is_refused_and_counted_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    async with _stand(tmp_path) as stand:
        http, url = stand.http, stand.allo.url
        made = await stand.place.cli(
            "token", "create", "--name", "reader", "--scope", "read", "--json"
        )
        async with http.post(
            f"{url}/chat/site/session", json={}, headers={"Origin": url}
        ) as answer:
            visitor = (await answer.json())["token"]
        wrong = [
            *at_the_hook(),
            *at_the_chat(url, visitor),
            *at_the_api(stand.api.token, json.loads(made.out)["token"]),
        ]
        before = await _counted(http, url)
        got = {(each.door, each.name): await _answered(http, url, each) for each in wrong}
        assert got == {(each.door, each.name): each.status for each in wrong}
        counted = await _counted(http, url) - before
        assert counted == Counter((each.door, str(each.status)) for each in wrong)

        await _broken_off(stand.allo, token=stand.api.token)
        for table in ("inbound_event", "message", "contact", "lead", "conversation", "dead_letter"):
            assert await stand.one(f"select count(*) from {table}") == 0, table
        assert await stand.one("select count(*) from queue_message") == 0

        # All of that could have been positive: the same, in order, is taken at each door.
        assert await stand.brings(GOOD) == 200
        async with http.post(
            f"{url}/chat/site/messages",
            json={"client_msg_id": str(uuid4()), "text": "Здравствуйте"},
            headers={"Origin": url, "Authorization": f"Bearer {visitor}"},
        ) as answer:
            assert answer.status == 200

        async def both_there() -> bool:
            return len(await stand.api.all("/messages")) == 2

        await eventually(both_there)
        await stand.api.post("/contacts", {"name": "Somebody"})
        assert len(await stand.api.all("/contacts")) == 3
        stand.allo.must_run()
        assert "Traceback" not in stand.allo.log.read_text(), stand.allo.last_words()


async def _broken_off(allo: Process, *, token: str) -> None:
    """Who announces a body and leaves in the middle of it."""
    host, _, port = allo.url.removeprefix("http://").rpartition(":")
    signed = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}"
    for path, header in ((HOOK, signed), ("/api/v1/contacts", f"Authorization: Bearer {token}")):
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(GOOD)}\r\n{header}"
        writer.write(head.encode() + b"\r\n\r\n" + GOOD[:-1])
        await writer.drain()
        writer.close()
        await writer.wait_closed()


POISON = """
create function spoil() returns trigger language plpgsql as $$
begin
    if new.text like '%poison%' then raise exception 'this text cannot be stored' using errcode = '22000'; end if;
    return new;
end $$;
create trigger spoilt before insert on message for each row execute function spoil()
"""


async def test_a_poison_event_dies_alone_with_its_reason_and_is_replayed_after_the_mend(
    tmp_path: Path,
) -> None:
    await _a_poison_event_dies_alone_and_is_replayed(tmp_path)


async def test_a_poison_event_from_rabbitmq_dies_alone_and_goes_back_there_after_the_mend(
    tmp_path: Path, shared: Shared
) -> None:
    await _a_poison_event_dies_alone_and_is_replayed(tmp_path, **shared.environment)


async def _a_poison_event_dies_alone_and_is_replayed(directory: Path, **environment: str) -> None:
    async with _stand(directory, **environment) as stand:
        await stand.database.execute(POISON)
        # In the same chats as their neighbours, before and after them.
        texts = [f"message {n}" for n in range(60)]
        texts[20] = texts[41] = "poison"
        async with asyncio.TaskGroup() as group:
            taken = [
                group.create_task(stand.brings(an_update(n, text, user=700 + n % 6)))
                for n, text in enumerate(texts, start=1)
            ]
        assert {each.result() for each in taken} == {200}

        async def neighbours_are_there() -> bool:
            found = await stand.api.all("/messages")
            assert len(found) == 58
            return len(await stand.api.all("/dead-letters")) == 2

        await eventually(neighbours_are_there)
        assert await stand.one("select count(*) from contact") == 6
        assert await stand.one("select count(*) from lead where status = 'open'") == 6
        letters = await stand.api.all("/dead-letters")
        for each in letters:
            assert "this text cannot be stored" in each["reason"]
            assert (each["account"], each["stage"], each["attempts"]) == ("shop", "route", 1)
        told = (await stand.place.cli("dead", "list")).out
        assert told.count("this text cannot be stored") == 2

        # Too early: it comes back, and is still one letter.
        early = letters[0]["event_id"]
        await stand.api.post(f"/dead-letters/{letters[0]['id']}/replay")

        async def came_back() -> bool:
            now = await stand.api.all("/dead-letters")
            return any(each["event_id"] == early and each["id"] != letters[0]["id"] for each in now)

        await eventually(came_back)
        assert len(await stand.api.all("/dead-letters")) == 2

        await stand.database.execute("drop trigger spoilt on message")
        by_api, by_cli = await stand.api.all("/dead-letters")
        await stand.api.post(f"/dead-letters/{by_api['id']}/replay")
        await stand.place.cli("dead", "replay", by_cli["id"])

        async def all_there() -> bool:
            return len(await stand.api.all("/messages")) == 60

        await eventually(all_there)
        assert await stand.api.all("/dead-letters") == []
        status, _ = await stand.api.send("POST", f"/dead-letters/{by_api['id']}/replay")
        assert status == 404, "a letter is put back once"
        assert await stand.one("select count(*) from contact") == 6
        assert await stand.one("select count(*) from lead where status = 'open'") == 6
        assert (
            await stand.one(
                "select max(n) from (select count(*) as n from message group by external_id) q"
            )
            == 1
        )
        async with stand.http.get(f"{stand.allo.url}/metrics") as answer:
            assert 'allo_dead_letters_total{stage="route"} 3.0' in await answer.text()
