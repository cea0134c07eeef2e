"""Trying the credentials, and telling Meta where to send this number's events.

Everything is said in words for the person who looks after the installation; nothing is raised.

An app has one webhook for all, but each number may have an address of its own ("alternate callback": Meta, webhooks
override; the same calls as pywa's `override_waba_callback_url` and `override_phone_callback_url`). That is what `connect`
sets, so that several numbers of one app come to an account each.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from msgspec import Struct, field

from connectors.channels.whatsapp.graph_api import (
    VENDOR,
    base_url,
    call,
    own_business,
    own_number,
)
from connectors.connector import Account, Finding
from connectors.errors import SendError

_NUMBER_FIELDS: Final = "display_phone_number,verified_name,quality_rating,webhook_configuration"


class _Number(Struct, frozen=True):
    display_phone_number: str = ""
    verified_name: str = ""
    quality_rating: str = ""
    webhook_configuration: dict[str, str] = field(default_factory=dict)


class _App(Struct, frozen=True):
    name: str = ""
    id: str = ""


class _Subscribed(Struct, frozen=True):
    whatsapp_business_api_data: _App = _App()


class _Subscriptions(Struct, frozen=True):
    data: tuple[_Subscribed, ...] = ()


class _NumberId(Struct, frozen=True):
    id: str = ""


class _Numbers(Struct, frozen=True):
    data: tuple[_NumberId, ...] = ()


class _Done(Struct, frozen=True):
    success: bool = False


def _ok(text: str) -> Finding:
    return Finding(level="ok", text=text)


def _warning(text: str) -> Finding:
    return Finding(level="warning", text=text)


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Changes nothing."""
    findings: list[Finding] = []
    try:
        number = await call(
            account,
            http,
            "GET",
            own_number(account),
            _Number,
            params=_proved(account, fields=_NUMBER_FIELDS),
        )
        findings.append(
            _ok(
                f"WhatsApp accepts the token: this is {number.display_phone_number} ({number.verified_name})"
            )
        )
        if number.quality_rating in {"YELLOW", "RED"}:
            findings.append(
                _warning(
                    f"The number's quality is {number.quality_rating}: people block or report it, and WhatsApp may slow it down"
                )
            )
        findings += _delivery(account, number, webhook_url)
        findings += await _business(account, http)
    except SendError as error:
        findings.append(_error(_explained(error)))
    return findings


def _proved(account: Account, **params: str) -> dict[str, str]:
    """With a proof that we know the app's secret: a wrong one is refused here, and not only when messages come.

    Graph API, "Securing requests": `appsecret_proof` is the token's HMAC with the secret.
    """
    proof = hmac.new(
        account["app_secret"].encode(), account["access_token"].strip().encode(), sha256
    ).hexdigest()
    return params | ({"appsecret_proof": proof} if account["app_secret"] else {})


def _explained(error: SendError) -> str:
    if "appsecret_proof" in str(error):
        return "app_secret is not the secret of the app that the token belongs to: see App settings, Basic"
    return str(error)


def _delivery(account: Account, number: _Number, webhook_url: str) -> list[Finding]:
    problem = _unfit(account, webhook_url)
    if problem:
        return [_error(problem)]
    told = number.webhook_configuration
    where = (
        told.get("phone_number")
        or told.get("whatsapp_business_account")
        or told.get("application")
        or ""
    )
    if where == webhook_url:
        return [_ok(f"WhatsApp sends messages to {webhook_url}")]
    return [
        _warning(
            f"WhatsApp sends messages {f'to {where}' if where else 'nowhere yet'}, not to {webhook_url}"
        )
    ]


async def _business(account: Account, http: aiohttp.ClientSession) -> list[Finding]:
    if not account["waba_id"]:
        return [
            _warning(
                "Without waba_id there are no templates, and Meta must be told by hand where to send messages"
            )
        ]
    business = own_business(account)
    numbers = await call(
        account, http, "GET", f"{business}/phone_numbers", _Numbers, params={"fields": "id"}
    )
    if own_number(account) not in {each.id for each in numbers.data}:
        return [_error("phone_number_id is not a number of the business account waba_id")]
    subscribed = await call(account, http, "GET", f"{business}/subscribed_apps", _Subscriptions)
    names = ", ".join(each.whatsapp_business_api_data.name for each in subscribed.data)
    if not subscribed.data:
        return [_warning("No app is subscribed to the business account: nothing is sent anywhere")]
    return [_ok(f"Subscribed to the business account: {names}")]


async def connect(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Subscribes the app, and gives the number its own address, which Meta asks at once whether it knows verify_token."""
    problem = _unfit(account, webhook_url)
    if problem:
        return [_error(problem)]
    try:
        if account["waba_id"]:
            await call(account, http, "POST", f"{own_business(account)}/subscribed_apps", _Done)
        await call(
            account,
            http,
            "POST",
            own_number(account),
            _Done,
            json={
                "webhook_configuration": {
                    "override_callback_uri": webhook_url,
                    "verify_token": account["verify_token"],
                }
            },
        )
    except SendError as error:
        return [_error(f"Meta does not take the address: {error}")]
    return [_ok(f"WhatsApp sends messages to {webhook_url}")]


def _unfit(account: Account, webhook_url: str) -> str:
    """Why Meta could not or should not send messages there; "" when it can."""
    if not account["app_secret"]:
        return "Set app_secret: without it anybody could send messages in WhatsApp's name"
    if not account["verify_token"]:
        return (
            "Set verify_token, a word of your own: by it Meta makes sure that the address is yours"
        )
    address = urlsplit(webhook_url)
    if not address.hostname:
        return "Set ALLO_PUBLIC_URL to the address at which WhatsApp can reach Allo"
    if address.scheme != "https" and base_url(account).startswith(VENDOR):
        return f"WhatsApp calls https addresses only, not {webhook_url}"
    return ""
