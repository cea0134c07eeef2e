"""Updates without a webhook: https://core.telegram.org/bots/api#getupdates

The offset confirms every update before it, so it is the cursor, and moves only after what came is durable. Each
update is read by itself: one that cannot be read is kept as it is and holds up nobody.
"""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
import msgspec

from connectors.channels.telegram.bot_api import (
    Conflict,
    call,
    form_of,
    post,
    read_result,
    result_of,
)
from connectors.channels.telegram.salvage import readable_json
from connectors.channels.telegram.updates import ALLOWED_UPDATES, read_update
from connectors.connector import Account, Incoming, Polled
from connectors.errors import Malformed, OutcomeUnknown, Unreachable
from connectors.outgoing import Reply

WAIT: Final = 50
"""Seconds that Telegram holds a poll open when nothing is new: its most."""

BATCH: Final = 100


def polls(account: Account) -> bool:
    return account["mode"] != "webhook"


async def poll(account: Account, cursor: str, http: aiohttp.ClientSession) -> Polled:
    """Raises a SendError; Conflict when the updates go elsewhere."""
    fields: dict[str, Any] = {"limit": BATCH, "timeout": WAIT, "allowed_updates": ALLOWED_UPDATES}
    if cursor:
        fields["offset"] = int(cursor)
    reply = await post(account, http, "getUpdates", form_of(fields), timeout=WAIT + 10)
    try:
        updates = _updates(reply)
    except Conflict as conflict:
        if "webhook" not in str(conflict):
            raise
        # Telegram keeps what it could not deliver; drop_pending_updates would throw it away.
        await call(account, http, "deleteWebhook", {"drop_pending_updates": False})
        return Polled(cursor=cursor)
    return _read_all(account, updates, cursor, _clock(reply))


def _updates(reply: Reply) -> list[bytes]:
    """Each update's own JSON. Raises a SendError."""
    try:
        result = result_of(reply, to_chat=False)
        return [bytes(each) for each in read_result(result, list[msgspec.Raw])]
    except OutcomeUnknown:
        # One bad character makes the whole list unreadable, and Telegram would give the same list for ever.
        return _updates_by_hand(reply.body)


def _updates_by_hand(body: bytes) -> list[bytes]:
    try:
        answer = readable_json(body)
    except Malformed:
        answer = None
    updates = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(updates, list):
        raise Unreachable("Telegram's answer could not be read")
    return [json.dumps(each).encode() for each in updates]


def _read_all(account: Account, updates: list[bytes], cursor: str, received_at: datetime) -> Polled:
    incoming: list[Incoming] = []
    ignored: list[str] = []
    last = int(cursor) - 1 if cursor else None
    for raw in updates:
        try:
            read = read_update(account, raw, received_at)
        except Malformed:
            ignored.append("not an update: no update_id")
            continue
        last = read.number if last is None else max(last, read.number)
        if read.event is None:
            ignored.append(read.ignored)
        else:
            incoming.append(Incoming(event=read.event, raw=raw))
    return Polled(
        incoming=tuple(incoming),
        ignored=tuple(ignored),
        cursor="" if last is None else str(last + 1),
    )


def _clock(reply: Reply) -> datetime:
    """Telegram's own clock: a poll gets no other, and what it bounds are Telegram's own times."""
    try:
        told = parsedate_to_datetime(reply.headers.get("Date", ""))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return told.astimezone(UTC)
