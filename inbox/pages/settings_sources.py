"""Sources: the rules that name where people come from, what no rule knows yet, and a box to try a rule in."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from router.source_rules import LONGEST_PATTERN, exactly
from storage.engine import transaction
from storage.sources import (
    COUNTED,
    LONGEST_NAME,
    SOURCE_KINDS,
    RuleRow,
    add_rule,
    as_told,
    change_rule,
    list_names,
    list_rules,
    move_rule,
    named_by,
    remove_rule,
    unmapped,
)

HERE: Final = "/settings/sources"
PARTS: Final = ("source", "medium", "campaign")
SHOWN: Final = 50
"""Of what no rule knows, those that brought most."""


async def rules(visit: Visit) -> web.Response:
    asked = {name: visit.request.query.get(name, "")[:255] for name in PARTS}
    async with visit.around.engine.connect() as connection:
        rows = await list_rules(connection)
        unknown, how_many = await unmapped(connection, limit=SHOWN)
        names = await list_names(connection)
    return visit.page(
        "settings/sources.html",
        rows=rows,
        names=names,
        kinds=SOURCE_KINDS,
        parts=PARTS,
        longest=LONGEST_NAME,
        longest_pattern=LONGEST_PATTERN,
        unknown=unknown,
        how_many=how_many,
        counted=COUNTED,
        exactly=exactly,
        asked=asked,
        tested=any(asked.values()),
        answer=named_by(rows, [asked[name] for name in PARTS]),
    )


async def add(visit: Visit) -> web.Response:
    form = visit.form
    number = form.get("number", "")
    async with transaction(visit.around.engine) as connection:
        made = await add_rule(
            connection,
            **_given(visit),
            number=int(number) if number.isdecimal() and len(number) < 6 else None,
            now=visit.now,
        )
        added = next(each for each in await list_rules(connection) if each.rule.id == made)
        await visit.note_in_audit(
            connection, "source_rule_added", "source_rule", made, after=as_told(added)
        )
    return visit.done(
        HERE,
        said=visit._("The rule is added, and everything it fits is called “{name}” now").format(
            name=added.source.name
        ),
        undo=Undo(action=f"{HERE}/{made}/remove"),
    )


async def change(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        before = await change_rule(connection, visit.id(), **_given(visit), now=visit.now)
        after = next(each for each in await list_rules(connection) if each.rule.id == visit.id())
        await visit.note_in_audit(
            connection,
            "source_rule_changed",
            "source_rule",
            visit.id(),
            before=as_told(before),
            after=as_told(after),
        )
    return visit.done(
        HERE,
        said=visit._("Saved"),
        undo=Undo(action=f"{HERE}/{visit.id()}", fields=_fields(before)),
    )


async def move(visit: Visit) -> web.Response:
    """`by` is up or down; `place` the number to stand at, as the undo says it."""
    form = visit.form
    async with transaction(visit.around.engine) as connection:
        there = {each.rule.id: each.rule.number for each in await list_rules(connection)}
        place = there.get(visit.id(), 0)
        if form.get("place", "").isdecimal() and len(form["place"]) < 6:
            place = int(form["place"])
        elif form.get("by") in {"up", "down"}:
            place += -1 if form["by"] == "up" else 1
        else:
            raise web.HTTPBadRequest
        before = await move_rule(connection, visit.id(), to=place)
        await visit.note_in_audit(
            connection,
            "source_rule_moved",
            "source_rule",
            visit.id(),
            before={"number": before},
            after={"number": place},
        )
    return visit.done(
        HERE,
        said=visit._("The order is changed"),
        undo=Undo(action=f"{HERE}/{visit.id()}/move", fields={"place": str(before)}),
    )


async def remove(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        before = await remove_rule(connection, visit.id())
        await visit.note_in_audit(
            connection, "source_rule_removed", "source_rule", visit.id(), before=as_told(before)
        )
    return visit.done(
        HERE,
        said=visit._("The rule is removed"),
        undo=Undo(action=HERE, fields={**_fields(before), "number": str(before.rule.number)}),
    )


def _given(visit: Visit) -> dict[str, Any]:
    form = visit.form
    return {
        "patterns": [form.get(name, "") for name in PARTS],
        "name": form.get("name", ""),
        "kind": form.get("kind", "other"),
    }


def _fields(row: RuleRow) -> Mapping[str, str]:
    return {
        "source": row.rule.source_pattern,
        "medium": row.rule.medium_pattern,
        "campaign": row.rule.campaign_pattern,
        "name": row.source.name,
        "kind": row.source.kind,
    }


PAGES: Final[Sequence[Page]] = (
    get(HERE, rules, Right.MANAGE_SOURCES),
    post(HERE, add, Right.MANAGE_SOURCES),
    post(HERE + "/{id}", change, Right.MANAGE_SOURCES),
    post(HERE + "/{id}/move", move, Right.MANAGE_SOURCES),
    post(HERE + "/{id}/remove", remove, Right.MANAGE_SOURCES),
)
