"""One thing done to the conversations chosen in the list, and taken back; and what is done to one from its row."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, get_args
from uuid import UUID

from aiohttp import web

from inbox.desk import BulkChange, BulkKind, BulkOutcome, NotFound, Refused, Skipped
from inbox.pages.answering import FARTHEST_SNOOZE
from inbox.rights import Right
from inbox.uuids import optional_uuid
from inbox.visit import Page, Undo, Visit, post
from storage.reading.sight import unseen

MOST_NAMED: Final = 3
"""Of those that were not done; the rest are counted."""
GONE: Final = "It is not there any more."
LONGEST_LIST: Final = 20_000
"""Characters; 200 ids with their revisions take a third of it."""


async def change_many(visit: Visit) -> web.Response:
    """`ids` and, in the same order, `revs`: the conversations and their states as the page saw them."""
    kind = next((each for each in get_args(BulkKind) if each == visit.form.get("do")), None)
    if kind is None:
        raise web.HTTPBadRequest
    change = BulkChange(
        kind=kind,
        manager=optional_uuid(visit.form.get("manager", "")),
        team=optional_uuid(visit.form.get("team", "")),
        label=visit.form.get("label", ""),
        until=_until(visit),
    )
    if kind == "assign" and change.manager != visit.me and not visit.may(Right.ASSIGN_OTHERS):
        raise web.HTTPForbidden
    key = optional_uuid(visit.form.get("key", ""))
    if key is None:
        raise web.HTTPBadRequest
    asked = _seen(visit)
    async with visit.around.engine.connect() as connection:
        gone = await unseen(connection, visit.sight, "conversation", asked)
    if asked and gone == asked.keys():
        raise NotFound
    outcome = await visit.around.desk.change_many(
        key, change, {each: rev for each, rev in asked.items() if each not in gone}, by=visit.me
    )
    # Whose they are now is not for the reader's eyes, nor whom they are with.
    left = [Skipped(conversation=each, name="", reason=GONE) for each in asked if each in gone]
    outcome = BulkOutcome(done=outcome.done, skipped=(*outcome.skipped, *left))
    undo = Undo(action=f"/conversations/bulk/{key}/undo") if outcome.done else None
    return visit.done("/", said=_said(visit, outcome), undo=undo)


async def undo_many(visit: Visit) -> web.Response:
    outcome = await visit.around.desk.undo_many(visit.id(), by=visit.me)
    if not outcome.skipped:
        return visit.back("/")
    return visit.done("/", said=_said(visit, outcome))


async def dismiss_failures(visit: Visit) -> web.Response:
    """What was not sent is dealt with otherwise. `up_to` goes back to what was seen before."""
    given = visit.form.get("up_to", "")
    up_to = int(given) if given.isdecimal() and len(given) <= 9 else None
    before = await visit.around.desk.dismiss_failures(visit.id(), by=visit.me, up_to=up_to)
    if up_to is not None:
        return visit.back("/")
    return visit.done(
        "/",
        said=visit._("No longer among those not sent"),
        undo=Undo(action=f"/conversations/{visit.id()}/failures", fields={"up_to": str(before)}),
    )


def _seen(visit: Visit) -> Mapping[UUID, str]:
    ids, revisions = visit.form.get("ids", ""), visit.form.get("revs", "")
    if len(ids) > LONGEST_LIST or len(revisions) > LONGEST_LIST:
        raise web.HTTPRequestEntityTooLarge(max_size=LONGEST_LIST, actual_size=len(ids))
    found = {}
    for id_, revision in zip(ids.split(","), revisions.split(","), strict=False):
        if (conversation := optional_uuid(id_)) is not None:
            found[conversation] = revision[:32]
    return found


def _said(visit: Visit, outcome: BulkOutcome) -> str:
    n: Callable[[str, str, int], str] = visit.language.n
    done = n("Done: {n} conversation", "Done: {n} conversations", outcome.done).format(
        n=outcome.done
    )
    if not outcome.skipped:
        return done
    count = len(outcome.skipped)
    named = "; ".join(
        f"{each.name or visit._('No name')} — {visit.language.sentence(each.reason).rstrip('.')}"
        for each in outcome.skipped[:MOST_NAMED]
    )
    if count > MOST_NAMED:
        named += visit._(" and {n} more").format(n=count - MOST_NAMED)
    skipped = n("{n} was left as it is: {named}", "{n} were left as they are: {named}", count)
    return f"{done}. {skipped.format(n=count, named=named)}."


def _until(visit: Visit) -> datetime | None:
    given = visit.form.get("until", "")
    if not given:
        return None
    try:
        until = datetime.fromisoformat(given)
    except ValueError as error:
        raise web.HTTPBadRequest from error
    if until.tzinfo is None or not visit.now < until <= visit.now + FARTHEST_SNOOZE:
        raise Refused(visit._("That time has passed, or is more than a year away."))
    return until.astimezone(UTC)


PAGES: Final[Sequence[Page]] = (
    post("/conversations/bulk", change_many, Right.ANSWER),
    post("/conversations/bulk/{id}/undo", undo_many, Right.ANSWER),
    post("/conversations/{id}/failures", dismiss_failures, Right.ANSWER),
)
