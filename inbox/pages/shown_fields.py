"""The business's own questions and what is answered to them, of a contact or a lead, as a page shows and edits them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import InvalidOperation
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal

from inbox.formats import Formats
from storage.reading.fields import FieldRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """A question of the business and its answer; `defined` False: another door left it, and nobody has asked.

    `value` is what is kept and edited, `words` what is read.
    """

    key: str
    name: str
    kind: str
    choices: Sequence[str]
    value: str
    words: str
    defined: bool


def shown_fields(
    asked: Sequence[FieldRow], answers: Mapping[str, Any], *, formats: Formats
) -> list[ShownField]:
    """Every question, answered or not, and then what was answered to none; of contacts and of leads."""
    known = {each.key for each in asked}
    return [
        *(_field(each, answers.get(each.key), formats=formats) for each in asked),
        *(
            ShownField(
                key=key,
                name=key,
                kind="text",
                choices=(),
                value=(value := answer_text(answer)),
                words=value,
                defined=False,
            )
            for key, answer in answers.items()
            if key not in known
        ),
    ]


def _field(asked: FieldRow, answer: Any, *, formats: Formats) -> ShownField:
    value = words = answer_text(answer)
    if asked.kind == "yes_no" and value in {"yes", "no"}:
        words = formats.language._("Yes") if value == "yes" else formats.language._("No")
    elif asked.kind == "number":
        words = _number_words(value, formats)
    elif asked.kind == "date":
        words = _date_words(value, formats)
    # An answer from before the choices were changed stays one that can be seen.
    gone = asked.kind == "choice" and value and value not in asked.choices
    return ShownField(
        key=asked.key,
        name=asked.name,
        kind=asked.kind,
        choices=(*asked.choices, value) if gone else asked.choices,
        value=value,
        words=words,
        defined=True,
    )


def answer_text(answer: Any) -> str:
    """What a program may have given as something else than text, as text."""
    if answer is None:
        return ""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def _number_words(value: str, formats: Formats) -> str:
    try:
        return format_decimal(value, locale=formats.language.locale) if value else ""
    except (ValueError, InvalidOperation):
        return value


def _date_words(value: str, formats: Formats) -> str:
    try:
        return format_date(date.fromisoformat(value), "long", locale=formats.language.locale)
    except ValueError:
        return value
