"""The questions a business asks about its contacts and leads: made, renamed, moved, put away and taken out again.

A field that is put away is asked no more; what was answered stays where it is, and is there again with the field.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound, Refused
from router.clean_text import clean_line
from router.field_answers import KINDS
from router.ids import new_id
from storage.reading.fields import Entity, FieldRow, field_row
from storage.tables import field

MOST: Final = 50
MOST_CHOICES: Final = 100
LONGEST_NAME: Final = 80
_LATIN: Final = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        (
            "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya".replace(
                "_", "-"
            ).split()
        ),
        strict=True,
    )
)


async def add_field(
    connection: AsyncConnection,
    *,
    entity: Entity,
    name: str,
    kind: str,
    choices: Sequence[str] = (),
    key: str = "",
    now: datetime,
) -> UUID:
    """At the end of the list. `key`: under which answers are there already; "": made of the name."""
    named, kept = _name(name), _choices(kind, choices)
    there = await _all(connection, entity)
    if sum(each.archived_at is None for each in there) >= MOST:
        raise Refused(f"{MOST} fields are as many as anybody fills in; put one away first.")
    if any(each.name.casefold() == named.casefold() and each.archived_at is None for each in there):
        raise Refused("There is a field of this name already.")
    taken = {each.key for each in there}
    if key and key in taken:
        raise Refused("There is a field of this key already; perhaps it was put away.")
    made = new_id()
    await connection.execute(
        insert(field).values(
            id=made,
            entity=entity,
            key=key or _free_key(named, taken),
            name=named,
            kind=kind,
            choices=kept,
            position=max((each.position for each in there), default=0) + 1,
            created_at=now,
        )
    )
    return made


async def change_field(
    connection: AsyncConnection, id_: UUID, *, name: str, choices: Sequence[str] = ()
) -> FieldRow:
    """Its kind stays: answers of another kind would mean nothing. Returns what it was."""
    before = await _locked(connection, id_)
    named = _name(name)
    others = [
        each
        for each in await _all(connection, before.entity)
        if each.id != id_ and each.archived_at is None
    ]
    if any(each.name.casefold() == named.casefold() for each in others):
        raise Refused("There is a field of this name already.")
    await connection.execute(
        update(field)
        .where(field.c.id == id_)
        .values(name=named, choices=_choices(before.kind, choices))
    )
    return before


async def archive_field(
    connection: AsyncConnection, id_: UUID, *, archived: bool, now: datetime
) -> FieldRow:
    before = await _locked(connection, id_)
    await connection.execute(
        update(field).where(field.c.id == id_).values(archived_at=now if archived else None)
    )
    return before


async def move_field(connection: AsyncConnection, id_: UUID, *, by: int) -> None:
    """One place up (-1) or down (1) among those that are asked; at an end it stays."""
    moving = await _locked(connection, id_)
    shown = [each for each in await _all(connection, moving.entity) if each.archived_at is None]
    order = [each.id for each in shown]
    if id_ not in order:
        raise NotFound("There is no such field.")
    at = order.index(id_)
    to = min(max(at + by, 0), len(order) - 1)
    order.insert(to, order.pop(at))
    await connection.execute(
        text(
            "update field set position = given.place from unnest(cast(:ids as uuid[])) with ordinality"
            " as given(id, place) where field.id = given.id"
        ),
        {"ids": order},
    )


async def _all(connection: AsyncConnection, entity: str) -> list[FieldRow]:
    """In their order, and locked in it, so that two who change the list do it one after the other."""
    await connection.execute(
        text("select pg_advisory_xact_lock(hashtext(:name))"), {"name": f"fields of {entity}"}
    )
    found = await connection.execute(
        select(field).where(field.c.entity == entity).order_by(field.c.position, field.c.id)
    )
    return [field_row(row) for row in found]


async def _locked(connection: AsyncConnection, id_: UUID) -> FieldRow:
    found = await connection.execute(select(field).where(field.c.id == id_).with_for_update())
    row = found.one_or_none()
    if row is None:
        raise NotFound("There is no such field.")
    return field_row(row)


def _name(name: str) -> str:
    named = clean_line(name, limit=LONGEST_NAME)
    if not named:
        raise Refused("Give the field a name.")
    return named


def _choices(kind: str, choices: Sequence[str]) -> list[str]:
    if kind not in KINDS:
        raise Refused("There is no such kind of field.")
    if kind != "choice":
        return []
    kept = list(dict.fromkeys(word for each in choices if (word := clean_line(each))))
    if not kept:
        raise Refused("Write the answers to choose from, each on a line of its own.")
    if len(kept) > MOST_CHOICES:
        raise Refused(f"{MOST_CHOICES} answers are as many as anybody reads through.")
    return kept


def _free_key(name: str, taken: set[str]) -> str:
    """For programs: Latin letters, as "gosnomer" of «Госномер»."""
    spelt = "".join(_LATIN.get(char, char) for char in name.casefold())
    bare = re.sub(r"[^a-z0-9]+", "_", spelt.replace("-", "")).strip("_")[:40] or "field"
    key, number = bare, 2
    while key in taken:
        key, number = f"{bare}_{number}", number + 1
    return key
