"""Replies on their way out, claimed by one worker at a time.

    queued ──claim──▶ (claimed) ──begin──▶ sending ──▶ sent · failed · unknown · queued again, later

`begin` is committed just before the request goes out: a worker that dies before it left nothing behind, and the claim
expires; one that dies after it may have sent, and the reply becomes unknown, unless the channel takes the same message
twice for one. Nothing here knows a channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.facts import DeliveryChanged
from router.ids import new_id
from router.receipts import RANK
from storage import failures
from storage.outbox import tell

CLAIM: Final = timedelta(seconds=60)
"""Longer than any request takes: HTTP calls are timed out after 20 s."""

_DUE_ACCOUNTS = text(
    "select distinct account_id from delivery where state = 'queued' and next_attempt_at <= :now limit 500"
)
# The oldest of each conversation, so that a customer reads answers in the order in which they were written.
_CLAIM = text(
    "update delivery d set claimed_until = :until, claimed_by = :by from ("
    " select q.id from delivery q where q.account_id = :account and q.state = 'queued' and q.next_attempt_at <= :now"
    " and (q.claimed_until is null or q.claimed_until < :now) and not exists (select from delivery e"
    "  where e.conversation_id = q.conversation_id and e.id < q.id and e.state in ('queued', 'sending'))"
    " order by q.next_attempt_at, q.id limit :limit for update of q skip locked) as first"
    " where d.id = first.id returning d.id"
)
_LOAD = text(
    "select d.id, d.message_id, d.conversation_id, d.account_id, d.attempts, d.parts_done, d.external_ids,"
    " d.created_at, m.text, m.html, m.author_name, coalesce(u.signature, '') as signature, m.reply_to, m.details,"
    " c.chat, c.chat_kind, c.window_until, c.subject, c.contact_id,"
    " r.external_id as reply_external,"
    " (select array_agg(t.external_id order by t.sent_at, t.seq) from (select external_id, sent_at, seq from message"
    "   where conversation_id = c.id and external_id is not null order by sent_at desc, seq desc limit 20) t) as thread,"
    " (select json_agg(json_build_object('sha256', a.sha256, 'name', a.name, 'mime', a.mime, 'size', a.size,"
    "   'kind', a.kind) order by a.position) from attachment a where a.message_id = m.id) as files,"
    # Whom to write to: by the key this conversation came by, else by any of the channel's kind; as it was written, for
    # the normalised value is for matching and may be folded.
    " coalesce((select coalesce(nullif(i.display, ''), i.value) from identity i where i.id = c.identity_id),"
    "  (select coalesce(nullif(i.display, ''), i.value) from identity i where i.contact_id = c.contact_id"
    "   and i.kind in (:identity, :identity || '_unverified') order by i.kind, i.last_seen desc limit 1), '') as address"
    " from delivery d join message m on m.id = d.message_id join conversation c on c.id = m.conversation_id"
    " left join message r on r.id = m.reply_to left join user_account u on u.id = m.author_user where d.id = any(:ids) order by d.id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A reply that this worker has claimed, with everything that sending it takes."""

    id: UUID
    message_id: UUID
    conversation_id: UUID
    account_id: UUID
    attempts: int
    parts_done: int
    external_ids: tuple[str, ...]
    created_at: datetime
    text: str
    html: str
    author_name: str
    signature: str
    details: dict[str, Any]
    chat: str
    chat_kind: str
    window_until: datetime | None
    subject: str
    reply_external: str
    thread: tuple[str, ...]
    files: tuple[dict[str, Any], ...]
    address: str


async def due_accounts(connection: AsyncConnection, *, now: datetime) -> list[UUID]:
    return [row.account_id for row in await connection.execute(_DUE_ACCOUNTS, {"now": now})]


async def claim(
    connection: AsyncConnection,
    account: UUID,
    *,
    by: str,
    identity: str,
    now: datetime,
    limit: int,
) -> list[Due]:
    """Up to `limit` replies of the account, at most one per conversation, for this worker alone."""
    claimed = await connection.execute(
        _CLAIM, {"account": account, "by": by, "now": now, "until": now + CLAIM, "limit": limit}
    )
    ids = [row.id for row in claimed]
    if not ids:
        return []
    rows = await connection.execute(_LOAD, {"ids": ids, "identity": identity})
    return [
        Due(
            **{
                **{name: row[name] for name in Due.__dataclass_fields__},
                "external_ids": tuple(row["external_ids"]),
                "reply_external": row["reply_external"] or "",
                "thread": tuple(row["thread"] or ()),
                "files": tuple(row["files"] or ()),
            }
        )
        for row in rows.mappings()
    ]


async def begin(connection: AsyncConnection, due: Due, *, by: str, now: datetime) -> bool:
    """From now on it may have been sent. False when the claim is not ours any more.

    Asked again, because the answer was lost, it says the same again: nothing was sent before it was heard.
    """
    done = await connection.execute(
        text(
            "update delivery set state = 'sending', attempts = :attempt, claimed_until = :until"
            " where id = :id and claimed_by = :by"
            " and (state = 'queued' or (state = 'sending' and attempts = :attempt))"
        ),
        {"id": due.id, "by": by, "until": now + CLAIM, "attempt": due.attempts + 1},
    )
    return bool(done.rowcount)


async def part_sent(connection: AsyncConnection, due: Due, *, now: datetime) -> None:
    """One more of the platform's messages that the reply becomes is sent, and will not be again."""
    await connection.execute(
        text(
            "update delivery set parts_done = :done, external_ids = cast(:ids as text[]), claimed_until = :until"
            " where id = :id"
        ),
        {
            "id": due.id,
            "ids": list(due.external_ids),
            "done": len(due.external_ids),
            "until": now + CLAIM,
        },
    )


async def settle(
    connection: AsyncConnection,
    due: Due,
    state: str,
    *,
    now: datetime,
    external_id: str | None = None,
    family: str = "",
    reason: str = "",
) -> None:
    """The reply is sent, delivered, failed or unknown; the message says so, and whoever watches is told."""
    failed = state in {"failed", "unknown"}
    if failed:
        await failures.lock(connection, [due.conversation_id])
    else:
        await failures.went_out(connection, due.message_id)
    await connection.execute(
        text(
            "update delivery set state = :state, error_family = :family, error = :reason, settled_at = :now,"
            " external_ids = coalesce(nullif(cast(:ids as text[]), '{}'), external_ids), claimed_until = null where id = :id"
        ),
        {
            "id": due.id,
            "state": state,
            "family": family,
            "reason": reason,
            "now": now,
            # Of every part: what is reported about the last one is about the reply.
            "ids": list(due.external_ids),
        },
    )
    await connection.execute(
        text(
            "update message set state = :state, error = :reason,"
            # Its echo may have come in before the answer to our request, and then the id is taken.
            " external_id = coalesce(external_id, (select cast(:external as text) where not exists"
            "  (select from message o where o.account_id = message.account_id and o.external_id = :external)))"
            " where id = :id and state = any(:before)"
        ),
        {
            "id": due.message_id,
            "state": state,
            "reason": reason,
            "external": external_id,
            # A report may have overtaken us ("delivered"); a state never goes back.
            "before": [each for each, rank in RANK.items() if rank <= RANK.get(state, 2)]
            + ["failed"],
        },
    )
    if failed:
        await failures.recount(connection, [due.conversation_id])
    await _tell(connection, due, state, reason, now)


async def put_off(
    connection: AsyncConnection,
    due: Due,
    *,
    until: datetime,
    now: datetime,
    family: str,
    reason: str,
) -> None:
    """Surely not sent: again at `until`."""
    await connection.execute(
        text(
            "update delivery set state = 'queued', next_attempt_at = :until, claimed_until = null, claimed_by = '',"
            " error_family = :family, error = :reason where id = :id"
        ),
        {"id": due.id, "until": until, "family": family, "reason": reason},
    )
    await connection.execute(
        text("update message set error = :reason where id = :id"),
        {"id": due.message_id, "reason": reason},
    )
    await _tell(connection, due, "queued", reason, now)


async def move_chat(connection: AsyncConnection, due: Due, to: str) -> None:
    """The platform gave the chat another id."""
    await connection.execute(
        text(
            "update conversation set chat = :to where id = :id and not exists"
            " (select from conversation o where o.account_id = conversation.account_id and o.chat = :to)"
        ),
        {"id": due.conversation_id, "to": to},
    )


async def make_unreachable(connection: AsyncConnection, due: Due, reason: str) -> None:
    await connection.execute(
        text("update conversation set unreachable = :reason where id = :id"),
        {"id": due.conversation_id, "reason": reason},
    )


async def abandoned(
    connection: AsyncConnection,
    *,
    now: datetime,
    repeatable: Sequence[UUID],
    account: UUID | None = None,
) -> int:
    """Replies whose worker died while sending: unknown, or queued again where repeating is safe. How many.

    Of `account`, whose own worker knows whether repeating is safe; or of all, for whom `repeatable` must then speak.
    """
    rows = (
        await connection.execute(
            text(
                "select d.id, d.message_id, d.conversation_id, d.account_id from delivery d"
                " where d.state = 'sending' and d.claimed_until < :now"
                " and (d.account_id = :account or cast(:account as uuid) is null)"
                " order by d.id limit 200 for update skip locked"
            ),
            {"now": now, "account": account},
        )
    ).all()
    for row in rows:
        due = Due(
            id=row.id,
            message_id=row.message_id,
            conversation_id=row.conversation_id,
            account_id=row.account_id,
            attempts=0,
            parts_done=0,
            external_ids=(),
            created_at=now,
            text="",
            html="",
            author_name="",
            signature="",
            details={},
            chat="",
            chat_kind="private",
            window_until=None,
            subject="",
            reply_external="",
            thread=(),
            files=(),
            address="",
        )
        if row.account_id in repeatable:
            await put_off(connection, due, until=now, now=now, family="worker_died", reason="")
        else:
            await settle(
                connection,
                due,
                "unknown",
                now=now,
                family="worker_died",
                reason="The sending was interrupted: it may or may not have been sent.",
            )
    return len(rows)


async def release(connection: AsyncConnection, ids: Sequence[UUID], *, by: str) -> None:
    """Gives back what was claimed and not begun."""
    await connection.execute(
        text(
            "update delivery set claimed_until = null, claimed_by = ''"
            " where id = any(:ids) and claimed_by = :by and state = 'queued'"
        ),
        {"ids": list(ids), "by": by},
    )


async def _tell(
    connection: AsyncConnection, due: Due, state: str, reason: str, now: datetime
) -> None:
    row = (
        await connection.execute(
            text("select contact_id, manager_id, team_id from conversation where id = :id"),
            {"id": due.conversation_id},
        )
    ).one()
    await tell(
        connection,
        [
            DeliveryChanged(
                id=new_id(),
                at=now,
                message=due.message_id,
                state=state,
                reason=reason,
                account=due.account_id,
                conversation=due.conversation_id,
                contact=row.contact_id,
                manager=row.manager_id,
                team=row.team_id,
            )
        ],
    )
