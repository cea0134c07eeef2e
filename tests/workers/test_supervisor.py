"""A job whose database or broker is away waits for it; any other mistake is everybody's."""

import asyncio

import pytest
from structlog.testing import capture_logs

from router.transit import BrokerDown
from workers.supervisor import patiently


class _Job:
    """Fails `times` times, then asks to stop."""

    def __init__(self, error: Exception, *, times: int) -> None:
        self.error = error
        self.left = times

    async def __call__(self, stop: asyncio.Event) -> None:
        if self.left:
            self.left -= 1
            raise self.error
        stop.set()


async def test_what_is_away_is_waited_for_and_told_once() -> None:
    job = _Job(BrokerDown("gone"), times=2)
    with capture_logs() as told:
        await patiently("job", job, asyncio.Event())
    assert job.left == 0
    assert [each["event"] for each in told] == ["job_waits"]


async def test_a_trouble_after_a_steady_time_is_a_new_one() -> None:
    job = _Job(BrokerDown("gone"), times=2)
    with capture_logs() as told:
        await patiently("job", job, asyncio.Event(), steady=0.0)
    assert [each["event"] for each in told] == ["job_waits", "job_waits"]


async def test_a_mistake_is_not_waited_for() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await patiently("job", _Job(KeyError("bug"), times=1), asyncio.Event())
    assert raised.group_contains(KeyError)
