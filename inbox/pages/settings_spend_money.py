"""What is counted beside advertising accounts: salaries and tools, and what other currencies are worth."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from babel.numbers import get_currency_name, get_currency_precision, is_currency
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Refused
from inbox.pages.settings_company import CURRENCIES
from inbox.pages.settings_spend import HERE
from inbox.pages.settings_spend_import import amount_in
from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from router.spending import FIRST_DAY, LARGEST_RATE, LAST_DAY
from storage.audit import write_audit
from storage.engine import transaction
from storage.overheads import (
    LONGEST_NAME,
    MOST_AMOUNT,
    NoSuchOverhead,
    TooManyOverheads,
    add_overhead,
    change_overhead,
    delete_overhead,
)
from storage.reading.spending import list_overheads, list_rates, missing_rates
from storage.spend_reckoning import (
    RATE_STEP,
    drop_rate,
    reckoning,
    set_rate,
)

OVERHEADS: Final = f"{HERE}/overheads"
RATES: Final = f"{HERE}/rates"
NOBODY: Final = UUID(int=0)


async def overheads(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_overheads(connection)
        how = await reckoning(connection)
    return visit.page(
        "settings/spend_overheads.html",
        rows=rows,
        currency=how.currency,
        longest=LONGEST_NAME,
        today=visit.formats.local_day(visit.now),
    )


async def new_overhead(visit: Visit) -> web.Response:
    values = await _overhead(visit)
    try:
        async with transaction(visit.around.engine) as connection:
            made = await add_overhead(connection, **values, by=visit.me, now=visit.now)
            await _audit(visit, connection, "overhead_added", _told(values), about=made)
    except TooManyOverheads as many:
        raise Refused(str(many)) from many
    return visit.back(OVERHEADS)


async def changed_overhead(visit: Visit) -> web.Response:
    values = await _overhead(visit)
    try:
        async with transaction(visit.around.engine) as connection:
            await change_overhead(connection, visit.id(), **values)
            await _audit(visit, connection, "overhead_changed", _told(values), about=visit.id())
    except NoSuchOverhead as gone:
        raise NotFound from gone
    return visit.back(OVERHEADS)


async def no_overhead(visit: Visit) -> web.Response:
    try:
        async with transaction(visit.around.engine) as connection:
            name = await delete_overhead(connection, visit.id())
            await _audit(visit, connection, "overhead_deleted", {"name": name}, about=visit.id())
    except NoSuchOverhead as gone:
        raise NotFound from gone
    return visit.back(OVERHEADS)


async def rates(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        rows = await list_rates(connection)
        missing = await missing_rates(connection)
        how = await reckoning(connection)
    others = dict.fromkeys((*(each.currency for each in missing), *CURRENCIES))
    return visit.page(
        "settings/spend_rates.html",
        rows=rows,
        missing=missing,
        currency=how.currency,
        today=visit.formats.local_day(visit.now),
        currencies=[
            (each, get_currency_name(each, locale=visit.language.locale))
            for each in others
            if each != how.currency
        ],
    )


async def new_rate(visit: Visit) -> web.Response:
    currency, day = _currency(visit), _day(visit, "day")
    rate = amount_in(visit, visit.form.get("rate", "")).quantize(RATE_STEP)
    if not 0 < rate <= LARGEST_RATE:
        raise Refused(visit._("A rate is more than nothing, and no more than 100,000."))
    async with transaction(visit.around.engine) as connection:
        if currency == (await reckoning(connection)).currency:
            raise Refused(visit._("That is the company's own currency."))
        await set_rate(connection, currency=currency, day=day, rate=rate)
        await _audit(
            visit,
            connection,
            "rate_entered",
            {"currency": currency, "first_day": day.isoformat(), "rate": f"{rate.normalize():f}"},
        )
    return visit.back(RATES)


async def no_rate(visit: Visit) -> web.Response:
    currency, day = _currency(visit), _day(visit, "day")
    async with transaction(visit.around.engine) as connection:
        if await drop_rate(connection, currency=currency, day=day):
            await _audit(
                visit,
                connection,
                "rate_deleted",
                {"currency": currency, "first_day": day.isoformat()},
            )
    return visit.back(RATES)


async def _overhead(visit: Visit) -> dict[str, Any]:
    """Of the posted form. Raises Refused."""
    name = " ".join(visit.form.get("name", "").split())[:LONGEST_NAME]
    if not name:
        raise Refused(visit._("Say what it is for."))
    async with visit.around.engine.connect() as connection:
        currency = (await reckoning(connection)).currency
    first, last = _day(visit, "first_day"), _day(visit, "last_day")
    if last < first:
        raise Refused(visit._("The last day comes after the first."))
    amount = round(
        amount_in(visit, visit.form.get("amount", "")) * 10 ** get_currency_precision(currency)
    )
    if not 0 < amount < MOST_AMOUNT:
        raise Refused(visit._("It costs something, and not that much."))
    return {
        "name": name,
        "amount": amount,
        "currency": currency,
        "first_day": first,
        "last_day": last,
    }


def _currency(visit: Visit) -> str:
    code = visit.form.get("currency", "").strip().upper()
    if not is_currency(code):
        raise Refused(visit._("A currency has three letters, such as RUB or EUR."))
    return code


def _day(visit: Visit, name: str) -> date:
    try:
        day = date.fromisoformat(visit.form.get(name, ""))
    except ValueError as error:
        raise Refused(visit._("Choose a day.")) from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Refused(visit._("Choose a day."))
    return day


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat()
        if isinstance(value, date)
        else str(value)
        if isinstance(value, Decimal)
        else value
        for name, value in values.items()
    }


async def _audit(
    visit: Visit,
    connection: AsyncConnection,
    what: str,
    after: Mapping[str, Any],
    *,
    about: UUID | None = None,
) -> None:
    await write_audit(
        connection,
        by=visit.me,
        what=what,
        object_kind="company" if about is None else "overhead",
        object_id=about or NOBODY,
        now=visit.now,
        after=after,
    )


PAGES: Final[Sequence[Page]] = (
    get(OVERHEADS, overheads, Right.READ_SPEND),
    post(OVERHEADS, new_overhead, Right.MANAGE_SPEND),
    post(f"{OVERHEADS}/{{id}}", changed_overhead, Right.MANAGE_SPEND),
    post(f"{OVERHEADS}/{{id}}/delete", no_overhead, Right.MANAGE_SPEND),
    get(RATES, rates, Right.READ_SPEND),
    post(RATES, new_rate, Right.MANAGE_SPEND),
    post(f"{RATES}/delete", no_rate, Right.MANAGE_SPEND),
)
