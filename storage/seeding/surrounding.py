"""What stands around the conversations: labels, files, replies that failed, colleagues named, what reports count by (inquiries,
answers, the ways of leads), tasks done, what everybody was told, prepared replies and views. Set by set; which rows, their ids
decide, so that the same story gives the same surroundings.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.inquiries import SILENCE
from storage.seeding.story import LABELS

_COLOURS: Final = ("red", "petrol", "amber", "sky", "violet", "")

_LABELS: Final = """
    insert into label (id, name, colour, position, created_at)
    select gen_random_uuid(), l.name, l.colour, l.nth, :now
    from unnest(cast(:labels as text[]), cast(:colours as text[])) with ordinality as l(name, colour, nth)
"""

# A file with one message in twelve. Nobody has its content: opening one says so.
_FILES: Final = """
    insert into attachment (id, message_id, kind, name, mime, size, width, height, sha256, state)
    select gen_random_uuid(), m.id, case when m.h % 2 = 0 then 'image' else 'file' end,
           case when m.h % 2 = 0 then 'photo.jpg' else 'Смета ' || m.h % 900 || '.pdf' end,
           case when m.h % 2 = 0 then 'image/jpeg' else 'application/pdf' end, 20000 + m.h % 900000,
           case when m.h % 2 = 0 then 800 end, case when m.h % 2 = 0 then 600 end,
           encode(sha256(cast(cast(m.id as text) as bytea)), 'hex'), 'stored'
    from (select id, abs(cast(hashtext(cast(id as text)) as bigint)) as h from message where direction in ('in', 'out')) m
    where m.h % 12 = 5
"""

_FAILED: Final = """
    update message set state = 'failed', error = 'Платформа не принимает сообщение.' from (
        select distinct on (conversation_id) id from message
        where direction = 'out' and abs(cast(hashtext(cast(conversation_id as text)) as bigint)) % 500 = 7
        order by conversation_id, seq desc) last
    where message.id = last.id
"""
# Of old ones somebody has taken note.
_FAILED_IN: Final = """
    update conversation v set
        failed = case when v.last_message_at > cast(:now as timestamptz) - interval '90 days' then 1 else 0 end,
        failed_seen = case when v.last_message_at > cast(:now as timestamptz) - interval '90 days' then 0 else v.seq end
    from message m where m.state = 'failed' and m.conversation_id = v.id
"""

_NAMED: Final = """
    insert into mention (message_id, user_id, conversation_id, at, seen_at)
    select m.id, u.id, m.conversation_id, m.sent_at,
           case when m.sent_at < cast(:now as timestamptz) - interval '2 days' then m.sent_at end
    from message m
    join (select id, row_number() over (order by email) - 1 as nth, count(*) over () as all_of_them
          from user_account where email like 'seed-%') u
      on u.nth = abs(cast(hashtext(cast(m.id as text)) as bigint)) % u.all_of_them
    where m.direction = 'note' and abs(cast(hashtext(cast(m.conversation_id as text)) as bigint)) % 3 = 0
"""

# As router.inquiries decides it of each message when it comes.
_INQUIRIES: Final = """
    insert into inquiry (id, conversation_id, kind, at)
    select id, conversation_id, 'message', sent_at from (
        select m.id, m.conversation_id, m.sent_at,
               lag(m.sent_at) over (partition by m.conversation_id order by m.seq) as before
        from message m join conversation v on v.id = m.conversation_id
        where m.direction = 'in' and v.status <> 'spam') said
    where before is null or sent_at - before >= cast(:silence as interval)
"""
# What was said up to an answer, since the one before it.
_RESPONSES: Final = """
    insert into response (id, conversation_id, user_id, waited_since, at)
    select (array_agg(id) filter (where direction = 'out'))[1], conversation_id,
           (array_agg(author_user) filter (where direction = 'out'))[1],
           min(sent_at) filter (where direction = 'in'), max(sent_at) filter (where direction = 'out')
    from (select m.*, count(*) filter (where direction = 'out') over (partition by conversation_id order by seq
                  rows between unbounded preceding and 1 preceding) as turn
          from message m where direction in ('in', 'out')) said
    group by conversation_id, turn
    having bool_or(direction = 'in') and bool_or(direction = 'out')
"""

# Through the stages before it, at equal paces; who is lost was in the first alone.
_LEADS: Final = """
    insert into lead_event (id, lead_id, what, before, after, at)
    select gen_random_uuid(), lead_id, case when nth = 1 then 'opened' else 'stage' end,
           case when nth > 1 then to_jsonb(cast(before as text)) end, to_jsonb(cast(stage_id as text)),
           created_at + (stage_since - created_at) * ((nth - 1) / greatest(steps - 1, 1))
    from (select l.id as lead_id, l.created_at, l.stage_since, s.id as stage_id, lag(s.id) over way as before,
                 cast(row_number() over way as float) as nth, count(*) over (partition by l.id) as steps
          from lead l join stage own on own.id = l.stage_id join stage s on s.pipeline_id = l.pipeline_id
          where s.id = own.id or s.position < own.position and s.kind not in ('won', 'lost')
            and l.stage_since > l.created_at and (l.status <> 'lost' or s.position = (select min(position) from stage f where f.pipeline_id = l.pipeline_id))
          window way as (partition by l.id order by s.id = own.id, s.position)) steps
"""

_TASKS: Final = """
    insert into task (id, lead_id, contact_id, manager_id, text, due_at, done_at, created_at)
    select gen_random_uuid(), id, contact_id, manager_id, 'Напомнить о записи', created_at + interval '1 day',
           created_at + interval '26 hours', created_at
    from lead where status <> 'open' and abs(cast(hashtext(cast(id as text)) as bigint)) % 3 = 0
"""

_TOLD: Final = """
    insert into notification (id, user_id, kind, subject, seq, conversation_id, contact_id, at, told_at, read_at)
    select gen_random_uuid(), v.manager_id, case v.nth % 3 when 0 then 'assigned' else 'message' end, v.id, v.seq, v.id,
           v.contact_id, v.last_message_at, v.last_message_at, case when v.nth > 30 then v.last_message_at end
    from (select *, row_number() over (partition by manager_id order by last_message_at desc) as nth
          from conversation where manager_id is not null
            and last_message_at > cast(:now as timestamptz) - interval '60 days') v
"""

# Of everybody, of each team, and of each colleague.
_CANNED: Final = """
    insert into canned_reply (id, owner_id, team_id, code, title, text, uses, created_at, changed_at)
    select gen_random_uuid(), s.owner, s.team, 'ответ' || n, 'Готовый ответ ' || n,
           'Здравствуйте, {customer.first_name}! Записать вас на завтра на ' || (9 + n % 10) || ' часов?', n * 7 % 40, :now, :now
    from (select cast(null as uuid) as owner, cast(null as uuid) as team, 300 as many
          union all select null, id, 30 from team
          union all select id, null, 15 from user_account where email like 'seed-%') s,
    lateral generate_series(1, s.many) as n
"""

_VIEWS: Final = """
    insert into saved_view (id, user_id, name, query, shared, position, created_at)
    select gen_random_uuid(), u.id, v.name, v.query, v.shared, v.nth, :now
    from (select id, row_number() over (order by email) as nth from user_account where email like 'seed-%') u,
    (values ('Ждут ответа', 'waiting=1&sort=waiting', true, 1), ('VIP', 'label=vip&status=any', true, 2),
            ('Яндекс', 'source=yandex', true, 3), ('Непрочитанные', 'unread=1', false, 1),
            ('ВКонтакте', 'channel=vk', false, 2)) as v(name, query, shared, nth)
    where not v.shared or u.nth = 1
"""


async def surround(connection: AsyncConnection, *, now: datetime) -> None:
    """After all conversations are there."""
    given = {"now": now, "silence": SILENCE, "labels": list(LABELS), "colours": list(_COLOURS)}
    for statement in (
        _LABELS, _FILES, _FAILED, _FAILED_IN, _NAMED, _INQUIRIES, _RESPONSES, _LEADS, _TASKS, _TOLD, _CANNED, _VIEWS,
    ):  # fmt: skip
        named = {name: value for name, value in given.items() if f":{name}" in statement}
        await connection.execute(text(statement), named)
