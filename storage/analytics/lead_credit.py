"""How one lead is shared among the touches that led to it, by every model: what stands on its card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.models import ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`at` None: of unknown origin. `weights` in millionths, by model."""

    at: datetime | None
    source: str
    medium: str
    campaign: str
    weights: Mapping[str, int]


async def parts_of(connection: AsyncConnection, lead: UUID) -> Sequence[Part]:
    """Oldest first; none as long as the recorder has not seen the lead."""
    found = await connection.execute(
        text("""
            select t.at, o.source, o.medium, o.campaign, f.weights
            from fact_credit f join origin o on o.id = f.origin_id left join touch t on t.id = f.touch_id
            where f.subject_id = :lead order by f.place
        """),
        {"lead": lead},
    )
    return [
        Part(
            at=row.at,
            source=row.source,
            medium=row.medium,
            campaign=row.campaign,
            weights=dict(zip(ALL, row.weights, strict=True)),
        )
        for row in found
    ]
