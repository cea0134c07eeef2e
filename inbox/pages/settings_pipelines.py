"""Pipelines: their stages in order, what each means and makes somebody do, why leads are lost, in which currency."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from babel.numbers import list_currencies
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Refused
from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Visit, get, post
from storage.audit import write_audit
from storage.engine import transaction
from storage.pipelines import (
    KINDS,
    add_pipeline,
    add_stage,
    change_pipeline,
    change_stage,
    move_pipeline,
    order_stages,
    remove_pipeline,
    remove_stage,
)
from storage.reading.pipelines import PipelineRow, list_pipelines

LONGEST_NAME: Final = 80
LONGEST_TASK: Final = 200
MOST_REASONS: Final = 30
CURRENCIES: Final = ("RUB", "USD", "EUR", "KZT", "BYN", "UZS", "GEL", "AMD", "CNY", "TRY", "AED")
"""Offered; any other of ISO 4217 may be written."""
COLOURS: Final = ("", "gray", "blue", "teal", "green", "amber", "red", "violet")
UNITS: Final = {"min": 1, "h": 60, "d": 8 * 60}
"""Working minutes; a working day is eight hours."""
MOST_MINUTES: Final = 60 * 24 * 60


async def pipelines(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_pipelines(connection)
    return visit.page("settings/pipelines.html", rows=rows)


async def add(visit: Visit) -> web.Response:
    name, _ = _name(visit), visit._
    stages = [
        (_("New"), "open"),
        (_("Qualification"), "qualified"),
        (_("In work"), "open"),
        (_("Won"), "won"),
        (_("Lost"), "lost"),
    ]
    reasons = [_("Too expensive"), _("Could not reach them"), _("Went elsewhere")]
    async with transaction(visit.around.engine) as connection:
        known = await list_pipelines(connection)
        currency = known[0].currency if known else "RUB"
        made = await add_pipeline(
            connection, name=name, currency=currency, stages=stages, lost_reasons=reasons
        )
        await _audit(visit, connection, "pipeline_made", made, {"name": name})
    return visit.back(f"/settings/pipelines/{made}")


async def pipeline(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_pipelines(connection)
    found = _found(visit, rows)
    return visit.page(
        "settings/pipeline.html",
        pipeline=found,
        is_first=rows[0].id == found.id,
        kinds=KINDS,
        colours=COLOURS,
        currencies=list(dict.fromkeys([found.currency, *CURRENCIES])),
        task_time={each.id: _in_units(each.task_minutes) for each in found.stages},
        done="done" in visit.request.query,
    )


async def change(visit: Visit) -> web.Response:
    """The whole form: name, currency, reasons."""
    currency = visit.form.get("currency", "").strip().upper()
    if currency not in list_currencies():
        raise Refused(visit._("Write the currency as three letters, for example RUB."))
    changes = {
        "name": _name(visit),
        "currency": currency,
        "lost_reasons": _reasons(visit.form.get("lost_reasons", "")),
    }
    async with transaction(visit.around.engine) as connection:
        await change_pipeline(connection, visit.id(), changes)
        await _audit(visit, connection, "pipeline_changed", visit.id(), changes)
    return visit.back(f"/settings/pipelines/{visit.id()}?done")


async def make_first(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await move_pipeline(connection, visit.id(), to=0)
        await _audit(visit, connection, "pipeline_made_default", visit.id(), {})
    return visit.back(f"/settings/pipelines/{visit.id()}")


async def remove(visit: Visit) -> web.Response:
    async with transaction(visit.around.engine) as connection:
        await remove_pipeline(connection, visit.id())
        await _audit(visit, connection, "pipeline_removed", visit.id(), {})
    return visit.back("/settings/pipelines")


async def put_stage(visit: Visit) -> web.Response:
    """A new stage, or one that is named by `stage`."""
    values = _stage_values(visit)
    async with transaction(visit.around.engine) as connection:
        found = _found(visit, await list_pipelines(connection))
        stage = uuid_or_none(visit.form.get("stage", ""))
        if stage is None:
            stage = await add_stage(connection, found.id, **values)
        elif stage in {each.id for each in found.stages}:
            await change_stage(connection, stage, values)
        else:
            raise NotFound
        await _audit(visit, connection, "stage_changed", found.id, {"stage": str(stage), **values})
    return visit.back(f"/settings/pipelines/{found.id}#stages")


async def order(visit: Visit) -> web.Response:
    """`order` names all; `up` and `down` move one."""
    form = visit.form
    async with transaction(visit.around.engine) as connection:
        found = _found(visit, await list_pipelines(connection))
        ids = [each.id for each in found.stages]
        if "order" in form:
            wanted = [uuid_or_none(each) for each in form["order"].split(",")[:100]]
            ids = [each for each in wanted if each is not None]
        else:
            moved = uuid_or_none(form.get("up", "") or form.get("down", ""))
            if moved not in ids:
                raise NotFound
            place = ids.index(moved)
            ids.remove(moved)
            ids.insert(max(0, place - 1) if "up" in form else place + 1, moved)
        await order_stages(connection, found.id, ids)
        await _audit(
            visit, connection, "stages_ordered", found.id, {"order": [str(i) for i in ids]}
        )
    return visit.back(f"/settings/pipelines/{found.id}#stages")


async def drop_stage(visit: Visit) -> web.Response:
    stage = uuid_or_none(visit.form.get("stage", ""))
    to = uuid_or_none(visit.form.get("leads_to", ""))
    async with transaction(visit.around.engine) as connection:
        found = _found(visit, await list_pipelines(connection))
        if stage is None or stage not in {each.id for each in found.stages}:
            raise NotFound
        moved = await remove_stage(connection, stage, leads_to=to, now=visit.now, by=visit.me)
        after = {"stage": str(stage), "leads_to": str(to) if to else None, "leads": moved}
        await _audit(visit, connection, "stage_removed", found.id, after)
    return visit.back(f"/settings/pipelines/{found.id}#stages")


def _stage_values(visit: Visit) -> dict[str, Any]:
    form, _ = visit.form, visit._
    kind, colour = form.get("kind", ""), form.get("colour", "")
    if kind not in KINDS or colour not in COLOURS:
        raise web.HTTPBadRequest
    task = " ".join(form.get("task_text", "").split())[:LONGEST_TASK]
    minutes = (_number(visit, "task_in", most=MOST_MINUTES) or 1) * UNITS.get(
        form.get("task_unit", ""), 1
    )
    if minutes > MOST_MINUTES:
        raise Refused(_("That is too far ahead for a task."))
    return {
        "name": _name(visit),
        "kind": kind,
        "colour": colour,
        "norm_days": _number(visit, "norm_days", most=3650),
        "probability": None if kind in {"won", "lost"} else _number(visit, "probability", most=100),
        "task_text": task,
        "task_minutes": minutes,
    }


def _number(visit: Visit, name: str, *, most: int) -> int | None:
    written = visit.form.get(name, "").strip()
    if not written:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", written) or int(written) > most:
        raise Refused(
            visit._("“{written}” is not a number from 0 to {most}.").format(
                written=written[:40], most=most
            )
        )
    return int(written)


def _in_units(minutes: int) -> tuple[int, str]:
    for unit in ("d", "h"):
        if minutes and minutes % UNITS[unit] == 0:
            return minutes // UNITS[unit], unit
    return minutes, "min"


def _reasons(text: str) -> list[str]:
    lines = (" ".join(line.split())[:LONGEST_NAME] for line in text.splitlines())
    return [line for line in dict.fromkeys(lines) if line][:MOST_REASONS]


def _name(visit: Visit) -> str:
    name = " ".join(visit.form.get("name", "").split())[:LONGEST_NAME]
    if not name:
        raise Refused(visit._("It needs a name."))
    return name


def _found(visit: Visit, rows: Sequence[PipelineRow]) -> PipelineRow:
    found = next((each for each in rows if each.id == visit.id()), None)
    if found is None:
        raise NotFound
    return found


async def _audit(
    visit: Visit, connection: AsyncConnection, what: str, id_: UUID, after: Mapping[str, Any]
) -> None:
    await write_audit(
        connection,
        by=visit.me,
        what=what,
        object_kind="pipeline",
        object_id=id_,
        now=visit.now,
        after=after,
    )


PAGES: Final[Sequence[Page]] = (
    get("/settings/pipelines", pipelines, Right.MANAGE_PIPELINES),
    post("/settings/pipelines", add, Right.MANAGE_PIPELINES),
    get("/settings/pipelines/{id}", pipeline, Right.MANAGE_PIPELINES),
    post("/settings/pipelines/{id}", change, Right.MANAGE_PIPELINES),
    post("/settings/pipelines/{id}/first", make_first, Right.MANAGE_PIPELINES),
    post("/settings/pipelines/{id}/remove", remove, Right.MANAGE_PIPELINES),
    post("/settings/pipelines/{id}/stages", put_stage, Right.MANAGE_PIPELINES),
    post("/settings/pipelines/{id}/stages/order", order, Right.MANAGE_PIPELINES),
    post("/settings/pipelines/{id}/stages/remove", drop_stage, Right.MANAGE_PIPELINES),
)
