"""What a colleague does in a conversation: answer, note, hand over, put away, read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

from aiohttp import web

from inbox.desk import AnsweredMeanwhile, NotFound, Refused
from inbox.mentions import Named, named_in
from inbox.pages.drafts import LONGEST_KEY, LONGEST_NUMBER, LONGEST_TEXT, writing_of
from inbox.pages.uploads import files_of
from inbox.pages.ways import ways_of
from inbox.reply_variables import unfilled
from inbox.rights import Right
from inbox.uuids import optional_uuid
from inbox.visit import Page, Undo, Visit, post
from router.ids import new_id
from router.records import Status
from storage.drafts import drop_draft
from storage.engine import transaction
from storage.labels import LONGEST_LABEL, MOST_ON_ONE
from storage.reading.colleagues import list_teams, list_users
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import conversation_by_id
from storage.reading.sight import EVERYTHING, unseen, who_sees

MOST_PICKED: Final = 50
FARTHEST_SNOOZE: Final = timedelta(days=366)

UNTIL_A_MESSAGE: Final = "message"
"""A snooze that ends when the customer writes, and not before."""

_STATUSES: Final = ("open", "waiting", "resolved", "spam")


async def say(visit: Visit) -> web.Response:
    """A reply or a note. The form's key makes a double click, or a retry after a lost answer, one message.

    A reply goes to the conversation that the form names with `to`, one of the same person's. When a colleague has
    answered there since `seen`, it is not sent but asked about, once.
    """
    conversation = visit.id()
    text = visit.form.get("text", "").replace("\r\n", "\n").strip()
    key = visit.form.get("key", "")[:LONGEST_KEY] or None
    files = await files_of(visit)
    if len(text) > LONGEST_TEXT:
        raise web.HTTPRequestEntityTooLarge(max_size=LONGEST_TEXT, actual_size=len(text))
    if visit.form.get("mode") == "note":
        if not text:
            raise Refused(visit._("Write something first."))
        named = await _named(visit, text)
        message = await visit.around.desk.note(
            conversation,
            by=visit.me,
            text=text,
            idempotency_key=key,
            mentions=named.users,
            named=named.names,
        )
    else:
        if not text and not files:
            raise Refused(visit._("Write something first."))
        if (places := unfilled(text)) and not visit.form.get("unfilled"):
            return await _ask_about_places(visit, places)
        to = await _where_to(visit, conversation)
        afterwards = _afterwards(visit)
        try:
            message = await visit.around.desk.reply(
                to,
                by=visit.me,
                text=text,
                files=files,
                reply_to=optional_uuid(visit.form.get("reply_to", "")),
                idempotency_key=key,
                seen=seen_of(visit),
            )
        except AnsweredMeanwhile as other:
            return await _ask(visit, other)
        if afterwards is not None:
            status, until = afterwards
            await visit.around.desk.set_status(to, status, by=visit.me, until=until)
    async with transaction(visit.around.engine) as connection:
        await drop_draft(
            connection, user_id=visit.me, conversation_id=conversation, writing=writing_of(visit)
        )
    if visit.wants_fragment:
        return web.json_response({"message": str(message)}, status=201)
    return visit.back(f"/conversations/{conversation}")


def seen_of(visit: Visit) -> int | None:
    """How far the conversation had been seen when the reply was written."""
    seen = visit.form.get("seen", "")
    return int(seen) if seen.isdecimal() and len(seen) <= LONGEST_NUMBER else None


async def _named(visit: Visit, text: str) -> Named:
    """Whom a note names. `mention` is what was picked from the list."""
    if "@" not in text:
        return Named(users=(), names=())
    posted = await visit.request.post()
    picked = [optional_uuid(str(each)) for each in posted.getall("mention", [])[:MOST_PICKED]]
    async with visit.around.engine.connect() as connection:
        users, teams = await list_users(connection), await list_teams(connection)
        seeing = await who_sees(connection, visit.id())
    return named_in(
        text,
        picked=[each for each in picked if each is not None],
        users=users,
        teams=teams,
        author=visit.me,
        seeing=seeing,
    )


def _afterwards(visit: Visit) -> tuple[Status, datetime | None] | None:
    """What becomes of the conversation once the reply is sent: "send and resolve"."""
    then = visit.form.get("then", "")
    if not then:
        return None
    if then in {"resolved", "waiting"}:
        return cast("Status", then), None
    return "snoozed", _later(visit, then)


async def _where_to(visit: Visit, opened: UUID) -> UUID:
    """The conversation the reply goes to. Raises Refused for a closed one."""
    to = optional_uuid(visit.form.get("to", "")) or opened
    async with visit.around.engine.connect() as connection:
        ways = await ways_of(visit, connection, opened)
        if not ways:
            raise NotFound
        way = next((each for each in ways if each.row.conversation_id == to), None)
        if way is None:
            raise web.HTTPBadRequest
        if way.closed:
            raise Refused(way.closed)
        return to


async def _ask(visit: Visit, other: AnsweredMeanwhile) -> web.Response:
    words = " ".join(other.words.split())
    asked = (
        visit._("{name} has answered already, {ago}: “{words}”. Send yours all the same?")
        if words
        else visit._("{name} has answered already, {ago}. Send it all the same?")
    ).format(
        name=other.name or visit._("A colleague"),
        ago=visit.formats.ago_to_the_second(other.at),
        words=f"{words[:80].rstrip()}…" if len(words) > 80 else words,  # a line of a bubble
    )
    if visit.wants_fragment:
        # Sent again with what is seen now, it goes.
        return web.Response(status=409, text=asked, headers={"X-Seen": str(other.seq)})
    return await _ask_on_a_page(visit, asked, "seen", str(other.seq))


async def _ask_about_places(visit: Visit, places: Sequence[str]) -> web.Response:
    asked = visit._("Not filled in: {places}. Send it all the same?").format(
        places=", ".join(places[:5])
    )
    if visit.wants_fragment:
        return web.Response(status=422, text=asked)
    return await _ask_on_a_page(visit, asked, "unfilled", "sent")


async def _ask_on_a_page(visit: Visit, asked: str, name: str, answer: str) -> web.Response:
    """The same form once more, with the answer in it."""
    posted = await visit.request.post()
    fields = [
        (each, value)
        for each, value in posted.items()
        if isinstance(value, str) and each not in {name, "csrf"}
    ]
    return visit.page(
        "answered.html",
        status=409,
        asked=asked,
        fields=[*fields, (name, answer)],
        conversation=visit.id(),
    )


async def assign(visit: Visit) -> web.Response:
    conversation = visit.id()
    manager, team = (
        optional_uuid(visit.form.get("manager", "")),
        optional_uuid(visit.form.get("team", "")),
    )
    if manager != visit.me and not visit.may(Right.ASSIGN_OTHERS):
        raise web.HTTPForbidden
    before = await _as_it_is(visit, conversation)
    await visit.around.desk.assign(conversation, by=visit.me, manager=manager, team=team)
    if note := visit.form.get("note", "").strip()[:LONGEST_TEXT]:
        await visit.around.desk.note(conversation, by=visit.me, text=note)
    after = await _as_it_is(visit, conversation)
    async with visit.around.engine.connect() as connection:
        gone = await unseen(connection, visit.sight, "conversation", [conversation])
    here = f"/conversations/{conversation}"
    was = (
        {"manager": str(before.manager_id)}
        if before.manager_id
        else ({"team": str(before.team_id)} if before.team_id and team is None else {"nobody": "1"})
    )
    may_undo = before.manager_id == visit.me or visit.may(Right.ASSIGN_OTHERS)
    return visit.done(
        "/" if gone else here,
        said=_whose_now(visit, after),
        undo=Undo(action=f"{here}/assignment", fields=was) if may_undo and not gone else None,
    )


def _whose_now(visit: Visit, row: ConversationRow) -> str:
    if row.manager_id == visit.me:
        return visit._("It is yours now.")
    if row.manager_id:
        return visit._("Handed over to {name}.").format(name=row.manager_name)
    if row.team_id:
        return visit._("In the queue of {team} now.").format(team=row.team_name)
    return visit._("Back in the queue.")


async def _as_it_is(visit: Visit, conversation: UUID) -> ConversationRow:
    async with visit.around.engine.connect() as connection:
        row = await conversation_by_id(connection, conversation, sight=EVERYTHING)
    if row is None:
        raise NotFound
    return row


async def set_status(visit: Visit) -> web.Response:
    conversation = visit.id()
    status = visit.form.get("status", "")
    until: datetime | None = None
    if visit.form.get("until"):
        status = "snoozed"
        written = visit.form["until"]
        until = None if written == UNTIL_A_MESSAGE else _later(visit, written)
    elif status not in _STATUSES:
        raise web.HTTPBadRequest
    key = new_id()
    await visit.around.desk.set_status(
        conversation, cast("Status", status), by=visit.me, until=until, key=key
    )
    return visit.done(
        f"/conversations/{conversation}",
        said=_what_it_is_now(visit, status, until),
        undo=Undo(action=f"/conversations/bulk/{key}/undo"),
    )


def _what_it_is_now(visit: Visit, status: str, until: datetime | None) -> str:
    _ = visit._
    if status == "snoozed":
        if until is None:
            return _("Hidden until the customer writes.")
        return _("Hidden until {moment}.").format(moment=visit.formats.moment(until))
    return {
        "open": _("It is open again."),
        "waiting": _("Marked: we wait for the customer."),
        "resolved": _("Resolved."),
        "spam": _("Marked as spam."),
    }[status]


async def mark_read(visit: Visit) -> web.Response:
    await visit.around.desk.mark_read(visit.id(), by=visit.me)
    return visit.back(f"/conversations/{visit.id()}")


async def change_labels(visit: Visit) -> web.Response:
    """One more, or one less."""
    added = " ".join(visit.form.get("add", "").split())[:LONGEST_LABEL]
    removed = visit.form.get("remove", "")
    if not added and not removed:
        raise web.HTTPBadRequest
    async with visit.around.engine.connect() as connection:
        row = await conversation_by_id(connection, visit.id(), sight=visit.sight)
    if row is None:
        raise NotFound
    labels = [each for each in row.labels if each != removed]
    if added and added.lower() not in {each.lower() for each in labels}:
        labels.append(added)
    if len(labels) > MOST_ON_ONE:
        raise Refused(visit._("At most {n} labels on one conversation.").format(n=MOST_ON_ONE))
    await visit.around.desk.set_labels(row.id, labels, by=visit.me)
    return visit.back(f"/conversations/{row.id}")


async def retry(visit: Visit) -> web.Response:
    await visit.around.desk.retry(visit.id(), by=visit.me)
    return visit.back("/")


def _later(visit: Visit, written: str) -> datetime:
    try:
        until = datetime.fromisoformat(written)
    except ValueError as error:
        raise web.HTTPBadRequest from error
    if until.tzinfo is None:
        # From a field for date and time: the clock on the wall of the installation.
        until = until.replace(tzinfo=visit.formats.zone)
    if not visit.now < until <= visit.now + FARTHEST_SNOOZE:
        raise Refused(visit._("That time has passed, or is more than a year away."))
    return until.astimezone(UTC)


PAGES: Final[Sequence[Page]] = (
    post("/conversations/{id}/messages", say, Right.ANSWER),
    post("/conversations/{id}/assignment", assign, Right.ANSWER),
    post("/conversations/{id}/status", set_status, Right.ANSWER),
    post("/conversations/{id}/read", mark_read, Right.ANSWER),
    post("/conversations/{id}/labels", change_labels, Right.ANSWER),
    post("/messages/{id}/retry", retry, Right.ANSWER),
)
