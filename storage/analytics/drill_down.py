"""Behind every number of a report: the cards that it counts, newest first, a page at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import BigInteger, Date, Text, bindparam, column, select, text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.analytics.models import PLACES
from storage.analytics.source_report import Wish, narrowed
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.reading.sight import Sight, contact_in_sight

Counted = Literal[
    "inquiries", "leads", "qualified", "won", "lost", "open", "new_customers", "revenue"
]
COUNTED: Final[tuple[Counted, ...]] = (
    "inquiries", "leads", "qualified", "won", "lost", "open", "new_customers", "revenue",
)  # fmt: skip
_NAME: Final = "drill_down"

# Which credits a figure counts, and by which day on the event basis; on the cohort's it is always the day of creation.
_OF: Final[dict[str, tuple[str, str]]] = {
    "inquiries": ("x.kind = 'inquiry'", "created_on"),
    "leads": ("x.kind = 'lead'", "created_on"),
    "qualified": ("x.kind = 'lead' and x.qualified_on is not null", "qualified_on"),
    "won": ("x.status = 'won'", "closed_on"),
    "lost": ("x.status = 'lost'", "closed_on"),
    "open": ("x.kind = 'lead' and x.status = 'open'", "created_on"),
    "new_customers": ("x.first_win", "closed_on"),
    "revenue": ("x.status = 'won'", "closed_on"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A lead (or, among inquiries, what began one), and how much of it the row of the report earned.

    `weight` in millionths; `money` in minor units of the company's currency, None where nothing was won or no rate is
    known. `conversation_id` is where to read on.
    """

    id: UUID
    kind: Literal["lead", "inquiry"]
    day: date
    weight: int
    money: int | None
    contact_id: UUID
    contact_name: str
    conversation_id: UUID | None
    number: int | None
    title: str
    status: str
    stage: str
    manager_name: str


async def cards(
    connection: AsyncConnection,
    wish: Wish,
    counted: Counted,
    *,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
    sight: Sight | None = None,
) -> Page[Card]:
    """Raises BadCursor. `wish.by` does not matter; `wish.only` says which row it is. The figure counts everything; whoever
    sees only part of the people is shown the cards of those.
    """
    which, day = _OF[counted]
    if wish.basis == "cohort":
        day = "created_on"
    values: dict[str, Any] = {"place": PLACES[wish.model] + 1}
    conditions = narrowed({**(wish.only or {})}, values)
    behind, until = "", wish.last
    if cursor:
        until, values["at_id"] = key_of(cursor, _NAME, tuple[date, UUID])
        values["at_day"] = until
        behind = "and (x.day, x.subject_id) < (:at_day, :at_id)"
    if wish.basis == "event" and counted == "open":
        return page_of([], limit=limit, name=_NAME, key=_key)  # nothing is open on a day
    whole = sight is None or sight.whole
    found = (
        text(f"""
        select x.subject_id, x.day, min(x.kind) as kind, min(x.contact_id::text)::uuid as contact_id,
               cast(sum(x.weights[:place]) as bigint) as weight, cast(sum(x.money[:place]) as bigint) as money
        from (select *, {day} as day from fact_credit where {day} between :first and :last) x
        join origin o on o.id = x.origin_id
        where x.weights[:place] <> 0 and {which} and {conditions} {behind}
        group by x.day, x.subject_id
        order by x.day desc, x.subject_id desc {"limit :limit" if whole else ""}
    """)  # noqa: S608  # our own names; values are parameters
        .columns(*_FOUND)
        .cte("found")
    )
    shown = select(found)
    if sight is not None and not sight.whole:
        shown = (
            shown.where(contact_in_sight(sight, found.c.contact_id))
            .order_by(found.c.day.desc(), found.c.subject_id.desc())
            .limit(bindparam("limit"))
        )
    rows: list[Any] = []
    for since, to in windows(wish.first, min(until, wish.last)):
        within = {**values, "first": since, "last": to, "limit": limit + 1 - len(rows)}
        rows += (await connection.execute(shown, within)).all()
        if len(rows) > limit:
            break
    cards = await _with_words(connection, rows[: limit + 1])
    return page_of(cards, limit=limit, name=_NAME, key=_key)


def windows(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days from the last back to the first: a week, then four times as many at each step. What is asked for is the
    newest; a page of a frequent source is full after the first, and years are read for a rare one only.
    """
    days = 7
    while last >= first:
        since = max(first, last - timedelta(days=days - 1))
        yield since, last
        last, days = since - timedelta(days=1), days * 4


_FOUND: Final = (
    column("subject_id", PG_UUID),
    column("day", Date),
    column("kind", Text),
    column("contact_id", PG_UUID),
    column("weight", BigInteger),
    column("money", BigInteger),
)
_WORDS: Final = text("""
    select f.id, c.name as contact_name, coalesce(l.conversation_id, i.conversation_id) as conversation_id, l.number,
           coalesce(l.title, '') as title, coalesce(l.status, '') as status, coalesce(s.name, '') as stage,
           coalesce(u.name, '') as manager_name
    from unnest(cast(:ids as uuid[]), cast(:contacts as uuid[]), cast(:kinds as text[])) as f(id, contact_id, kind)
    join contact c on c.id = f.contact_id
    left join lead l on l.id = f.id and f.kind = 'lead'
    left join inquiry i on i.id = f.id and f.kind = 'inquiry'
    left join conversation v on v.id = i.conversation_id
    left join stage s on s.id = l.stage_id
    left join user_account u on u.id = coalesce(l.manager_id, v.manager_id)
""")


async def _with_words(connection: AsyncConnection, rows: Sequence[Any]) -> list[Card]:
    if not rows:
        return []
    said = await connection.execute(
        _WORDS,
        {
            "ids": [row.subject_id for row in rows],
            "contacts": [row.contact_id for row in rows],
            "kinds": [row.kind for row in rows],
        },
    )
    words = {row["id"]: dict(row) for row in said.mappings()}
    return [
        Card(
            kind=row.kind,
            day=row.day,
            contact_id=row.contact_id,
            weight=row.weight,
            money=row.money,
            **words[row.subject_id],
        )
        for row in rows
        if row.subject_id in words  # erased between the two questions
    ]


def _key(card: Card) -> tuple[date, UUID]:
    return card.day, card.id
