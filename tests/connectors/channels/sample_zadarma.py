"""Requests that Zadarma really makes, for the checks that every channel passes."""

from tests.connectors.channels.zadarma_world import ANSWERED, CALLED, a_request, an_account

ACCOUNT = an_account()
REQUESTS = tuple(a_request(told) for told in (ANSWERED[0], *ANSWERED[3:], *CALLED))
