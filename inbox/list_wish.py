"""What somebody wants to see in the list, as it stands in the address; and addresses with one thing of it changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast, get_args
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from inbox.uuids import uuid_or_none
from router.records import Status
from storage.reading.conversations import ACTIVE, STATUSES, ConversationFilter, Sort, Tab

FILTERS: Final = (
    "status",
    "channel",
    "account",
    "team",
    "manager",
    "label",
    "source",
    "unread",
    "waiting",
    "failed",
)
NOBODY: Final = "none"
"""The manager of what no manager has."""


@dataclass(frozen=True, kw_only=True)
class ListWish:
    filter: ConversationFilter
    sort: Sort
    cursor: str
    given: tuple[tuple[str, str], ...]
    """The address's fields that mean something, as they came."""

    @cached_property
    def fields(self) -> Mapping[str, str]:
        return dict(self.given)

    @cached_property
    def suffix(self) -> str:
        """For the address of a conversation that is opened from this list."""
        query = self.query()
        return f"?{query}" if query else ""

    def opening(self, message: UUID | None) -> str:
        """The same, opened at this message."""
        if message is None:
            return self.suffix
        return f"{self.suffix or '?'}{'&' if self.suffix else ''}at={message}"

    @property
    def status(self) -> str:
        """One status, "any", or "" for what is open."""
        return self.fields.get("status", "")

    @property
    def narrowed(self) -> bool:
        return any(name in FILTERS for name, _ in self.given)

    @property
    def plain(self) -> bool:
        return not self.narrowed

    @property
    def view(self) -> str:
        """What is worth a name: everything but the place in it."""
        return self.query()

    @property
    def can_be_saved(self) -> bool:
        return self.narrowed or bool(self.filter.q) or self.sort != "newest"

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

    def only(self, **filters: object) -> str:
        """With these filters and no other, in the tab that shows everybody's."""
        return self.href(
            **{**dict.fromkeys(FILTERS), "q": None, "exact": None, "tab": "all", **filters}
        )

    def without_filters(self) -> str:
        return self.href(**dict.fromkeys(FILTERS))

    def hidden(self, *, without: str) -> Sequence[tuple[str, str]]:
        """For a form that changes the fields named in `without`."""
        left_out = {*without.split(","), "cursor"}
        return [(name, value) for name, value in self.given if name not in left_out]


def list_wish(query: Mapping[str, str], *, me: UUID, default_tab: Tab = "mine") -> ListWish:
    """What is not understood is left out: an old bookmark still shows a list."""
    given: list[tuple[str, str]] = []

    def taken(name: str, allowed: Sequence[str] | None = None, *, longest: int = 512) -> str:
        value = query.get(name, "").replace("\0", "").strip()[:longest]
        if not value or (allowed is not None and value not in allowed):
            return ""
        given.append((name, value))
        return value

    def id_of(name: str) -> UUID | None:
        value = uuid_or_none(query.get(name, ""))
        if value is not None:
            given.append((name, str(value)))
        return value

    tab = cast("Tab", taken("tab", get_args(Tab)) or default_tab)
    status = taken("status", (*STATUSES, "any"))
    channel, account = taken("channel"), taken("account")
    nobody = taken("manager", (NOBODY,)) == NOBODY
    failed = taken("failed", ("1",)) == "1"
    q = taken("q", longest=200)
    exact = bool(q) and taken("exact", ("1",)) == "1"
    wish = ConversationFilter(
        tab=tab,
        me=me,
        statuses=_statuses(status, tab=tab, failed=failed),
        channels=(channel,) if channel else (),
        accounts=(account,) if account else (),
        team=id_of("team"),
        manager=None if nobody else id_of("manager"),
        nobody=nobody,
        label=taken("label"),
        source=taken("source"),
        unread=taken("unread", ("1",)) == "1",
        waiting=taken("waiting", ("1",)) == "1",
        failed=failed,
        q=q,
        exact=exact,
    )
    sort = taken("sort", get_args(Sort)) or "newest"
    return ListWish(
        filter=wish, sort=cast("Sort", sort), cursor=taken("cursor"), given=tuple(given)
    )


def saved_wish(query: str, *, me: UUID) -> ListWish:
    """What was saved under a name, for whoever looks now: "mine" is theirs."""
    return list_wish(dict(parse_qsl(query)), me=me)


def _statuses(status: str, *, tab: Tab, failed: bool) -> tuple[Status, ...]:
    if status == "any":
        return STATUSES
    if status:
        return (cast("Status", status),)
    # What was not sent, and where I was named, concerns me also when it is closed already.
    return STATUSES if failed or tab == "mentions" else ACTIVE
