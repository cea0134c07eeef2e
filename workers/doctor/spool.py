"""The spool of this machine: does anything wait in it, and for how long; was anything damaged."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final

from workers.clock import Clock
from workers.doctor.finding import Finding, broken, doubtful, fine
from workers.spool_folder import Waiting, all_damaged, all_waiting

AGE: Final = timedelta(minutes=1)
"""Longer than a broker takes to restart."""


async def examine_spool(directory: Path, *, now: Clock) -> list[Finding]:
    try:
        waiting = await asyncio.to_thread(all_waiting, directory)
        damaged = await asyncio.to_thread(all_damaged, directory)
    except OSError as error:
        return [
            broken(
                "spool",
                f"{directory} cannot be read: {error.strerror}.",
                "Give it to the user Allo runs as.",
            )
        ]
    found = [_waiting(waiting, now)] if waiting else []
    if damaged:
        found.append(
            broken(
                "spool",
                f"{len(damaged)} files lost some of what was written, the first is {damaged[0].absolute()}.",
                "Look at the disk. What can still be read in them was said by customers; then delete them.",
            )
        )
    return found or [fine("spool", "Nothing waits on this machine's disk.")]


def _waiting(waiting: list[Waiting], now: Clock) -> Finding:
    since = waiting[0].since
    said = (
        f"{len(waiting)} requests ({sum(each.size for each in waiting) / 1e6:.1f} MB) wait on this machine's disk, "
        f"the oldest since {since:%Y-%m-%d %H:%M} UTC."
    )
    if now() - since > AGE:
        return doubtful(
            "spool",
            said,
            "Does the broker answer, is `allo serve` running here, is a channel paused? They go on by themselves.",
        )
    return fine("spool", said)
