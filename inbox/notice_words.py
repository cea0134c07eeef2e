"""A notice in words: under the bell, on the desktop and in a push. Who and where; what was written only where it is wished."""

from dataclasses import dataclass
from uuid import UUID

from inbox.formats import Formats
from inbox.rendering import channel_label, word
from inbox.wording import N_
from storage.reading.notices import NoticeRow

KIND_WORDS = {
    "assigned": N_("A conversation is assigned to me"),
    "message": N_("A new message in my conversation"),
    "unassigned": N_("A message in my team that nobody answers yet"),
    "mention": N_("A colleague mentions me in a note"),
    "failed": N_("My message was not sent"),
    "task": N_("A task is given to me, or is due"),
    "lead": N_("A lead is given to me"),
    "waiting": N_("A customer waits longer than was promised"),
    "channel": N_("A channel or an advertising account is silent or does not work"),
}
_GLYPHS = {
    "assigned": "assign",
    "message": "inbox",
    "unassigned": "inbox",
    "mention": "note",
    "failed": "alert",
    "task": "tasks",
    "lead": "board",
    "waiting": "clock",
    "channel": "alert",
}
_URGENT = frozenset({"failed", "waiting", "channel"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """`title` is who, `body` what happened, `text` what was written. Notices with one `tag` replace each other."""

    id: UUID
    title: str
    body: str
    text: str
    url: str
    tag: str
    glyph: str
    urgent: bool


def said(row: NoticeRow, *, formats: Formats) -> Said:
    number = row.lead_number
    lead = formats.language._("Lead {number}").format(number=number) if number else ""
    title, body, text = row.contact_name or lead, "", row.text
    match row.kind:
        case "task":
            title, body, text = row.task_text, _task(row, formats=formats), row.contact_name
        case "lead":
            title, body, text = row.lead_title or title, _given(row, formats=formats), ""
        case "channel":
            title = row.account or str(row.details.get("name", ""))
            body, text = _channel(row, formats=formats), ""
        case "failed":
            text = formats.language.sentence(str(row.details.get("reason", "")))
            body = _talk(row, formats=formats)
        case _:
            body = _talk(row, formats=formats)
    if not text and row.kind in {"message", "assigned", "waiting"} and row.message_kind != "text":
        text = word(formats.language, "kind", row.message_kind)
    return Said(
        id=row.id,
        title=title or formats.language._("No name"),
        body=body,
        text=text[:300],
        url=_place(row),
        tag=f"talk-{row.conversation_id}"
        if row.conversation_id and row.kind != "task"
        else str(row.id),
        glyph=_GLYPHS.get(row.kind, "alert"),
        urgent=row.kind in _URGENT,
    )


_TALKS = {
    "message": N_("New message"),
    "unassigned": N_("New message, nobody answers yet"),
    "failed": N_("Your message was not sent"),
    "waiting": N_("Waits for an answer longer than was promised"),
}


def _talk(row: NoticeRow, *, formats: Formats) -> str:
    """What happened in a conversation, and in which channel."""
    _ = formats.language._
    match row.kind:
        case "assigned" | "mention":
            body = _given(row, formats=formats)
        case kind:
            body = _(_TALKS[kind]) if kind in _TALKS else kind
    return f"{body} · {channel_label(formats.language, row.channel)}" if row.channel else body


def _given(row: NoticeRow, *, formats: Formats) -> str:
    _ = formats.language._
    by = row.by_name
    match row.kind:
        case "assigned":
            return (
                _("{name} gave you this conversation").format(name=by)
                if by
                else _("The conversation is yours now")
            )
        case "mention":
            return (
                _("{name} mentioned you in a note").format(name=by)
                if by
                else _("You are mentioned in a note")
            )
        case _:
            return (
                _("{name} gave you this lead").format(name=by) if by else _("The lead is yours now")
            )


def _channel(row: NoticeRow, *, formats: Formats) -> str:
    _ = formats.language._
    if row.details.get("what") == "ad_account":
        if row.details.get("condition") == "broken":
            return _("The advertising platform does not let us in")
        return _("The advertising platform has told nothing for days")
    if row.details.get("what") == "broken":
        return _("The channel does not work")
    return _("Nothing has come for unusually long")


def _task(row: NoticeRow, *, formats: Formats) -> str:
    _ = formats.language._
    when = formats.moment(row.task_due_at) if row.task_due_at else ""
    match row.details.get("what"):
        case "soon":
            return _("Task, due {when}").format(when=when)
        case "due":
            return _("The task is due")
        case _ if row.by_name:
            return _("{name} gave you a task, due {when}").format(name=row.by_name, when=when)
        case _:
            return _("A task for you, due {when}").format(when=when)


def _place(row: NoticeRow) -> str:
    match row.kind:
        case "task":
            return "/tasks"
        case "lead" if row.lead_id:
            return f"/leads/{row.lead_id}"
        case "channel" if row.account:
            return f"/settings/channels/{row.account}"
        case "channel" if row.details.get("ad_account"):
            return f"/settings/spend/accounts/{row.details['ad_account']}"
        case _ if row.conversation_id:
            return f"/conversations/{row.conversation_id}"
        case _:
            return "/notices"


def trial(*, formats: Formats) -> str:
    """The text of a notification that tells of nothing."""
    return formats.language._("This is what a notification looks like.")
