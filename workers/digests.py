"""Sends digests of saved reports when they are due, by email and by Telegram, each once.

    due ─▶ the report as it is now ─▶ words in the digest's language ─▶ for each recipient: claim, send, settle ─▶ next time

A failure is told where the digest is set up, and tried again when that may help.
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Connector, Outgoing
from connectors.errors import OutcomeUnknown, SendError, Throttled, Unreachable
from inbox.languages import LANGUAGES, language
from inbox.reports import digest as digest_words
from inbox.reports.asking import ask
from inbox.reports.catalogue import REPORTS
from inbox.reports.schedule import next_time
from router.ids import new_id
from storage import digests
from storage.company import company_zone
from storage.digests import Digest, Recipient
from storage.saved_views import SavedView, saved_report
from workers.account_book import AccountBook
from workers.clock import Clock
from workers.supervisor import is_away, pause

log = structlog.get_logger()

TURN_S: Final = 5.0
PATIENCE_S: Final = 120.0


class Digests:
    def __init__(
        self,
        *,
        engine: AsyncEngine,
        connectors: Mapping[str, Connector],
        accounts: AccountBook,
        http: aiohttp.ClientSession,
        now: Clock,
        public_url: str,
        time_zone: str,
        language: str,
    ) -> None:
        self._engine = engine
        self._connectors = connectors
        self._accounts = accounts
        self._http = http
        self._now = now
        self._public_url = public_url
        self._time_zone = time_zone
        self._language = language

    async def run(self, stop: asyncio.Event) -> None:
        while not await pause(stop, TURN_S):
            await self.turn()

    async def turn(self) -> None:
        """All that is due."""
        async with self._engine.connect() as connection:
            due = await digests.due_digests(connection, now=self._now())
        for each in due:
            await self._send(each)

    async def _send(self, digest: Digest) -> None:
        now = self._now()
        async with self._engine.connect() as connection:
            zone = ZoneInfo(await company_zone(connection, otherwise=self._time_zone))
            waiting = await digests.waiting_recipients(connection, digest.id, due_at=digest.next_at)
            ready = [who for who, again_at in waiting if again_at is None or again_at <= now]
            view = (
                await saved_report(connection, digest.saved_view_id, user_id=digest.by_user)
                if ready
                else None
            )
        for who in ready:
            if view is None or view.report not in REPORTS:
                continue
            async with self._engine.begin() as connection:
                ours = await digests.claim(connection, who.id, due_at=digest.next_at, now=now)
            if ours:
                await self._send_to(who, digest, view)
        async with self._engine.begin() as connection:
            if await digests.waiting_recipients(connection, digest.id, due_at=digest.next_at) and (
                view is not None or not ready
            ):
                return  # some are tried again
            await digests.go_on(
                connection,
                digest.id,
                due_at=digest.next_at,
                next_at=next_time(
                    digest.every,
                    on_day=digest.on_day,
                    hour=digest.hour,
                    zone=zone,
                    after=self._now(),
                ),
            )

    async def _send_to(self, who: Recipient, digest: Digest, view: SavedView) -> None:
        error, again = "", False
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._hand_over(who, digest, view)
        except (Throttled, Unreachable) as failed:
            error, again = str(failed), True
        except TimeoutError:
            error = "It took too long, and perhaps it was sent."
        except OutcomeUnknown as failed:
            error = str(failed)
        except SendError as failed:
            error = str(failed)
        except Exception as failed:
            if is_away(failed):
                raise
            # One report that cannot be made must not keep the others from going out.
            log.exception("digest_broken", digest=digest.id)
            error = "It could not be made: the log says why."
        async with self._engine.begin() as connection:
            await digests.settle(
                connection,
                who.id,
                due_at=digest.next_at,
                error=error,
                again=again,
                now=self._now(),
            )
        log.info(
            "digest_sent" if not error else "digest_failed", digest=digest.id, error=error[:200]
        )

    async def _hand_over(self, who: Recipient, digest: Digest, view: SavedView) -> None:
        account = self._accounts.by_id(digest.account_id)
        connector = self._connectors[digest.kind]
        if account is None or connector.send is None:
            raise Unreachable("The account that sends it is paused or broken.")
        spoken = language(digest.language if digest.language in LANGUAGES else self._language)
        async with self._engine.connect() as connection:
            wish, look, sheet = await ask(
                connection,
                view.report,
                dict(parse_qsl(view.query)),
                language=spoken,
                time_zone=self._time_zone,
                now=self._now(),
                forgiving=True,
            )
        by_mail = digest.kind == "email"
        said = digest_words.words(
            wish,
            look,
            sheet,
            name=view.name,
            link=f"{self._public_url}{wish.address()}",
            stop=f"{self._public_url}/digest/{who.code}",
        )
        await connector.send(
            account,
            Outgoing(
                id=new_id(),
                chat=who.address,
                text=said.text,
                html=said.html if by_mail else "",
                subject=said.subject,
                to=who.address if by_mail else "",
                author="Allo",
                details={"automatic": True},
            ),
            self._http,
        )
