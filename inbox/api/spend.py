"""/spend: what advertising cost, as rows or as the file that a platform gave."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Annotated
from uuid import UUID

import msgspec
from babel.numbers import get_currency_precision, is_currency
from msgspec import Meta, Struct

from connectors.advertising.reading import AUTO, FORMATS, LARGEST, read_spend
from inbox.api.endpoints import (
    BODY_TIMEOUT_S,
    Answer,
    Api,
    Call,
    Cursor,
    Endpoint,
    Limit,
    ListOf,
    listed,
)
from inbox.api.problems import Fault, Problem, bad_request, refused
from router.spending import (
    FIRST_DAY,
    LONGEST_RANGE,
    Spending,
    SpendRow,
    days_covered,
    last_spent,
)
from storage.ad_account_choice import choose_ad_account
from storage.ad_accounts import AdAccount, NoSuchAdAccount, TooManyAdAccounts
from storage.company import company_zone
from storage.reading.paging import DEFAULT_LIMIT
from storage.reading.spending import ImportLine, list_imports
from storage.spend_parts import CannotWrite
from storage.spend_plan import plan_spending
from storage.spending import Written, write_spending

UPLOAD_S = 10 * BODY_TIMEOUT_S
MOST_TOLD = 100
"""Problems in an answer."""

Words = Annotated[str, Meta(max_length=255)]
Code = Annotated[str, Meta(max_length=3, description="ISO 4217; the account's when it is empty.")]
Minor = Annotated[
    int,
    Meta(ge=-(10**15), le=10**15, description="In minor units; less than nothing was returned."),
]
Count = Annotated[int, Meta(ge=0, le=10**12)]
SkipBadLines = Annotated[
    bool,
    Meta(description="Of a file with lines that cannot be read, write the others; else nothing."),
]


class SpendItem(Struct, frozen=True, kw_only=True):
    """What was spent on a day, or from `day` to `last_day`, spread evenly. What is empty is the account's."""

    day: date
    amount: Minor
    last_day: date | None = None
    currency: Code = ""
    campaign: Words = ""
    campaign_id: Words = ""
    content: Words = ""
    term: Words = ""
    source: Words = ""
    medium: Words = ""
    vat_included: bool | None = None
    clicks: Count | None = None
    impressions: Count | None = None


class NewSpend(Struct, frozen=True, kw_only=True):
    """`rows`, or the text of a `file`. An account that is not there is made when its `source` is said."""

    account: Annotated[str, Meta(max_length=100, description="The account's name.")] = ""
    source: Words = ""
    medium: Words = ""
    currency: Code = ""
    rows: Annotated[tuple[SpendItem, ...], Meta(max_length=10_000)] = ()
    first_day: Annotated[
        date | None, Meta(description="Of the days replaced; that of the rows unless it is said.")
    ] = None
    last_day: date | None = None
    file: str = ""
    file_name: Words = ""
    format: Annotated[str, Meta(description=", ".join(FORMATS))] = AUTO
    skip_bad_lines: SkipBadLines = False
    dry_run: bool = False


class FileQuery(Struct, frozen=True, kw_only=True):
    account: Annotated[str, Meta(max_length=100)] = ""
    source: Words = ""
    medium: Words = ""
    currency: Code = ""
    file_name: Words = ""
    format: str = AUTO
    skip_bad_lines: SkipBadLines = False
    dry_run: bool = False


class ImportsQuery(Struct, frozen=True, kw_only=True):
    account: Annotated[UUID | None, Meta(description="Of this advertising account only.")] = None
    cursor: Cursor = ""
    limit: Limit = DEFAULT_LIMIT


class CurrencyTotal(Struct, frozen=True, kw_only=True):
    currency: str
    amount: int


class LineProblem(Struct, frozen=True, kw_only=True):
    """`refused`: the line was not written."""

    line: int
    reason: str
    refused: bool


class SpendImported(Struct, frozen=True, kw_only=True):
    """`unchanged`: the same was written before, by the import `id`. `uncounted` rows wait for a currency's rate."""

    id: UUID | None
    account: str
    unchanged: bool
    first_day: date
    last_day: date
    written: int
    replaced: int
    refused: int
    uncounted: int
    totals: tuple[CurrencyTotal, ...]
    problems: tuple[LineProblem, ...]


class SpendImport(Struct, frozen=True, kw_only=True):
    """A line of the log. `standing`: rows of it that no later import has replaced."""

    id: UUID
    account_id: UUID
    account: str
    how: str
    file_name: str
    format: str
    first_day: date
    last_day: date
    written: int
    refused: int
    replaced: int
    standing: int
    totals: tuple[CurrencyTotal, ...]
    by: str
    at: datetime


def shown(line: ImportLine) -> SpendImport:
    return SpendImport(
        id=line.id,
        account_id=line.account_id,
        account=line.account,
        how=line.how,
        file_name=line.file_name,
        format=line.format,
        first_day=line.covered_from,
        last_day=line.covered_to,
        written=line.written,
        refused=line.refused,
        replaced=line.replaced,
        standing=line.standing,
        totals=_totals(line.totals),
        by=line.by,
        at=line.at,
    )


async def import_spend(api: Api, call: Call[msgspec.Struct, NewSpend]) -> Answer:
    body = call.body
    if bool(body.rows) == bool(body.file):
        raise bad_request("invalid", "Send either rows or a file (body).")
    _check(body.format, body.currency)
    asked = FileQuery(
        account=body.account,
        source=body.source,
        medium=body.medium,
        currency=body.currency,
        file_name=body.file_name,
        format=body.format,
        skip_bad_lines=body.skip_bad_lines,
        dry_run=body.dry_run,
    )
    if body.file:
        return await _import_file(api, asked, body.file.encode(errors="replace"))
    _check_rows(body, until=await _until(api))
    fingerprint = sha256(
        msgspec.json.encode([body.rows, body.first_day, body.last_day])
    ).hexdigest()
    return await _import(api, asked, body, fingerprint)


async def import_spend_file(api: Api, call: Call[FileQuery, msgspec.Struct]) -> Answer:
    _check(call.query.format, call.query.currency)
    pieces = bytearray()
    try:
        async with asyncio.timeout(UPLOAD_S):
            async for piece in _pieces(call):
                pieces += piece
                if len(pieces) > LARGEST:
                    raise Problem(
                        413, "too-large", "Too large", f"A file may have {LARGEST} bytes at most."
                    )
    except TimeoutError:
        raise Problem(
            408, "too-slow", "Too slow", f"The file did not come within {UPLOAD_S} seconds."
        ) from None
    return await _import_file(api, call.query, bytes(pieces))


async def list_spend_imports(api: Api, call: Call[ImportsQuery, msgspec.Struct]) -> Answer:
    query = call.query
    async with api.engine.connect() as connection:
        page = await list_imports(
            connection, account=query.account, cursor=query.cursor, limit=query.limit
        )
    return listed(page, shown)


async def _import_file(api: Api, asked: FileQuery, data: bytes) -> Answer:
    until = await _until(api)
    said = await asyncio.to_thread(read_spend, data, format_=asked.format, until=until)
    if said.covered is None or (said.refused and not asked.skip_bad_lines and not asked.dry_run):
        raise _unreadable(said)
    return await _import(api, asked, said, sha256(data).hexdigest())


def _unreadable(said: Spending) -> Problem:
    errors = tuple(
        Fault(where=f"line {each.line}" if each.line else "file", what=each.reason)
        for each in said.problems
        if each.refused
    )[:MOST_TOLD]
    if said.covered is not None:
        why = (
            f"Nothing was written: {said.refused} of the lines cannot be read. Mend them, or write the others with"
            " skip_bad_lines=true."
        )
    elif errors:
        why = (
            f"Nothing of the file can be written. {errors[0].where.capitalize()}: {errors[0].what}"
        )
    else:
        why = "There is nothing in it that could be written."
    return refused(why, errors=errors)


async def _until(api: Api) -> date:
    async with api.engine.connect() as connection:
        zone = await company_zone(connection, otherwise=api.time_zone)
    return last_spent(api.now(), zone)


async def _import(
    api: Api, asked: FileQuery, said: Spending | NewSpend, fingerprint: str
) -> Answer:
    now = api.now()
    try:
        async with api.engine.connect() as connection, connection.begin() as whole:
            account = await choose_ad_account(
                connection,
                name=asked.account,
                platform=said.format,
                source=asked.source,
                medium=asked.medium,
                currency=asked.currency,
                now=now,
            )
            spending = said if isinstance(said, Spending) else _of_rows(said, account)
            if asked.dry_run:
                plan = await plan_spending(connection, account.id, spending, file_hash=fingerprint)
                await whole.rollback()
                done = Written(
                    id=UUID(int=0),
                    unchanged=plan.unchanged_since is not None,
                    covered=plan.covered,
                    written=plan.written,
                    replaced=plan.replaced,
                    refused=spending.refused,
                    uncounted=plan.uncounted,
                    totals=plan.totals,
                )
            else:
                done = await write_spending(
                    connection,
                    account.id,
                    spending,
                    how="api",
                    file_hash=fingerprint,
                    file_name=asked.file_name,
                    by=None,
                    now=now,
                )
    except NoSuchAdAccount as unknown:
        raise Problem(404, "not-found", "Not found", str(unknown)) from unknown
    except (CannotWrite, TooManyAdAccounts) as cannot:
        raise refused(str(cannot)) from cannot
    return Answer(
        body=SpendImported(
            id=None if asked.dry_run else done.id,
            account=account.name,
            unchanged=done.unchanged,
            first_day=done.covered[0],
            last_day=done.covered[1],
            written=done.written,
            replaced=done.replaced,
            refused=done.refused,
            uncounted=done.uncounted,
            totals=_totals(done.totals),
            problems=tuple(
                LineProblem(line=each.line, reason=each.reason, refused=each.refused)
                for each in spending.problems[:MOST_TOLD]
            ),
        )
    )


async def _pieces(call: Call[FileQuery, msgspec.Struct]) -> AsyncIterator[bytes]:
    async for piece in call.request.content.iter_chunked(1 << 16):
        yield piece


def _check(format_: str, *codes: str) -> None:
    if format_ not in FORMATS:
        raise bad_request(
            "invalid", f"There is no format {format_}; there are {', '.join(FORMATS)}."
        )
    for code in codes:
        if code and not is_currency(code):
            raise bad_request("invalid", f"{code} is not a currency: RUB and EUR are.")


def _check_rows(body: NewSpend, *, until: date) -> None:
    for number, row in enumerate(body.rows):
        last = row.last_day or row.day
        _check(body.format, row.currency)
        if not FIRST_DAY <= row.day <= last <= until or (last - row.day).days >= LONGEST_RANGE:
            raise bad_request(
                "invalid",
                f"A row is for days from {FIRST_DAY} to {until}, in their order, a year at most (body.rows[{number}]).",
            )
    first = body.first_day or min(row.day for row in body.rows)
    last = body.last_day or max(row.last_day or row.day for row in body.rows)
    if any(row.day < first or (row.last_day or row.day) > last for row in body.rows):
        raise bad_request("invalid", "Rows are within first_day and last_day (body).")


def _of_rows(body: NewSpend, account: AdAccount) -> Spending:
    rows = [
        SpendRow(
            line=number,
            first_day=row.day,
            last_day=row.last_day or row.day,
            amount=Decimal(row.amount).scaleb(
                -get_currency_precision(row.currency or account.currency)
            ),
            currency=row.currency,
            level="campaign" if row.campaign or row.campaign_id else "account",
            object_id=row.campaign_id,
            object_name=row.campaign,
            campaign=row.campaign,
            campaign_id=row.campaign_id,
            content=row.content,
            term=row.term,
            source=row.source,
            medium=row.medium,
            vat_included=row.vat_included,
            clicks=row.clicks,
            impressions=row.impressions,
        )
        for number, row in enumerate(body.rows, 1)
    ]
    first, last = days_covered(rows) or (body.rows[0].day, body.rows[0].day)
    return Spending(
        format="csv", rows=rows, covered=(body.first_day or first, body.last_day or last)
    )


def _totals(totals: Mapping[str, Decimal]) -> tuple[CurrencyTotal, ...]:
    return tuple(
        CurrencyTotal(currency=code, amount=round(total.scaleb(get_currency_precision(code))))
        for code, total in totals.items()
    )


_ABOUT_IMPORTS = "Replaces what the account had for the days that are covered, in one transaction; the same again changes nothing."
_ABOUT_BAD_LINES = (
    "A file with lines that cannot be read writes nothing: the answer names them in `errors`, and `skip_bad_lines`"
    " writes the others. A `dry_run` says what they are in `problems`."
)

ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/spend",
        tag="Spend",
        summary="Write what advertising cost: rows, or the text of a file",
        description=f"{_ABOUT_IMPORTS} {_ABOUT_BAD_LINES}",
        scope="write",
        handler=import_spend,
        body=NewSpend,
        answers=SpendImported,
        refuses=True,
    ),
    Endpoint(
        method="POST",
        path="/spend/files",
        tag="Spend",
        summary="Write what advertising cost: a file of up to 50 MB as the body",
        description=f"{_ABOUT_IMPORTS} The body is the file as it is, in whatever encoding. {_ABOUT_BAD_LINES}",
        scope="write",
        handler=import_spend_file,
        query=FileQuery,
        answers=SpendImported,
        refuses=True,
    ),
    Endpoint(
        method="GET",
        path="/spend/imports",
        tag="Spend",
        summary="What was imported, the newest first",
        scope="read",
        handler=list_spend_imports,
        query=ImportsQuery,
        answers=ListOf[SpendImport],
    ),
)
