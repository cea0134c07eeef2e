"""Rows of the exchange's statistics → the calls they tell of, each as its summary would have, and under the same key.

VPBX API, stats/request: CSV with the columns that were asked for, `;` between, one row for each leg. Moments are Unix
seconds, 0 when there is none; `records` is [id,id].
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Final

from connectors.callers import OtherSide, line, other_side
from connectors.connector import Account, Incoming, Received
from connectors.loose_fields import said
from connectors.moments import unix_moment
from router.message import CallReported, Direction

COLUMNS: Final = (
    *("entry_id", "records", "start", "finish", "answer", "from_extension", "from_number"),
    *("to_extension", "to_number", "line_number", "location", "disconnect_reason"),
)
KEPT_AS: Final = "stats"
"""In front of the rows, as the path is in front of an event."""

Row = dict[str, str]


def read(account: Account, text: str, received_at: datetime) -> Received:
    """One event for each call, and one for each of its recordings. A row that is no row is named, and costs nothing else."""
    incoming: list[Incoming] = []
    ignored: list[str] = []
    rows = []
    for written in text.splitlines():
        values = [each.strip('"') for each in written.split(";")]
        row = dict(zip(COLUMNS, values, strict=False))
        if len(values) == len(COLUMNS) and said(row, "entry_id"):
            rows.append({name: said(row, name, limit=2000) for name in COLUMNS})
        elif written.strip():
            ignored.append("statistics: a row that is not one")
    rows.sort(key=lambda row: row["entry_id"])
    for call, legs in groupby(rows, key=lambda row: row["entry_id"]):
        listed = list(legs)
        external = [row for row in listed if not (row["from_extension"] and row["to_extension"])]
        if not external:
            ignored.append("internal call: between colleagues")
            continue
        raw = _kept(listed)
        summary = _summary(account, call, external, received_at)
        events = (summary, *_recordings(account, call, listed, received_at))
        incoming.extend(Incoming(event=event, raw=raw) for event in events)
    return Received(incoming=tuple(incoming), ignored=tuple(ignored))


def _summary(account: Account, call: str, legs: list[Row], received_at: datetime) -> CallReported:
    coming = [row for row in legs if not row["from_extension"]]
    direction: Direction = "in" if coming else "out"
    other = _other(account, call, coming or legs, direction)
    started = min((at for row in legs if (at := unix_moment(row["start"]))), default=None)
    ended = max((at for row in legs if (at := unix_moment(row["finish"]))), default=None)
    talks = sorted(
        (
            at,
            row["to_extension"]
            or line(row["to_number"], region=account.region, international=True),
        )
        for row in legs
        if row["location"] == "abonent" and (at := unix_moment(row["answer"]))
    )
    answered, who = talks[0] if talks else (None, "")
    came_in = direction == "in"
    return CallReported(
        key=f"summary:{call}",
        chat=other.chat,
        sender=other.sender,
        at=min(ended or received_at, received_at),
        call=call,
        direction=direction,
        phase="ended" if talks or not came_in else "missed",
        ours=line(legs[0]["line_number"], region=account.region, international=True),
        theirs=other.number,
        answered_by=who if came_in else "",
        extension=who if came_in else legs[0]["from_extension"],
        duration=max((ended - answered).total_seconds(), 0.0) if answered and ended else None,
        started_at=started,
        answered_at=answered,
        ended_at=ended,
        reason=max(legs, key=lambda row: row["finish"])["disconnect_reason"],
    )


def _other(account: Account, call: str, legs: list[Row], direction: Direction) -> OtherSide:
    came_in = direction == "in"
    numbers = [row["from_number" if came_in else "to_number"] for row in legs]
    return other_side(
        next(filter(None, numbers), ""), call=call, region=account.region, international=came_in
    )


def _recordings(
    account: Account, call: str, legs: list[Row], received_at: datetime
) -> Iterator[CallReported]:
    found = [
        each for row in legs for each in row["records"].strip("[]").replace(" ", "").split(",")
    ]
    for recording in dict.fromkeys(filter(None, found)):
        yield CallReported(
            key=f"record:{recording}",
            chat=other_side("", call=call, region=account.region).chat,
            at=received_at,
            call=call,
            phase="recorded",
            recording=recording,
        )


def _kept(legs: list[Row]) -> bytes:
    rows = "\n".join(";".join(row[name].replace(";", ",") for name in COLUMNS) for row in legs)
    return f"{KEPT_AS}\n{rows}".encode()
