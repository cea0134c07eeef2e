"""Passwords: argon2id, off the event loop, and the same time spent whether the person exists or not."""

import asyncio
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 10
"""Characters. Length is what slows guessing; rules about digits and capitals do not (NIST SP 800-63B, 3.1.1)."""
LONGEST: Final = 200
"""Characters: nobody makes us hash a megabyte."""

_hasher = PasswordHasher()  # RFC 9106, the low-memory profile: 64 MiB, three passes
_NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=4$oCQ/OJy6yTaI6P/zt6Sqcg$KqND8ogunl2DM/TNJP98twLv8w2DqXjBOZCUrYHRsnY"
"""Of a random text that nobody kept, at the cost of every other: made beforehand, for it takes 64 MiB and a while."""


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_hasher.hash, password)


async def password_matches(stored: str, password: str) -> bool:
    """Whether it is the password. `stored` is "" for a person who is not there: as slow, and False."""
    if len(password) > LONGEST:
        return False
    matches = await asyncio.to_thread(_verify, stored or _NOBODYS, password)
    return matches and stored != ""


def one_time_password() -> str:
    """Easy to read out over the telephone: no 0, O, 1, l, I."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(3))


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
