"""What somebody wants to see in the list, as it stands in the address; and addresses with one thing of it changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast, get_args
from urllib.parse import urlencode
from uuid import UUID

from storage.reading.conversations import (
    ACTIVE,
    STATUSES,
    ConversationFilter,
    Sort,
    Status,
    Tab,
)

_FILTERS: Final = ("status", "account", "manager", "unread", "waiting")


@dataclass(frozen=True, kw_only=True)
class ListWish:
    filter: ConversationFilter
    sort: Sort
    cursor: str
    given: tuple[tuple[str, str], ...]
    """The address's fields that mean something, as they came."""

    @cached_property
    def suffix(self) -> str:
        """For the address of a conversation that is opened from this list."""
        query = self.query()
        return f"?{query}" if query else ""

    @property
    def status(self) -> str:
        """One status, "any", or "" for what is open."""
        return dict(self.given).get("status", "")

    @property
    def narrowed(self) -> bool:
        return any(name in _FILTERS for name, _ in self.given)

    @property
    def plain(self) -> bool:
        return not self.narrowed

    def query(self, **changes: object) -> str:
        """The query string with these changes; None or False takes a field away."""
        renamed = {"statuses": "status", "accounts": "account"}
        fields = {name: value for name, value in self.given if name != "cursor"}
        for name, value in changes.items():
            key = renamed.get(name, name)
            if value is None or value is False or value == "":
                fields.pop(key, None)
            else:
                fields[key] = "1" if value is True else str(value)
        return urlencode(fields)

    def href(self, **changes: object) -> str:
        query = self.query(**changes)
        return f"/?{query}" if query else "/"

    def without_filters(self) -> str:
        return self.href(**dict.fromkeys(_FILTERS))

    def hidden(self, *, without: str) -> Sequence[tuple[str, str]]:
        """For a form that changes the fields named in `without`."""
        left_out = {*without.split(","), "cursor"}
        return [(name, value) for name, value in self.given if name not in left_out]


def list_wish(query: Mapping[str, str], *, me: UUID, default_tab: Tab = "mine") -> ListWish:
    """What is not understood is left out: an old bookmark still shows a list."""
    given: list[tuple[str, str]] = []

    def taken(name: str, allowed: Sequence[str] | None = None) -> str:
        value = query.get(name, "").strip()[:512]
        if not value or (allowed is not None and value not in allowed):
            return ""
        given.append((name, value))
        return value

    tab = taken("tab", get_args(Tab)) or default_tab
    status = taken("status", (*STATUSES, "any"))
    account = taken("account")
    manager = taken("manager")
    wish = ConversationFilter(
        tab=cast("Tab", tab),
        me=me,
        statuses=_statuses(status),
        accounts=(account,) if account else (),
        manager=_uuid(manager),
        unread=taken("unread", ("1",)) == "1",
        waiting=taken("waiting", ("1",)) == "1",
        q=taken("q"),
    )
    sort = taken("sort", get_args(Sort)) or "newest"
    return ListWish(
        filter=wish, sort=cast("Sort", sort), cursor=taken("cursor"), given=tuple(given)
    )


def _statuses(status: str) -> tuple[Status, ...]:
    if status == "any":
        return STATUSES
    return (cast("Status", status),) if status else ACTIVE


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
