"""What somebody typed into the search field, as questions to the indexes.

People are found by a part of their name (and, when nobody has it, by a name like it: trigram similarity), by a part of a
phone number or address, and by what they only claimed when it is given whole; conversations also by word forms in
Russian and English and by the beginning of the last word, so that results come while one types.

Each question is a statement of its own that gives ids, at most a bounded number of them, and is steered to its index:
joined into the list's query, the planner guesses a prefix to be frequent and reads every message to find a rare one.
"""

import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

LONGEST: Final = 200
MOST_PEOPLE: Final = 500
MOST_MESSAGES: Final = 2000
RECENT: Final = 200_000
"""How many of the newest messages are looked through for a word that is everywhere."""

_PHONE_LIKE = re.compile(r"[\d\s()+.\-]+")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    text: str
    """Trimmed, lower case, at most LONGEST characters; never empty."""
    digits: tuple[str, ...]
    """The digits of something like a phone number, at least three; Russian 8… also as 7…."""
    prefix: str
    """A tsquery: all words, the last one by its beginning."""


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
    return Wanted(text=trimmed, digits=digits, prefix=prefix)


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
    where kind in ('phone', 'email') and value = any(cast(:whole as text[])) limit :most
""")
_QUERY: Final = """
    (websearch_to_tsquery('russian', :typed) || websearch_to_tsquery('english', :typed)
     || websearch_to_tsquery('simple', :typed) || to_tsquery('simple', :prefix))
"""
_SAID_SELDOM: Final = text(
    "select conversation_id from message_search where vector @@ " + _QUERY + "limit :most"  # noqa: S608  # constants
)
_SAID_OFTEN: Final = text(
    "select distinct conversation_id from (select conversation_id from"  # noqa: S608  # constants
    " (select conversation_id, vector from message_search order by message_id desc limit :seen) recent"
    " where vector @@ " + _QUERY + "limit :most) hit"
)


async def people(connection: AsyncConnection, sought: Wanted) -> list[UUID]:
    """The contacts it may be, at most MOST_PEOPLE of each way of knowing them."""
    await connection.execute(_STEERED)
    found = await _people(connection, sought)
    await connection.execute(_FREE)
    return found


async def conversations_about(connection: AsyncConnection, sought: Wanted) -> list[UUID]:
    """The conversations with such a person, or in which such words were said."""
    await connection.execute(_STEERED)
    known = await _people(connection, sought)
    with_them = await _ids(
        connection,
        text("select id from conversation where contact_id = any(cast(:known as uuid[]))"),
        known=known,
    )
    said = await _said(connection, sought)
    await connection.execute(_FREE)
    return list({*with_them, *said})


async def _people(connection: AsyncConnection, sought: Wanted) -> list[UUID]:
    parts = [_like(part) for part in dict.fromkeys((sought.text, *sought.digits))]
    whole = [sought.text, *("+" + digits for digits in sought.digits)]
    named = await _ids(connection, _NAMED, part=parts[0], most=MOST_PEOPLE)
    reached = await _ids(connection, _REACHED, parts=parts, most=MOST_PEOPLE)
    claiming = await _ids(connection, _CLAIMING, whole=whole, most=MOST_PEOPLE)
    found = {*named, *reached, *claiming}
    if not found and not sought.digits:
        found = {*await _ids(connection, _NAMED_LIKE, typed=sought.text, most=MOST_PEOPLE)}
    return list(found)


async def _said(connection: AsyncConnection, sought: Wanted) -> list[UUID]:
    """Rare words by their index, all of them; of words that are everywhere, the newest messages with them.

    The index is asked for at most about 20 000 places (`gin_fuzzy_search_limit`), so that a word in every message costs
    no more than that to recognise.
    """
    if not sought.prefix:
        return []
    words = {"typed": sought.text, "prefix": sought.prefix}
    await connection.execute(_BY_INDEX)
    seldom = await _ids(connection, _SAID_SELDOM, **words, most=MOST_MESSAGES + 1)
    await connection.execute(_FREE)
    if len(seldom) <= MOST_MESSAGES:
        return seldom
    return await _ids(connection, _SAID_OFTEN, **words, seen=RECENT, most=MOST_MESSAGES)


async def _ids(connection: AsyncConnection, statement: TextClause, **values: Any) -> list[UUID]:
    return list((await connection.execute(statement, values)).scalars())


def _like(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
