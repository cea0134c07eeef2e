"""One batch of events, one transaction: claim what is new, load, decide, save.

    claim   the insert into `inbound_event` decides what is new (effectively once)
    load    storage.world_loading
    decide  router.intake.receive, event by event
    save    storage.world_saving

The caller commits by leaving the transaction, and tries the whole batch again when the database says that two such
transactions met (`is_conflict`): every decision is made anew on what is then there.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from router.intake import receive
from router.message import Accepted, CallReported
from router.wire import decode_event
from router.world import NeedsColleagues, World
from storage import bulk, raw_payloads, tables
from storage.colleagues_loading import load_colleagues
from storage.policies import Policies
from storage.world_loading import load, split_by_need
from storage.world_saving import save

_CLAIM_COLUMNS = (
    "account_id",
    "key",
    "id",
    "kind",
    "received_at",
    "outcome",
    "message_id",
    "raw",
    "raw_ref",
    "repeats",
)
_CLAIM = text(
    f"insert into inbound_event ({', '.join(_CLAIM_COLUMNS)})"  # noqa: S608  # names of our own table
    " select account_id, key, id, kind, received_at, 'stored', id, decode(raw, 'base64'), raw_ref, repeats"
    f" from {bulk.given(tables.inbound_event, _CLAIM_COLUMNS)}"
    " on conflict (account_id, key) do update set repeats = inbound_event.repeats + excluded.repeats + 1"
    " returning account_id, key, (xmax = 0) as fresh"
)

_MEETINGS = frozenset({"40001", "40P01", "23505", "55P03"})
"""SQLSTATE: serialization failure, deadlock, unique violation (two made the same thing at once), lock not available."""


@dataclass(frozen=True, slots=True)
class Routed:
    """What became of a batch: new events, and those that had been seen before."""

    fresh: int
    repeated: int


async def route(
    connection: AsyncConnection, batch: Sequence[Accepted], *, policies: Policies, now: datetime
) -> Routed:
    """Everything the batch means, in the transaction of `connection`."""
    once: dict[tuple[UUID, str], Accepted] = {}
    times: Counter[tuple[UUID, str]] = Counter()
    for accepted in batch:
        key = accepted.account, accepted.event.key
        once.setdefault(key, accepted)
        times[key] += 1
    fresh = await _claim(connection, [(once[key], times[key] - 1) for key in sorted(once)])
    new = [accepted for key, accepted in once.items() if key in fresh]
    if new:
        await decide(connection, new, policies=policies, now=now)
    return Routed(fresh=len(new), repeated=len(batch) - len(new))


async def decide(
    connection: AsyncConnection, events: Sequence[Accepted], *, policies: Policies, now: datetime
) -> None:
    """Load, decide and save events that are known to be new."""
    accounts = {accepted.account for accepted in events}
    for colleagues_first in (False, True):
        world = World(now=now)
        await policies.give(connection, world, accounts)
        await load(connection, world, events)
        settled, unsettled = ((), events) if colleagues_first else split_by_need(world, events)
        try:
            for accepted in settled:
                receive(world, accepted)
        except NeedsColleagues:
            # Rare: an event of a conversation that is somebody's, and somebody has to be chosen all the same.
            continue
        if unsettled:
            # Every router waits for these locks: what needs nobody has been decided before they are taken.
            teams = [world.policy(account).team_id for account in accounts]
            answering = [world.extensions.get(each) for each in _extensions(events)]
            await load_colleagues(connection, world, teams=teams, managers=answering)
            for accepted in unsettled:
                receive(world, accepted)
        await save(connection, world)
        return
    raise AssertionError("colleagues were loaded and still missing")


def _extensions(events: Sequence[Accepted]) -> set[str]:
    """Of the colleagues who are on the telephone, whose teams need not be the account's."""
    reports = [each.event for each in events if isinstance(each.event, CallReported)]
    return {number for each in reports for number in (each.extension, each.answered_by) if number}


async def settle_late(
    connection: AsyncConnection,
    account: UUID,
    external_ids: Sequence[str],
    *,
    policies: Policies,
    now: datetime,
) -> None:
    """Our own message has its platform's id now: what was reported about it before that happens."""
    rows = (
        await connection.execute(
            text(
                "delete from waiting_event where account_id = :account and external_id = any(:ids) returning body"
            ),
            {"account": account, "ids": list(external_ids)},
        )
    ).all()
    if rows:
        await decide(
            connection, [decode_event(row.body) for row in rows], policies=policies, now=now
        )


def is_conflict(error: DBAPIError) -> bool:
    """Two transactions met: nothing is wrong with the batch, it is tried again."""
    return getattr(error.orig, "sqlstate", None) in _MEETINGS


async def _claim(
    connection: AsyncConnection, events: Sequence[tuple[Accepted, int]]
) -> set[tuple[UUID, str]]:
    """Which of them are new. The number beside an event: how often more it is in the batch."""
    rows = await connection.execute(
        _CLAIM,
        {
            "rows": bulk.as_json(
                [
                    {
                        "account_id": each.account,
                        "key": each.event.key,
                        "id": each.id,
                        "kind": each.event.__struct_config__.tag,
                        "received_at": each.received_at,
                        "raw": None if each.raw is None else raw_payloads.pack(each.raw),
                        "raw_ref": each.raw_ref or None,
                        "repeats": repeats,
                    }
                    for each, repeats in events
                ]
            )
        },
    )
    return {(row.account_id, row.key) for row in rows if row.fresh}
