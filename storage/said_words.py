"""The distinct words that were ever said, as they were written: what a mistyped word of a search may have meant.

The recorder learns them beside the words of each message (`storage/recording.py`). Only letters: numbers of orders and
parcels would grow without end, and the nearest number is another order's.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

SHORTEST: Final = 4
LONGEST: Final = 30

LEARNT: Final = (
    "insert into said_word (word)"  # noqa: S608  # constants
    " select distinct said.lexeme as word from {spoken}, unnest({vector}) said"
    f" where length(said.lexeme) between {SHORTEST} and {LONGEST} and said.lexeme !~ '[^[:alpha:]]'"
    " order by word on conflict do nothing"
)
"""Of a `vector` of the configuration "simple", which changes nothing but the case. In one order, so that two recorders
that learn the same words wait for each other, and do not deadlock."""

_STEERED: Final = text("""
    select set_config('enable_seqscan', 'off', true), set_config('gin_fuzzy_search_limit', '100', true)
""")
_FREE: Final = text("""
    select set_config('enable_seqscan', 'on', true), set_config('gin_fuzzy_search_limit', '0', true)
""")
_FORGET: Final = text("""
    delete from said_word w using (
        select distinct said.lexeme as word
        from message m, unnest(to_tsvector('simple', left(m.subject || ' ' || m.text, 20000))) said
        where m.conversation_id in (select id from conversation where contact_id = any(:people))
    ) own
    where w.word = own.word and (
        select s.message_id from message_search s where s.vector @@ plainto_tsquery('simple', own.word) limit 1) is null
""")


async def forget_words(connection: AsyncConnection, people: Sequence[UUID]) -> None:
    """Those that nobody else has said; the search has forgotten these people's messages, and the messages still read.

    Of each word a few places are enough (`gin_fuzzy_search_limit`): a greeting is in every second message.
    """
    await connection.execute(_STEERED)
    await connection.execute(_FORGET, {"people": list(people)})
    await connection.execute(_FREE)
