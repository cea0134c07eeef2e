"""Labels as they are chosen and drawn. There are few, so they come whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.sight import Sight

MOST_COUNTED: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """`colour` is one of `storage.labels.COLOURS`; "" is none."""

    id: UUID
    name: str
    colour: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelUse:
    """`used` counts conversations, to MOST_COUNTED."""

    label: LabelRow
    used: int


async def list_labels(connection: AsyncConnection) -> list[LabelRow]:
    found = await connection.execute(
        text("select id, name, colour, position from label order by position, name, id")
    )
    return [LabelRow(**row) for row in found.mappings()]


async def label_colours(connection: AsyncConnection) -> Mapping[str, str]:
    """By name; those without a colour are not there."""
    found = await connection.execute(text("select name, colour from label where colour <> ''"))
    return {row.name: row.colour for row in found}


async def list_label_uses(connection: AsyncConnection, *, sight: Sight) -> list[LabelUse]:
    """Counted among the conversations in sight."""
    found = await connection.execute(
        text("""
            select l.id, l.name, l.colour, l.position, (
                select count(*) from (
                    select 1 from conversation c where c.labels @> array[l.name] and c.labels <> '{}'
                    and (:whole or c.manager_id = cast(:me as uuid) or c.team_id = any(cast(:teams as uuid[])))
                    limit :most
                ) as conversation_with_it
            ) as used
            from label l order by l.position, l.name, l.id
        """),
        {
            "most": MOST_COUNTED,
            "whole": sight.whole,
            "me": sight.user,
            "teams": list(sight.teams),
        },
    )
    return [
        LabelUse(
            label=LabelRow(id=row.id, name=row.name, colour=row.colour, position=row.position),
            used=row.used,
        )
        for row in found
    ]
