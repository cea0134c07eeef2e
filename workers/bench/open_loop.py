"""A platform that does not wait: every webhook leaves when its time has come, however slow the answers are.

A closed loop sends less when the server is slow, and so forgives exactly what it should measure. Here each webhook takes
a connection that is free, or opens one more.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from workers.bench.hooks.telegram import called
from workers.bench.load import answer_of, request_for

ANSWERS_WITHIN_S: Final = 30.0


@dataclass(slots=True)
class Sent:
    """By the message's external id: when it was written to the socket, and answered. `late`: behind its time."""

    at: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)
    seconds: float = 0.0


class Platform:
    def __init__(self, *, port: int, path: str) -> None:
        self._port = port
        self._path = path
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, updates: Sequence[Mapping[str, object]], *, rate: float) -> Sent:
        """All of them, `rate` a second. Raises AssertionError when one is not taken."""
        sent = Sent()
        ready = [(_external_id(each), request_for(self._path, called(each))) for each in updates]
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for n, (external_id, request) in enumerate(ready):
                wait = began + n / rate - time.perf_counter()
                if wait > 0:
                    await asyncio.sleep(wait)
                sent.late.append(time.perf_counter() - (began + n / rate))
                group.create_task(self._post(external_id, request, sent))
        sent.seconds = time.perf_counter() - began
        return sent

    async def close(self) -> None:
        for _, writer in self._free:
            writer.close()
            await writer.wait_closed()
        self._free.clear()

    async def _post(self, external_id: str, request: bytes, sent: Sent) -> None:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            reader, writer = (
                self._free.pop()
                if self._free
                else await asyncio.open_connection("127.0.0.1", self._port)
            )
            sent.at[external_id] = time.perf_counter()
            writer.write(request)
            status = await answer_of(reader)
        sent.answered[external_id] = time.perf_counter()
        self._free.append((reader, writer))
        if status != "200":
            raise AssertionError(f"a webhook was answered with {status}")


def _external_id(update: Mapping[str, object]) -> str:
    message: dict[str, dict[str, object]] = update["message"]  # type: ignore[assignment]
    return f"{message['chat']['id']}:{message['message_id']}"
