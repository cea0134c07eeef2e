"""A business at work, through the doors that customers and colleagues have, and what the recorder makes of it.

Time goes on by itself: each thing happens some hours after the one before it, so that days, weekends and weeks pass.
"""

import json
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from router import wire
from router.asking import AnsweredMeanwhile, NotFound, Refused
from router.facts import Fact
from router.ids import new_id
from router.message import Key, SourceKeys
from storage.analytics import reckoning, replies, rollups, ways
from storage.analytics.rule_changes import notice_changes
from storage.analytics.self_reported import choose_self_reported
from storage.analytics.taking_in import take_in
from storage.desk import Desk
from storage.fields import add_field
from storage.pipelines import remove_stage
from storage.policies import Policies
from storage.tasks import change_task, create_task
from storage.world import route
from tests.events import a_call_report, a_message, a_person, a_phone, accepted
from tests.installation import Installation
from tests.storage.test_desk import NoFiles

BEGIN = datetime.fromisoformat("2026-10-28T20:30:00+00:00")
ZONE = "Europe/Moscow"
HEARD, ANSWERS = "heard", ("Друзья", "Карты")
PHONES = ("+79161230001", "+79161230002", "+79161230003")
HOURS = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}

# Everything that reports read, in an order of its own.
KEPT = {
    "fact_credit": "select * from fact_credit order by subject_id, place",
    "fact_stage": "select * from fact_stage order by lead_id, place",
    "fact_lead": "select * from fact_lead order by lead_id",
    "fact_call": "select * from fact_call order by call_id",
    "rollup_replies": "select * from rollup_replies order by day, manager_id, account_id",
    "response": "select id, first, working_seconds from response order by id",
    **{
        table: f"select * from {table} where {' or '.join(f'{each} <> 0' for each in rollups.STORED)}"
        f" order by {', '.join(('model', 'day', *dimensions))}"
        for table, dimensions in rollups.DIMENSIONS.items()
    },
    **{
        table: f"select to_jsonb(x) as row from {table} x where n <> 0 order by to_jsonb(x)::text"
        for table in ways.TABLES
    },
}


class Business(Installation):
    accounts: dict[str, UUID]
    desk: Desk
    now: datetime
    told: int

    async def begin(self) -> "Business":
        await self.found()
        await self.sql(
            "update team set hours = cast(:h as jsonb), time_zone = 'Europe/Moscow'",
            h=json.dumps(HOURS),
        )
        self.now, self.told = BEGIN, 0
        await self.hire("Anna", extension="101")
        await self.hire("Boris", extension="102")
        self.accounts = {
            "telegram": await self.connect(),
            "vk": await self.connect("vk", kind="vk"),
            "mango": await self.connect("office", kind="mango"),
        }
        self.desk = Desk(self.engine, now=lambda: self.now, media=NoFiles())
        await self.ask(HEARD)
        await self.notice()
        return self

    async def ask(self, key: str) -> None:
        """Another field in which leads say how they heard of us, and by which reports group."""
        async with self.engine.begin() as connection:
            made = await add_field(
                connection,
                entity="lead",
                name=f"Откуда узнали ({key})",
                kind="choice",
                choices=ANSWERS,
                key=key,
                now=self.now,
            )
            await choose_self_reported(connection, made, chosen=True)

    async def notice(self) -> None:
        """What the worker looks at every few seconds: whether a rule has changed."""
        async with self.engine.begin() as connection:
            await notice_changes(connection, time_zone=ZONE, now=self.now)

    def later(self, hours: float) -> datetime:
        self.now += timedelta(hours=hours)
        return self.now

    async def do(self, what: str, who: int, number: int) -> None:
        """Something that cannot be done just now is not done."""
        self.later(1 + number % 11)
        with suppress(AnsweredMeanwhile, NotFound, Refused):
            await getattr(self, f"do_{what}")(who, number)

    async def do_message(self, who: int, number: int) -> None:
        channel = ("telegram", "vk")[number % 2]
        late = timedelta(hours=number % 50) if number % 3 == 0 else timedelta(0)
        extra = (a_phone(PHONES[who % 3]),) if number % 5 == 0 else ()
        source = None
        if number % 2:
            source = SourceKeys(
                utm={
                    "source": ("yandex", "vk")[number % 4 // 2],
                    "medium": "cpc",
                    "campaign": str(number % 3),
                },
                landing=f"https://shop.test/{number % 2}?email=a@b.c",
            )
        message = a_message(
            by=a_person(who, *extra, channel=channel),
            at=self.now - late,
            text=f"words {number}",
            source=source,
        )
        await self._route(channel, message)

    async def do_visit(self, who: int, number: int) -> None:
        """A visitor comes without a word, and later says who they are."""
        visitor = new_id()
        await self.sql(
            "insert into visitor (id, account_id, token, first_seen, last_seen) values (:id, :account, :token, :at, :at)",
            id=visitor, account=self.accounts["telegram"], token=uuid4().hex, at=self.now,
        )  # fmt: skip
        await self.sql(
            "insert into touch (id, visitor_id, at, channel, source, medium) values (:id, :visitor, :at, 'site', 'google', 'organic')",
            id=new_id(), visitor=visitor, at=self.now - timedelta(days=number % 9),
        )  # fmt: skip
        by = a_person(who, Key(kind="visitor", value=str(visitor)))
        await self._route("telegram", a_message(by=by, at=self.now))

    async def do_call(self, who: int, number: int) -> None:
        phone, key, at = PHONES[who % 3], f"call-{new_id()}", self.now
        extension = ("101", "102")[number % 2]
        out = {"direction": "out"} if number % 4 == 3 else {}
        if number % 4 == 0:
            reports = [
                a_call_report("ringing", call=key, at=at, who=phone, ours="+74950000001"),
                a_call_report("ended", call=key, at=at, who=phone, after=20, ours="+74950000001"),
            ]
        else:
            more: dict[str, Any] = {
                "call": key,
                "at": at,
                "who": phone,
                "ours": "+74950000002",
                **out,
            }
            reports = [
                a_call_report("ringing", **more),
                a_call_report("talking", leg="a", extension=extension, after=5, **more),
                a_call_report("ended", leg="a", extension=extension, after=65 + number, **more),
                a_call_report("ended", after=65 + number, **more),
            ]
        if number % 5 == 4:
            reports.reverse()
        for report in reports:
            await self._route("mango", report)

    async def do_reply(self, who: int, number: int) -> None:
        talks = await self.sql("select id from conversation order by id")
        if talks:
            by = self.managers[number % 2]
            await self.desk.reply(talks[who % len(talks)].id, by=by, text="Добрый день!")

    async def do_assign(self, who: int, number: int) -> None:
        talks = await self.sql("select id from conversation order by id")
        if talks:
            await self.desk.assign(
                talks[who % len(talks)].id, by=None, manager=self.managers[number % 2]
            )

    async def do_stage(self, who: int, number: int) -> None:
        """A lead that is over is reopened only where its contact has no other open one."""
        leads = await self.sql(
            "select id from lead l where status = 'open' or status <> 'merged' and not exists"
            " (select from lead o where o.contact_id = l.contact_id and o.status = 'open') order by id"
        )
        stages = await self.stages()
        if leads:
            await self.desk.change_lead(
                leads[who % len(leads)].id,
                {"stage_id": stages[number % len(stages)], "lost_reason": "price"},
                by=self.managers[0],
            )

    async def do_value(self, who: int, number: int) -> None:
        leads = await self.sql("select id from lead where status <> 'merged' order by id")
        if leads:
            await self.desk.change_lead(
                leads[who % len(leads)].id, {"value": number * 777}, by=None
            )

    async def do_say(self, who: int, number: int) -> None:
        leads = await self.sql("select id from lead order by id")
        if leads:
            answer = (*ANSWERS, None)[number % 3]
            await self.desk.change_lead(
                leads[who % len(leads)].id, {"fields": {HEARD: answer}}, by=self.managers[0]
            )

    async def do_merge(self, who: int, number: int) -> None:
        people = await self.sql("select id from contact where merged_into is null order by id")
        if len(people) > 1:
            one, other = people[who % len(people)], people[(who + 1) % len(people)]
            await self.desk.merge(one.id, other.id, by=self.managers[0])

    async def do_unmerge(self, who: int, number: int) -> None:
        merges = await self.sql(
            "select id from contact_merge where undone_at is null order by id desc"
        )
        if merges:
            await self.desk.unmerge(merges[who % len(merges)].id, by=self.managers[0])

    async def do_erase(self, who: int, number: int) -> None:
        people = await self.sql(
            "select id from contact where merged_into is null and erased_at is null order by id"
        )
        if people and number % 3 == 0:
            await self.desk.erase_contact(people[who % len(people)].id, by=self.managers[0])

    async def do_task(self, who: int, number: int) -> None:
        async with self.engine.begin() as connection:
            task = await create_task(
                connection, text="Позвонить", due_at=self.now + timedelta(hours=number - 6), now=self.now,
                manager_id=self.managers[who % 2],
            )  # fmt: skip
        self.later(number % 4)
        if number % 3:
            async with self.engine.begin() as connection:
                await change_task(connection, task, {"done_at": self.now}, now=self.now)

    async def do_order(self, who: int, number: int) -> None:
        """The stages change places, or one goes."""
        stages = await self.stages()
        if number % 4 == 0 and len(stages) > 3:
            gone = (await self.sql("select id from stage where kind = 'qualified'"))[0].id
            to = (await self.sql("select id from stage where kind = 'open'"))[0].id
            async with self.engine.begin() as connection:
                await remove_stage(connection, gone, leads_to=to, now=self.now)
            return
        await self.sql(
            "update stage set position = 1 - position where kind in ('open', 'qualified')"
        )

    async def do_zone(self, who: int, number: int) -> None:
        zone = ("Europe/Moscow", "Asia/Vladivostok", "UTC")[number % 3]
        await self.sql(
            "insert into setting (name, value) values ('company', cast(:v as jsonb))"
            " on conflict (name) do update set value = excluded.value",
            v=json.dumps({"time_zone": zone}),
        )

    async def do_record(self, who: int, number: int) -> None:
        await self.record(random.Random(number))  # nothing secret

    async def stages(self) -> list[UUID]:
        return [row.id for row in await self.sql("select id from stage order by position, id")]

    async def _route(self, channel: str, event: Any) -> None:
        async with self.engine.begin() as connection:
            await route(
                connection,
                [accepted(self.accounts[channel], event, channel=channel)],
                policies=Policies(),
                now=self.now,
            )

    async def facts(self) -> Sequence[Fact]:
        rows = await self.sql(
            "select seq, body from outbox where seq > :told order by seq", told=self.told
        )
        self.told = max((row.seq for row in rows), default=self.told)
        return [wire.decode_fact(bytes(row.body)) for row in rows]

    async def record(self, chance: random.Random | None = None) -> None:
        """All that is outstanding: in any order, some of it twice, a few at a time."""
        facts = list(await self.facts())
        if chance is not None:
            facts += chance.sample(facts, len(facts) // 3)
            chance.shuffle(facts)
        size = chance.randint(1, 9) if chance is not None else 50
        for first in range(0, len(facts), size):
            async with self.engine.begin() as connection:
                await take_in(connection, facts[first : first + size], time_zone=ZONE, now=self.now)

    async def settle(self) -> None:
        """Everything recorded, and whatever is due reckoned."""
        await self.record()
        await self.notice()
        await self.drain()

    async def drain(self) -> None:
        done = 1
        while done:
            async with self.engine.begin() as connection:
                rules = await reckoning.read_rules(connection, time_zone=ZONE)
                done = await reckoning.reckon_due(connection, rules, now=self.now, limit=3)

    async def kept(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            name: [tuple(row) for row in await self.sql(statement)]
            for name, statement in KEPT.items()
        }

    async def counted_anew(self) -> dict[str, list[tuple[Any, ...]]]:
        """As if nothing had ever been kept. How long somebody waited, of the team's time, is told once."""
        for table in (
            "fact_credit",
            "fact_stage",
            "fact_lead",
            "fact_call",
            *rollups.DIMENSIONS,
            *ways.TABLES,
            "rollup_replies",
        ):
            await self.sql(f"delete from {table}")
        await self.sql("update response set first = true")
        async with self.engine.begin() as connection:
            await reckoning.everything_is_due(connection, now=self.now)
            zone = (await reckoning.read_rules(connection, time_zone=ZONE)).zone.key
            await replies.recount(connection, time_zone=zone)
        await self.drain()
        return await self.kept()
