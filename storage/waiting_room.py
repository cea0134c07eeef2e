"""The teams' queues: conversations that nobody could take when they came, oldest first."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.deciding import hand_out
from router.world import World
from storage.colleagues_loading import load_colleagues
from storage.policies import Policies
from storage.world_loading import load_contacts, load_conversations, load_touches
from storage.world_saving import save

BATCH: Final = 100
"""Conversations per team looked at in one go; what is left is looked at in the next."""

_WAITING = text(
    "select id, contact_id from ("
    " select c.id, c.contact_id, row_number() over (partition by c.team_id"
    # The longest wait first, and not the longest silence: who asks again does not go to the end of the queue.
    "  order by coalesce(c.waiting_since, c.last_message_at), c.id) as place"
    " from conversation c left join team t on t.id = c.team_id where c.manager_id is null and c.status = 'open'"
    # What everybody sees is handed to nobody.
    " and t.strategy is distinct from 'broadcast') as queued where place <= :batch"
)


async def hand_out_queues(connection: AsyncConnection, *, policies: Policies, now: datetime) -> int:
    """Gives what waits to whoever can take it; how many found somebody."""
    waiting = (await connection.execute(_WAITING, {"batch": BATCH})).all()
    if not waiting:
        return 0
    world = World(now=now)
    await policies.give(connection, world, set())
    await load_contacts(connection, world, {row.contact_id for row in waiting})
    await load_conversations(connection, world, [row.id for row in waiting])
    await load_touches(connection, world)
    await load_colleagues(connection, world)
    given = hand_out(world, list(world.conversations.values()))
    if given:
        await save(connection, world)
    return given
