"""What colleagues do with lead cards."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from router.asking import Refused
from router.world import World
from storage import lead_changes
from storage.desk.ground import Ground, again_on_conflict, load_contacts_or_refuse
from storage.lead_changes import Was
from storage.lead_places import Place
from storage.stage_tasks import task_on_entering
from storage.world_loading import load_conversations, load_touches
from storage.world_saving import save


class LeadDesk(Ground):
    @again_on_conflict
    async def create_lead(
        self,
        contact: UUID,
        *,
        by: UUID | None,
        title: str = "",
        value: int | None = None,
        stage: UUID | None = None,
    ) -> UUID:
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            await self.policies.give(connection, world, set())
            await load_contacts_or_refuse(connection, world, {contact})
            await load_conversations(connection, world, [])
            await load_touches(connection, world, {contact})
            lead = await lead_changes.open_by_hand(
                connection, world, contact, by=by, title=title, value=value, stage=stage
            )
            await save(connection, world)
            await task_on_entering(connection, lead.id, now=world.now, by=by)
            await self.audit(connection, by, "lead_created", "lead", lead.id)
            return lead.id

    @again_on_conflict
    async def change_lead(self, lead: UUID, changes: Mapping[str, Any], *, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            before, after = await lead_changes.change(connection, world, lead, changes, by=by)
            await save(connection, world)
            if "stage_id" in after:
                await lead_changes.settle(connection, world, lead, by=by)
            await self.audit(
                connection, by, "lead_changed", "lead", lead, before=before, after=after
            )

    @again_on_conflict
    async def move_lead(
        self,
        lead: UUID,
        stage: UUID,
        *,
        by: UUID | None,
        seen: UUID | None = None,
        place: Place | None = None,
        changes: Mapping[str, Any] | None = None,
        earlier: Was | None = None,
    ) -> Was:
        """On the board: into a stage and to a place there; what the lead was before, for putting it back (`earlier`).

        Raises `lead_changes.MovedMeanwhile` when it is not in the stage `seen` any more, and Refused when it is won
        without anybody saying for how much: nothing is an amount, too, but somebody has to say so.
        """
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            await lead_changes.hold(connection, stage)
            was = await lead_changes.was(connection, lead, seen=seen)
            wanted = {"stage_id": stage, **(changes or {})}
            before, after = await lead_changes.change(connection, world, lead, wanted, by=by)
            if after.get("status") == "won" and wanted.get("value", was.value) is None:
                raise Refused("Say for how much it was sold; 0 is an amount, too.")
            await save(connection, world)
            if earlier is not None:
                await lead_changes.put_back(connection, world, lead, earlier, was.stage_id, by=by)
            elif "stage_id" in after:
                await lead_changes.settle(connection, world, lead, by=by)
            if place is not None and earlier is None:
                await lead_changes.put(connection, lead, stage, place)
            if not after:
                # Another place in the same column: no news for the history, but for whoever looks at the board.
                await lead_changes.tell_place(connection, world, lead, by=by)
            else:
                await self.audit(
                    connection, by, "lead_changed", "lead", lead, before=before, after=after
                )
            return was

    @again_on_conflict
    async def note_lead(self, lead: UUID, words: str, *, by: UUID | None) -> None:
        if not words.strip():
            raise Refused("The note is empty.")
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            await lead_changes.note(connection, world, lead, words.strip(), by=by)
            await save(connection, world)

    # How the methods get at a world, and what they leave behind.
