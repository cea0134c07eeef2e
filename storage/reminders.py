"""What falls due with time and not with a fact: reminders of tasks, customers who wait for longer than was promised, and
advertising accounts that tell nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import TaskChanged
from router.notices import Notice, ailment_of, reminder_of, wait_of
from storage.ad_accounts import ailing_ad_accounts
from storage.notices import give, tell_of_notices

BATCH: Final = 500

LATE: Final = timedelta(minutes=5)
"""A reminder that was due longer before its task was written down than this is not given: it is history."""
WATCHED: Final = timedelta(minutes=15)
"""A promise broken longer ago than this was told of, or was broken while nobody worked here."""

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


async def remind(connection: AsyncConnection, *, now: datetime, zone: str) -> int:
    """Of tasks whose moment has come; of how many."""
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
    await tell_of_notices(connection, told, now=now)
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
    await tell_of_notices(connection, await give(connection, notices, now=now, zone=zone), now=now)
    return len(rows)


async def tell_of_ad_accounts(connection: AsyncConnection, *, now: datetime, zone: str) -> int:
    """To administrators, once for each time that one is out of order; how many are."""
    ailing = await ailing_ad_accounts(connection, now=now)
    notices = [
        Notice(
            kind="channel",
            subject=ailment_of(each.id, each.failing_since),
            at=now,
            everyone="admins",
            details={
                "what": "ad_account",
                "ad_account": str(each.id),
                "name": each.name,
                "condition": each.condition,
            },
        )
        for each in ailing
    ]
    await tell_of_notices(connection, await give(connection, notices, now=now, zone=zone), now=now)
    return len(ailing)


async def sync_reminders(connection: AsyncConnection, facts: Sequence[TaskChanged]) -> None:
    ids = sorted({each.task for each in facts})
    await connection.execute(_SYNC_FORGET, {"ids": ids})
    await connection.execute(
        _SYNC_ADD, {"ids": ids, "since": min(each.at for each in facts) - LATE}
    )
