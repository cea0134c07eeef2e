"""The workshop's exchange, and people who call it: it tells Allo what happens as docs/channels/call-hook.md asks.

Some calls are answered and recorded; some are missed, and a colleague calls back a while later.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

import structlog
from aiohttp import web
from typing_extensions import override

from sandbox.exchange import Exchange, beep
from sandbox.pace import Pace
from sandbox.telling import Person, somebody

log = structlog.get_logger()

LINE: Final = "+74950000012"
EXTENSIONS: Final = ("101", "102", "103")
"""Of the colleagues who work by themselves."""
RECORDED_S: Final = 2.0
FIRST_AFTER_S: Final = (2.0, 4.0)
SOON_S: Final = (6.0, 10.0)
EVERY_S: Final = (40.0, 90.0)
RINGS_S: Final = (2.0, 4.0)
TALKS_S: Final = (5.0, 14.0)
CALLED_BACK_AFTER_S: Final = (60.0, 120.0)
OPENING: Final = (True, False)
"""Whether the first calls are answered: the first minute shows both."""
SOURCES: Final[Sequence[dict[str, object]]] = (
    {"utm": {"source": "yandex", "medium": "cpc", "campaign": "brakes"}},
    {"utm": {"source": "2gis", "medium": "card"}},
    {},
)


class Telephones(Exchange):
    """The exchange. `secret` signs its reports; recordings are below `recordings`."""

    secret: str = ""

    @property
    def recordings(self) -> str:
        return f"{self.url}/recordings/"

    @override
    def routes(self) -> Sequence[web.RouteDef]:
        return (web.get("/recordings/{name}", self._recording),)

    async def report(self, **report: object) -> None:
        body = json.dumps(report).encode()
        moment = str(int(self.now()))
        signed = hmac.new(self.secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "Allo-Signature": f"t={moment},v1={signed.hexdigest()}",
        }
        told = await self.tell(str(report["phase"]), self.hook, data=body, headers=headers)
        if told.status != 200:
            # Somebody has paused or removed the channel, to see what happens.
            log.info("call_not_taken", status=told.status, phase=told.what)
        # The demo runs for days.
        self.told.clear()
        self.requests.clear()

    async def _recording(self, request: web.Request) -> web.Response:
        sound = await asyncio.to_thread(beep, RECORDED_S)
        return web.Response(body=sound, content_type="audio/wav")


@dataclass(kw_only=True)
class Callers:
    """People who call. `seed` decides who, and `run_number` makes them others than before."""

    telephones: Telephones
    pace: Pace
    seed: str
    run_number: int
    _random: Random = field(init=False)
    _numbers: Iterator[int] = field(init=False)
    _calls: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self._random = Random(f"{self.seed}:calls")  # noqa: S311  # stories, not secrets
        # Beyond those who write.
        self._numbers = count(self.run_number * 100_000 + 50_001)

    async def run(self) -> None:
        """Until it is cancelled."""
        opening = iter(OPENING)
        async with asyncio.TaskGroup() as group:
            await self.pace.moment(*FIRST_AFTER_S)
            while True:
                person = somebody(next(self._numbers), self._random)
                planned = next(opening, None)
                answered = self._random.random() < 0.7 if planned is None else planned
                if answered:
                    await self._talk(person, direction="in", source=self._random.choice(SOURCES))
                else:
                    await self._in_vain(person)
                    group.create_task(self._call_back(person))
                await self.pace.moment(*(EVERY_S if planned is None else SOON_S))

    async def _call_back(self, person: Person) -> None:
        await self.pace.moment(*CALLED_BACK_AFTER_S)
        await self._talk(person, direction="out", source={})

    async def _talk(self, person: Person, *, direction: str, source: dict[str, object]) -> None:
        call = self._name()
        extension = self._random.choice(EXTENSIONS)
        known = {
            "call": call,
            "direction": direction,
            "customer": person.phone,
            "line": LINE,
            "leg": f"{call}-{extension}",
            "extension": extension,
        }
        report = self.telephones.report
        whence = {"source": source} if source else {}
        await report(phase="ringing", name=person.name, **known, **whence)
        await self.pace.moment(*RINGS_S)
        began = asyncio.get_running_loop().time()
        await report(phase="talking", answered_by=extension, **known)
        await self.pace.moment(*TALKS_S)
        talked = round(asyncio.get_running_loop().time() - began)
        del known["leg"]
        await report(phase="ended", duration=talked, **known)
        address = f"{self.telephones.recordings}{call}.wav"
        await report(phase="recorded", recording=address, **known)

    async def _in_vain(self, person: Person) -> None:
        known = {"call": self._name(), "customer": person.phone, "line": LINE}
        await self.telephones.report(phase="ringing", name=person.name, **known)
        await self.pace.moment(*RINGS_S)
        await self.telephones.report(phase="missed", reason="no answer", **known)

    def _name(self) -> str:
        return f"{self.run_number}-{next(self._calls)}"
