"""Years of advertising made up for measuring reports: people who came by touches, turned to us, became leads;
what managers did about them; and spend.

Set by set in SQL, what each is decided by a hash of its number, so that the same size gives the same rows. Nobody has
written a word: reports do not read messages.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.ids import new_id
from storage.engine import transaction

DAYS: Final = 3 * 365
MANAGERS: Final = 10
SOURCES: Final = (
    ("yandex", "cpc"), ("google", "cpc"), ("vk", "cpc"), ("yandex", "organic"), ("google", "organic"),
    ("avito", "referral"), ("2gis", "referral"), ("telegram", "social"), ("direct", "none"), ("mail", "email"),
)  # fmt: skip
CAMPAIGNS: Final = 12


def _chance(what: str, of: int) -> str:
    """SQL of a number below `of`, as good as random: of the row's own number `n`, and what it is for."""
    return f"(abs(hashtext('{what}' || n))::bigint % {of})"


_CONTACTS: Final = """
    insert into contact (id, name, created_at)
    select md5('contact' || n)::uuid, 'Person ' || n, cast(:since as timestamptz)
    from generate_series(cast(:first as int), cast(:last as int)) n
"""
_CONVERSATIONS: Final = f"""
    insert into conversation (id, account_id, chat, contact_id, manager_id, status, first_message_at, last_message_at, created_at)
    select md5('talk' || n)::uuid, (cast(:accounts as uuid[]))[1 + {_chance("account", 6)}], 'years-' || n,
           md5('contact' || n)::uuid, (cast(:managers as uuid[]))[1 + {_chance("manager", MANAGERS)}], 'resolved', at, at, at
    from (select n, cast(:since as timestamptz) + make_interval(mins => {_chance("began", DAYS * 1440)}::int) as at
          from generate_series(cast(:first as int), cast(:last as int)) n) c
"""  # noqa: S608  # our own names
# One to seven in the three months before, the nearer the more.
_TOUCHES: Final = f"""
    insert into touch (id, contact_id, at, channel, source, medium, campaign, content, term, landing)
    select md5('touch' || c.n || ' ' || k)::uuid, v.contact_id,
           v.created_at - make_interval(mins => ((abs(hashtext('age' || c.n || ' ' || k))::bigint % 360) ^ 2)::int),
           'site_chat', (cast(:sources as text[]))[s], (cast(:mediums as text[]))[s],
           case when s <= 3 then 'campaign-' || (abs(hashtext('campaign' || c.n || ' ' || k))::bigint % {CAMPAIGNS}) else '' end,
           case when s <= 3 then 'ad-' || (abs(hashtext('ad' || c.n || ' ' || k))::bigint % 40) else '' end,
           case when s <= 3 then 'word-' || (abs(hashtext('word' || c.n || ' ' || k))::bigint % 400) else '' end,
           'https://shop.example/page-' || (abs(hashtext('page' || c.n))::bigint % 30)
    from generate_series(cast(:first as int), cast(:last as int)) c(n)
    join conversation v on v.id = md5('talk' || c.n)::uuid,
    lateral generate_series(1, 1 + (abs(hashtext('touches' || c.n))::bigint % 7)::int) k,
    lateral (select 1 + (abs(hashtext('source' || c.n || ' ' || k))::bigint % {len(SOURCES)})::int as s) chosen
"""  # noqa: S608  # our own names
# A lead for each, and a second one a year or so later for one in four.
_LEADS: Final = f"""
    insert into lead (id, contact_id, pipeline_id, stage_id, title, status, value, manager_id, account_id, conversation_id,
        first_touch_id, last_touch_id, first_touch, last_touch, created_at, stage_since, closed_at)
    select md5('lead' || n || ' ' || k)::uuid, contact_id, :pipeline, (cast(:stages as uuid[]))[case when outcome < 25 then 5 when outcome < 75 then 6 else 1 + outcome % 4 end],
           'Lead ' || n, case when outcome < 25 then 'won' when outcome < 75 then 'lost' else 'open' end,
           case when outcome < 60 then 300000 + (outcome * 7919 + n::bigint * 104729) % 5000000 end, manager_id, account_id, id,
           null, null,
           (select to_jsonb(t) from (select id, source, medium, campaign, content, term from touch where contact_id = c.contact_id and at <= c.at order by at, id limit 1) t),
           (select to_jsonb(t) from (select id, source, medium, campaign, content, term from touch where contact_id = c.contact_id and at <= c.at order by at desc, id desc limit 1) t),
           at, at, case when outcome < 75 then at + make_interval(hours => 4 + (outcome * 13 % 700)) end
    from (select n, k, v.id, v.contact_id, v.manager_id, v.account_id,
                 v.created_at + make_interval(days => (k - 1) * 300) as at,
                 ((abs(hashtext('outcome' || n || ' ' || k))::bigint % 100) * case when k = 1 and {_chance("again", 4)} = 0 then 0 else 1 end)::int as outcome
          from generate_series(cast(:first as int), cast(:last as int)) n
          join conversation v on v.id = md5('talk' || n)::uuid,
          lateral generate_series(1, case when {_chance("again", 4)} = 0 then 2 else 1 end) k) c
"""  # noqa: S608  # our own names
_STEPS: Final = """
    insert into lead_event (id, lead_id, what, after, at)
    select md5('step' || l.id || ' ' || k)::uuid, l.id, case k when 0 then 'opened' else 'stage' end,
           to_jsonb(cast((cast(:stages as uuid[]))[case when k < steps or l.status = 'open' then 1 + k when l.status = 'won' then 5 else 6 end] as text)),
           l.created_at + (coalesce(l.closed_at, l.created_at + interval '9 days') - l.created_at) * k / steps
    from (select *, 1 + (abs(hashtext('steps' || id))::bigint % 4)::int as steps from lead
          where contact_id in (select md5('contact' || n)::uuid from generate_series(cast(:first as int), cast(:last as int)) n)) l,
    lateral generate_series(0, case when l.status = 'open' then least(3, steps) else steps end) k
"""
_INQUIRIES: Final = f"""
    insert into inquiry (id, conversation_id, kind, at)
    select md5('inquiry' || n || ' ' || k)::uuid, v.id, case when {_chance("call", 5)} = 0 then 'call' else 'message' end,
           v.created_at + make_interval(days => (k - 1) * 150)
    from generate_series(cast(:first as int), cast(:last as int)) n join conversation v on v.id = md5('talk' || n)::uuid,
    lateral generate_series(1, 1 + {_chance("inquiries", 3)}::int) k
"""  # noqa: S608  # our own names
_RESPONSES: Final = """
    insert into response (id, conversation_id, user_id, waited_since, at, working_seconds, first)
    select md5('response' || i.id)::uuid, i.conversation_id, v.manager_id, i.at, i.at + make_interval(secs => wait), wait, true
    from (select *, 30 + (abs(hashtext('wait' || id))::bigint % 190) ^ 2 as wait from inquiry
          where conversation_id in (select md5('talk' || n)::uuid from generate_series(cast(:first as int), cast(:last as int)) n)) i
    join conversation v on v.id = i.conversation_id where abs(hashtext('answered' || i.id))::bigint % 10 > 0
"""
_OF_CHUNK: Final = "(select md5('talk' || n)::uuid from generate_series(cast(:first as int), cast(:last as int)) n)"
_ASSIGNED: Final = f"""
    insert into assignment (id, conversation_id, manager_id, rule, reason, at)
    select md5('assigned' || id)::uuid, id, manager_id, 'least loaded', '', created_at from conversation where id in {_OF_CHUNK}
"""  # noqa: S608  # our own names
# Those who called; one in five was missed. And each manager calls some of theirs back.
_CALLS: Final = f"""
    insert into call (id, account_id, key, conversation_id, direction, phase, ours, user_id, started_at, answered_at, ended_at,
        talked, created_at)
    select md5('call' || id || way)::uuid, account_id, id || way, conversation_id, way, case when missed then 'missed' else 'ended' end,
           '+7495000000' || luck % 5, case when missed then null else manager_id end, began,
           case when missed then null else began + interval '7 seconds' end, began + make_interval(secs => 7 + luck),
           case when missed then null else luck end, began
    from (select i.id, i.conversation_id, v.account_id, v.manager_id, way, abs(hashtext('luck' || i.id || way))::bigint % 600 as luck,
                 way = 'in' and abs(hashtext('missed' || i.id))::bigint % 5 = 0 as missed,
                 i.at + case way when 'in' then interval '0' else interval '3 hours' end as began
          from inquiry i join conversation v on v.id = i.conversation_id, unnest(array['in', 'out']) way
          where i.conversation_id in {_OF_CHUNK}
           and (case way when 'in' then i.kind = 'call' else abs(hashtext('back' || i.id))::bigint % 4 = 0 end)) k
"""  # noqa: S608  # our own names
_TASKS: Final = f"""
    insert into task (id, lead_id, contact_id, manager_id, text, due_at, done_at, created_at)
    select md5('task' || id)::uuid, id, contact_id, manager_id, 'Call them', created_at + interval '1 day',
           case when abs(hashtext('done' || id))::bigint % 9 > 0
                then created_at + make_interval(hours => 2 + (abs(hashtext('when' || id))::bigint % 30)::int) end,
           created_at
    from lead where conversation_id in {_OF_CHUNK}
"""  # noqa: S608  # our own names
_REPLIES: Final = f"""
    insert into rollup_replies (day, manager_id, account_id, replies)
    select d::date, m, a, 1 + abs(hashtext(d || ' ' || m || a)) % 40
    from generate_series(cast(:since as timestamptz), cast(:since as timestamptz) + interval '{DAYS} days', interval '1 day') d,
         unnest(cast(:managers as uuid[])) m, unnest(cast(:accounts as uuid[])) a
"""  # noqa: S608  # our own names
_SPEND: Final = f"""
    insert into spend (ad_account_id, level, object_id, day, currency, object_name, amount, counted, origin_id, clicks, import_id)
    select :account, 'campaign', o.id::text, d::date, 'RUB', o.campaign, amount, (amount * 100)::bigint, o.id, 100, :import
    from origin o, generate_series(cast(:until as timestamptz) - interval '{DAYS} days', cast(:until as timestamptz), interval '1 day') d,
    lateral (select 500 + abs(hashtext(o.id || ' ' || d))::bigint % 9000 as amount) a
    where o.medium = 'cpc' and o.campaign like 'campaign-%'
"""  # noqa: S608  # our own names
_AD_ACCOUNT: Final = """
    insert into ad_account (id, name, platform, currency, source, created_at)
    values (:account, 'Years', 'other', 'RUB', 'yandex', :now)
"""
_STAGES: Final = (
    ("New", "open"), ("In work", "open"), ("Quoted", "qualified"), ("Booked", "open"), ("Won", "won"), ("Lost", "lost"),
)  # fmt: skip
_OF_PEOPLE: Final = (
    _CONTACTS, _CONVERSATIONS, _TOUCHES, _LEADS, _STEPS, _INQUIRIES, _RESPONSES, _ASSIGNED, _CALLS, _TASKS,
)  # fmt: skip
_AT_ONCE: Final = 10_000
"""Contacts of one transaction."""


async def make_up_years(engine: AsyncEngine, *, leads: int, now: datetime) -> int:
    """Of an empty installation; how many leads it came to, about 1.25 for each person."""
    people = leads * 4 // 5
    values: dict[str, Any] = {}
    async with transaction(engine) as connection:
        values = await _ground(connection, now=now)
    for first in range(1, people + 1, _AT_ONCE):
        chunk = {"first": first, "last": min(people, first + _AT_ONCE - 1), **values}
        async with transaction(engine) as connection:
            await _run(
                connection,
                _OF_PEOPLE,
                chunk,
            )
            if first == 1:
                # Planned for empty tables, each of the next steps would read all that there is.
                await _run(connection, ("analyze",), {})
    async with transaction(engine) as connection:
        await _run(connection, (_REPLIES, "analyze"), values)
        return int((await connection.execute(text("select count(*) from lead"))).scalar_one())


async def make_up_spend(engine: AsyncEngine, *, now: datetime) -> int:
    """Three years of it, for every campaign that brought somebody: after the rows of reports were made."""
    async with transaction(engine) as connection:
        account, imported = new_id(), new_id()
        await _run(
            connection,
            (
                _AD_ACCOUNT,
                "insert into spend_import (id, ad_account_id, how, at) values (:import, :account, 'file', :now)",
            ),
            {"account": account, "import": imported, "now": now},
        )
        values = {"account": account, "import": imported, "until": now}
        await _run(
            connection,
            (_SPEND,),
            values,
        )
        await connection.execute(text("analyze spend"))
        return int((await connection.execute(text("select count(*) from spend"))).scalar_one())


async def _ground(connection: AsyncConnection, *, now: datetime) -> dict[str, Any]:
    """Six accounts, ten managers, a pipeline; and the parameters of what hangs on them."""
    kinds = ("telegram", "vk", "whatsapp", "email", "site_chat", "mango")
    accounts = [new_id() for _ in kinds]
    managers = [new_id() for _ in range(MANAGERS)]
    stages = [new_id() for _ in _STAGES]
    pipeline = new_id()
    await connection.execute(
        text(
            "insert into account (id, slug, kind, sealed, created_at) values (:id, :slug, :kind, '', :now)"
        ),
        [
            {"id": id_, "slug": f"years-{kind}", "kind": kind, "now": now}
            for id_, kind in zip(accounts, kinds, strict=True)
        ],
    )
    await connection.execute(
        text(
            "insert into user_account (id, email, name, role, created_at) values (:id, :email, :name, 'manager', :now)"
        ),
        [
            {"id": id_, "email": f"years-{n}@example.com", "name": f"Manager {n}", "now": now}
            for n, id_ in enumerate(managers)
        ],
    )
    await connection.execute(
        text("insert into pipeline (id, name, position) values (:id, 'Years', 1000)"),
        {"id": pipeline},
    )
    await connection.execute(
        text(
            "insert into stage (id, pipeline_id, name, kind, position) values (:id, :pipeline, :name, :kind, :position)"
        ),
        [
            {"id": id_, "pipeline": pipeline, "name": name, "kind": kind, "position": n}
            for n, (id_, (name, kind)) in enumerate(zip(stages, _STAGES, strict=True))
        ],
    )
    return {
        "since": now.replace(year=now.year - 3),
        "accounts": accounts,
        "managers": managers,
        "pipeline": pipeline,
        "stages": stages,
        "sources": [source for source, _ in SOURCES],
        "mediums": [medium for _, medium in SOURCES],
    }


async def _run(
    connection: AsyncConnection, statements: Sequence[str], values: dict[str, Any]
) -> None:
    await connection.execute(text("set local statement_timeout = 0"))
    for statement in statements:
        prepared = text(statement)
        wanted = {name: values[name] for name in prepared.compile().params}
        await connection.execute(prepared, wanted)
