"""How a command reaches the installation: the same database as `allo serve` beside it, or the embedded one for a moment."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.embedded import shared_postgres
from storage.engine import migrate, open_engine, schema_revision
from storage.queue import PostgresBroker
from storage.sealing import Sealer
from workers.broker import Broker
from workers.channel_desk import Channels
from workers.cli.failures import Failed
from workers.clock import Clock, utc_now
from workers.founding import found_installation
from workers.settings import Settings, load_settings
from workers.topology import ATTEMPTS, DEAD

T = TypeVar("T")


def quiet_log() -> None:
    """Standard output is the answer's; of the parts a command uses only warnings are told, on standard error."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@asynccontextmanager
async def database(settings: Settings) -> AsyncGenerator[str]:
    """The URL of the installation's database, up while the context lasts."""
    quiet_log()
    if settings.database_url:
        yield settings.database_url
    else:
        async with shared_postgres(settings.postgres_dir) as url:
            yield url


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a command works on."""

    settings: Settings
    url: str
    engine: AsyncEngine
    now: Clock = utc_now

    @property
    def channels(self) -> Channels:
        return Channels(
            engine=self.engine,
            sealer=Sealer(self.settings.secret),
            base_url=self.settings.base_url,
            now=self.now,
        )

    @asynccontextmanager
    async def broker(self) -> AsyncGenerator[Broker]:
        """The one that `allo serve` uses."""
        if self.settings.broker_url:
            from workers.rabbitmq import RabbitBroker  # noqa: PLC0415  # most commands need no broker

            async with RabbitBroker(
                self.settings.broker_url, prefix=self.settings.broker_prefix, name="allo command"
            ) as rabbit:
                yield rabbit
        else:
            async with PostgresBroker(self.engine, dead=DEAD, attempts=ATTEMPTS) as queue:
                yield queue


@asynccontextmanager
async def installation(settings: Settings) -> AsyncGenerator[Installation]:
    """Whatever the state of its schema."""
    async with database(settings) as url:
        engine = open_engine(url, pool_size=2, application="allo command")
        try:
            yield Installation(settings=settings, url=url, engine=engine)
        finally:
            await engine.dispose()


@asynccontextmanager
async def records(settings: Settings) -> AsyncGenerator[Installation]:
    """With its schema up to date. The embedded database is brought up to date; one's own is left to `allo migrate`."""
    async with installation(settings) as here:
        there, newest = await reached(schema_revision(here.engine))
        if there != newest:
            if not settings.embedded:
                raise Failed(
                    f"The database's schema is {there or 'empty'}, and this Allo needs {newest}: run `allo migrate`."
                )
            await migrate(here.engine)
        first = await found_installation(here.engine, settings=settings, now=here.now)
        if first is not None:
            click.echo(
                f"This installation is new: its first administrator is {first.email}, one-time password {first.password}",
                err=True,
            )
        yield here


def in_records(story: Callable[[Installation], Coroutine[Any, Any, T]]) -> T:
    """Runs `story` on the installation's records."""
    settings = load_settings()

    async def whole() -> T:
        async with records(settings) as here:
            return await story(here)

    return asyncio.run(whole())


async def reached(first_question: Coroutine[Any, Any, T]) -> T:
    """The answer to the first thing asked of the database, or a sentence about why there is none."""
    try:
        return await first_question
    except (OSError, TimeoutError) as error:
        raise Failed(
            f"The database cannot be reached ({error}). Does it run, and is ALLO_DATABASE_URL right?"
        ) from error
