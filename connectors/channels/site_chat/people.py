"""What a visitor says about themselves in the form, cleaned: claims, every one of them."""

import re
from typing import Final

import phonenumbers

from connectors.phone_numbers import e164, identifies_a_person

_EMAIL: Final = re.compile(r"[^@\s<>\"',;]{1,64}@[^@\s<>\"',;]+\.[^@\s<>\"',;.]{2,}")

_PARSE_FAULTS: Final = {
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "too_short",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "too_short",
    phonenumbers.NumberParseException.TOO_LONG: "too_long",
}
_LENGTH_FAULTS: Final = {
    phonenumbers.ValidationResult.TOO_SHORT: "too_short",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "too_short",
    phonenumbers.ValidationResult.TOO_LONG: "too_long",
}


def clean_email(written: str) -> str:
    """Lower-cased; "" when it cannot be an address."""
    email = written.strip().lower()
    return email if len(email) <= 254 and _EMAIL.fullmatch(email) else ""


def clean_phone(written: str, *, region: str) -> str:
    """E.164; "" when it is not a number of a person."""
    number = e164(written, region=region)
    return number if number is not None and identifies_a_person(number) else ""


def phone_fault(written: str, *, region: str) -> str:
    """What is wrong with a number, for the person who typed it: too_short, too_long or invalid."""
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(written, region))
    except phonenumbers.NumberParseException as error:
        return _PARSE_FAULTS.get(error.error_type, "invalid")
    return _LENGTH_FAULTS.get(reason, "invalid")
