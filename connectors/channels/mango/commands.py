"""What we ask of the exchange: to connect a colleague with a customer, and for the file of a recording.

VPBX API, commands/callback, queries/recording/post.
"""

from typing import Any

import aiohttp

from connectors.call_recordings import recording
from connectors.channels.mango.api import DOMAINS, api_base, call, refusal, signed
from connectors.connector import Account, Fetched


async def dial(
    account: Account, *, extension: str, phone: str, initiated: str, http: aiohttp.ClientSession
) -> str:
    """Returns "": the call's key comes with its first event, and `initiated` with it, as command_id."""
    command: dict[str, Any] = {
        "command_id": initiated,
        "from": {"extension": extension},
        "to_number": phone.removeprefix("+"),
    }
    if account["line_number"]:
        command["line_number"] = "".join(c for c in account["line_number"] if c.isdecimal())
    await call(account, http, "commands/callback", command)
    return ""


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """`ref` is a recording_id. The exchange answers with the file, or with a redirection to where it keeps files."""
    base = api_base(account)
    form = signed(account, {"recording_id": ref, "action": "download"})
    return recording(
        http,
        f"{base}/vpbx/queries/recording/post",
        domains=DOMAINS,
        api_base=base,
        method="POST",
        form=form,
        judge=lambda status: refusal(status) if status in {401, 429} else None,
    )
