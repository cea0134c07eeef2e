"""/conversations/bulk: one thing done to many conversations, all in one transaction, and taken back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid5

from msgspec import Meta, Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, Nothing
from inbox.api.problems import bad_request
from inbox.desk import BulkChange, BulkKind, BulkOutcome
from router.ids import new_id
from storage.reading.conversations import conversations_by_id
from storage.reading.sight import EVERYTHING

IDEMPOTENCY_KEY = "Idempotency-Key"
MOST = 200


class ManyChanges(Struct, frozen=True, kw_only=True):
    """`assign` takes a manager or a team, or neither (back into the queue); `label` and `unlabel` take a label; `snooze`
    takes `snoozed_until`, or is until the customer writes.
    """

    what: BulkKind
    conversations: Annotated[list[UUID], Meta(min_length=1, max_length=MOST)]
    manager_id: UUID | None = None
    team_id: UUID | None = None
    label: Annotated[str, Meta(max_length=40)] = ""
    snoozed_until: Annotated[datetime, Meta(tz=True)] | None = None
    idempotency_key: Annotated[str, Meta(max_length=200)] | None = None


class Skipped(Struct, frozen=True, kw_only=True):
    conversation_id: UUID
    reason: str


class ManyChanged(Struct, frozen=True, kw_only=True):
    """`id` takes it back; `done` also counts what was so already."""

    id: UUID
    done: int
    skipped: list[Skipped]


async def change_many(api: Api, call: Call[Nothing, ManyChanges]) -> Answer:
    wanted = call.body
    given = call.request.headers.get(IDEMPOTENCY_KEY) or wanted.idempotency_key
    if given and len(given) > 200:
        raise bad_request("invalid", "An idempotency key has 200 characters at most.")
    # Two tokens may use the same key for different things.
    key = uuid5(call.token.id, given) if given else new_id()
    async with api.engine.connect() as connection:
        rows = await conversations_by_id(connection, wanted.conversations, sight=EVERYTHING)
    now = {row.id: row.revision for row in rows}
    change = BulkChange(
        kind=wanted.what,
        manager=wanted.manager_id,
        team=wanted.team_id,
        label=wanted.label,
        until=wanted.snoozed_until,
    )
    outcome = await api.desk.change_many(
        key, change, {each: now.get(each, "") for each in wanted.conversations}, by=None
    )
    return _answer(key, outcome)


async def undo_many(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return _answer(call.id, await api.desk.undo_many(call.id, by=None))


def _answer(key: UUID, outcome: BulkOutcome) -> Answer:
    return Answer(
        body=ManyChanged(
            id=key,
            done=outcome.done,
            skipped=[
                Skipped(conversation_id=each.conversation, reason=each.reason)
                for each in outcome.skipped
            ],
        )
    )


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/conversations/bulk",
        tag="Conversations",
        summary="Do one thing to many conversations",
        description=f"At most {MOST}, in one transaction. Those that are not there any more are skipped and named.",
        scope="write",
        handler=change_many,
        body=ManyChanges,
        refuses=True,
        headers=((IDEMPOTENCY_KEY, "The same key again does nothing and answers the same."),),
        answers=ManyChanged,
    ),
    Endpoint(
        method="POST",
        path="/conversations/bulk/{id}/undo",
        tag="Conversations",
        summary="Take back what was done to many conversations",
        description="Each that nobody has changed since is as it was; the others are skipped and named.",
        scope="write",
        handler=undo_many,
        refuses=True,
        answers=ManyChanged,
    ),
)
