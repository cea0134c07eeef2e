"""Message templates: words that a platform has approved beforehand, the only ones it takes when its reply window is closed.

A template's text has places, `{{1}}` or `{{name}}`, that are filled in when it is sent. A `Slot` is one of them, or a
file's or button's address; what a person typed for each travels with the reply as `details["template"]`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PLACE: Final = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,64})\s*\}\}")
LONGEST_VALUE: Final = 1024
MOST_SLOTS: Final = 60


class WrongValues(ValueError):
    """What was given for the template's places does not fit; the text is a sentence for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """`key` names the place for the platform ("body.1"), `label` for a person ("1", "Link to the picture")."""

    key: str
    label: str
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """`text` is what the customer will read, with its places as "{{body.1}}"."""

    name: str
    language: str
    text: str
    category: str = ""
    slots: tuple[Slot, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.name}/{self.language}"


def filled(template: Template, values: Mapping[str, str]) -> str:
    """The text with its places filled. Raises WrongValues for a missing, unknown or impossible value."""
    known = {slot.key: slot.label for slot in template.slots}
    for key in values:
        if key not in known:
            raise WrongValues(f"The template has no place {key}.")
    for key, label in known.items():
        value = values.get(key, "")
        if not value.strip():
            raise WrongValues(f"Fill in {label}.")
        if len(value) > LONGEST_VALUE:
            raise WrongValues(f"What stands in {label} is too long.")
        # Meta, 132000 and 100: a value has no line breaks, no tabs and no more than four spaces in a row.
        if re.search(r"[\n\r\t]| {5}", value):
            raise WrongValues(f"What stands in {label} must be one line.")
    return _KEYED.sub(lambda place: values.get(place[1], place[0]), template.text)


def as_details(template: Template, values: Mapping[str, str]) -> dict[str, Any]:
    """What the reply keeps, and the connector sends."""
    return {"name": template.name, "language": template.language, "values": dict(values)}


_KEYED: Final = re.compile(r"\{\{([a-z0-9_.]{1,80})\}\}", re.IGNORECASE)
