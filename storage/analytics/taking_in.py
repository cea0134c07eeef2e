"""What the recorder does with facts, in one transaction: counts and words of `recording`, and what reports count of whom
they concern.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import Fact, MessageQueued, MessageReceived
from storage import recording
from storage.analytics import reckoning, replies
from storage.analytics.rule_changes import rules_now


async def take_in(
    connection: AsyncConnection, facts: Sequence[Fact], *, time_zone: str, now: datetime
) -> int:
    """How many were new. Told again, they change nothing. `time_zone` is the installation's."""
    rules = await rules_now(connection, time_zone=time_zone, now=now)
    zone = rules.zone.key
    fresh = await recording.record(connection, facts, time_zone=zone)
    if contacts := await reckoning.concerned(connection, facts):
        await reckoning.reckon(connection, contacts, rules, now=now)
    written = {
        fact.message
        for fact in facts
        if isinstance(fact, MessageQueued)
        or (isinstance(fact, MessageReceived) and fact.direction == "out")
    }
    await replies.count_replies(connection, written, time_zone=zone)
    return fresh
