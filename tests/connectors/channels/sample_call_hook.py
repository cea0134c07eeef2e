"""Requests as documented, for the checks that every channel passes."""

from tests.connectors.channels.call_hook_world import a_report, a_request, an_account

ACCOUNT = an_account()
REQUESTS = (
    a_request(a_report(route=True)),
    a_request(a_report("ended", duration=83, at="2026-11-21T14:59:00+03:00")),
    a_request(
        {"reports": [a_report("talking", leg="17-101", answered_by="101"), a_report("x"), 7]}
    ),
)
