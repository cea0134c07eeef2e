"""The board: columns of cards, further cards of one, cards that have changed, and moving them.

a card is dropped ─▶ /leads/{id}/move (stage, the stage it was seen in, between which cards) ─▶ said, and how to undo
somebody else moves one ─▶ hint ─▶ /leads/cards?ids=… ─▶ the cards as the same filter shows them, sums of the columns
"""

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import MovedMeanwhile, NotFound, Place, Refused, Was
from inbox.pages.at_hand import answering_colleagues
from inbox.pages.lead_answers import lost_because, minor_units
from inbox.pages.lead_wish import LeadWish, chips, ids_of, task_words, wish_of
from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Undo, Visit, get, own_address, post
from storage.reading.board import (
    BoardColumn,
    Total,
    board,
    column_page,
    is_on_board,
    lost_for,
    sorted_by,
    totals,
)
from storage.reading.colleagues import list_teams
from storage.reading.lead_rows import LeadRow
from storage.reading.leads import lead_by_id, leads_by_ids
from storage.reading.list_choices import channels_of_leads, sources_of_leads
from storage.reading.paging import BadCursor
from storage.reading.pipelines import PipelineRow, StageRow, list_pipelines

MOST_ASKED: Final = 100
MOST_REASONS: Final = 4


async def board_page(
    visit: Visit,
    connection: AsyncConnection,
    wish: LeadWish,
    pipelines: Sequence[PipelineRow],
    pipeline: PipelineRow,
) -> web.Response:
    columns = await board(
        connection,
        pipeline,
        wish.filter,
        now=visit.now,
        hidden=() if wish.shows_lost else ("lost",),
        sight=visit.sight,
    )
    return visit.page(
        "board.html",
        **await surroundings_of(visit, connection, wish, pipelines),
        columns=columns,
        sums=_sums(visit, pipeline, {each.stage.id: _total(each) for each in columns}),
        lost=await lost_for(connection, pipeline, now=visit.now, sight=visit.sight),
        most_reasons=MOST_REASONS,
        sorted_by=sorted_by,
    )


async def surroundings_of(
    visit: Visit,
    connection: AsyncConnection,
    wish: LeadWish,
    pipelines: Sequence[PipelineRow],
) -> dict[str, Any]:
    """What the head of the board and of the list offers."""
    colleagues = await answering_colleagues(connection)
    teams = await list_teams(connection)
    return {
        "wish": wish,
        "pipelines": pipelines,
        "pipeline": wish.pipeline,
        "colleagues": colleagues,
        "teams": teams,
        "sources": visit.house.sources.choices(
            visit.language, await sources_of_leads(connection, sight=visit.sight)
        ),
        "channels": await channels_of_leads(connection),
        "chips": chips(visit, wish, colleagues=colleagues, teams=teams),
        "task_words": task_words(visit),
        "reasons": wish.pipeline.lost_reasons if wish.pipeline else (),
    }


def _total(column: BoardColumn) -> Total:
    return Total(
        count=column.count,
        is_more=column.is_more,
        value=column.value,
        without_task=column.without_task,
    )


def _sums(visit: Visit, pipeline: PipelineRow, by_stage: dict[UUID, Total]) -> dict[str, Any]:
    """Of what is open. The forecast counts the stages that say how likely they are, when any does."""
    going = [each for each in pipeline.stages if not each.is_closed]
    there = [(each, by_stage.get(each.id, Total())) for each in going]
    likely = any(each.probability is not None for each in going)
    return {
        "open": sum(total.count for _, total in there),
        "is_more": any(total.is_more for _, total in there),
        "value": sum(total.value for _, total in there),
        "forecast": sum(total.value * (each.probability or 0) for each, total in there) // 100
        if likely
        else None,
        "without_task": sum(total.without_task for _, total in there),
    }


async def further_cards(visit: Visit) -> web.Response:
    """The rest of a column, a piece at a time."""
    async with visit.around.engine.connect() as connection:
        pipelines = await list_pipelines(connection)
        wish = wish_of(visit, pipelines)
        of = _stage(wish.pipeline, visit.request.query.get("stage", ""))
        try:
            page = await column_page(
                connection,
                of,
                wish.filter,
                now=visit.now,
                cursor=visit.request.query.get("cursor", ""),
                sight=visit.sight,
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
    return visit.page(
        "parts/lead_cards.html",
        leads=page.items,
        next_cursor=page.next_cursor,
        stage=of,
        wish=wish,
        sorted_by=sorted_by,
    )


async def changed_cards(visit: Visit) -> web.Response:
    """Those of `ids` that this board shows, as they are now; the others are `gone` from it."""
    ids = ids_of(visit.request.query.get("ids", ""), most=MOST_ASKED)
    async with visit.around.engine.connect() as connection:
        pipelines = await list_pipelines(connection)
        wish = wish_of(visit, pipelines)
        if wish.pipeline is None:
            raise web.HTTPNotFound
        found = await leads_by_ids(connection, wish.filter, ids, sight=visit.sight) if ids else []
        by_stage = await totals(
            connection, wish.pipeline, wish.filter, now=visit.now, sight=visit.sight
        )
    shown = [
        each
        for each in found
        if is_on_board(each, now=visit.now) and (wish.shows_lost or each.stage_kind != "lost")
    ]
    there = {each.id for each in shown}
    return web.json_response(
        {
            "cards": [
                {
                    "id": str(each.id),
                    "stage": str(each.stage_id),
                    "html": visit.html(
                        "parts/lead_cards.html",
                        leads=[each],
                        next_cursor=None,
                        stage=None,
                        wish=wish,
                        sorted_by=sorted_by,
                    ),
                }
                for each in shown
            ],
            "gone": [str(each) for each in ids if each not in there],
            "columns": {
                str(each.id): _column_words(visit, wish.pipeline, by_stage.get(each.id, Total()))
                for each in wish.pipeline.stages
            },
            "sums": visit.html(
                "parts/lead_sums.html", sums=_sums(visit, wish.pipeline, by_stage), wish=wish
            ),
        }
    )


def _column_words(visit: Visit, pipeline: PipelineRow, total: Total) -> dict[str, str]:
    return {
        "count": visit.formats.number(total.count) + ("+" if total.is_more else ""),
        "value": visit.formats.money(total.value, pipeline.currency)
        + ("+" if total.is_more else ""),
    }


def _stage(pipeline: PipelineRow | None, text: str) -> StageRow:
    found = (
        next((each for each in pipeline.stages if str(each.id) == text), None) if pipeline else None
    )
    if found is None:
        raise web.HTTPNotFound
    return found


async def move(visit: Visit) -> web.Response:
    """Into a stage, where it is named between two cards; `was` puts it back as it was."""
    lead, form = visit.id(), visit.form
    row, stage = await _there(visit, lead, form.get("stage", ""))
    changes: dict[str, Any] = {}
    earlier = _earlier(form, stage.id)
    if earlier is not None:
        changes = {"value": earlier.value}
        if stage.kind == "lost":
            changes |= {"lost_reason": earlier.lost_reason, "lost_details": earlier.lost_details}
    else:
        if stage.kind == "lost" and (row.status != "lost" or "lost_reason" in form):
            changes |= lost_because(visit)
        if "value" in form:
            changes["value"] = minor_units(visit, form["value"], row.currency)
    place = Place(
        above=uuid_or_none(form.get("above", "")), below=uuid_or_none(form.get("below", ""))
    )
    try:
        was = await visit.around.desk.move_lead(
            lead,
            stage.id,
            by=visit.me,
            seen=uuid_or_none(form.get("seen", "")),
            place=place,
            changes=changes,
            earlier=earlier,
        )
    except MovedMeanwhile as moved:
        raise await _moved_meanwhile(visit, lead) from moved
    said = visit._("“{title}” → {stage}").format(title=row.title or row.number, stage=stage.name)
    return visit.done(
        own_address(form.get("to", ""), otherwise=f"/leads/{lead}"),
        said=said,
        undo=None
        if earlier is not None
        else Undo(action=f"/leads/{lead}/move", fields=back(was, stage.id)),
    )


def back(was: Was, left: UUID) -> dict[str, str]:
    """The form that puts a card back, unless somebody has moved it on since."""
    return {
        "was": "1",
        "stage": str(was.stage_id),
        "seen": str(left),
        "position": repr(was.position),
        "minor": "" if was.value is None else str(was.value),
        "lost_reason": was.lost_reason,
        "lost_details": was.lost_details,
        "closed_at": was.closed_at.isoformat() if was.closed_at else "",
    }


def _earlier(form: Any, stage: UUID) -> Was | None:
    if form.get("was") != "1":
        return None
    try:
        position = float(form["position"])
        if not isfinite(position):
            raise web.HTTPBadRequest
        return Was(
            stage_id=stage,
            position=position,
            value=int(form["minor"]) if form.get("minor") else None,
            manager_id=None,
            lost_reason=form.get("lost_reason", "")[:300],
            lost_details=form.get("lost_details", "")[:300],
            closed_at=datetime.fromisoformat(form["closed_at"]) if form.get("closed_at") else None,
        )
    except (ValueError, KeyError) as error:
        raise web.HTTPBadRequest from error


async def _there(visit: Visit, lead: UUID, stage: str) -> tuple[LeadRow, StageRow]:
    async with visit.around.engine.connect() as connection:
        row = await lead_by_id(connection, lead, sight=visit.sight)
        pipelines = await list_pipelines(connection)
    if row is None:
        raise NotFound
    pipeline = next(each for each in pipelines if each.id == row.pipeline_id)
    found = next((each for each in pipeline.stages if str(each.id) == stage), None)
    if found is None:
        raise Refused(visit._("There is no such stage any more: reload the page."))
    return row, found


async def _moved_meanwhile(visit: Visit, lead: UUID) -> Refused:
    async with visit.around.engine.connect() as connection:
        row = await lead_by_id(connection, lead, sight=visit.sight)
    stage = row.stage if row else ""
    return Refused(
        visit._("Somebody has already moved this lead: it is in “{stage}” now.").format(stage=stage)
    )


PAGES: Final[Sequence[Page]] = (
    get("/leads/cards", changed_cards, Right.READ_LEADS),
    get("/leads/column", further_cards, Right.READ_LEADS),
    post("/leads/{id}/move", move, Right.CHANGE_LEADS),
)
