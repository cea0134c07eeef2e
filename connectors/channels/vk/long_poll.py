"""Events without a webhook: https://dev.vk.com/ru/api/bots-long-poll/getting-started

The cursor is where to ask (`server`), with what (`key`) and from where on (`ts`), and moves only after what came is
durable. It is given back as soon as it is known: a `ts` that was had and not kept would be a gap. `failed` says why
there are no events:

    1   VK has forgotten part of them; `ts` is where to go on
    2   the key has expired: a new key, the same `ts`
    3   what VK knew of us is lost: a new key, a new `ts`
    …   anything newer: a new key, the same `ts`

Long Poll has no secret: who asks knows whom.
"""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from connectors.channels.vk.events import open_envelope, read_event
from connectors.channels.vk.leniency import readable_json
from connectors.channels.vk.method_calls import call
from connectors.channels.vk.people import community_of
from connectors.connector import Account, Incoming, Polled
from connectors.errors import AccountBroken, Malformed, OutcomeUnknown, Unreachable
from connectors.outgoing import Reply, exchange

WAIT: Final = 25
"""Seconds that VK holds a poll open when nothing is new; it allows 90, our contract a minute."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`untried`: no poll has succeeded with this key yet."""

    server: str
    key: str
    ts: str
    untried: bool = False


class _Answer(msgspec.Struct, frozen=True):
    ts: str | int | None = None
    updates: list[msgspec.Raw] | None = None
    failed: int | None = None


def polls(account: Account) -> bool:
    """An account that says nothing but knows a confirmation code was set up to be called."""
    return account["mode"] == "longpoll" or not (account["mode"] or account["confirmation"])


async def poll(account: Account, cursor: str, http: aiohttp.ClientSession) -> Polled:
    """Raises a SendError."""
    place = _place(cursor)
    if place is None:
        return Polled(cursor=_written(await _where_to_ask(account, http)))
    try:
        reply = await _ask(place, http)
    except Unreachable:
        # Out of order, or not there any more: VK itself knows.
        moved = await _where_to_ask(account, http, ts=place.ts)
        if moved.server == place.server:
            raise
        return Polled(cursor=_written(moved))
    if 400 <= reply.status < 500:
        # The server has been moved, or knows the key no more and says so in this way.
        return Polled(cursor=_written(await _where_to_ask(account, http, ts=place.ts)))
    if reply.status != 200:
        raise Unreachable(f"VK's Long Poll is out of order (HTTP {reply.status})")
    answer = _answer(reply)
    if answer.failed is not None:
        return await _failed(account, place, answer, http)
    return _read_all(account, answer, place, _clock(reply))


def _place(cursor: str) -> Cursor | None:
    try:
        return msgspec.json.decode(cursor, type=Cursor) if cursor else None
    except ValueError:
        return None


def _written(cursor: Cursor) -> str:
    return msgspec.json.encode(cursor).decode()


async def _where_to_ask(account: Account, http: aiohttp.ClientSession, *, ts: str = "") -> Cursor:
    """groups.getLongPollServer → {"key", "server", "ts"}."""
    community = community_of(account)
    if not community:
        raise AccountBroken("The account has no number of a community (group_id)")
    told = await call(account, http, "groups.getLongPollServer", {"group_id": community})
    told = told if isinstance(told, dict) else {}
    server, key, fresh = (told.get(name) for name in ("server", "key", "ts"))
    if not isinstance(server, str) or not server or not isinstance(key, str):
        raise Unreachable("VK did not say where its Long Poll is")
    if not urlsplit(server).scheme:
        server = f"https://{server}"
    return Cursor(server=server, key=key, ts=ts or str(fresh or "0"), untried=True)


async def _ask(place: Cursor, http: aiohttp.ClientSession) -> Reply:
    asked = {"act": "a_check", "key": place.key, "ts": place.ts, "wait": str(WAIT)}
    try:
        return await exchange(http, "GET", place.server, params=asked, timeout=WAIT + 10)
    except (Unreachable, OutcomeUnknown) as error:
        # Asking changes nothing, so that it may always be done again. Without the cause: the address holds the key.
        raise Unreachable(f"VK: {error}") from None


def _answer(reply: Reply) -> _Answer:
    try:
        return msgspec.json.decode(reply.body, type=_Answer)
    except (ValueError, RecursionError):
        pass
    # One bad character makes the whole list unreadable, and VK would give the same list for ever.
    try:
        told = readable_json(reply.body)
    except Malformed:
        told = None
    if not isinstance(told, dict) or not (told.keys() & {"updates", "failed"}):
        raise Unreachable("VK's answer could not be read")
    updates, ts, failed = (told.get(name) for name in ("updates", "ts", "failed"))
    return _Answer(
        ts=ts if isinstance(ts, str | int) else None,
        updates=[msgspec.Raw(json.dumps(each).encode()) for each in updates]
        if isinstance(updates, list)
        else None,
        failed=failed if isinstance(failed, int) else None,
    )


async def _failed(
    account: Account, place: Cursor, answer: _Answer, http: aiohttp.ClientSession
) -> Polled:
    if answer.failed == 1 and answer.ts is not None:
        on = msgspec.structs.replace(place, ts=str(answer.ts), untried=True)
        lost: tuple[str, ...] = ("long poll: VK has forgotten some events",)
    else:
        ts = "" if answer.failed == 3 else place.ts
        on = await _where_to_ask(account, http, ts=ts)
        lost = ("long poll: VK has lost our place; events may be missing",) if not ts else ()
    # Polling waits a moment after a poll that brought nothing: said once, so that failing for ever is no frenzy.
    return Polled(cursor=_written(on), ignored=() if place.untried else lost)


def _read_all(account: Account, answer: _Answer, place: Cursor, received_at: datetime) -> Polled:
    incoming: list[Incoming] = []
    ignored: list[str] = []
    for each in answer.updates or ():
        raw = bytes(each)
        try:
            envelope = open_envelope(raw)
        except Malformed:
            ignored.append("not an event: no type")
            continue
        if envelope.group_id not in {0, community_of(account)}:
            ignored.append("another community: its event")
            continue
        read = read_event(account, envelope, received_at)
        if read.event is None:
            ignored.append(read.ignored)
        else:
            incoming.append(Incoming(event=read.event, raw=raw))
    ts = place.ts if answer.ts is None else str(answer.ts)
    return Polled(
        incoming=tuple(incoming),
        ignored=tuple(ignored),
        cursor=_written(Cursor(server=place.server, key=place.key, ts=ts)),
    )


def _clock(reply: Reply) -> datetime:
    """VK's own clock: a poll gets no other, and what it bounds are VK's own times."""
    try:
        told = parsedate_to_datetime(reply.headers.get("Date", ""))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return told.astimezone(UTC)
