"""What a person does with what could not be processed: put it back where it failed, or close it.

A replay marks the letters and publishes them inside one transaction that commits last: the broker being away leaves
them open, and dying between the two publishes them again later, which their keys make harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from inbox.desk import NotFound, Refused
from storage.audit import write_audit
from storage.dead_letters import close_for_replay, drop_letters, find_letter, open_letters
from storage.engine import transaction
from workers.broker import Broker, Publication
from workers.clock import Clock

BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Implements inbox.dead_letter_desk.DeadLetterDesk."""

    engine: AsyncEngine
    broker: Broker
    now: Clock

    async def replay(self, letter: UUID, *, by: UUID | None) -> None:
        """Raises NotFound, Refused, BrokerDown."""
        if not await self._replay([letter], by=by):
            await self._explain(letter)

    async def replay_all(self, *, by: UUID | None) -> int:
        """Every letter that is open now and can go back, oldest first; returns how many. Raises BrokerDown."""
        replayed, after = 0, None
        while True:
            async with self.engine.connect() as connection:
                page = await open_letters(connection, after=after, limit=BATCH)
            if not page:
                return replayed
            replayed += await self._replay([each.id for each in page], by=by)
            after = (page[-1].first_seen, page[-1].id)

    async def replay_alike(self, letter: UUID, *, by: UUID | None) -> int:
        """Raises NotFound, Refused, BrokerDown."""
        async with self.engine.connect() as connection:
            found = await find_letter(connection, letter)
        if found is None:
            raise NotFound(f"There is no open dead letter {letter}")
        replayed, after = 0, None
        while True:
            async with self.engine.connect() as connection:
                page = await open_letters(
                    connection,
                    after=after,
                    limit=BATCH,
                    alike=(found.letter.stage, found.letter.reason),
                )
            if not page:
                break
            replayed += await self._replay([each.id for each in page], by=by)
            after = (page[-1].first_seen, page[-1].id)
        if not replayed:
            await self._explain(letter)
        return replayed

    async def drop(self, letter: UUID, *, by: UUID | None) -> None:
        """Raises NotFound."""
        async with transaction(self.engine) as connection:
            dropped = await drop_letters(connection, [letter], by=_name(by), now=self.now())
            if dropped:
                await self._audit(connection, "dead_letter_dropped", letter, by=by)
        if not dropped:
            raise NotFound(f"There is no open dead letter {letter}")

    async def _replay(self, letters: Sequence[UUID], *, by: UUID | None) -> int:
        async with transaction(self.engine) as connection:
            returning = await close_for_replay(connection, letters, by=_name(by), now=self.now())
            for each in returning:
                await self._audit(connection, "dead_letter_replayed", each.id, by=by)
            await self.broker.publish(
                [Publication(queue=each.queue, body=each.body) for each in returning]
            )
        return len(returning)

    async def _audit(
        self, connection: AsyncConnection, what: str, letter: UUID, *, by: UUID | None
    ) -> None:
        await write_audit(
            connection,
            by=by,
            what=what,
            object_kind="dead_letter",
            object_id=letter,
            now=self.now(),
        )

    async def _explain(self, letter: UUID) -> None:
        async with self.engine.connect() as connection:
            found = await find_letter(connection, letter)
        if found is None or found.letter.replayed_at or found.letter.dropped_at:
            raise NotFound(f"There is no open dead letter {letter}")
        raise Refused(
            f"Dead letter {letter} came from no queue ({found.letter.stage}), so it has nowhere to go back to; "
            "it can be dropped"
        )


def _name(by: UUID | None) -> str:
    return str(by) if by else "command line"
