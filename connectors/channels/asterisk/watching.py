"""The held connection: what Asterisk says, as it says it; and after every new start, a look at what has become of the calls.

The Manager Interface repeats nothing. So the cursor is the state itself: which calls are going on, with their legs. Whoever
connects next, after a lost line or in another process, asks which channels live (CoreShowChannels): what is new is taken up
midway, what is gone is over. A call that was answered and ended while nobody listened is told as ended, and its conversation
not; better a customer called back for nothing than one forgotten.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import aiohttp

from connectors.channels.asterisk.calls import Calls, living
from connectors.channels.asterisk.session import Session, open_session, said
from connectors.connector import Account, Incoming, Polled
from connectors.errors import AccountBroken, OutcomeUnknown, Unreachable
from router.message import CallReported

SILENCE: Final = 20.0
"""Seconds without a word until Asterisk is asked whether it is there."""

SIGN_OF_LIFE: Final = 30.0
"""Seconds after which we say that we are, when nothing of interest happened. The contract allows a minute."""

EVENTS: Final = "call,agent"
WITH_RECORDINGS: Final = "call,agent,dialplan"
"""A recording's name is told as a variable only, and with it comes every step of the dial plan."""


def polls(account: Account) -> bool:
    return bool(account["host"])


async def watch(
    account: Account, cursor: str, http: aiohttp.ClientSession
) -> AsyncIterator[Polled]:
    """Raises a SendError."""
    clock = asyncio.get_running_loop().time
    session = await open_session(account)
    try:
        calls = Calls(account)
        calls.restore(cursor)
        await _begin(account, session)
        alive: set[str] | None = set()
        dropped, told = 0, clock()
        # Said at once: the line stands.
        yield Polled(cursor=cursor)
        while True:
            messages = await session.next(SILENCE)
            if not messages:
                await _there(session)
            found: list[CallReported] = []
            now = datetime.now(UTC)  # noqa: TID251  # the clock: who holds a connection is given none
            for message in messages:
                if alive is not None:
                    alive.update(living(message))
                found += calls.take(message, now=now)
                if message.event == "CoreShowChannelsComplete" and alive is not None:
                    found += calls.only(alive, now=now)
                    alive = None
            too_long = session.dropped - dropped
            if found or too_long or clock() - told >= SIGN_OF_LIFE or not messages:
                dropped, told = session.dropped, clock()
                yield Polled(
                    incoming=tuple(Incoming(event=each) for each in found),
                    ignored=("oversized: an event longer than any of Asterisk's",) * too_long,
                    cursor=calls.keep(),
                )
    finally:
        await session.close()


async def _begin(account: Account, session: Session) -> None:
    """Events first, the look second: what happens between the two is then told twice, and never not at all."""
    mask = WITH_RECORDINGS if account["recordings_url"] else EVENTS
    answer = await session.ask({"Action": "Events", "EventMask": mask})
    if answer.response == "Error":
        raise AccountBroken(f"The manager user gets no events: {said(answer)}")
    answer = await session.ask({"Action": "CoreShowChannels"})
    if answer.response != "Success":
        raise AccountBroken(
            f"The manager user may not see the channels: {said(answer)} "
            "(manager.conf: read=system,call,agent,dialplan,reporting and write=system,call,originate,reporting)"
        )


async def _there(session: Session) -> None:
    try:
        await session.ask({"Action": "Ping"})
    except OutcomeUnknown:
        raise Unreachable("Asterisk no longer answers; the connection is dead") from None
