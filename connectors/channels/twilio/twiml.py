"""What Twilio is told to do with a call. https://www.twilio.com/docs/voice/twiml/dial"""

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from connectors.channels.twilio.addresses import Whose, address
from connectors.connector import Account, Answer
from connectors.phone_numbers import e164

CONTENT_TYPE: Final = "text/xml"
EVENTS: Final = "initiated ringing answered completed"
RUNG_AT_ONCE: Final = 10
"""TwiML, Dial: at most ten nouns."""

SHORTEST, LONGEST = 5, 600
USUAL: Final = 25

LONGEST_EXTENSION: Final = 6
"""Digits; more are a telephone number."""

_EXTENSION: Final = re.compile(r"[\w.+-]{1,64}")


def ring(account: Account, extensions: Sequence[str], whose: Whose, *, base: str) -> Answer:
    """Rings all at once; "busy" when there is nobody to ring."""
    response = ET.Element("Response")
    nouns = [noun for noun in (_noun(account, each) for each in extensions) if noun is not None]
    if not nouns:
        ET.SubElement(response, "Reject", reason="busy")
        return _answer(response)
    told = {
        "action": address(base, "dialled", whose),
        "method": "POST",
        "timeout": str(_seconds(account)),
        # The caller hears it ring, and the call counts as answered, only once somebody has picked up.
        "answerOnBridge": "true",
        **_recording(account, whose, base),
    }
    dial = ET.SubElement(response, "Dial", told)
    for (kind, target), extension in nouns[:RUNG_AT_ONCE]:
        leg = Whose(phone=whose.phone, extension=extension)
        ET.SubElement(dial, kind, _followed(base, leg)).text = target
    return _answer(response)


def connect_to(account: Account, whose: Whose, *, base: str) -> str:
    """For a colleague who has picked up: rings the customer. TwiML as the API takes it."""
    response = ET.Element("Response")
    told = {
        "callerId": account["number"],
        "timeout": "60",
        "answerOnBridge": "true",
        **_recording(account, whose, base),
    }
    dial = ET.SubElement(response, "Dial", told)
    ET.SubElement(dial, "Number", _followed(base, whose)).text = whose.phone
    return ET.tostring(response, encoding="unicode")


def hang_up() -> Answer:
    return _answer(ET.Element("Response"))


def everyone(account: Account) -> tuple[str, ...]:
    return tuple(each.strip() for each in account["ring"].split(",") if each.strip())


def can_ring(account: Account, extension: str) -> bool:
    return _noun(account, extension) is not None


def target_of(account: Account, extension: str) -> str:
    """What the API's `To` wants for an extension; "" when it cannot be rung."""
    noun = _noun(account, extension)
    if noun is None:
        return ""
    (kind, target), _ = noun
    return f"client:{target}" if kind == "Client" else target


def _noun(account: Account, extension: str) -> tuple[tuple[str, str], str] | None:
    """The element and its text, and the extension it is for. None: Twilio cannot ring that."""
    written = extension.strip()
    scheme, colon, rest = written.partition(":")
    if colon and scheme in {"sip", "sips"} and "@" in rest:
        return ("Sip", written), written
    if colon and scheme == "client" and _EXTENSION.fullmatch(rest):
        return ("Client", rest), written
    # A colleague's extension comes first: 101 is no number of a country, and must not be taken for one.
    inside = len(written) <= LONGEST_EXTENSION or not written.strip("+").isdecimal()
    if account["sip_domain"] and inside and _EXTENSION.fullmatch(written):
        return ("Sip", f"sip:{written}@{account['sip_domain']}"), written
    number = e164(written, region=account.region)
    return (("Number", number), written) if number is not None else None


def _followed(base: str, whose: Whose) -> dict[str, str]:
    return {
        "statusCallback": address(base, "leg", whose),
        "statusCallbackEvent": EVENTS,
        "statusCallbackMethod": "POST",
    }


def _recording(account: Account, whose: Whose, base: str) -> dict[str, str]:
    if account["record"] != "yes":
        return {}
    return {
        "record": "record-from-answer-dual",
        "recordingStatusCallback": address(base, "recording", whose),
        "recordingStatusCallbackMethod": "POST",
        "recordingStatusCallbackEvent": "completed absent",
    }


def _seconds(account: Account) -> int:
    told = account["ring_seconds"]
    return min(max(int(told), SHORTEST), LONGEST) if told.isdecimal() and len(told) < 5 else USUAL


def _answer(response: ET.Element) -> Answer:
    return Answer(
        body=b'<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(response),
        content_type=CONTENT_TYPE,
    )
