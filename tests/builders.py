"""Rows for tests that read: say what matters, the rest is ordinary.

    async with database.begin() as connection:
        there = Rows(connection)
        anna = await there.contact(name="Anna")
        talk = await there.conversation(contact=anna, waiting_since=NOON)
        await there.message(talk, text="hello")

Every method inserts one row and gives its id. What a row must hang on (an account, a contact, a stage) is made, once,
when it is not given.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage import tables

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Rows:
    def __init__(self, connection: AsyncConnection, *, now: datetime = START) -> None:
        self.connection = connection
        self.now = now
        self._account: UUID | None = None
        self._stages: list[UUID] = []
        self._pipeline: UUID | None = None

    async def _add(self, table: Table, **values: Any) -> UUID:
        row = {"id": new_id(), **values}
        await self.connection.execute(insert(table).values(**row))
        return UUID(str(row["id"]))

    async def account(self, *, slug: str = "shop_bot", kind: str = "telegram", **more: Any) -> UUID:
        values = {"slug": slug, "kind": kind, "sealed": b"", "created_at": self.now, **more}
        return await self._add(tables.account, **values)

    async def any_account(self) -> UUID:
        if self._account is None:
            self._account = await self.account()
        return self._account

    async def user(self, *, name: str = "Борис Иванов", role: str = "manager", **more: Any) -> UUID:
        email = more.pop("email", f"{uuid4().hex[:8]}@shop.test")
        return await self._add(
            tables.user_account, email=email, name=name, role=role, created_at=self.now, **more
        )

    async def team(self, *, name: str = "Продажи", **more: Any) -> UUID:
        return await self._add(tables.team, name=name, created_at=self.now, **more)

    async def contact(self, *, name: str = "Анна Петрова", **more: Any) -> UUID:
        return await self._add(tables.contact, **{"name": name, "created_at": self.now, **more})

    async def identity(self, contact: UUID, *, kind: str, value: str, **more: Any) -> UUID:
        values = {"proved": True, "first_seen": self.now, "last_seen": self.now, **more}
        return await self._add(
            tables.identity, contact_id=contact, kind=kind, value=value, **values
        )

    async def claim(self, contact: UUID, *, kind: str, value: str, **more: Any) -> UUID:
        return await self._add(
            tables.identity_claim,
            **{"contact_id": contact, "kind": kind, "value": value, "at": self.now, **more},
        )

    async def conversation(
        self, *, contact: UUID | None = None, account: UUID | None = None, **more: Any
    ) -> UUID:
        at = more.pop("at", self.now)
        values = {
            "account_id": account or await self.any_account(),
            "contact_id": contact or await self.contact(),
            "chat": uuid4().hex,
            "first_message_at": at,
            "last_message_at": at,
            "created_at": at,
            **more,
        }
        return await self._add(tables.conversation, **values)

    async def message(self, conversation: UUID, *, text: str = "Здравствуйте", **more: Any) -> UUID:
        """Takes the next seq of its conversation; goes into the search unless `searchable=False`."""
        searchable = more.pop("searchable", True)
        talk = tables.conversation
        found = await self.connection.execute(
            update(talk)
            .where(talk.c.id == conversation)
            .values(seq=talk.c.seq + 1)
            .returning(talk.c.seq, talk.c.account_id)
        )
        row = found.one()
        at = more.pop("at", self.now + timedelta(seconds=row.seq))
        values = {
            "conversation_id": conversation,
            "account_id": row.account_id,
            "seq": row.seq,
            "direction": "in",
            "text": text,
            "sent_at": at,
            "received_at": at,
            **more,
        }
        id_ = await self._add(tables.message, **values)
        if searchable:
            vector: Any = func.to_tsvector("russian", text).op("||")(
                func.to_tsvector("english", text)
            )
            await self.connection.execute(
                insert(tables.message_search).values(
                    message_id=id_,
                    conversation_id=conversation,
                    vector=vector.op("||")(func.to_tsvector("simple", text)),
                )
            )
        return id_

    async def attachment(self, message: UUID, **more: Any) -> UUID:
        values = {"kind": "image", "mime": "image/png", "name": "a.png", "sha256": "ab", **more}
        return await self._add(tables.attachment, message_id=message, **values)

    async def delivery(self, message: UUID, **more: Any) -> UUID:
        table = tables.message
        row = (
            await self.connection.execute(
                select(table.c.account_id, table.c.conversation_id).where(table.c.id == message)
            )
        ).one()
        values = {"next_attempt_at": self.now, "created_at": self.now, **more}
        return await self._add(
            tables.delivery,
            message_id=message,
            account_id=row.account_id,
            conversation_id=row.conversation_id,
            **values,
        )

    async def assignment(self, conversation: UUID, *, reason: str, **more: Any) -> UUID:
        values = {"rule": "team", "at": self.now, **more}
        return await self._add(
            tables.assignment, conversation_id=conversation, reason=reason, **values
        )

    @property
    def pipeline(self) -> UUID:
        """Of `stages`, once they are made."""
        if self._pipeline is None:
            raise AssertionError("no stages yet")
        return self._pipeline

    async def stages(self) -> list[UUID]:
        """The pipeline «Продажи»: new, in work, won, lost."""
        if not self._stages:
            await self._find_stages()
        if not self._stages:
            self._pipeline = await self._add(tables.pipeline, name="Продажи", position=100)
            kinds = (
                ("Новый", "open"),
                ("В работе", "qualified"),
                ("Сделка", "won"),
                ("Отказ", "lost"),
            )
            for position, (name, kind) in enumerate(kinds):
                self._stages.append(
                    await self._add(
                        tables.stage,
                        pipeline_id=self._pipeline,
                        name=name,
                        kind=kind,
                        position=position,
                    )
                )
        return self._stages

    async def _find_stages(self) -> None:
        """Those made by other rows before."""
        stage, pipeline = tables.stage.c, tables.pipeline.c
        found = await self.connection.execute(
            select(stage.id, stage.pipeline_id)
            .where(stage.pipeline_id == pipeline.id, pipeline.name == "Продажи")
            .order_by(stage.position)
        )
        for row in found:
            self._stages.append(row.id)
            self._pipeline = row.pipeline_id

    async def lead(self, contact: UUID, *, title: str = "Колодки", **more: Any) -> UUID:
        stages = await self.stages()
        values = {
            "pipeline_id": self._pipeline,
            "stage_id": stages[0],
            "created_at": self.now,
            "stage_since": self.now,
            **more,
        }
        return await self._add(tables.lead, contact_id=contact, title=title, **values)

    async def touch(self, contact: UUID | None, **more: Any) -> UUID:
        values = {"at": self.now, "channel": "telegram", "source": "yandex", **more}
        return await self._add(tables.touch, contact_id=contact, **values)

    async def merge(self, survivor: UUID, absorbed: UUID, **more: Any) -> UUID:
        """Only the record of it, and the tombstone."""
        await self.connection.execute(
            update(tables.contact)
            .where(tables.contact.c.id == absorbed)
            .values(merged_into=survivor)
        )
        values = {"rule": "by_hand", "reason": "same phone", "moved": {}, "at": self.now, **more}
        return await self._add(
            tables.contact_merge, survivor_id=survivor, absorbed_id=absorbed, **values
        )

    async def suggestion(self, one: UUID, other: UUID, *, score: int = 80, **more: Any) -> UUID:
        first, second = sorted((one, other))
        values = {"reasons": ["phone"], "at": self.now, **more}
        return await self._add(
            tables.suggestion, first_id=first, second_id=second, score=score, **values
        )
