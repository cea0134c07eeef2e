"""Requests that Mango Office really makes, for the checks that every channel passes."""

from tests.connectors.channels.mango_world import (
    RECORDED,
    a_leg,
    a_request,
    a_summary,
    an_account,
)

ACCOUNT = an_account()
REQUESTS = (
    a_request("events/call", a_leg("Appeared", 1)),
    a_request("events/call", a_leg("Connected", 2)),
    a_request("events/summary", a_summary()),
    a_request("events/record/added", RECORDED),
)
