"""`allo channel check`: where the exchange must post to, and whether the secret is worth its name."""

from collections.abc import Sequence
from typing import Final

import aiohttp

from connectors.connector import Account, Finding

SHORTEST_SECRET: Final = 16


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Nothing can be asked of an exchange that we do not know; what is ours is looked at."""
    findings: list[Finding] = []
    secrets = account["secret"].split()
    if not secrets:
        findings.append(Finding(level="error", text="Set secret: without it nothing is taken"))
    elif min(len(each) for each in secrets) < SHORTEST_SECRET:
        findings.append(
            Finding(
                level="warning",
                text=f"The secret is short: {SHORTEST_SECRET} characters or more, such as `openssl rand -hex 32` gives",
            )
        )
    if webhook_url.startswith(("https://", "http://")):
        secure = webhook_url.startswith("https://")
        findings.append(
            Finding(level="ok" if secure else "warning", text=f"Calls are told to {webhook_url}")
        )
    else:
        findings.append(
            Finding(
                level="error",
                text="Set ALLO_PUBLIC_URL to the address at which your exchange can reach Allo",
            )
        )
    if not account["dial_url"]:
        findings.append(
            Finding(level="ok", text="Nobody calls from the inbox: dial_url is not set")
        )
    elif not account["dial_url"].startswith(("https://", "http://")):
        findings.append(Finding(level="error", text="dial_url is not an address: https://…"))
    return findings
