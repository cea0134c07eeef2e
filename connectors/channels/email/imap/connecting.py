"""A connection to a mailbox, in a thread of its own.

IMAP libraries that block are the mature ones, and a connection spends its life waiting: one thread for each account that
reads a mailbox. (The asyncio library there is would not notice a dead connection while it idles, and hangs when the
server hangs up on IDLE.) Who leaves in the middle of a call has the connection cut, which frees the thread.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, TypeVar

import aiohttp

from connectors.channels.email.imap.mailbox import Mailbox, SignIn, a_mailbox
from connectors.channels.email.oauth import access_token, by_token
from connectors.channels.email.threading import our_address
from connectors.connector import Account
from connectors.errors import AccountBroken

P = ParamSpec("P")
T = TypeVar("T")


class Connection:
    def __init__(self, mailbox: Mailbox, user: str) -> None:
        self.mailbox = mailbox
        named = f"{mailbox.host.lower()}\0{user}\0{mailbox.folder}"
        self.box = hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:8]
        """The name under which the box's cursor is kept."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"imap {mailbox.host}")
        self._job: Future[Any] | None = None
        self._awaited: asyncio.Future[Any] | None = None

    def begin(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """In the connection's thread. One call at a time."""
        job = self._thread.submit(work, *args, **kwargs)
        awaited = asyncio.wrap_future(job)
        self._job, self._awaited = job, awaited
        return awaited

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises what `work` raises."""
        return await self.begin(work, *args, **kwargs)

    def close(self) -> None:
        """At once; the thread says good-bye when it comes to it."""
        if self._job is not None and not self._job.done():
            self.mailbox.cut()
        if self._awaited is not None:
            self._awaited.cancel()
        self._thread.submit(self.mailbox.leave)
        self._thread.shutdown(wait=False)


@asynccontextmanager
async def connected(account: Account, http: aiohttp.ClientSession) -> AsyncGenerator[Connection]:
    """Signed in, with the folder open. Raises a SendError."""
    mailbox = a_mailbox(account)
    sign_in = await _sign_in(account, http)
    connection = Connection(mailbox, sign_in.user)
    try:
        await connection.do(mailbox.open, sign_in)
        yield connection
    finally:
        connection.close()


async def _sign_in(account: Account, http: aiohttp.ClientSession) -> SignIn:
    user = account["imap_user"].strip() or our_address(account)
    if not user:
        raise AccountBroken("Nobody to sign in as: set imap_user")
    if by_token(account):
        return SignIn(user=user, token=await access_token(account, http))
    if not account["imap_password"]:
        raise AccountBroken("No password for the mailbox: set imap_password")
    return SignIn(user=user, password=account["imap_password"])
