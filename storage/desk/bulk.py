"""One thing done to many conversations at once, and taken back.

One transaction: the conversations are loaded and locked together, each is decided by the same words as a single one
(`router.deciding`), and all are saved together. One that somebody else has changed since the page saw it is skipped and
named, where the change would overwrite theirs; labels and read marks overwrite nothing. What each was before is kept under
the page's own key, which also makes a second click do nothing twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from router import deciding
from router.asking import BulkChange, BulkOutcome, NotFound, Refused, Skipped
from router.clean_text import clean_line
from router.conversations import changed
from router.leads import give
from router.records import Conversation, Status
from router.world import World
from storage.colleagues_loading import load_colleagues
from storage.desk.ground import Ground, again_on_conflict
from storage.desk.had import Had, kept_of, restore, restore_closed
from storage.labels import LONGEST_LABEL, MOST_ON_ONE
from storage.reading.conversation_rows import revision_of
from storage.world_loading import load_contacts, load_conversations, load_touches
from storage.world_saving import save

MOST: Final = 200

_OVERWRITES: Final = {"assign", "resolve", "reopen", "snooze", "spam", "status"}
"""`status` is one conversation's, set by the desk of conversations."""
_STATUS: Final[Mapping[str, Status]] = {
    "resolve": "resolved",
    "reopen": "open",
    "snooze": "snoozed",
    "spam": "spam",
}
_AROUND = text(
    "select c.id, c.account_id, c.contact_id, a.team_id as account_team, p.name from conversation c"
    " join account a on a.id = c.account_id join contact p on p.id = c.contact_id"
    " where c.id = any(cast(:ids as uuid[]))"
)
_LABELS = text("select id, labels from conversation where id = any(cast(:ids as uuid[]))")
_RELABEL = text(
    "update conversation c set labels = array(select jsonb_array_elements_text(k.labels))"
    " from jsonb_to_recordset(cast(:rows as jsonb)) as k(id uuid, labels jsonb) where c.id = k.id"
)
_BEGIN = text(
    "insert into bulk_action (id, user_id, what, before, outcome, at)"
    " values (:id, :user, :what, '[]', 'null', :now) on conflict (id) do nothing returning id"
)
_KNOWN = text("select user_id, outcome from bulk_action where id = :id").columns(outcome=JSONB)
_END = text(
    "update bulk_action set before = cast(:before as jsonb), outcome = cast(:outcome as jsonb) where id = :id"
)
_TAKE = text(
    "update bulk_action set undone_at = :now where id = :id and user_id is not distinct from cast(:user as uuid)"
    " and undone_at is null"
    " returning before, what"
).columns(before=JSONB)


@dataclass(slots=True, kw_only=True)
class _Many:
    """The conversations, locked, in the order in which they were asked for."""

    world: World
    names: dict[UUID, str]
    labels: dict[UUID, list[str]]
    found: list[Conversation]
    relabelled: set[UUID]


class BulkDesk(Ground):
    @again_on_conflict
    async def change_many(
        self, key: UUID, change: BulkChange, seen: Mapping[UUID, str], *, by: UUID | None
    ) -> BulkOutcome:
        _refuse_nonsense(change, seen, now=self.now())
        label = clean_line(change.label, limit=LONGEST_LABEL)
        async with self.engine.begin() as connection:
            if (known := await self._begun(connection, key, change.kind, by=by)) is not None:
                return known
            many = await self._load(
                connection,
                list(seen),
                managers={change.manager, by} - {None},
                teams={change.team} - {None},
            )
            teams, managers = many.world.colleagues()
            if change.manager is not None and change.manager not in managers:
                raise NotFound("There is no such manager.")
            if change.team is not None and change.team not in teams:
                raise NotFound("There is no such team.")
            before: list[Had] = []
            skipped = [
                Skipped(conversation=each, name="", reason="It is not there any more.")
                for each in seen
                if each not in many.names
            ]
            for found in many.found:
                if change.kind in _OVERWRITES and seen[found.id] != revision_of(found):
                    reason = "Somebody has changed it meanwhile."
                elif change.kind == "label" and not _fits(many.labels[found.id], label):
                    reason = "It has as many labels as it can have."
                else:
                    before.append(_done(many, found, change, label=label, by=by))
                    continue
                skipped.append(
                    Skipped(conversation=found.id, name=many.names[found.id], reason=reason)
                )
            outcome = BulkOutcome(done=len(before), skipped=tuple(skipped))
            await self._save(connection, many)
            await connection.execute(
                _END,
                {
                    "id": key,
                    "before": msgspec.json.encode(before).decode(),
                    "outcome": msgspec.json.encode(outcome).decode(),
                },
            )
            await self.audit(
                connection,
                by,
                f"bulk_{change.kind}",
                "bulk_action",
                key,
                after={"conversations": [str(each.id) for each in before]},
            )
        if change.kind in {"resolve", "spam"}:
            await self.hand_out()
        return outcome

    @again_on_conflict
    async def undo_many(self, key: UUID, *, by: UUID | None) -> BulkOutcome:
        """Only what nobody has touched since; asked twice, the second time does nothing."""
        now = self.now()
        async with self.engine.begin() as connection:
            row = (
                await connection.execute(_TAKE, {"id": key, "user": by, "now": now})
            ).one_or_none()
            if row is None:
                raise Refused("This has been taken back already.")
            before = {each.id: each for each in msgspec.convert(row.before, list[Had])}
            many = await self._load(
                connection,
                list(before),
                managers={*(each.manager_id for each in before.values()), by} - {None},
                teams={each.team_id for each in before.values()} - {None},
            )
            skipped = []
            done = 0
            # Backwards: what the first changed of a person, the second had as it was then.
            for found in reversed(many.found):
                had = before[found.id]
                if row.what in _OVERWRITES and had.after != revision_of(found):
                    reason = "Somebody has changed it meanwhile."
                    skipped.append(
                        Skipped(conversation=found.id, name=many.names[found.id], reason=reason)
                    )
                    continue
                was = found.status
                _taken_back(many, found, had, what=row.what, by=by)
                done += 1
                if row.what == "status":
                    await self.audit(
                        connection,
                        by,
                        "conversation_status",
                        "conversation",
                        found.id,
                        before=was,
                        after=found.status,
                    )
            await self._save(connection, many)
            if row.what != "status":
                await self.audit(connection, by, "bulk_undone", "bulk_action", key)
        return BulkOutcome(done=done, skipped=tuple(skipped))

    async def _begun(
        self, connection: AsyncConnection, key: UUID, what: str, *, by: UUID | None
    ) -> BulkOutcome | None:
        """What the same key led to before; None when it is new. Of two at once, the second waits here for the first."""
        values = {"id": key, "user": by, "what": what, "now": self.now()}
        if (await connection.execute(_BEGIN, values)).one_or_none() is not None:
            return None
        known = (await connection.execute(_KNOWN, {"id": key})).one()
        if known.user_id != by:
            raise Refused("This has been taken back already.")
        return msgspec.convert(known.outcome, BulkOutcome)

    async def _load(
        self,
        connection: AsyncConnection,
        ids: Sequence[UUID],
        *,
        managers: set[UUID | None],
        teams: set[UUID | None],
    ) -> _Many:
        world = World(now=self.now())
        rows = (await connection.execute(_AROUND, {"ids": list(ids)})).all()
        await self.policies.give(connection, world, {row.account_id for row in rows})
        await load_contacts(connection, world, {row.contact_id for row in rows})
        await load_conversations(connection, world, [row.id for row in rows])
        await load_touches(connection, world)
        await load_colleagues(
            connection,
            world,
            teams={*teams, *(row.account_team for row in rows)},
            managers=managers,
        )
        labels = await connection.execute(_LABELS, {"ids": list(ids)})
        return _Many(
            world=world,
            names={row.id: row.name for row in rows},
            labels={row.id: list(row.labels) for row in labels},
            found=[world.conversations[each] for each in ids if each in world.conversations],
            relabelled=set(),
        )

    async def _save(self, connection: AsyncConnection, many: _Many) -> None:
        if many.relabelled:
            rows = [{"id": each, "labels": many.labels[each]} for each in many.relabelled]
            await connection.execute(_RELABEL, {"rows": msgspec.json.encode(rows).decode()})
        await save(connection, many.world)


def _refuse_nonsense(change: BulkChange, seen: Mapping[UUID, str], *, now: datetime) -> None:
    if not seen or len(seen) > MOST:
        raise Refused(f"Choose between 1 and {MOST} conversations.")
    if change.kind in {"label", "unlabel"} and not clean_line(change.label, limit=LONGEST_LABEL):
        raise Refused("Say which label.")
    if change.until is not None and change.until <= now:
        raise Refused("Say until when: a moment that is still to come.")


def _fits(labels: Sequence[str], label: str) -> bool:
    return len(labels) < MOST_ON_ONE or _has(labels, label)


def _has(labels: Sequence[str], label: str) -> bool:
    return label.lower() in {each.lower() for each in labels}


def _done(
    many: _Many, found: Conversation, change: BulkChange, *, label: str, by: UUID | None
) -> Had:
    """Does it; returns what it was."""
    world = many.world
    lead = world.open_leads.get(found.contact_id)
    contact = world.contacts.get(found.contact_id)
    had: dict[str, Any] = {
        **kept_of(found),
        "lead_id": lead.id if lead else None,
        "lead_manager_id": lead.manager_id if lead else None,
        "contact_manager_id": contact.manager_id if contact else None,
    }
    match change.kind:
        case "assign":
            if change.manager is not None:
                deciding.give_to(world, found, change.manager, by=by)
            else:
                deciding.give_to_team(world, found, change.team, by=by)
        case "label":
            if not _has(many.labels[found.id], label):
                _relabel(many, found, [*many.labels[found.id], label], by=by)
                had["relabelled"] = label
        case "unlabel":
            if label in many.labels[found.id]:
                _relabel(
                    many, found, [each for each in many.labels[found.id] if each != label], by=by
                )
                had["relabelled"] = label
        case "read" | "unread":
            _mark(world, found, unread=0 if change.kind == "read" else max(found.unread, 1), by=by)
        case "resolve" | "reopen" | "snooze" | "spam":
            deciding.set_status(world, found, _STATUS[change.kind], by=by, until=change.until)
    return Had(**had, unread_after=found.unread, after=revision_of(found))


def _taken_back(many: _Many, found: Conversation, had: Had, *, what: str, by: UUID | None) -> None:
    world = many.world
    labels = many.labels[found.id]
    match what:
        case "assign":
            _give_back(world, found, had, by=by)
        case "label" if had.relabelled:
            _relabel(many, found, [each for each in labels if each != had.relabelled], by=by)
        case "unlabel" if had.relabelled and not _has(labels, had.relabelled):
            _relabel(many, found, [*labels, had.relabelled], by=by)
        case "read" | "unread" if found.unread == had.unread_after:
            _mark(world, found, unread=had.unread, by=by)
        case "resolve" | "reopen" | "snooze" | "spam" | "status":
            deciding.set_status(world, found, had.status, by=by, until=had.snoozed_until)
            restore_closed(world, found, had)


def _give_back(world: World, found: Conversation, had: Had, *, by: UUID | None) -> None:
    _, managers = world.colleagues()
    if found.manager_id != had.manager_id:
        if had.manager_id in managers:
            deciding.give_to(world, found, had.manager_id, by=by)
        else:
            deciding.give_to_team(world, found, None, by=by)
    found.team_id = had.team_id
    restore(world, found, had)
    lead = world.open_leads.get(found.contact_id)
    if lead is not None and lead.id == had.lead_id and lead.manager_id != had.lead_manager_id:
        give(world, lead, had.lead_manager_id, by=by)
    contact = world.contacts.get(found.contact_id)
    if contact is not None and contact.manager_id != had.contact_manager_id:
        contact.manager_id = had.contact_manager_id
        world.change(contact)


def _mark(world: World, found: Conversation, *, unread: int, by: UUID | None) -> None:
    if found.unread != unread:
        found.unread = unread
        changed(world, found, "unread" if unread else "read", by=by)


def _relabel(many: _Many, found: Conversation, labels: list[str], *, by: UUID | None) -> None:
    many.labels[found.id] = sorted(labels)
    many.relabelled.add(found.id)
    changed(many.world, found, "labels", by=by)
