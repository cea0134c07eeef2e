"""Trying the credentials, and telling Twilio where to send the number's calls. Nothing is raised; all is said in words."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from connectors.channels.twilio import rest, twiml
from connectors.connector import Account, Finding
from connectors.errors import SendError
from router.clean_text import clean_line

_SID: Final = re.compile(r"PN[0-9a-zA-Z]{1,64}")


class Number(msgspec.Struct, frozen=True):
    """https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource"""

    sid: str = ""
    voice_url: str = ""
    voice_method: str = ""
    status_callback: str = ""


async def find_number(account: Account, http: aiohttp.ClientSession) -> Number | None:
    """The account's number as Twilio has it. Raises a SendError."""
    told = await rest.get(
        account, http, "/IncomingPhoneNumbers.json", {"PhoneNumber": account["number"]}
    )
    found = told.get("incoming_phone_numbers")
    for each in found if isinstance(found, list) else ():
        try:
            # A number without an address has null there.
            present = {name: value for name, value in each.items() if value is not None}
            number = msgspec.convert(present, Number)
        except (AttributeError, msgspec.ValidationError):
            continue
        if _SID.fullmatch(number.sid):
            return number
    return None


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Changes nothing."""
    findings: list[Finding] = []
    try:
        findings += _standing(await rest.get(account, http, ".json"))
        findings += _people(account)
        if not account["number"]:
            findings.append(
                _warning(
                    "Without `number` nobody can be called from the inbox, and Allo cannot set the address at Twilio: "
                    f"enter {webhook_url} in the console as the number's voice address"
                )
            )
        else:
            findings += _number(account, await find_number(account, http), webhook_url)
    except SendError as error:
        findings.append(_error(str(error)))
    return findings


async def connect(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Sets the number's voice address and its status callback."""
    problem = unfit(account, webhook_url)
    if problem:
        return [_error(problem)]
    if not account["number"]:
        return [_warning(f"Enter {webhook_url} in Twilio's console as your number's voice address")]
    try:
        number = await find_number(account, http)
        if number is None:
            return [_error(f"The Twilio account has no number {account['number']}")]
        await rest.post(
            account,
            http,
            f"/IncomingPhoneNumbers/{number.sid}.json",
            [
                ("VoiceUrl", webhook_url),
                ("VoiceMethod", "POST"),
                ("StatusCallback", f"{webhook_url}/status"),
                ("StatusCallbackMethod", "POST"),
            ],
        )
    except SendError as error:
        return [_error(str(error))]
    return [_ok(f"Twilio sends calls to {account['number']} to {webhook_url}")]


def unfit(account: Account, webhook_url: str) -> str:
    """Why Twilio could not call us there; "" when it can."""
    address = urlsplit(webhook_url)
    if not address.hostname:
        return "Set ALLO_PUBLIC_URL to the address at which Twilio can reach Allo"
    # A proxy or a stand-in reaches any address.
    if (account["api_base"] or rest.VENDOR).rstrip(
        "/"
    ) == rest.VENDOR and address.scheme != "https":
        return (
            f"Twilio should call an https address, not {webhook_url}: callers' numbers travel there"
        )
    return ""


def _standing(told: dict[str, Any]) -> list[Finding]:
    name = clean_line(str(told.get("friendly_name", "")), limit=80)
    findings = [_ok(f"Twilio accepts the token: the account is {name}")]
    if told.get("status") not in {"active", None}:
        findings.append(_error(f"The account is {clean_line(str(told['status']), limit=40)}"))
    if told.get("type") == "Trial":
        findings.append(_warning("A trial account calls only numbers that were verified at Twilio"))
    return findings


def _people(account: Account) -> list[Finding]:
    unknown = [each for each in twiml.everyone(account) if not twiml.can_ring(account, each)]
    if unknown:
        return [_error(f"`ring` has what Twilio cannot ring: {clean_line(', '.join(unknown))}")]
    if not twiml.everyone(account):
        return [
            _warning(
                "`ring` is empty: who is nobody's customer hears that the line is busy, and is called back"
            )
        ]
    return []


def _number(account: Account, number: Number | None, webhook_url: str) -> list[Finding]:
    if number is None:
        return [_error(f"The Twilio account has no number {account['number']}")]
    problem = unfit(account, webhook_url)
    if problem:
        return [_error(problem)]
    if number.voice_url.partition("#")[0] != webhook_url:
        where = f"to {number.voice_url}" if number.voice_url else "nowhere"
        return [_warning(f"Twilio sends the number's calls {where}, not to {webhook_url}")]
    findings = [_ok(f"Twilio sends calls to {account['number']} to {webhook_url}")]
    if number.status_callback.partition("#")[0] != f"{webhook_url}/status":
        findings.append(
            _warning(
                "Twilio does not tell when a call is over: the number's status callback should be "
                f"{webhook_url}/status"
            )
        )
    return findings


def _ok(text: str) -> Finding:
    return Finding(level="ok", text=text)


def _warning(text: str) -> Finding:
    return Finding(level="warning", text=text)


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)
