"""What somebody typed into the search field, as questions to the indexes.

People are found by a part of their name (and, when nobody has it, by a name like it: trigram similarity), by a part of a
phone number or address, proved or only claimed, and by the number of their lead; conversations also by word forms in
Russian and English and by the beginning of the last word, so that results come while one types. When nothing is found, what
may have been meant is looked for instead (`storage.reading.spelling`), unless it is asked for exactly. What was found in
each result is said by `storage.reading.search_reasons`.

Each question is a statement of its own that gives ids, at most a bounded number of them, and is steered to its index:
joined into the list's query, the planner guesses a prefix to be frequent and reads every message to find a rare one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, TextClause, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.sight import Sight, seen, shares
from storage.reading.spelling import in_the_other_layout, spellings
from storage.tables import conversation

LONGEST: Final = 200
SHORTEST: Final = 4
ENDING: Final = 2
"""Characters a word keeps, and those it may lose at its end."""
MOST_PEOPLE: Final = 500
MOST_MESSAGES: Final = 2000
SELDOM: Final = 4000
"""Messages with a word that are all looked at, for the newest of them."""
RECENT: Final = 100_000
MOST_RECENT: Final = 1000
"""How many of the newest messages are looked through for a word that is everywhere, until how many are found."""

_PHONE_LIKE = re.compile(r"[\d\s()+.\-–]+")  # people do write numbers with a dash
_LEAD_NUMBER = re.compile(r"(?:лид|сделка|lead|deal)?\s*[#№]?\s*(\d{1,12})")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    text: str
    """Trimmed, lower case, at most LONGEST characters; never empty. Of several spellings, joined by "or"."""
    digits: tuple[str, ...]
    """The digits of something like a phone number, at least three; Russian 8… also as 7…."""
    prefix: str
    """A tsquery: all words, the last one by its beginning."""
    looser: str
    """Another: longer words without their ends, for when the words as they are find nothing: an ending mistyped, or a form
    that the stemmer takes for another word (колодки, колодок). "" when there is nothing to leave off.
    """
    lead: int | None
    """A lead's number, when it may be one: "#1284", "лид 1284", "1284"."""


def wanted(typed: str) -> Wanted | None:
    """None when there is nothing to look for."""
    trimmed = " ".join(typed.replace("\x00", "").split())[:LONGEST].lower()
    if not trimmed:
        return None
    digits: tuple[str, ...] = ()
    only = re.sub(r"\D", "", trimmed)
    if _PHONE_LIKE.fullmatch(trimmed) and len(only) >= 3:
        digits = (only, "7" + only[1:]) if only.startswith("8") and len(only) >= 5 else (only,)
    words = _WORD.findall(trimmed)
    prefix = " & ".join(f"'{word}'" for word in words) + ":*" if words else ""
    # The beginning of a number is another number.
    cut = [word[: max(SHORTEST, len(word) - ENDING)] if word.isalpha() else word for word in words]
    looser = " & ".join(f"'{word}':*" for word in cut) if cut != words else ""
    number = _LEAD_NUMBER.fullmatch(trimmed)
    return Wanted(
        text=trimmed,
        digits=digits,
        prefix=prefix,
        looser=looser,
        lead=int(number[1]) if number else None,
    )


_STEERED: Final = text("""
    select set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true),
           set_config('pg_trgm.word_similarity_threshold', '0.45', true)
""")
"""0.6, PostgreSQL's own threshold, forgives an added letter, but not a wrong one in the middle of a name.

Planned for the words that are asked for: a plan for any words, which PostgreSQL would keep after a few searches on one
connection, took a second where this takes a tenth.
"""

_BY_INDEX: Final = text("""
    select set_config('enable_indexscan', 'off', true), set_config('gin_fuzzy_search_limit', '20000', true)
""")
_FREE: Final = text("""
    select set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'on', true),
           set_config('gin_fuzzy_search_limit', '0', true)
""")

_NAMED: Final = text("select id from contact where lower(name) like :part limit :most")
_NAMED_LIKE: Final = text("select id from contact where lower(name) %> :typed limit :most")
_REACHED: Final = text("""
    select contact_id from identity where value like any(cast(:parts as text[])) limit :most
""")
_CLAIMING: Final = text("""
    select contact_id from identity_claim
    where kind in ('phone', 'email') and value like any(cast(:parts as text[])) limit :most
""")
_NUMBERED: Final = text("select contact_id from lead where number = :number")
QUERY: Final = """
    (websearch_to_tsquery('russian', :typed) || websearch_to_tsquery('english', :typed)
     || websearch_to_tsquery('simple', :typed) || to_tsquery('simple', :prefix))
"""
_SAID_SELDOM: Final = text(
    "select conversation_id, message_id, count(*) over () as said from"  # noqa: S608  # constants
    " (select conversation_id, message_id from message_search where vector @@ "
    + QUERY
    + "limit :seldom) found order by message_id desc limit :most"
)
_SAID_OFTEN: Final = text(
    "select conversation_id, message_id from"  # noqa: S608  # constants
    " (select conversation_id, message_id, vector from message_search order by message_id desc limit :seen) recent"
    " where vector @@ " + QUERY + "limit :most"
)
OWN_TALKS: Final = 1000
TEAM_TALKS: Final = 300
"""How many conversations of each status, the newest ones, are looked through for such a word in one's own hands and in each
team's, by somebody who sees no others.
"""
_SAID_OFTEN_THERE: Final = text(
    "select s.conversation_id, s.message_id from message m join message_search s on s.message_id = m.id"  # noqa: S608  # constants
    " where m.conversation_id = any(cast(:talks as uuid[])) and s.vector @@ "
    + QUERY
    + "limit :most"
)


async def people(connection: AsyncConnection, sought: Wanted) -> list[UUID]:
    """The contacts it may be, at most MOST_PEOPLE of each way of knowing them."""
    await connection.execute(_STEERED)
    found = await _known(connection, sought)
    if not found and not sought.digits:
        found = await _ids(connection, _NAMED_LIKE, typed=sought.text, most=MOST_PEOPLE)
    await connection.execute(_FREE)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """The conversations found, each with the newest message that says the words, if one does. `instead`: what was looked
    for in the place of what was typed, which found nothing.
    """

    found: dict[UUID, UUID | None] = field(default_factory=dict)
    instead: tuple[str, ...] = ()


async def conversations_about(
    connection: AsyncConnection, sought: Wanted, *, sight: Sight, exact: bool = False
) -> Hits:
    """The conversations with such a person, or in which such words were said.

    Of words that are everywhere only the newest places are looked at: with limited sight, of what is in sight.
    """
    await connection.execute(_STEERED)
    known = await _known(connection, sought)
    forgiving = not exact and not sought.digits
    like: list[UUID] = []
    if forgiving and not known:
        like = await _ids(connection, _NAMED_LIKE, typed=sought.text, most=MOST_PEOPLE)
    with_them = await _talks(connection, [*known, *like])
    said = await _said(connection, sought, sight, forgiving=not exact)
    instead: tuple[str, ...] = ()
    if forgiving and not known and not said:
        instead, said = await _respelled(connection, sought, sight)
    await connection.execute(_FREE)
    return Hits(found={**dict.fromkeys(with_them), **said}, instead=instead)


async def _respelled(
    connection: AsyncConnection, sought: Wanted, sight: Sight
) -> tuple[tuple[str, ...], dict[UUID, UUID | None]]:
    """What may have been meant, and what it finds. A word that is said only in conversations out of sight is not told."""
    other = wanted(in_the_other_layout(sought.text) or "")
    if other is not None:
        await connection.execute(_STEERED)
        with_them = await _talks(connection, await _known(connection, other))
        said = await _said(connection, other, sight, forgiving=False)
        if with_them or said:
            return (other.text,), {**dict.fromkeys(with_them), **said}
    await connection.execute(_STEERED)
    await connection.execute(_BY_INDEX)
    likely = await spellings(connection, sought.text)
    await connection.execute(_FREE)
    if not sight.whole:
        likely = [each for each in likely if await _says_in_sight(connection, each, sight)]
    if not likely:
        return (), {}
    hits = await _said(connection, any_of(likely), sight, forgiving=False)
    return (tuple(likely), hits) if hits else ((), {})


async def _says_in_sight(connection: AsyncConnection, spelling: str, sight: Sight) -> bool:
    said = await _said(connection, any_of([spelling]), sight, forgiving=False)
    return bool(await seen(connection, sight, "conversation", said))


def any_of(spellings: Sequence[str]) -> Wanted:
    """As if each of them had been typed. People of such names were looked for already."""
    each = [sought for spelling in spellings if (sought := wanted(spelling)) is not None]
    return Wanted(
        text=" or ".join(one.text for one in each),
        digits=(),
        prefix=" | ".join(f"({one.prefix})" for one in each if one.prefix),
        looser="",
        lead=None,
    )


async def _known(connection: AsyncConnection, sought: Wanted) -> list[UUID]:
    """By what they are called, reached by, or numbered, as it was typed."""
    parts = parts_of(sought)
    named = await _ids(connection, _NAMED, part=parts[0], most=MOST_PEOPLE)
    reached = await _ids(connection, _REACHED, parts=parts, most=MOST_PEOPLE)
    claiming = await _ids(connection, _CLAIMING, parts=parts, most=MOST_PEOPLE)
    numbered = (
        await _ids(connection, _NUMBERED, number=sought.lead) if sought.lead is not None else []
    )
    return list({*named, *reached, *claiming, *numbered})


async def _talks(connection: AsyncConnection, people: list[UUID]) -> list[UUID]:
    if not people:
        return []
    with_them = text("select id from conversation where contact_id = any(cast(:people as uuid[]))")
    return await _ids(connection, with_them, people=people)


def parts_of(sought: Wanted) -> list[str]:
    return [_like(part) for part in dict.fromkeys((sought.text, *sought.digits))]


async def _said(
    connection: AsyncConnection, sought: Wanted, sight: Sight, *, forgiving: bool
) -> dict[UUID, UUID | None]:
    """Rare words by their index, the newest of them; of words that are everywhere, the newest messages with them.

    The index is asked for at most about 20 000 places (`gin_fuzzy_search_limit`), so that a word in every message costs
    no more than that to recognise.
    """
    if not sought.prefix:
        return {}
    words = {"typed": sought.text, "prefix": sought.prefix}
    bounds = {"seldom": SELDOM + 1, "most": MOST_MESSAGES}
    await connection.execute(_STEERED)
    await connection.execute(_BY_INDEX)
    found = (await connection.execute(_SAID_SELDOM, {**words, **bounds})).all()
    # The newest of all may all be out of sight.
    often = bool(found) and found[0].said > (SELDOM if sight.whole else MOST_MESSAGES)
    if not found and forgiving and sought.looser:
        looser = {"typed": "", "prefix": sought.looser}
        found = (await connection.execute(_SAID_SELDOM, {**looser, **bounds})).all()
    await connection.execute(_FREE)
    if often:
        found = await _said_often(connection, words, sight)
    newest: dict[UUID, UUID | None] = {}
    for row in sorted(found, key=lambda each: each.message_id):
        newest[row.conversation_id] = row.message_id
    return newest


async def _said_often(
    connection: AsyncConnection, words: dict[str, Any], sight: Sight
) -> Sequence[Row[Any]]:
    if sight.whole:
        asked = {**words, "seen": RECENT, "most": MOST_RECENT}
        return (await connection.execute(_SAID_OFTEN, asked)).all()
    talks = [
        select(conversation.c.id)
        .where(conversation.c.status == status, *part)
        .order_by(conversation.c.last_message_at.desc(), conversation.c.id.desc())
        .limit(OWN_TALKS if place == 0 else TEAM_TALKS)
        for place, part in enumerate(shares(sight))
        for status in ("open", "waiting", "snoozed", "resolved", "spam")
    ]
    ids = list(
        (
            await connection.execute(union_all(*(each.subquery().select() for each in talks)))
        ).scalars()
    )
    asked = {**words, "talks": ids, "most": MOST_MESSAGES}
    return (await connection.execute(_SAID_OFTEN_THERE, asked)).all()


async def _ids(connection: AsyncConnection, statement: TextClause, **values: Any) -> list[UUID]:
    return list((await connection.execute(statement, values)).scalars())


def _like(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
