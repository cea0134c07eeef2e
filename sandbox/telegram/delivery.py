"""Updates on their way to bots, as Telegram's server brings them (tdlib/telegram-bot-api, WebhookActor.cpp).

By webhook, the updates of one chat go one after another: the next waits until the one before was taken with a 2xx;
chats do not wait for each other. A refused one comes again at once, then after 1, 2, 4… seconds up to a minute or two,
or when the answer's Retry-After says; after a day it is dropped. By getUpdates, asking from an offset confirms what
was before it, and only one may ask at a time.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import aiohttp

from sandbox.telegram.world import Bot, Json, Webhook

RETRY_LONGEST: Final = 90.0
EXPIRES: Final = 86_400.0
ANSWER_WITHIN: Final = 60.0


def queue_of(update: Json) -> object:
    """What an update waits in line with: its chat, or else its person."""
    told: Any = next((value for name, value in update.items() if name != "update_id"), {})
    holder = told.get("message", told) if isinstance(told, dict) else {}
    chat = holder.get("chat") or told.get("from") or {}
    return chat.get("id")


class Pulse:
    """Wakes everybody who waits for news."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def next(self) -> None:
        await self._event.wait()


class Delivery:
    """`attempts` counts the requests made to webhooks."""

    def __init__(self, *, tempo: float = 1.0) -> None:
        self.tempo = tempo
        self.attempts = 0
        self.news = Pulse()
        self._asking: dict[str, object] = {}

    async def push(self, bot: Bot, http: aiohttp.ClientSession) -> None:
        """Brings the bot's updates to its webhook, whenever it has one. Until it is cancelled."""
        busy: dict[object, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                busy = {queue: task for queue, task in busy.items() if not task.done()}
                for queue, update in self._heads(bot):
                    if bot.webhook is None or len(busy) >= bot.webhook.max_connections:
                        break
                    if queue not in busy:
                        busy[queue] = group.create_task(self._bring(bot, queue, update, http))
                await self.news.next()

    def _heads(self, bot: Bot) -> Iterator[tuple[object, Json]]:
        """The first update of each chat."""
        if bot.webhook is None:
            return
        seen: set[object] = set()
        for update in bot.pending:
            queue = queue_of(update)
            if queue not in seen:
                seen.add(queue)
                yield queue, update

    async def _bring(
        self, bot: Bot, queue: object, update: Json, http: aiohttp.ClientSession
    ) -> None:
        """One chat's updates until none is left."""
        following: Json | None = update
        while following is not None:
            failures, waited = 0, 0.0
            while bot.webhook is not None and following in bot.pending:
                again = await self._post(bot.webhook, following, http, failures)
                if again is None or waited > EXPIRES:
                    bot.pending.remove(following)
                    break
                failures += 1
                waited += again
                await asyncio.sleep(again * self.tempo)
            if bot.webhook is None:
                return
            following = next((each for each in bot.pending if queue_of(each) == queue), None)
        # There is room for a chat that had to wait for one.
        self.news.beat()

    async def _post(
        self, webhook: Webhook, update: Json, http: aiohttp.ClientSession, failures: int
    ) -> float | None:
        """None when it was taken, or else the seconds until the next attempt."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret} if webhook.secret else {}
        self.attempts += 1
        later = 0.0 if failures == 0 else min(2.0 ** (failures - 1), RETRY_LONGEST)
        try:
            async with http.post(
                webhook.url,
                json=update,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN),
            ) as response:
                if 200 <= response.status < 300:
                    return None
                webhook.last_error = (
                    f"Wrong response from the webhook: {response.status} {response.reason}"
                )
                asked = response.headers.get("Retry-After", "")
                return min(float(asked), 3600.0) if asked.isdecimal() else later
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            webhook.last_error = f"Connection failed: {type(error).__name__}"
            return later

    async def get_updates(
        self, bot: Bot, *, offset: int | None, limit: int, timeout: float
    ) -> list[Json] | None:
        """None: another getUpdates came in and took over."""
        ticket = self._asking[bot.token] = object()
        self.news.beat()
        if offset is not None and offset < 0:
            bot.pending = bot.pending[offset:]
        elif offset is not None:
            bot.pending = [each for each in bot.pending if each["update_id"] >= offset]
        try:
            async with asyncio.timeout(timeout * self.tempo):
                while not bot.pending and self._asking.get(bot.token) is ticket:
                    await self.news.next()
        except TimeoutError:
            return []
        finally:
            mine = self._asking.get(bot.token) is ticket
            if mine:
                del self._asking[bot.token]
        return bot.pending[: min(max(limit, 1), 100)] if mine else None
