"""Web push: notices for browsers in which no page of ours is open.

    push_delivery ─▶ is it still unread? ─▶ words in the person's language ─▶ encrypted for the browser (RFC 8291)
                 ─▶ signed with our keys (RFC 8292) ─▶ the browser maker's push service ─▶ sent, gone, or later

A push service learns that there is something, for whom and how large it is, never what. The address was given by a
browser of a signed-in colleague, so only public ones are called.
"""

import asyncio
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import http_ece
import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.errors import OutcomeUnknown, Unreachable
from connectors.outgoing import Reply, exchange, open_guarded_http
from inbox.formats import Formats
from inbox.languages import LANGUAGES, language
from inbox.notice_words import said, trial
from router.facts import Fact, NoticeChanged
from router.notices import ABOUT_MESSAGES
from storage.company import company_zone
from storage.notice_wishes import Person, load_people
from storage.push import (
    Due,
    PushKeys,
    due_pushes,
    forget_browser,
    kept_push_keys,
    put_off_push,
    settle_push,
)
from storage.reading.notices import NoticeRow, still_in_sight, these_notices
from storage.sealing import Sealer
from workers.clock import Clock
from workers.supervisor import unless

log = structlog.get_logger()

LOOK_S: Final = 2.0
BATCH: Final = 50
PATIENCE_S: Final = 15.0
CLAIM: Final = timedelta(minutes=2)
"""Longer than the patience with a whole batch: whoever took it is gone by then."""
KEPT: Final = timedelta(hours=12)
"""What a browser that sleeps is told when it wakes. Yesterday's messages are no news."""
ATTEMPTS: Final = 6
PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
SIGNED_FOR: Final = timedelta(hours=12)
"""RFC 8292: 24 hours at most."""
LONGEST_TEXT: Final = 240
"""With everything around it far below the 3993 bytes that every push service takes (RFC 8291, 4)."""

_json = msgspec.json.Encoder()


class Pusher:
    def __init__(
        self,
        *,
        engine: AsyncEngine,
        sealer: Sealer,
        now: Clock,
        public_url: str,
        time_zone: str,
        language: str,
        http: Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]] = open_guarded_http,
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._now = now
        self._public_url = public_url
        self._installation_zone = time_zone
        self._zone = ZoneInfo(time_zone)
        self._language = language
        self._http = http
        self._news = asyncio.Event()

    def hear(self, fact: Fact | None) -> None:
        if fact is None or isinstance(fact, NoticeChanged):
            self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        made = make_keys()
        async with self._engine.begin() as connection:
            keys = await kept_push_keys(connection, self._sealer, made=made)
        async with self._http() as http:
            while not stop.is_set():
                self._news.clear()
                while await self.turn(http, keys) == BATCH:
                    pass
                try:
                    async with asyncio.timeout(LOOK_S):
                        await unless(stop, self._news.wait())
                except TimeoutError:
                    continue

    async def turn(self, http: aiohttp.ClientSession, keys: PushKeys) -> int:
        """Sends what is due, at once; how many there were."""
        async with self._engine.begin() as connection:
            due = await due_pushes(connection, now=self._now(), again=CLAIM, limit=BATCH)
        if not due:
            return 0
        async with self._engine.connect() as connection:
            people = await load_people(connection)
            zone = await company_zone(connection, otherwise=self._installation_zone)
            rows = await these_notices(
                connection, [each.notification_id for each in due if each.notification_id]
            )
            kept = await still_in_sight(
                connection,
                {each: people[each].sight for each in {one.user_id for one in due} & people.keys()},
                [(each.user_id, each.notification_id) for each in due if each.notification_id],
            )
        self._zone = ZoneInfo(zone)
        async with asyncio.TaskGroup() as group:
            for each in due:
                # What has left their sight meanwhile is as if it had been read.
                row = (
                    rows.get(each.notification_id)
                    if each.notification_id is not None and each.notification_id in kept
                    else None
                )
                person = people.get(each.user_id)
                group.create_task(self._push(http, keys, each, row, person))
        return len(due)

    async def _push(
        self,
        http: aiohttp.ClientSession,
        keys: PushKeys,
        due: Due,
        row: NoticeRow | None,
        person: Person | None,
    ) -> None:
        stale = due.created_at < self._now() - KEPT
        # Read meanwhile, perhaps on another screen: it need not ring any more.
        read = due.notification_id is not None and (row is None or row.read_at is not None)
        if person is None or read or stale:
            await self._settle(due)
            return
        body, topic, urgent = self._words(row, person)
        try:
            sealed = encrypted(body, p256dh=due.p256dh, auth=due.auth)
            authorization = signed(keys, due.endpoint, now=self._now(), public_url=self._public_url)
        except (ValueError, NotBase64, http_ece.ECEException):
            # Keys that are none: nothing ever arrives there.
            await self._gone(due)
            return
        headers = {
            "Authorization": authorization,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(KEPT.total_seconds())),
            "Urgency": "high" if urgent else "normal",
            "Topic": topic,
        }
        try:
            reply = await exchange(
                http,
                "POST",
                due.endpoint,
                timeout=PATIENCE_S,
                limit=64 << 10,
                data=sealed,
                headers=headers,
            )
        except (Unreachable, OutcomeUnknown) as error:
            # Sent twice it replaces itself: that is what the topic is for.
            await self._later(due, str(error))
            return
        await self._answered(due, reply)

    async def _answered(self, due: Due, reply: Reply) -> None:
        if reply.status < 300:
            await self._settle(due)
        elif reply.status in {404, 410}:
            await self._gone(due)
        elif reply.status == 429 or reply.status >= 500:
            await self._later(
                due,
                f"The push service answers {reply.status}",
                after=_seconds(reply.headers.get("Retry-After", "")),
            )
        else:
            log.warning("push_refused", status=reply.status, service=urlsplit(due.endpoint).netloc)
            await self._settle(due, error=f"The push service answers {reply.status}")

    def _words(self, row: NoticeRow | None, person: Person) -> tuple[bytes, str, bool]:
        code = person.language if person.language in LANGUAGES else self._language
        formats = Formats(language=language(code), zone=self._zone, now=self._now())
        if row is None:
            told = {
                "title": "Allo",
                "body": trial(formats=formats),
                "url": "/profile#notices",
                "tag": "trial",
            }
            return _json.encode(told), "trial", True
        words = said(row, formats=formats)
        told = {
            "title": words.title[:LONGEST_TEXT],
            "body": f"{words.body}\n{words.text[:LONGEST_TEXT]}"
            if person.manner.push_text and words.text
            else words.body,
            "url": words.url,
            "tag": words.tag,
            "id": str(row.id),
        }
        # RFC 8030, 5.4: 32 characters of base64url; newer ones about the same replace it while it waits.
        topic = (row.conversation_id if row.kind != "task" else None) or row.id
        return _json.encode(told), topic.hex, row.kind in ABOUT_MESSAGES

    async def _settle(self, due: Due, *, error: str = "") -> None:
        async with self._engine.begin() as connection:
            await settle_push(connection, due, now=self._now(), error=error)

    async def _gone(self, due: Due) -> None:
        log.info("browser_gone", subscription=str(due.subscription_id))
        async with self._engine.begin() as connection:
            await forget_browser(connection, due.subscription_id)

    async def _later(self, due: Due, error: str, *, after: timedelta | None = None) -> None:
        if due.attempts >= ATTEMPTS:
            await self._settle(due, error=error)
            return
        wait = max(PAUSE * 3 ** (due.attempts - 1), after or PAUSE)
        async with self._engine.begin() as connection:
            await put_off_push(
                connection, due, until=self._now() + min(wait, LONGEST_PAUSE), error=error
            )


def make_keys() -> PushKeys:
    """An identity towards push services."""
    private = ec.generate_private_key(ec.SECP256R1())
    return PushKeys(
        public=_base64url(
            private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        ),
        private=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def encrypted(body: bytes, *, p256dh: str, auth: str) -> bytes:
    """For the browser with these keys alone. Raises ValueError for keys that are none."""
    sealed: bytes = http_ece.encrypt(
        body,
        salt=os.urandom(16),
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=_bytes(p256dh),
        auth_secret=_bytes(auth),
        version="aes128gcm",
    )
    return sealed


def signed(keys: PushKeys, endpoint: str, *, now: datetime, public_url: str) -> str:
    """The header that says who sends it, and to whom to complain."""
    service = urlsplit(endpoint)
    host = urlsplit(public_url).hostname or "localhost"
    token = jwt.encode(
        {
            "aud": f"{service.scheme}://{service.netloc}",
            "exp": int((now + SIGNED_FOR).timestamp()),
            "sub": public_url if public_url.startswith("https://") else f"mailto:allo@{host}",
        },
        keys.private,
        algorithm="ES256",
    )
    return f"vapid t={token}, k={keys.public}"


def _seconds(header: str) -> timedelta | None:
    return (
        timedelta(seconds=min(int(header), 86400))
        if header.isdecimal() and len(header) < 9
        else None
    )


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
