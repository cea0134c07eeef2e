"""Click-to-call: a signed POST to an address of the exchange's, {"extension", "phone", "initiated"}.

It answers 2xx once it has begun to ring, with {"call": …} when it knows what it will call the call; and puts `initiated`
into its reports of that call. 4xx: it will not; 5xx: it could not, and has not rung anybody.
"""

from datetime import UTC, datetime

import aiohttp
import msgspec

from connectors.channels.call_hook.signature import HEADER, sign
from connectors.connector import Account
from connectors.errors import AccountBroken, Rejected, Throttled, Unreachable
from connectors.outgoing import Reply, exchange
from router.clean_text import clean_line


class _Made(msgspec.Struct, frozen=True):
    call: str = ""


async def dial(
    account: Account,
    *,
    extension: str,
    phone: str,
    initiated: str,
    http: aiohttp.ClientSession,
) -> str:
    """The exchange's key of the call, "" when it tells none. Raises a SendError."""
    url = account["dial_url"]
    if not url.startswith(("https://", "http://")):
        raise Rejected("Set dial_url: this exchange told no address that dials")
    if not account["secret"].split():
        raise AccountBroken("The secret is not set")
    body = msgspec.json.encode({"extension": extension, "phone": phone, "initiated": initiated})
    now = datetime.now(UTC)  # noqa: TID251  # the clock: who dials is given none
    reply = await exchange(
        http,
        "POST",
        url,
        data=body,
        headers={
            "Content-Type": "application/json",
            HEADER: sign(account["secret"], body, at=now),
        },
        limit=1 << 16,
    )
    if 200 <= reply.status < 300:
        return _call(reply)
    raise _refusal(reply)


def _call(reply: Reply) -> str:
    """Whatever else it says: it rings."""
    try:
        return clean_line(msgspec.json.decode(reply.body, type=_Made).call)
    except (ValueError, RecursionError):
        return ""


def _refusal(reply: Reply) -> Rejected | Throttled | Unreachable | AccountBroken:
    said = clean_line(reply.body[:400].decode("utf-8", "replace"), limit=200)
    words = f"{said or 'no reason given'} (HTTP {reply.status})"
    if reply.status in {401, 403}:
        return AccountBroken(f"The exchange does not accept the signature: {words}")
    if reply.status == 429:
        told = reply.headers.get("Retry-After", "")
        wait = float(told) if told.isascii() and told.isdecimal() and len(told) < 5 else 5.0
        return Throttled(f"The exchange asks to wait: {words}", retry_after=max(wait, 1.0))
    if reply.status >= 500:
        return Unreachable(f"The exchange could not dial: {words}")
    return Rejected(f"The exchange does not dial: {words}")
