"""Why a conversation is whose it is, and why two contacts are one, in the reader's words.

The router keeps each decision as a rule and an English sentence. The rule is said anew here, with the names beside it;
what only the sentence knows (how many, how long) is read out of it. A rule that is not known is told by its sentence.
"""

import re
from typing import Final

from inbox.languages import Language
from inbox.wording import WORDS
from storage.reading.timeline_lines import TimelineLine

_LEAST: Final = re.compile(r"had the least to do \((\d+) open\)$")
_SILENT: Final = re.compile(r"(.+) did not answer within (\d+) working minutes$", re.DOTALL)
_KEY: Final = re.compile(r"(\w+) (.+)", re.DOTALL)


def assigned_because(line: TimelineLine, *, spoken: Language) -> str:
    """What stands behind "Assigned to …"; "" when those words say everything."""
    _ = spoken._
    if known := WORDS["assigned"].get(line.what):
        return _(known).format(team=line.team_name)
    if line.what == "by_hand":
        own = line.by_name == line.manager_name
        decided = _("took it") if own else _("decided by {name}").format(name=line.by_name)
        return decided if line.by_name else ""
    if found := _LEAST.search(line.reason):
        return _("least to do in {team} ({n} open)").format(team=line.team_name, n=found[1])
    if found := _SILENT.fullmatch(line.reason):
        return _("{name} did not answer within {n} working minutes").format(
            name=found[1], n=found[2]
        )
    return spoken.sentence(line.reason)


def merged_because(reason: str, *, spoken: Language) -> str:
    """A merge keeps the reasons of the suggestion that it followed, one after the other."""
    return "; ".join(_told(each, spoken=spoken) for each in reason.split("; ") if each)


def suggested_because(reason: str, *, spoken: Language) -> str:
    return _told(reason, spoken=spoken)


def _told(reason: str, *, spoken: Language) -> str:
    for shape, keys_of in _SHAPES:
        if found := shape.fullmatch(reason):
            keys = ", ".join(_key(each, spoken=spoken) for each in keys_of(found))
            return spoken.sentence(reason).replace(found["keys"], keys)
    return spoken.sentence(reason)


_SHAPES: Final = (
    (
        re.compile(r"(?:Both are proved by one event|One event proved keys of both): (?P<keys>.+)"),
        lambda found: found["keys"].split(", "),
    ),
    (
        re.compile(r"(?P<keys>.+) is proved for one and was given by the other"),
        lambda found: [found["keys"]],
    ),
)


def _key(written: str, *, spoken: Language) -> str:
    """A key as the router writes it, "phone +7921…": its kind in words; a visitor's number says nothing to anybody."""
    found = _KEY.fullmatch(written)
    known = WORDS["identity"].get(found[1]) if found else None
    if found is None or known is None:
        return written
    kind = spoken._(known)
    return kind if found[1] == "visitor" else f"{kind} {found[2]}"
