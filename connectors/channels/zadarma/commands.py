"""What we ask of the exchange: to connect a colleague with a customer, and for the file of a recording.

Zadarma, /v1/request/callback/ and /v1/pbx/record/request/.
"""

from typing import Any

import aiohttp

from connectors.call_recordings import NOT_YET, recording
from connectors.channels.zadarma.api import DOMAINS, api_base, call
from connectors.connector import Account, Fetched
from connectors.errors import OutcomeUnknown, Rejected, Unreachable
from connectors.loose_fields import said


async def dial(
    account: Account, *, extension: str, phone: str, initiated: str, http: aiohttp.ClientSession
) -> str:
    """Returns "": Zadarma names no call here, and tells `initiated` back nowhere; the extension says whose call it is."""
    await call(
        account,
        http,
        "/v1/request/callback/",
        {"from": extension, "to": phone.removeprefix("+")},
        once=True,
    )
    return ""


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """`ref` is pbx_call_id/call_id_with_rec. Until there is a file, Zadarma refuses to give its address."""
    exchange_call, _, wanted = ref.partition("/")
    try:
        answer = await call(
            account, http, "/v1/pbx/record/request/", {"pbx_call_id": exchange_call}
        )
    except (Rejected, OutcomeUnknown) as error:
        # It does not say that it is too early in words of its own; the worker gives up in time.
        raise Unreachable(f"{NOT_YET}: {error}") from error
    link = _link(answer, wanted)
    if not link:
        raise Unreachable(NOT_YET)
    return recording(http, link, domains=DOMAINS, api_base=api_base(account))


def _link(answer: dict[str, Any], wanted: str) -> str:
    """`link` of the only one, or the one of `links` that names the recording."""
    links = answer.get("links")
    listed = [each for each in links if isinstance(each, str)] if isinstance(links, list) else []
    one = said(answer, "link", limit=2000)
    named = [each for each in (one, *listed) if each and wanted and wanted in each]
    return next(iter(named or ([one] if one else listed)), "")
