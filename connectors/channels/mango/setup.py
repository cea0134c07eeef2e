"""Trying key and salt: `allo channel check`. Where events go is set in the cabinet; there is no API for it."""

from collections.abc import Sequence

import aiohttp

from connectors.channels.mango.api import VENDOR, api_base, call
from connectors.connector import Account, Finding
from connectors.errors import SendError
from connectors.source_addresses import unreadable


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Asks for the exchange's colleagues (VPBX API, config/users/request). Changes nothing."""
    findings = unreadable(account)
    try:
        answer = await call(account, http, "config/users/request", {})
    except SendError as error:
        findings.append(Finding(level="error", text=str(error)))
    else:
        users = answer.get("users")
        number = len(users) if isinstance(users, list) else 0
        findings.append(
            Finding(
                level="ok",
                text=f"Mango Office accepts key and signature: {number} colleagues in the exchange",
            )
        )
    findings.append(_where(account, webhook_url))
    return findings


def _where(account: Account, webhook_url: str) -> Finding:
    if not webhook_url:
        return Finding(
            level="error",
            text="Set ALLO_PUBLIC_URL to the address at which Mango Office can reach Allo",
        )
    if api_base(account) == VENDOR and not webhook_url.startswith("https://"):
        return Finding(level="error", text=f"Mango Office calls https addresses, not {webhook_url}")
    return Finding(
        level="ok",
        text=f"In the API connector, the address of the external system must be {webhook_url}",
    )
