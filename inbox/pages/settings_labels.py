"""Labels: their names, colours and order, and what becomes of conversations when they change."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Refused
from inbox.rights import Right
from inbox.uuids import required_uuid
from inbox.visit import Page, Undo, Visit, get, post
from storage import labels
from storage.audit import write_audit
from storage.engine import transaction
from storage.labels import COLOURS, LONGEST_LABEL, LabelNameTaken, NoSuchLabel, TooManyLabels
from storage.reading.labels import MOST_COUNTED, list_label_uses
from storage.reading.list_choices import known_labels

HERE: Final = "/settings/labels"


async def page(visit: Visit) -> web.Response:
    # Whoever died over a change of names left it to the next look.
    await labels.work_off(visit.around.engine, now=visit.now)
    async with visit.around.engine.connect() as connection:
        uses = await list_label_uses(connection, sight=visit.sight)
        described = {each.label.name.lower() for each in uses}
        wild = [
            each
            for each in await known_labels(connection, sight=visit.sight)
            if each.lower() not in described
        ]
    return visit.page(
        "settings/labels.html",
        uses=uses,
        wild=wild,
        colours=COLOURS,
        longest=LONGEST_LABEL,
        most=MOST_COUNTED,
    )


async def add(visit: Visit) -> web.Response:
    name, colour = _name(visit), _colour(visit)
    try:
        async with transaction(visit.around.engine) as connection:
            made = await labels.add_label(connection, name=name, colour=colour, now=visit.now)
            await _audit(visit, connection, "label_added", made, {"name": name})
    except (LabelNameTaken, TooManyLabels) as refused:
        raise Refused(str(refused)) from refused
    visit.around.house.forget()
    return visit.back(HERE)


async def change(visit: Visit) -> web.Response:
    name, colour = _name(visit), _colour(visit)
    try:
        async with transaction(visit.around.engine) as connection:
            await labels.change_label(
                connection, visit.id(), name=name, colour=colour, now=visit.now
            )
            await _audit(visit, connection, "label_changed", visit.id(), {"name": name})
    except LabelNameTaken as taken:
        raise Refused(str(taken)) from taken
    except NoSuchLabel as gone:
        raise NotFound from gone
    await _spread(visit)
    return visit.back(HERE)


async def merge(visit: Visit) -> web.Response:
    into = required_uuid(visit.form.get("into", ""))
    try:
        async with transaction(visit.around.engine) as connection:
            await labels.merge_labels(connection, visit.id(), into=into, now=visit.now)
            await _audit(visit, connection, "labels_merged", visit.id(), {"into": str(into)})
    except NoSuchLabel as gone:
        raise NotFound from gone
    await _spread(visit)
    return visit.back(HERE)


async def delete(visit: Visit) -> web.Response:
    try:
        async with transaction(visit.around.engine) as connection:
            gone = await labels.delete_label(connection, visit.id(), now=visit.now)
            await _audit(visit, connection, "label_deleted", visit.id(), {"name": gone.name})
    except NoSuchLabel as error:
        raise NotFound from error
    await _spread(visit)
    return visit.done(
        HERE,
        said=visit._("The label “{name}” is gone.").format(name=gone.name),
        undo=Undo(action=f"{HERE}/restore", fields={"change": str(gone.id)}),
    )


async def restore(visit: Visit) -> web.Response:
    change_id = required_uuid(visit.form.get("change", ""))
    try:
        async with transaction(visit.around.engine) as connection:
            name = await labels.restore_label(connection, change_id, now=visit.now)
            await _audit(visit, connection, "label_restored", change_id, {"name": name})
    except NoSuchLabel as gone:
        raise NotFound from gone
    except LabelNameTaken as taken:
        raise Refused(str(taken)) from taken
    visit.around.house.forget()
    return visit.back(HERE)


async def move(visit: Visit) -> web.Response:
    by = {"up": -1, "down": 1}.get(visit.form.get("to", ""))
    if by is None:
        raise web.HTTPBadRequest
    try:
        async with transaction(visit.around.engine) as connection:
            await labels.move_label(connection, visit.id(), by=by)
    except NoSuchLabel as gone:
        raise NotFound from gone
    return visit.back(HERE)


async def adopt(visit: Visit) -> web.Response:
    """Names that were typed into conversations become labels that can be coloured."""
    async with transaction(visit.around.engine) as connection:
        names = list(await known_labels(connection, sight=visit.sight))
        await labels.adopt_names(connection, names, now=visit.now)
    return visit.back(HERE)


async def _spread(visit: Visit) -> None:
    await labels.work_off(visit.around.engine, now=visit.now)
    visit.around.house.forget()


def _name(visit: Visit) -> str:
    name = " ".join(visit.form.get("name", "").split())
    if not name:
        raise Refused(visit._("Give the label a name."))
    if len(name) > LONGEST_LABEL:
        raise Refused(visit._("A label has at most {n} characters.").format(n=LONGEST_LABEL))
    return name


def _colour(visit: Visit) -> str:
    colour = visit.form.get("colour", "")
    if colour not in COLOURS:
        raise web.HTTPBadRequest
    return colour


async def _audit(
    visit: Visit, connection: AsyncConnection, what: str, label: UUID, after: Mapping[str, Any]
) -> None:
    await write_audit(
        connection,
        by=visit.me,
        what=what,
        object_kind="label",
        object_id=label,
        now=visit.now,
        after=after,
    )


PAGES: Final[Sequence[Page]] = (
    get(HERE, page, Right.MANAGE_LABELS),
    post(HERE, add, Right.MANAGE_LABELS),
    post(f"{HERE}/restore", restore, Right.MANAGE_LABELS),
    post(f"{HERE}/adopt", adopt, Right.MANAGE_LABELS),
    post(f"{HERE}/{{id}}", change, Right.MANAGE_LABELS),
    post(f"{HERE}/{{id}}/merge", merge, Right.MANAGE_LABELS),
    post(f"{HERE}/{{id}}/delete", delete, Right.MANAGE_LABELS),
    post(f"{HERE}/{{id}}/move", move, Right.MANAGE_LABELS),
)
