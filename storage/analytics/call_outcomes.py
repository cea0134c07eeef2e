"""From a contact's calls to the rows of `fact_call`. Pure, and the same every time.

"Answered" means that a person answered, and "talked with since" what closes a task to call back (router.callbacks): any
talk with the contact, whoever called, that had not ended when the missed call came.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.analytics.loading import Call
from storage.analytics.rules import NOBODY, Rules

Row = dict[str, Any]


def call_rows(calls: Sequence[Call], rules: Rules) -> list[Row]:
    talked: dict[UUID, datetime] = {}
    whose: dict[UUID, list[Call]] = defaultdict(list)
    for call in calls:
        whose[call.contact_id].append(call)
        if call.answered_at is not None:
            until = max(call.answered_at, call.ended_at or call.answered_at)
            talked[call.contact_id] = max(until, talked.get(call.contact_id, until))
    return [
        _row(call, rules, talked_at=talked.get(contact))
        for contact, own in whose.items()
        for call in own
    ]


def _row(call: Call, rules: Rules, *, talked_at: datetime | None) -> Row:
    missed = call.direction == "in" and call.phase == "missed"
    began = call.started_at.astimezone(rules.zone)
    waited = (
        max(0, int((call.answered_at - call.started_at).total_seconds()))
        if call.answered_at is not None and call.direction == "in"
        else 0
    )
    manager = call.theirs_id if missed else call.manager_id
    return {
        "call_id": call.id,
        "started_on": began.date(),
        "started_at": call.started_at,
        "weekday": began.weekday(),
        "hour": began.hour,
        "contact_id": call.contact_id,
        "account_id": call.account_id,
        "channel": call.channel,
        "number": call.number,
        "manager_id": manager or NOBODY,
        "direction": call.direction,
        "answered": call.answered_at is not None,
        "missed": missed,
        # Nobody can call back who has shown no number.
        "abandoned": missed and call.known and (talked_at is None or talked_at < call.started_at),
        "talk_seconds": int(call.talked or 0) if call.answered_at is not None else 0,
        "wait_seconds": waited,
    }
