"""Events on their way to communities, as VK brings them (dev.vk.com: Callback API, Bots Long Poll).

To a callback server each event is a request of its own, up to ten at a time and in no promised order. Only `ok` with
200 takes it; anything else comes again, with X-Retry-Counter, after some seconds or when Retry-After says; `remove`
takes the server away. After several errors in a row VK stops for a while. By Long Poll, `ts` says from where on.
"""

import asyncio
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from sandbox.vk.world import Community, Json, Server

AT_ONCE: Final = 10
AGAIN_S: Final = 18.0
"""As observed: https://github.com/yageorgiy/botman-vk-community-callback-driver/issues/11"""

ANSWER_WITHIN_S: Final = 10.0
ERRORS: Final = 20
STOPS_S: Final = 60.0
GIVES_UP: Final = 50


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
    def __init__(self, *, tempo: float = 1.0) -> None:
        self.tempo = tempo
        self.news = Pulse()

    async def push(self, community: Community, http: aiohttp.ClientSession) -> None:
        """Brings the community's events to its servers. Until it is cancelled."""
        busy: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                busy = {task for task in busy if not task.done()}
                for server in list(community.servers.values()):
                    while server.waiting and server.status == "ok" and len(busy) < AT_ONCE:
                        event, refused = server.waiting.pop(0)
                        bring = self._bring(community, server, event, refused, http)
                        busy.add(group.create_task(bring))
                await self.news.next()

    async def _bring(
        self,
        community: Community,
        server: Server,
        event: Json,
        refused: int,
        http: aiohttp.ClientSession,
    ) -> None:
        again = await self._post(community, server, event, refused, http)
        if again is not None and refused < GIVES_UP:
            server.errors += 1
            if server.errors >= ERRORS:
                server.errors, again = 0, max(again, STOPS_S)
            await asyncio.sleep(again * self.tempo)
            server.waiting.append((event, refused + 1))
        elif again is None:
            server.errors = 0
        # There is room for an event that had to wait for some.
        self.news.beat()

    async def _post(
        self,
        community: Community,
        server: Server,
        event: Json,
        refused: int,
        http: aiohttp.ClientSession,
    ) -> float | None:
        """None when it was taken, or else the seconds until the next attempt."""
        headers = {"X-Retry-Counter": str(refused)} if refused else {}
        server.attempts += 1
        try:
            status, body, asked = await _answer(http, server.url, event, headers)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return AGAIN_S
        if status == 200 and body == b"ok":
            return None
        if body == b"remove":
            community.servers.pop(server.id, None)
            return None
        if asked and status in {410, 429, 503}:
            return _until(asked, community.now())
        return AGAIN_S

    async def confirm(
        self, community: Community, server: Server, http: aiohttp.ClientSession
    ) -> None:
        """VK asks the server for the community's code before it sends anything."""
        event: Json = {"type": "confirmation", "group_id": community.number, "v": server.version}
        try:
            status, body, _ = await _answer(http, server.url, event, {})
        except (aiohttp.ClientError, TimeoutError, OSError):
            status, body = 0, b""
        good = status == 200 and body.decode(errors="replace").strip() == community.confirmation
        server.status = "ok" if good else "failed"

    async def poll(self, community: Community, ts: str, key: str, wait: float) -> Json:
        """`ts` counts events."""
        if key != community.key:
            return {"failed": 3 if key in community.lost else 2}
        place = int(ts) if ts.isdecimal() else -1
        newest = community.forgotten + len(community.log)
        if not 0 <= place <= newest:
            return {"failed": 3}
        if place < community.forgotten:
            # An integer here, a string elsewhere.
            return {"failed": 1, "ts": newest}
        try:
            async with asyncio.timeout(wait * self.tempo):
                while not community.log[place - community.forgotten :] and key == community.key:
                    await self.news.next()
        except TimeoutError:
            pass
        if key != community.key:
            return {"failed": 3 if key in community.lost else 2}
        updates = community.log[max(place - community.forgotten, 0) :]
        return {"ts": str(place + len(updates)), "updates": updates}


async def _answer(
    http: aiohttp.ClientSession, url: str, event: Json, headers: dict[str, str]
) -> tuple[int, bytes, str]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    async with http.post(
        url, json=event, headers=headers, allow_redirects=False, timeout=timeout
    ) as response:
        return response.status, await response.read(), response.headers.get("Retry-After", "")


def _until(asked: str, now: float) -> float:
    """Retry-After as an HTTP date, less than three hours ahead; VK documents no seconds."""
    try:
        seconds = parsedate_to_datetime(asked).timestamp() - now
    except ValueError:
        return AGAIN_S
    return min(max(seconds, 0.0), 3 * 3600.0)
