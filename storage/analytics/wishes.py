"""What a report of sales is asked for: a period of whole days, and what it is narrowed to."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Days are whole ones of the company, `last` included. What is None or "" does not narrow.

    `source` is as the source report's key has it: a source's id, or "source / medium". `manager` is who has the lead or
    did the thing; `team` whoever is in it now.
    """

    first: date
    last: date
    manager: UUID | None = None
    source: str = ""
    pipeline: UUID | None = None
    account: UUID | None = None
    channel: str = ""
    team: UUID | None = None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def before(self) -> Self:
        """The same of the period of the same length just before."""
        length = timedelta(days=self.days)
        return replace(self, first=self.first - length, last=self.last - length)


def narrowed(
    wish: Wish, values: dict[str, Any], *, whose: str = "x", manager: str = "manager_id"
) -> str:
    """SQL over `whose`, which has the columns named, and its `origin_id`; parameters are put into `values`."""
    conditions = ["true"]
    if wish.manager is not None:
        values["manager"] = wish.manager
        conditions.append(f"{whose}.{manager} = :manager")
    if wish.team is not None:
        values["team"] = wish.team
        conditions.append(
            f"{whose}.{manager} in (select user_id from team_member where team_id = :team)"  # noqa: S608  # our own names
        )
    if wish.pipeline is not None:
        values["pipeline"] = wish.pipeline
        conditions.append(f"{whose}.pipeline_id = :pipeline")
    if wish.account is not None:
        values["account"] = wish.account
        conditions.append(f"{whose}.account_id = :account")
    if wish.channel:
        values["channel"] = wish.channel
        conditions.append(f"{whose}.channel = :channel")
    if wish.source:
        values["source"] = wish.source
        conditions.append(
            f"{whose}.origin_id in (select o.id from origin o where"  # noqa: S608  # our own names
            " coalesce(cast(o.source_id as text), o.source || ' / ' || o.medium) = :source)"
        )
    return " and ".join(conditions)
