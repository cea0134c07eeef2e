"""What tests of telephone exchanges share: a moment, reading requests, and telling a call's events shuffled and twice."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from hypothesis import strategies as st

from connectors.connector import Account, Connector, Received, Request
from router.message import CallReported

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AT = int(NOON.timestamp())
ANNA = "79161234567"
SHOP = "74951234567"


def posted(fields: dict[str, str], path: str = "", **headers: str) -> Request:
    return Request(
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"} | headers,
        body=urlencode(fields).encode(),
        path=path,
        received_at=NOON,
    )


def calls_in(received: Received) -> list[CallReported]:
    events = [each.event for each in received.incoming]
    assert all(isinstance(each, CallReported) for each in events)
    return [each for each in events if isinstance(each, CallReported)]


def shuffled_and_doubled(requests: Sequence[Request]) -> st.SearchStrategy[list[Request]]:
    """Every request at least once, some twice, in any order."""
    return st.lists(st.sampled_from(requests), max_size=len(requests)).flatmap(
        lambda again: st.permutations([*requests, *again])
    )


def reports_of(
    receive: Callable[[Request], Received], requests: Sequence[Request]
) -> dict[str, CallReported]:
    """By key; one key must not mean two things."""
    found: dict[str, CallReported] = {}
    for request in requests:
        for report in calls_in(receive(request)):
            assert found.setdefault(report.key, report) == report
    return found


def every_event_is_kept_for_rereading(
    connector: Connector, receive: Callable[[Request], Received], request: Request, account: Account
) -> None:
    """What is kept of a request says the same when it is read again."""
    received = receive(request)
    assert connector.reread is not None
    for each in received.incoming:
        assert each.raw is not None
        again = connector.reread(account, each.raw, request.received_at)
        assert again is not None
        assert each.event in [other.event for other in again.incoming]
