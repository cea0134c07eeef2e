"""The spool: events of platforms that do not come again, on this machine's disk until the broker takes them.

    webhook ──▶ edge ─ ─ (not durable, or the account is paused) ─ ─▶ keep ──▶ a file, synced ──▶ the platform's 2xx
                  ▲                                                                │
                  └────────────── drain: the oldest first; unlinked once confirmed ◀┘

Killed between any two steps nothing is lost: the file is there before the platform is answered, and until the broker has
confirmed. Events may go out twice, and their keys make that harmless. Each process has a folder of its own and takes
over those of dead ones (spool_folder.py).

How much waits is bounded, and room is left on the disk for the database: beyond that the platform is told 503.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from connectors.connector import Account, Incoming, NotDurable
from router import wire
from router.ids import new_id
from router.message import Accepted
from workers.clock import Clock
from workers.edge import Edge
from workers.spool_folder import (
    Damaged,
    Folder,
    Waiting,
    folders,
    name_of,
    read,
    set_aside,
)
from workers.supervisor import pause
from workers.telemetry import SPOOL_BYTES, SPOOL_DAMAGED, SPOOL_OLDEST, SPOOL_REQUESTS, SPOOLED

log = structlog.get_logger()

REQUESTS: Final = 50_000
"""Files of one process: a busy switchboard's day."""
BYTES: Final = 1 << 30
ROOM: Final = 256 << 20
"""Bytes left on the disk: PostgreSQL stops without."""
LOOK_S: Final = 1.0
TAKE_OVER_S: Final = 10.0
"""Between looks for folders of dead processes."""


class Spool:
    """`connectors.webhook.Spool`. `open` it, keep it `run`ning, `close` it after the last request."""

    def __init__(
        self,
        directory: Path,
        *,
        edge: Edge,
        now: Clock,
        heard_from: Callable[[UUID, datetime], None],
        rests: Callable[[UUID], bool],
        requests: int = REQUESTS,
        size: int = BYTES,
        room: int = ROOM,
        sync: Callable[[int], None] = os.fsync,
    ) -> None:
        self._directory = directory
        self._edge = edge
        self._now = now
        self._heard_from = heard_from
        self._rests = rests
        self._most_requests = requests
        self._most_bytes = size
        self._room = room
        self._sync = sync
        self._own: Folder | None = None
        self._taken_over: list[Folder] = []
        self._number = 0
        self._requests = 0
        self._bytes = 0
        self._news = asyncio.Event()
        self._complained: set[Path] = set()

    async def open(self) -> None:
        """A disk that cannot be written costs no message that needs none: until it can, `keep` refuses."""
        try:
            self._own = await asyncio.to_thread(
                Folder.make, self._directory, new_id().hex, sync=self._sync
            )
        except OSError as error:
            log.error("spool_cannot_be_made", folder=str(self._directory), error=str(error))  # noqa: TRY400  # theirs, not ours

    async def close(self) -> None:
        for folder in [*self._taken_over, *([self._own] if self._own else [])]:
            await asyncio.to_thread(folder.give_back)
        self._taken_over, self._own = [], None

    async def keep(
        self, account: Account, incoming: Sequence[Incoming], *, received_at: datetime
    ) -> None:
        """Returns once it is on the disk. Raises NotDurable."""
        self._number += 1
        name = name_of(received_at, self._number, account.id)
        accepted = [
            Accepted(
                id=new_id(),
                account=account.id,
                channel=account.kind,
                received_at=received_at,
                event=each.event,
                raw=each.raw,
            )
            for each in incoming
        ]
        try:
            written = await asyncio.to_thread(self._write, name, accepted)
        except OSError as error:
            log.error("spool_not_written", account=account.slug, error=str(error))  # noqa: TRY400  # a full disk is no mistake of ours
            raise NotDurable("the spool cannot be written") from error
        self._requests += 1
        self._bytes += written
        SPOOLED.labels(account.kind).inc()
        self._heard_from(account.id, received_at)
        self._news.set()

    def _write(self, name: str, accepted: Sequence[Accepted]) -> int:
        """Raises NotDurable, OSError."""
        if self._own is None:
            raise NotDurable("the spool is closed")
        content = wire.encode_events(accepted)
        if self._requests >= self._most_requests or self._bytes + len(content) > self._most_bytes:
            raise NotDurable("the spool is full")
        if shutil.disk_usage(self._own.path).free - len(content) < self._room:
            raise NotDurable("the disk is full")
        return self._own.write(name, content)

    async def run(self, stop: asyncio.Event) -> None:
        """Drains, and takes over what dead processes left."""
        clock = asyncio.get_running_loop().time
        looked = -TAKE_OVER_S
        while not stop.is_set():
            self._news.clear()
            if clock() - looked >= TAKE_OVER_S:
                if self._own is None:
                    await self.open()
                await self._take_over()
                looked = clock()
            await self.drain(stop)
            with suppress(TimeoutError):
                async with asyncio.timeout(TAKE_OVER_S if not self._requests else LOOK_S):
                    await _either(stop, self._news)
            # A file that is there while the broker is away is tried once a second, not once a request.
            if self._requests and await pause(stop, LOOK_S):
                return

    async def drain(self, stop: asyncio.Event) -> None:
        """What can go on goes on, the oldest first."""
        mine = [each for each in (self._own, *self._taken_over) if each is not None]
        waiting = await asyncio.to_thread(_listed, mine)
        self._tell(waiting)
        for each in waiting:
            if stop.is_set() or not await self._go_on(each):
                break
        else:
            await self._give_back_empty()
        if waiting:
            self._tell(await asyncio.to_thread(_listed, mine))

    async def _go_on(self, each: Waiting) -> bool:
        """False: nothing goes on at the moment."""
        if self._rests(each.account):
            return True
        try:
            body = await asyncio.to_thread(read, each)
            events = [wire.decode_event(raw) for raw in wire.split_events(body)]
            await self._edge.accept_kept(events)
        except FileNotFoundError:
            return True
        except (Damaged, wire.Undecodable) as error:
            log.error("spool_file_damaged", file=each.path.name, error=str(error))  # noqa: TRY400  # the disk's doing
            SPOOL_DAMAGED.inc()
            await asyncio.to_thread(set_aside, each)
            return True
        except NotDurable:
            return False
        except Exception:
            # One file that we stumble over holds up no other, and stays until we are mended.
            if each.path not in self._complained:
                self._complained.add(each.path)
                log.exception("spool_file_stays", file=each.path.name)
            return True
        # Not synced: what comes back after a power cut is recognised by its events' keys.
        await asyncio.to_thread(each.path.unlink, missing_ok=True)
        self._complained.discard(each.path)
        return True

    async def _take_over(self) -> None:
        ours = {each.path for each in (self._own, *self._taken_over) if each is not None}
        for path in await asyncio.to_thread(folders, self._directory):
            if path in ours:
                continue
            taken = await asyncio.to_thread(Folder.take_over, path)
            if taken is not None:
                log.info("spool_taken_over", folder=path.name)
                self._taken_over.append(taken)

    async def _give_back_empty(self) -> None:
        for folder in list(self._taken_over):
            if not await asyncio.to_thread(folder.waiting):
                self._taken_over.remove(folder)
                await asyncio.to_thread(folder.give_back)

    def _tell(self, waiting: Sequence[Waiting]) -> None:
        self._requests, self._bytes = len(waiting), sum(each.size for each in waiting)
        SPOOL_REQUESTS.set(self._requests)
        SPOOL_BYTES.set(self._bytes)
        SPOOL_OLDEST.set((self._now() - waiting[0].since).total_seconds() if waiting else 0)


def _listed(mine: Sequence[Folder]) -> list[Waiting]:
    return sorted(each for folder in mine for each in folder.waiting())


async def _either(*events: asyncio.Event) -> None:
    """Until one of them is set."""
    waiting = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
