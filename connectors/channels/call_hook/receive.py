"""One request: one report, or {"reports": […]}. Each stands for itself; a broken one costs the others nothing.

The answer says what was taken and, by its place in the list, what was wrong with the rest: 200 when anything was taken, 400
when nothing was. That is told to nobody but who proved to be the exchange.
"""

from datetime import datetime
from typing import Any, Final

import msgspec

from connectors.channels.call_hook.reports import Wrong, read
from connectors.channels.call_hook.signature import prove_origin
from connectors.connector import (
    Account,
    Answer,
    Caller,
    Enquiry,
    Incoming,
    Received,
    Request,
)
from connectors.errors import Malformed
from router.message import CallReported

MOST_REPORTS: Final = 500
_SAID: Final = 300

_batch = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def receive(account: Account, request: Request) -> Received:
    """Raises Unverified."""
    prove_origin(account, request)
    try:
        items, batch = _items(request.body)
    except Wrong as error:
        return _nothing(str(error))
    incoming: list[Incoming] = []
    refused: list[dict[str, Any]] = []
    asks: CallReported | None = None
    for number, item in enumerate(items):
        raw = bytes(item)
        try:
            event, routes = read(account, raw, request.received_at)
        except Wrong as error:
            refused.append({"index": number, "error": str(error)[:_SAID]})
            continue
        incoming.append(Incoming(event=event, raw=raw))
        if routes and not batch and event.phase == "ringing" and event.direction == "in":
            asks = event
    return Received(
        incoming=_once(incoming),
        # The reason is for who sent it; a metric's label must not be made by them.
        ignored=("broken: a report that is not as documented",) * len(refused),
        answer=_answer(len(incoming), refused, asks=asks is not None),
        enquiry=_enquiry(asks) if asks is not None and asks.theirs.startswith("+") else None,
    )


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """One report, as it was kept. Raises Malformed."""
    try:
        event, _ = read(account, raw, received_at)
    except Wrong as error:
        raise Malformed(str(error)) from error
    return Received(incoming=(Incoming(event=event, raw=raw),))


def _items(body: bytes) -> tuple[list[msgspec.Raw], bool]:
    """The reports, and whether they came as a list. Raises Wrong."""
    try:
        told = _batch(body)
        if "reports" not in told:
            return [msgspec.Raw(body)], False
        if len(told) > 1:
            raise Wrong("beside `reports` there is nothing else")
        items = _list(told["reports"])
    except msgspec.ValidationError as error:
        raise Wrong('neither a report nor {"reports": […]}') from error
    except (ValueError, RecursionError) as error:
        raise Wrong("the body is not JSON") from error
    if not items:
        raise Wrong("`reports` is empty")
    if len(items) > MOST_REPORTS:
        raise Wrong(f"{len(items)} reports at once; {MOST_REPORTS} are allowed")
    return items, True


def _once(incoming: list[Incoming]) -> tuple[Incoming, ...]:
    """The same report twice in one list is one."""
    return tuple({each.event.key: each for each in incoming}.values())


def _enquiry(event: CallReported) -> Enquiry:
    def answer(caller: Caller | None) -> Answer:
        return _answer(1, [], asks=True, caller=caller)

    return Enquiry(phone=event.theirs, answer=answer)


def _answer(
    taken: int, refused: list[dict[str, Any]], *, asks: bool, caller: Caller | None = None
) -> Answer:
    told: dict[str, Any] = {"accepted": taken, "refused": refused}
    if asks:
        known = caller is not None and bool(caller.extension or caller.name)
        told["route"] = (
            {"extension": caller.extension, "name": caller.name} if caller and known else None
        )
    return Answer(
        status=200 if taken else 400,
        body=msgspec.json.encode(told),
        content_type="application/json",
    )


def _nothing(words: str) -> Received:
    return Received(
        ignored=("broken: a body that is not as documented",),
        answer=Answer(
            status=400,
            body=msgspec.json.encode({"accepted": 0, "refused": [], "error": words}),
            content_type="application/json",
        ),
    )
