"""A business with something to report of: two sources with campaigns and what they cost, leads won, lost and open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.ids import new_id
from storage import tables
from storage.analytics import reckoning
from storage.sources import origin_ids
from tests.builders import Rows

ZONE = "Europe/Moscow"


@dataclass(kw_only=True)
class ReportShop:
    """`now` is the moment it is looked at; days are counted back from it."""

    rows: Rows
    now: datetime
    people: list[UUID]
    account: UUID
    import_id: UUID | None = None
    talk: UUID | None = None

    @property
    def connection(self) -> AsyncConnection:
        return self.rows.connection

    async def lead(
        self,
        *,
        source: str = "yandex",
        medium: str = "cpc",
        campaign: str = "brakes",
        content: str = "",
        term: str = "",
        status: str = "open",
        value: int | None = None,
        currency: str = "RUB",
        days_ago: int = 3,
        manager: UUID | None = None,
        title: str = "Колодки",
        name: str = "",
        touches: tuple[str, ...] = (),
        qualified: bool = False,
    ) -> UUID:
        """One person who came by `source` (after `touches`, a day apart before it), asked, and became a lead."""
        at = self.now - timedelta(days=days_ago)
        person = await self.rows.contact(name=name or f"Покупатель {len(self.people) + 1}")
        self.people.append(person)
        talk = await self.rows.conversation(
            contact=person, account=self.account, manager_id=manager
        )
        await self.connection.execute(
            insert(tables.inquiry).values(id=new_id(), conversation_id=talk, at=at)
        )
        for back, earlier in enumerate(reversed(touches), start=1):
            await self.rows.touch(
                person, at=at - timedelta(days=back), source=earlier, medium="cpc", campaign="early"
            )
        touch = None
        if source:
            touch = await self.rows.touch(
                person, at=at - timedelta(minutes=5), source=source, medium=medium, campaign=campaign,
                content=content, term=term,
            )  # fmt: skip
        snapshot = touch and {
            "id": str(touch), "source": source, "medium": medium, "campaign": campaign,
            "content": content, "term": term,
        }  # fmt: skip
        stages = await self.rows.stages()
        lead = await self.rows.lead(
            person,
            stage_id=stages[{"won": 2, "lost": 3}.get(status, 0)],
            title=title,
            status=status,
            value=value,
            currency=currency,
            created_at=at,
            closed_at=at + timedelta(hours=5) if status in {"won", "lost"} else None,
            conversation_id=talk,
            account_id=self.account,
            manager_id=manager,
            first_touch=snapshot,
            last_touch=snapshot,
        )
        await self.connection.execute(
            insert(tables.lead_event).values(
                id=new_id(), lead_id=lead, what="opened", after=str(stages[0]), at=at
            )
        )
        if qualified:
            await self.connection.execute(
                insert(tables.lead_event).values(
                    id=new_id(), lead_id=lead, what="stage", after=str(stages[1]),
                    at=at + timedelta(hours=2),
                )
            )  # fmt: skip
        self.talk = talk
        return lead

    async def call(
        self,
        *,
        hours_ago: float,
        direction: str = "in",
        talked: float | None = 90,
        manager: UUID | None = None,
    ) -> UUID:
        """With the last person who came; without `talked` nobody answered."""
        at = self.now - timedelta(hours=hours_ago)
        id_ = new_id()
        await self.connection.execute(
            insert(tables.call).values(
                id=id_, account_id=self.account, key=str(id_), conversation_id=self.talk,
                direction=direction, phase="ended", ours="+78120000000", theirs="+79110000000",
                user_id=manager, started_at=at,
                answered_at=at + timedelta(seconds=12) if talked else None,
                ended_at=at + timedelta(seconds=12 + (talked or 0)), talked=talked, created_at=at,
            )
        )  # fmt: skip
        return id_

    async def spend(
        self,
        amount: int,
        *,
        source: str = "yandex",
        medium: str = "cpc",
        campaign: str = "brakes",
        days_ago: int = 3,
        counted: bool = True,
    ) -> None:
        """Minor units."""
        if self.import_id is None:
            ads, self.import_id = new_id(), new_id()
            await self.connection.execute(
                insert(tables.ad_account).values(
                    id=ads, name="Директ", platform="yandex-direct", currency="RUB", source="yandex",
                    created_at=self.now,
                )
            )  # fmt: skip
            await self.connection.execute(
                insert(tables.spend_import).values(
                    id=self.import_id, ad_account_id=ads, how="file", at=self.now
                )
            )
            self.ads = ads
        triple = (source, medium, campaign)
        numbers = await origin_ids(self.connection, [triple], now=self.now)
        await self.connection.execute(
            insert(tables.spend).values(
                ad_account_id=self.ads, level="campaign", object_id=f"{source}-{campaign}-{days_ago}",
                day=(self.now - timedelta(days=days_ago)).date(), currency="RUB",
                amount=Decimal(amount) / 100, counted=amount if counted else None,
                origin_id=numbers[triple], import_id=self.import_id,
            )
        )  # fmt: skip

    async def source(self, name: str, *, source: str, medium: str = "cpc") -> UUID:
        """As a rule names it."""
        known = select(tables.source.c.id).where(tables.source.c.name == name)
        id_: UUID | None = (await self.connection.execute(known)).scalar()
        if id_ is None:
            id_ = new_id()
            await self.connection.execute(
                insert(tables.source).values(id=id_, name=name, kind="paid", created_at=self.now)
            )
        await self.connection.execute(
            tables.origin.update()
            .where(tables.origin.c.source == source, tables.origin.c.medium == medium)
            .values(source_id=id_)
        )
        return id_

    async def reckon(self) -> None:
        rules = await reckoning.read_rules(self.connection, time_zone=ZONE)
        await reckoning.reckon(self.connection, self.people, rules, now=self.now)


async def open_report_shop(
    connection: AsyncConnection, *, now: datetime, account: UUID | None = None
) -> ReportShop:
    rows = Rows(connection, now=now)
    return ReportShop(rows=rows, now=now, people=[], account=account or await rows.any_account())


async def a_week_of_sales(engine: AsyncEngine, *, now: datetime) -> None:
    """Yandex: 3 leads (brakes 2, oil 1), one won at 30 000.00; 5 000.00 spent. VK: one lead, of which no rule knows. One of
    nowhere. The week before: one of Yandex.
    """
    async with engine.begin() as connection:
        shop = await open_report_shop(connection, now=now)
        await shop.lead(status="won", value=3_000_000, title="Тормозные диски")
        await shop.lead(days_ago=2)
        await shop.lead(campaign="oil", days_ago=1, status="lost")
        await shop.lead(source="vk", campaign="=cmd", days_ago=2, touches=("yandex",))
        await shop.lead(source="", days_ago=1)
        await shop.lead(days_ago=9)
        await shop.spend(500_000)
        await shop.reckon()
        await shop.source("Яндекс Директ", source="yandex")
