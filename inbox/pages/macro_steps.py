"""A macro's steps as its form has them: a row of fields for each, whatever the step is."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from inbox.visit import Visit
from inbox.wording import N_
from router.clean_text import clean_line, clean_text
from storage.labels import LONGEST_LABEL
from storage.macros import MOST_STEPS, Step

KINDS: Final[Mapping[str, str]] = {
    "assign_me": N_("Assign to whoever runs it"),
    "assign_manager": N_("Assign to a colleague"),
    "assign_team": N_("Give to a team"),
    "add_label": N_("Add a label"),
    "remove_label": N_("Remove a label"),
    "resolved": N_("Resolve the conversation"),
    "waiting": N_("Wait for the customer"),
    "open": N_("Open the conversation"),
    "snooze": N_("Snooze for some hours"),
    "stage": N_("Move the lead to a stage"),
    "task": N_("Add a task"),
    "note": N_("Leave a note"),
}


async def rows_written(visit: Visit) -> list[dict[str, str]]:
    """The posted steps, in their order, without those left empty."""
    posted = await visit.request.post()
    columns = {
        name: [str(each) for each in posted.getall(f"step.{name}", [])]
        for name in ("do", "manager", "team", "label", "hours", "stage", "text")
    }
    rows = [
        {name: (column[at].strip() if at < len(column) else "") for name, column in columns.items()}
        for at in range(len(columns["do"]))
    ]
    return [row for row in rows if row["do"]]


def steps_of(visit: Visit, rows: Sequence[Mapping[str, str]], wrong: dict[str, str]) -> list[Step]:
    if len(rows) > MOST_STEPS:
        wrong["steps"] = visit._("At most {n} steps.").format(n=MOST_STEPS)
        return []
    made: list[Step] = []
    for number, row in enumerate(rows, start=1):
        try:
            made.append(msgspec.convert(_raw(row), Step, strict=False))
        except (msgspec.ValidationError, ValueError, KeyError):
            kind = KINDS.get(row["do"], "?")
            wrong["steps"] = visit._("Step {n} is not complete: {what}").format(
                n=number, what=visit._(kind)
            )
            break
    return made


def _raw(row: Mapping[str, str]) -> dict[str, Any]:  # noqa: PLR0911  # one per kind
    match row["do"]:
        case "assign_me":
            return {"do": "assign"}
        case "assign_manager":
            return {"do": "assign", "manager": str(UUID(row["manager"]))}
        case "assign_team":
            return {"do": "assign", "team": str(UUID(row["team"]))}
        case "add_label" | "remove_label" as do:
            return {"do": do, "label": clean_line(row["label"], limit=LONGEST_LABEL)}
        case "resolved" | "waiting" | "open" as status:
            return {"do": "status", "status": status}
        case "snooze":
            return {"do": "snooze", "hours": int(row["hours"])}
        case "stage":
            return {"do": "stage", "stage": str(UUID(row["stage"]))}
        case "task":
            return {
                "do": "task",
                "hours": int(row["hours"]),
                "text": clean_line(row["text"], limit=2000),
            }
        case "note":
            return {"do": "note", "text": clean_text(row["text"], limit=2000)}
        case _:
            raise KeyError(row["do"])


def row_of(step: Step) -> dict[str, str]:
    raw = msgspec.to_builtins(step)
    do = raw.pop("do")
    if do == "assign":
        do = (
            "assign_manager"
            if raw.get("manager")
            else "assign_team"
            if raw.get("team")
            else "assign_me"
        )
    elif do == "status":
        do = raw["status"]
    empty = dict.fromkeys(("manager", "team", "label", "hours", "stage", "text"), "")
    return {"do": do, **empty, **{name: str(value or "") for name, value in raw.items()}}
