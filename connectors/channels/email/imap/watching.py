"""What is new in a mailbox, batch by batch: everything that is there at first, then what comes.

    connect ─▶ read what the cursor has not seen, in batches ─▶ wait: IDLE, or look again every `LOOK` seconds ─▶ read …

Each batch is given with the cursor behind it, and the next one is fetched when it is durable: a connection or a process
that ends in between costs nothing, and what then comes twice is known by its key. After every wait the box is searched,
whatever IDLE said, so that a dead connection and a lost notice are found within two minutes. A mailbox whose UIDVALIDITY changed is
read from its beginning, and a mail moved in its folder comes under a new UID; both are recognised by their mails.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import structlog

from connectors.channels.email.envelope import in_envelope
from connectors.channels.email.events import understand
from connectors.channels.email.imap.connecting import Connection, connected
from connectors.channels.email.imap.cursor import Cursor, read_cursor
from connectors.channels.email.imap.mailbox import MAILS, SIZE, Batch, Mail, Mailbox
from connectors.channels.email.imap.suspicion import Suspicion
from connectors.connector import Account, Incoming, Polled
from connectors.errors import Unreachable

log = structlog.get_logger()

IDLE: Final = 45.0
"""Seconds of one IDLE. RFC 2177 allows 29 minutes; Yandex, and whatever translates addresses on the way, far less."""
SOON: Final = 1.0
"""Seconds of the first IDLE after something came: Dovecot 2.3 does not tell of mail that arrived just before IDLE began."""
LOOK: Final = 30.0
"""Seconds between two looks at a server that has no IDLE."""
ALIVE: Final = 40.0
"""Seconds of reading after which it is told that there is life."""
RENEWED: Final = 6 * 3600.0
"""Seconds after which a connection is replaced: the library keeps a little of everything a server ever said."""

_NOT_GIVEN: Final = "the mail server does not give a mail"


def polls(account: Account) -> bool:
    return account["mode"] == "imap"


async def watch(
    account: Account, cursor: str, http: aiohttp.ClientSession
) -> AsyncIterator[Polled]:
    """Raises a SendError."""
    at, suspicion = read_cursor(cursor), Suspicion()
    clock = asyncio.get_running_loop().time
    while True:
        async with connected(account, http) as connection:
            until = clock() + RENEWED
            at = at.within(connection.box, connection.mailbox.validity)
            patience = SOON
            while clock() < until:
                reading = connection.begin(_read, connection.mailbox, account, at, suspicion)
                while not (await asyncio.wait((reading,), timeout=ALIVE))[0]:
                    # A large mail over a thin line takes minutes, and has to be let.
                    yield Polled(cursor=str(at))
                try:
                    polled, at = reading.result()
                except Unreachable:
                    if not suspicion.goes_on(connection.mailbox.asking):
                        raise
                    break
                yield polled
                if polled.incoming or polled.ignored:
                    patience = SOON
                else:
                    await _wait(connection, account, patience)
                    patience = IDLE


def _read(
    mailbox: Mailbox, account: Account, at: Cursor, suspicion: Suspicion
) -> tuple[Polled, Cursor]:
    """In the connection's thread. Raises Unreachable."""
    if suspicion.strong:
        uid = suspicion.uid
        if not mailbox.gives_another_than(uid, suspicion.witness):
            raise Unreachable("The mail server hangs up on whoever asks for its mails")
        suspicion.given()
        log.warning("mail_not_given", account=account.slug, uid=uid)
        at = at.past([uid], got=[uid])
        return Polled(ignored=(f"{_NOT_GIVEN}: {uid}: it hangs up",), cursor=str(at)), at
    batch = mailbox.next(at, limit=1 if suspicion.careful else MAILS)
    if batch is None:
        suspicion.over()
        return Polled(cursor=str(at)), at
    suspicion.given()
    incoming, ignored = _understood(batch, account)
    refused = [uid for uid, _ in batch.refused]
    at = at.past(batch.asked, got=[*(mail.uid for mail in batch.mails), *refused])
    return Polled(incoming=incoming, ignored=ignored, cursor=str(at)), at


async def _wait(connection: Connection, account: Account, patience: float) -> None:
    if connection.mailbox.idles and account["imap_idle"] != "no":
        await connection.do(connection.mailbox.idle, patience)
        return
    await asyncio.sleep(LOOK)
    await connection.do(connection.mailbox.noop)


def _understood(batch: Batch, account: Account) -> tuple[tuple[Incoming, ...], tuple[str, ...]]:
    incoming: list[Incoming] = []
    ignored = [f"{_NOT_GIVEN}: {uid}: {why}" for uid, why in batch.refused]
    for uid, why in batch.refused:
        log.warning("mail_not_given", account=account.slug, uid=uid, reason=why)
    for mail in batch.mails:
        understood = understand(
            mail.raw,
            account=account,
            received_at=mail.arrived,
            notes=_notes(mail),
        )
        if understood.event is None:
            ignored.append(understood.ignored)
        else:
            # Nobody knows the envelope any more; in one of ours the mail cannot bring one of its own.
            kept = in_envelope(mail.raw, sender=None, recipients=())
            incoming.append(Incoming(event=understood.event, raw=kept))
    return tuple(incoming), tuple(ignored)


def _notes(mail: Mail) -> tuple[str, ...]:
    if not mail.cut:
        return ()
    return (f"the mail has {mail.size} bytes; beyond {SIZE} only the beginning is read",)
