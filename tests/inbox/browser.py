"""What a browser sends and understands, as far as the pages' rules depend on it."""

import re
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy


@dataclass
class Answer:
    status: int
    text: str
    headers: CIMultiDictProxy[str]
    body: bytes


class Browser:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.token = ""

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._ask("GET", path, headers=headers)

    async def fragment(self, path: str) -> Answer:
        return await self.get(path, **{"X-Fragment": "1"})

    async def post(
        self, path: str, fields: Any = None, *, token: str | None = None, **headers: str
    ) -> Answer:
        """With the session's token, unless another is given."""
        own = await self.csrf() if token is None else token
        return await self._ask(
            "POST", path, data=fields or {}, headers={"X-CSRF-Token": own, **headers}
        )

    async def upload(self, name: str, content: bytes, mime: str) -> Answer:
        headers = {"X-CSRF-Token": await self.csrf(), "X-File-Name": name, "Content-Type": mime}
        return await self._ask("POST", "/files", data=content, headers=headers)

    async def sign_in(self, email: str, password: str, **fields: str) -> Answer:
        self.token = ""
        return await self._ask(
            "POST", "/sign-in", data={"email": email, "password": password, **fields}
        )

    async def csrf(self) -> str:
        if not self.token:
            for path in ("/profile", "/profile/password"):
                found = re.search(
                    r'name="csrf" (?:content|value)="([^"]*)"', (await self.get(path)).text
                )
                if found:
                    self.token = found[1]
                    break
        return self.token

    async def _ask(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, path, allow_redirects=False, **options) as response:
            body = await response.read()
            return Answer(
                status=response.status,
                text=body.decode(errors="replace"),
                headers=response.headers,
                body=body,
            )
