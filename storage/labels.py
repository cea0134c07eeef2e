"""Labels: what a business calls them, in which colour. Conversations keep the names.

    rename, merge, delete ──▶ the table at once, and a `label_change` ──work off, 500 at a time──▶ conversations

A change of a name is remembered until every conversation has the new one: dying in between leaves it to be gone on with.
It also remembers whose label it was, for a day, so that a deletion or a merge can be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.facts import ConversationChanged, LabelsChanged
from router.ids import new_id
from storage.engine import transaction
from storage.outbox import tell

COLOURS: Final = ("", "red", "amber", "green", "petrol", "sky", "violet", "slate")
LONGEST_LABEL: Final = 40
MOST_ON_ONE: Final = 12
"""Labels of one conversation."""
MOST: Final = 200
BATCH: Final = 500
CAN_BE_TAKEN_BACK: Final = 20_000
"""Conversations whose label is remembered; of more, a deletion is for good."""
REMEMBERED: Final = timedelta(days=1)


class LabelNameTaken(Exception):
    """Another label has this name."""


class NoSuchLabel(Exception):
    """There is no label of that id."""


class TooManyLabels(Exception):
    """There are as many as anybody can choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A change that can be taken back; `name` is what the label was called."""

    id: UUID
    name: str


async def add_label(connection: AsyncConnection, *, name: str, colour: str, now: datetime) -> UUID:
    """At the end. Raises LabelNameTaken, TooManyLabels."""
    await connection.execute(text("lock table label in share row exclusive mode"))
    await _free(connection, name)
    there = await connection.execute(text("select count(*) from label"))
    if there.scalar_one() >= MOST:
        raise TooManyLabels(f"There are {MOST} labels already: merge some first.")
    id_ = new_id()
    await connection.execute(
        text("""
            insert into label (id, name, colour, position, created_at)
            values (:id, :name, :colour, coalesce((select max(position) + 1 from label), 0), :now)
        """),
        {"id": id_, "name": name, "colour": colour, "now": now},
    )
    await _tell_pages(connection, now=now)
    return id_


async def change_label(
    connection: AsyncConnection, label: UUID, *, name: str, colour: str, now: datetime
) -> None:
    """Raises LabelNameTaken, NoSuchLabel. A new name is on its way to the conversations: `work_off`."""
    await connection.execute(text("lock table label in share row exclusive mode"))
    old = await _name(connection, label)
    if name != old:
        await _free(connection, name, but=label)
        await _remember(connection, old=old, new=name, now=now)
    await connection.execute(
        text("update label set name = :name, colour = :colour where id = :id"),
        {"id": label, "name": name, "colour": colour},
    )
    await _tell_pages(connection, now=now)


async def merge_labels(
    connection: AsyncConnection, label: UUID, *, into: UUID, now: datetime
) -> None:
    """What has `label` has the other one. Raises NoSuchLabel."""
    old, new = await _name(connection, label), await _name(connection, into)
    if label == into:
        raise NoSuchLabel(str(label))
    await _remember(connection, old=old, new=new, now=now)
    await connection.execute(text("delete from label where id = :id"), {"id": label})
    await _tell_pages(connection, now=now)


async def delete_label(connection: AsyncConnection, label: UUID, *, now: datetime) -> Gone:
    """Raises NoSuchLabel."""
    name = await _name(connection, label)
    change = await _remember(connection, old=name, new="", now=now)
    await connection.execute(text("delete from label where id = :id"), {"id": label})
    await _tell_pages(connection, now=now)
    return Gone(id=change, name=name)


async def restore_label(connection: AsyncConnection, change: UUID, *, now: datetime) -> str:
    """Takes a deletion back, on every conversation that had it; the name. Raises NoSuchLabel, LabelNameTaken."""
    found = await connection.execute(
        text("""
            delete from label_change where id = :id and new = '' and created_at > :since
            returning old, colour, position, touched
        """),
        {"id": change, "since": now - REMEMBERED},
    )
    row = found.one_or_none()
    if row is None:
        raise NoSuchLabel(str(change))
    await _free(connection, row.old)
    await connection.execute(
        text("""
            insert into label (id, name, colour, position, created_at)
            values (:id, :name, :colour, :position, :now)
        """),
        {
            "id": new_id(),
            "name": row.old,
            "colour": row.colour,
            "position": row.position,
            "now": now,
        },
    )
    changed = await connection.execute(
        text("""
            update conversation set labels = array_append(labels, :name)
            where id = any(cast(:ids as uuid[])) and not labels @> array[cast(:name as text)]
            returning id, account_id, contact_id, manager_id, team_id
        """),
        {"name": row.old, "ids": list(row.touched)},
    )
    await _tell(connection, changed.all(), now=now)
    await _tell_pages(connection, now=now)
    return str(row.old)


async def move_label(connection: AsyncConnection, label: UUID, *, by: int) -> None:
    """One place up (-1) or down (1). Raises NoSuchLabel."""
    await connection.execute(text("lock table label in share row exclusive mode"))
    found = await connection.execute(text("select id from label order by position, name, id"))
    order = list(found.scalars())
    if label not in order:
        raise NoSuchLabel(str(label))
    place = order.index(label)
    order.insert(max(0, min(len(order) - 1, place + by)), order.pop(place))
    await connection.execute(
        text("""
            update label set position = t.place - 1
            from unnest(cast(:ids as uuid[])) with ordinality as t (id, place) where label.id = t.id
        """),
        {"ids": order},
    )


async def adopt_names(connection: AsyncConnection, names: list[str], *, now: datetime) -> int:
    """Names that conversations have, and nobody has described yet: they get an entry; how many."""
    added = 0
    for name in names:
        try:
            await add_label(connection, name=name, colour="", now=now)
        except (LabelNameTaken, TooManyLabels):
            continue
        added += 1
    return added


async def work_off(engine: AsyncEngine, *, now: datetime) -> None:
    """Takes every changed name to the conversations, a batch a transaction."""
    while True:
        async with transaction(engine) as connection:
            found = await connection.execute(
                text("""
                    select id, old, new, cardinality(touched) as known from label_change
                    where done_at is null order by created_at, id limit 1 for update
                """)
            )
            change = found.one_or_none()
            if change is None:
                await connection.execute(
                    text("delete from label_change where done_at < :before"),
                    {"before": now - REMEMBERED},
                )
                return
            changed = await connection.execute(
                text("""
                    update conversation c set labels = case
                        when :new = '' or c.labels @> array[cast(:new as text)] then array_remove(c.labels, :old)
                        else array_replace(c.labels, :old, :new) end
                    from (
                        select id from conversation
                        where labels @> array[cast(:old as text)] and labels <> '{}'
                        order by id limit :batch for update
                    ) as next where c.id = next.id
                    returning c.id, c.account_id, c.contact_id, c.manager_id, c.team_id
                """),
                {"old": change.old, "new": change.new, "batch": BATCH},
            )
            rows = changed.all()
            ids = [row.id for row in rows]
            await _tell(connection, rows, now=now)
            if change.known < CAN_BE_TAKEN_BACK and ids:
                await connection.execute(
                    text(
                        "update label_change set touched = touched || cast(:ids as uuid[]) where id = :id"
                    ),
                    {"id": change.id, "ids": ids},
                )
            if len(ids) < BATCH:
                await connection.execute(
                    text("update label_change set done_at = :now where id = :id"),
                    {"id": change.id, "now": now},
                )


async def _tell(connection: AsyncConnection, rows: Sequence[Any], *, now: datetime) -> None:
    """Each conversation has other labels now, as if somebody had changed them there."""
    await tell(
        connection,
        [
            ConversationChanged(
                id=new_id(),
                at=now,
                what="labels",
                account=row.account_id,
                contact=row.contact_id,
                conversation=row.id,
                manager=row.manager_id,
                team=row.team_id,
            )
            for row in rows
        ],
    )


async def _tell_pages(connection: AsyncConnection, *, now: datetime) -> None:
    """A colour is on no conversation: whatever page shows the label draws it again."""
    await tell(connection, [LabelsChanged(id=new_id(), at=now)])


async def _remember(connection: AsyncConnection, *, old: str, new: str, now: datetime) -> UUID:
    id_ = new_id()
    await connection.execute(
        text("""
            insert into label_change (id, old, new, colour, position, created_at)
            select :id, name, :new, colour, position, :now from label where name = :old
        """),
        {"id": id_, "old": old, "new": new, "now": now},
    )
    return id_


async def _name(connection: AsyncConnection, label: UUID) -> str:
    found = await connection.execute(
        text("select name from label where id = :id for update"), {"id": label}
    )
    name: str | None = found.scalar()
    if name is None:
        raise NoSuchLabel(str(label))
    return name


async def _free(connection: AsyncConnection, name: str, *, but: UUID | None = None) -> None:
    """“vip” and “VIP” would be one for whoever chooses."""
    taken = await connection.execute(
        text("""
            select name from label where lower(name) = lower(:name)
            and (cast(:but as uuid) is null or id <> cast(:but as uuid))
        """),
        {"name": name, "but": but},
    )
    if (there := taken.scalar()) is not None:
        raise LabelNameTaken(f"There is a label {there} already.")
