"""Telephone numbers as people and platforms write them, in E.164: one form per number, so that equal means same.

libphonenumber judges what a number is; what it does not accept as a real number of its country (short codes, sender
names, slips of the finger) is not one here either. https://github.com/google/libphonenumber

It takes some tenth of a millisecond to judge, more than all else that is done to a webhook; so the last numbers are
remembered, and nearly all Russian mobile numbers are told by their shape.
"""

import re
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from router.message import Key, Proof

_PREFIX: Final = re.compile(r"^\s*(?:tel|callto|whatsapp|viber|sms)\s*:\s*", re.IGNORECASE)
_EXTENSION: Final = re.compile(
    r"\s*(?:[;,]?\s*(?:ext|extn|extension|доб|добавочный|внутр|вн|x|#)\.?\s*[=:]?\s*\(?\s*\d{1,7}\)?|;.*)\s*$",
    re.IGNORECASE,
)
_TOO_LONG: Final = 64
_SETTLES_WITHIN: Final = 3
_REMEMBERED: Final = 8192
"""Numbers, a few hundred bytes each: those who call and write within an hour, with room."""

_RUSSIAN_MOBILE: Final = re.compile(r"\+79(?!300)[0-9]{9}")
"""Of 9300… only some are numbers: those are for libphonenumber."""
_RUSSIAN_MOBILE_AT_HOME: Final = re.compile(r"[78]?(9(?!300)[0-9]{9})")
"""As it is dialled in Russia. That libphonenumber says the same of both is proved in tests/connectors/test_phone_numbers.py."""

_SHARED_TYPES: Final = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
        PhoneNumberType.PAGER,
    }
)


def e164(raw: str, *, region: str = "RU", international: bool = False) -> str | None:
    """`raw` as +79161234567, or None when it is no dialable number.

    National numbers are of `region`. `international`: the platform writes numbers with the country code but perhaps
    without the plus (Telegram, WhatsApp), so that reading is tried first.
    """
    if len(raw) > _TOO_LONG:
        return None
    written = _EXTENSION.sub("", _PREFIX.sub("", raw)).strip()
    # Letters dial on American phones; here they are a sender's name (MTS, Sberbank).
    if any(char.isalpha() for char in written):
        return None
    plus = written.startswith(("+", "＋"))
    digits = "".join(str(int(char)) for char in written if char.isdecimal())
    if not 5 <= len(digits) <= 17:
        return None
    code_first = plus or international
    return _of_shape(digits, region, code_first=code_first) or _judged(
        digits, region, code_first=code_first
    )


def _of_shape(digits: str, region: str, *, code_first: bool) -> str | None:
    """What `_judged` says of a Russian mobile number; None of all others."""
    if code_first:
        number = f"+{digits}"
        return number if _RUSSIAN_MOBILE.fullmatch(number) else None
    at_home = _RUSSIAN_MOBILE_AT_HOME.fullmatch(digits) if region == "RU" else None
    return f"+7{at_home[1]}" if at_home else None


@lru_cache(maxsize=_REMEMBERED)
def _judged(digits: str, region: str, *, code_first: bool) -> str | None:
    national, with_code = (digits, region), (f"+{digits}", None)
    # "+8 916 …" is how a Russian writes 8 916 … with a plus too many: no country has that code.
    readings = (with_code, national) if code_first else (national, with_code)
    for reading, country in readings:
        number = _settled(reading, country)
        if number is not None:
            return number
    return None


def _settled(reading: str, region: str | None) -> str | None:
    """The form that reads as itself: a few numbers (+82 011 290…) change when their E.164 is parsed again."""
    number = _valid(reading, region)
    for _ in range(_SETTLES_WITHIN):
        if number is None:
            return None
        form = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        again = _valid(form, None)
        if again is not None and phonenumbers.format_number(again, PhoneNumberFormat.E164) == form:
            return form
        number = again
    return None


def _valid(text: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def shown_number(number: str) -> str:
    """A number in E.164 as people read it: +7 495 123-45-67."""
    try:
        parsed = phonenumbers.parse(number, None)
    except NumberParseException:
        return number
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


def identifies_a_person(number: str) -> bool:
    """Whether an E.164 number can be somebody's own: 8-800 and the like belong to companies."""
    return bool(_RUSSIAN_MOBILE.fullmatch(number)) or _can_be_own(number)


@lru_cache(maxsize=_REMEMBERED)
def _can_be_own(number: str) -> bool:
    parsed = _valid(number, None)
    return parsed is not None and phonenumbers.number_type(parsed) not in _SHARED_TYPES


def phone_key(
    raw: str,
    *,
    region: str = "RU",
    proof: Proof = "claimed",
    how: str = "",
    international: bool = False,
) -> Key | None:
    """The key of a person, or None when the number is none or cannot be a person's."""
    number = e164(raw, region=region, international=international)
    if number is None or not identifies_a_person(number):
        return None
    display = " ".join(raw.split())
    return Key(
        kind="phone",
        value=number,
        proof=proof,
        display=display if display != number else "",
        how=how,
    )
