"""What the invented colleagues do beside answering: tasks, notes that name the newcomer, snoozes, deals with companies.

One errand after another, for the first minute in an order that shows each once; what they find there decides about whom it
is. Like the answers they go through the desk, and whatever a person did meanwhile wins.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.desk import Desk, NotFound, Refused
from sandbox.furnishings import CORPORATE
from sandbox.managers import Hand
from sandbox.pace import Pace
from storage.colleagues import colleague_by_email
from storage.engine import transaction
from storage.reading.contacts import ContactFilter, list_contacts
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import ConversationFilter, list_conversations
from storage.reading.fields import list_fields
from storage.reading.lead_rows import LeadRow
from storage.reading.leads import LeadFilter, list_leads
from storage.reading.pipelines import PipelineRow, list_pipelines
from storage.reading.sight import EVERYTHING
from storage.tasks import create_task

log = structlog.get_logger()

FIRST_S: Final = 6.0
"""Until somebody has written at all."""
BETWEEN_S: Final = (3.0, 6.0)
LATER_S: Final = (18.0, 40.0)
"""Once each has been shown, an inbox that somebody is trying out is left in peace."""
SNOOZED_FOR: Final = (timedelta(minutes=20), timedelta(hours=2), timedelta(days=1))
COMPANIES: Final = (
    ("Обслуживание 12 машин, ООО «Вектор»", 38_400_000),
    ("Такси «Ласточка», 40 машин", 112_000_000),
    ("Курьеры «Шаг», ежемесячное ТО", 9_600_000),
    ("Аренда «Дорога», сезонная переобувка", 16_500_000),
)


@dataclass(kw_only=True)
class Errands:
    engine: AsyncEngine
    desk: Desk
    hands: Sequence[Hand]
    newcomer: str
    pace: Pace
    random: Random
    now: Callable[[], datetime]
    _seen: set[UUID] = field(default_factory=set)
    """Conversations that something has been done about: the next errand is about another one."""
    _companies: int = 0

    async def run(self) -> None:
        """Until it is cancelled."""
        await self.pace.moment(FIRST_S, FIRST_S + 1)
        await self.first_round()
        while True:
            await self.pace.moment(*LATER_S)
            await self._try(self.random.choice(self._errands))

    async def first_round(self) -> None:
        """Each at least once, in an order in which there is something to do it with."""
        for errand in self._errands:
            await self._try(errand)
            await self.pace.moment(*BETWEEN_S)

    @property
    def _errands(self) -> Sequence[Callable[[], Awaitable[None]]]:
        return (
            self._task_for_the_newcomer,
            self._name_the_newcomer,
            self._fill_in,
            self._snooze,
            self._company,
            self._late_task,
            self._same_phone,
            self._win,
            self._company,
            self._company_goes_on,
            self._lose,
            self._task,
        )

    async def _try(self, errand: Callable[[], Awaitable[None]]) -> None:
        try:
            await errand()
        except (NotFound, Refused) as refused:
            log.info("errand_refused", errand=errand.__name__, why=str(refused))

    async def _name_the_newcomer(self) -> None:
        newcomer = await self._newcomer()
        row = await self._one(ConversationFilter())
        if newcomer is None or row is None:
            return
        name = newcomer[1]
        await self.desk.note(
            row.id,
            by=self._hand().id,
            text=f"@{name}, глянь, пожалуйста: клиент спрашивает про скидку, у тебя такой уже был?",
            mentions=[newcomer[0]],
            named=[name],
        )

    async def _task_for_the_newcomer(self) -> None:
        newcomer = await self._newcomer()
        if newcomer is not None:
            await self._write_task(
                "Перезвонить и подтвердить запись",
                timedelta(minutes=16),
                whose=newcomer[0],
                remind=(15, 0),
            )

    async def _late_task(self) -> None:
        newcomer = await self._newcomer()
        if newcomer is not None:
            await self._write_task(
                "Выслать счёт на почту", timedelta(hours=-3), whose=newcomer[0], remind=(0,)
            )

    async def _task(self) -> None:
        await self._write_task(
            self.random.choice(("Заказать колодки", "Уточнить VIN", "Позвонить поставщику")),
            timedelta(hours=self.random.choice((2, 22, 46))),
            whose=self._hand().id,
            remind=(60,),
        )

    async def _write_task(
        self, words: str, due_in: timedelta, *, whose: UUID, remind: Sequence[int]
    ) -> None:
        row = await self._one(ConversationFilter())
        if row is None:
            return
        async with transaction(self.engine) as connection:
            await create_task(
                connection,
                text=words,
                due_at=self.now() + due_in,
                now=self.now(),
                lead_id=row.lead_id,
                contact_id=row.contact_id,
                conversation_id=row.id,
                manager_id=whose,
                remind_before=remind,
                created_by=self._hand().id,
            )

    async def _snooze(self) -> None:
        row = await self._one(ConversationFilter(statuses=("open",)), answered=True)
        if row is not None:
            until = self.now() + self.random.choice(SNOOZED_FOR)
            await self.desk.set_status(
                row.id, "snoozed", by=row.manager_id or self._hand().id, until=until
            )

    async def _fill_in(self) -> None:
        """What the business wants to know of its customers."""
        row = await self._one(ConversationFilter())
        if row is None:
            return
        async with self.engine.connect() as connection:
            asked = await list_fields(connection, of="contact")
        answers = {
            each.key: self.random.choice(each.choices) if each.choices else self._plate()
            for each in asked
            if each.kind in {"choice", "text"}
        }
        if answers:
            await self.desk.change_contact(row.contact_id, {"fields": answers}, by=self._hand().id)

    def _plate(self) -> str:
        letters = "".join(self.random.choices("АВЕКМНОРСТУХ", k=3))
        return f"{letters[0]}{self.random.randint(100, 999)}{letters[1:]} 178"

    async def _same_phone(self) -> None:
        """A customer dictates a number that somebody else has proved: probably the same person."""
        async with self.engine.connect() as connection:
            page = await list_contacts(connection, ContactFilter(), sight=EVERYTHING, limit=60)
        known = [
            (contact.id, key.value)
            for contact in page.items
            for key in contact.identities
            if key.kind == "phone" and key.proved and not key.shared
        ]
        if not known:
            return
        owner, phone = self.random.choice(known)
        other = next(
            (
                each
                for each in page.items
                if each.id != owner and not any(key.kind == "phone" for key in each.identities)
            ),
            None,
        )
        if other is not None:
            await self.desk.add_key(other.id, kind="phone", value=phone, by=self._hand().id)

    async def _win(self) -> None:
        """Whoever was promised a price has come and paid it."""
        await self._end(
            "won",
            lambda row: {"value": row.value or self.random.choice((320_000, 780_000, 1_840_000))},
        )

    async def _lose(self) -> None:
        async with self.engine.connect() as connection:
            reasons = (await list_pipelines(connection))[0].lost_reasons
        if reasons:
            await self._end("lost", lambda _: {"lost_reason": self.random.choice(reasons)})

    async def _end(self, kind: str, changes: Callable[[LeadRow], dict[str, Any]]) -> None:
        async with self.engine.connect() as connection:
            sales = (await list_pipelines(connection))[0]
            page = await list_leads(
                connection,
                LeadFilter(statuses=("open",), pipeline=sales.id),
                sight=EVERYTHING,
                sort="age",
                limit=20,
            )
        stage = sales.first(kind)
        begun = [each for each in page.items if each.stage_id != sales.stages[0].id]
        # Whoever was promised a price is won, whoever has none is lost.
        lead = next(
            iter(sorted(begun, key=lambda each: (each.value is None) == (kind == "won"))), None
        )
        if stage is not None and lead is not None:
            await self.desk.move_lead(
                lead.id, stage.id, by=lead.manager_id or self._hand().id, changes=changes(lead)
            )

    async def _company(self) -> None:
        """A company asks for a contract: a lead that a colleague opens in another pipeline."""
        deals = await self._deals()
        row = await self._one(ConversationFilter())
        if deals is None or row is None:
            return
        title, value = COMPANIES[self._companies % len(COMPANIES)]
        self._companies += 1
        await self.desk.create_lead(
            row.contact_id,
            by=self._hand().id,
            title=title,
            value=value,
            stage=deals.stages[0].id,
        )

    async def _company_goes_on(self) -> None:
        deals = await self._deals()
        if deals is None:
            return
        async with self.engine.connect() as connection:
            page = await list_leads(
                connection,
                LeadFilter(statuses=("open",), pipeline=deals.id),
                sight=EVERYTHING,
                limit=1,
            )
        for lead in page.items:
            places = [each.id for each in deals.stages]
            place = places.index(lead.stage_id) + 1
            following = deals.stages[place]
            if following.kind != "lost":
                await self.desk.move_lead(lead.id, following.id, by=self._hand().id)

    async def _deals(self) -> PipelineRow | None:
        async with self.engine.connect() as connection:
            found = await list_pipelines(connection)
        return next((each for each in found if each.name == CORPORATE), None)

    async def _one(
        self, wish: ConversationFilter, *, answered: bool = False
    ) -> ConversationRow | None:
        """One that nothing has been done about yet."""
        async with self.engine.connect() as connection:
            page = await list_conversations(
                connection, wish, sight=EVERYTHING, sort="newest", limit=40
            )
        row = next(
            (
                each
                for each in page.items
                if each.id not in self._seen and not (answered and each.waiting_since)
            ),
            None,
        )
        if row is not None:
            self._seen.add(row.id)
        return row

    async def _newcomer(self) -> tuple[UUID, str] | None:
        async with self.engine.connect() as connection:
            found = await colleague_by_email(connection, self.newcomer)
        return (found.id, found.name) if found is not None and not found.disabled_at else None

    def _hand(self) -> Hand:
        return self.random.choice(self.hands)
