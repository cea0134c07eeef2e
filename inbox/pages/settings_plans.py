"""The activity plan: how many calls and offers each manager is to make on a working day, and which stages are an offer.

An administrator plans for everybody who sells; a team lead for the managers of their own teams, and those who are in none.
What counts as an offer is everybody's, and so it is chosen by whoever has the pipelines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from inbox.desk import Refused
from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from storage.activity_plans import (
    MOST,
    Plan,
    choose_offer_stages,
    offer_stages,
    read_plans,
    save_plan,
)
from storage.audit import write_audit
from storage.engine import transaction
from storage.reading.colleagues import list_teams, list_users
from storage.reading.pipelines import list_pipelines

HERE: Final = "/settings/plans"


async def page(visit: Visit) -> web.Response:
    people = await _people(visit)
    async with visit.around.engine.connect() as connection:
        plans = await read_plans(connection)
        chosen = frozenset(await offer_stages(connection))
        pipelines = await list_pipelines(connection)
    return visit.page(
        "settings/plans.html",
        people=[(id_, name, plans.get(id_, Plan())) for id_, name in people.items()],
        pipelines=pipelines,
        chosen=chosen,
        may_choose=visit.may(Right.MANAGE_PIPELINES),
        most=MOST,
    )


async def save(visit: Visit) -> web.Response:
    """All that the form names; whoever it does not name keeps their plan."""
    people = await _people(visit)
    wanted = {
        id_: Plan(calls=_number(visit, f"calls.{id_}"), offers=_number(visit, f"offers.{id_}"))
        for id_ in people
        if f"calls.{id_}" in visit.form
    }
    async with transaction(visit.around.engine) as connection:
        for id_, plan in wanted.items():
            before = await save_plan(connection, id_, plan)
            if before != plan:
                await write_audit(
                    connection,
                    by=visit.me,
                    what="plan_changed",
                    object_kind="user",
                    object_id=id_,
                    now=visit.now,
                    before=asdict(before),
                    after=asdict(plan),
                )
    return visit.done(HERE, said=visit._("The plan is saved."))


async def save_stages(visit: Visit) -> web.Response:
    posted = await visit.request.post()
    try:
        wanted = [UUID(each) for each in posted.getall("stage", []) if isinstance(each, str)]
    except ValueError as error:
        raise web.HTTPBadRequest from error
    async with transaction(visit.around.engine) as connection:
        before = await offer_stages(connection)
        await choose_offer_stages(connection, wanted)
        for pipeline in await list_pipelines(connection):
            own = [stage for stage in pipeline.stages if {stage.id} & {*before, *wanted}]
            was = [stage.name for stage in own if stage.id in before]
            is_ = [stage.name for stage in own if stage.id in wanted]
            if was != is_:
                await write_audit(
                    connection,
                    by=visit.me,
                    what="offer_stages_chosen",
                    object_kind="pipeline",
                    object_id=pipeline.id,
                    now=visit.now,
                    before={"offer_stages": ", ".join(was)},
                    after={"offer_stages": ", ".join(is_)},
                )
    return visit.done(HERE, said=visit._("What counts as an offer is saved."))


async def _people(visit: Visit) -> Mapping[UUID, str]:
    """Whom this person plans for, by name."""
    async with visit.around.engine.connect() as connection:
        users: Sequence[Any] = await list_users(connection)
        teams = await list_teams(connection)
    everybody = visit.colleague.role == "admin"
    own = {member for team in teams if visit.me in team.member_ids for member in team.member_ids}
    placed = {member for team in teams for member in team.member_ids}
    return {
        user.id: user.name or user.email
        for user in users
        if user.role in ({"manager", "lead"} if everybody else {"manager"})
        and user.disabled_at is None
        and (everybody or user.id in own or user.id not in placed)
    }


def _number(visit: Visit, name: str) -> int:
    written = visit.form.get(name, "").strip()
    if not written:
        return 0
    if not (written.isascii() and written.isdigit()) or int(written[:9]) > MOST:
        raise Refused(visit._("A plan is a number from 0 to {most} a day.").format(most=MOST))
    return int(written)


PAGES: Final[Sequence[Page]] = (
    get(HERE, page, Right.MANAGE_PEOPLE),
    post(HERE, save, Right.MANAGE_PEOPLE),
    post(f"{HERE}/stages", save_stages, Right.MANAGE_PIPELINES),
)
