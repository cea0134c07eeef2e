"""Requests that UIS makes of our template, for the checks that every channel passes."""

from tests.connectors.channels.uis_world import ANSWERED, CALLED, a_request, an_account

ACCOUNT = an_account()
REQUESTS = tuple(a_request(body) for body in (*ANSWERED, *CALLED[:1]))
