"""Tracked links and the clicks on them: made and changed by people, followed by everybody (`connectors.tracked_links`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.asking import NotFound, Refused
from router.clean_text import clean_line, clean_text
from router.ids import new_code, new_id
from router.message import SourceKeys
from storage.reading.paging import DEFAULT_LIMIT, Page, key_of, page_of
from storage.tables import tracked_link

PHONE_KEPT: Final = timedelta(minutes=15)
"""After a click on a telephone link a call is awaited for so long; `router.tracks` adds its own patience."""
LONGEST_NAME: Final = 120
LONGEST_TEXT: Final = 500
LONGEST_UTM: Final = 255
UTM: Final = ("source", "medium", "campaign", "content", "term")
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{1,39}")
_NAME: Final = "tracked links"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    id: UUID
    code: str
    name: str
    kind: str
    account_id: UUID | None
    address: str
    text: str
    manner: str
    utm: Mapping[str, str]
    clicks: int
    last_click_at: datetime | None
    created_at: datetime
    archived_at: datetime | None

    @property
    def origin(self) -> str:
        """Its words, as lists show them."""
        words = (self.utm.get(name, "") for name in ("source", "medium", "campaign"))
        return " / ".join(word for word in words if word)


_COLUMNS: Final = tuple(tracked_link.c[name] for name in LinkRow.__dataclass_fields__)


class KeptLinks:
    """The port of `connectors.tracked_links`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._at_once = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def find(self, code: str) -> LinkRow | None:
        async with self._engine.connect() as connection:
            found = await connection.execute(
                select(*_COLUMNS).where(
                    tracked_link.c.code == code, tracked_link.c.archived_at.is_(None)
                )
            )
            row = found.one_or_none()
        return _row(row) if row is not None else None

    async def clicked(self, link: Any, *, code: str, keys: SourceKeys, now: datetime) -> None:
        given = {
            "id": new_id(),
            "lease": new_id(),
            "code": code,
            "link": link.id,
            "number": link.address if link.address.startswith("+") else None,
            "until": now + PHONE_KEPT,
            "now": now,
            "keys": msgspec.to_builtins(keys),
        }
        async with self._at_once.connect() as connection:
            await connection.execute(_CLICK, given)


# All who click one link count in the same row, one after the other: so it is one statement and a transaction of its own,
# which ends without a word from us, and the disk is not waited for. A crash loses the clicks of half a second, and none of
# the messages that came of them. A call carries no code: who dials the number of a link soon is whoever clicked.
_CLICK: Final = text("""
    with hasty as (select set_config('synchronous_commit', 'off', true)),
    counted as (
        update tracked_link set clicks = clicks + 1, last_click_at = :now
        from hasty where id = :link returning id),
    awaited as (
        insert into number_lease (id, number, at, until, keys, link_id)
        select :lease, cast(:number as text), :now, :until, :keys, counted.id from counted
        where cast(:number as text) is not null)
    insert into link_click (id, code, link_id, at, keys)
    select :id, :code, counted.id, :now, :keys from counted
""").bindparams(bindparam("keys", type_=JSONB))


async def list_links(
    connection: AsyncConnection,
    *,
    archived: bool = False,
    cursor: str = "",
    limit: int = DEFAULT_LIMIT,
) -> Page[LinkRow]:
    """The newest first. Raises BadCursor."""
    wanted = select(*_COLUMNS).where(
        tracked_link.c.archived_at.is_not(None)
        if archived
        else tracked_link.c.archived_at.is_(None)
    )
    if cursor:
        at, id_ = key_of(cursor, _NAME, tuple[datetime, UUID])
        wanted = wanted.where(
            text("(created_at, id) < (:at, :behind)").bindparams(at=at, behind=id_)
        )
    rows = await connection.execute(
        wanted.order_by(tracked_link.c.created_at.desc(), tracked_link.c.id.desc()).limit(limit + 1)
    )
    return page_of(
        [_row(row) for row in rows],
        limit=limit,
        name=_NAME,
        key=lambda row: (row.created_at, row.id),
    )


async def link_by_id(connection: AsyncConnection, id_: UUID) -> LinkRow | None:
    found = await connection.execute(select(*_COLUMNS).where(tracked_link.c.id == id_))
    row = found.one_or_none()
    return _row(row) if row is not None else None


async def last_address(connection: AsyncConnection, account: UUID) -> str:
    """What the account was found by in the link made last: it is hardly ever another."""
    found = await connection.execute(
        text("""
            select address from tracked_link where account_id = :account order by created_at desc limit 1
        """),
        {"account": account},
    )
    return str(found.scalar() or "")


async def make_link(
    connection: AsyncConnection,
    *,
    name: str,
    kind: str,
    account: UUID | None,
    address: str,
    utm: Mapping[str, str],
    words: str = "",
    manner: str = "",
    code: str = "",
    by: UUID | None,
    now: datetime,
) -> UUID:
    """`code`: one that somebody has thought of; "": Allo thinks of one. Raises Refused."""
    made, wished = new_id(), code.strip().lower()
    if wished and not _CODE.fullmatch(wished):
        raise Refused(
            "Write the code in 2 to 40 small Latin letters, digits, hyphens and underscores."
        )
    added = await connection.execute(
        insert(tracked_link)
        .values(
            id=made,
            code=wished or new_code(7),
            kind=kind,
            account_id=account,
            created_by=by,
            created_at=now,
            **_values(name, address, utm, words, manner),
        )
        .on_conflict_do_nothing(index_elements=["code"])
        .returning(tracked_link.c.id)
    )
    if added.scalar() is None:
        raise Refused("There is a link of this code already.")
    return made


async def change_link(
    connection: AsyncConnection,
    id_: UUID,
    *,
    name: str,
    address: str,
    utm: Mapping[str, str],
    words: str = "",
    manner: str = "",
) -> LinkRow:
    """What is printed stays good: the code does not change. Returns what it was."""
    before = await _locked(connection, id_)
    await connection.execute(
        update(tracked_link)
        .where(tracked_link.c.id == id_)
        .values(**_values(name, address, utm, words, manner))
    )
    return before


async def archive_link(
    connection: AsyncConnection, id_: UUID, *, archived: bool, now: datetime
) -> LinkRow:
    before = await _locked(connection, id_)
    await connection.execute(
        update(tracked_link)
        .where(tracked_link.c.id == id_)
        .values(archived_at=now if archived else None)
    )
    return before


async def _locked(connection: AsyncConnection, id_: UUID) -> LinkRow:
    found = await connection.execute(
        select(*_COLUMNS).where(tracked_link.c.id == id_).with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("There is no such link.")
    return _row(row)


def _values(
    name: str, address: str, utm: Mapping[str, str], words: str, manner: str
) -> dict[str, Any]:
    named = clean_line(name, limit=LONGEST_NAME)
    if not named:
        raise Refused("Give the link a name: reports and cards show it.")
    return {
        "name": named,
        "address": address,
        "text": clean_text(words, limit=LONGEST_TEXT).strip(),
        "manner": manner,
        "utm": _utm(utm),
    }


def _utm(given: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value for name in UTM if (value := clean_line(given.get(name, ""), limit=LONGEST_UTM))
    }
    if kept and "source" not in kept:
        raise Refused("Write the source, too: the other words say nothing without it.")
    return kept


def _row(row: Any) -> LinkRow:
    return LinkRow(**row._mapping)  # noqa: SLF001  # a Row's public mapping
