"""`python -m tests.doubles.dying_spool DIRECTORY`: a spool that is killed (-9) before each of its steps in turn.

A step is whatever Python's audit hooks tell of a file under the spool: opening, renaming, removing, making a folder. One
process a step, forked from this one: each keeps three requests, answers each when it is kept, drains them into a
"broker", and dies where it is told to. DIRECTORY/{step}/ has what it left: `answered` and `broker`, a key a line, and
`spool`. Ends with the step that a process survived, and prints how many died.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from connectors.connector import Account, Incoming
from router.message import Accepted
from tests.conftest import NOON
from tests.events import a_message
from workers.edge import Edge
from workers.spool import Spool

STEPS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.scandir"})
ACCOUNT = Account(id=UUID(int=7), kind="lead_form", slug="landing")
KEYS = ("one", "two", "three")


class Broker:
    """An edge whose broker is a file."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def accept_kept(self, kept: Sequence[Accepted]) -> None:
        for each in kept:
            os.write(self._file, each.event.key.encode() + b"\n")


def a_spool(place: Path) -> Spool:
    return Spool(
        place / "spool",
        edge=cast("Edge", Broker(place / "broker")),
        now=lambda: NOON,
        heard_from=lambda _account, _at: None,
        rests=lambda _account: False,
        room=0,
    )


async def live(place: Path) -> None:
    spool = a_spool(place)
    answered = os.open(place / "answered", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    await spool.open()
    for number, key in enumerate(KEYS):
        incoming = [Incoming(event=a_message(key=key))]
        await spool.keep(ACCOUNT, incoming, received_at=NOON + timedelta(seconds=number))
        os.write(answered, key.encode() + b"\n")
    await spool.drain(asyncio.Event())
    await spool.close()


def die_at(step: int, spool: Path) -> None:
    left = step

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in STEPS and arguments and str(spool) in str(arguments[0]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main(directory: Path) -> None:
    for step in range(1, 200):
        place = directory / str(step)
        place.mkdir()
        child = os.fork()
        if child == 0:
            die_at(step, place / "spool")
            asyncio.run(live(place))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            print(step - 1)  # noqa: T201
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
