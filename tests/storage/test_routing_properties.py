"""Whatever the order, the batches, the redeliveries and the number of routers: the same people, leads and messages.

Every history is held against a model of a few lines (who proved which keys, which edit was the last), and not against
another run of the same code.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, assume, event as note, given, settings, strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from router.asking import Refused
from router.ids import new_id
from router.message import Accepted, Chat, InboundMessage, Key, ReactionChanged, Sender, SourceKeys
from storage.desk import Desk
from storage.engine import open_engine
from storage.policies import Policies
from storage.reading.merging import MOVED, MergePreview, merge_preview
from tests.conftest import NOON
from tests.events import a_deletion, a_message, a_phone, a_shared_contact, accepted, an_edit
from tests.installation import Installation
from tests.storage.routers import route_surely, run_routers

CHANNELS = ("telegram", "vk")
PHONES = ("+79215551401", "+79215551402", "+79215551403")
KEPT = {
    "account",
    "team",
    "team_member",
    "pipeline",
    "stage",
    "user_account",
    "setting",
    "alembic_version",
}

slowly = settings(
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    max_examples=60,
)


class Stage(Installation):
    """An installation that is emptied between examples; two engines, as two router processes have."""

    engines: list[AsyncEngine]
    accounts: dict[str, UUID]
    _emptying: str = ""

    async def empty(self, *, capacities: list[int | None]) -> None:
        if not self._emptying:
            rows = await self.sql(
                "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                " where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition"
            )
            # Ten times as quick as `truncate` where there are a few rows; and what points at what need not be known.
            self._emptying = (
                "do $$ begin set local session_replication_role = replica; "
                + "".join(f"delete from {name}; " for name in {row.relname for row in rows} - KEPT)
                + "end $$"
            )
        await self.sql(self._emptying)
        await self.sql("update team_member set turn = 0")
        for user, capacity in zip(self.managers, capacities, strict=True):
            await self.sql(
                "update user_account set open_conversations = 0, capacity = :capacity where id = :id",
                capacity=capacity,
                id=user,
            )


@pytest.fixture
async def stage(database_url: str) -> AsyncGenerator[Stage]:
    engines = [open_engine(database_url, pool_size=3) for _ in range(2)]
    made = Stage(engines[0])
    made.engines = engines
    await made.found()
    for name in ("Anna", "Boris", "Vera"):
        await made.hire(name)
    made.accounts = {kind: await made.connect(kind, kind=kind) for kind in CHANNELS}
    yield made
    for engine in engines:
        await engine.dispose()
    await asyncio.sleep(0)


@dataclass
class History:
    """What happened, in the order in which it did, and what must come of it."""

    accounts: dict[str, UUID]
    events: list[Accepted] = field(default_factory=list)
    messages: list[tuple[str, Any]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    originals: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    reactions: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _same: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    _wrote_at: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def root(self, key: tuple[str, str]) -> tuple[str, str]:
        self._same.setdefault(key, key)
        while self._same[key] != key:
            key = self._same[key]
        return key

    def people(self) -> set[frozenset[tuple[str, str]]]:
        found = defaultdict(set)
        for key in self._same:
            found[self.root(key)].add(key)
        return {frozenset(each) for each in found.values()}

    def leads(self) -> dict[frozenset[tuple[str, str]], datetime]:
        """When the open lead of each person who has one was opened: with their first words."""
        return {
            person: min(self._wrote_at[key] for key in person if key in self._wrote_at)
            for person in self.people()
            if any(key in self._wrote_at for key in person)
        }

    def happens(self, step: tuple[Any, ...]) -> None:
        at = NOON + timedelta(seconds=len(self.events))
        match step:
            case "message" | "claim" | "group" as what, channel, who, words:
                extra = (a_phone(PHONES[who % 3], proved=False),) if what == "claim" else ()
                sender = self._person(channel, who, *extra)
                chat = (
                    Chat(id="-100", kind="group", title="Ремонт")
                    if what == "group"
                    else Chat(id=str(who))
                )
                number = len(self.events)
                source = SourceKeys(utm={"source": words}) if what == "message" else None
                message = InboundMessage(
                    key=f"{channel}-{number}",
                    chat=chat,
                    at=at,
                    sender=sender,
                    external_id=f"{channel}:{number}",
                    text=words,
                    source=source,
                )
                self._proves(sender.keys)
                if what == "group":
                    self.root((f"{channel}_chat", "-100"))
                self._add(channel, message, words, at, private=what != "group")
            case "share", channel, who, phone:
                sender = self._person(channel, who)
                shared = a_shared_contact(sender, a_phone(PHONES[phone]), at=at)
                self._proves((*sender.keys, *shared.phones))
                self._add(channel, shared, PHONES[phone], at, private=True)
            case (("edit" | "delete" | "react" as what), which, words) if self.messages:
                channel, message = self.messages[which % len(self.messages)]
                id_ = message.external_id
                if what == "edit" and isinstance(message, InboundMessage):
                    later = (at - message.at).total_seconds()
                    self.texts[id_] = words
                    self._accept(channel, an_edit(message, words, later=later))
                elif what == "delete":
                    self.deleted.add(id_)
                    self._accept(channel, a_deletion(message))
                elif what == "react":
                    who = message.sender.keys[0].value
                    self.reactions[id_, who] = [words]
                    reaction = ReactionChanged(
                        key=f"reaction-{len(self.events)}",
                        chat=message.chat,
                        at=at,
                        sender=message.sender,
                        external_id=id_,
                        emoji=(words,),
                    )
                    self._accept(channel, reaction)
            case _:
                pass

    def _person(self, channel: str, who: int, *keys: Key) -> Sender:
        return Sender(keys=(Key(kind=channel, value=str(who)), *keys), name=f"{channel} {who}")

    def _proves(self, keys: Any) -> None:
        first, *others = [(key.kind, key.value) for key in keys if key.proof == "proved"]
        self.root(first)
        for other in others:
            self._same[self.root(other)] = self.root(first)

    def _add(self, channel: str, message: Any, words: str, at: datetime, *, private: bool) -> None:
        self.messages.append((channel, message))
        self.texts[message.external_id] = words
        self.originals[message.external_id] = at, words
        if private:
            key = message.sender.keys[0].kind, message.sender.keys[0].value
            self._wrote_at.setdefault(key, at)
        self._accept(channel, message)

    def _accept(self, channel: str, event: Any) -> None:
        self.events.append(accepted(self.accounts[channel], event, channel=channel))


words = st.sampled_from(["a", "b", "c"])
people = st.integers(1, 4)
channels = st.sampled_from(CHANNELS)
which = st.integers(0, 30)
steps = st.one_of(
    st.tuples(st.just("message"), channels, people, words),
    st.tuples(st.just("message"), channels, people, words),
    # Two people on two channels: fewer than make a key shared, which depends on what was known when, and may.
    st.tuples(st.just("claim"), channels, st.integers(1, 2), words),
    st.tuples(st.just("group"), channels, people, words),
    st.tuples(st.just("share"), channels, people, st.integers(0, 2)),
    st.tuples(st.just("edit"), which, words),
    st.tuples(st.just("delete"), which, words),
    st.tuples(st.just("react"), which, words),
)


@slowly
@given(
    story=st.lists(steps, min_size=1, max_size=40),
    sizes=st.lists(st.sampled_from([1, 2, 3, 7, 20, 200]), min_size=1, max_size=4),
    again=st.lists(st.integers(0, 60), max_size=12),
    routers=st.integers(1, 2),
    capacities=st.lists(st.none() | st.integers(0, 3), min_size=3, max_size=3),
    chance=st.randoms(use_true_random=False),
)
async def test_the_same_story_told_in_any_way_leaves_the_same_behind(  # noqa: PLR0917  # hypothesis gives them by name
    stage, story, sizes, again, routers, capacities, chance
):
    await stage.empty(capacities=capacities)
    history = History(stage.accounts)
    for step in story:
        history.happens(step)
    arriving = history.events + [
        history.events[n % len(history.events)] for n in again if history.events
    ]
    chance.shuffle(arriving)
    note(f"{routers} routers")

    await run_routers(stage.engines[:routers], arriving, sizes=sizes, now=NOON + timedelta(hours=1))

    await check(stage, history)


async def check(stage: Stage, history: History) -> None:
    await check_people(stage, history)
    await check_messages(stage, history)
    await check_work(stage)
    outcomes = await stage.sql("select key, outcome from inbound_event")
    assert {row.key for row in outcomes} == {each.event.key for each in history.events}
    assert {row.outcome for row in outcomes} <= {"stored"}
    assert await stage.sql("select * from waiting_event") == []


async def check_people(stage: Stage, history: History) -> None:
    found = defaultdict(set)
    for row in await stage.sql(
        "select contact_id, kind, value from identity where proved and not shared"
    ):
        found[row.contact_id].add((row.kind, row.value))
    assert {frozenset(each) for each in found.values()} == history.people()
    contacts = {row.id: row for row in await stage.sql("select id, kind, merged_into from contact")}
    assert {row.id for row in contacts.values() if row.merged_into is None} == set(found)
    for row in contacts.values():
        assert row.merged_into is None or contacts[row.merged_into].merged_into is None
    for table in ("conversation", "lead", "touch"):
        owners = {row.contact_id for row in await stage.sql(f"select contact_id from {table}")}
        assert owners <= set(found), f"{table} of somebody who was merged"
    leads = await stage.sql("select contact_id, created_at from lead where status = 'open'")
    assert len(leads) == len({row.contact_id for row in leads})
    assert {frozenset(found[row.contact_id]): row.created_at for row in leads} == history.leads()
    assert not await stage.sql(
        "select l.id from lead l left join lead k on k.id = l.merged_into where l.status = 'merged'"
        " and (k.id is null or k.contact_id <> l.contact_id)"
    )


async def check_messages(stage: Stage, history: History) -> None:
    rows = await stage.sql("select * from message")
    assert sorted(row.external_id for row in rows) == sorted(history.texts)
    for row in rows:
        assert row.text == history.texts[row.external_id]
        assert (row.deleted_at is not None) == (row.external_id in history.deleted)
        reactions = {(row.external_id, who): given["emoji"] for who, given in row.reactions.items()}
        assert reactions == {
            key: value for key, value in history.reactions.items() if key[0] == row.external_id
        }
    for conversation in await stage.sql("select * from conversation"):
        theirs = [row for row in rows if row.conversation_id == conversation.id]
        assert sorted(row.seq for row in theirs) == list(range(1, len(theirs) + 1))
        assert conversation.seq == conversation.unread == len(theirs)
        assert (
            conversation.first_message_at
            == conversation.waiting_since
            == min(row.sent_at for row in theirs)
        )
        last = max(theirs, key=lambda row: row.sent_at)
        assert (conversation.last_message_at, conversation.last_inbound_at) == (
            last.sent_at,
            last.sent_at,
        )
        at, words = history.originals[last.external_id]
        assert (conversation.last_message_at, conversation.preview) == (at, words)


async def check_work(stage: Stage) -> None:
    conversations = await stage.sql("select id, manager_id, status, team_id from conversation")
    recount = Counter(row.manager_id for row in conversations if row.manager_id is not None)
    for row in await stage.sql("select id, capacity, open_conversations from user_account"):
        assert row.open_conversations == recount[row.id]
        assert row.capacity is None or row.open_conversations <= row.capacity
        if any(each.manager_id is None for each in conversations):
            assert row.capacity is not None
            assert row.open_conversations == row.capacity, "idle while somebody waits"
    live = await stage.sql(
        "select conversation_id, manager_id, reason from assignment where ended_at is null"
    )
    assert {row.conversation_id: row.manager_id for row in live} == {
        row.id: row.manager_id for row in conversations
    }
    assert all(row.reason for row in live)


async def test_two_routers_that_meet_a_new_person_at_the_same_moment_make_one_contact(stage):
    """The second stands at the unique key until the first has committed; then it decides anew."""
    await stage.empty(capacities=[None, None, None])
    first, second = (
        accepted(
            stage.accounts[channel],
            a_message(
                by=Sender(keys=(Key(kind=channel, value="1"), a_phone(PHONES[0])), name="Марина"),
                at=NOON,
            ),
            channel=channel,
        )
        for channel in CHANNELS
    )
    from storage.world import route  # noqa: PLC0415  # what follows is `route_surely`, held open

    async with asyncio.TaskGroup() as group:  # noqa: SIM117  # the second ends after the first has committed
        async with stage.engines[0].begin() as connection:
            await route(connection, [first], policies=Policies(), now=NOON)
            meeting = group.create_task(
                route_surely(stage.engines[1], [second], policies=Policies(), now=NOON)
            )
            await _until_somebody_waits_for_a_lock(stage)
            assert not meeting.done()
    (contact,) = await stage.sql("select id from contact")
    assert {row.contact_id for row in await stage.sql("select contact_id from conversation")} == {
        contact.id
    }
    assert len(await stage.sql("select id from lead")) == 1
    assert len(await stage.sql("select id from message")) == 2


async def test_a_sale_won_while_its_customer_writes_stays_won(stage):
    """The router had read the lead as open, and would write it back so; it waits for whoever changes it."""
    await stage.empty(capacities=[None, None, None])
    account = stage.accounts["telegram"]
    await run_routers(stage.engines[:1], [accepted(account, a_message())], sizes=[1], now=NOON)
    # From before: moves the lead's opening back, which writes the whole lead.
    late = accepted(account, a_message(at=NOON - timedelta(hours=1)))
    async with asyncio.TaskGroup() as group:  # noqa: SIM117  # the second ends after the first has committed
        async with stage.engines[0].begin() as connection:
            await connection.execute(
                text("update lead set status = 'won', closed_at = now(), value = 5")
            )
            meeting = group.create_task(
                route_surely(stage.engines[1], [late], policies=Policies(), now=NOON)
            )
            await _until_somebody_waits_for_a_lock(stage)
            assert not meeting.done()
    leads = await stage.sql("select status, value from lead order by created_at desc")
    assert [tuple(each) for each in leads] == [("won", 5), ("open", None)]


async def _until_somebody_waits_for_a_lock(stage: Stage) -> None:
    async with asyncio.timeout(30):
        while not await stage.sql(  # noqa: ASYNC110  # what another connection does wakes nobody here
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)


@slowly
@given(
    newcomers=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), min_size=2, max_size=10),
    chance=st.randoms(use_true_random=False),
)
async def test_routers_that_keep_meeting_make_each_person_once(stage, newcomers, chance):
    """Every message by the same few people at once, on both channels, in two transactions at a time."""
    await stage.empty(capacities=[None, None, None])
    history = History(stage.accounts)
    for who, phone in newcomers:
        for channel in CHANNELS:
            history.happens(("share", channel, who, phone))
    lanes: dict[str, list[Accepted]] = {
        channel: [each for each in history.events if each.channel == channel]
        for channel in CHANNELS
    }
    for each in lanes.values():
        chance.shuffle(each)

    async def one(engine: AsyncEngine, events: list[Accepted]) -> None:
        policies = Policies()
        for n in range(0, len(events), 2):
            await route_surely(
                engine, events[n : n + 2], policies=policies, now=NOON + timedelta(hours=1)
            )

    async with asyncio.TaskGroup() as group:
        for engine, events in zip(stage.engines, lanes.values(), strict=True):
            group.create_task(one(engine, events))

    await check_people(stage, history)
    await check_work(stage)


# Merge and unmerge


class NoFiles:
    async def delete(self, sha256: str) -> None:
        raise AssertionError(f"nothing is erased here, and {sha256} was")


async def snapshot(stage: Stage) -> dict[str, list[Any]]:
    tables = {
        "identity": "id, contact_id, kind, value, proved, shared",
        "identity_claim": "id, contact_id, kind, value",
        "conversation": "id, contact_id, manager_id, status, unread",
        "lead": "id, contact_id, pipeline_id, status, merged_into, closed_at, manager_id",
        "touch": "id, contact_id",
        "task": "id, contact_id, done_at",
        "message": "id, conversation_id, author_contact, seq",
        "contact": "id, name, manager_id, merged_into, blocked, created_at, fields, note",
        "user_account": "id, open_conversations",
    }
    return {
        table: sorted(map(tuple, await stage.sql(f"select {columns} from {table}")), key=str)
        for table, columns in tables.items()
    }


async def owe_everybody_a_call_and_a_second_lead(stage: Stage) -> None:
    """What one contact may have once, and two who are merged both have."""
    pipeline = await stage.sql("select id from pipeline where name = 'Service'")
    if not pipeline:
        await stage.sql(
            "insert into pipeline (id, name, position) values (:id, 'Service', 2)", id=new_id()
        )
        pipeline = await stage.sql("select id from pipeline where name = 'Service'")
        await stage.sql(
            "insert into stage (id, pipeline_id, name, kind, position) values (:id, :pipeline, 'New', 'open', 1)",
            id=new_id(),
            pipeline=pipeline[0].id,
        )
    for row in await stage.sql(
        "select id, created_at from contact where kind = 'person' and merged_into is null"
    ):
        await stage.sql(
            "insert into task (id, contact_id, kind, text, due_at, created_at)"
            " values (:id, :contact, 'callback', 'call', :at, :at)",
            id=new_id(),
            contact=row.id,
            at=row.created_at,
        )
        await stage.sql(
            "insert into lead (id, contact_id, pipeline_id, stage_id, created_at, stage_since)"
            " select :id, :contact, :pipeline, s.id, :at, :at from stage s where s.pipeline_id = :pipeline",
            id=new_id(),
            contact=row.id,
            pipeline=pipeline[0].id,
            at=row.created_at,
        )


@settings(slowly, max_examples=40)
@given(
    story=st.lists(steps, min_size=3, max_size=25),
    pairs=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=4),
    owing=st.booleans(),
    chance=st.randoms(use_true_random=False),
)
async def test_merges_undone_in_any_order_that_is_allowed_leave_what_was(
    stage, story, pairs, owing, chance
):
    await stage.empty(capacities=[None, None, None])
    history = History(stage.accounts)
    for step in story:
        history.happens(step)
    assume(history.events)
    await run_routers(stage.engines[:1], history.events, sizes=[200], now=NOON + timedelta(hours=1))
    if owing:
        await owe_everybody_a_call_and_a_second_lead(stage)
    await know_something_of_everybody(stage, chance)
    before = await snapshot(stage)
    earlier = {row.id for row in await stage.sql("select id from contact_merge")}
    desk = Desk(stage.engine, now=lambda: NOON + timedelta(hours=2), media=NoFiles())
    for one, other in pairs:
        live = [
            row.id
            for row in await stage.sql(
                "select id from contact where merged_into is null order by id"
            )
        ]
        first, second = live[one % len(live)], live[other % len(live)]
        if first != second:
            async with stage.engine.connect() as connection:
                preview = await merge_preview(connection, first, second)
            assert preview is not None
            whose = {
                each.what: chance.choice([preview.survivor.id, preview.absorbed.id])
                for each in preview.disagreements
            }
            merge = await desk.merge(first, second, by=None, keep=whose)
            await check_as_promised(stage, preview, merge, whose)
            await check_whole(stage)
    left = [
        row.id for row in await stage.sql("select id from contact_merge") if row.id not in earlier
    ]
    note(f"{len(left)} merges")
    while left:
        chance.shuffle(left)
        undone = []
        for merge in left:
            try:
                await desk.unmerge(merge, by=None)
            except Refused:
                continue
            undone.append(merge)
            await check_whole(stage)
        assert undone, "none of the merges that are left can be undone"
        left = [each for each in left if each not in undone]

    assert await snapshot(stage) == before


async def know_something_of_everybody(stage: Stage, chance: Any) -> None:
    """Names, managers, fields and notes, some of them the same, some missing."""
    for row in await stage.sql("select id from contact order by created_at, id"):
        fields = {
            key: chance.choice("ab") for key in ("city", "car") if chance.choice([True, False])
        }
        await stage.sql(
            "update contact set name = :name, manager_id = :manager, note = :note, fields = cast(:fields as jsonb)"
            " where id = :id",
            id=row.id,
            name=chance.choice(["", "Анна", "Глеб"]),
            manager=chance.choice([None, *stage.managers]),
            note=chance.choice(["", "звонить вечером", "оптовик"]),
            fields=json.dumps(fields),
        )


async def check_as_promised(
    stage: Stage, preview: MergePreview, merge: UUID, whose: dict[str, UUID]
) -> None:
    """What the preview said is what moved, closed and was kept."""
    row = await stage.one(
        "select survivor_id, absorbed_id, moved from contact_merge where id = :id", id=merge
    )
    assert (row.survivor_id, row.absorbed_id) == (preview.survivor.id, preview.absorbed.id)
    moved = {kind: len(set(row.moved[kind])) for kind in MOVED if row.moved.get(kind)}
    assert moved == dict(preview.moves)
    assert {str(each.closed_id) for each in preview.leads} == set(row.moved.get("lead_closed", ()))
    assert preview.tasks_closed == len(row.moved.get("task_closed", ()))
    one = await stage.one(
        "select name, manager_id, fields from contact where id = :id", id=row.survivor_id
    )
    survivor, absorbed = preview.survivor, preview.absorbed

    def kept(what: str, ours: Any, theirs: Any) -> Any:
        return theirs if whose.get(what) == absorbed.id else ours or theirs

    assert one.name == kept("name", survivor.name, absorbed.name)
    assert one.manager_id == kept("manager_id", survivor.manager_id, absorbed.manager_id)
    assert one.fields == {
        key: kept(f"fields.{key}", survivor.fields.get(key), absorbed.fields.get(key))
        for key in {**survivor.fields, **absorbed.fields}
    }


async def check_whole(stage: Stage) -> None:
    """Nobody's things belong to somebody who is not there; tombstones point at the living."""
    for table in ("identity", "conversation", "lead", "touch", "task"):
        assert not await stage.sql(
            f"select t.id from {table} t join contact c on c.id = t.contact_id where c.merged_into is not null"
        ), table
    assert not await stage.sql(
        "select c.id from contact c join contact t on t.id = c.merged_into where t.merged_into is not null"
    )
