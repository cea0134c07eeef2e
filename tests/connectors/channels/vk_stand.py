"""A community in the stand-in, and an account that reaches it."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from connectors.connector import Account
from connectors.outgoing import open_http
from sandbox.vk import VK, Community, Limits
from sandbox.vk.methods import KINDS
from tests.connectors.channels.vk_world import ANNA, GROUP, TOKEN, an_account

UNLIMITED = Limits(rate=None)


@dataclass(frozen=True, slots=True)
class Stand:
    vk: VK
    community: Community
    account: Account
    http: aiohttp.ClientSession


@asynccontextmanager
async def a_stand(*, limits: Limits = UNLIMITED, **fields: str) -> AsyncGenerator[Stand]:
    """Anna has written to the community already, so that it may answer her; Long Poll brings every kind of event."""
    vk = VK(now=time.time, tempo=0.01, limits=limits)
    community = vk.add_community(GROUP, TOKEN)
    community.polling = True
    community.polled |= set(KINDS)
    async with vk.running(), open_http() as http:
        community.writes(ANNA, "Здравствуйте", name="Анна Каренина")
        account = an_account(
            api_base=vk.url, confirmation=community.confirmation, **({"mode": "longpoll"} | fields)
        )
        yield Stand(vk, community, account, http)
