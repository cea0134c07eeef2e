"""Notices, written down for whoever they concern.

    storage.notice_feed (facts) ─▶ router.notices.concerned ─▶ who may and wishes to know ─▶ notification ─▶ push_delivery
    storage.reminders (time) ───────────────────────────────────┘

A notice is one by its person, kind and subject, so that a fact told again changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import NoticeChanged
from router.ids import new_id
from router.notices import ABOUT_MESSAGES, MUTED, Notice
from storage import bulk
from storage.notice_wishes import Person, load_people
from storage.outbox import tell
from storage.reading.sight import unseen
from storage.tables import notification

DAYS: Final = 60

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


async def ring_no_more(connection: AsyncConnection, read: Collection[UUID]) -> None:
    """What was read here need not ring in a pocket."""
    if read:
        await connection.execute(
            text("delete from push_delivery where notification_id = any(:ids)"),
            {"ids": list(read)},
        )


async def tell_of_notices(
    connection: AsyncConnection, users: Collection[UUID], *, now: datetime
) -> None:
    await tell(
        connection, [NoticeChanged(id=new_id(), at=now, user=each) for each in sorted(users)]
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
