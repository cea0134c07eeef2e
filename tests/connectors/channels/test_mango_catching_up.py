"""Calls of which Mango Office told nobody: its statistics are asked for them, and none is reported twice."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pytest
from hypothesis import given, strategies as st

from connectors.channels.mango import catching_up, connector
from connectors.channels.mango.statistics import COLUMNS, read
from connectors.connector import Polled
from connectors.errors import Throttled, Unreachable
from connectors.outgoing import open_http
from router.message import CallReported
from sandbox.exchange import Fault
from sandbox.mango import Mango
from tests.connectors.channels.call_stand import Clock
from tests.connectors.channels.calls_world import ANNA, AT, NOON, calls_in
from tests.connectors.channels.mango_world import KEY, SALT, a_request, an_account, received


@dataclass
class Stand:
    mango: Mango
    clock: Clock
    http: aiohttp.ClientSession
    slept: list[float] = field(default_factory=list)

    async def poll(self, cursor: str) -> Polled:
        assert connector.poll is not None
        return await connector.poll(an_account(api_base=self.mango.url), cursor, self.http)


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Stand]:
    """Ten minutes have passed since the last look, and the clock goes as far as is slept."""
    clock = Clock()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.go(seconds)

    monkeypatch.setattr(catching_up, "time", clock)
    monkeypatch.setattr(catching_up, "sleep", sleep)
    async with open_http() as http:
        mango = Mango(now=clock, key=KEY, salt=SALT)
        async with mango.running():
            yield Stand(mango, clock, http, slept)


def reports(polled: Polled) -> dict[str, CallReported]:
    events = [each.event for each in polled.incoming]
    assert all(isinstance(each, CallReported) for each in events)
    return {each.key: each for each in events if isinstance(each, CallReported)}


async def test_a_new_account_begins_now_and_waits(stand: Stand) -> None:
    polled = await stand.poll("")
    assert polled == Polled(cursor=str(AT - catching_up.SETTLED))
    assert stand.slept == [50.0]
    assert not stand.mango.requests
    for odd in ("x", "-5", str(AT + 10**6)):
        assert int((await stand.poll(odd)).cursor) <= int(stand.clock.at)


async def test_what_was_told_to_nobody_is_found_under_the_same_keys(stand: Stand) -> None:
    told = [
        *stand.mango.incoming(phone=ANNA, answered_by="101"),
        *stand.mango.incoming(phone=ANNA, answered_by="101", passed_to="102"),
        *stand.mango.incoming(phone=ANNA),
        *stand.mango.outgoing(phone=ANNA, extension="102"),
        *stand.mango.outgoing(phone=ANNA, extension="102", talk=None),
    ]
    by_webhook = {
        each.key: each
        for path, event in told
        for each in calls_in(received(a_request(path, event)))
        if not each.leg
    }
    stand.clock.go(800)
    polled = await stand.poll(str(AT - 60))
    found = reports(polled)
    assert found.keys() == by_webhook.keys()
    for key, report in found.items():
        other = by_webhook[key]
        assert (report.phase, report.direction, report.call) == (
            other.phase,
            other.direction,
            other.call,
        )
        assert (report.theirs, report.ours, report.recording) == (
            other.theirs,
            other.ours,
            other.recording,
        )
        assert (report.answered_at, report.duration) == (other.answered_at, other.duration)
    assert int(polled.cursor) == AT + 800 - catching_up.SETTLED
    assert stand.slept == [1.0, 5.0]
    (first, *_) = found.values()
    assert first.answered_by == "101"


async def test_what_is_kept_of_a_call_reads_the_same(stand: Stand) -> None:
    stand.mango.incoming(phone=ANNA, answered_by="101")
    stand.clock.go(800)
    polled = await stand.poll(str(AT - 60))
    assert connector.reread is not None
    for each in polled.incoming:
        assert each.raw is not None
        again = connector.reread(an_account(), each.raw, datetime.fromtimestamp(AT + 900, UTC))
        assert again is not None
        assert each.event.key in [other.event.key for other in again.incoming]


async def test_a_report_that_does_not_come_is_asked_for_again(stand: Stand) -> None:
    stand.mango.go_wrong(Fault(kind="answer", method="result", status=204, times=-1))
    stand.clock.go(800)
    with pytest.raises(Unreachable):
        await stand.poll(str(AT))


async def test_a_lock_waits(stand: Stand) -> None:
    stand.mango.salt = "another"
    stand.clock.go(800)
    with pytest.raises(Throttled):
        await stand.poll(str(AT))


async def test_after_a_long_time_no_more_than_a_month_is_asked_for(stand: Stand) -> None:
    polled = await stand.poll(str(AT - 400 * 86_400))
    assert not polled.incoming
    assert polled.cursor


def test_who_does_not_want_it_is_not_asked_for() -> None:
    assert connector.polls is not None
    assert connector.polls(an_account())
    assert not connector.polls(an_account(catch_up="no"))


def test_a_broken_row_in_the_middle_costs_nothing_else() -> None:
    values = {
        "start": str(AT - 60),
        "finish": str(AT - 5),
        "answer": str(AT - 50),
        "from_number": ANNA,
        "to_extension": "101",
        "location": "abonent",
    }
    rows = [
        ";".join({"entry_id": f"E{n}", **values}.get(name, "") for name in COLUMNS)
        for n in range(3)
    ]
    internal = ";".join(
        {"entry_id": "E9", "from_extension": "101", "to_extension": "102"}.get(name, "")
        for name in COLUMNS
    )
    found = read(
        an_account(), "\r\n".join([rows[0], "broken;", rows[1], internal, "", rows[2]]), NOON
    )
    assert [each.event.key for each in found.incoming] == ["summary:E0", "summary:E1", "summary:E2"]
    assert found.ignored == (
        "statistics: a row that is not one",
        "internal call: between colleagues",
    )


def test_a_request_cannot_pass_for_statistics() -> None:
    assert received(a_request("stats", {})).ignored == ("unknown event: stats",)


@given(st.lists(st.lists(st.text(max_size=12), min_size=12, max_size=12), max_size=4))
def test_no_row_makes_it_fall_over(rows: list[list[str]]) -> None:
    read(an_account(), "\n".join(";".join(row) for row in rows), NOON)
