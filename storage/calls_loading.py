"""What a batch's reports of calls touch: the calls, locked before anything else of the batch, their legs, and what
follows from a call: who asked for it, the open task to call back, when we last talked.

Reports of one call may be in several batches at once (its recording names no number, and so has another lane): the
lock of the call is what makes them one after the other. It is taken first, and by nobody who holds anything else.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from router.records import Call, Callback, CallLeg, CallRequest
from router.world import World
from storage import bulk
from storage.bulk import Records


class _Talked(msgspec.Struct):
    contact_id: UUID
    at: datetime


_CALLS = Records(
    Call,
    "select c.id, c.account_id, c.key, c.conversation_id, c.message_id, c.direction, c.phase, c.ours, c.theirs,"
    " c.extension, c.user_id, c.transferred_to, c.reason, c.started_at, c.answered_at, c.ended_at, c.talked,"
    " c.recordings, c.initiated, c.asked_by, c.said, c.look_at, c.created_at"
    " from unnest(cast(:accounts as uuid[]), cast(:keys as text[])) as k(account, key),"
    " lateral (select * from call where account_id = k.account and key = k.key for no key update) as c",
)
_LEGS = Records(
    CallLeg,
    "select l.id, l.call_id, l.key, l.phase, l.extension, l.user_id, l.transferred_to, l.reason, l.started_at,"
    " l.answered_at, l.ended_at, l.talked, l.said from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from call_leg where call_id = k.id offset 0) as l",
)
_REQUESTS = Records(
    CallRequest,
    "select r.id, r.account_id, r.call_key, r.conversation_id, r.user_id from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from call_request where id = k.id offset 0) as r"
    " union all select r.id, r.account_id, r.call_key, r.conversation_id, r.user_id"
    " from unnest(cast(:accounts as uuid[]), cast(:keys as text[])) as k(account, key),"
    " lateral (select * from call_request where account_id = k.account and call_key = k.key and call_key <> '' offset 0)"
    " as r",
)
_CALLBACKS = Records(
    Callback,
    "select t.id, t.contact_id, t.lead_id, t.conversation_id, t.manager_id, t.kind, t.text, t.due_at, t.done_at,"
    " t.origin, t.details, t.created_at from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select * from task where contact_id = k.id and kind = 'callback' and done_at is null"
    "  for no key update) as t",
)
# By the end of the talk, as `router.callbacks` reckons: whoever hangs up and calls again at once was missed after it.
_TALKED = Records(
    _Talked,
    "select k.id as contact_id, max(greatest(c.answered_at, c.ended_at)) as at from unnest(cast(:ids as uuid[])) as k(id),"
    " lateral (select id from conversation where contact_id = k.id offset 0) as v,"
    " lateral (select answered_at, ended_at from call where conversation_id = v.id and answered_at is not null"
    "  order by started_at desc limit 5) as c group by k.id",
)


async def load_calls(
    connection: AsyncConnection,
    world: World,
    calls: Collection[tuple[UUID, str]],
    initiated: Collection[str],
) -> None:
    """The calls by (account, key), locked in that order, their legs, and the wishes they may come from."""
    if not calls:
        return
    ordered = sorted(calls)
    accounts, keys = [each[0] for each in ordered], [each[1] for each in ordered]
    for call in await _CALLS.read(connection, accounts=accounts, keys=keys):
        world.calls[call.account_id, call.key] = call
    known = world.calls.values()
    wishes = {each for each in initiated if each} | {
        each.initiated for each in known if each.initiated
    }
    legs = _LEGS.asked(ids=[each.id for each in known])
    requests = _REQUESTS.asked(
        ids=[id_ for each in wishes if (id_ := _id(each)) is not None], accounts=accounts, keys=keys
    )
    # After the lock, in a statement of their own: another batch may have added a leg while we waited for it.
    await bulk.answer(connection, legs, requests)
    for leg in legs.found:
        world.legs[leg.call_id][leg.key] = leg
    world.call_requests = requests.found


async def load_what_follows(connection: AsyncConnection, world: World) -> None:
    """Of the contacts that are now locked: the open task to call back, and when we last talked."""
    ids = sorted(world.contacts)
    callbacks, talked = _CALLBACKS.asked(ids=ids), _TALKED.asked(ids=ids)
    await bulk.answer(connection, callbacks, talked)
    world.callbacks = {each.contact_id: each for each in callbacks.found}
    world.talked_at = {each.contact_id: each.at for each in talked.found}


def _id(name: str) -> UUID | None:
    """What an exchange tells back need not be ours."""
    try:
        return UUID(name)
    except ValueError:
        return None
