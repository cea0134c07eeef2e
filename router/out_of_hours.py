"""The team is closed and nobody can take it: the customer is told so, once, and when somebody will be there.

    somebody writes ──▶ a conversation begins, or is opened again ──▶ nobody's ──▶ closed now? ──▶ the team's words

The answer is queued like any other, but answers nothing: the customer still waits, and it is nobody's turn. It never
goes to what no person wrote, to spam or to the blocked (those are never anybody's turn either), nor into a group.
"""

import re
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from router.conversations import next_seq
from router.message import ButtonPressed, ContactShared, Event, InboundMessage
from router.records import Contact, Conversation, Message, Team
from router.replies import queue
from router.working_hours import is_open, next_opening
from router.world import World

TOLD_LATELY: Final = timedelta(hours=12)
"""A night. Whoever begins several conversations in one (or in whose name somebody does) is told once."""

_OPENS: Final = re.compile(r"\{\{\s*opens\s*\}\}")

_DAYS: Final = {
    "ru": (
        "в понедельник",
        "во вторник",
        "в среду",
        "в четверг",
        "в пятницу",
        "в субботу",
        "в воскресенье",
    ),
    "en": (
        "on Monday",
        "on Tuesday",
        "on Wednesday",
        "on Thursday",
        "on Friday",
        "on Saturday",
        "on Sunday",
    ),
}
_MONTHS: Final = {
    "ru": (
        "января", "февраля", "марта", "апреля", "мая", "июня",
        "июля", "августа", "сентября", "октября", "ноября", "декабря",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip
_NEAR: Final = {"ru": ("сегодня", "завтра", "позже"), "en": ("today", "tomorrow", "later")}
_AT: Final = {"ru": "{day} в {clock}", "en": "{day} at {clock}"}
_DATE: Final = {"ru": "{day} {month}", "en": "on {day} {month}"}


def say_when_we_open(
    world: World, conversation: Conversation, *, contact: Contact, event: Event
) -> Message | None:
    """Queues the team's words, if now is the time for them."""
    if conversation.manager_id is not None or conversation.chat_kind != "private":
        return None
    if not world.policy(conversation.account_id).sends:
        return None  # a form, an exchange: there is no way to say anything
    if not isinstance(event, InboundMessage | ContactShared | ButtonPressed):
        return None  # a call, which words do not answer
    teams, _ = world.colleagues()
    team = teams.get(conversation.team_id) if conversation.team_id is not None else None
    if team is None or not is_away(team, world.now) or contact.id in world.told_away:
        return None
    world.told_away.add(contact.id)
    message = world.add(
        Message(
            id=world.new_id(),
            conversation_id=conversation.id,
            seq=next_seq(conversation),
            account_id=conversation.account_id,
            direction="out",
            author_name=team.name,
            text=words(team, world.now, language=world.policy(conversation.account_id).language),
            details={"automatic": "out_of_hours"},
            sent_at=world.now,
            received_at=world.now,
            state="queued",
        )
    )
    # Not `take_in`: in the lists stands what the customer said, which nobody has answered.
    world.change(conversation)
    queue(world, conversation, message, by=None)
    return message


def is_away(team: Team, now: datetime) -> bool:
    """The team is closed, and has something to say about it."""
    return bool(team.away_text.strip()) and not is_open(
        team.hours, team.time_zone, team.holidays, now
    )


def words(team: Team, now: datetime, *, language: str) -> str:
    """The team's text, with {{opens}} for the next opening: "tomorrow at 09:00"."""
    opens = next_opening(team.hours, team.time_zone, team.holidays, now)
    moment = _moment(opens, now, team.time_zone, language if language in _DAYS else "en")
    return _OPENS.sub(moment, team.away_text)


def _moment(opens: datetime | None, now: datetime, zone: str, language: str) -> str:
    today, tomorrow, later = _NEAR[language]
    if opens is None:
        return later
    there = opens.astimezone(ZoneInfo(zone))
    days = (there.date() - now.astimezone(ZoneInfo(zone)).date()).days
    if days < 2:  # today, tomorrow
        day = (today, tomorrow)[days]
    elif days < 7:  # a weekday that cannot be mistaken for today's
        day = _DAYS[language][there.weekday()]
    else:
        month = _MONTHS[language][there.month - 1]
        day = _DATE[language].format(day=there.day, month=month)
    return _AT[language].format(day=day, clock=there.strftime("%H:%M"))
