"""Colleagues who answer: they see a message come in, think, answer as the phrasebook says, and do the rest of the work.

They work through the desk like people at their screens do, so whatever somebody else did meanwhile wins: an answer
given, a conversation taken or closed. `Office.hear` is told every fact; nothing is asked of the database in vain.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, assert_never
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.desk import Desk, NotFound, Refused
from router.facts import Fact, MessageReceived
from sandbox.pace import Pace
from sandbox.phrasebook import Asked, Phrasebook
from sandbox.stories import FIRST_LINES
from sandbox.telling import Deed, HandOver, Label, Move, Note, Resolve, kopecks
from storage.colleagues import colleague_by_email
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import ConversationFilter, conversation_by_id, list_conversations
from storage.reading.messages import MessageRow, timeline
from storage.reading.pipelines import list_pipelines
from storage.reading.sight import EVERYTHING

log = structlog.get_logger()

NEWCOMER_HAS_S: Final = 45.0
"""Somebody who tries the demo is given so long to answer what is theirs; then a colleague helps."""
SIGNED_IN: Final = timedelta(minutes=2)
"""A page of the inbox gives a sign of life every half minute."""
TALKING_S: Final = 40.0
"""For the customer to finish what they began."""
TIDY_EVERY_S: Final = 20.0
KEPT_OPEN: Final = 24
"""Answered conversations beyond which the oldest are closed: an inbox that only grows is nobody's."""
LUNCH_EVERY_S: Final = (90.0, 150.0)
LUNCH_S: Final = (30.0, 50.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A colleague of the sandbox."""

    id: UUID
    name: str

    @property
    def first_name(self) -> str:
        return self.name.partition(" ")[0]


@dataclass(kw_only=True)
class Office:
    engine: AsyncEngine
    desk: Desk
    hands: Sequence[Hand]
    newcomer: str
    """The address of who tries the demo."""
    phrasebook: Phrasebook
    pace: Pace
    random: Random
    now: Callable[[], datetime]
    _news: asyncio.Queue[UUID] = field(default_factory=asyncio.Queue)
    _busy: set[UUID] = field(default_factory=set)
    _again: set[UUID] = field(default_factory=set)
    _greeted: set[UUID] = field(default_factory=set)

    def hear(self, fact: Fact | None) -> None:
        if (
            isinstance(fact, MessageReceived)
            and fact.direction == "in"
            and fact.conversation is not None
        ):
            self._news.put_nowait(fact.conversation)

    async def run(self) -> None:
        """Until it is cancelled."""
        for hand in self.hands:
            await self.desk.set_presence(hand.id, "here", by=hand.id)
        for row in await self._waiting():
            self._news.put_nowait(row.id)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tidy())
            group.create_task(self._lunch())
            while True:
                conversation = await self._news.get()
                if conversation in self._busy:
                    self._again.add(conversation)
                else:
                    self._busy.add(conversation)
                    group.create_task(self._look_after(conversation))

    async def _look_after(self, conversation: UUID) -> None:
        try:
            await self._answer(conversation)
        except (NotFound, Refused) as refused:
            # A person did something else with it meanwhile.
            log.info("colleague_refused", conversation_id=str(conversation), why=str(refused))
        finally:
            self._busy.discard(conversation)
            if conversation in self._again:
                self._again.discard(conversation)
                self._news.put_nowait(conversation)

    async def _answer(self, conversation: UUID) -> None:
        await self.pace.moment(1.5, 4.0)
        row, messages = await self._read(conversation)
        if row is None or not _waits(row):
            return
        asked = self.phrasebook.find(_latest_words(messages), row.contact_name)
        if asked is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(TALKING_S):
                    await asked.said.wait()
        elif conversation in self._greeted or not _latest_words(messages):
            return
        hand = await self._who(row)
        if asked is not None:
            await self.pace.turn()
        # Once more: somebody may have been quicker.
        row, _ = await self._read(conversation)
        if row is None or not _waits(row):
            return
        await self.desk.mark_read(conversation, by=hand.id)
        if asked is None:
            self._greeted.add(conversation)
            await self.desk.reply(conversation, by=hand.id, text=FIRST_LINES)
            return
        if asked.turn.answer:
            await self.desk.reply(conversation, by=hand.id, text=asked.turn.answer)
        await self._do_the_rest(conversation, asked, hand)

    async def _who(self, row: ConversationRow) -> Hand:
        """Whose it is; somebody else helps out when that is the newcomer, who is given time first."""
        hand = next((each for each in self.hands if each.id == row.manager_id), None)
        if hand is not None:
            return hand
        helper = self.random.choice(self.hands)
        if row.manager_id is None:
            # Time to see what is nobody's, and to take it.
            await self.pace.moment(4.0, 10.0)
        if row.manager_id is not None and await self._newcomer_is_here(row.manager_id):
            await asyncio.sleep(NEWCOMER_HAS_S)
            latest, _ = await self._read(row.id)
            if latest is not None and _waits(latest) and latest.manager_id == row.manager_id:
                await self.desk.assign(row.id, by=helper.id, manager=helper.id)
        return helper

    async def _do_the_rest(self, conversation: UUID, asked: Asked, hand: Hand) -> None:
        for deed in asked.turn.then:
            await self.pace.moment(0.8, 2.5)
            row, _ = await self._read(conversation)
            if row is None:
                return
            await self._do(deed, row, hand)

    async def _do(self, deed: Deed, row: ConversationRow, hand: Hand) -> None:
        match deed:
            case Note():
                await self.desk.note(row.id, by=hand.id, text=deed.text)
            case Label():
                await self.desk.set_labels(row.id, [*row.labels, deed.name], by=hand.id)
            case Move():
                await self._move_lead(deed, row, hand)
            case HandOver():
                other = self.random.choice([each for each in self.hands if each.id != hand.id])
                await self.desk.note(row.id, by=hand.id, text=f"{other.first_name}, {deed.why}")
                await self.desk.assign(row.id, by=hand.id, manager=other.id)
            case Resolve():
                await self.desk.set_status(row.id, "resolved", by=hand.id)
            case _:
                assert_never(deed)

    async def _move_lead(self, move: Move, row: ConversationRow, hand: Hand) -> None:
        if row.lead_id is None:
            return
        changes: dict[str, Any] = {"stage_id": await self._stage(move)}
        if (value := kopecks(move.value)) is not None:
            changes["value"] = value
        if move.reason:
            changes["lost_reason"] = move.reason
        await self.desk.change_lead(row.lead_id, changes, by=hand.id)

    async def _stage(self, move: Move) -> UUID:
        async with self.engine.connect() as connection:
            pipelines = await list_pipelines(connection)
        stages = [stage for pipeline in pipelines[:1] for stage in pipeline.stages]
        kind = {"in_work": "open"}.get(move.to, move.to)
        # "In work" is the last of the open ones; the first is where leads begin.
        fitting = [stage.id for stage in stages if stage.kind == kind]
        if not fitting:
            raise Refused(f"There is no stage of the kind {kind} any more.")
        return fitting[-1]

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            async with self.engine.connect() as connection:
                page = await list_conversations(
                    connection,
                    ConversationFilter(),
                    sight=EVERYTHING,
                    sort="oldest",
                    limit=100,
                )
            ours = {hand.id: hand for hand in self.hands}
            done = [
                row
                for row in page.items
                if row.manager_id in ours and not _waits(row) and row.id not in self._busy
            ]
            for row in done[: max(0, len(page.items) - KEPT_OPEN)][:2]:
                await self.pace.turn()
                try:
                    await self.desk.set_status(row.id, "resolved", by=row.manager_id)
                except (NotFound, Refused) as refused:
                    log.info("colleague_refused", conversation_id=str(row.id), why=str(refused))

    async def _lunch(self) -> None:
        while True:
            for hand in self.hands:
                await self.pace.moment(*LUNCH_EVERY_S)
                await self.desk.set_presence(hand.id, "away", by=hand.id)
                await self.pace.moment(*LUNCH_S)
                await self.desk.set_presence(hand.id, "here", by=hand.id)

    async def _newcomer_is_here(self, manager: UUID) -> bool:
        async with self.engine.connect() as connection:
            found = await colleague_by_email(connection, self.newcomer)
        return (
            found is not None
            and found.id == manager
            and found.seen_at is not None
            and self.now() - found.seen_at < SIGNED_IN
        )

    async def _waiting(self) -> Sequence[ConversationRow]:
        async with self.engine.connect() as connection:
            wish = ConversationFilter(waiting=True)
            return (
                await list_conversations(
                    connection, wish, sight=EVERYTHING, sort="waiting", limit=50
                )
            ).items

    async def _read(
        self, conversation: UUID
    ) -> tuple[ConversationRow | None, Sequence[MessageRow]]:
        async with self.engine.connect() as connection:
            row = await conversation_by_id(connection, conversation, sight=EVERYTHING)
            page = await timeline(
                connection, sight=EVERYTHING, conversation_id=conversation, limit=8
            )
        return row, page.messages


def _waits(row: ConversationRow) -> bool:
    return row.waiting_since is not None and row.status in {"open", "waiting"}


def _latest_words(messages: Sequence[MessageRow]) -> list[str]:
    """What the customer has said since the last answer, the newest first."""
    said: list[str] = []
    for message in reversed(messages):
        if message.direction == "out":
            break
        # "/start" asks nothing.
        if message.direction == "in" and message.kind != "service" and message.text:
            said.append(message.text)
    return said
