"""Bytes ⇄ messages of the Manager Interface: lines of `Name: value`, an empty line after each message.

Asterisk ends lines with CR LF; a bare LF is taken, too. Values are what people and telephones put there, so anything may
be in them: bytes that are no UTF-8, no value, no colon. A message that is longer than any of Asterisk's is dropped
up to its end and counted, and the next one is read; memory stays bounded whatever the other side sends.
"""

from collections.abc import Mapping
from typing import Final

LONGEST_MESSAGE: Final = 256 * 1024
"""Bytes. The largest real ones, a channel's variables with a long dial plan, are some ten thousand."""

MOST_FIELDS: Final = 1000


class Message:
    """Names are matched whatever their case: Asterisk itself writes Uniqueid and UniqueID."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = {name.lower(): value for name, value in fields.items()}

    def __getitem__(self, name: str) -> str:
        """Empty when it is not there, and for Asterisk's words for nothing."""
        value = self.fields.get(name.lower(), "")
        return "" if value in {"<unknown>", "(null)", "<none>"} else value

    @property
    def event(self) -> str:
        return self.fields.get("event", "")

    @property
    def response(self) -> str:
        return self.fields.get("response", "")


class Framer:
    """`feed` gives the messages that are complete. `dropped`: how many were too long."""

    def __init__(self) -> None:
        self.dropped = 0
        self._rest = b""
        self._fields: dict[str, str] = {}
        self._size = 0
        self._dropping = False

    def feed(self, data: bytes) -> list[Message]:
        found: list[Message] = []
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line.rstrip(b"\r"), found)
        if self._size + len(self._rest) > LONGEST_MESSAGE:
            # No line's end in sight: what is kept is enough to see where it ends.
            self._drop()
            self._rest = b"x"
        return found

    def _line(self, line: bytes, found: list[Message]) -> None:
        if not line:
            if self._fields and not self._dropping:
                found.append(Message(self._fields))
            self._fields, self._size, self._dropping = {}, 0, False
            return
        self._size += len(line)
        if self._size > LONGEST_MESSAGE or len(self._fields) >= MOST_FIELDS:
            self._drop()
        if self._dropping:
            return
        name, _, value = line.decode("utf-8", "replace").partition(":")
        self._fields[name.strip()] = value.strip()

    def _drop(self) -> None:
        if not self._dropping:
            self.dropped += 1
        self._dropping = True
        self._fields = {}
        self._size = 0


def frame(fields: Mapping[str, str]) -> bytes:
    """Raises ValueError for what would become another line: a value may come from a form."""
    for name, value in fields.items():
        if any(char in "\r\n\0" for char in name + value):
            raise ValueError(f"{name} has a line's end in it")
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"
