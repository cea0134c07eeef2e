"""What the reports of a call add up to, in whatever order, however often and in whatever pieces they come.

Of everything said, `said` keeps the part that no later report can change the order of: of moments the first (or the
last), of words the one of the best witness. Taking in a report twice, or after another, gives the same `said`; and what a
call or a leg looks like is computed from `said` alone. So the reports of a call are a set, and nothing hangs on how it
was dealt to routers and batches.

    "ringing", "talking", …      when that was first reported; "over": when an end was last reported
    "began", "taken", "closed"   of the moments that reports give themselves: the first two first, the last last
    any other                    [who said it, the words]: the smallest wins; for `_NEWEST` the greatest
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from router.clean_text import clean_line
from router.message import CallReported
from router.records import Call, CallLeg

_LONGEST_WORD: Final = 255
MOST_RECORDINGS: Final = 20

_OF_A_CALL: Final = ("ours", "theirs", "initiated")
_FIRST: Final = ("answered_by", "extension")
_NEWEST: Final = ("transferred_to", "reason", "duration")


def take_in(call: Call, leg: CallLeg | None, event: CallReported) -> bool:
    """Adds what the event says of the call, and of the leg it is about; whether that was anything new."""
    new = _of_the_call(call.said, event, whole=leg is None)
    part = leg.said if leg is not None else call.said
    at = instant(event.at)
    if event.phase != "recorded":
        new |= _first(part, "seen", at)
    new |= _first(part, event.phase, at)
    if event.phase in {"ended", "missed"}:
        new |= _last(part, "over", at)
    for name, moment in (("began", event.started_at), ("taken", event.answered_at)):
        new |= moment is not None and _first(part, name, instant(moment))
    if event.ended_at is not None:
        new |= _last(part, "closed", instant(event.ended_at))
    for name in _FIRST:
        new |= _word(part, name, _line(getattr(event, name)), at, newest=False)
    for name in _NEWEST:
        value = getattr(event, name)
        new |= _word(part, name, _line(value) if isinstance(value, str) else value, at, newest=True)
    return new


def work_out(call: Call, legs: Iterable[CallLeg]) -> None:
    """Sets what the call and its legs look like from what is said of them."""
    legs = sorted(legs, key=lambda leg: leg.key)
    said = call.said
    for leg in legs:
        _work_out_leg(leg)
    call.ours, call.theirs = word(said, "ours"), word(said, "theirs")
    call.initiated = word(said, "initiated")
    call.direction = word(said, "direction") or "in"
    parts = [said, *(leg.said for leg in legs)]
    seen = [part["seen"] for part in parts if "seen" in part] or [said["known"]]
    call.started_at = _moment(min((p["began"] for p in parts if "began" in p), default=min(seen)))
    answered = _answered(said, legs)
    call.answered_at = _moment(answered) if answered else None
    over = said.get("over")
    call.ended_at = None
    call.phase = "talking" if answered else "ringing"
    if over is not None:
        call.ended_at = _moment(said.get("closed", over))
        call.phase = "ended" if answered or call.direction == "out" else "missed"
        for leg in legs:
            # Nobody talks any more on a leg whose own end was lost.
            leg.phase, leg.ended_at = "ended", leg.ended_at or call.ended_at
    call.talked = _talked(call, legs) if answered else None
    call.extension = _extension(call, legs)
    words = [each for part in parts if (each := part.get("transferred_to"))]
    call.transferred_to = max(words)[1] if words else ""
    reasons = [each for leg in legs if (each := leg.said.get("reason"))]
    call.reason = word(said, "reason") or (max(reasons)[1] if reasons else "")
    call.recordings = list(said.get("recordings", ()))


def silent_since(call: Call, legs: Iterable[CallLeg]) -> datetime | None:
    """When the last leg ended, of a call whose end as a whole nobody has reported; None while somebody is on it."""
    legs = list(legs)
    if "over" in call.said or not legs or any(leg.phase != "ended" for leg in legs):
        return None
    return max(leg.ended_at or leg.started_at for leg in legs)


def names_somebody(event: CallReported) -> bool:
    """Whether the report says who the other side is; an anonymous caller is named by none."""
    return event.sender is not None or bool(event.theirs)


def word(said: dict[str, Any], name: str) -> Any:
    found = said.get(name)
    return found[1] if found is not None else ""


def instant(at: datetime) -> str:
    """As text that sorts as the moments do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _of_the_call(said: dict[str, Any], event: CallReported, *, whole: bool) -> bool:
    """What is the call's own, whichever leg says it; who speaks of the whole call is believed first."""
    at = instant(event.at)
    witness = ("2" if event.phase == "recorded" else "0" if whole else "1") + at
    new = _first(said, "known", at)
    for name in _OF_A_CALL:
        new |= _word(said, name, _line(getattr(event, name)), witness, newest=False)
    new |= _word(said, "direction", event.direction, witness, newest=False)
    if event.recording:
        known = said.get("recordings", [])
        if event.recording not in known and len(known) < MOST_RECORDINGS:
            said["recordings"] = sorted([*known, event.recording])
            new = True
    return new


def _work_out_leg(leg: CallLeg) -> None:
    said = leg.said
    leg.started_at = _moment(said.get("began") or said.get("seen") or min(_moments(said)))
    answered = said.get("taken") or said.get("talking")
    leg.answered_at = _moment(answered) if answered else None
    leg.ended_at = _moment(said.get("closed", said["over"])) if "over" in said else None
    leg.phase = "ended" if leg.ended_at else "talking" if answered else "ringing"
    leg.talked = word(said, "duration") or None
    leg.extension = word(said, "extension") or word(said, "answered_by")
    leg.transferred_to = word(said, "transferred_to")
    leg.reason = word(said, "reason")


def _answered(said: dict[str, Any], legs: list[CallLeg]) -> str | None:
    """When a person answered, if one did.

    That somebody talks is believed over anything. What only follows (a duration of talk, who answered) is not, when the
    platform itself says that the call was missed.
    """
    parts = [said, *(leg.said for leg in legs)]
    talked: list[str] = [part["talking"] for part in parts if "talking" in part]
    given: list[str] = [part["taken"] for part in parts if "taken" in part]
    if talked or (given and "missed" not in said):
        return min(given or talked)
    follows = any(word(part, "answered_by") or word(part, "duration") for part in parts)
    if not follows or "missed" in said:
        return None
    return min(part.get("seen") or min(_moments(part)) for part in parts if _moments(part))


def _talked(call: Call, legs: list[CallLeg]) -> float | None:
    """Seconds of conversation, as the platform counts them, or from the answer to the end."""
    counted = word(call.said, "duration")
    if counted:
        return float(counted)
    if call.answered_at is not None and call.ended_at is not None:
        between = (call.ended_at - call.answered_at).total_seconds()
        if between > 0:
            return between
    return max((leg.talked for leg in legs if leg.talked), default=None)


def _extension(call: Call, legs: list[CallLeg]) -> str:
    """Who of ours talked first; on the way out, who called."""
    who = [
        (instant(leg.answered_at), leg.key, leg.extension)
        for leg in legs
        if leg.answered_at is not None and leg.extension
    ]
    if who and (call.answered_at is not None or call.direction == "out"):
        return min(who)[2]
    found = word(call.said, "answered_by")
    if call.direction == "out" or (call.answered_at is not None and not found):
        found = found or word(call.said, "extension")
        rang = sorted((instant(leg.started_at), leg.extension) for leg in legs if leg.extension)
        # Of several who were rung, nobody can say which of them it was.
        if not found and rang and (call.direction == "out" or len({who for _, who in rang}) == 1):
            found = rang[0][1]
    return found if call.answered_at is not None or call.direction == "out" else ""


def _moments(said: dict[str, Any]) -> list[str]:
    return [value for value in said.values() if isinstance(value, str)]


def _first(said: dict[str, Any], name: str, at: str) -> bool:
    if name in said and said[name] <= at:
        return False
    said[name] = at
    return True


def _last(said: dict[str, Any], name: str, at: str) -> bool:
    if name in said and said[name] >= at:
        return False
    said[name] = at
    return True


def _word(said: dict[str, Any], name: str, value: Any, witness: str, *, newest: bool) -> bool:
    if value in ("", None, 0):
        return False
    given = [witness, value]
    known = said.get(name)
    if known is not None and (given <= known if newest else given >= known):
        return False
    said[name] = given
    return True


def _line(value: str) -> str:
    return clean_line(value, limit=_LONGEST_WORD)


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)
