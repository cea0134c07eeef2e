"""What colleagues do with conversations: answer, note, assign, resolve, put off."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import deciding, replies
from router.asking import AnsweredMeanwhile, NewFile, NotFound, Presence, Refused
from router.clean_text import clean_line
from router.conversations import changed
from router.facts import Fact, MessageQueued, PresenceChanged
from router.ids import new_id
from router.message import Attachment, MessageKind
from router.records import Conversation, Status
from router.world import World
from storage import failures
from storage.desk.ground import Ground, again_on_conflict
from storage.desk.had import Had, keep_one, kept_of
from storage.labels import LONGEST_LABEL
from storage.outbox import tell
from storage.reading.conversation_rows import revision_of
from storage.reading.ways import answered_since

CLOSED_WINDOW: Final = "The time for a free reply is over; it opens again when the customer writes. A template can be sent."


class ConversationDesk(Ground):
    @again_on_conflict
    async def reply(
        self,
        conversation: UUID,
        *,
        by: UUID | None,
        text: str,
        files: Sequence[NewFile] = (),
        reply_to: UUID | None = None,
        idempotency_key: str | None = None,
        author_name: str = "",
        seen: int | None = None,
        template: Mapping[str, Any] | None = None,
    ) -> UUID:
        async with self.world(conversation, by=by) as (connection, world, found):
            return await self.say(
                connection,
                world,
                found,
                by=by,
                text=text,
                files=files,
                reply_to=reply_to,
                key=_scoped(conversation, by, idempotency_key),
                author_name=author_name,
                seen=seen,
                template=template,
            )

    async def say(
        self,
        connection: AsyncConnection,
        world: World,
        found: Conversation,
        *,
        by: UUID | None,
        text: str,
        files: Sequence[NewFile] = (),
        reply_to: UUID | None = None,
        key: str | None = None,
        author_name: str = "",
        seen: int | None = None,
        template: Mapping[str, Any] | None = None,
    ) -> UUID:
        """The reply, in a transaction that may do more. Raises Refused, AnsweredMeanwhile."""
        if not text.strip() and not files:
            raise Refused("There is nothing to send: write something or attach a file.")
        if (known := await _already_written(connection, key)) is not None:
            return known
        if not world.policy(found.account_id).sends:
            raise Refused("This channel only receives: notes can be left, replies cannot be sent.")
        if template is None:
            refuse_when_closed(found.window_until, now=self.now())
        if seen is not None and by is not None:
            # Under the conversation's lock: of two who send at the same moment, one is asked.
            other = await answered_since(connection, found.id, seq=seen, but=by)
            if other is not None:
                raise AnsweredMeanwhile(
                    seq=other.seq, name=other.name, at=other.at, words=other.words
                )
        quote = await _quoted(connection, found, reply_to)
        message = replies.reply(
            world,
            found,
            by=by,
            author=author_name or name_of(world, by),
            text=text,
            files=[_attachment(each) for each in files],
            reply_to=reply_to,
            quote=quote,
            idempotency_key=key,
            details={"template": dict(template)} if template is not None else None,
        )
        return message.id

    @again_on_conflict
    async def note(
        self,
        conversation: UUID,
        *,
        by: UUID | None,
        text: str,
        idempotency_key: str | None = None,
        mentions: Sequence[UUID] = (),
        named: Sequence[str] = (),
    ) -> UUID:
        if not text.strip():
            raise Refused("The note is empty.")
        async with self.world(conversation, by=by) as (connection, world, found):
            key = _scoped(conversation, by, idempotency_key)
            if (known := await _already_written(connection, key)) is not None:
                return known
            message = replies.note(
                world,
                found,
                by=by,
                author=name_of(world, by),
                text=text,
                idempotency_key=key,
                mentions=mentions,
                named=named,
            )
            return message.id

    @again_on_conflict
    async def retry(self, message: UUID, *, by: UUID | None) -> None:
        async with self.engine.begin() as connection:
            await failures.lock_of(connection, message)
            row = (
                await connection.execute(
                    text(
                        "select m.conversation_id, m.account_id, m.state, c.window_until, m.details ? 'template' as fixed"
                        " from message m join conversation c on c.id = m.conversation_id where m.id = :id for update of m"
                    ),
                    {"id": message},
                )
            ).one_or_none()
            if row is None:
                raise NotFound("There is no such message.")
            if row.state not in {"failed", "unknown"}:
                raise Refused(
                    "Only a message that failed, or whose fate is unknown, is sent again."
                )
            now = self.now()
            if not row.fixed:
                refuse_when_closed(row.window_until, now=now)
            await connection.execute(
                text(
                    # The parts of a long reply that went out the first time are not sent again.
                    "insert into delivery (id, message_id, account_id, conversation_id, next_attempt_at, created_at,"
                    " parts_done, external_ids)"
                    " select :id, :message, :account, :conversation, :now, :now, parts_done, external_ids from delivery"
                    " where message_id = :message order by id desc limit 1"
                ),
                {
                    "id": new_id(),
                    "message": message,
                    "account": row.account_id,
                    "conversation": row.conversation_id,
                    "now": now,
                },
            )
            await connection.execute(
                text("update message set state = 'queued', error = '' where id = :id"),
                {"id": message},
            )
            await failures.tried_again(connection, message)
            await failures.recount(connection, [row.conversation_id])
            await tell(connection, [await _queued_again(connection, message, now)])
            await self.audit(connection, by, "message_retried", "message", message)

    @again_on_conflict
    async def assign(
        self,
        conversation: UUID,
        *,
        by: UUID | None,
        manager: UUID | None = None,
        team: UUID | None = None,
    ) -> None:
        async with self.world(
            conversation,
            by=by,
            managers={manager} if manager else set(),
            teams={team} if team else set(),
        ) as (connection, world, found):
            teams, managers = world.colleagues()
            before = {"manager": found.manager_id, "team": found.team_id}
            if manager is not None:
                if manager not in managers:
                    raise NotFound("There is no such manager.")
                deciding.give_to(world, found, manager, by=by)
            else:
                if team is not None and team not in teams:
                    raise NotFound("There is no such team.")
                deciding.give_to_team(world, found, team, by=by)
            await self.audit(
                connection,
                by,
                "conversation_assigned",
                "conversation",
                conversation,
                before=before,
                after={"manager": found.manager_id, "team": found.team_id},
            )

    @again_on_conflict
    async def set_status(
        self,
        conversation: UUID,
        status: Status,
        *,
        by: UUID | None,
        until: datetime | None = None,
        key: UUID | None = None,
    ) -> None:
        if until is not None and until <= self.now():
            raise Refused("Say until when: a moment that is still to come.")
        async with self.world(conversation, by=by) as (connection, world, found):
            before, had = found.status, kept_of(found)
            deciding.set_status(world, found, status, by=by, until=until)
            if key is not None:
                kept = Had(**had, unread_after=found.unread, after=revision_of(found))
                await keep_one(connection, key, "status", kept, by=by, now=self.now())
            await self.audit(
                connection,
                by,
                "conversation_status",
                "conversation",
                conversation,
                before=before,
                after=status,
            )
        if status in {"resolved", "spam"}:
            await self.hand_out()

    @again_on_conflict
    async def mark_read(self, conversation: UUID, *, by: UUID) -> None:
        async with self.world(conversation, by=by) as (_, world, found):
            if found.unread:
                found.unread = 0
                changed(world, found, "read", by=by)

    @again_on_conflict
    async def mark_unread(self, conversation: UUID, *, by: UUID) -> None:
        async with self.world(conversation, by=by) as (_, world, found):
            if not found.unread:
                found.unread = 1
                changed(world, found, "unread", by=by)

    @again_on_conflict
    async def dismiss_failures(
        self, conversation: UUID, *, by: UUID, up_to: int | None = None
    ) -> int:
        async with self.world(conversation, by=by) as (connection, world, found):
            before = await failures.dealt_with(
                connection, conversation, up_to=found.seq if up_to is None else up_to
            )
            changed(world, found, "failures_seen", by=by)
            await self.audit(
                connection, by, "failures_dismissed", "conversation", conversation, before=before
            )
            return before

    @again_on_conflict
    async def set_labels(
        self, conversation: UUID, labels: Sequence[str], *, by: UUID | None
    ) -> None:
        wanted = sorted({clean_line(label, limit=LONGEST_LABEL) for label in labels} - {""})
        async with self.world(conversation, by=by) as (connection, world, found):
            await connection.execute(
                text("update conversation set labels = :labels where id = :id"),
                {"labels": wanted, "id": conversation},
            )
            changed(world, found, "labels", by=by)

    @again_on_conflict
    async def set_presence(self, user: UUID, presence: Presence, *, by: UUID | None) -> None:
        now = self.now()
        async with self.engine.begin() as connection:
            found = await connection.execute(
                text(
                    "update user_account set presence = :presence, presence_since = :now"
                    " where id = :id and disabled_at is null"
                ),
                {"presence": presence, "now": now, "id": user},
            )
            if not found.rowcount:
                raise NotFound("There is no such colleague.")
            await tell(connection, [PresenceChanged(id=new_id(), at=now, manager=user, by=by)])
        if presence == "here":
            await self.hand_out()


def refuse_when_closed(until: datetime | None, *, now: datetime) -> None:
    """Raises Refused when the platform would take no free reply any more."""
    if until is not None and until <= now:
        raise Refused(CLOSED_WINDOW)


async def _already_written(connection: AsyncConnection, key: str | None) -> UUID | None:
    """The message of an earlier try with the same key. The conversation is locked: nobody writes it meanwhile."""
    if key is None:
        return None
    found = await connection.execute(
        text("select id from message where idempotency_key = :key"), {"key": key}
    )
    known: UUID | None = found.scalar_one_or_none()
    return known


async def _quoted(
    connection: AsyncConnection, conversation: Conversation, reply_to: UUID | None
) -> str:
    if reply_to is None:
        return ""
    found = (
        await connection.execute(
            text(
                "select left(text, 500) as words from message where id = :id and conversation_id = :conversation"
            ),
            {"id": reply_to, "conversation": conversation.id},
        )
    ).one_or_none()
    if found is None:
        raise Refused("The message to answer is not in this conversation.")
    words: str = found.words
    return words


async def _queued_again(connection: AsyncConnection, message: UUID, now: datetime) -> Fact:
    row = (
        await connection.execute(
            text(
                "select m.seq, m.account_id, c.id, c.contact_id, c.manager_id, c.team_id, d.id as delivery"
                " from message m join conversation c on c.id = m.conversation_id"
                " join delivery d on d.message_id = m.id and d.state = 'queued' where m.id = :id"
            ),
            {"id": message},
        )
    ).one()
    return MessageQueued(
        id=new_id(),
        at=now,
        message=message,
        seq=row.seq,
        delivery=row.delivery,
        account=row.account_id,
        conversation=row.id,
        contact=row.contact_id,
        manager=row.manager_id,
        team=row.team_id,
    )


def _scoped(conversation: UUID, by: UUID | None, key: str | None) -> str | None:
    """The author's own key: two colleagues may choose the same one."""
    return None if not key else f"{by or 'api'}:{conversation}:{key[:200]}"


def name_of(world: World, by: UUID | None) -> str:
    _, managers = world.colleagues()
    return managers[by].name if by in managers else ""


def _attachment(file: NewFile) -> Attachment:
    family = file.mime.partition("/")[0]
    kinds: dict[str, MessageKind] = {"image": "image", "video": "video", "audio": "audio"}
    return Attachment(
        kind=kinds.get(family, "document"),
        sha256=file.sha256,
        name=file.name,
        mime=file.mime,
        size=file.size,
    )
