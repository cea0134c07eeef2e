"""From what happened to what reports count: the rows of the tables `fact_…`. Pure, and the same every time.

Every lead and every inquiry is shared among the contact's touches up to its moment, once for each model. What nobody
knows the origin of has one row without a touch: it is counted as unknown, and never dropped.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from router.attribution import counted
from router.attribution_models import WHOLE, shares_of, split
from storage.analytics.call_outcomes import call_rows
from storage.analytics.lead_ways import way_of
from storage.analytics.lengths import length_class
from storage.analytics.loading import Histories, Inquiry, Lead, Snapshot, Step, Touch
from storage.analytics.models import ALL, PLACES
from storage.analytics.rules import NOBODY, Rules
from storage.origins import Triple

LANDING_LIMIT: Final = 200

Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Derived:
    """Rows of `fact_credit`, `fact_stage`, `fact_lead` and `fact_call`. In place of `origin_id` those of the first three
    have `origin`, the triple, which is a number once it is kept.
    """

    credited: list[Row] = field(default_factory=list)
    stays: list[Row] = field(default_factory=list)
    leads: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)


def derive(histories: Histories, rules: Rules) -> Derived:
    touches: dict[UUID, list[Touch]] = defaultdict(list)
    for touch in histories.touches:
        touches[touch.contact_id].append(touch)
    steps: dict[UUID, list[Step]] = defaultdict(list)
    for step in histories.steps:
        steps[step.lead_id].append(step)
    first_wins = _first_wins(histories.leads)
    # What a colleague said counts only where nothing was found.
    touches = defaultdict(list, {whose: counted(own) for whose, own in touches.items()})
    derived = Derived(calls=call_rows(histories.calls, rules))
    for lead in histories.leads:
        own = _of_lead(
            lead,
            touches[lead.contact_id],
            steps[lead.id],
            rules,
            first_win=lead.id in first_wins,
        )
        origin = _last_origin(own)
        derived.credited += own
        derived.stays += _stays(lead, steps[lead.id], origin=origin, rules=rules)
        derived.leads.append(_as_it_is(lead, steps[lead.id], origin=origin, rules=rules))
    for inquiry in histories.inquiries:
        derived.credited += _of_inquiry(inquiry, touches[inquiry.contact_id], rules)
    return derived


def _first_wins(leads: Sequence[Lead]) -> set[UUID]:
    """A customer is new with the first lead they won."""
    first: dict[UUID, tuple[datetime, UUID]] = {}
    for lead in leads:
        if lead.status == "won":
            key = (lead.closed_at or lead.created_at, lead.id)
            first[lead.contact_id] = min(first.get(lead.contact_id, key), key)
    return {lead for _, lead in first.values()}


def _of_lead(
    lead: Lead, touches: Sequence[Touch], steps: Sequence[Step], rules: Rules, *, first_win: bool
) -> list[Row]:
    won = lead.status == "won"
    closed_at = lead.closed_at if lead.status in {"won", "lost"} else None
    created_on = rules.day(lead.created_at)
    closed_on = rules.day(closed_at) if closed_at else None
    qualified_at = min((step.at for step in steps if rules.qualifying(step.stage_id)), default=None)
    if qualified_at is None and won:
        qualified_at = closed_at
    rows, weights = _shared(touches, at=lead.created_at, rules=rules)
    for name, snapshot in (
        ("snapshot_last", lead.last_touch),
        ("snapshot_first", lead.first_touch),
    ):
        _credit_snapshot(rows, weights, snapshot, PLACES[name])
    amount = (
        rules.converted(lead.value or 0, lead.currency, closed_on or created_on) if won else None
    )
    money = (
        [split(amount, [each[place] for each in weights]) for place in range(len(ALL))]
        if amount is not None
        else None
    )
    for place, row in enumerate(rows):
        row |= {
            "kind": "lead",
            "subject_id": lead.id,
            "place": place,
            "created_on": created_on,
            "contact_id": lead.contact_id,
            "account_id": lead.account_id or NOBODY,
            "manager_id": lead.manager_id or NOBODY,
            "pipeline_id": lead.pipeline_id,
            "status": lead.status,
            "qualified_on": rules.day(qualified_at) if qualified_at else None,
            "closed_on": closed_on,
            "first_win": first_win,
            "cycle_minutes": _minutes(lead.created_at, closed_at) if won and closed_at else None,
            "response_seconds": (
                int((lead.responded_at - lead.created_at).total_seconds())
                if lead.responded_at
                else None
            ),
            "weights": weights[place],
            "money": [of_model[place] for of_model in money] if money is not None else None,
            "said": lead.said,
        }
    return rows


def _of_inquiry(inquiry: Inquiry, touches: Sequence[Touch], rules: Rules) -> list[Row]:
    rows, weights = _shared(touches, at=inquiry.at, rules=rules)
    # An inquiry keeps no snapshot: what is known of its origin is what the models say.
    for each in weights:
        each[PLACES["snapshot_last"]] = each[PLACES["last"]]
        each[PLACES["snapshot_first"]] = each[PLACES["first"]]
    for place, row in enumerate(rows):
        row |= {
            "kind": "inquiry",
            "subject_id": inquiry.id,
            "place": place,
            "created_on": rules.day(inquiry.at),
            "contact_id": inquiry.contact_id,
            "account_id": inquiry.account_id,
            "manager_id": inquiry.manager_id or NOBODY,
            "pipeline_id": NOBODY,
            "status": "",
            "qualified_on": None,
            "closed_on": None,
            "first_win": False,
            "cycle_minutes": None,
            "response_seconds": None,
            "weights": weights[place],
            "money": None,
            "said": "",
        }
    return rows


def _shared(
    touches: Sequence[Touch], *, at: datetime, rules: Rules
) -> tuple[list[Row], list[list[int]]]:
    """A row and its weights for each touch that counts; one of unknown origin when none does."""
    shares = shares_of(touches, at=at, look_back=rules.look_back)
    if not shares.touches:
        weights = [0] * len(ALL)
        weights[: len(ALL) - 2] = [WHOLE] * (len(ALL) - 2)
        return [_unknown()], [weights]
    rows = [_from_touch(touches[place]) for place in shares.touches]
    columns = [[0] * len(ALL) for _ in rows]
    for model, weights_of in shares.weights.items():
        for place, weight in enumerate(weights_of):
            columns[place][PLACES[model]] = weight
    return rows, columns


def _credit_snapshot(
    rows: list[Row], weights: list[list[int]], snapshot: Snapshot | None, model: int
) -> None:
    """All of it to what the lead remembers, which the contact may not have any more."""
    wanted = snapshot.id if snapshot is not None else None
    for row, each in zip(rows, weights, strict=True):
        if row["touch_id"] == wanted:
            each[model] = WHOLE
            return
    rows.append(_from_snapshot(snapshot) if snapshot is not None else _unknown())
    weights.append([WHOLE if place == model else 0 for place in range(len(ALL))])


def _unknown() -> Row:
    return {"touch_id": None, "origin": ("", "", ""), "content": "", "term": "", "landing": ""}


def _from_touch(touch: Touch) -> Row:
    return {
        "touch_id": touch.id,
        "origin": (touch.source, touch.medium, touch.campaign),
        "content": touch.content,
        "term": touch.term,
        "landing": landing_page(touch.landing),
    }


def _from_snapshot(snapshot: Snapshot) -> Row:
    return {
        "touch_id": snapshot.id,
        "origin": (snapshot.source, snapshot.medium, snapshot.campaign),
        "content": snapshot.content,
        "term": snapshot.term,
        "landing": "",
    }


def _last_origin(rows: Sequence[Row]) -> Triple:
    """Where the lead came from by the model `last`: what the funnel is filtered by."""
    origin: Triple = next(row["origin"] for row in rows if row["weights"][PLACES["last"]] == WHOLE)
    return origin


def _stays(lead: Lead, steps: Sequence[Step], *, origin: Triple, rules: Rules) -> list[Row]:
    rows: list[Row] = []
    been: set[UUID] = set()
    for place, step in enumerate(steps):
        left = steps[place + 1].at if place + 1 < len(steps) else None
        seconds = int((left - step.at).total_seconds()) if left else None
        rows.append(
            {
                "lead_id": lead.id,
                "place": place,
                "created_on": rules.day(lead.created_at),
                "contact_id": lead.contact_id,
                "pipeline_id": lead.pipeline_id,
                "stage_id": step.stage_id,
                "entered_at": step.at,
                "left_at": left,
                "seconds": seconds,
                "length": length_class(seconds) if seconds is not None else None,
                "first": step.stage_id not in been,
                "status": lead.status,
                "origin": origin,
                "channel": lead.channel,
                "account_id": lead.account_id or NOBODY,
                "manager_id": lead.manager_id or NOBODY,
            }
        )
        been.add(step.stage_id)
    return rows


def _as_it_is(lead: Lead, steps: Sequence[Step], *, origin: Triple, rules: Rules) -> Row:
    way = way_of(lead, steps, rules)
    created_on = rules.day(lead.created_at)
    closed_at = lead.closed_at if lead.status in {"won", "lost"} else None
    closed_on = rules.day(closed_at) if closed_at else None
    return {
        "lead_id": lead.id,
        "created_on": created_on,
        "contact_id": lead.contact_id,
        "pipeline_id": lead.pipeline_id,
        "stage_id": lead.stage_id,
        "furthest_id": way.furthest,
        "lost_from_id": way.lost_from,
        "status": lead.status,
        "closed_on": closed_on,
        "worth": rules.converted(lead.value or 0, lead.currency, closed_on or created_on),
        "origin": origin,
        "channel": lead.channel,
        "account_id": lead.account_id or NOBODY,
        "manager_id": lead.manager_id or NOBODY,
    }


def landing_page(address: str) -> str:
    """The page without what the link carried: host and path."""
    try:
        parts = urlsplit(address)
    except ValueError:  # "http://[", an IPv6 address that is none
        return ""
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}"[:LANDING_LIMIT]


def _minutes(since: datetime, until: datetime) -> int:
    return max(0, int((until - since).total_seconds()) // 60)


def with_origins(rows: Sequence[Row], numbers: Mapping[Triple, int]) -> list[Row]:
    """The rows as they are stored: the triple gives way to its number."""
    for row in rows:
        row["origin_id"] = numbers[row.pop("origin")]
    return list(rows)
