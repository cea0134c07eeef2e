"""The server: Challenge, Login, Events, Ping, CoreShowChannels, CoreSettings, ShowDialPlan, Originate, Logoff.

Who is not logged in gets nothing but errors; events go to everybody who wants them, as they happen; nothing is repeated for
who comes later. That is all the Manager Interface promises.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from sandbox.asterisk.scenes import Event, originated

USERNAME: Final = "allo"
SECRET: Final = "stand-in-5c1f"  # noqa: S105  # the stand-in's own
VERSION: Final = "16.28.0"
LINE_LIMIT: Final = 1 << 16

Fields = dict[str, str]


class _Program:
    """One connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.challenge = ""
        self.logged_in = False
        self.listens = False

    def say(self, event: Iterable[tuple[str, str]]) -> None:
        told = "".join(f"{name}: {value}\r\n" for name, value in event)
        self.writer.write(told.encode() + b"\r\n")


class Manager:
    """`running()` serves it. `channels` is what CoreShowChannels shows; `picks_up` how colleagues behave.

    `denied`: actions that this manager user may not do. `mute`: nothing is answered any more, the line stays open.
    """

    def __init__(self, *, contexts: Iterable[str] = ("from-trunk", "from-internal")) -> None:
        self.contexts = set(contexts)
        self.channels: list[Event] = []
        self.denied: set[str] = set()
        self.mute = False
        self.picks_up = True
        self.asked: list[Fields] = []
        self.port = 0
        self._programs: set[_Program] = set()
        self._server: asyncio.Server | None = None
        self._numbers = iter(range(1000, 1_000_000, 10))
        self._news = asyncio.Event()
        self._actions: dict[str, Callable[[_Program, Fields], None]] = {
            "Challenge": self._challenge,
            "Login": self._login,
            "Events": self._events,
            "Ping": self._ping,
            "CoreSettings": self._settings,
            "CoreShowChannels": self._show_channels,
            "ShowDialPlan": self._show_dialplan,
            "Originate": self._originate,
            "Logoff": self._logoff,
        }

    @property
    def listening(self) -> int:
        return sum(each.listens for each in self._programs)

    @asynccontextmanager
    async def running(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator["Manager"]:
        await self._listen(host, port)
        try:
            yield self
        finally:
            await self.go_down()

    async def _listen(self, host: str, port: int) -> None:
        self._server = await asyncio.start_server(self._serve, host, port, limit=LINE_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go_down(self) -> None:
        """Connections break, and new ones are refused until `come_back`."""
        if self._server is not None:
            self._server.close()
            self.hang_up()
            await self._server.wait_closed()
            self._server = None

    async def come_back(self, *, host: str = "127.0.0.1") -> None:
        await self._listen(host, self.port)

    def hang_up(self) -> None:
        """Every connection breaks; the next ones are welcome."""
        for each in list(self._programs):
            each.writer.transport.abort()

    def tell(self, *events: Event) -> None:
        """To everybody who listens now."""
        for program in self._programs:
            if program.listens and not self.mute:
                for event in events:
                    program.say(event)

    def tell_bytes(self, data: bytes) -> None:
        for program in self._programs:
            if program.listens:
                program.writer.write(data)

    async def until_listened_to(self, programs: int = 1) -> None:
        while self.listening < programs:
            self._news.clear()
            await self._news.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        program = _Program(writer)
        self._programs.add(program)
        try:
            writer.write(b"Asterisk Call Manager/5.0.1\r\n")
            fields: Fields = {}
            while line := await reader.readline():
                name, _, value = line.decode().strip().partition(":")
                if name:
                    fields[name.strip()] = value.strip()
                elif fields:
                    self._do(program, fields)
                    fields = {}
        except (OSError, ValueError):
            writer.transport.abort()
        finally:
            self._programs.discard(program)
            writer.close()

    def _do(self, program: _Program, fields: Fields) -> None:
        self.asked.append(fields)
        if self.mute:
            return
        action = fields.get("Action", "")
        handle = self._actions.get(action)
        stranger = not program.logged_in and action not in {"Challenge", "Login", "Logoff"}
        if stranger or action in self.denied:
            self._refuse(program, fields, "Permission denied")
        elif handle is None:
            self._refuse(program, fields, "Invalid/unknown command")
        else:
            handle(program, fields)

    def _answer(self, program: _Program, fields: Fields, *more: tuple[str, str]) -> None:
        number = [("ActionID", fields["ActionID"])] if "ActionID" in fields else []
        program.say([("Response", "Success"), *number, *more])

    def _refuse(self, program: _Program, fields: Fields, words: str) -> None:
        number = [("ActionID", fields["ActionID"])] if "ActionID" in fields else []
        program.say([("Response", "Error"), *number, ("Message", words)])

    def _challenge(self, program: _Program, fields: Fields) -> None:
        if fields.get("AuthType") != "MD5":
            self._refuse(program, fields, "Must specify AuthType")
            return
        program.challenge = str(secrets.randbelow(10**9))
        self._answer(program, fields, ("Challenge", program.challenge))

    def _login(self, program: _Program, fields: Fields) -> None:
        right = hashlib.md5(f"{program.challenge}{SECRET}".encode(), usedforsecurity=False)
        proved = bool(program.challenge) and fields.get("Key") == right.hexdigest()
        if fields.get("Username") != USERNAME or not (proved or fields.get("Secret") == SECRET):
            self._refuse(program, fields, "Authentication failed")
            return
        program.logged_in = True
        program.listens = fields.get("Events", "on") != "off"
        self._answer(program, fields, ("Message", "Authentication accepted"))
        self._news.set()

    def _events(self, program: _Program, fields: Fields) -> None:
        program.listens = fields.get("EventMask", "on") != "off"
        self._answer(program, fields, ("Events", "On" if program.listens else "Off"))
        self._news.set()

    def _ping(self, program: _Program, fields: Fields) -> None:
        self._answer(program, fields, ("Ping", "Pong"))

    def _settings(self, program: _Program, fields: Fields) -> None:
        self._answer(program, fields, ("AsteriskVersion", VERSION))

    def _show_channels(self, program: _Program, fields: Fields) -> None:
        self._answer(program, fields, ("EventList", "start"))
        for channel in self.channels:
            program.say([("Event", "CoreShowChannel"), *channel])
        program.say(
            [
                ("Event", "CoreShowChannelsComplete"),
                ("EventList", "Complete"),
                ("ListItems", str(len(self.channels))),
            ]
        )

    def _show_dialplan(self, program: _Program, fields: Fields) -> None:
        context = fields.get("Context", "")
        if context in self.contexts:
            self._answer(program, fields, ("EventList", "start"))
        else:
            self._refuse(program, fields, f"Did not find context {context}")

    def _originate(self, program: _Program, fields: Fields) -> None:
        self._answer(program, fields, ("Message", "Originate successfully queued"))
        self.tell(
            *originated(
                next(self._numbers),
                id_=fields.get("ChannelId", "") or fields.get("ActionID", ""),
                channel=fields.get("Channel", ""),
                context=fields.get("Context", ""),
                exten=fields.get("Exten", ""),
                picks_up=self.picks_up,
            )
        )

    def _logoff(self, program: _Program, fields: Fields) -> None:
        program.say([("Response", "Goodbye"), ("Message", "Thanks for all the fish.")])
        program.writer.close()
