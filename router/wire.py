"""Events and facts ⇄ bytes: JSON, typed and versioned by msgspec.

A broker message carries `{"v": 1, "events": […]}`, 1 to about 64 events of one shard. A reader accepts its own
version and every one before it (`tests/router/wire_samples/` keeps a sample of each); a newer one is refused with
`UnknownVersion`, so that an old process never half-understands. One event that does not decode does not cost its
neighbours: `decode_events` gives them back apart.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw, Struct

from router.facts import Fact
from router.message import Accepted

VERSION: Final = 1


class UnknownVersion(Exception):
    """Written by a newer Allo than this one."""


class Undecodable(Exception):
    """Not an event of ours."""


class _Batch(Struct, frozen=True):
    v: int
    events: list[Raw]


_encoder = msgspec.json.Encoder()
_batch = msgspec.json.Decoder(_Batch)
_event = msgspec.json.Decoder(Accepted)
_fact = msgspec.json.Decoder(Fact)


def encode_event(event: Accepted) -> bytes:
    return _encoder.encode(event)


def pack_events(encoded: Iterable[bytes]) -> bytes:
    """Joins events that are bytes already, so that each is encoded once."""
    return b'{"v":%d,"events":[%s]}' % (VERSION, b",".join(encoded))


def encode_events(events: Iterable[Accepted]) -> bytes:
    return pack_events(_encoder.encode(event) for event in events)


def split_events(body: bytes) -> list[bytes]:
    """The events of a broker message, each still bytes.

    Raises UnknownVersion, Undecodable.
    """
    try:
        batch = _batch.decode(body)
    except msgspec.MsgspecError as error:
        raise Undecodable(str(error)) from error
    if batch.v > VERSION:
        raise UnknownVersion(f"event.v{batch.v}; this process reads up to event.v{VERSION}")
    return [bytes(raw) for raw in batch.events]


def decode_event(body: bytes) -> Accepted:
    """Raises Undecodable."""
    try:
        return _event.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Undecodable(str(error)) from error


def encode_fact(fact: Fact) -> bytes:
    return _encoder.encode(fact)


def decode_fact(body: bytes) -> Fact:
    """Raises Undecodable."""
    try:
        fact: Fact = _fact.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Undecodable(str(error)) from error
    return fact


def pack_facts(facts: Iterable[bytes], *, limit: int) -> list[bytes]:
    """Joins encoded facts, a line each, into as few bodies of at most `limit` bytes as will do."""
    bodies: list[bytes] = []
    lines: list[bytes] = []
    size = 0
    for fact in facts:
        if lines and size + len(fact) > limit:
            bodies.append(b"\n".join(lines))
            lines, size = [], 0
        lines.append(fact)
        size += len(fact) + 1
    if lines:
        bodies.append(b"\n".join(lines))
    return bodies


def unpack_facts(body: bytes) -> list[bytes]:
    """An empty line is no fact: a body of one says nothing to anybody, and shows that it gets through."""
    return [line for line in body.split(b"\n") if line]
