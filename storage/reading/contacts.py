"""People: the list and what it says beside each, and one of them.

Merged contacts are tombstones: they are in no list, and their ids lead to the one who survived (`resolve`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Text, any_, exists, func, literal, select, text, union_all
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.contact_rows import ContactRow, dressed, row_of
from storage.reading.conversations import STATUSES as _STATUSES
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.searching import people, wanted
from storage.reading.sight import Sight, contact_in_sight, contacts_in_sight, conversation_in_sight
from storage.tables import account, contact, conversation, identity, lead, suggestion

talk = conversation.alias("talk")


Sort = Literal["created", "contact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilter:
    """`kind` and `value` together: who has exactly this key. `channel`: a kind of account they have written to; `label`: of
    one of their conversations.
    """

    q: str = ""
    kind: str = ""
    value: str = ""
    manager: UUID | None = None
    nobodys: bool = False
    channel: str = ""
    label: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None
    without_lead: bool = False
    blocked: bool = False
    with_duplicates: bool = False


_NAME: Final = "contacts"
_BY_CONTACT: Final = "contacts.contact"


async def resolve(connection: AsyncConnection, id_: UUID) -> UUID | None:
    """The living contact this id stands for: itself, or who it was merged into. None: never was."""
    found = await connection.execute(
        select(func.coalesce(contact.c.merged_into, contact.c.id)).where(contact.c.id == id_)
    )
    living: UUID | None = found.scalar_one_or_none()
    return living


async def contact_by_id(
    connection: AsyncConnection, id_: UUID, *, sight: Sight
) -> ContactRow | None:
    """As it is, tombstones too; see `resolve`."""
    of = (contact.c.id == id_, contact_in_sight(sight))
    row = (await connection.execute(dressed(*of))).one_or_none()
    return None if row is None else row_of(row)


async def list_contacts(
    connection: AsyncConnection,
    wish: ContactFilter,
    *,
    sight: Sight,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[ContactRow]:
    """Living contacts, the newest first. Raises BadCursor."""
    conditions = [
        *await _conditions(connection, wish, sight),
        # Whom a search has found are looked up; all others are gathered first when they are few.
        contact_in_sight(sight)
        if wish.q or wish.value
        else await contacts_in_sight(connection, sight),
    ]
    if cursor:
        at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID])
        behind = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        conditions.append(func.row(contact.c.created_at, contact.c.id) < behind)
    order = (contact.c.created_at.desc(), contact.c.id.desc())
    if not sight.whole:
        # Picked before they are dressed: those gathered are sorted, and each would be dressed for that.
        picked = select(contact.c.id).where(*conditions).order_by(*order).limit(limit + 1)
        conditions = [contact.c.id.in_(picked.subquery("picked").select())]
    rows = await connection.execute(dressed(*conditions).order_by(*order).limit(limit + 1))
    return page_of(
        [row_of(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda row: (row.created_at, row.id),
    )


async def contacts_by_last_message(
    connection: AsyncConnection,
    wish: ContactFilter,
    *,
    sight: Sight,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[ContactRow]:
    """Those with a conversation in sight, whoever wrote or was written to last first. Raises BadCursor.

    Walks the conversations by their index and takes each that is its contact's latest, so that no column of the contact
    has to follow every message.
    """
    conditions = await _conditions(connection, wish, sight)
    newer = talk.alias("newer")
    latest = ~exists().where(
        newer.c.contact_id == talk.c.contact_id,
        conversation_in_sight(sight, newer.c),
        func.row(newer.c.last_message_at, newer.c.id) > func.row(talk.c.last_message_at, talk.c.id),
    )
    walked: list[ColumnElement[bool]] = [latest, conversation_in_sight(sight, talk.c)]
    if cursor:
        at, id_ = key_of(cursor, _BY_CONTACT, tuple[datetime, UUID])
        behind = func.row(literal(at, TIMESTAMP(timezone=True)), literal(id_, PG_UUID))
        walked.append(func.row(talk.c.last_message_at, talk.c.id) < behind)
    picked = union_all(
        *(
            select(talk.c.contact_id, talk.c.id.label("talk_id"), talk.c.last_message_at)
            .join(contact, contact.c.id == talk.c.contact_id)
            .where(talk.c.status == status, *walked, *conditions)
            .order_by(talk.c.last_message_at.desc(), talk.c.id.desc())
            .limit(limit + 1)
            for status in _STATUSES
        )
    ).subquery("picked")
    rows = await connection.execute(
        dressed()
        .add_columns(picked.c.talk_id, picked.c.last_message_at)
        .join(picked, picked.c.contact_id == contact.c.id)
        .order_by(picked.c.last_message_at.desc(), picked.c.talk_id.desc())
        .limit(limit + 1)
    )
    keyed = [(row.last_message_at, row.talk_id, row_of(row)) for row in rows]
    page = page_of(keyed, limit=limit, name=_BY_CONTACT, key=lambda each: each[:2])
    return Page(items=tuple(each[2] for each in page.items), next_cursor=page.next_cursor)


async def _conditions(
    connection: AsyncConnection, wish: ContactFilter, sight: Sight
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [contact.c.merged_into.is_(None)]
    if wish.manager is not None:
        conditions.append(contact.c.manager_id == wish.manager)
    if wish.nobodys:
        conditions.append(contact.c.manager_id.is_(None))
    if wish.created_from is not None:
        conditions.append(contact.c.created_at >= wish.created_from)
    if wish.created_to is not None:
        conditions.append(contact.c.created_at < wish.created_to)
    if wish.blocked:
        conditions.append(contact.c.blocked)
    conditions += _with_what_is_theirs(wish, sight)
    if wish.channel:
        # By the accounts' ids: of those the planner knows how many conversations each has.
        of = await connection.execute(select(account.c.id).where(account.c.kind == wish.channel))
        accounts = literal(list(of.scalars()), ARRAY(PG_UUID))
        theirs = conversation.alias("theirs")
        conditions.append(
            contact.c.id.in_(
                select(theirs.c.contact_id).where(
                    theirs.c.account_id == any_(accounts), conversation_in_sight(sight, theirs.c)
                )
            )
        )
    if wish.label:
        labelled = conversation.alias("labelled")
        conditions.append(
            contact.c.id.in_(
                select(labelled.c.contact_id).where(
                    labelled.c.labels.contains(literal([wish.label], ARRAY(Text)))
                )
            )
        )
    if wish.kind or wish.value:
        # Asked the way the unique index is built, so that it answers.
        having = select(identity.c.contact_id).where(
            identity.c.kind == wish.kind,
            identity.c.value == wish.value,
            identity.c.proved & ~identity.c.shared,
        )
        conditions.append(contact.c.id.in_(having))
    if (sought := wanted(wish.q)) is not None:
        conditions.append(
            contact.c.id == any_(literal(await people(connection, sought), ARRAY(PG_UUID)))
        )
    return conditions


def _with_what_is_theirs(wish: ContactFilter, sight: Sight) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wish.without_lead:
        conditions.append(
            ~exists().where(lead.c.contact_id == contact.c.id, lead.c.status == "open")
        )
    if wish.with_duplicates:
        first, second = suggestion.c.first_id, suggestion.c.second_id
        sides = [
            select(mine).where(suggestion.c.decision == "open", contact_in_sight(sight, other))
            for mine, other in ((first, second), (second, first))
        ]
        conditions.append(contact.c.id.in_(union_all(*sides)))
    return conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a list says beside a contact: their open lead, their latest conversation, and their first touch (of a contact
    without one, that by which the lead came): its source, medium and campaign.
    """

    contact_id: UUID
    lead_id: UUID | None
    stage: str
    touch: Mapping[str, Any] | None
    talk_id: UUID | None
    channel: str
    preview: str
    preview_kind: str
    last_message_at: datetime | None


async def standings(
    connection: AsyncConnection, contacts: Sequence[UUID], *, sight: Sight
) -> dict[UUID, Standing]:
    """Of a page of contacts, in one question."""
    rows = await connection.execute(
        text("""
            select k.id as contact_id, l.lead_id, coalesce(l.stage, '') as stage,
                   coalesce(t.touch, l.last_touch) as touch, c.talk_id,
                   coalesce(c.channel, '') as channel, coalesce(c.preview, '') as preview,
                   coalesce(c.preview_kind, '') as preview_kind, c.last_message_at
            from unnest(cast(:ids as uuid[])) as k(id)
            left join lateral (
                select lead.id as lead_id, stage.name as stage, lead.last_touch
                from lead join stage on stage.id = lead.stage_id
                where lead.contact_id = k.id and lead.status = 'open' order by lead.created_at limit 1) l on true
            left join lateral (
                select jsonb_build_object('source', source, 'medium', medium, 'campaign', campaign) as touch
                from touch where contact_id = k.id order by at limit 1) t on true
            left join lateral (
                select v.id as talk_id, a.kind as channel, v.preview, v.preview_kind, v.last_message_at
                from conversation v join account a on a.id = v.account_id
                where v.contact_id = k.id
                  and (:whole or v.manager_id = cast(:me as uuid) or v.team_id = any(cast(:teams as uuid[])))
                order by v.last_message_at desc, v.id desc limit 1) c on true
        """),
        {
            "ids": list(contacts),
            "whole": sight.whole,
            "me": sight.user,
            "teams": list(sight.teams),
        },
    )
    return {row.contact_id: Standing(**row._mapping) for row in rows}  # noqa: SLF001  # a Row's public mapping
