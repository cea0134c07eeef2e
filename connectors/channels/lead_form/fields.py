"""A submission as a flat list of fields, each with everything that says what it is: its path, its label, its type.

Builders say it in three ways, and mix them:

    {"Name": "Анна", "Phone": "+7…"}                                  Tilda, Contact Form 7, a form of one's own
    {"fields": {"fld_3": {"title": "Телефон", "type": "tel", "value": "+7…"}}}   Elementor, Flexbe
    {"answers": [{"q": "Когда удобно?", "a": ["утром", "днём"]}]}     Marquiz and other quizzes
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from connectors.channels.lead_form.body import DEPTH, FIELDS
from router.clean_text import clean_line, clean_text

LONGEST: Final = 10_000
"""Characters of one answer."""
LONGEST_NAME: Final = 200

_LABELS: Final = ("title", "label", "q", "question", "caption", "name", "key", "id")
_VALUES: Final = ("value", "a", "answer", "answers", "raw_value", "val")
_WRAPPED: Final = frozenset({"json", "data", "payload", "body", "form", "lead"})
"""Fields of a form-encoded body that hold JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """One field. `path` are the names from the outermost on; `label` is what the visitor read, where it is told."""

    path: tuple[str, ...]
    value: str
    label: str = ""
    type: str = ""

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else ""

    @property
    def shown(self) -> str:
        return self.label or self.name


def flat(submission: Any) -> list[Filled]:
    """All fields that have a value, in their order, cleaned and cut; FIELDS of them at most."""
    found: list[Filled] = []
    for each in _walk(submission, ()):
        if each.value:
            found.append(each)
        if len(found) == FIELDS:
            break
    return found


def _walk(told: Any, path: tuple[str, ...]) -> Iterator[Filled]:
    if len(path) > DEPTH:
        return
    match told:
        case dict():
            labelled = _labelled(told, path)
            if labelled is not None:
                yield labelled
                return
            for name, value in told.items():
                yield from _walk(value, (*path, clean_line(str(name), limit=LONGEST_NAME)))
        case list() if all(not isinstance(each, dict | list) for each in told):
            yield Filled(path=path, value=_value(told))
        case list():
            for each in told:
                yield from _walk(each, path)
        case str() if path and path[-1].lower() in _WRAPPED and told.lstrip()[:1] in {"{", "["}:
            yield from _walk(_unwrapped(told), path[:-1])
        case _:
            yield Filled(path=path, value=_value(told))


def _labelled(told: Mapping[str, Any], path: tuple[str, ...]) -> Filled | None:
    """`told` as one field, when it is a label and a value rather than a group of fields."""
    label = next((told[name] for name in _LABELS if isinstance(told.get(name), str)), "")
    value = next((told[name] for name in _VALUES if name in told), None)
    if not label or value is None or isinstance(value, dict):
        return None
    if isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        return None
    type_ = told.get("type") or told.get("t")
    own = told.get("id") or told.get("key") or told.get("name")
    return Filled(
        path=(*path, clean_line(own, limit=LONGEST_NAME)) if isinstance(own, str) and own else path,
        label=clean_line(label, limit=LONGEST_NAME),
        value=_value(value),
        type=clean_line(type_, limit=40).lower() if isinstance(type_, str) else "",
    )


def _value(told: Any) -> str:
    match told:
        case None:
            return ""
        case bool():
            return "yes" if told else ""
        case str():
            return clean_text(told, limit=LONGEST).strip()
        case int() | float():
            return str(told)
        case list():
            return ", ".join(filter(None, (_value(each) for each in told[:FIELDS])))[:LONGEST]
        case _:
            return ""


def _unwrapped(told: str) -> Any:
    try:
        return msgspec.json.decode(told.encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {"": told}
