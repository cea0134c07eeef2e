"""The queues, as data."""

from hashlib import blake2b
from typing import Final
from uuid import UUID

SHARDS: Final = 8
"""Inbound queues. Order is promised per conversation, so a conversation always has the same one."""

INBOUND: Final = tuple(f"allo.inbound.{n}" for n in range(SHARDS))
RECORD: Final = "allo.record"
"""Facts for the recorder."""
DEAD: Final = "allo.dead"
"""What the broker gave up on; a worker moves it to the dead-letter desk."""

QUEUES: Final = (*INBOUND, RECORD, DEAD)

ATTEMPTS: Final = 20
"""Deliveries of one message before the broker itself gives up: more than a bad day's restarts, less than for ever."""

RETRY_DELAYS: Final = (1, 5, 30, 300)
"""Seconds a message can wait before it comes again; other delays are rounded up to one of these."""


def shard(account: UUID, order_by: str) -> str:
    """The inbound queue of a conversation."""
    digest = blake2b(account.bytes + order_by.encode(), digest_size=2).digest()
    return INBOUND[int.from_bytes(digest) % SHARDS]
