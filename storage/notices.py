"""Notices: the feed read fact by fact, and what falls due with time, written down for whoever it concerns.

    outbox, behind the cursor ─▶ router.notices.concerned ─▶ who may and wishes to know ─▶ notification ─▶ push_delivery
    task_reminder, promises ────────────────────────────────────────┘

The cursor moves in the transaction that writes the notices: a restart tells nobody twice, and two processes wait for each
other. Beyond that a notice is one by its person, kind and subject, so that a fact told again changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import wire
from router.facts import Assigned, ConversationChanged, Fact, NoticeChanged, TaskChanged
from router.ids import new_id
from router.notices import ABOUT_MESSAGES, MUTED, Notice, concerned, reminder_of, wait_of
from storage import bulk
from storage.notice_wishes import Person, load_people
from storage.outbox import tell
from storage.reading.sight import unseen
from storage.tables import notification

log = structlog.get_logger()

BATCH: Final = 500
DAYS: Final = 60
MOST_UNREAD: Final = 99
"""More are not counted: nobody reads the number any more."""
LATE: Final = timedelta(minutes=5)
"""A reminder that was due longer before its task was written down than this is not given: it is history."""
WATCHED: Final = timedelta(minutes=15)
"""A promise broken longer ago than this was told of, or was broken while nobody worked here."""

_COLUMNS: Final = (
    "id", "user_id", "kind", "subject", "seq", "conversation_id", "contact_id", "lead_id", "task_id", "account_id", "by_user",
    "details", "at", "told_at",
)  # fmt: skip
_GIVE = text(
    f"insert into notification as n ({', '.join(_COLUMNS)}) select {', '.join(_COLUMNS)}"  # noqa: S608  # our own names
    f" from {bulk.given(notification, _COLUMNS)} order by user_id, kind, subject"
    " on conflict (user_id, kind, subject) do update set seq = excluded.seq, at = excluded.at, told_at = excluded.told_at,"
    "  by_user = excluded.by_user, read_at = null where excluded.seq > n.seq"
    " returning id, user_id, kind"
)
_PUSH = text(
    "insert into push_delivery (id, subscription_id, notification_id, created_at, next_attempt_at)"
    " select gen_random_uuid(), s.id, k.id, :now, :now"
    " from unnest(cast(:ids as uuid[]), cast(:users as uuid[])) as k(id, user_id)"
    " join push_subscription s on s.user_id = k.user_id order by s.id, k.id"
    " on conflict (subscription_id, notification_id) do update set attempts = 0, created_at = excluded.created_at,"
    "  next_attempt_at = excluded.next_attempt_at"
)
_POSITION = text("select position from notice_cursor where id = 1 for update")
_BEGIN = text(
    "insert into notice_cursor (id, position) select 1, coalesce(max(position), 0) from outbox on conflict do nothing"
)
_NEXT = text(
    "select position, body from outbox where position > :after order by position limit :limit"
)
_REMIND = text("""
    with due as (
        select task_id, at from task_reminder where told_at is null and at <= :now
        order by at limit :limit for update skip locked
    ), told as (
        update task_reminder r set told_at = :now from due where r.task_id = due.task_id and r.at = due.at
    )
    select t.id, t.manager_id, t.lead_id, t.contact_id, t.conversation_id, t.due_at, due.at
    from due join task t on t.id = due.task_id
    where t.done_at is null and t.manager_id is not null
""")
_SYNC_FORGET = text("""
    delete from task_reminder r using task t
    where t.id = any(:ids) and r.task_id = t.id and r.told_at is null
      and (t.done_at is not null
           or not exists (select from unnest(t.remind_before) m where t.due_at - make_interval(mins => m) = r.at))
""")
_SYNC_ADD = text("""
    insert into task_reminder (task_id, at)
    select t.id, t.due_at - make_interval(mins => m) from task t, unnest(t.remind_before) m
    where t.id = any(:ids) and t.done_at is null and t.due_at - make_interval(mins => m) >= :since
    on conflict do nothing
""")
_BROKEN_PROMISES = text("""
    select v.id, v.account_id, v.contact_id, v.manager_id, v.waiting_since
    from account a
    join conversation v on v.account_id = a.id and v.status = 'open'
     and v.waiting_since <= cast(:now as timestamptz) - make_interval(mins => a.promise_minutes)
     and v.waiting_since > cast(:now as timestamptz) - make_interval(mins => a.promise_minutes) - cast(:watched as interval)
    where a.state <> 'removed' and v.manager_id is not null
    order by v.waiting_since limit :limit
""")
_READ_TALK = text("""
    update notification n set read_at = :now
    from unnest(cast(:users as uuid[]), cast(:talks as uuid[]), cast(:ats as timestamptz[])) as k(user_id, talk, at)
    where n.user_id = k.user_id and n.conversation_id = k.talk and n.read_at is null and n.at <= k.at
    returning n.user_id
""")
_READ_TASKS = text("""
    update notification set read_at = :now where task_id = any(:tasks) and read_at is null returning user_id
""")
# What was theirs to answer is somebody else's now. What a colleague said to them, and what they failed to send, stays.
_READ_GONE = text("""
    update notification n set read_at = :now
    from unnest(cast(:talks as uuid[]), cast(:managers as uuid[]), cast(:ats as timestamptz[])) as k(talk, manager, at)
    where n.conversation_id = k.talk and n.read_at is null and n.at <= k.at and n.user_id is distinct from k.manager
      and (n.kind in ('assigned', 'message', 'waiting') or n.kind = 'unassigned' and k.manager is not null)
    returning n.id, n.user_id
""")


async def follow(
    connection: AsyncConnection, *, now: datetime, zone: str, limit: int = BATCH
) -> int:
    """Reads on in the feed; how many facts there were."""
    found = await connection.execute(_POSITION)
    position = found.scalar_one_or_none()
    if position is None:
        await connection.execute(_BEGIN)
        return 0
    rows = (await connection.execute(_NEXT, {"after": position, "limit": limit})).all()
    if not rows:
        return 0
    facts: list[Fact] = []
    for row in rows:
        try:
            facts.append(wire.decode_fact(row.body))
        except wire.Undecodable as error:
            # Written by a newer process of a rolling update, which tells of it when it reads the feed.
            log.warning("fact_not_understood", error=str(error)[:200])
    await connection.execute(
        text("update notice_cursor set position = :position where id = 1"),
        {"position": rows[-1].position},
    )
    await take(connection, facts, now=now, zone=zone)
    return len(rows)


async def take(
    connection: AsyncConnection, facts: Sequence[Fact], *, now: datetime, zone: str
) -> None:
    """Tells whom the facts concern."""
    tasks = [each for each in facts if isinstance(each, TaskChanged)]
    if tasks:
        await _sync_reminders(connection, tasks)
    told = await give(
        connection, [notice for fact in facts for notice in concerned(fact)], now=now, zone=zone
    )
    told |= await _read_what_went_to_others(connection, facts, now=now)
    read = {
        (each.by, each.conversation): each.at
        for each in facts
        if isinstance(each, ConversationChanged)
        and each.what == "read"
        and each.by is not None
        and each.conversation is not None
    }
    if read:
        rows = await connection.execute(
            _READ_TALK,
            {
                "now": now,
                "users": [user for user, _ in read],
                "talks": [talk for _, talk in read],
                "ats": list(read.values()),
            },
        )
        told |= set(rows.scalars())
    done = [each.task for each in tasks if each.what == "done"]
    if done:
        told |= set((await connection.execute(_READ_TASKS, {"now": now, "tasks": done})).scalars())
    await _tell(connection, told, now=now)


async def _read_what_went_to_others(
    connection: AsyncConnection, facts: Sequence[Fact], *, now: datetime
) -> set[UUID]:
    gone = {
        each.conversation: each
        for each in facts
        if isinstance(each, Assigned) and each.conversation is not None
    }
    if not gone:
        return set()
    rows = (
        await connection.execute(
            _READ_GONE,
            {
                "now": now,
                "talks": list(gone),
                "managers": [each.manager for each in gone.values()],
                "ats": [each.at for each in gone.values()],
            },
        )
    ).all()
    if rows:
        # Read here, it need not ring in a pocket.
        await connection.execute(
            text("delete from push_delivery where notification_id = any(:ids)"),
            {"ids": [row.id for row in rows]},
        )
    return {row.user_id for row in rows}


async def remind(connection: AsyncConnection, *, now: datetime, zone: str) -> int:
    """Of tasks whose moment has come, and of customers who wait for longer than was promised; of how many."""
    due = (await connection.execute(_REMIND, {"now": now, "limit": BATCH})).all()
    notices = [
        Notice(
            kind="task",
            subject=reminder_of(row.id, row.at),
            at=row.at,
            user=row.manager_id,
            task=row.id,
            lead=row.lead_id,
            contact=row.contact_id,
            conversation=row.conversation_id,
            details={"what": "due" if row.at >= row.due_at else "soon"},
        )
        for row in due
    ]
    told = await give(connection, notices, now=now, zone=zone)
    await _tell(connection, told, now=now)
    return len(due)


async def tell_of_broken_promises(connection: AsyncConnection, *, now: datetime, zone: str) -> int:
    """To those who answer; how many conversations wait for too long since lately."""
    rows = (
        await connection.execute(_BROKEN_PROMISES, {"now": now, "watched": WATCHED, "limit": BATCH})
    ).all()
    notices = [
        Notice(
            kind="waiting",
            subject=wait_of(row.id, row.waiting_since),
            at=now,
            user=row.manager_id,
            conversation=row.id,
            contact=row.contact_id,
            account=row.account_id,
        )
        for row in rows
    ]
    await _tell(connection, await give(connection, notices, now=now, zone=zone), now=now)
    return len(rows)


async def give(
    connection: AsyncConnection, notices: Sequence[Notice], *, now: datetime, zone: str
) -> set[UUID]:
    """Writes them down for whoever may and wishes to know, and sends them on; whom they were news to."""
    if not notices:
        return set()
    people = await load_people(connection)
    authors, silences = await _looked_up(connection, notices)
    following = await _following(connection, notices)
    muted = await _muted(connection, notices)
    newest: dict[tuple[UUID, str, UUID], tuple[Person, Notice]] = {}
    for given in notices:
        notice = replace(given, kind="waiting") if given.assignment in silences else given
        for user in _recipients(notice, people, authors):
            person = people.get(user)
            if person is None or notice.subject in following or not _wants(person, notice, muted):
                continue
            known = newest.get((user, notice.kind, notice.subject))
            if known is None or notice.seq > known[1].seq:
                newest[user, notice.kind, notice.subject] = person, notice
    await _leave_out_unseen(connection, newest)
    if not newest:
        return set()
    rows = [_row(person.id, notice, now=now) for person, notice in newest.values()]
    fresh = (await connection.execute(_GIVE, {"rows": bulk.as_json(rows)})).all()
    pushed = [
        row
        for row in fresh
        if (person := people[row.user_id]).wishes[row.kind].push
        and not person.manner.is_quiet(now, teams=person.hours, zone=zone)
    ]
    if pushed:
        await connection.execute(
            _PUSH,
            {
                "now": now,
                "ids": [row.id for row in pushed],
                "users": [row.user_id for row in pushed],
            },
        )
    return {row.user_id for row in fresh}


async def _leave_out_unseen(
    connection: AsyncConnection, newest: dict[tuple[UUID, str, UUID], tuple[Person, Notice]]
) -> None:
    """A conversation that somebody does not see is no news to them. A task or a lead is given to them: it is."""
    asked: dict[UUID, set[UUID]] = {}
    for person, notice in newest.values():
        if notice.kind in ABOUT_MESSAGES and notice.conversation and not person.sight.whole:
            asked.setdefault(person.id, set()).add(notice.conversation)
    sights = {person.id: person.sight for person, _ in newest.values()}
    gone = {
        user: await unseen(connection, sights[user], "conversation", talks)
        for user, talks in asked.items()
    }
    for key, (person, notice) in list(newest.items()):
        if notice.kind in ABOUT_MESSAGES and notice.conversation in gone.get(person.id, ()):
            del newest[key]


async def mark_read(
    connection: AsyncConnection,
    user: UUID,
    *,
    now: datetime,
    notice: UUID | None = None,
    conversation: UUID | None = None,
) -> int:
    """One, those about one conversation, or all; how many were unread. The person's other pages learn of it."""
    rows = await connection.execute(
        text(
            "update notification set read_at = :now where user_id = :user and read_at is null"
            " and (cast(:notice as uuid) is null or id = :notice)"
            " and (cast(:talk as uuid) is null or conversation_id = :talk)"
            # Read here, it need not ring in a pocket.
            " returning id"
        ),
        {"now": now, "user": user, "notice": notice, "talk": conversation},
    )
    ids = list(rows.scalars())
    if ids:
        await connection.execute(
            text("delete from push_delivery where notification_id = any(:ids)"), {"ids": ids}
        )
        await _tell(connection, {user}, now=now)
    return len(ids)


async def mark_unread(
    connection: AsyncConnection, user: UUID, *, read_at: datetime, now: datetime
) -> None:
    """Those that were marked read in that moment: takes "all read" back."""
    await connection.execute(
        text("update notification set read_at = null where user_id = :user and read_at = :at"),
        {"user": user, "at": read_at},
    )
    await _tell(connection, {user}, now=now)


async def set_mute(
    connection: AsyncConnection, user: UUID, conversation: UUID, *, muted: bool, now: datetime
) -> None:
    if muted:
        await connection.execute(
            text(
                "insert into conversation_mute (user_id, conversation_id, at)"
                " select :user, id, :now from conversation where id = :talk on conflict do nothing"
            ),
            {"user": user, "talk": conversation, "now": now},
        )
    else:
        await connection.execute(
            text("delete from conversation_mute where user_id = :user and conversation_id = :talk"),
            {"user": user, "talk": conversation},
        )


async def prune(connection: AsyncConnection, *, now: datetime) -> int:
    """Forgets what is older than DAYS, and reminders given long ago; how many notices."""
    before = now - timedelta(days=DAYS)
    await connection.execute(
        text("delete from task_reminder where told_at < :before"), {"before": before}
    )
    gone = await connection.execute(
        text("delete from notification where told_at < :before"), {"before": before}
    )
    return gone.rowcount


async def _tell(connection: AsyncConnection, users: Collection[UUID], *, now: datetime) -> None:
    await tell(
        connection, [NoticeChanged(id=new_id(), at=now, user=each) for each in sorted(users)]
    )


async def _sync_reminders(connection: AsyncConnection, facts: Sequence[TaskChanged]) -> None:
    ids = sorted({each.task for each in facts})
    await connection.execute(_SYNC_FORGET, {"ids": ids})
    await connection.execute(
        _SYNC_ADD, {"ids": ids, "since": min(each.at for each in facts) - LATE}
    )


async def _looked_up(
    connection: AsyncConnection, notices: Sequence[Notice]
) -> tuple[Mapping[UUID, UUID], Collection[UUID]]:
    """The authors of messages that are told about to them, and the assignments made because somebody did not answer."""
    messages = [each.message for each in notices if each.everyone == "author"]
    authors: dict[UUID, UUID] = {}
    if messages:
        rows = await connection.execute(
            text(
                "select id, author_user from message where id = any(:ids) and author_user is not null"
            ),
            {"ids": messages},
        )
        authors = {row.id: row.author_user for row in rows}
    assignments = [each.assignment for each in notices if each.assignment is not None]
    silences: set[UUID] = set()
    if assignments:
        found = await connection.execute(
            text(
                "select id from assignment where id = any(:ids) and rule in ('silence', 'silence_lead')"
            ),
            {"ids": assignments},
        )
        silences = set(found.scalars())
    return authors, silences


async def _following(connection: AsyncConnection, notices: Sequence[Notice]) -> Collection[UUID]:
    """Leads that were given away with their conversation, which tells of it."""
    leads = [each for each in notices if each.kind == "lead" and each.conversation is not None]
    if not leads:
        return set()
    rows = await connection.execute(
        text(
            "select k.subject from unnest(cast(:subjects as uuid[]), cast(:talks as uuid[]), cast(:users as uuid[]),"
            "  cast(:ats as timestamptz[])) as k(subject, talk, user_id, at)"
            " where exists (select from assignment a where a.conversation_id = k.talk and a.manager_id = k.user_id"
            "  and a.at = k.at)"
        ),
        {
            "subjects": [each.subject for each in leads],
            "talks": [each.conversation for each in leads],
            "users": [each.user for each in leads],
            "ats": [each.at for each in leads],
        },
    )
    return set(rows.scalars())


async def _muted(
    connection: AsyncConnection, notices: Sequence[Notice]
) -> Collection[tuple[UUID, UUID]]:
    talks = {each.conversation for each in notices if each.kind in MUTED} - {None}
    if not talks:
        return set()
    rows = await connection.execute(
        text(
            "select user_id, conversation_id from conversation_mute where conversation_id = any(:ids)"
        ),
        {"ids": list(talks)},
    )
    return {(row.user_id, row.conversation_id) for row in rows}


def _recipients(
    notice: Notice, people: Mapping[UUID, Person], authors: Mapping[UUID, UUID]
) -> list[UUID]:
    match notice.everyone:
        case "author":
            author = authors.get(notice.message) if notice.message else None
            return [author] if author is not None else []
        case "team":
            return [each.id for each in people.values() if notice.team in each.teams]
        case "admins":
            return [each.id for each in people.values() if each.role == "admin"]
        case "":
            return [notice.user] if notice.user is not None else []


def _wants(person: Person, notice: Notice, muted: Collection[tuple[UUID, UUID | None]]) -> bool:
    if notice.kind in ABOUT_MESSAGES and person.role == "marketer":
        return False
    if notice.kind in MUTED and (person.id, notice.conversation) in muted:
        return False
    return person.wishes[notice.kind].in_app


def _row(user: UUID, notice: Notice, *, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "user_id": user,
        "kind": notice.kind,
        "subject": notice.subject,
        "seq": notice.seq,
        "conversation_id": notice.conversation,
        "contact_id": notice.contact,
        "lead_id": notice.lead,
        "task_id": notice.task,
        "account_id": notice.account,
        "by_user": notice.by,
        "details": dict(notice.details),
        "at": notice.at,
        "told_at": now,
    }
