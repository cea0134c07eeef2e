"""What one contact of two is called, who manages it and what is known of it; and how that is taken back.

A merge writes down what either had and what became of it. Undoing one looks as if it had never been: where the value it
brought has gone on into later merges of the same contact, those are told again with the value before it, and so is the
contact, unless somebody has changed it since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Values = dict[str, Any]
"""By "name", "manager_id", "note" and "fields.<key>"; what is empty is not there."""

FIELD: Final = "fields."


@dataclass(slots=True, kw_only=True)
class Told:
    """A merge as it was written down. `chosen`: where a person took what the absorbed one had."""

    ours: Values
    theirs: Values
    taken: Values
    chosen: frozenset[str]


def values_of(row: Mapping[str, Any]) -> Values:
    """Of a contact's columns, as many of them as are there."""
    plain = {
        name: str(value)
        for name in ("name", "manager_id", "note")
        if (value := row.get(name)) not in {None, ""}
    }
    return {**plain, **{FIELD + key: value for key, value in (row.get("fields") or {}).items()}}


def columns_of(values: Values) -> dict[str, Any]:
    """The other way."""
    return {
        "name": values.get("name", ""),
        "manager_id": values.get("manager_id"),
        "note": values.get("note", ""),
        "fields": {
            key.removeprefix(FIELD): value for key, value in values.items() if key.startswith(FIELD)
        },
    }


def combined(ours: Values, theirs: Values, chosen: frozenset[str]) -> Values:
    """What was known of either is known of the one. Where both say something the survivor's stands, unless chosen
    otherwise; of notes both are kept.
    """
    found = {
        what: _combine(what, ours.get(what), theirs.get(what), chosen)
        for what in {**theirs, **ours}
    }
    return {what: value for what, value in found.items() if value is not None}


def _combine(what: str, ours: Any, theirs: Any, chosen: frozenset[str]) -> Any:
    if what in chosen and theirs is not None:
        return theirs
    if what == "note" and ours and theirs and ours != theirs:
        return f"{ours}\n\n{theirs}"
    return theirs if ours is None else ours


def take_back(merge: Told, later: Sequence[Told], now: Values) -> Values:
    """What the contact has without this merge. `later`: the merges that came after it, which are told anew in place."""
    found = dict(now)
    for what in {**merge.ours, **merge.taken}:
        before, after = merge.ours.get(what), merge.taken.get(what)
        if before == after:
            continue
        for each in later:
            if each.ours.get(what) != after:
                break
            _set(each.ours, what, before)
            theirs, was = each.theirs.get(what), each.taken.get(what)
            if was != _combine(what, after, theirs, each.chosen):
                break
            anew = _combine(what, before, theirs, each.chosen)
            if anew == was:
                break
            _set(each.taken, what, anew)
            before, after = anew, was
        else:
            if found.get(what) == after:
                _set(found, what, before)
    return found


def _set(values: Values, what: str, value: Any) -> None:
    if value is None:
        values.pop(what, None)
    else:
        values[what] = value


def read(before: Mapping[str, Any]) -> Told:
    """Out of a merge's record. Those of old say only name and manager, and not what became of them."""
    ours, theirs = values_of(before["survivor"]), values_of(before["absorbed"])
    chosen = frozenset(before.get("chosen", ()))
    taken = before.get("taken")
    return Told(
        ours=ours,
        theirs=theirs,
        taken=combined(ours, theirs, chosen) if taken is None else values_of(taken),
        chosen=chosen,
    )


def written(told: Told) -> dict[str, Any]:
    return {
        "survivor": columns_of(told.ours),
        "absorbed": columns_of(told.theirs),
        "taken": columns_of(told.taken),
        "chosen": sorted(told.chosen),
    }
