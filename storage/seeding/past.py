"""A past that is brought in: people who came, talked, became leads and bought, as if Allo had been there.

Without facts: nobody is told and nothing is sent. What reports read is due afterwards, and made by the recorder as ever.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import bulk
from storage.analytics.reckoning import due
from storage.analytics.self_reported import self_reported_field
from storage.recording import index_conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTouch:
    id: UUID
    at: datetime
    channel: str
    source: str
    medium: str = ""
    campaign: str = ""
    content: str = ""
    term: str = ""
    landing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWords:
    """`answers`: since when somebody waited for it; only of what we said."""

    id: UUID
    direction: Literal["in", "out"]
    at: datetime
    text: str
    answers: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """`talked` in seconds; 0 when nobody answered."""

    id: UUID
    message: UUID
    direction: Literal["in", "out"]
    at: datetime
    rang: int
    talked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTask:
    id: UUID
    text: str
    due_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastLead:
    """`steps`: places of stages in their pipeline, and when it came there; the first is where it began."""

    id: UUID
    title: str
    created_at: datetime
    steps: Sequence[tuple[int, datetime]]
    status: Literal["open", "won", "lost"]
    value: int | None
    lost_reason: str = ""
    tasks: Sequence[PastTask] = ()
    heard: str = ""
    """How they said they heard of us; "": nobody asked."""

    @property
    def closed_at(self) -> datetime | None:
        return None if self.status == "open" else self.steps[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCustomer:
    """One person, who came by one channel. `account` and `manager` are places in the ground's."""

    contact: UUID
    identity: UUID
    conversation: UUID
    key: tuple[str, str]
    """Of the channel's own kind: ("telegram", "100001"); of one who calls, the number."""
    name: str
    account: str
    manager: int
    inquiries: Sequence[tuple[UUID, datetime]]
    touches: Sequence[PastTouch] = ()
    said: Sequence[PastWords] = ()
    calls: Sequence[PastCall] = ()
    leads: Sequence[PastLead] = field(default_factory=tuple)

    @property
    def began(self) -> datetime:
        return min(at for _, at in self.inquiries)

    @property
    def entries(self) -> "list[PastWords | PastCall]":
        """What stands in the conversation, in order."""
        return sorted([*self.said, *self.calls], key=lambda each: each.at)

    @property
    def last(self) -> datetime:
        return max(self.began, self.entries[-1].at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Of the pipeline: how many stages are on the way, and the places of the two where it ends."""

    on_the_way: int
    won: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What it happened on: accounts by slug, managers by place, the first pipeline; the field that `heard` is kept in."""

    accounts: dict[str, UUID]
    managers: Sequence[UUID]
    names: Sequence[str]
    pipeline: UUID
    stages: Sequence[UUID]
    ends: Ends
    heard: str


async def ground_of(connection: AsyncConnection, *, managers: Sequence[tuple[UUID, str]]) -> Ground:
    accounts = await connection.execute(text("select slug, id from account"))
    stages = (
        await connection.execute(
            text(
                "select pipeline_id, id, kind from stage where pipeline_id ="
                " (select id from pipeline order by position limit 1) order by position"
            )
        )
    ).all()
    kinds = [row.kind for row in stages]
    asked = await self_reported_field(connection)
    return Ground(
        accounts={row.slug: row.id for row in accounts},
        managers=[id_ for id_, _ in managers],
        names=[name for _, name in managers],
        pipeline=stages[0].pipeline_id,
        stages=[row.id for row in stages],
        ends=Ends(on_the_way=kinds.index("won"), won=kinds.index("won"), lost=kinds.index("lost")),
        heard=asked.key if asked is not None else "",
    )


async def bring_in(
    connection: AsyncConnection, ground: Ground, people: Sequence[PastCustomer], *, now: datetime
) -> None:
    """All of them in the caller's transaction. People whose account is not there are left out."""
    there = [each for each in people if each.account in ground.accounts]
    for table, columns, rows in (
        ("contact", ("id", "name", "manager_id", "created_at"), _contacts),
        ("identity", ("id", "contact_id", "kind", "value", "display", "proved", "first_seen", "last_seen"), _identities),
        ("conversation", _CONVERSATION, _conversations),
        ("assignment", ("id", "conversation_id", "manager_id", "rule", "reason", "at", "ended_at"), _assignments),
        ("message", _MESSAGE, _messages),
        ("call", _CALL, _calls),
        ("touch", _TOUCH, _touches),
        ("inquiry", ("id", "conversation_id", "kind", "at"), _inquiries),
        ("response", ("id", "conversation_id", "user_id", "waited_since", "at"), _responses),
        ("lead", _LEAD, _leads),
        ("lead_event", ("id", "lead_id", "what", "before", "after", "by_user", "at"), _events),
        ("task", _TASK, _tasks),
    ):  # fmt: skip
        values = (row for each in there for row in rows(each, ground))
        await bulk.copy(connection, table, columns, values)
    await index_conversations(connection, [each.conversation for each in there])
    await due(connection, [each.contact for each in there], now=now)


Rows = Iterator[tuple[Any, ...]]

_CONVERSATION: Final = (
    "id", "account_id", "chat", "contact_id", "identity_id", "manager_id", "status", "seq", "preview", "preview_direction",
    "preview_kind", "first_message_at", "last_message_at", "last_inbound_at", "created_at", "resolved_at",
)  # fmt: skip
_MESSAGE: Final = (
    "id", "conversation_id", "seq", "account_id", "direction", "kind", "author_user", "author_name", "text", "sent_at",
    "received_at", "state",
)  # fmt: skip
_CALL: Final = (
    "id", "account_id", "key", "conversation_id", "message_id", "direction", "phase", "theirs", "user_id", "started_at",
    "answered_at", "ended_at", "talked", "created_at",
)  # fmt: skip
_TOUCH: Final = (
    "id", "contact_id", "at", "channel", "source", "medium", "campaign", "content", "term", "landing",
)  # fmt: skip
_LEAD: Final = (
    "id", "contact_id", "pipeline_id", "stage_id", "title", "status", "value", "manager_id", "account_id", "conversation_id",
    "first_touch_id", "last_touch_id", "first_touch", "last_touch", "lost_reason", "created_at", "stage_since", "closed_at",
    "position", "fields",
)  # fmt: skip
_TASK: Final = (
    "id", "lead_id", "contact_id", "conversation_id", "manager_id", "text", "due_at", "done_at", "created_at",
)  # fmt: skip


def _contacts(who: PastCustomer, ground: Ground) -> Rows:
    yield who.contact, who.name, ground.managers[who.manager], who.began


def _identities(who: PastCustomer, ground: Ground) -> Rows:
    kind, value = who.key
    yield who.identity, who.contact, kind, value, value, True, who.began, who.last


def _conversations(who: PastCustomer, ground: Ground) -> Rows:
    last = who.entries[-1]
    yield (
        who.conversation, ground.accounts[who.account], who.key[1], who.contact, who.identity, ground.managers[who.manager],
        "resolved", len(who.said) + len(who.calls), last.text[:160] if isinstance(last, PastWords) else "", last.direction,
        "text" if isinstance(last, PastWords) else "call" if last.talked else "missed_call", who.began, who.last, who.began,
        who.began, who.last,
    )  # fmt: skip


def _assignments(who: PastCustomer, ground: Ground) -> Rows:
    name = ground.names[who.manager]
    yield (
        who.identity, who.conversation, ground.managers[who.manager], "team", f"{name}: по очереди", who.began, who.last,
    )  # fmt: skip


def _messages(who: PastCustomer, ground: Ground) -> Rows:
    account, manager = ground.accounts[who.account], ground.managers[who.manager]
    for seq, each in enumerate(who.entries, start=1):
        ours = each.direction == "out"
        said = isinstance(each, PastWords)
        yield (
            each.id if isinstance(each, PastWords) else each.message, who.conversation, seq, account, each.direction,
            "text" if said else "call", manager if ours else None, ground.names[who.manager] if ours else who.name,
            each.text if isinstance(each, PastWords) else "", each.at, each.at, "read" if ours and said else "",
        )  # fmt: skip


def _calls(who: PastCustomer, ground: Ground) -> Rows:
    for each in who.calls:
        answered = each.at + timedelta(seconds=each.rang) if each.talked else None
        over = each.at + timedelta(seconds=each.rang + each.talked)
        yield (
            each.id, ground.accounts[who.account], str(each.id), who.conversation, each.message, each.direction,
            "ended" if each.talked else "missed", who.key[1], ground.managers[who.manager] if each.talked or each.direction == "out" else None,
            each.at, answered, over, float(each.talked) if each.talked else None, each.at,
        )  # fmt: skip


def _touches(who: PastCustomer, ground: Ground) -> Rows:
    for each in who.touches:
        yield (
            each.id, who.contact, each.at, each.channel, each.source, each.medium, each.campaign, each.content, each.term,
            each.landing,
        )  # fmt: skip


def _inquiries(who: PastCustomer, ground: Ground) -> Rows:
    calls = {each.message for each in who.calls}
    for id_, at in who.inquiries:
        yield id_, who.conversation, "call" if id_ in calls else "message", at


def _responses(who: PastCustomer, ground: Ground) -> Rows:
    manager = ground.managers[who.manager]
    for words in who.said:
        if words.answers is not None:
            yield words.id, who.conversation, manager, words.answers, words.at
    for call in who.calls:
        if call.talked and call.direction == "in":
            yield (
                call.id,
                who.conversation,
                manager,
                call.at,
                call.at + timedelta(seconds=call.rang),
            )


def _leads(who: PastCustomer, ground: Ground) -> Rows:
    for lead in who.leads:
        before = sorted(
            (touch for touch in who.touches if touch.at <= lead.created_at),
            key=lambda touch: (touch.at, touch.id),
        )
        first, last = (before[0], before[-1]) if before else (None, None)
        stage, since = lead.steps[-1]
        yield (
            lead.id, who.contact, ground.pipeline, ground.stages[stage], lead.title, lead.status, lead.value,
            ground.managers[who.manager], ground.accounts[who.account], who.conversation, first and first.id, last and last.id,
            _snapshot(first), _snapshot(last), lead.lost_reason, lead.created_at, since, lead.closed_at, since.timestamp(),
            msgspec.json.encode({ground.heard: lead.heard} if ground.heard and lead.heard else {}).decode(),
        )  # fmt: skip


def _snapshot(touch: PastTouch | None) -> str | None:
    if touch is None:
        return None
    kept = ("id", "at", "channel", "source", "medium", "campaign", "content", "term")
    return msgspec.json.encode({name: getattr(touch, name) for name in kept}).decode()


def _events(who: PastCustomer, ground: Ground) -> Rows:
    for lead in who.leads:
        before = None
        for place, (stage, at) in enumerate(lead.steps):
            after = msgspec.json.encode(str(ground.stages[stage])).decode()
            # A v7 id of its own would do; the lead's with the place in its last bits is the same in every demo.
            yield (
                UUID(int=lead.id.int ^ (place + 1)), lead.id, "stage" if place else "opened", before, after,
                ground.managers[who.manager] if place else None, at,
            )  # fmt: skip
            before = after


def _tasks(who: PastCustomer, ground: Ground) -> Rows:
    for lead in who.leads:
        for task in lead.tasks:
            yield (
                task.id, lead.id, who.contact, who.conversation, ground.managers[who.manager], task.text, task.due_at,
                task.done_at, lead.created_at,
            )  # fmt: skip
