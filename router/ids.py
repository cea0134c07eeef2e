"""The one place that hands out ids: UUIDv7, so that they sort by the moment they were made."""

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


CODE_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""No two alike, and of one case: codes are read off paper, and programs change the case of addresses."""


def new_code(length: int = 10) -> str:
    """Of a click or a link: 10 of these letters are 49 bits, so that nobody guesses one that is in use."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(length))


def id_of_then(at: datetime, bits: int) -> UUID:
    """What `new_id` would have given at that moment, with these 74 bits for chance: for history that is brought in."""
    milliseconds = int(at.timestamp() * 1000)
    high, low = (bits >> 62) & 0xFFF, bits & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


SENDING_NUMBERS: Final = (1 << 31) - 1
PARTS: Final = 64
"""Numbers that belong to one reply: the longest one is some fifty of the smallest platform's messages."""


def sending_number(reply: UUID, part: int = 0) -> int:
    """What a part of a reply is sent under, on platforms that tell the same message by a number (VK's random_id):
    positive and below 2³¹, the same at every attempt, consecutive for the parts.
    """
    return (_first(reply) + part) % SENDING_NUMBERS + 1


def is_sent_as(reply: UUID, number: int) -> bool:
    """Whether the number is one of the reply's. One of another's is taken for it once in thirty million times."""
    return 0 < number <= SENDING_NUMBERS and (number - 1 - _first(reply)) % SENDING_NUMBERS < PARTS


def _first(reply: UUID) -> int:
    return int.from_bytes(sha256(reply.bytes).digest()[:8]) % SENDING_NUMBERS
