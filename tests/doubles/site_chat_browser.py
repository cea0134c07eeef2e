"""A browser as the site chat meets it over HTTP, and a clock that stands still unless told."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import FormData

SITE = "https://shop.example"


@dataclass
class Clock:
    """Stands still, unless told."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Browser:
    http: aiohttp.ClientSession
    origin: str = SITE
    token: str = ""

    def headers(self) -> dict[str, str]:
        headers = {"Origin": self.origin} if self.origin else {}
        return {**headers, "Authorization": f"Bearer {self.token}"} if self.token else headers

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with self.http.post(f"/chat/site/{path}", json=body, headers=self.headers()) as got:
            content = await got.json(content_type=None) if got.status != 204 else None
            if got.status == 200 and content.get("token"):
                self.token = content["token"]
            return got.status, content

    async def begin(self, **visit: Any) -> "Browser":
        status, _ = await self.post("session", {"visit": {"id": "v", **visit}} if visit else {})
        assert status == 200
        return self

    async def say(self, words: str, **more: Any) -> tuple[int, Any]:
        return await self.post("messages", {"client_msg_id": str(uuid4()), "text": words, **more})

    async def read(self, query: str = "") -> Any:
        async with self.http.get(f"/chat/site/messages{query}", headers=self.headers()) as got:
            assert got.status == 200
            return (await got.json())["messages"]

    async def upload(self, name: str, content: bytes) -> tuple[int, Any]:
        form = FormData(quote_fields=False)  # as browsers do
        form.add_field("file", BytesIO(content), filename=name)
        async with self.http.post("/chat/site/files", data=form, headers=self.headers()) as got:
            return got.status, await got.json(content_type=None)
