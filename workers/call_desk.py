"""`inbox.call_desk.CallDesk`: asks an exchange to ring a colleague and then the customer.

The wish is kept before the exchange is asked, so that a report of the call that is faster than the answer finds it. A
call that was asked for is never asked for again by itself: the answer that did not come may have been "yes".
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import aiohttp
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account, Connector
from connectors.errors import OutcomeUnknown, SendError
from connectors.phone_numbers import e164
from inbox.desk import Refused
from storage.audit import write_audit
from storage.call_requests import (
    NewRequest,
    add_request,
    last_line,
    private_conversation,
    request_failed,
    request_taken,
)
from storage.profile import extension_of
from workers.account_book import AccountBook
from workers.clock import Clock

log = structlog.get_logger()

PATIENCE_S: Final = 15.0
"""A person waits with their hand on the phone; the page gives up after twenty seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephone:
    engine: AsyncEngine
    connectors: Mapping[str, Connector]
    accounts: AccountBook
    http: aiohttp.ClientSession
    now: Clock

    def lines(self) -> bool:
        return any(self._dials(each) for each in self.accounts.active())

    async def call(
        self,
        phone: str,
        *,
        by: UUID | None,
        account: str = "",
        extension: str = "",
        conversation: UUID | None = None,
        contact: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> UUID:
        line = await self._line(account, contact)
        number = e164(phone, region=line.region)
        if number is None:
            raise Refused(f"{phone} is not a number that can be called.")
        async with self.engine.begin() as connection:
            if by is not None and not extension:
                extension = await extension_of(connection, by)
            if not extension:
                raise Refused(
                    "There is no extension to ring: write yours in your profile, then call again."
                )
            if conversation is None and contact is not None:
                conversation = await private_conversation(connection, contact)
            request, new = await add_request(
                connection,
                NewRequest(
                    account_id=line.id,
                    user_id=by,
                    extension=extension,
                    phone=number,
                    conversation_id=conversation,
                    idempotency_key=idempotency_key,
                ),
                now=self.now(),
            )
            if not new:
                return request
            await write_audit(
                connection,
                by=by,
                what="call_asked_for",
                object_kind="call_request",
                object_id=request,
                now=self.now(),
                after={"account": line.slug, "extension": extension},
            )
        await self._dial(line, request, extension=extension, phone=number)
        return request

    async def _dial(self, line: Account, request: UUID, *, extension: str, phone: str) -> None:
        dial = self.connectors[line.kind].dial
        assert dial is not None  # noqa: S101  # _line has looked
        try:
            async with asyncio.timeout(PATIENCE_S):
                key = await dial(
                    line, extension=extension, phone=phone, initiated=request.hex, http=self.http
                )
        except (SendError, TimeoutError) as error:
            words = _why(error)
            log.info("call_not_made", account=line.slug, reason=words)
            async with self.engine.begin() as connection:
                await request_failed(connection, request, error=words)
            raise Refused(words) from error
        if key:
            async with self.engine.begin() as connection:
                await request_taken(connection, request, call_key=key)

    async def _line(self, slug: str, contact: UUID | None) -> Account:
        """Raises Refused."""
        if slug:
            named = self.accounts.find(slug)
            if named is None:
                raise Refused(f"The channel {slug} is not connected, or it is paused.")
            if not self._dials(named):
                raise Refused(f"The channel {slug} cannot make calls by itself.")
            return named
        able = [each for each in self.accounts.active() if self._dials(each)]
        if not able:
            raise Refused("No connected channel can make calls.")
        if contact is not None and len(able) > 1:
            async with self.engine.connect() as connection:
                last = await last_line(connection, contact)
            able.sort(key=lambda each: each.id != last)
        return able[0]

    def _dials(self, account: Account) -> bool:
        connector = self.connectors.get(account.kind)
        return connector is not None and connector.dial is not None


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError | OutcomeUnknown):
        return "The exchange did not answer in time: your phone may ring all the same."
    return f"The call was not made: {error}"
