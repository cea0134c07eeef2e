"""Publications that arrive while a transaction is under way leave together in the next one, in their order.

One at a time costs a transaction each; fifty at a time cost about one. Nobody lingers for company: the first leaves
at once.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from router.transit import BrokerDown, Publication
from storage.queue_statements import PUBLISH, Statements

ROWS_AT_ONCE: Final = 1000
BYTES_AT_ONCE: Final = 8_000_000


class GroupCommit:
    def __init__(self, statements: Statements, *, group: asyncio.TaskGroup) -> None:
        self._statements = statements
        self._group = group
        self._waiting: deque[tuple[Sequence[Publication], asyncio.Future[None]]] = deque()
        self._leaving: asyncio.Task[None] | None = None

    async def publish(self, publications: Sequence[Publication]) -> None:
        for at in range(0, len(publications), ROWS_AT_ONCE):
            await self._durable(publications[at : at + ROWS_AT_ONCE])

    async def _durable(self, publications: Sequence[Publication]) -> None:
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((publications, durable))
        if self._leaving is None or self._leaving.done():
            self._leaving = self._group.create_task(self._leave())
        await durable

    async def _leave(self) -> None:
        while self._waiting:
            together = self._fill()
            if not together:
                return
            rows = [publication for publications, _ in together for publication in publications]
            trouble: Exception | None = None
            try:
                await self._statements.run(
                    PUBLISH, queues=[row.queue for row in rows], bodies=[row.body for row in rows]
                )
            except Exception as error:  # noqa: BLE001  # not swallowed: every waiting caller gets it
                trouble = error
            except asyncio.CancelledError:
                _tell([*together, *self._waiting], BrokerDown("the broker was closed"))
                raise
            _tell(together, trouble)

    def _fill(self) -> list[tuple[Sequence[Publication], asyncio.Future[None]]]:
        together: list[tuple[Sequence[Publication], asyncio.Future[None]]] = []
        rows = size = 0
        while self._waiting and (not together or (rows < ROWS_AT_ONCE and size < BYTES_AT_ONCE)):
            publications, durable = self._waiting.popleft()
            if durable.cancelled():
                continue  # its caller has gone, and was promised nothing
            together.append((publications, durable))
            rows += len(publications)
            size += sum(len(publication.body) for publication in publications)
        return together


def _tell(
    together: Sequence[tuple[Sequence[Publication], asyncio.Future[None]]],
    trouble: Exception | None,
) -> None:
    for _, durable in together:
        if durable.done():
            continue
        if trouble is None:
            durable.set_result(None)
        else:
            durable.set_exception(trouble)
