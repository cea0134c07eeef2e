"""What all of the desk stands on: the transaction around a conversation, its being tried again, and the audit line."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random

from router.asking import NotFound
from router.ids import new_id
from router.records import Conversation
from router.world import World
from storage import bulk, erasure, tables
from storage.audit import WHENCE
from storage.colleagues_loading import load_colleagues
from storage.policies import Policies
from storage.waiting_room import hand_out_queues
from storage.world import is_conflict
from storage.world_loading import load_contacts, load_conversations, load_touches
from storage.world_saving import save

P = ParamSpec("P")
T = TypeVar("T")
G = TypeVar("G", bound="Ground")

_ATTEMPTS: Final = 6


def again_on_conflict(
    method: Callable[Concatenate[G, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[G, P], Coroutine[Any, Any, T]]:
    """Two transactions met: the whole of it once more, on what is there now."""

    @wraps(method)
    async def tried(self: G, *args: P.args, **kwargs: P.kwargs) -> T:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(
                lambda error: isinstance(error, DBAPIError) and is_conflict(error)
            ),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random(0.005, 0.05),
            reraise=True,
        ):
            with attempt:
                return await method(self, *args, **kwargs)
        raise AssertionError("tenacity raises or returns")

    return tried  # type: ignore[return-value]  # `wraps` gives `self` a name, which Concatenate has not


class Ground:
    def __init__(
        self,
        engine: AsyncEngine,
        *,
        now: Callable[[], datetime],
        media: erasure.Files,
        receive_only: frozenset[str] = frozenset(),
    ) -> None:
        self.engine = engine
        self.now = now
        self.media = media
        self.policies = Policies(receive_only=receive_only)

    @asynccontextmanager
    async def world(
        self,
        conversation: UUID,
        *,
        by: UUID | None,
        managers: set[UUID] | None = None,
        teams: set[UUID] | None = None,
        then: Callable[[AsyncConnection, World], Awaitable[None]] | None = None,
    ) -> AsyncGenerator[tuple[AsyncConnection, World, Conversation]]:
        """The world around a conversation, locked; saved and committed on leaving. `then`: what follows from the saved."""
        async with self.engine.begin() as connection:
            world = World(now=self.now())
            found = (
                await connection.execute(
                    text(
                        "select c.account_id, c.contact_id, a.team_id as account_team"
                        " from conversation c join account a on a.id = c.account_id where c.id = :id"
                    ),
                    {"id": conversation},
                )
            ).one_or_none()
            if found is None:
                raise NotFound("There is no such conversation.")
            await self.policies.give(connection, world, {found.account_id})
            await load_contacts(connection, world, {found.contact_id})
            await load_conversations(connection, world, [conversation])
            await load_touches(connection, world)
            await load_colleagues(
                connection,
                world,
                teams={*(teams or ()), found.account_team},
                managers={*(managers or ()), by},
            )
            yield connection, world, world.conversations[conversation]
            await save(connection, world)
            if then is not None:
                await then(connection, world)

    async def hand_out(self) -> None:
        """Somebody may be able to take what waits. The timer looks too; this only makes it at once."""
        async with self.engine.begin() as connection:
            await hand_out_queues(connection, policies=self.policies, now=self.now())

    async def audit(
        self,
        connection: AsyncConnection,
        by: UUID | None,
        what: str,
        kind: str,
        object_id: UUID,
        *,
        before: Any = None,
        after: Any = None,
    ) -> None:
        await bulk.insert(
            connection,
            tables.audit,
            (
                "id",
                "user_id",
                "what",
                "object_kind",
                "object_id",
                "remote",
                "before",
                "after",
                "at",
            ),
            [
                {
                    "id": new_id(),
                    "user_id": by,
                    "what": what,
                    "object_kind": kind,
                    "object_id": object_id,
                    "remote": WHENCE.get()[:100],
                    "before": before,
                    "after": after,
                    "at": self.now(),
                }
            ],
        )


async def load_contacts_or_refuse(
    connection: AsyncConnection, world: World, ids: set[UUID]
) -> None:
    try:
        await load_contacts(connection, world, ids)
    except LookupError as error:
        raise NotFound("There is no such contact.") from error
