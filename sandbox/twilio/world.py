"""What the stand-in knows: numbers, calls and their legs, recordings, people."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

ACCOUNT: Final = "AC" + "0" * 32
TOKEN: Final = "stand-in-7f3a91c2"  # noqa: S105  # the stand-in's own


@dataclass(slots=True, kw_only=True)
class Number:
    sid: str
    number: str
    voice_url: str = ""
    status_callback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """How somebody behaves when their telephone rings: picks up after so many seconds and talks for so many.

    `busy`: is talking already. `machine`: not they but their answering machine picks up, and its detection says so.
    """

    answers: bool = True
    after: int = 4
    talks: int = 60
    busy: bool = False
    machine: bool = False


@dataclass(slots=True, kw_only=True)
class Call:
    """`status` as Twilio's; `spoke` who was really talked to, `told` every callback and question as (address, fields)."""

    sid: str
    from_: str
    to: str
    direction: str
    status: str = "queued"
    spoke: list[str] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)
    told: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sequence: Iterator[int] = field(default_factory=itertools.count)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Everybody has been told of its end."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """The next `times` requests to the API whose path contains `path` are answered so, and nothing is done.

    `after`: it is done all the same. `drop`: no answer at all, the connection closes.
    """

    path: str = ""
    status: int = 500
    code: int = 20500
    message: str = "Internal Server Error"
    retry_after: int | None = None
    times: int = 1
    after: bool = False
    drop: bool = False


def sids(prefix: str) -> Iterator[str]:
    return (f"{prefix}{number:032x}" for number in itertools.count(1))
