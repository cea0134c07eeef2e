"""Erasing a person: what is personal is overwritten in place, and the tombstone stays, so that links resolve.

Counts, dates and sums remain: reports count last year's leads as before. Only which page somebody saw first is forgotten
with them, for an address may say who they are: grouped by landing page, their leads move to those of which none is known.
"""

from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.asking import NotFound
from router.facts import ContactChanged
from router.ids import new_id
from storage.analytics import reckoning
from storage.outbox import tell
from storage.said_words import forget_words

# ruff: noqa: S608  # put together of what stands here
_TALKS: Final = "(select id from conversation where contact_id = any(:people))"
_LEADS: Final = "(select id from lead where contact_id = any(:people))"

_UNSEARCHED: Final = f"delete from message_search where conversation_id in {_TALKS}"
_OVERWRITE: Final = (
    # Before the rows by which they are found are overwritten themselves.
    (
        f"update audit set before = null, after = null where (object_id = any(:people) or object_id in {_LEADS})"
        " and (before is not null or after is not null)"
    ),
    (
        "update webhook_delivery set body = null, response = '', error = '' where case when fact <> '' then"
        "  (convert_from(fact, 'UTF8')::jsonb ->> 'contact')::uuid = any(:people)"
        f" or (convert_from(fact, 'UTF8')::jsonb ->> 'conversation')::uuid in {_TALKS} end"
    ),
    (
        f"delete from notification where contact_id = any(:people) or conversation_id in {_TALKS} or lead_id in {_LEADS}"
        f" or task_id in (select id from task where contact_id = any(:people) or lead_id in {_LEADS})"
    ),
    f"delete from draft where conversation_id in {_TALKS} or to_id in {_TALKS}",
    f"delete from mention where conversation_id in {_TALKS}",
    f"update delivery set error = '' where conversation_id in {_TALKS}",
    (
        "update bulk_action set outcome = jsonb_set(outcome, '{skipped}', (select jsonb_agg("
        f"  case when (skipped ->> 'conversation')::uuid in {_TALKS} then skipped || '{{\"name\": \"\"}}' else skipped end)"
        "  from jsonb_array_elements(outcome -> 'skipped') skipped))"
        " where jsonb_array_length(nullif(outcome -> 'skipped', 'null')) > 0"
    ),
    (
        "update inbound_event set raw = null, raw_ref = null where message_id in (select id from message"
        " where conversation_id in (select id from conversation where contact_id = any(:people)))"
    ),
    (
        "update inbound_event set raw = null, raw_ref = null where message_id in (select id from call"
        " where conversation_id in (select id from conversation where contact_id = any(:people)))"
    ),
    (
        "update call set theirs = '', said = '{}', recordings = '[]' where conversation_id in"
        " (select id from conversation where contact_id = any(:people))"
    ),
    (
        "update call_request set phone = '' where conversation_id in"
        " (select id from conversation where contact_id = any(:people))"
    ),
    (
        "update task set text = '', details = '{}', done_at = coalesce(done_at, :now),"
        " cancelled_at = case when done_at is null then :now else cancelled_at end"
        f" where contact_id = any(:people) or lead_id in {_LEADS} or conversation_id in {_TALKS}"
    ),
    (
        "update attachment set name = '', ref = '', sha256 = '', state = 'failed', error = 'erased' where message_id in"
        " (select id from message where conversation_id in"
        "  (select id from conversation where contact_id = any(:people)))"
    ),
    (
        "update message set text = '', html = '', subject = '', author_name = '', quote = '', details = '{}',"
        " reactions = '{}', error = '' where conversation_id in (select id from conversation where contact_id = any(:people))"
        " or author_contact = any(:people)"
    ),
    (
        "update conversation set preview = '', subject = '', unreachable = '', status = 'resolved', waiting_since = null,"
        " silence_due_at = null, unread = 0 where contact_id = any(:people)"
    ),
    # The reasons of the list are counted by reports; somebody's own words are not.
    (
        "update lead l set title = '', fields = '{}', lost_details = '', lost_reason = case when l.lost_reason = any("
        "  select unnest(p.lost_reasons)) then l.lost_reason else '' end"
        " from pipeline p where p.id = l.pipeline_id and l.contact_id = any(:people)"
    ),
    (
        "update lead_event set before = null, after = null where what in ('note', 'fields', 'title', 'lost_reason', 'source') and lead_id in"
        " (select id from lead where contact_id = any(:people))"
    ),
    # What a colleague wrote down may be about a person: who recommended us.
    (
        "update lead set source_by_hand = '', first_touch = case when first_touch ->> 'medium' = 'by_hand'"
        "  then jsonb_set(first_touch, '{source}', to_jsonb(cast('by_hand' as text))) else first_touch end,"
        " last_touch = case when last_touch ->> 'medium' = 'by_hand'"
        "  then jsonb_set(last_touch, '{source}', to_jsonb(cast('by_hand' as text))) else last_touch end"
        " where contact_id = any(:people)"
    ),
    # Which touches are of one visit is what reports count by; what the browser called it is not.
    (
        "update touch t set landing = '', referrer = '', click_ids = '{}', raw = case when raw ->> 'visit' <> ''"
        "  then jsonb_build_object('visit', (select min(cast(o.id as text)) from touch o"
        "   where o.contact_id = any(:people) and o.raw ->> 'visit' = t.raw ->> 'visit')) else '{}' end,"
        " source = case when medium = 'by_hand' then 'by_hand' else source end where contact_id = any(:people)"
    ),
    "update link_click set keys = '{}' where contact_id = any(:people)",
    (
        "update visitor set first_touch = null, last_touch = null where id in ("
        " select visitor_id from touch where contact_id = any(:people) union"
        " select case when value ~ '^[0-9a-f-]{36}$' then cast(value as uuid) end from identity"
        "  where kind = 'visitor' and contact_id = any(:people))"
    ),
    "delete from identity_claim where contact_id = any(:people)",
    "delete from identity where contact_id = any(:people)",
    "update suggestion set decision = 'moot', reasons = '[]' where first_id = any(:people) or second_id = any(:people)",
    (
        "update contact_merge set reason = '', moved = jsonb_set(moved, '{before}', '{}')"
        " where survivor_id = any(:people) or absorbed_id = any(:people)"
    ),
    (
        "update contact set name = '', fields = '{}', locale = '', note = '', block_reason = '', erased_at = :now"
        " where id = any(:people)"
    ),
)


class Files(Protocol):
    async def delete(self, sha256: str) -> None:
        """Removes the file; one that is not there is fine."""


async def erase(
    connection: AsyncConnection, contact: UUID, *, by: UUID | None, now: datetime
) -> list[str]:
    """Overwrites everything personal; returns the hashes of files that nobody else has, for the caller to delete."""
    people = [
        row.id
        for row in await connection.execute(
            text(
                "select id from contact where (id = :id or merged_into = :id) and erased_at is null"
                " order by id for update"
            ),
            {"id": contact},
        )
    ]
    if contact not in people:
        raise NotFound("There is no such contact.")
    values = {"people": people, "now": now}
    orphans = [
        row.sha256
        for row in await connection.execute(
            text(
                "select distinct a.sha256 from attachment a join message m on m.id = a.message_id"
                " join conversation c on c.id = m.conversation_id"
                " where c.contact_id = any(:people) and a.sha256 <> '' and not exists ("
                "  select from attachment o join message om on om.id = o.message_id"
                "  join conversation oc on oc.id = om.conversation_id"
                "  where o.sha256 = a.sha256 and not oc.contact_id = any(:people))"
            ),
            {"people": people},
        )
    ]
    orphans += [
        row.raw_ref
        for row in await connection.execute(
            text(
                "select e.raw_ref from inbound_event e join message m on m.id = e.message_id"
                " join conversation c on c.id = m.conversation_id"
                " where c.contact_id = any(:people) and e.raw_ref is not null"
                " union select e.raw_ref from inbound_event e join call k on k.id = e.message_id"
                " join conversation c on c.id = k.conversation_id"
                " where c.contact_id = any(:people) and e.raw_ref is not null"
            ),
            {"people": people},
        )
    ]
    # Open conversations of an erased person are nobody's work any more.
    await connection.execute(
        text(
            "update user_account u set open_conversations = u.open_conversations - gone.n from ("
            " select manager_id, count(*) as n from conversation where contact_id = any(:people)"
            " and manager_id is not null and status not in ('resolved', 'spam') group by manager_id) as gone"
            " where u.id = gone.manager_id"
        ),
        {"people": people},
    )
    await connection.execute(text("set local allo.erasing = 'yes'"))
    await connection.execute(text(_UNSEARCHED), {"people": people})
    await forget_words(connection, people)  # while the messages still read
    for statement in _OVERWRITE:
        await connection.execute(
            text(statement), values if ":now" in statement else {"people": people}
        )
    await connection.execute(text("set local allo.erasing = ''"))
    # What reports keep of a touch has its landing page, which may say who somebody is.
    await reckoning.due(connection, people, now=now)
    await tell(connection, [ContactChanged(id=new_id(), at=now, contact=contact, by=by)])
    return orphans
