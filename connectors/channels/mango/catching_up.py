"""What the exchange told while nobody listened: every ten minutes its statistics are asked for calls that are over.

The exchange does not say that it repeats an event. A call has the same key here as in the event it was told by, so that
only those that were missed are new. The report is made in the exchange's own time: asked for, then fetched, 204 until
it is there (VPBX API, stats/request, stats/result; no longer than a month, no more than one request in two seconds).
"""

from asyncio import sleep
from time import time
from typing import Any, Final

import aiohttp

from connectors.channels.mango.api import call, post
from connectors.channels.mango.statistics import COLUMNS, read
from connectors.connector import Account, Polled
from connectors.errors import Unreachable
from connectors.loose_fields import said
from connectors.moments import unix_moment

EVERY: Final = 600
SETTLED: Final = 120
"""Seconds after which a call has been told of, if it ever will be."""

OVERLAP: Final = 7200
"""The report goes by when calls began: one that was long is in an earlier part of it."""

LONGEST: Final = 30 * 86_400
NAP: Final = 50.0
PATIENCE: Final = (1.0, 5.0, 5.0, 5.0, 10.0, 10.0)
"""Seconds before each look whether the report is there."""


def polls(account: Account) -> bool:
    return account["catch_up"] != "no"


async def poll(account: Account, cursor: str, http: aiohttp.ClientSession) -> Polled:
    """The cursor is the Unix second up to which calls are known; a new account begins now. Raises a SendError."""
    until = int(time()) - SETTLED
    since = min(int(cursor), until) if cursor.isdecimal() else until
    if until - since < EVERY:
        await sleep(min(NAP, EVERY - (until - since)))
        return Polled(cursor=str(since))
    text = await _report(account, http, max(since - OVERLAP, until - LONGEST), until)
    moment = unix_moment(str(until))
    if moment is None:
        raise Unreachable("This machine's clock is wrong")
    found = read(account, text, moment)
    return Polled(incoming=found.incoming, ignored=found.ignored, cursor=str(until))


async def _report(account: Account, http: aiohttp.ClientSession, since: int, until: int) -> str:
    wanted: dict[str, Any] = {
        "date_from": str(since),
        "date_to": str(until),
        "fields": ",".join(COLUMNS),
    }
    key = said(await call(account, http, "stats/request", wanted), "key")
    for wait in PATIENCE:
        await sleep(wait)
        reply = await post(account, http, "stats/result", {"key": key})
        if reply.status == 200:
            return reply.body.decode(errors="replace")
    raise Unreachable("Mango Office has not made its report in time")
