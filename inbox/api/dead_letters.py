"""/dead-letters: what could not be processed, and trying it again."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, Paged, listed
from storage.dead_letters import DeadLetter as Row, open_letters
from storage.reading.paging import key_of, page_of

_NAME = "dead_letters"


class DeadLetter(Struct, frozen=True, kw_only=True):
    """`stage` is where it failed; `reason` why. `size` is of what is kept, in bytes."""

    id: UUID
    stage: str
    account: str | None
    channel: str | None
    event_id: UUID | None
    reason: str
    attempts: int
    first_seen: datetime
    last_seen: datetime
    size: int


def shown(row: Row) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        stage=row.stage,
        account=row.account or None,
        channel=row.channel or None,
        event_id=row.event_id,
        reason=row.reason,
        attempts=row.attempts,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        size=row.size,
    )


async def list_dead_letters(api: Api, call: Call[Paged, Nothing]) -> Answer:
    query = call.query
    after = key_of(query.cursor, _NAME, tuple[datetime, UUID]) if query.cursor else None
    async with api.engine.connect() as connection:
        rows = await open_letters(connection, after=after, limit=query.limit + 1)
    page = page_of(rows, limit=query.limit, name=_NAME, key=lambda row: (row.first_seen, row.id))
    return listed(page, shown)


async def replay_dead_letter(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.dead_letters.replay(call.id, by=None)
    return Answer()


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/dead-letters",
        tag="Dead letters",
        summary="What could not be processed and is neither replayed nor dropped, the oldest first",
        scope="admin",
        handler=list_dead_letters,
        query=Paged,
        answers=ListOf[DeadLetter],
    ),
    Endpoint(
        method="POST",
        path="/dead-letters/{id}/replay",
        tag="Dead letters",
        summary="Put it back where it failed",
        scope="admin",
        handler=replay_dead_letter,
        what="open dead letter",
        refuses=True,
        answers=None,
        status=204,
    ),
)
