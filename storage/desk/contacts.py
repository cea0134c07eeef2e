"""What colleagues do with contacts: make, change, merge, part, decide, erase."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from router import identity
from router.asking import NotFound, Refused
from router.clean_text import clean_line
from router.facts import ContactChanged, ContactCreated
from router.ids import new_id
from router.records import Claim, Contact
from router.world import World
from storage import bulk, erasure, tables, unmerge
from storage.desk.ground import Ground, again_on_conflict, load_contacts_or_refuse
from storage.world_loading import load_conversations, load_touches
from storage.world_saving import save, tell


class ContactDesk(Ground):
    @again_on_conflict
    async def create_contact(
        self,
        *,
        by: UUID | None,
        name: str,
        keys: Sequence[tuple[str, str]] = (),
        manager: UUID | None = None,
    ) -> UUID:
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            contact = world.add(
                Contact(
                    id=new_id(), name=clean_line(name), manager_id=manager, created_at=world.now
                )
            )
            for kind, value in dict.fromkeys(keys):
                world.add(
                    Claim(
                        id=new_id(),
                        contact_id=contact.id,
                        kind=kind,
                        value=clean_line(value, limit=255),
                        event_id=contact.id,
                        at=world.now,
                    )
                )
            world.tell(ContactCreated(id=new_id(), at=world.now, contact=contact.id, by=by))
            await save(connection, world)
            await self.audit(connection, by, "contact_created", "contact", contact.id)
            return contact.id

    @again_on_conflict
    async def change_contact(
        self, contact: UUID, changes: Mapping[str, Any], *, by: UUID | None
    ) -> None:
        allowed = {"name", "manager_id", "fields", "blocked", "locale"}
        if unknown := changes.keys() - allowed:
            raise Refused(f"These cannot be changed: {', '.join(sorted(unknown))}.")
        async with self.engine.begin() as connection:
            before = (
                (
                    await connection.execute(
                        text(
                            "select name, manager_id, fields, blocked, locale from contact"
                            " where id = :id and merged_into is null and erased_at is null for update"
                        ),
                        {"id": contact},
                    )
                )
                .mappings()
                .one_or_none()
            )
            if before is None:
                raise NotFound("There is no such contact.")
            after = {**before, **changes}
            fields = {**before["fields"], **(changes.get("fields") or {})}
            # A field that is set to nothing is taken away.
            after["fields"] = {name: value for name, value in fields.items() if value is not None}
            await bulk.update(
                connection,
                tables.contact,
                ("id", "name", "manager_id", "fields", "blocked", "locale"),
                [{"id": contact, **after, "name": clean_line(str(after["name"]))}],
            )
            await tell(
                connection, [ContactChanged(id=new_id(), at=self.now(), contact=contact, by=by)]
            )
            await self.audit(
                connection,
                by,
                "contact_changed",
                "contact",
                contact,
                before={name: before[name] for name in changes},
                after=dict(changes),
            )

    @again_on_conflict
    async def merge(
        self, survivor: UUID, absorbed: UUID, *, by: UUID | None, reason: str = ""
    ) -> UUID:
        return await self._merge(
            survivor,
            absorbed,
            by=by,
            rule="by_hand",
            reason=reason or "A colleague knows that they are one",
        )

    @again_on_conflict
    async def unmerge(self, merge: UUID, *, by: UUID | None) -> UUID:
        async with self.engine.begin() as connection:
            restored = await unmerge.undo(connection, merge, by=by, now=self.now())
            await self.audit(connection, by, "contacts_unmerged", "contact", restored)
            return restored

    @again_on_conflict
    async def decide_suggestion(self, suggestion: UUID, *, accept: bool, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            row = (
                await connection.execute(
                    text(
                        "update suggestion set decision = :decision, decided_by = :by, decided_at = :now"
                        " where id = :id and decision = 'open' returning first_id, second_id, reasons"
                    ),
                    {
                        "decision": "accepted" if accept else "rejected",
                        "by": by,
                        "now": self.now(),
                        "id": suggestion,
                    },
                )
            ).one_or_none()
            if row is None:
                raise NotFound(
                    "There is no such open suggestion; somebody may have decided it already."
                )
            await self.audit(
                connection,
                by,
                "suggestion_accepted" if accept else "suggestion_rejected",
                "contact",
                row.first_id,
            )
            await tell(
                connection,
                [ContactChanged(id=new_id(), at=self.now(), contact=row.first_id, by=by)],
            )
        if accept:
            await self._merge(
                row.first_id, row.second_id, by=by, rule="suggestion", reason="; ".join(row.reasons)
            )

    @again_on_conflict
    async def erase_contact(self, contact: UUID, *, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            orphans = await erasure.erase(connection, contact, by=by, now=self.now())
            await self.audit(connection, by, "contact_erased", "contact", contact)
        # After the commit: a file is gone for good, and nothing points at it any more.
        for sha256 in orphans:
            await self.media.delete(sha256)

    async def _merge(
        self,
        one: UUID,
        other: UUID,
        *,
        by: UUID | None,
        rule: Literal["suggestion", "by_hand"],
        reason: str,
    ) -> UUID:
        if one == other:
            raise Refused("A contact cannot be merged with itself.")
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            await self.policies.give(connection, world, set())
            await load_contacts_or_refuse(connection, world, {one, other})
            first, second = world.contact(one), world.contact(other)
            if first.id == second.id:
                raise Refused("They are one contact already.")
            await load_conversations(connection, world, [])
            await load_touches(connection, world)
            survivor = identity.merge(
                world, first, second, rule=rule, reason=reason, at=world.now, by=by
            )
            await save(connection, world)
            await self.audit(
                connection, by, "contacts_merged", "contact", survivor.id, after=reason
            )
            merge = await connection.execute(
                text(
                    "select id from contact_merge where absorbed_id = any(:ids) and undone_at is null"
                    " order by id desc limit 1"
                ),
                {"ids": [first.id, second.id]},
            )
            merged: UUID = merge.scalar_one()
            return merged
