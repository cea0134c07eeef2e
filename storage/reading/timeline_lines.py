"""What happened around the messages, read from the records of it: handed over, merged, the lead moved.

Nothing is stored twice: the lines are the assignments, merges and lead events themselves, so that an undone merge or a
renamed colleague shows as it is now.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_LINES: Final = 200
EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)

UUID_: Final = PG_UUID()
MOMENT: Final = TIMESTAMP(timezone=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLine:
    """`kind` assigned: `manager_name` (or `team_name`: its queue) by the rule `what` because `reason`. merged, unmerged:
    `other_name` was taken in by the rule `what` because `reason`; `id` is the merge, which can be taken back while
    `undoable`, and `after` says how many of what moved. lead: `what` changed from `before` to `after`. status: what a
    colleague made of the conversation, or it became by itself, `after`. task: `what` is opened or done, `reason` its text.
    """

    id: UUID
    at: datetime
    kind: Literal["assigned", "merged", "unmerged", "lead", "status", "task"]
    conversation_id: UUID | None
    by_name: str
    """The colleague who did it; "" when Allo did."""
    reason: str
    manager_id: UUID | None
    manager_name: str
    team_name: str
    other_name: str
    undoable: bool
    lead_id: UUID | None
    lead_number: int | None
    what: str
    before: Any
    after: Any


_LINES = (
    text("""
    with talk as (
        select id from conversation where id = :conversation_id
        union all
        select id from conversation where contact_id = :contact_id
    ), whose as (
        select coalesce(
            :contact_id, (select contact_id from conversation where id = :conversation_id)
        ) as id
    ), line as (
        (select a.id, a.at, 'assigned' as kind, a.conversation_id, a.by_user, a.reason,
                a.manager_id, a.team_id, cast(null as uuid) as other_id, false as undoable,
                cast(null as uuid) as lead_id, a.rule as what,
                cast(null as jsonb) as before, cast(null as jsonb) as after
         from assignment a
         where a.conversation_id in (select id from talk) and a.at between :since and :until
         order by a.at desc limit :most)
        union all
        (select m.id, m.at, 'merged', null, m.by_user, m.reason, null, null, m.absorbed_id,
                m.undone_at is null, null, m.rule, null,
                (select jsonb_object_agg(part.key, jsonb_array_length(part.value))
                 from jsonb_each(m.moved) part where jsonb_typeof(part.value) = 'array')
         from contact_merge m
         where m.survivor_id = (select id from whose) and m.at between :since and :until
         order by m.at desc limit :most)
        union all
        (select m.id, m.undone_at, 'unmerged', null, m.undone_by, '', null, null, m.absorbed_id,
                false, null, m.rule, null, null
         from contact_merge m
         where m.survivor_id = (select id from whose) and m.undone_at between :since and :until
         order by m.undone_at desc limit :most)
        union all
        (select e.id, e.at, 'lead', l.conversation_id, e.by_user, '', null, null, null, false,
                e.lead_id, e.what, e.before,
                case when e.what = 'stage' then coalesce(
                    (select jsonb_build_object('name', s.name) from stage s
                     where s.id::text = e.after #>> '{}'), e.after) else e.after end
         from lead l join lead_event e on e.lead_id = l.id
         where l.contact_id = (select id from whose) and e.at between :since and :until
         order by e.at desc limit :most)
        union all
        (select s.id, s.at, 'status', s.object_id, s.user_id, '', null, null, null, false, null,
                s.what, s.before, s.after
         from audit s
         where s.object_id in (select id from talk) and s.what in ('conversation_status', 'conversation_by_itself')
           and s.at between :since and :until
         order by s.at desc limit :most)
        union all
        (select t.id, did.at, 'task', t.conversation_id, t.created_by, t.text, t.manager_id, null,
                null, false, t.lead_id, did.what, null, to_jsonb(t.due_at)
         from task t
         cross join lateral (values ('opened', t.created_at), ('done', t.done_at)) did(what, at)
         where (t.contact_id = (select id from whose)
                or t.lead_id in (select l.id from lead l where l.contact_id = (select id from whose)))
           and did.at between :since and :until
         order by did.at desc limit :most)
    )
    select line.*, by_whom.name as by_name, manager.name as manager_name, team.name as team_name,
           other.name as other_name, lead.number as lead_number
    from line
    left join user_account by_whom on by_whom.id = line.by_user
    left join user_account manager on manager.id = line.manager_id
    left join team on team.id = line.team_id
    left join contact other on other.id = line.other_id
    left join lead on lead.id = line.lead_id
    order by line.at desc, line.id desc
    limit :most
""")
    .bindparams(
        bindparam("conversation_id", type_=UUID_),
        bindparam("contact_id", type_=UUID_),
        bindparam("since", type_=MOMENT),
        bindparam("until", type_=MOMENT),
    )
    .columns(before=JSONB, after=JSONB)
)


async def lines_between(
    connection: AsyncConnection,
    *,
    conversation_id: UUID | None = None,
    contact_id: UUID | None = None,
    since: datetime | None,
    until: datetime | None,
) -> tuple[TimelineLine, ...]:
    """Oldest first; of one conversation and its contact, or of all a contact has. None: without that bound."""
    found = await connection.execute(
        _LINES,
        {
            "conversation_id": conversation_id,
            "contact_id": contact_id,
            "since": since or EVER,
            "until": until or FOREVER,
            "most": MOST_LINES,
        },
    )
    lines = [
        TimelineLine(
            id=row.id,
            at=row.at,
            kind=row.kind,
            conversation_id=row.conversation_id,
            by_name=row.by_name or "",
            reason=row.reason,
            manager_id=row.manager_id,
            manager_name=row.manager_name or "",
            team_name=row.team_name or "",
            other_name=row.other_name or "",
            undoable=row.undoable,
            lead_id=row.lead_id,
            lead_number=row.lead_number,
            what=row.what,
            before=row.before,
            after=row.after,
        )
        for row in found
    ]
    return tuple(reversed(lines))
