"""Files of recordings. A notification has a link to one, or its hash (Data API, get.calls_report, call_records)."""

from urllib.parse import quote, urlsplit

import aiohttp

from connectors.call_recordings import recording
from connectors.channels.uis.call_api import api_base
from connectors.connector import Account, Fetched

DOMAINS = ("uiscom.ru", "comagic.ru")
MEDIA = "https://app.uiscom.ru"


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    """`ref` is a link, or call_session_id/hash."""
    return recording(http, _link(account, ref), domains=DOMAINS, api_base=api_base(account))


def _link(account: Account, ref: str) -> str:
    if "://" in ref:
        return ref
    base = api_base(account)
    host = urlsplit(base).hostname or ""
    media = MEDIA if any(host == each or host.endswith(f".{each}") for each in DOMAINS) else base
    return f"{media}/system/media/talk/{quote(ref)}/"
