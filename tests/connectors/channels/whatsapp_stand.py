"""A number in the stand-in, and an account that reaches it."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp

from connectors.channels.whatsapp import connector
from connectors.connector import Account, Outgoing, OutgoingFile, Sent
from connectors.outgoing import open_http
from sandbox.whatsapp import Limits, Number, WhatsApp
from tests.connectors.channels.whatsapp_world import NUMBER_ID, SECRET, TOKEN, an_account

ANNA = "79161234567"
UNLIMITED = Limits(number_rate=None, pair_rate=None)


@dataclass(frozen=True, slots=True)
class Stand:
    whatsapp: WhatsApp
    number: Number
    account: Account
    http: aiohttp.ClientSession

    async def send(self, text: str = "Добрый день", **more: Any) -> Sent:
        assert connector.send is not None
        reply = {"id": UUID(int=7), "chat": ANNA, "text": text} | more
        return await connector.send(self.account, Outgoing(**reply), self.http)


@asynccontextmanager
async def a_stand(
    *, limits: Limits = UNLIMITED, now: Callable[[], float] = time.time, **fields: str
) -> AsyncGenerator[Stand]:
    """Anna has written to the number already, so that it may answer her."""
    whatsapp = WhatsApp(now=now, token=TOKEN, app_secret=SECRET, tempo=0.01, limits=limits)
    number = whatsapp.add_number(NUMBER_ID)
    number.writes(ANNA, "Здравствуйте", name="Анна")
    async with whatsapp.running(), open_http() as http:
        account = an_account(api_base=whatsapp.url, **fields)
        yield Stand(whatsapp, number, account, http)


def a_file(
    content: bytes = b"\xff\xd8jpeg",
    *,
    name: str = "a.jpg",
    mime: str = "image/jpeg",
    kind: Any = "image",
    size: int | None = None,
) -> OutgoingFile:
    async def read() -> bytes:
        return content

    return OutgoingFile(
        name=name, mime=mime, size=len(content) if size is None else size, kind=kind, read=read
    )
