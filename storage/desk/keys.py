"""What colleagues do with the numbers, addresses and names a person is known by."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import identity
from router.asking import NotFound, Refused
from router.clean_text import clean_line
from router.facts import ContactChanged
from router.ids import new_id
from router.message import Key
from router.world import World
from storage import bulk, tables
from storage.desk.ground import Ground, again_on_conflict, load_contacts_or_refuse
from storage.outbox import tell
from storage.world_loading import load_claimed
from storage.world_saving import save

SHARABLE: Final = ("phone", "email")
"""What an office may have in common; a messenger's account is one person's."""
VOUCHED: Final = "A colleague vouches for it"
MOST_CLAIMS: Final = 100


class KeyDesk(Ground):
    @again_on_conflict
    async def add_key(
        self, contact: UUID, *, kind: str, value: str, display: str = "", by: UUID | None
    ) -> UUID:
        written = clean_line(value, limit=255)
        if not written:
            raise Refused("Write a number, an address or a name.")
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            await load_contacts_or_refuse(connection, world, {contact})
            person = world.contact(contact)
            claims = await connection.execute(
                text(
                    "select kind, value from identity_claim where contact_id = :id"
                    " union all select kind, value from identity where contact_id = :id limit :most"
                ),
                {"id": person.id, "most": MOST_CLAIMS},
            )
            there = {(row.kind, row.value) for row in claims}
            if (kind, written) in there:
                raise Refused("This is known of the contact already.")
            if len(there) >= MOST_CLAIMS:
                raise Refused("That is more than one person has; remove what is out of date first.")
            await load_owners(connection, world, [(kind, written)])
            identity.take_claim(
                world,
                person,
                Key(
                    kind=kind,
                    value=written,
                    proof="claimed",
                    display=clean_line(display, limit=255) if display != written else "",
                ),
            )
            world.tell(ContactChanged(id=new_id(), at=world.now, contact=person.id, by=by))
            await save(connection, world)
            await self.audit(
                connection,
                by,
                "key_added",
                "contact",
                person.id,
                after={"kind": kind, "value": written},
            )
            made = await connection.execute(
                text(
                    "select id from identity_claim where contact_id = :id and kind = :kind and value = :value"
                ),
                {"id": person.id, "kind": kind, "value": written},
            )
            claim: UUID = made.scalar_one()
            return claim

    @again_on_conflict
    async def remove_key(self, claim: UUID, *, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            row = (
                await connection.execute(
                    text(
                        "delete from identity_claim where id = :id returning contact_id, kind, value"
                    ),
                    {"id": claim},
                )
            ).one_or_none()
            if row is None:
                raise NotFound("There is no such number or address that was only claimed.")
            await self._told(connection, row, "key_removed", by=by)

    @again_on_conflict
    async def vouch_for_key(self, claim: UUID, *, by: UUID | None) -> UUID:
        async with self.engine.begin() as connection:
            row = (
                await connection.execute(
                    text(
                        "delete from identity_claim where id = :id returning contact_id, kind, value, display"
                    ),
                    {"id": claim},
                )
            ).one_or_none()
            if row is None:
                raise NotFound("There is no such number or address that was only claimed.")
            if row.kind not in SHARABLE:
                raise Refused("Only a phone number or an address can be vouched for.")
            if await self._known_of_others(connection, row):
                raise Refused(
                    "It is proved for another contact, or an office's: merge the two, or leave it claimed."
                )
            made = new_id()
            await bulk.insert(
                connection,
                tables.identity,
                (
                    *("id", "contact_id", "kind", "value", "display", "proved", "shared", "how"),
                    *("first_seen", "last_seen"),
                ),
                [
                    {
                        "id": made,
                        "contact_id": row.contact_id,
                        "kind": row.kind,
                        "value": row.value,
                        "display": row.display,
                        "proved": True,
                        "shared": False,
                        "how": VOUCHED,
                        "first_seen": self.now(),
                        "last_seen": self.now(),
                    }
                ],
            )
            await self._told(connection, row, "key_vouched", by=by)
            return made

    @again_on_conflict
    async def unvouch_key(self, key: UUID, *, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            row = (
                await connection.execute(
                    text(
                        "delete from identity where id = :id and how = :how and not exists"
                        " (select from conversation where identity_id = :id)"
                        " returning contact_id, kind, value, display"
                    ),
                    {"id": key, "how": VOUCHED},
                )
            ).one_or_none()
            if row is None:
                raise Refused("It has been used meanwhile: it stays proved.")
            await connection.execute(
                text(
                    "insert into identity_claim (id, contact_id, kind, value, display, event_id, at)"
                    " values (:id, :contact, :kind, :value, :display, :contact, :now)"
                    " on conflict (contact_id, kind, value) do nothing"
                ),
                {
                    "id": new_id(),
                    "contact": row.contact_id,
                    "kind": row.kind,
                    "value": row.value,
                    "display": row.display,
                    "now": self.now(),
                },
            )
            await self._told(connection, row, "key_unvouched", by=by)

    async def _known_of_others(self, connection: AsyncConnection, row: Any) -> bool:
        found = await connection.execute(
            text(
                "select id from identity where kind = :kind and value = :value and (proved or shared) limit 1"
            ),
            {"kind": row.kind, "value": row.value},
        )
        return found.scalar_one_or_none() is not None

    @again_on_conflict
    async def share_key(self, key: UUID, *, shared: bool, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            row = (
                await connection.execute(
                    text(
                        "select contact_id, kind, value, shared from identity where id = :id for update"
                    ),
                    {"id": key},
                )
            ).one_or_none()
            if row is None:
                raise NotFound("There is no such number or address.")
            if row.kind not in SHARABLE:
                raise Refused("Only a phone number or an address can be an office's.")
            if row.shared == shared:
                return
            taken = None if shared else await self._proved_elsewhere(connection, row)
            if taken is not None:
                raise Refused("Somebody else has proved it meanwhile; it cannot be theirs alone.")
            await connection.execute(
                text("update identity set shared = :shared where id = :id"),
                {"shared": shared, "id": key},
            )
            await self._told(connection, row, "key_shared" if shared else "key_own", by=by)

    async def _proved_elsewhere(self, connection: AsyncConnection, row: Any) -> UUID | None:
        found = await connection.execute(
            text(
                "select id from identity where kind = :kind and value = :value and proved and not shared"
            ),
            {"kind": row.kind, "value": row.value},
        )
        id_: UUID | None = found.scalar_one_or_none()
        return id_

    async def _told(
        self, connection: AsyncConnection, row: Any, what: str, *, by: UUID | None
    ) -> None:
        await self.audit(
            connection,
            by,
            what,
            "contact",
            row.contact_id,
            after={"kind": row.kind, "value": row.value},
        )
        await tell(
            connection,
            [ContactChanged(id=new_id(), at=self.now(), contact=row.contact_id, by=by)],
        )


async def load_owners(
    connection: AsyncConnection, world: World, keys: Sequence[tuple[str, str]]
) -> None:
    """Who has proved these keys, so that it is suggested that they are one."""
    if keys:
        await load_claimed(connection, world, keys)
