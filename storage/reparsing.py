"""What a mended parser reads again: the raw payloads that are kept, what became of them, and the two ways to mend it.

A page is found through the time it came, in windows narrow enough for the index on it (BRIN) to pay; within a window by
key. Nothing is held between pages, so whoever stops goes on from where it was.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.conversations import preview
from router.facts import Fact, MediaWanted, MessageChanged
from router.ids import new_id
from router.message import Attachment
from router.rereading import Remembered, Words
from storage import bulk, raw_payloads, tables
from storage.outbox import tell

_MESSAGE = (
    "m.id as message, m.direction, m.kind as message_kind, m.text, m.html, m.subject, m.details, m.edited_at, m.deleted_at,"
    " (select coalesce(json_agg(json_build_array(ref, sha256) order by position), '[]') from attachment"
    "  where message_id = m.id) as files"
)
_PAGE = text(
    "select e.account_id, e.key, e.id, e.kind, e.received_at, e.outcome, e.raw, coalesce(e.raw_ref, '') as raw_ref,"  # noqa: S608  # our own columns
    f" {_MESSAGE} from inbound_event e left join message m on m.id = e.id"
    " where e.account_id = any(:accounts) and e.received_at >= :since and e.received_at < :until"
    " and (e.received_at, e.account_id, e.key) > (:at, :account, :key)"
    " order by e.received_at, e.account_id, e.key limit :limit"
)
_NAMED = text(
    f"select m.account_id, m.external_id, {_MESSAGE} from unnest(cast(:accounts as uuid[]), cast(:ids as text[]))"  # noqa: S608  # our own columns
    " as k(account, id) join message m on m.account_id = k.account and m.external_id = k.id"
)
_KNOWN = text(
    "select e.account_id, e.key from unnest(cast(:accounts as uuid[]), cast(:keys as text[])) as k(account, key)"
    " join inbound_event e on e.account_id = k.account and e.key = k.key"
)
_LOCK_CONVERSATIONS = text(
    "select c.id, c.account_id, c.contact_id, c.manager_id, c.team_id from conversation c where c.id in"
    " (select conversation_id from message where id = any(:ids)) order by c.id for update"
)
_LOCK_MESSAGES = text(
    "select id, conversation_id, seq, sent_at, subject from message"
    " where id = any(:ids) and edited_at is null and deleted_at is null order by id for update"
)
_PREVIEW = text(
    "update conversation set preview = :preview, preview_kind = case when :kind = 'text' and exists"
    " (select from attachment where message_id = :message) then 'document' else :kind end"
    " where id = :conversation and not exists"
    " (select from message o where o.conversation_id = :conversation and o.direction in ('in', 'out')"
    "  and (o.sent_at, o.seq) > (:sent_at, :seq))"
)
_SUBJECT = text(
    "update conversation set subject = :now where id = :conversation and subject = :before"
)
_FILES = (
    "id", "message_id", "position", "kind", "name", "mime", "size", "width", "height", "duration", "cid", "sha256", "ref",
    "state", "next_attempt_at",
)  # fmt: skip
_FIRST: Final = UUID(int=0)
"""Before every account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Up to where the events have been read, in the order (received, account, key)."""

    at: datetime
    account: UUID = _FIRST
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An event as it was taken, and the message it became. `raw` None: forgotten by retention, or at `raw_ref` in the media."""

    account: UUID
    key: str
    id: UUID
    kind: str
    received_at: datetime
    outcome: str
    raw: bytes | None
    raw_ref: str
    message: Remembered | None

    @property
    def place(self) -> Place:
        return Place(at=self.received_at, account=self.account, key=self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a stored message says now, and the files that were missed; the files' bytes are in the media store."""

    message: UUID
    words: Words
    files: tuple[Attachment, ...] = ()


async def kept_events(
    connection: AsyncConnection,
    accounts: Collection[UUID],
    *,
    after: Place,
    until: datetime,
    limit: int,
) -> list[Kept]:
    """The next of what came before `until`, in order."""
    rows = await connection.execute(
        _PAGE,
        {
            "accounts": list(accounts),
            "since": after.at,
            "until": until,
            "at": after.at,
            "account": after.account,
            "key": after.key,
            "limit": limit,
        },
    )
    return [
        Kept(
            account=row.account_id,
            key=row.key,
            id=row.id,
            kind=row.kind,
            received_at=row.received_at,
            outcome=row.outcome,
            raw=None if row.raw is None else raw_payloads.unpack(row.raw),
            raw_ref=row.raw_ref,
            message=None if row.message is None else _remembered(row),
        )
        for row in rows
    ]


async def messages_named(
    connection: AsyncConnection, names: Iterable[tuple[UUID, str]]
) -> Mapping[tuple[UUID, str], Remembered]:
    """Messages by account and the platform's id."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    rows = await connection.execute(
        _NAMED, {"accounts": [each[0] for each in wanted], "ids": [each[1] for each in wanted]}
    )
    return {(row.account_id, row.external_id): _remembered(row) for row in rows}


async def known_keys(
    connection: AsyncConnection, keys: Iterable[tuple[UUID, str]]
) -> set[tuple[UUID, str]]:
    wanted = sorted(set(keys))
    if not wanted:
        return set()
    rows = await connection.execute(
        _KNOWN, {"accounts": [each[0] for each in wanted], "keys": [each[1] for each in wanted]}
    )
    return {(row.account_id, row.key) for row in rows}


async def release(connection: AsyncConnection, events: Sequence[Kept]) -> set[UUID]:
    """Gives their keys back, so that the router takes them as new; the ids of those that were still there.

    A router that is told of them meanwhile waits for the end of this transaction.
    """
    rows = await connection.execute(
        text(
            "delete from inbound_event e using unnest(cast(:accounts as uuid[]), cast(:keys as text[]),"
            " cast(:ids as uuid[])) as k(account, key, id)"
            " where e.account_id = k.account and e.key = k.key and e.id = k.id returning e.id"
        ),
        {
            "accounts": [each.account for each in events],
            "keys": [each.key for each in events],
            "ids": [each.id for each in events],
        },
    )
    return {row.id for row in rows}


async def correct(
    connection: AsyncConnection, corrections: Sequence[Correction], *, now: datetime
) -> int:
    """Writes what the messages say now, and tells; not of those edited or deleted by now. How many."""
    given = {each.message: each for each in corrections}
    # Conversations before messages, as everywhere.
    places = {
        row.id: row for row in await connection.execute(_LOCK_CONVERSATIONS, {"ids": list(given)})
    }
    rows = (await connection.execute(_LOCK_MESSAGES, {"ids": list(given)})).all()
    await bulk.update(
        connection,
        tables.message,
        ("id", "kind", "text", "html", "subject", "details"),
        [{"id": row.id, **msgspec.to_builtins(given[row.id].words)} for row in rows],
    )
    facts: list[Fact] = []
    for row in rows:
        correction, place = given[row.id], places[row.conversation_id]
        await _add_files(connection, correction, now=now)
        await _show(connection, row, correction)
        about: dict[str, Any] = {
            "account": place.account_id,
            "contact": place.contact_id,
            "conversation": place.id,
            "manager": place.manager_id,
            "team": place.team_id,
        }
        facts.append(MessageChanged(id=new_id(), at=now, message=row.id, what="edited", **about))
        if any(each.ref and not each.sha256 for each in correction.files):
            facts.append(MediaWanted(id=new_id(), at=now, message=row.id, **about))
    await tell(connection, facts)
    return len(rows)


def as_stored(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details as they come back from the database: JSON, and without what it cannot hold."""
    found: list[dict[str, Any]] = msgspec.json.decode(bulk.as_json([details]))
    return found[0]


async def _add_files(connection: AsyncConnection, correction: Correction, *, now: datetime) -> None:
    if not correction.files:
        return
    first = await connection.execute(
        text("select coalesce(max(position) + 1, 0) from attachment where message_id = :id"),
        {"id": correction.message},
    )
    await bulk.insert(
        connection,
        tables.attachment,
        _FILES,
        [
            {
                **msgspec.structs.asdict(each),
                "id": new_id(),
                "message_id": correction.message,
                "position": position,
                "state": "stored" if each.sha256 else "wanted",
                "next_attempt_at": None if each.sha256 else now,
            }
            for position, each in enumerate(correction.files, start=first.scalar_one())
        ],
    )


async def _show(connection: AsyncConnection, row: Any, correction: Correction) -> None:
    """In the list: the line under the name, when it is this message's, and the subject, when it was."""
    words = correction.words
    await connection.execute(
        _PREVIEW,
        {
            "conversation": row.conversation_id,
            "preview": preview(words.text),
            "kind": words.kind,
            "message": row.id,
            "sent_at": row.sent_at,
            "seq": row.seq,
        },
    )
    if row.subject and row.subject != words.subject:
        await connection.execute(
            _SUBJECT,
            {"conversation": row.conversation_id, "now": words.subject, "before": row.subject},
        )


def _remembered(row: Any) -> Remembered:
    return Remembered(
        id=row.message,
        direction=row.direction,
        words=Words(
            kind=row.message_kind,
            text=row.text,
            html=row.html,
            subject=row.subject,
            details=row.details,
        ),
        files=tuple((ref, sha256) for ref, sha256 in row.files),
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
    )
