"""Webhooks: `/hooks/{hook}/{slug}`, where platforms push what happened.

For each request, in this order: whose account it is, how long the body is (bounded while it is read, however it
comes), whether the origin is proved (`Connector.receive`, before it parses), what it says, that it is durable
(`Intake.accept`), and only then the answer. A platform that gets no 2xx comes again; so a 2xx is a promise.

Some platforms do not come again (`Connector.comes_again`: telephony, mail hooks, landing pages). What they bring while the
broker is away is kept on this machine's disk (`Spool`) and answered as usual; it goes on when the broker is back.

A paused account (or one that was stopped) takes nothing: a platform that comes again is told 503 and a longer wait (Telegram
keeps an update for 24 hours, WhatsApp for 7 days, VK repeats by Retry-After), for one that does not the spool keeps it until
the account is resumed. Handshakes are answered all the same, so that a platform does not take the address for dead.

Here, and nowhere else, is decided what a platform is told when something is wrong:

    404   no such account, or not one that has webhooks; the same for all, so that slugs cannot be guessed by it
    405   neither GET nor POST
    408   the body did not come in time
    413   the body is larger than the platform's largest
    401   no proof of origin    403   a wrong one    400   proved, and yet not what the platform sends
    503   nothing could be made durable now, or the account is paused: come again, after Retry-After seconds
    500   a mistake of ours, logged; the platform comes again, and by then we may be mended

A platform that asks who calls (`Received.enquiry`) has a caller waiting: it is answered within `ENQUIRY_BUDGET`, with what
is known by then. Its events are made durable meanwhile; what is not by then is kept here and tried again, since a platform
that was answered does not come again.

A request that went well is not logged and costs nothing that can be left out: this is the hot path.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol

import structlog
from aiohttp import web

from connectors.channel_log import ChannelLog
from connectors.connector import (
    Account,
    Accounts,
    Answer,
    Caller,
    Callers,
    Connector,
    Enquiry,
    Incoming,
    Intake,
    NotDurable,
    Received,
    Request,
)
from connectors.errors import Malformed, ReceiveError, TooLarge, Unverified

log = structlog.get_logger()

BODY_DEADLINE: Final = 30.0
"""Seconds for the whole body. The slowest platforms give up on us after as many."""

RETRY_AFTER: Final = "5"
"""Seconds until a platform should come again: a broker that restarts is back by then, and no queue has grown long."""

PAUSED_RETRY_AFTER: Final = "300"
"""Seconds. Telegram heeds up to 3600, VK up to 3 hours; what was resumed is heard of within five minutes."""

SPOOL_AFTER: Final = 3.0
"""Seconds for the broker, where nobody comes again: telephony gives up on us after 5 (Mango, Zadarma)."""

BIG: Final = 256 * 1024
"""Bytes from which a body is read in a thread: below, the thread costs more than the reading."""

ENQUIRY_BUDGET: Final = 0.25
"""Seconds. Exchanges route by their default after about one; what is left of it is the network's."""

ENQUIRIES: Final = 8
"""Look-ups under way at most. When the database hangs, more of them would find out no more."""

KEPT: Final = 1000
KEPT_FOR: Final = 600.0
"""Answered requests whose events wait for the broker here, and seconds for which each is tried again."""

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Counts(Protocol):
    """What is counted, by kind of channel."""

    def received(self, kind: str) -> None: ...

    def refused(self, kind: str, status: int) -> None: ...

    def ignored(self, kind: str, reason: str) -> None:
        """`reason` is one of a few names: labels of a metric must not be made by who sends."""


class Spool(Protocol):
    """Where what nobody would bring again waits for the broker."""

    async def keep(
        self, account: Account, incoming: Sequence[Incoming], *, received_at: datetime
    ) -> None:
        """Returns once it is on the disk. Raises NotDurable when it cannot be."""


def _nobody(slug: str) -> Account | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """The handler, and what it stands on."""

    connectors: Mapping[str, Connector]
    accounts: Accounts
    intake: Intake
    now: Callable[[], datetime]
    counts: Counts
    log: ChannelLog
    spool: Spool | None = None
    resting: Callable[[str], Account | None] = _nobody
    """The account of this slug when it is paused or was stopped."""
    callers: Callers | None = None
    _asking: "set[asyncio.Future[Caller | None]]" = field(default_factory=set, init=False)
    _keeping: "set[asyncio.Future[None]]" = field(default_factory=set, init=False)

    def routes(self) -> Sequence[web.RouteDef]:
        return (
            web.route("*", "/hooks/{hook}/{slug}", self.handle),
            web.route("*", "/hooks/{hook}/{slug}/{path:.*}", self.handle),
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        where = request.match_info
        slug = where["slug"]
        account = self.accounts.find(slug)
        resting = self.resting(slug) if account is None else None
        # A channel may push its first event before the list in memory has heard of it.
        account = account or resting or await self.accounts.look_up(slug)
        connector = self.connectors.get(account.kind) if account is not None else None
        if (
            account is None
            or connector is None
            or connector.receive is None
            or connector.hook != where["hook"]
        ):
            self.counts.refused("", 404)
            return web.Response(status=404)
        response = await self._answered(request, account, connector, rests=resting is not None)
        if connector.cors is not None:
            response.headers.update(connector.cors(account, request.headers))
        return response

    async def _answered(
        self, request: web.Request, account: Account, connector: Connector, *, rests: bool
    ) -> web.Response:
        assert connector.receive is not None  # noqa: S101  # `handle` has looked
        if request.method == "OPTIONS" and connector.cors is not None:
            return web.Response(status=204)
        if request.method not in {"POST", "GET"}:
            self.counts.refused(connector.kind, 405)
            return web.Response(status=405, headers={"Allow": "GET, POST"})
        received_at = self.now()
        try:
            body = await _read(request, connector.body_limit)
            asked = Request(
                method=request.method,
                headers=request.headers,
                body=body,
                query=request.query if request.query_string else _NOTHING,
                path=request.match_info.get("path", ""),
                target=request.raw_path,
                remote=request.remote or "",
                received_at=received_at,
            )
            if len(body) < BIG:
                received = connector.receive(account, asked)
            else:
                received = await asyncio.to_thread(connector.receive, account, asked)
            if received.enquiry is not None:
                answer = await self._answer_enquiry(
                    account, connector, received, received.enquiry, received_at, rests=rests
                )
            else:
                if received.incoming:
                    await self._keep(
                        account, connector, received.incoming, received_at, rests=rests
                    )
                answer = received.answer
        except ReceiveError as error:
            return self._refuse(account, connector, error)
        except NotDurable:
            self.counts.refused(connector.kind, 503)
            again = PAUSED_RETRY_AFTER if rests else RETRY_AFTER
            return web.Response(status=503, headers={"Retry-After": again})
        except TimeoutError:
            self.counts.refused(connector.kind, 408)
            return _closing(web.Response(status=408))
        except Exception:  # counted, and rises
            self.counts.refused(connector.kind, 500)
            raise
        self._count(connector.kind, received)
        return _answer(answer)

    async def _answer_enquiry(
        self,
        account: Account,
        connector: Connector,
        received: Received,
        enquiry: Enquiry,
        received_at: datetime,
        *,
        rests: bool,
    ) -> Answer:
        """Who calls, as far as it is found out in time; the events become durable meanwhile, or in their own time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + ENQUIRY_BUDGET
        keeping: asyncio.Future[None] | None = None
        if received.incoming and len(self._keeping) < KEPT:
            keeping = asyncio.ensure_future(
                self._keep_in_its_own_time(
                    account, connector, received.incoming, received_at, rests=rests
                )
            )
            self._keeping.add(keeping)
            keeping.add_done_callback(self._keeping.discard)
        elif received.incoming:
            self._lost(account, connector, "too many events wait for the broker already")
        caller = await self._who_calls(account, connector, enquiry.phone)
        if keeping is not None:
            await asyncio.wait((keeping,), timeout=max(0.0, until - loop.time()))
        return enquiry.answer(caller)

    async def _who_calls(self, account: Account, connector: Connector, phone: str) -> Caller | None:
        if self.callers is None or len(self._asking) >= ENQUIRIES:
            return None
        asking = asyncio.ensure_future(self.callers.who_calls(account, phone))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        await asyncio.wait((asking,), timeout=ENQUIRY_BUDGET)
        if not asking.done():
            # Not waited for: giving up a query that hangs may itself take long.
            asking.cancel()
            why = "not found out in time"
        elif (error := asking.exception()) is None:
            return asking.result()
        else:
            why = repr(error)[:300]
        self.log.note(account, connector, "who calls", direction="in", level="warning", detail=why)
        return None

    async def _keep_in_its_own_time(
        self,
        account: Account,
        connector: Connector,
        incoming: Sequence[Incoming],
        received_at: datetime,
        *,
        rests: bool,
    ) -> None:
        """Of a platform that has been answered already: what cannot be kept now is tried again here."""
        loop = asyncio.get_running_loop()
        until = loop.time() + KEPT_FOR
        while True:
            try:
                await self._keep(account, connector, incoming, received_at, rests=rests)
            except NotDurable as error:
                if loop.time() > until:
                    self._lost(account, connector, str(error))
                    return
            else:
                return
            await asyncio.sleep(float(RETRY_AFTER))

    def _lost(self, account: Account, connector: Connector, why: str) -> None:
        self.log.note(
            account, connector, "report lost", direction="in", level="error", detail=why[:300]
        )

    async def _keep(
        self,
        account: Account,
        connector: Connector,
        incoming: Sequence[Incoming],
        received_at: datetime,
        *,
        rests: bool,
    ) -> None:
        """Durable when it returns. Raises NotDurable."""
        if connector.comes_again or self.spool is None:
            if rests:
                raise NotDurable("the account is paused")
            await self.intake.accept(account, incoming)
            return
        if not rests:
            try:
                async with asyncio.timeout(SPOOL_AFTER):
                    await self.intake.accept(account, incoming)
            except (NotDurable, TimeoutError):
                # Where it hangs it may arrive all the same, and then twice: its key makes that harmless.
                pass
            except Exception:
                # Logged, and spooled below: whatever is wrong with us, nobody would bring it again.
                log.exception("intake_failed", account=account.slug)
            else:
                return
        await self.spool.keep(account, incoming, received_at=received_at)

    def _count(self, kind: str, received: Received) -> None:
        for _ in received.incoming:
            self.counts.received(kind)
        for reason in received.ignored:
            self.counts.ignored(kind, reason.partition(":")[0])

    def _refuse(self, account: Account, connector: Connector, error: ReceiveError) -> web.Response:
        # The reason goes to our log only: told to a forger, it would help the next attempt.
        status = _status(error)
        self.counts.refused(connector.kind, status)
        self.log.note(
            account,
            connector,
            "request refused",
            direction="in",
            level="warning",
            detail=f"{status}: {error}",
        )
        response = web.Response(status=status)
        return _closing(response) if status == 413 else response


def _status(error: ReceiveError) -> int:
    match error:
        case Unverified(missing=True):
            return 401
        case Unverified():
            return 403
        case TooLarge():
            return 413
        case Malformed():
            return 400
        case _:
            return 400


def _answer(answer: Answer) -> web.Response:
    if not answer.body:
        return web.Response(status=answer.status, headers=answer.headers)
    return web.Response(
        status=answer.status,
        body=answer.body,
        headers={**answer.headers, "Content-Type": answer.content_type},
    )


def _closing(response: web.Response) -> web.Response:
    """What is left of the body is not read, so nothing else can follow on this connection."""
    response.force_close()
    return response


async def _read(request: web.Request, limit: int) -> bytes:
    """The body, at most `limit` bytes after decompression. Raises TooLarge, Malformed, TimeoutError."""
    if (request.content_length or 0) > limit:
        raise TooLarge(f"{request.content_length} bytes announced, {limit} allowed")
    stream = request.content
    if stream.is_eof():
        # Nearly always: the body came with the headers, and there is nothing to wait for.
        body = stream.read_nowait()
        if len(body) > limit:
            raise TooLarge(f"{len(body)} bytes, {limit} allowed")
        return body
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_DEADLINE):
            async for piece in stream.iter_any():
                size += len(piece)
                if size > limit:
                    raise TooLarge(f"more than {limit} bytes")
                pieces.append(piece)
    except (web.RequestPayloadError, ConnectionResetError) as error:
        raise Malformed("not compressed or cut as it says") from error
    return b"".join(pieces)
