"""/reports/{name}: the figures of the reports, as the pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct, field

from inbox.api.endpoints import Answer, Api, Call, Endpoint, Handler, Nothing
from inbox.api.problems import Fault, Problem, bad_request
from inbox.languages import language
from inbox.reports.asking import NotUnderstood, ask
from inbox.reports.plain import plain
from inbox.reports.sheet import Line, Sheet

Key = Annotated[str, Meta(max_length=300, description="A row’s `key`.")]


class ReportColumn(Struct, frozen=True, kw_only=True):
    """`kind` says how to read its numbers: count, money (minor units), percent and ratio (0.153 is 15.3 %), days, seconds."""

    name: str
    label: str
    formula: str
    kind: str
    better: Annotated[str, Meta(description="Which way is good news: more, less or empty.")]


class ReportRow(Struct, frozen=True, kw_only=True):
    """`values` by a column’s name; null where there is nothing to divide by, or it cannot be told. `previous` is of the
    period it is compared with, null where there is none.
    """

    key: str
    name: str
    values: dict[str, float | int | None]
    previous: dict[str, float | int | None] | None


class Report(Struct, frozen=True, kw_only=True):
    report: str
    from_: date = field(name="from")
    to: date
    previous_from: date | None
    previous_to: date | None
    by: str
    basis: str
    model: str
    currency: str
    as_of: datetime
    columns: list[ReportColumn]
    rows: list[ReportRow]
    total: ReportRow | None
    notes: Annotated[list[str], Meta(description="What is missing in the figures.")]


class _Days(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A misspelt parameter would be answered with the figures of everything."""

    from_: Annotated[
        date | None, Meta(description="From 2000 to 2099; of ten years at most the newest.")
    ] = field(name="from", default=None)
    to: date | None = None
    period: Annotated[
        Literal["", "today", "7d", "30d", "90d", "month", "last_month", "quarter", "year"],
        Meta(description="In place of `from` and `to`; the last 30 days without any of them."),
    ] = ""
    compare: Annotated[
        Literal["previous", "year", "none"], Meta(description="With which days it is compared.")
    ] = "previous"


class SourcesQuery(_Days, frozen=True, kw_only=True):
    by: Literal[
        "source", "source_term", "campaign", "content", "term", "landing", "said", "channel", "account", "manager",
        "pipeline", "day", "week", "month",
    ] = "source"  # fmt: skip
    basis: Literal["cohort", "event"] = "cohort"
    model: Literal[
        "last", "last_non_direct", "first", "linear", "time_decay", "position_40_20_40", "position_20_60_20",
        "position_10_50_40", "snapshot_last", "snapshot_first",
    ] = "last"  # fmt: skip
    source: Key = ""
    campaign: Key = ""
    content: Key = ""
    term: Key = ""
    landing: Key = ""
    said: Key = ""
    channel: Key = ""
    account: UUID | None = None
    manager: UUID | None = None
    pipeline: UUID | None = None
    without: Annotated[
        tuple[Literal["campaign", "content", "term", "landing", "said", "channel"], ...],
        Meta(description="What there is to be none of: the rows whose `key` is empty."),
    ] = ()


class _OfLeads(_Days, frozen=True, kw_only=True):
    source: Key = ""
    channel: Key = ""
    account: UUID | None = None
    manager: UUID | None = None
    pipeline: UUID | None = None
    team: UUID | None = None
    without: Annotated[
        tuple[Literal["channel"], ...],
        Meta(description="Without a channel are leads opened by hand."),
    ] = ()


class SummaryQuery(_OfLeads, frozen=True, kw_only=True):
    by: Literal["day", "week", "month"] = "day"


class FunnelQuery(_OfLeads, frozen=True, kw_only=True):
    by: Literal["stage", "manager", "source", "channel", "account"] = "stage"


class ManagersQuery(_OfLeads, frozen=True, kw_only=True):
    pass


class CallsQuery(_Days, frozen=True, kw_only=True):
    by: Literal["manager", "number", "account", "day", "week", "month"] = "manager"
    account: UUID | None = None
    manager: UUID | None = None
    team: UUID | None = None
    number: Key = ""
    weekday: Annotated[int, Meta(ge=0, le=6, description="0 is Monday.")] | None = None
    hour: Annotated[int, Meta(ge=0, le=23)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Of:
    name: str
    summary: str
    query: type[Struct]


_REPORTS: Final[Sequence[_Of]] = (
    _Of(
        name="sources",
        summary="What each source and campaign brought, and what it cost",
        query=SourcesQuery,
    ),
    _Of(
        name="summary",
        summary="What came in, what was sold, what is still open",
        query=SummaryQuery,
    ),
    _Of(
        name="funnel",
        summary="How far the leads of a period came, and where they stop",
        query=FunnelQuery,
    ),
    _Of(name="managers", summary="Who did what, and what came of it", query=ManagersQuery),
    _Of(name="calls", summary="Calls in and out, and missed ones", query=CallsQuery),
)


def _handler(report: str) -> Handler:
    async def read(api: Api, call: Call[Any, Nothing]) -> Answer:
        asked = {
            name: ",".join(value) if isinstance(value, tuple | list) else str(value)
            for name, value in msgspec.to_builtins(call.query).items()
            if value is not None
        }
        try:
            async with api.engine.connect() as connection:
                wish, look, sheet = await ask(
                    connection,
                    report,
                    asked,
                    language=language("en"),
                    time_zone=api.time_zone,
                    now=api.now(),
                )
        except NotUnderstood as error:
            raise _misunderstood(error) from None
        return Answer(
            body=Report(
                report=report,
                from_=wish.period.first,
                to=wish.period.last,
                previous_from=wish.before.first if wish.before else None,
                previous_to=wish.before.last if wish.before else None,
                by=wish.by,
                basis=wish.basis if wish.spec.bases else "",
                model=wish.model if wish.spec.models else "",
                currency=look.currency,
                as_of=look.formats.now,
                columns=[
                    ReportColumn(
                        name=each.name,
                        label=each.label,
                        formula=each.formula,
                        kind=each.kind,
                        better=each.better,
                    )
                    for each in sheet.columns
                ],
                rows=[_row(line, sheet) for line in sheet.lines],
                total=_row(sheet.total, sheet) if sheet.total is not None else None,
                notes=list(sheet.notes),
            )
        )

    read.__name__ = f"report_{report}"
    return read


def _misunderstood(error: NotUnderstood) -> Problem:
    faults = tuple(
        Fault(where=f"query.{name}", what=f"{value} is not understood")
        for name, value in error.unclear
    )
    told = ", ".join(f"{each.what} ({each.where})" for each in faults)
    return bad_request("invalid", f"{told}.", errors=faults)


def _row(line: Line, sheet: Sheet) -> ReportRow:
    return ReportRow(
        key=line.key,
        name=line.name,
        values=plain(line.values, sheet),
        previous=plain(line.before, sheet) if line.before else None,
    )


ENDPOINTS: Final = tuple(
    Endpoint(
        method="GET",
        path=f"/reports/{each.name}",
        tag="Reports",
        summary=each.summary,
        scope="read",
        handler=_handler(each.name),
        query=each.query,
        answers=Report,
        description=(
            "Days are whole ones of the company’s clock, `to` included. Rows add up to the total in every column that"
            " counts pieces or money."
        ),
    )
    for each in _REPORTS
)
