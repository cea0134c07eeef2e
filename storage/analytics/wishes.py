"""What a report of sales is asked for: a period of whole days, and what it is narrowed to."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Days are whole ones of the company, `last` included. What is None, and a `source` of "", does not narrow; the
    `channel` "" is of what was opened by hand.

    `source` is as the source report's key has it: a source's id, or "source / medium". `manager` is who has the lead or
    did the thing; `team` whoever is in it now.
    """

    first: date
    last: date
    manager: UUID | None = None
    source: str = ""
    pipeline: UUID | None = None
    account: UUID | None = None
    channel: str | None = None
    team: UUID | None = None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def is_of_owners(self) -> bool:
        """Whether it is narrowed to some of those who have the leads."""
        return bool(self.manager or self.team or self.account or self.channel is not None)

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """When the period begins, and when it is over."""
        after = self.last + timedelta(days=1)
        return (
            datetime.combine(self.first, time(), zone).astimezone(UTC),
            datetime.combine(after, time(), zone).astimezone(UTC),
        )

    def before(self) -> Self:
        """The same of the period of the same length just before."""
        length = timedelta(days=self.days)
        return replace(self, first=self.first - length, last=self.last - length)


def narrowed(wish: Wish, values: dict[str, Any], *, whose: str = "x") -> str:
    """SQL over `whose`, with the columns of what is counted of leads; parameters are put into `values`."""
    conditions = [by_whom(wish, values, column=f"{whose}.manager_id")]
    if wish.pipeline is not None:
        values["pipeline"] = wish.pipeline
        conditions.append(f"{whose}.pipeline_id = :pipeline")
    if wish.account is not None:
        values["account"] = wish.account
        conditions.append(f"{whose}.account_id = :account")
    if wish.channel is not None:
        conditions.append(_of_channel(wish.channel, values, column=f"{whose}.account_id"))
    if wish.source:
        values["source"] = wish.source
        conditions.append(
            f"{whose}.origin_id in (select o.id from origin o where"  # noqa: S608  # our own names
            " coalesce(cast(o.source_id as text), o.source || ' / ' || o.medium) = :source)"
        )
    return " and ".join(conditions)


def by_whom(wish: Wish, values: dict[str, Any], *, column: str) -> str:
    """SQL that narrows to the manager and to the team."""
    conditions = ["true"]
    if wish.manager is not None:
        values["manager"] = wish.manager
        conditions.append(f"{column} = :manager")
    if wish.team is not None:
        values["team"] = wish.team
        conditions.append(f"{column} in (select user_id from team_member where team_id = :team)")  # noqa: S608
    return " and ".join(conditions)


def by_account(wish: Wish, values: dict[str, Any], *, column: str) -> str:
    """SQL that narrows to the account and to the channel, where there is only an account's id."""
    conditions = ["true"]
    if wish.account is not None:
        values["account"] = wish.account
        conditions.append(f"{column} = :account")
    if wish.channel is not None:
        conditions.append(_of_channel(wish.channel, values, column=column))
    return " and ".join(conditions)


def by_conversation(wish: Wish, values: dict[str, Any], *, column: str) -> str:
    """The same where there is only a conversation's id."""
    if wish.account is None and wish.channel is None:
        return "true"
    return f"{column} in (select id from conversation where {by_account(wish, values, column='account_id')})"  # noqa: S608


def _of_channel(channel: str, values: dict[str, Any], *, column: str) -> str:
    if not channel:
        return f"not exists (select from account where id = {column})"
    values["channel"] = channel
    return f"{column} in (select id from account where kind = :channel)"  # noqa: S608
