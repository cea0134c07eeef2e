"""Builds a process out of parts, in the order in which they start; leaving unwinds in reverse.

    settings ─▶ database (our own or theirs) ─▶ schema, first installation ─▶ broker, media, accounts ─▶ roles ─▶ HTTP

    connectors   webhooks, polling, listeners, the site chat; the edge that makes what comes durable
    router       shards, routed batch by batch
    workers      relay, delivery, files, recorder, timers, the dead
    inbox        pages, API, live

The only module that knows all the parts. Stopping: HTTP and listeners take no more, the edge empties itself, the router
finishes its batches, replies on their way arrive, then everything closes.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import structlog
from aiohttp import web

from connectors.channel_log import ChannelLog
from connectors.connector import Surroundings
from connectors.polling import Polling
from connectors.registry import discover
from connectors.site_script import SiteScript
from connectors.tracked_links import TrackedLinks
from connectors.webhook import Webhooks
from inbox.api.routes import api_routes
from inbox.app import inbox_routes
from inbox.live_hub import LiveHub
from inbox.surroundings import Surroundings as InboxSurroundings
from router.facts import Fact, MediaWanted, MessageQueued
from router.transit import BrokerDown
from storage.call_numbers import KeptNumbers
from storage.channel_log import ChannelLogWriter
from storage.cursors import Cursors
from storage.desk import Desk
from storage.notifications import Notifications
from storage.outbox import OUTBOX_CHANNEL
from storage.threads import Threads
from storage.tracked_links import KeptLinks
from workers import garbage
from workers.announce_typing import AnnounceTyping
from workers.broker import Broker
from workers.call_desk import Telephone
from workers.callers import KnownCallers
from workers.channel_desk import Channels
from workers.clock import utc_now
from workers.dead_letter_desk import DeadLetters
from workers.deliver import Deliverer
from workers.digests import Digests
from workers.edge import Edge
from workers.fetch_media import MediaFetcher
from workers.foundation import Found, Foundation, database, foundation
from workers.founding import found_installation
from workers.gestures import Gestures
from workers.health import health_routes
from workers.holding import hold
from workers.hooks import Hooks
from workers.introduce import Introductions
from workers.notify import Notifier
from workers.poll_ports import AccountConditions, PollLeases
from workers.pull_spend import SpendPuller
from workers.push import Pusher
from workers.read_marks import ReadMarks
from workers.reckon import Reckoner
from workers.record import Recorder
from workers.relay import Relay
from workers.route import Router
from workers.settings import Role, Settings
from workers.show_typing import ShowTyping
from workers.site import open_site, probes
from workers.spend_desk import Spend
from workers.spool import Spool
from workers.supervisor import Job, leaves, patiently, pause, signals
from workers.telemetry import POLL_ERRORS, QUEUE_DEPTH, EdgeCounts, set_up_logging
from workers.timers import Timers
from workers.topology import INBOUND
from workers.undertaker import Undertaker
from workers.webhook_desk import Webhooks as WebhookDesk

log = structlog.get_logger()

WATCHDOG_S: Final = 90.0
"""Longer than a reply's 45 s and the HTTP shutdown together; what is not done by then hangs."""

DEPTH_EVERY_S: Final = 5.0
INBOUND_LIMIT: Final = 100_000
"""Broker messages waiting to be routed, beyond which platforms are asked to come again later."""


Beside = Callable[[Foundation, asyncio.Event], Coroutine[Any, Any, None]]


async def serve(
    settings: Settings,
    roles: Sequence[Role],
    *,
    started: Callable[[], None] | None = None,
    found: Found = found_installation,
    beside: Beside | None = None,
) -> None:
    """Runs the roles until SIGTERM. `started` is called when everything is up; then `beside` runs with them."""
    set_up_logging(settings.log, settings.log_level)
    try:
        async with (
            signals() as stop,
            database(settings) as url,
            foundation(settings, url, found) as base,
        ):
            await _run(base, roles, stop, started, beside)
    except BaseExceptionGroup as errors:
        # The first reason is the one to tell: the rest went down with it.
        raise next(leaves(errors)) from errors


async def _run(
    base: Foundation,
    roles: Sequence[Role],
    stop: asyncio.Event,
    started: Callable[[], None] | None,
    beside: Beside | None,
) -> None:
    jobs: dict[str, Job] = {"accounts": base.accounts.run, "ear": base.ear.run}
    routes: list[web.RouteDef] = []
    stopping: list[Callable[[], None]] = []
    async with AsyncExitStack() as stack:
        if "connectors" in roles:
            await _connectors(base, jobs, routes, stack)
        if "router" in roles:
            jobs["router"] = Router(
                engine=base.engine,
                broker=base.broker,
                now=utc_now,
                holder=base.holder,
                receive_only=_receive_only(),
            ).run
        if "workers" in roles:
            _workers(base, jobs)
        if "inbox" in roles:
            stopping.append(_inbox(base, jobs, routes).close)
        late = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for name, job in jobs.items():
                # The edge goes on until those that feed it are gone.
                group.create_task(patiently(name, job, late if name == "edge" else stop), name=name)
            site = await open_site(base, [*routes, *health_routes(probes(base))], stopping=stopping)
            garbage.settle()
            log.info("serving", roles=list(roles), address=base.settings.http)
            if started is not None:
                started()
            if beside is not None:
                group.create_task(patiently("beside", partial(beside, base), stop), name="beside")
            await stop.wait()
            asyncio.get_running_loop().call_later(WATCHDOG_S, _hangs)
            await site.cleanup()
            late.set()


async def _connectors(
    base: Foundation, jobs: dict[str, Job], routes: list[web.RouteDef], stack: AsyncExitStack
) -> None:
    settings, connectors = base.settings, discover()
    edge = Edge(
        broker=base.broker, media=base.media, now=utc_now, heard_from=base.accounts.heard_from
    )
    threads = Threads(base.engine, now=utc_now)
    writer = ChannelLogWriter(base.engine)
    channel_log = ChannelLog(sink=writer, now=utc_now)
    counts = EdgeCounts()
    spool = Spool(
        settings.spool_dir,
        edge=edge,
        now=utc_now,
        heard_from=base.accounts.heard_from,
        rests=base.accounts.rests,
    )
    await spool.open()
    stack.push_async_callback(spool.close)
    surroundings = Surroundings(
        accounts=base.accounts,
        intake=edge,
        threads=threads,
        media=base.media,
        now=utc_now,
        secret=settings.secret,
        public_url=settings.base_url,
        listen={"smtp": settings.smtp_listen},
        resting=base.accounts.resting_of_kind,
    )
    webhooks = Webhooks(
        connectors=connectors,
        accounts=base.accounts,
        intake=edge,
        now=utc_now,
        counts=counts,
        log=channel_log,
        spool=spool,
        resting=base.accounts.resting,
        callers=KnownCallers(base.engine),
    )
    routes += webhooks.routes()
    for connector in connectors.values():
        if connector.routes is not None:
            routes += connector.routes(surroundings)
    routes += TrackedLinks(
        links=KeptLinks(base.engine), connectors=connectors, now=utc_now
    ).routes()
    routes += SiteScript(
        numbers=KeptNumbers(base.engine), now=utc_now, public_url=settings.base_url
    ).routes()

    base.ear.tell(lambda fact: _hint(threads, fact))
    polling = Polling(
        connectors=connectors,
        accounts=base.accounts,
        intake=edge,
        leases=PollLeases(engine=base.engine, holder=base.holder),
        cursors=Cursors(base.engine, now=utc_now),
        conditions=AccountConditions(engine=base.engine, now=utc_now),
        counts=counts,
        log=channel_log,
        http=base.http,
        chance=random.random,
        failed=lambda kind, family: POLL_ERRORS.labels(kind, family).inc(),
    )

    jobs["edge"] = _edge_job(base, edge)
    jobs["spool"] = spool.run
    jobs["channel log"] = _log_job(writer)
    jobs["polling"] = _until(polling.run)
    jobs["threads"] = _until(threads.keep_watch)
    for connector in connectors.values():
        if connector.listen is not None:
            await stack.enter_async_context(connector.listen(surroundings))
    stack.callback(threads.close)


def _hint(threads: Threads, fact: Fact | None) -> None:
    """A visitor who has the chat open may have something to read."""
    if fact is None:
        threads.hint_all()
    elif fact.account is not None and fact.conversation is not None:
        threads.hint(fact.account, fact.conversation)


def _edge_job(base: Foundation, edge: Edge) -> Job:
    """The edge, and the look at the queues that makes it refuse before they are endless."""

    async def run(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(edge.run())
            while not await pause(stop, DEPTH_EVERY_S):
                try:
                    depth = sum([await base.broker.depth(queue) for queue in INBOUND])
                except BrokerDown:
                    continue  # publishing says so itself
                QUEUE_DEPTH.labels("inbound").set(depth)
                edge.refuses = (
                    f"{depth} messages wait to be routed" if depth > INBOUND_LIMIT else ""
                )
            edge.close()

    return run


def _log_job(writer: ChannelLogWriter) -> Job:
    async def run(stop: asyncio.Event) -> None:
        while not await pause(stop, 1.0):
            await writer.flush()
        await writer.flush()

    return run


async def _why_full(broker: Broker) -> str:
    """Why nothing more should be taken at the moment; "" when it should."""
    try:
        depth = sum([await broker.depth(queue) for queue in INBOUND])
    except BrokerDown:
        # Whoever publishes is told so; the events under way must not be left without an answer for it.
        return ""
    QUEUE_DEPTH.labels("inbound").set(depth)
    return f"{depth} messages wait to be routed" if depth > INBOUND_LIMIT else ""


def _workers(base: Foundation, jobs: dict[str, Job]) -> None:
    connectors = discover()
    relay = Relay(engine=base.engine, broker=base.broker)
    writer = ChannelLogWriter(base.engine)
    deliverer = Deliverer(
        engine=base.engine,
        connectors=connectors,
        accounts=base.accounts,
        media=base.media,
        http=base.http,
        now=utc_now,
        holder=base.holder,
        log=ChannelLog(sink=writer, now=utc_now),
    )
    fetcher = MediaFetcher(
        engine=base.engine,
        connectors=connectors,
        accounts=base.accounts,
        media=base.media,
        http=base.http,
        now=utc_now,
    )
    gestures = Gestures(connectors=connectors, accounts=base.accounts, http=base.http)
    introductions = Introductions(
        engine=base.engine,
        connectors=connectors,
        accounts=base.accounts,
        broker=base.broker,
        http=base.http,
        now=utc_now,
    )
    read_marks = ReadMarks(
        engine=base.engine, connectors=connectors, accounts=base.accounts, http=base.http
    )
    typing = ShowTyping(
        engine=base.engine,
        connectors=connectors,
        accounts=base.accounts,
        http=base.http,
        now=utc_now,
        elapsed=time.monotonic,
    )

    notifier = Notifier(engine=base.engine, now=utc_now, time_zone=base.settings.time_zone)
    pusher = Pusher(
        engine=base.engine,
        sealer=base.sealer,
        now=utc_now,
        public_url=base.settings.base_url,
        time_zone=base.settings.time_zone,
        language=base.settings.language,
    )
    digests = Digests(
        engine=base.engine,
        connectors=connectors,
        accounts=base.accounts,
        http=base.http,
        now=utc_now,
        public_url=base.settings.base_url,
        time_zone=base.settings.time_zone,
        language=base.settings.language,
    )
    hooks = Hooks(
        engine=base.engine,
        sealer=base.sealer,
        now=utc_now,
        chance=random.random,
        private=base.settings.webhooks_private,
    )

    def hear(fact: Fact | None) -> None:
        if fact is None or isinstance(fact, MessageQueued):
            deliverer.wake()
        if fact is None or isinstance(fact, MediaWanted):
            fetcher.wake()
        gestures.hear(fact)
        introductions.hear(fact)
        read_marks.hear(fact)
        typing.hear(fact)
        notifier.hear(fact)
        pusher.hear(fact)
        hooks.hear(fact)

    base.ear.tell(hear)
    alone: dict[str, Job] = {
        "relay": _woken(base, relay),
        "timers": Timers(
            engine=base.engine, now=utc_now, media=base.media, receive_only=_receive_only()
        ).run,
        "recorder": Recorder(
            engine=base.engine,
            broker=base.broker,
            now=utc_now,
            time_zone=base.settings.time_zone,
        ).run,
        "reckoner": Reckoner(
            engine=base.engine, now=utc_now, time_zone=base.settings.time_zone
        ).run,
        "undertaker": Undertaker(engine=base.engine, broker=base.broker, now=utc_now).run,
        "introductions": introductions.run,
        "read marks": read_marks.run,
        "typing": typing.run,
        "notices": notifier.run,
        "push": pusher.run,
        "digests": digests.run,
        "webhooks": hooks.run,
    }

    async def work(name: str, end: asyncio.Event) -> None:
        await alone[name](end)

    async def run_alone(stop: asyncio.Event) -> None:
        await hold(
            base.engine,
            group="alone",
            names=lambda: list(alone),
            holder=base.holder,
            work=work,
            stop=stop,
        )

    jobs["alone"] = run_alone
    jobs["delivery log"] = _log_job(writer)
    jobs["deliverer"] = deliverer.run
    jobs["media"] = fetcher.run
    jobs["gestures"] = gestures.run
    jobs["spend"] = SpendPuller(
        engine=base.engine, sealer=base.sealer, now=utc_now, chance=random.random
    ).run


def _inbox(base: Foundation, jobs: dict[str, Job], routes: list[web.RouteDef]) -> LiveHub:
    hub = LiveHub(listen=base.broker.listen)
    desk = Desk(base.engine, now=utc_now, media=base.media, receive_only=_receive_only())
    telephone = Telephone(
        engine=base.engine,
        connectors=discover(),
        accounts=base.accounts,
        http=base.http,
        now=utc_now,
    )
    dead_letters = DeadLetters(engine=base.engine, broker=base.broker, now=utc_now)
    channels = Channels(
        engine=base.engine, sealer=base.sealer, base_url=base.settings.base_url, now=utc_now
    )
    webhooks = WebhookDesk(
        engine=base.engine,
        sealer=base.sealer,
        now=utc_now,
        private=base.settings.webhooks_private,
    )
    spend = Spend(engine=base.engine, sealer=base.sealer, now=utc_now)
    typing = AnnounceTyping(broker=base.broker, now=utc_now)
    jobs["typing announced"] = typing.run
    base.ear.tell(hub.hear_fact)
    routes += inbox_routes(
        InboxSurroundings(
            engine=base.engine,
            desk=desk,
            dead_letters=dead_letters,
            channels=channels,
            media=base.media,
            hub=hub,
            telephone=telephone,
            typing=typing,
            webhooks=webhooks,
            spend=spend,
            now=utc_now,
            secret=base.settings.secret,
            public_url=base.settings.base_url,
            smtp_listen=base.settings.smtp_listen,
            time_zone=base.settings.time_zone,
            language=base.settings.language,
        )
    )
    routes += api_routes(
        engine=base.engine,
        desk=desk,
        dead_letters=dead_letters,
        channels=channels,
        media=base.media,
        hub=hub,
        telephone=telephone,
        webhooks=webhooks,
        now=utc_now,
        version=version("allo"),
        time_zone=base.settings.time_zone,
    )
    return hub


def _receive_only() -> frozenset[str]:
    """Kinds of channels in which nobody can be written to."""
    return frozenset(kind for kind, each in discover().items() if each.send is None)


def _woken(base: Foundation, relay: Relay) -> Job:
    """The relay, woken by the database's own notifications: in any mode the outbox is there."""

    async def run(stop: asyncio.Event) -> None:
        notifications = Notifications(
            base.engine.url, channels=(OUTBOX_CHANNEL,), jitter=random.random
        )
        with notifications.subscribed(OUTBOX_CHANNEL, relay.wake):
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(notifications.keep_listening())
                await relay.run(stop)
                listening.cancel()

    return run


def _until(run: Callable[[], Coroutine[Any, Any, None]]) -> Job:
    """A job out of something that runs until it is cancelled."""

    async def job(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(run())
            stopping = group.create_task(stop.wait())
            await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
            running.cancel()
            stopping.cancel()

    return job


def _hangs() -> None:
    log.error("stopping_hangs", seconds=WATCHDOG_S)
    os._exit(1)
