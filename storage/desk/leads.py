"""What colleagues do with lead cards."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from router.world import World
from storage import lead_changes
from storage.desk.ground import Ground, again_on_conflict, load_contacts_or_refuse
from storage.world_loading import load_conversations, load_touches
from storage.world_saving import save


class LeadDesk(Ground):
    @again_on_conflict
    async def create_lead(
        self, contact: UUID, *, by: UUID | None, title: str = "", value: int | None = None
    ) -> UUID:
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            await self.policies.give(connection, world, set())
            await load_contacts_or_refuse(connection, world, {contact})
            await load_conversations(connection, world, [])
            await load_touches(connection, world, {contact})
            lead = lead_changes.open_by_hand(world, contact, by=by, title=title, value=value)
            await save(connection, world)
            await self.audit(connection, by, "lead_created", "lead", lead.id)
            return lead.id

    @again_on_conflict
    async def change_lead(self, lead: UUID, changes: Mapping[str, Any], *, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            before, after = await lead_changes.change(connection, world, lead, changes, by=by)
            await save(connection, world)
            await self.audit(
                connection, by, "lead_changed", "lead", lead, before=before, after=after
            )

    # How the methods get at a world, and what they leave behind.
