"""Trying the keys: `allo channel check`. Where notifications go is set in the account at Zadarma."""

from collections.abc import Sequence
from typing import Any

import aiohttp

from connectors.channels.zadarma.api import VENDOR, api_base, call
from connectors.connector import Account, Finding
from connectors.errors import SendError
from connectors.loose_fields import said
from connectors.moments import unix_moment, wall_clock, zone_of, zone_of_account
from connectors.source_addresses import unreadable


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Asks for the account's time and zone, which we need to know besides. Changes nothing."""
    findings = unreadable(account)
    if account["timezone"] and zone_of(account["timezone"]) is None:
        findings.append(_error("timezone is not one: it looks like Europe/Moscow or UTC+3"))
    try:
        answer = await call(account, http, "/v1/info/timezone/")
    except SendError as error:
        findings.append(_error(str(error)))
    else:
        findings += _zone(account, answer)
    findings.append(_where(account, webhook_url))
    return findings


def _zone(account: Account, answer: dict[str, Any]) -> list[Finding]:
    """Whether the account's clock shows what ours would in the zone that is set here."""
    findings = [Finding(level="ok", text="Zadarma accepts the API key and secret")]
    now, shown = unix_moment(said(answer, "unixtime")), said(answer, "datetime")
    zone = zone_of_account(account)
    read = wall_clock(shown, zone)
    if now is not None and read is not None and abs((read - now).total_seconds()) > 60:
        theirs = said(answer, "timezone") or f"one where it is {shown}"
        findings.append(
            Finding(
                level="warning",
                text=f"The account's zone at Zadarma is {theirs}; here timezone is another "
                f"(UTC{now.astimezone(zone):%z}), and calls would begin at the wrong hour",
            )
        )
    return findings


def _where(account: Account, webhook_url: str) -> Finding:
    if not webhook_url:
        return _error("Set ALLO_PUBLIC_URL to the address at which Zadarma can reach Allo")
    if api_base(account) == VENDOR and not webhook_url.startswith("https://"):
        return Finding(level="warning", text=f"Calls are told over plain http to {webhook_url}")
    return Finding(
        level="ok", text=f"At Zadarma, the address for notifications must be {webhook_url}"
    )


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)
