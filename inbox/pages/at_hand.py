"""Who and what there is to choose from: read once for all the menus of a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.visit import Visit
from storage.reading.colleagues import TeamRow, UserRow, list_teams, list_users
from storage.reading.list_choices import known_labels


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    colleagues: Sequence[UserRow]
    """Those who can be given a conversation."""
    teams: Sequence[TeamRow]
    labels: Sequence[str]


async def at_hand_of(visit: Visit, connection: AsyncConnection) -> AtHand:
    return AtHand(
        colleagues=await answering_colleagues(connection),
        teams=await list_teams(connection),
        labels=await known_labels(connection, sight=visit.sight),
    )


async def answering_colleagues(connection: AsyncConnection) -> list[UserRow]:
    """Those who can be given a conversation: here first, then away, then off."""
    order = ("here", "away", "off")
    return sorted(
        (
            each
            for each in await list_users(connection)
            if each.disabled_at is None and each.role != "marketer"
        ),
        key=lambda each: order.index(each.presence),
    )
