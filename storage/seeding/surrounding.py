"""What stands around the conversations: labels, files, replies that failed, colleagues named, what became of leads, tasks
done, what everybody was told, prepared replies and views. Set by set; which rows, their ids decide, so that the same story
gives the same surroundings.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

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

_LEADS: Final = """
    insert into lead_event (id, lead_id, what, after, at)
    select gen_random_uuid(), id, 'opened', to_jsonb(cast(stage_id as text)), created_at from lead
    union all
    select gen_random_uuid(), id, 'stage', to_jsonb(cast(stage_id as text)), stage_since from lead
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
    given = {"now": now, "labels": list(LABELS), "colours": list(_COLOURS)}
    for statement in (
        _LABELS, _FILES, _FAILED, _FAILED_IN, _NAMED, _LEADS, _TASKS, _TOLD, _CANNED, _VIEWS,
    ):  # fmt: skip
        named = {name: value for name, value in given.items() if f":{name}" in statement}
        await connection.execute(text(statement), named)
