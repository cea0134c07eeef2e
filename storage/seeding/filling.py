"""Writes what `story` invents, by COPY, some thousands of conversations in a transaction.

Without facts: nobody is told and nothing is sent. Its accounts are paused, so that nothing tries to reach a platform.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.attribution import snapshot
from router.ids import new_id
from router.records import Touch
from storage import bulk
from storage.analytics.rule_changes import forget
from storage.engine import transaction
from storage.recording import index_conversations
from storage.seeding.story import CHANNELS, Said, Talk, talks
from storage.seeding.surrounding import surround
from storage.timers import recount_open

TOGETHER: Final = 4000
"""Conversations of one transaction."""
MANAGERS: Final = 50
TEAMS: Final = 5
WINDOW: Final = timedelta(hours=24)


class InUse(Exception):
    """There are messages already: made-up ones would stand among them for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    accounts: dict[str, UUID]
    managers: Sequence[UUID]
    teams: Sequence[UUID]
    pipeline: UUID
    stages: Sequence[UUID]
    now: datetime


async def fill(
    engine: AsyncEngine,
    *,
    conversations: int,
    messages: int,
    now: datetime,
    seed: int = 1,
    password: str = "",
) -> AsyncGenerator[int]:
    """Yields how many conversations are there. `password` is the hash that opens every made-up colleague's account.

    Raises InUse.
    """
    async with transaction(engine) as connection:
        if (await connection.execute(text("select exists (select from message)"))).scalar_one():
            raise InUse
        ground = await _prepare(connection, password=password, now=now)
    invented = talks(
        conversations=conversations,
        messages=messages,
        managers=MANAGERS,
        teams=TEAMS,
        now=now,
        seed=seed,
    )
    done = 0
    while some := list(islice(invented, TOGETHER)):
        async with transaction(engine) as connection:
            # Bringing in a million of them is nothing a page does.
            await connection.execute(text("set local statement_timeout = 0"))
            await _write(connection, ground, some)
        done += len(some)
        yield done
    async with transaction(engine) as connection:
        await connection.execute(text("set local statement_timeout = 0"))
        await surround(connection, now=now)
        await recount_open(connection)
        await forget(connection)
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(text("set statement_timeout = 0"))
        # Otherwise the planner guesses, and index-only scans look into the table, until autovacuum has been there.
        await alone.execute(text("vacuum analyze"))
        await alone.execute(text("reset statement_timeout"))


async def _prepare(connection: AsyncConnection, *, password: str, now: datetime) -> _Ground:
    teams = [new_id() for _ in range(TEAMS)]
    managers = [new_id() for _ in range(MANAGERS)]
    accounts = {channel: new_id() for channel in CHANNELS}
    await bulk.copy(
        connection,
        "team",
        ("id", "name", "created_at"),
        ((id_, f"Команда {n + 1}", now) for n, id_ in enumerate(teams)),
    )
    await bulk.copy(
        connection,
        "user_account",
        ("id", "email", "name", "role", "password", "created_at"),
        (
            (id_, f"seed-{n + 1}@example.com", f"Менеджер {n + 1}", "manager", password, now)
            for n, id_ in enumerate(managers)
        ),
    )
    await bulk.copy(
        connection,
        "team_member",
        ("team_id", "user_id", "joined_at"),
        ((teams[n % TEAMS], id_, now) for n, id_ in enumerate(managers)),
    )
    await bulk.copy(
        connection,
        "account",
        ("id", "kind", "slug", "sealed", "state", "team_id", "created_at"),
        (
            (id_, channel, f"seed-{channel.replace('_', '-')}", b"", "paused", teams[0], now)
            for channel, id_ in accounts.items()
        ),
    )
    pipeline, stages = await _pipeline(connection)
    return _Ground(
        accounts=accounts, managers=managers, teams=teams, pipeline=pipeline, stages=stages, now=now
    )


async def _pipeline(connection: AsyncConnection) -> tuple[UUID, list[UUID]]:
    """The first one: three stages on the way, then won and lost."""
    rows = (
        await connection.execute(
            text(
                "select p.id as pipeline, s.id, s.kind from pipeline p join stage s on s.pipeline_id = p.id"
                " where p.position = (select min(position) from pipeline) order by s.position"
            )
        )
    ).all()
    on_the_way = [row.id for row in rows if row.kind not in {"won", "lost"}]
    ends = [next(row.id for row in rows if row.kind == kind) for kind in ("won", "lost")]
    return rows[0].pipeline, [*(on_the_way * 3)[:3], *ends]


async def _write(connection: AsyncConnection, ground: _Ground, some: Sequence[Talk]) -> None:
    await bulk.copy(
        connection,
        "contact",
        ("id", "name", "created_at"),
        ((talk.contact, talk.name, talk.said[0].at) for talk in some),
    )
    await bulk.copy(
        connection,
        "identity",
        ("id", "contact_id", "kind", "value", "display", "proved", "first_seen", "last_seen"),
        (row for talk in some for row in _identities(talk)),
    )
    await bulk.copy(
        connection,
        "touch",
        ("id", "contact_id", "at", "channel", "source", "campaign"),
        (
            (touch.id, touch.contact_id, touch.at, touch.channel, touch.source, touch.campaign)
            for talk in some
            if (touch := _touch(talk)) is not None
        ),
    )
    await bulk.copy(
        connection, "conversation", _CONVERSATION, (_row(talk, ground) for talk in some)
    )
    await bulk.copy(
        connection,
        "assignment",
        ("id", "conversation_id", "manager_id", "team_id", "rule", "reason", "at"),
        (
            (new_id(), talk.id, _manager(talk, ground), ground.teams[talk.team], "team", "очередь команды", talk.said[0].at)
            for talk in some
        ),
    )  # fmt: skip
    await bulk.copy(
        connection,
        "message",
        ("id", "conversation_id", "seq", "account_id", "direction", "author_user", "author_name", "text", "sent_at", "received_at", "state"),
        (row for talk in some for row in _messages(talk, ground)),
    )  # fmt: skip
    await bulk.copy(connection, "lead", _LEAD, (_lead(talk, ground) for talk in some if talk.lead))
    await bulk.copy(
        connection,
        "task",
        ("id", "lead_id", "contact_id", "manager_id", "text", "due_at", "created_at"),
        (
            (talk.task, talk.lead, talk.contact, _manager(talk, ground), "Позвонить", _due(talk, ground), talk.said[0].at)
            for talk in some
            if talk.task
        ),
    )  # fmt: skip
    await index_conversations(connection, [talk.id for talk in some])


_CONVERSATION: Final = (
    "id", "account_id", "chat", "contact_id", "identity_id", "status", "manager_id", "team_id", "subject", "seq", "preview",
    "preview_direction", "first_message_at", "last_message_at", "last_inbound_at", "waiting_since", "snoozed_until", "unread",
    "window_until", "labels", "created_at", "resolved_at",
)  # fmt: skip
_LEAD: Final = (
    "id", "contact_id", "pipeline_id", "stage_id", "title", "status", "value", "manager_id", "account_id", "conversation_id",
    "first_touch_id", "last_touch_id", "first_touch", "last_touch", "position", "lost_reason", "created_at", "stage_since",
    "closed_at",
)  # fmt: skip


def _row(talk: Talk, ground: _Ground) -> tuple[Any, ...]:
    last, heard = talk.said[-1], _last(talk.said, "in")
    return (
        talk.id,
        ground.accounts[talk.channel],
        f"seed-{talk.number}",
        talk.contact,
        talk.identity,
        talk.status,
        _manager(talk, ground),
        ground.teams[talk.team],
        "Re: заказ" if talk.channel == "email" else "",
        len(talk.said),
        last.text[:120],
        last.direction,
        talk.said[0].at,
        last.at,
        heard.at,
        heard.at if talk.waits else None,
        ground.now + timedelta(days=1) if talk.status == "snoozed" else None,
        talk.unread,
        heard.at + WINDOW if talk.channel == "whatsapp" else None,
        [talk.label] if talk.label else [],
        talk.said[0].at,
        last.at if talk.status == "resolved" else None,
    )


def _identities(talk: Talk) -> Iterator[tuple[Any, ...]]:
    first, last = talk.said[0].at, talk.said[-1].at
    own = {"site_chat": "visitor", "mango": "phone", "email": "email"}.get(
        talk.channel, talk.channel
    )
    value = {
        "phone": f"+7495{talk.number:07}",
        "email": f"box{talk.number}@post.example",
    }.get(own, f"{5_000_000_000 + talk.number}")
    yield talk.identity, talk.contact, own, value, value, True, first, last
    if talk.phone and own != "phone":
        yield (
            new_id(),
            talk.contact,
            "phone",
            talk.phone,
            talk.phone,
            talk.channel == "whatsapp",
            first,
            last,
        )
    if talk.email and own != "email":
        yield new_id(), talk.contact, "email", talk.email, talk.email, False, first, last


def _messages(talk: Talk, ground: _Ground) -> Iterator[tuple[Any, ...]]:
    writer = _manager(talk, ground) or ground.managers[0]
    for seq, said in enumerate(talk.said, start=1):
        ours = said.direction != "in"
        yield (
            said.id,
            talk.id,
            seq,
            ground.accounts[talk.channel],
            said.direction,
            writer if ours else None,
            "Менеджер" if ours else "",
            said.text,
            said.at,
            said.at,
            "read" if said.direction == "out" else "",
        )


def _lead(talk: Talk, ground: _Ground) -> tuple[Any, ...]:
    touch = _touch(talk)
    kept = msgspec.json.encode(snapshot(touch)).decode() if touch is not None else None
    closed = talk.said[-1].at if talk.lead_status != "open" else None
    return (
        talk.lead,
        talk.contact,
        ground.pipeline,
        ground.stages[talk.stage],
        talk.said[0].text[:60],
        talk.lead_status,
        talk.value,
        _manager(talk, ground),
        ground.accounts[talk.channel],
        talk.id,
        touch and touch.id,
        touch and touch.id,
        kept,
        kept,
        float(talk.number),
        "дорого" if talk.lead_status == "lost" else "",
        talk.said[0].at,
        talk.said[-1].at,
        closed,
    )


def _touch(talk: Talk) -> Touch | None:
    """None of who came from nowhere known."""
    if not talk.source:
        return None
    return Touch(
        id=talk.touch,
        contact_id=talk.contact,
        at=talk.said[0].at,
        channel=talk.channel,
        source=talk.source,
        campaign=talk.campaign,
    )


def _manager(talk: Talk, ground: _Ground) -> UUID | None:
    return None if talk.manager is None else ground.managers[talk.manager]


def _due(talk: Talk, ground: _Ground) -> datetime:
    return ground.now + timedelta(hours=talk.number % 96 - 48)


def _last(said: Sequence[Said], direction: str) -> Said:
    return next(each for each in reversed(said) if each.direction == direction)
