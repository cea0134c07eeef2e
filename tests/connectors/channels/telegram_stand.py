"""A bot in the stand-in, and an account that reaches it."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from connectors.connector import Account
from connectors.outgoing import open_http
from sandbox.telegram import Bot, Limits, Telegram
from tests.connectors.channels.telegram_world import TOKEN, an_account

ANNA = 700
UNLIMITED = Limits(bot_rate=None, chat_rate=None, group_rate=None)


@dataclass(frozen=True, slots=True)
class Stand:
    telegram: Telegram
    bot: Bot
    account: Account
    http: aiohttp.ClientSession


@asynccontextmanager
async def a_stand(*, limits: Limits = UNLIMITED, **fields: str) -> AsyncGenerator[Stand]:
    """Anna has written to the bot already, so that it may answer her."""
    telegram = Telegram(now=time.time, tempo=0.01, limits=limits)
    bot = telegram.add_bot(TOKEN, "shop_bot")
    bot.writes(ANNA, "Здравствуйте", name="Анна")
    async with telegram.running(), open_http() as http:
        account = an_account(api_base=telegram.url, **fields)
        yield Stand(telegram, bot, account, http)
