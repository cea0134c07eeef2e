"""Macros: a reply and what is done beside it, by one press. The steps are kept as they are written here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id

MOST: Final = 500
MOST_STEPS: Final = 12
LONGEST_NAME: Final = 80
LONGEST_TEXT: Final = 10_000
LONGEST_HOURS: Final = 24 * 366

Hours = Annotated[int, Meta(ge=1, le=LONGEST_HOURS)]
Label = Annotated[str, Meta(min_length=1, max_length=40)]
Words = Annotated[str, Meta(min_length=1, max_length=2000)]


class AssignTo(Struct, frozen=True, kw_only=True, tag="assign", tag_field="do"):
    """To whoever runs it, unless a colleague or a team is named."""

    manager: UUID | None = None
    team: UUID | None = None


class AddLabel(Struct, frozen=True, kw_only=True, tag="add_label", tag_field="do"):
    label: Label


class RemoveLabel(Struct, frozen=True, kw_only=True, tag="remove_label", tag_field="do"):
    label: Label


class SetStatus(Struct, frozen=True, kw_only=True, tag="status", tag_field="do"):
    status: Literal["open", "waiting", "resolved"]


class Snooze(Struct, frozen=True, kw_only=True, tag="snooze", tag_field="do"):
    hours: Hours


class MoveLead(Struct, frozen=True, kw_only=True, tag="stage", tag_field="do"):
    stage: UUID


class AddTask(Struct, frozen=True, kw_only=True, tag="task", tag_field="do"):
    text: Words
    hours: Hours


class AddNote(Struct, frozen=True, kw_only=True, tag="note", tag_field="do"):
    text: Words


Step = AssignTo | AddLabel | RemoveLabel | SetStatus | Snooze | MoveLead | AddTask | AddNote
Steps = Annotated[list[Step], Meta(max_length=MOST_STEPS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """Who may use it: `owner_id`, `team_id`, or (neither) everybody."""

    id: UUID
    owner_id: UUID | None
    team_id: UUID | None
    team: str
    name: str
    text: str
    steps: tuple[Step, ...]
    uses: int
    created_at: datetime
    changed_at: datetime

    @property
    def scope(self) -> str:
        return "own" if self.owner_id else "team" if self.team_id else "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroText:
    owner_id: UUID | None
    team_id: UUID | None
    name: str
    text: str
    steps: Sequence[Step]


class TooManyMacros(Exception):
    """There are MOST of them already."""


_COLUMNS: Final = """
    r.id, r.owner_id, r.team_id, coalesce(t.name, '') as team, r.name, r.text, r.steps, r.uses, r.created_at,
    r.changed_at
    from macro r left join team t on t.id = r.team_id
"""
_MINE: Final = text(
    f"""
    select {_COLUMNS} where r.deleted_at is null
    and (r.owner_id = :me or (r.owner_id is null and (r.team_id is null or cast(:every as boolean) or exists (
        select from team_member m where m.team_id = r.team_id and m.user_id = :me))))
    order by r.position, r.name, r.id limit :most
    """  # noqa: S608  # constants
)
_SHARED: Final = text(
    f"select {_COLUMNS} where r.deleted_at is null and r.owner_id is null order by r.position, r.name, r.id limit :most"  # constants
)
_ONE: Final = text(
    f"select {_COLUMNS} where r.id = :id and (r.deleted_at is not null) = cast(:dropped as boolean)"  # constants
)


async def list_macros(
    connection: AsyncConnection, *, me: UUID | None, every_team: bool = False
) -> list[Macro]:
    """Those this colleague may use, in their order; `me` None: the shared ones, which programs see."""
    if me is None:
        rows = await connection.execute(_SHARED, {"most": MOST})
    else:
        rows = await connection.execute(_MINE, {"me": me, "every": every_team, "most": MOST})
    return [_row(row) for row in rows]


async def macro_by_id(
    connection: AsyncConnection, id_: UUID, *, dropped: bool = False
) -> Macro | None:
    row = (await connection.execute(_ONE, {"id": id_, "dropped": dropped})).one_or_none()
    return None if row is None else _row(row)


async def add_macro(
    connection: AsyncConnection, new: MacroText, *, by: UUID | None, now: datetime
) -> UUID:
    """At the end of the order. Raises TooManyMacros."""
    count = (
        await connection.execute(text("select count(*) from macro where deleted_at is null"))
    ).scalar_one()
    if count >= MOST:
        raise TooManyMacros
    id_ = new_id()
    await connection.execute(
        text("""
            insert into macro (id, owner_id, team_id, name, text, steps, position, created_by, created_at, changed_at)
            select :id, :owner_id, :team_id, :name, :text, cast(:steps as jsonb), coalesce(max(position), 0) + 1, :by,
                   :now, :now
            from macro
        """),
        {"id": id_, "by": by, "now": now, **_written(new)},
    )
    return id_


async def change_macro(
    connection: AsyncConnection, id_: UUID, new: MacroText, *, now: datetime
) -> bool:
    found = await connection.execute(
        text("""
            update macro set owner_id = :owner_id, team_id = :team_id, name = :name, text = :text,
                   steps = cast(:steps as jsonb), changed_at = :now
            where id = :id and deleted_at is null
        """),
        {"id": id_, "now": now, **_written(new)},
    )
    return bool(found.rowcount)


async def move_macro(connection: AsyncConnection, id_: UUID, *, up: bool) -> None:
    """Changes places with its neighbour."""
    rows = (
        await connection.execute(
            text(
                "select id from macro where deleted_at is null order by position, name, id for update"
            )
        )
    ).all()
    order = [row.id for row in rows]
    if id_ not in order:
        return
    at = order.index(id_)
    to = max(0, min(len(order) - 1, at - 1 if up else at + 1))
    order[at], order[to] = order[to], order[at]
    await connection.execute(
        text("""
            update macro set position = given.place
            from unnest(cast(:ids as uuid[])) with ordinality as given(id, place) where macro.id = given.id
        """),
        {"ids": order},
    )


async def drop_macro(connection: AsyncConnection, id_: UUID, *, now: datetime) -> bool:
    found = await connection.execute(
        text("update macro set deleted_at = :now where id = :id and deleted_at is null"),
        {"id": id_, "now": now},
    )
    return bool(found.rowcount)


async def restore_macro(connection: AsyncConnection, id_: UUID) -> bool:
    found = await connection.execute(
        text("update macro set deleted_at = null where id = :id and deleted_at is not null"),
        {"id": id_},
    )
    return bool(found.rowcount)


def _written(new: MacroText) -> dict[str, Any]:
    return {
        "owner_id": new.owner_id,
        "team_id": new.team_id,
        "name": new.name,
        "text": new.text,
        "steps": msgspec.json.encode(list(new.steps)).decode(),
    }


def _row(row: Any) -> Macro:
    given = dict(row._mapping)  # noqa: SLF001  # a Row's public mapping
    return Macro(**{**given, "steps": tuple(steps_of(given["steps"]))})


def steps_of(kept: Any) -> list[Step]:
    """As the database has them: text, or taken apart already."""
    if isinstance(kept, str | bytes):
        return msgspec.json.decode(kept, type=Steps)
    return msgspec.convert(kept, Steps)
