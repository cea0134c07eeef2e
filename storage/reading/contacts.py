"""People: the list, and everything the panel beside a conversation says about one of them.

Merged contacts are tombstones: they are in no list, and their ids lead to the one who survived (`resolve`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    any_,
    exists,
    func,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID as PG_UUID, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.conversations import STATUSES as _STATUSES
from storage.reading.initials import initials
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.searching import people, wanted
from storage.reading.sight import (
    Sight,
    contact_in_sight,
    contacts_in_sight,
    conversation_in_sight,
    seen,
    unseen,
)
from storage.tables import (
    account,
    contact,
    conversation,
    identity,
    lead,
    suggestion,
    user_account,
)

talk = conversation.alias("talk")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRow:
    id: UUID
    kind: str
    value: str
    display: str
    proved: bool
    shared: bool
    how: str
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """Something the person only said. `proved_by`: whose proved key it is, if it is somebody else's."""

    id: UUID
    kind: str
    value: str
    display: str
    at: datetime
    proved_by: UUID | None
    proved_by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow:
    id: UUID
    name: str
    kind: str
    locale: str
    blocked: bool
    block_reason: str
    note: str
    fields: dict[str, Any]
    manager_id: UUID | None
    manager_name: str
    merged_into: UUID | None
    erased_at: datetime | None
    created_at: datetime
    identities: tuple[IdentityRow, ...]

    @property
    def initials(self) -> str:
        return initials(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRow:
    id: UUID
    absorbed_id: UUID
    absorbed_name: str
    rule: str
    reason: str
    by_name: str
    at: datetime
    undone_at: datetime | None


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
    row = (await connection.execute(_dressed(*of))).one_or_none()
    return None if row is None else _row(row)


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
    rows = await connection.execute(_dressed(*conditions).order_by(*order).limit(limit + 1))
    return page_of(
        [_row(row) for row in rows],
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
        _dressed()
        .add_columns(picked.c.talk_id, picked.c.last_message_at)
        .join(picked, picked.c.contact_id == contact.c.id)
        .order_by(picked.c.last_message_at.desc(), picked.c.talk_id.desc())
        .limit(limit + 1)
    )
    keyed = [(row.last_message_at, row.talk_id, _row(row)) for row in rows]
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
    """What a list says beside a contact: their open lead, their latest conversation, where the first touch was."""

    contact_id: UUID
    lead_id: UUID | None
    stage: str
    lead_source: str
    source: str
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
                   coalesce(l.source, '') as lead_source, coalesce(t.source, '') as source, c.talk_id,
                   coalesce(c.channel, '') as channel, coalesce(c.preview, '') as preview,
                   coalesce(c.preview_kind, '') as preview_kind, c.last_message_at
            from unnest(cast(:ids as uuid[])) as k(id)
            left join lateral (
                select lead.id as lead_id, stage.name as stage, lead.last_touch ->> 'source' as source
                from lead join stage on stage.id = lead.stage_id
                where lead.contact_id = k.id and lead.status = 'open' order by lead.created_at limit 1) l on true
            left join lateral (
                select source from touch where contact_id = k.id order by at limit 1) t on true
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


async def owners_of_keys(
    connection: AsyncConnection, keys: Sequence[tuple[str, str]], *, sight: Sight
) -> list[tuple[str, str, UUID, str]]:
    """(kind, value, contact, name) of the living in sight who have proved or claimed one of these, at most ten.

    Of whom is not in sight nothing is told, not even that somebody has the number.
    """
    rows = await connection.execute(
        text("""
            select distinct k.kind, k.value, c.id, c.name
            from unnest(cast(:kinds as text[]), cast(:values as text[])) as k(kind, value),
            lateral (select contact_id from identity where kind = k.kind and value = k.value
                       and proved and not shared
                     union select contact_id from identity_claim where kind = k.kind and value = k.value) o
            join contact c on c.id = o.contact_id and c.merged_into is null
            order by k.kind desc, c.id limit 100
        """),
        {"kinds": [kind for kind, _ in keys], "values": [value for _, value in keys]},
    )
    found = rows.all()
    foreign = await unseen(connection, sight, "contact", {row.id for row in found})
    return [(row.kind, row.value, row.id, row.name) for row in found if row.id not in foreign][:10]


async def claims_of(connection: AsyncConnection, id_: UUID, *, sight: Sight) -> list[ClaimRow]:
    """What the person said of themselves and nobody vouches for; what they have since proved is left out.

    Who has proved it is told to whom that person is in sight.
    """
    found = await connection.execute(
        text("""
            select claim.id, claim.kind, claim.value, claim.display, claim.at,
                   owner.id as proved_by, owner.name as proved_by_name
            from identity_claim claim
            left join identity proof
                on proof.kind = claim.kind and proof.value = claim.value
                and proof.proved and not proof.shared
            left join contact owner on owner.id = proof.contact_id
            where claim.contact_id = :id and proof.contact_id is distinct from claim.contact_id
            order by claim.at, claim.id
            limit 100
        """),
        {"id": id_},
    )
    rows = found.all()
    owners = {row.proved_by for row in rows if row.proved_by is not None}
    known = owners if sight.whole else await seen(connection, sight, "contact", owners)
    return [
        ClaimRow(
            id=row.id,
            kind=row.kind,
            value=row.value,
            display=row.display,
            at=row.at,
            proved_by=row.proved_by if row.proved_by in known else None,
            proved_by_name=row.proved_by_name if row.proved_by in known else "",
        )
        for row in rows
    ]


async def merges_of(connection: AsyncConnection, id_: UUID) -> list[MergeRow]:
    """What was merged into this contact, newest first, undone ones too."""
    rows = await connection.execute(
        text("""
            select merge.id, merge.absorbed_id, absorbed.name as absorbed_name, merge.rule,
                   merge.reason, coalesce(by_whom.name, '') as by_name, merge.at, merge.undone_at
            from contact_merge merge
            join contact absorbed on absorbed.id = merge.absorbed_id
            left join user_account by_whom on by_whom.id = merge.by_user
            where merge.survivor_id = :id
            order by merge.at desc, merge.id desc
            limit 100
        """),
        {"id": id_},
    )
    return [MergeRow(**row._mapping) for row in rows]  # noqa: SLF001  # a Row's public mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMerge:
    id: UUID
    survivor_id: UUID
    absorbed_id: UUID


async def live_merge(
    connection: AsyncConnection, id_: UUID, *, merge_id: UUID | None = None
) -> LiveMerge | None:
    """The latest merge that stands and that this contact survived or went into; or that one, if it is such."""
    rows = await connection.execute(
        text("""
            select id, survivor_id, absorbed_id from contact_merge
            where (survivor_id = :id or absorbed_id = :id) and undone_at is null
              and (cast(:merge as uuid) is null or id = :merge)
            order by at desc, id desc limit 1
        """),
        {"id": id_, "merge": merge_id},
    )
    row = rows.one_or_none()
    return None if row is None else LiveMerge(**row._mapping)  # noqa: SLF001  # a Row's public mapping


def _dressed(*conditions: ColumnElement[bool]) -> Select[Any]:
    keys = (
        select(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_object(
                        *(
                            part
                            for name in IdentityRow.__dataclass_fields__
                            for part in (literal(name), identity.c[name])
                        )
                    ),
                    identity.c.first_seen,
                    identity.c.id,
                )
            ).label("identities")
        )
        .where(identity.c.contact_id == contact.c.id)
        .lateral("keys")
    )
    return (
        select(contact, user_account.c.name.label("manager_name"), keys.c.identities)
        .select_from(contact)
        .outerjoin(user_account, user_account.c.id == contact.c.manager_id)
        .outerjoin(keys, literal(True))
        .where(*conditions)
    )


def _row(row: Any) -> ContactRow:
    return ContactRow(
        id=row.id,
        name=row.name,
        kind=row.kind,
        locale=row.locale,
        blocked=row.blocked,
        block_reason=row.block_reason,
        note=row.note,
        fields=row.fields,
        manager_id=row.manager_id,
        manager_name=row.manager_name or "",
        merged_into=row.merged_into,
        erased_at=row.erased_at,
        created_at=row.created_at,
        identities=msgspec.convert(row.identities or [], tuple[IdentityRow, ...]),
    )
