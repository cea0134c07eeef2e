"""Whatever the order, the repetition and the batching of a call's reports: the same call, the same legs, the same entry.

Two routers deal with them at the same time, as shards do: a recording names no number, and so travels apart.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from router.calls import Before, heard
from router.message import Accepted, CallReported
from router.world import World
from tests.conftest import NOON
from tests.events import a_call_report, accepted
from tests.installation import Installation
from tests.storage.routers import run_routers

EXTENSIONS = ("", "101", "102")
PHASES = ("ringing", "talking", "ended", "transferred", "recorded", "missed")


@st.composite
def reports(draw: Any) -> list[CallReported]:
    """Of one call, such as no exchange would be ashamed of, and such as it would."""
    found = []
    for n in range(draw(st.integers(1, 12))):
        phase = draw(st.sampled_from(PHASES))
        after = draw(st.integers(0, 40))
        moment = st.none() | st.integers(0, 40).map(lambda s: NOON + timedelta(seconds=s))
        found.append(
            a_call_report(
                phase,
                key=f"r{n}",
                leg=draw(st.sampled_from(("", "a", "b"))),
                who="" if phase == "recorded" and draw(st.booleans()) else "+79161234567",
                after=after,
                direction=draw(st.sampled_from(("in", "in", "out"))),
                extension=draw(st.sampled_from(EXTENSIONS)),
                answered_by=draw(st.sampled_from(EXTENSIONS)),
                recording=f"rec{draw(st.integers(0, 2))}" if phase == "recorded" else "",
                duration=draw(st.sampled_from((None, 0.0, 12.0))),
                reason=draw(st.sampled_from(("", "16", "busy"))),
                transferred_to="102" if phase == "transferred" else "",
                started_at=draw(moment),
                answered_at=draw(moment) if phase == "talking" else None,
                ended_at=draw(moment) if phase in {"ended", "missed"} else None,
            )
        )
    return found


def looks(world: World) -> Any:
    """What of a call and its legs anybody sees."""
    (call,) = world.calls.values()
    hidden = {"id", "call_id", "said", "look_at", "created_at", "conversation_id", "message_id"}

    def shown(part: Any) -> dict[str, Any]:
        names = (name for name in part.__dataclass_fields__ if name not in hidden)
        return {name: getattr(part, name) for name in names}

    legs = sorted(world.legs[call.id].values(), key=lambda leg: leg.key)
    return shown(call), [shown(leg) for leg in legs]


ACCOUNT = UUID(int=1)


def add_up(events: list[CallReported]) -> World:
    world = World(now=NOON)
    world.extensions = {"101": UUID(int=101), "102": UUID(int=102)}
    for event in events:
        heard(world, accepted(ACCOUNT, event, channel="mango"), event)
    return world


@given(said=reports(), data=st.data())
@settings(max_examples=200, deadline=None)
def test_reports_add_up_to_the_same_in_any_order_and_however_often(
    said: list[CallReported], data: Any
) -> None:
    shuffled = data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said)))))
    assert looks(add_up(list(shuffled))) == looks(add_up(said))


@given(said=reports())
@settings(max_examples=200, deadline=None)
def test_a_call_only_goes_forward(said: list[CallReported]) -> None:
    """Over stays over, and answered stays answered unless the platform says that it was missed."""
    world = World(now=NOON)
    before = Before(None)
    told_missed = False
    for event in said:
        call, _ = heard(world, accepted(ACCOUNT, event, channel="mango"), event)
        told_missed |= event.phase == "missed"
        if before.phase in {"ended", "missed"}:
            assert call.phase in {"ended", "missed"}
        if before.answered and not told_missed:
            assert call.answered_at is not None
        before = Before(call)


async def stored(engine: AsyncEngine) -> Any:
    """All of it, but for the ids."""
    async with engine.connect() as connection:
        asked = (
            """select c.key, c.direction, c.phase, c.ours, c.theirs, c.extension, u.name, c.transferred_to, c.reason,
                      c.started_at, c.answered_at, c.ended_at, c.talked, c.recordings
               from call c left join user_account u on u.id = c.user_id order by c.key""",
            """select c.key as call, l.key, l.phase, l.extension, l.started_at, l.answered_at, l.ended_at, l.talked
               from call_leg l join call c on c.id = l.call_id order by c.key, l.key""",
            "select m.external_id, m.kind, m.direction, m.sent_at from message m order by m.external_id",
            """select m.external_id, a.ref, a.kind from attachment a join message m on m.id = a.message_id
               order by m.external_id, a.ref""",
            "select kind from task where done_at is null",
            "select count(*) from contact",
            "select count(*) from conversation",
        )
        return [[tuple(row) for row in await connection.execute(text(each))] for each in asked]


def a_day() -> list[CallReported]:
    """Missed, answered with a transfer, missed again, called back."""

    def at(minutes: float) -> datetime:
        return NOON + timedelta(minutes=minutes)

    return [
        a_call_report("ringing", call="m1", at=at(0)),
        a_call_report("ringing", call="m1", leg="a", extension="101", at=at(0), after=2),
        a_call_report("ended", call="m1", leg="a", extension="101", at=at(0), after=15),
        a_call_report("ended", call="m1", at=at(0), after=16),
        a_call_report("ringing", call="t", at=at(10)),
        a_call_report("talking", call="t", leg="a", extension="101", at=at(10), after=5),
        a_call_report("transferred", call="t", leg="a", transferred_to="102", at=at(10), after=30),
        a_call_report("ended", call="t", leg="a", at=at(10), after=31),
        a_call_report("talking", call="t", leg="b", extension="102", at=at(10), after=40),
        a_call_report("ended", call="t", at=at(10), after=100),
        a_call_report("recorded", call="t", who="", recording="t.mp3", at=at(10), after=140),
        a_call_report("ringing", call="m2", at=at(20)),
        a_call_report("ended", call="m2", at=at(20), after=20),
        a_call_report("ringing", call="b", direction="out", extension="102", at=at(25)),
        a_call_report("talking", call="b", direction="out", extension="102", at=at(25), after=9),
        a_call_report("ended", call="b", direction="out", at=at(25), after=60),
        a_call_report("recorded", call="b", who="", recording="b.mp3", at=at(25), after=99),
    ]


@pytest.fixture
async def shop(database: AsyncEngine) -> Installation:
    shop = await Installation(database).found()
    await shop.hire("Anna", extension="101")
    await shop.hire("Boris", extension="102")
    return shop


TABLES = (
    "call_leg, call, attachment, delivery, assignment, message, task, lead_event, lead, touch, conversation,"
    " identity_claim, identity, contact, inbound_event, outbox"
)


@pytest.fixture
async def in_order(shop: Installation) -> tuple[Installation, UUID, Any]:
    phone = await shop.connect("office", kind="mango")
    for each in a_day():
        await shop.route(accepted(phone, each, channel="mango"))
    return shop, phone, await stored(shop.engine)


@given(data=st.data())
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_a_day_of_calls_is_the_same_on_two_routers_in_any_order(
    in_order: tuple[Installation, UUID, Any], data: Any
) -> None:
    shop, phone, expected = in_order
    await shop.sql(f"truncate {TABLES} cascade")
    day = data.draw(st.permutations(a_day()))
    arriving: list[Accepted] = [accepted(phone, each, channel="mango") for each in day]
    arriving += data.draw(st.lists(st.sampled_from(arriving), max_size=6))
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    await run_routers([shop.engine, shop.engine], arriving, sizes=sizes, now=NOON)
    assert await stored(shop.engine) == expected
