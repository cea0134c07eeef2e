"""An API client that holds every answer against the OpenAPI document, and a desk that keeps account of what it was told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, cast
from uuid import UUID

import jsonschema  # type: ignore[import-untyped]
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.message_templates import Template
from inbox.api.openapi import document
from inbox.api.routes import ENDPOINTS
from inbox.desk import NotFound, Refused
from inbox.live_hub import LiveHub
from storage.media import MediaStore
from tests.builders import START, Rows
from tests.inbox.stage import Calls


class ToldDesk:
    """Keeps what it was asked for in `told`; makes the rows an answer needs; refuses when `refusal` is set."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.told: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.refusal = ""
        self.kept: dict[str, UUID] = {}
        self.result: UUID | None = None

    def _hear(self, name: str, args: tuple[Any, ...], more: dict[str, Any]) -> None:
        if self.refusal:
            raise Refused(self.refusal)
        self.told.append((name, args, more))

    def __getattr__(self, name: str) -> Any:
        async def told(*args: Any, **more: Any) -> UUID | None:
            self._hear(name, args, more)
            return self.result

        return told

    async def reply(self, conversation: UUID, **more: Any) -> UUID:
        return await self._message("reply", conversation, "out", more)

    async def note(self, conversation: UUID, **more: Any) -> UUID:
        return await self._message("note", conversation, "note", more)

    async def _message(
        self, name: str, conversation: UUID, direction: str, more: dict[str, Any]
    ) -> UUID:
        self._hear(name, (conversation,), more)
        key = more["idempotency_key"]
        if key in self.kept:
            return self.kept[key]
        async with self.engine.begin() as connection:
            there = await connection.execute(
                text("select 1 from conversation where id = :id"), {"id": conversation}
            )
            if there.one_or_none() is None:
                raise NotFound
            made = await Rows(connection).message(
                conversation, text=more["text"], direction=direction
            )
        if key:
            self.kept[key] = made
        return made

    async def create_contact(self, **more: Any) -> UUID:
        self._hear("create_contact", (), more)
        async with self.engine.begin() as connection:
            return await Rows(connection).contact(name=more["name"])

    async def create_lead(self, contact: UUID, **more: Any) -> UUID:
        self._hear("create_lead", (contact,), more)
        async with self.engine.begin() as connection:
            return await Rows(connection).lead(contact, title=more["title"], value=more["value"])


class Switch:
    """The desk the API was given: whichever is behind it now."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk, name)


class ToldDeadLetterDesk:
    def __init__(self) -> None:
        self.replayed: list[UUID] = []
        self.there: set[UUID] = set()

    async def replay(self, letter: UUID, *, by: UUID | None) -> None:
        if letter not in self.there:
            raise NotFound
        self.replayed.append(letter)

    async def replay_alike(self, letter: UUID, *, by: UUID | None) -> int:
        raise AssertionError("the API replays one by one")

    async def drop(self, letter: UUID, *, by: UUID | None) -> None:
        raise AssertionError("the API drops nothing")


@dataclass
class ToldTemplates:
    """The one thing the API asks of connected channels."""

    listed: list[Template] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def templates(self, slug: str) -> Sequence[Template]:
        self.asked.append(slug)
        return self.listed


@dataclass
class Clock:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Got:
    status: int
    headers: Mapping[str, str]
    body: Any


DOCUMENT = cast(
    "dict[str, Any]", msgspec.json.decode(msgspec.json.encode(document(ENDPOINTS, version="1")))
)


@dataclass
class ApiClient:
    http: TestClient[web.Request, web.Application]
    engine: AsyncEngine
    desk: ToldDesk
    switch: Switch
    letters: ToldDeadLetterDesk
    templates: ToldTemplates
    media: MediaStore
    hub: LiveHub
    calls: Calls
    clock: Clock
    tokens: dict[str, str] = field(default_factory=dict)

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        scope: str = "admin",
        json: Any = None,
        data: bytes | BytesIO | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Got:
        sent = {"Authorization": f"Bearer {self.tokens[scope]}", **(headers or {})}
        async with self.http.request(
            method, f"/api/v1{path}", json=json, data=data, headers=sent, params=params
        ) as response:
            raw = await response.read()
            media_type = response.content_type
            body: Any = msgspec.json.decode(raw) if media_type.endswith("json") else raw
            _check(method, path, response.status, media_type, body)
            return Got(status=response.status, headers=response.headers.copy(), body=body)

    async def ids(self, path: str, **params: str) -> list[str]:
        got = await self("GET", path, params=params)
        assert got.status == 200, got.body
        return [item["id"] for item in got.body["items"]]


def _check(method: str, path: str, status: int, media_type: str, body: Any) -> None:
    """The answer is one that the document promises."""
    for pattern, operations in DOCUMENT["paths"].items():
        parts, given = pattern.split("/"), f"/api/v1{path}".split("?")[0].split("/")
        same = len(parts) == len(given) and all(
            part in {"{id}", other} for part, other in zip(parts, given, strict=True)
        )
        if same and method.lower() in operations:
            responses = operations[method.lower()]["responses"]
            assert str(status) in responses, f"{method} {path}: {status}"
            content = responses[str(status)].get("content", {})
            if not content:
                assert body == b""
                return
            assert "text/event-stream" in content or media_type in content or status == 200, (
                media_type
            )
            if media_type in content and media_type.endswith("json"):
                schema = {**content[media_type]["schema"], "components": DOCUMENT["components"]}
                jsonschema.Draft202012Validator(
                    schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
                ).validate(body)
            return
