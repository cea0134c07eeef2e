"""Why a search found what it found: of each result the line with the words, or the number or address that was typed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.reading.searching import QUERY, Wanted, any_of, parts_of, wanted


class Found(Protocol):
    """A row of results. `hit` is the message that says the words."""

    @property
    def id(self) -> UUID: ...
    @property
    def contact_id(self) -> UUID: ...
    @property
    def hit(self) -> UUID | None: ...


Pieces = tuple[tuple[str, bool], ...]
"""A line in pieces; True marks what was looked for."""


_START, _STOP = "\ue000", "\ue001"
_MARKED: Final = text(
    "select m.id, ts_headline('russian', translate(left(m.subject || ' ' || m.text, 20000), :marks, ''), "  # noqa: S608  # constants
    + QUERY
    + ", :options) as line from message m where m.id = any(cast(:ids as uuid[])) and m.deleted_at is null"
)
_OPTIONS: Final = (
    f"StartSel={_START}, StopSel={_STOP}, MaxWords=14, MinWords=6, ShortWord=0, MaxFragments=1"
)
_HELD: Final = text("""
    select contact_id, value, coalesce(nullif(display, ''), value) as shown from identity
    where contact_id = any(cast(:ids as uuid[])) and value like any(cast(:parts as text[]))
    union all
    select contact_id, value, coalesce(nullif(display, ''), value) from identity_claim
    where contact_id = any(cast(:ids as uuid[])) and value like any(cast(:parts as text[]))
      and kind in ('phone', 'email')
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """The line in which the words were found; of whose name or number it was, that."""

    line: Pieces
    message: UUID | None = None


async def explained(
    connection: AsyncConnection, typed: str, rows: Iterable[Found], *, instead: Sequence[str] = ()
) -> dict[UUID, Reason]:
    """Of the rows of a page. One that was found by a name, which the row shows anyway, may have none."""
    sought = wanted(typed)
    if sought is None:
        return {}
    said_as = any_of(instead) if instead else sought
    rows = list(rows)
    held = await connection.execute(
        _HELD, {"ids": list({row.contact_id for row in rows}), "parts": parts_of(sought)}
    )
    keys = {row.contact_id: marked(row.shown, sought) for row in held}
    said = [row.hit for row in rows if row.hit is not None]
    lines = await _lines(connection, said, typed=said_as.text, prefix=said_as.prefix)
    if unmarked := [each for each, line in lines.items() if not any(hit for _, hit in line)]:
        lines |= await _lines(connection, unmarked, typed="", prefix=sought.looser)
    reasons = {}
    for row in rows:
        if row.contact_id in keys:
            reasons[row.id] = Reason(line=keys[row.contact_id])
        elif row.hit in lines:
            reasons[row.id] = Reason(line=lines[row.hit], message=row.hit)
    return reasons


async def _lines(
    connection: AsyncConnection, messages: list[UUID], *, typed: str, prefix: str
) -> dict[UUID, Pieces]:
    if not messages or not prefix:
        return {}
    values = {"ids": messages, "typed": typed, "prefix": prefix}
    said = await connection.execute(
        _MARKED, {**values, "options": _OPTIONS, "marks": _START + _STOP}
    )
    return {row.id: _pieces(" ".join(row.line.split())) for row in said}


def marked(shown: str, sought: Wanted) -> Pieces:
    """A name, number or address with the part that was typed; digits are found whatever stands between them."""
    begins = shown.lower().find(sought.text)
    if begins >= 0 and len(shown.lower()) == len(shown):
        return _cut(shown, begins, begins + len(sought.text))
    places = [place for place, character in enumerate(shown) if character.isdigit()]
    plain = "".join(shown[place] for place in places)
    for digits in sought.digits:
        if (first := plain.find(digits)) >= 0:
            return _cut(shown, places[first], places[first + len(digits) - 1] + 1)
    return ((shown, False),)


def _cut(shown: str, begins: int, ends: int) -> Pieces:
    pieces = ((shown[:begins], False), (shown[begins:ends], True), (shown[ends:], False))
    return tuple(each for each in pieces if each[0])


def _pieces(line: str) -> Pieces:
    pieces: list[tuple[str, bool]] = []
    for part in line.split(_START):
        inside, stop, outside = part.partition(_STOP)
        pieces += [(inside, True), (outside, False)] if stop else [(part, False)]
    return tuple(each for each in pieces if each[0])
