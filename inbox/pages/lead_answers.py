"""What people write about a lead, as the records have it: amounts, reasons, answers to the business's own questions."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from babel.numbers import get_currency_precision

from inbox.desk import Refused
from inbox.visit import Visit
from router.field_answers import answered
from storage.reading.fields import FieldRow

LARGEST: Final = Decimal(10) ** 12
LONGEST: Final = 300
PREFIX: Final = "field."


def minor_units(visit: Visit, written: str, currency: str) -> int | None:
    """None when nothing is written."""
    written = written.replace("\xa0", "").replace("\u202f", "").replace(" ", "").replace(",", ".")
    if not written:
        return None
    try:
        amount = Decimal(written)
    except InvalidOperation as error:
        raise Refused(visit._("Write the amount in digits, for example 18400.")) from error
    if not amount.is_finite() or not 0 <= amount < LARGEST:
        raise Refused(visit._("Write the amount in digits, for example 18400."))
    return int(amount * 10 ** get_currency_precision(currency))


def major_units(minor: int | None, currency: str) -> str:
    """As it is put into a field: 18400 or 18400.5."""
    if minor is None:
        return ""
    return f"{(Decimal(minor) / 10 ** get_currency_precision(currency)).normalize():f}"


def lost_because(visit: Visit) -> dict[str, str]:
    """The reason chosen, or one's own words for it."""
    details = _line(visit.form.get("lost_details", ""))
    reason = _line(visit.form.get("lost_reason", ""))
    if not reason:
        reason, details = details, ""
    if not reason:
        raise Refused(visit._("Say why the lead is lost: without a reason nobody learns from it."))
    return {"lost_reason": reason, "lost_details": details}


def answers(visit: Visit, asked: list[FieldRow]) -> dict[str, str | None]:
    """By key; None for one that was taken away. Only those that the form holds."""
    found: dict[str, str | None] = {}
    for each in asked:
        if (written := visit.form.get(PREFIX + each.key)) is not None:
            found[each.key] = _answer(visit, each, written)
    return found


def before(asked: list[FieldRow], known: Mapping[str, object]) -> dict[str, str]:
    """The fields of a form that puts the answers back."""
    return {PREFIX + each.key: str(known.get(each.key, "")) for each in asked}


def _answer(visit: Visit, asked: FieldRow, written: str) -> str | None:
    try:
        return answered(asked.kind, written, choices=asked.choices) or None
    except Refused as refused:
        raise Refused(f"{asked.name}: {visit.language.sentence(str(refused))}") from refused


def due_at(visit: Visit, written: str) -> datetime:
    """By the reader's clock; a day alone is its evening."""
    try:
        at = datetime.fromisoformat(written if "T" in written else f"{written}T18:00")
    except ValueError as error:
        raise Refused(visit._("Say until when it is to be done.")) from error
    return at.replace(tzinfo=visit.formats.zone)


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]
