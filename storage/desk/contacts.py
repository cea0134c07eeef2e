"""What colleagues do with contacts: make, change, merge, part, decide, erase."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import identity
from router.asking import NotFound, Refused
from router.clean_text import clean_line, clean_text
from router.facts import ContactChanged, ContactCreated
from router.ids import new_id
from router.message import Key
from router.records import Contact, Merge
from router.world import World
from storage import bulk, erasure, tables, unmerge
from storage.desk.ground import Ground, again_on_conflict, load_contacts_or_refuse
from storage.desk.keys import load_owners
from storage.outbox import tell
from storage.world_loading import load_conversations, load_touches
from storage.world_saving import save

_CHANGEABLE: Final = ("name", "manager_id", "fields", "blocked", "locale", "block_reason", "note")
LONGEST_NOTE: Final = 4000


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
            given = [(kind, clean_line(value, limit=255)) for kind, value in dict.fromkeys(keys)]
            await load_owners(connection, world, given)
            for kind, value in given:
                identity.take_claim(world, contact, Key(kind=kind, value=value, proof="claimed"))
            world.tell(ContactCreated(id=new_id(), at=world.now, contact=contact.id, by=by))
            await save(connection, world)
            await self.audit(connection, by, "contact_created", "contact", contact.id)
            return contact.id

    @again_on_conflict
    async def change_contact(
        self, contact: UUID, changes: Mapping[str, Any], *, by: UUID | None
    ) -> None:
        allowed = set(_CHANGEABLE)
        if unknown := changes.keys() - allowed:
            raise Refused(f"These cannot be changed: {', '.join(sorted(unknown))}.")
        async with self.engine.begin() as connection:
            before = (
                (
                    await connection.execute(
                        text(
                            "select name, manager_id, fields, blocked, locale, block_reason, note from contact"
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
                ("id", *_CHANGEABLE),
                [
                    {
                        "id": contact,
                        **after,
                        "name": clean_line(str(after["name"])),
                        "locale": clean_line(str(after["locale"]), limit=16),
                        "note": clean_text(str(after["note"]), limit=LONGEST_NOTE),
                        "block_reason": clean_line(str(after["block_reason"]), limit=255)
                        if after["blocked"]
                        else "",
                    }
                ],
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
                before={name: _told(before, changes, name) for name in changes},
                after=dict(changes),
            )

    @again_on_conflict
    async def merge(
        self,
        survivor: UUID,
        absorbed: UUID,
        *,
        by: UUID | None,
        reason: str = "",
        keep: Mapping[str, UUID] | None = None,
    ) -> UUID:
        async with self.engine.begin() as connection:
            return await self._merge(
                connection,
                survivor,
                absorbed,
                by=by,
                rule="by_hand",
                reason=clean_line(reason, limit=500) or "A colleague knows that they are one",
                keep=keep or {},
            )

    @again_on_conflict
    async def unmerge(self, merge: UUID, *, by: UUID | None) -> UUID:
        async with self.engine.begin() as connection:
            restored = await unmerge.undo(connection, merge, by=by, now=self.now())
            await self.audit(connection, by, "contacts_unmerged", "contact", restored)
            return restored

    @again_on_conflict
    async def decide_suggestion(
        self,
        suggestion: UUID,
        *,
        accept: bool,
        by: UUID | None,
        keep: Mapping[str, UUID] | None = None,
    ) -> UUID | None:
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
            await self._decided(
                connection, row, "suggestion_accepted" if accept else "suggestion_rejected", by=by
            )
            if not accept:
                return None
            return await self._merge(
                connection,
                row.first_id,
                row.second_id,
                by=by,
                rule="suggestion",
                reason="; ".join(row.reasons),
                keep=keep or {},
            )

    @again_on_conflict
    async def reopen_suggestion(self, suggestion: UUID, *, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            row = (
                await connection.execute(
                    text(
                        "update suggestion set decision = 'open', decided_by = null, decided_at = null"
                        " where id = :id and decision = 'rejected' returning first_id, second_id"
                    ),
                    {"id": suggestion},
                )
            ).one_or_none()
            if row is None:
                raise NotFound("There is no such suggestion that somebody has declined.")
            await self._decided(connection, row, "suggestion_reopened", by=by)

    async def _decided(
        self, connection: AsyncConnection, row: Any, what: str, *, by: UUID | None
    ) -> None:
        for contact in (row.first_id, row.second_id):
            await self.audit(connection, by, what, "contact", contact)
            await tell(
                connection, [ContactChanged(id=new_id(), at=self.now(), contact=contact, by=by)]
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
        connection: AsyncConnection,
        one: UUID,
        other: UUID,
        *,
        by: UUID | None,
        rule: Literal["suggestion", "by_hand"],
        reason: str,
        keep: Mapping[str, UUID],
    ) -> UUID:
        if one == other:
            raise Refused("A contact cannot be merged with itself.")
        world = World(now=self.now())
        await self.policies.give(connection, world, set())
        await load_contacts_or_refuse(connection, world, {one, other})
        first, second = world.contact(one), world.contact(other)
        if first.id == second.id:
            raise Refused("They are one contact already.")
        await _refuse_erased(connection, {first.id, second.id})
        await load_conversations(connection, world, [])
        await load_touches(connection, world)
        survivor = identity.merge(
            world, first, second, rule=rule, reason=reason, at=world.now, by=by
        )
        (record,) = world.all_of(Merge)
        _choose(record, keep)
        await save(connection, world)
        await self.audit(connection, by, "contacts_merged", "contact", survivor.id, after=reason)
        return record.id


def _choose(record: Merge, keep: Mapping[str, UUID]) -> None:
    """Where a person takes what the absorbed one has: everything else is the survivor's anyhow."""
    if unknown := set(keep.values()) - {record.survivor_id, record.absorbed_id}:
        raise Refused(f"These are neither of the two: {', '.join(sorted(map(str, unknown)))}.")
    record.before["chosen"] = [what for what, whose in keep.items() if whose == record.absorbed_id]


async def _refuse_erased(connection: AsyncConnection, people: set[UUID]) -> None:
    found = await connection.execute(
        text("select id from contact where id = any(:ids) and erased_at is not null limit 1"),
        {"ids": list(people)},
    )
    if found.scalar_one_or_none() is not None:
        raise Refused("The contact has been erased; there is nothing to merge.")


def _told(before: Any, changes: Mapping[str, Any], name: str) -> Any:
    """Of the fields those that were given: the audit tells what was changed, not all that is known."""
    if name != "fields":
        return before[name]
    return {key: before["fields"].get(key) for key in changes["fields"] or {}}
