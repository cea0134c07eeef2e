"""`allo bench parse`: what reading a webhook costs, by channel: proof of origin, parsing, the event; on one core.

Floor: an HMAC over the same bytes, and the same bytes as JSON (or, for a form, as its fields). No network, no broker.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import parse_qsl

import click
import msgspec

from connectors.connector import Connector, Request
from connectors.registry import discover
from workers import garbage
from workers.bench import hooks, stage
from workers.bench.hooks import Hook
from workers.bench.stage import Series, Stopwatch

KEY: Final = b"bench-key"


@click.command()
@click.option("--events", "count", default=20_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--channel", "kinds", multiple=True, help="Only these; all by default.")
def bench(*, count: int, rounds: int, kinds: Sequence[str]) -> None:
    """Parsing alone, by channel, in events a second on one core."""
    garbage.settle()  # as a process that serves does
    lines: list[str] = []
    for kind in kinds or hooks.kinds():
        series, floor = measure(kind, count=count, rounds=rounds)
        lines += [floor.line(), series.line(of=floor)]
    stage.say(lines)


def measure(kind: str, *, count: int, rounds: int) -> tuple[Series, Series]:
    """(the channel, its floor)."""
    hook, connector = hooks.hook_of(kind, count), discover()[kind]
    requests = requests_of(hook)
    series, floor = Series(f"parse, {kind}"), Series(f"floor of {kind}: HMAC and fields")
    for _ in range(rounds):
        _timed(floor, requests, _floor)
        _timed(series, requests, lambda request: _receive(connector, hook, request))
    return series, floor


def requests_of(hook: Hook) -> list[Request]:
    """As the webhook door hands them on."""
    return [
        Request(
            method="POST",
            headers=each.headers,
            body=each.body,
            path=each.path.removeprefix("/"),
            received_at=hooks.MADE_AT,
        )
        for each in hook.requests
    ]


def _timed(series: Series, requests: Sequence[Request], step: Callable[[Request], None]) -> None:
    watch = Stopwatch()
    for request in requests:
        step(request)
    watch.stop(series, len(requests))


def _receive(connector: Connector, hook: Hook, request: Request) -> None:
    if connector.receive is None or not connector.receive(hook.account, request).incoming:
        raise AssertionError(f"a request of {connector.kind} gave no event")


def _floor(request: Request) -> None:
    hmac.new(KEY, request.body, hashlib.sha256).digest()
    if request.body[:1] in {b"{", b"["}:
        msgspec.json.decode(request.body)
    else:
        parse_qsl(request.body.decode())
