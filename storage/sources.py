"""Sources and the rules that name them: changed one person at a time, and all origins named anew in the same transaction.

    rules change ─▶ every origin looked at by `router.source_rules` ─▶ those named otherwise than before written at once
    an origin is new ─▶ `origin_ids` keeps it and names it by the rules as they are

Both under one lock, shared by those who add origins: what is added while the rules change is named by the new ones.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound, Refused
from router.clean_text import clean_line
from router.ids import new_id
from router.source_rules import BadPattern, Rule, Rules, clean_pattern, fold
from storage.company import put, read_company, setting
from storage.origins import Triple, intern
from storage.source_defaults import DEFAULTS, Language
from storage.tables import source, source_rule
from storage.tables.sources import SOURCE_KINDS as SOURCE_KINDS  # noqa: PLC0414  # pages do not know tables

MOST_RULES: Final = 500
LONGEST_NAME: Final = 80
COUNTED: Final = 1000
"""Touches of an origin, beyond which nobody asks how many."""
_SEEDED: Final = "source_rules"
_LOCK: Final = 7215009


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    id: UUID
    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    rule: Rule
    source: SourceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedRow:
    """`touches`: no more than COUNTED."""

    source: str
    medium: str
    campaign: str
    touches: int
    first_seen: datetime


# What others ask.


async def origin_ids(
    connection: AsyncConnection, triples: Iterable[Triple], *, now: datetime
) -> dict[Triple, int]:
    """The number of each (source, medium, campaign); those never seen are kept and named by the rules."""
    numbers, fresh = await intern(connection, triples, now=now)
    if fresh:
        await name_origins(connection, fresh)
    return numbers


async def name_origins(connection: AsyncConnection, ids: Collection[int] | None = None) -> int:
    """Sets `origin.source_id` by the rules, of these origins or (None) of all; how many are now named otherwise.

    Whoever adds origins calls it in the same transaction.
    """
    lock = "pg_advisory_xact_lock" if ids is None else "pg_advisory_xact_lock_shared"
    await connection.execute(text(f"select {lock}(:lock)"), {"lock": _LOCK})
    rules = Rules([each.rule for each in await list_rules(connection)])
    found = await connection.execute(
        text("""
            select id, source, medium, campaign, source_id from origin
            where id <> 0 and (:all or id = any(cast(:ids as bigint[])))
        """),
        {"all": ids is None, "ids": list(ids or ())},
    )
    moved: dict[int, UUID | None] = {}
    for row in found:
        rule = rules.first(row.source, row.medium, row.campaign)
        named = rule.source_id if rule is not None else None
        if named != row.source_id:
            moved[row.id] = named
    if moved:
        await connection.execute(
            text("""
                update origin set source_id = given.named
                from unnest(cast(:ids as bigint[]), cast(:named as uuid[])) as given(id, named)
                where origin.id = given.id
            """),
            {"ids": list(moved), "named": list(moved.values())},
        )
    return len(moved)


async def list_rules(connection: AsyncConnection) -> list[RuleRow]:
    rows = await connection.execute(
        text("""
            select r.id, r.source_pattern, r.medium_pattern, r.campaign_pattern, r.source_id, s.name, s.kind
            from source_rule r join source s on s.id = r.source_id order by r.position, r.id
        """)
    )
    return [
        RuleRow(
            rule=Rule(
                id=row.id,
                number=number,
                source_pattern=row.source_pattern,
                medium_pattern=row.medium_pattern,
                campaign_pattern=row.campaign_pattern,
                source_id=row.source_id,
            ),
            source=SourceRow(id=row.source_id, name=row.name, kind=row.kind),
        )
        for number, row in enumerate(rows, start=1)
    ]


async def list_names(connection: AsyncConnection) -> list[SourceRow]:
    """Every source there is, by name."""
    rows = await connection.execute(
        select(source.c.id, source.c.name, source.c.kind).order_by(source.c.name)
    )
    return [SourceRow(id=row.id, name=row.name, kind=row.kind) for row in rows]


async def unmapped(
    connection: AsyncConnection, *, limit: int = 50
) -> tuple[list[UnmappedRow], int]:
    """Origins that no rule knows, those with most touches first; and how many there are in all.

    Looked at are the newest thousand: a rule for what came long ago and never again helps nobody.
    """
    rows = await connection.execute(
        text("""
            select o.source, o.medium, o.campaign, o.first_seen, counted.n as touches
            from (select * from origin where source_id is null and id <> 0 order by id desc limit 1000) o,
                 lateral (select count(*) as n from (select from touch t where t.source = o.source
                          and t.medium = o.medium and t.campaign = o.campaign limit :counted) few) counted
            order by counted.n desc, o.first_seen desc, o.id limit :limit
        """),
        {"limit": limit, "counted": COUNTED},
    )
    found = [UnmappedRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping
    count = await connection.execute(
        text("select count(*) from origin where source_id is null and id <> 0")
    )
    return found, int(count.scalar_one())


# What people change; each change names all the origins anew.


async def add_rule(
    connection: AsyncConnection,
    *,
    patterns: Sequence[str],
    name: str,
    kind: str,
    number: int | None = None,
    now: datetime,
) -> UUID:
    """`patterns`: of source, medium and campaign. `number`: the place it takes; None: the last."""
    there = await _locked(connection)
    if len(there) >= MOST_RULES:
        raise Refused(f"{MOST_RULES} rules are as many as can be kept in order; join some of them.")
    kept = _patterns(patterns)
    _is_another(there, kept)
    made = new_id()
    await connection.execute(
        insert(source_rule).values(
            id=made,
            position=len(there) + 1,
            source_pattern=kept[0],
            medium_pattern=kept[1],
            campaign_pattern=kept[2],
            source_id=await _named(connection, name, kind, now=now),
            created_at=now,
        )
    )
    order = [each.rule.id for each in there]
    order.insert(len(order) if number is None else max(0, number - 1), made)
    await _order(connection, order)
    await name_origins(connection)
    return made


async def change_rule(
    connection: AsyncConnection,
    id_: UUID,
    *,
    patterns: Sequence[str],
    name: str,
    kind: str,
    now: datetime,
) -> RuleRow:
    """Returns what it was."""
    there = await _locked(connection)
    before = _found(there, id_)
    kept = _patterns(patterns)
    _is_another([each for each in there if each.rule.id != id_], kept)
    await connection.execute(
        update(source_rule)
        .where(source_rule.c.id == id_)
        .values(
            source_pattern=kept[0],
            medium_pattern=kept[1],
            campaign_pattern=kept[2],
            source_id=await _named(connection, name, kind, now=now),
        )
    )
    await _drop_unused(connection)
    await name_origins(connection)
    return before


async def move_rule(connection: AsyncConnection, id_: UUID, *, to: int) -> int:
    """To the place `to`, counted from 1; returns the place it had."""
    there = await _locked(connection)
    before = _found(there, id_).rule.number
    order = [each.rule.id for each in there]
    order.remove(id_)
    order.insert(min(max(to, 1), len(order) + 1) - 1, id_)
    await _order(connection, order)
    await name_origins(connection)
    return before


async def remove_rule(connection: AsyncConnection, id_: UUID) -> RuleRow:
    there = await _locked(connection)
    before = _found(there, id_)
    await connection.execute(text("delete from source_rule where id = :id"), {"id": id_})
    await _order(connection, [each.rule.id for each in there if each.rule.id != id_])
    await name_origins(connection)
    await _drop_unused(connection)
    return before


async def seed_rules(connection: AsyncConnection, *, language: Language, now: datetime) -> bool:
    """The rules to begin with, once in an installation's life; whether it was now."""
    if await setting(connection, _SEEDED) is not None:
        return False
    await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if await setting(connection, _SEEDED) is not None:
        return False
    said = (await read_company(connection)).language
    spoken: Language = "en" if (said or language) == "en" else "ru"
    if not await list_rules(connection):
        ids: dict[str, UUID] = {each.name: each.id for each in await list_names(connection)}
        for position, default in enumerate(DEFAULTS, start=1):
            name = default.name(spoken)
            if name not in ids:
                ids[name] = await _named(connection, name, default.kind, now=now)
            await connection.execute(
                insert(source_rule).values(
                    id=new_id(),
                    position=position,
                    source_pattern=default.source,
                    medium_pattern=default.medium,
                    campaign_pattern=default.campaign,
                    source_id=ids[name],
                    created_at=now,
                )
            )
        await name_origins(connection)
    await put(connection, _SEEDED, now.isoformat())
    return True


async def _locked(connection: AsyncConnection) -> list[RuleRow]:
    """All the rules, and nobody else changes them."""
    await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    return await list_rules(connection)


def _found(rules: Sequence[RuleRow], id_: UUID) -> RuleRow:
    found = next((each for each in rules if each.rule.id == id_), None)
    if found is None:
        raise NotFound("There is no such rule.")
    return found


def _patterns(written: Sequence[str]) -> tuple[str, str, str]:
    try:
        first, second, third = (clean_pattern(each) for each in written)
    except BadPattern as bad:
        raise Refused(str(bad)) from bad
    if not (first or second or third):
        raise Refused("Write at least one pattern: a rule that asks nothing would name everything.")
    return first, second, third


def _is_another(rules: Sequence[RuleRow], kept: tuple[str, str, str]) -> None:
    for each in rules:
        rule = each.rule
        if (rule.source_pattern, rule.medium_pattern, rule.campaign_pattern) == kept:
            raise Refused(f"Rule {rule.number} asks exactly the same.")


async def _named(connection: AsyncConnection, name: str, kind: str, *, now: datetime) -> UUID:
    """The source of this name, made when it is new; its kind is as said last."""
    written = clean_line(name, limit=LONGEST_NAME)
    if not written:
        raise Refused("Write what the source is called.")
    if kind not in SOURCE_KINDS:
        raise Refused("There is no such kind of source.")
    found = await connection.execute(
        text("select id from source where lower(name) = lower(:name) order by id limit 1"),
        {"name": written},
    )
    known: UUID | None = found.scalar_one_or_none()
    if known is not None:
        await connection.execute(
            update(source).where(source.c.id == known).values(name=written, kind=kind)
        )
        return known
    made = new_id()
    await connection.execute(
        insert(source).values(id=made, name=written, kind=kind, created_at=now)
    )
    return made


async def _drop_unused(connection: AsyncConnection) -> None:
    """Sources that no rule and no origin names any more."""
    await connection.execute(
        text("""
            delete from source s where not exists (select from source_rule r where r.source_id = s.id)
            and not exists (select from origin o where o.source_id = s.id)
        """)
    )


async def _order(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    await connection.execute(
        text("""
            update source_rule set position = given.place
            from unnest(cast(:ids as uuid[])) with ordinality as given(id, place)
            where source_rule.id = given.id and source_rule.position <> given.place
        """),
        {"ids": list(ids)},
    )


def named_by(rows: Sequence[RuleRow], given: Sequence[str]) -> RuleRow | None:
    """What would become of (source, medium, campaign) as somebody writes them."""
    source_, medium, campaign = (fold(each) for each in given)
    rule = Rules([each.rule for each in rows]).first(source_, medium, campaign)
    return next((each for each in rows if rule is not None and each.rule.id == rule.id), None)


def as_told(row: RuleRow) -> dict[str, Any]:
    """For the audit."""
    return {
        "name": row.source.name,
        "kind": row.source.kind,
        "source_pattern": row.rule.source_pattern,
        "medium_pattern": row.rule.medium_pattern,
        "campaign_pattern": row.rule.campaign_pattern,
        "number": row.rule.number,
    }
