"""What the router must know of accounts and pipelines: small, rarely changed, kept in memory for a moment."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.records import AccountPolicy, Pipeline, Stage
from router.world import World

_FRESH: Final = timedelta(seconds=2)

_ACCOUNTS = text(
    "select id, kind as channel, slug, team_id, lead_policy, region, language, silence_minutes, silence_moves,"
    " callback_minutes from account"
)
_PIPELINE = text(
    "select p.id, p.currency, s.id as stage, s.name, s.kind, s.position, s.task_text, s.task_minutes"
    " from pipeline p join stage s on s.pipeline_id = p.id"
    " where p.position = (select min(position) from pipeline) order by s.position"
)
_EXTENSIONS = text(
    "select extension, id from user_account where extension <> '' and disabled_at is null"
)
_MERGING = text("select value from setting where name = 'merge_policy'")


class Policies:
    """The accounts' policies, the default pipeline, who has which extension. A change is seen within two seconds.

    `receive_only` are the kinds of channels that cannot carry a written answer.
    """

    def __init__(self, *, receive_only: frozenset[str] = frozenset()) -> None:
        self._receive_only = receive_only
        self._extensions: dict[str, UUID] = {}
        self._accounts: dict[UUID, AccountPolicy] = {}
        self._pipeline: Pipeline | None = None
        self._ask = False
        self._read_at: datetime | None = None

    async def give(self, connection: AsyncConnection, world: World, accounts: set[UUID]) -> None:
        """Puts what is known into the world; reads it again when it is old, or an account is not known."""
        stale = self._read_at is None or world.now - self._read_at > _FRESH
        if stale or not accounts <= self._accounts.keys():
            await self._read(connection)
            self._read_at = world.now
        world.accounts = self._accounts
        world.pipeline = self._pipeline
        world.extensions = self._extensions
        world.ask_before_merge = self._ask

    async def _read(self, connection: AsyncConnection) -> None:
        rows = (await connection.execute(_ACCOUNTS)).mappings()
        self._accounts = {
            row["id"]: AccountPolicy(**row, sends=row["channel"] not in self._receive_only)
            for row in rows
        }
        colleagues = await connection.execute(_EXTENSIONS)
        self._extensions = {row.extension: row.id for row in colleagues}
        stages = (await connection.execute(_PIPELINE)).all()
        self._pipeline = (
            Pipeline(
                id=stages[0].id,
                currency=stages[0].currency,
                stages=tuple(
                    Stage(
                        id=row.stage,
                        name=row.name,
                        kind=row.kind,
                        position=row.position,
                        task_text=row.task_text,
                        task_minutes=row.task_minutes,
                    )
                    for row in stages
                ),
            )
            if stages
            else None
        )
        self._ask = (await connection.execute(_MERGING)).scalar_one_or_none() == "ask"
