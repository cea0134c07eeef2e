"""What the business says of itself, and how careful it wants merging to be."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, cast
from uuid import UUID
from zoneinfo import available_timezones

from aiohttp import web
from babel.numbers import get_currency_name, is_currency

from inbox.desk import Refused
from inbox.languages import LANGUAGES
from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from storage.analytics.reckoning import look_back_days
from storage.analytics.terms import margin, set_look_back, set_margin
from storage.audit import write_audit
from storage.company import (
    Company,
    MergePolicy,
    default_currency,
    merge_policy,
    save_company,
    set_merge_policy,
)
from storage.engine import transaction
from storage.spend_reckoning import currency_changed, reckoning

HERE: Final = "/settings/company"
LONGEST_NAME: Final = 100
LONGEST_LOOK_BACK: Final = 1095
"""Days. Whoever thinks for three years is no longer brought by an advertisement."""
CURRENCIES: Final = (
    "RUB",
    "USD",
    "EUR",
    "KZT",
    "BYN",
    "UAH",
    "UZS",
    "AMD",
    "GEL",
    "KGS",
    "TRY",
    "CNY",
    "AED",
    "GBP",
)
"""Offered first; any other of ISO 4217 can be written."""
POLICIES: Final = ("strict", "ask")
NOBODY: Final = UUID(int=0)
"""The audit's object: there is one company."""


async def page(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        currency = await default_currency(connection)
        policy = await merge_policy(connection)
        part = await margin(connection)
        look_back = await look_back_days(connection)
    kept_margin = visit.formats.number(float(part * 100)) if part is not None else ""
    known = visit.house.company
    return visit.page(
        "settings/company.html",
        kept=Company(
            name=known.name,
            time_zone=known.time_zone or visit.around.time_zone,
            language=known.language or visit.around.language,
            currency=known.currency or currency,
        ),
        policy=policy,
        margin=kept_margin,
        look_back=look_back,
        longest_look_back=LONGEST_LOOK_BACK,
        policies=POLICIES,
        zones=sorted(available_timezones()),
        currencies=[
            (each, get_currency_name(each, locale=visit.language.locale))
            for each in dict.fromkeys((known.currency or currency, *CURRENCIES))
            if each
        ],
        done="done" in visit.request.query,
    )


async def save(visit: Visit) -> web.Response:
    form = visit.form
    policy = form.get("merge_policy", "")
    company = Company(
        name=" ".join(form.get("name", "").split())[:LONGEST_NAME],
        time_zone=form.get("time_zone", ""),
        language=form.get("language", ""),
        currency=form.get("currency", "").strip().upper(),
    )
    earned = _percent(visit, form.get("margin", ""))
    look_back = _days(visit, form.get("look_back", ""))
    if company.time_zone not in available_timezones():
        raise Refused(visit._("There is no such time zone; Europe/Moscow is one."))
    if company.language not in LANGUAGES or policy not in POLICIES:
        raise web.HTTPBadRequest
    if not is_currency(company.currency):
        raise Refused(visit._("A currency has three letters, such as RUB or EUR."))
    async with transaction(visit.around.engine) as connection:
        before = await reckoning(connection)
        await save_company(connection, company)
        if company.currency != before.currency:
            # What spend is counted in; rates were of the last one.
            await currency_changed(connection)
        await set_merge_policy(connection, cast("MergePolicy", policy))
        await set_margin(connection, earned)
        if look_back is not None:
            await set_look_back(connection, look_back)
        await write_audit(
            connection,
            by=visit.me,
            what="company_changed",
            object_kind="company",
            object_id=NOBODY,
            now=visit.now,
            after={
                "name": company.name,
                "time_zone": company.time_zone,
                "language": company.language,
                "currency": company.currency,
                "merge_policy": policy,
                "margin": str(earned) if earned is not None else "",
                "look_back": look_back,
            },
        )
    visit.around.house.forget()
    return visit.back(f"{HERE}?done")


def _days(visit: Visit, written: str) -> int | None:
    """None when the form does not say. Raises Refused."""
    if not written.strip():
        return None
    days = int(written) if written.strip().isdecimal() else 0
    if not 1 <= days <= LONGEST_LOOK_BACK:
        raise Refused(
            visit._("The look-back is a number of days, from 1 to {most}.").format(
                most=LONGEST_LOOK_BACK
            )
        )
    return days


def _percent(visit: Visit, written: str) -> Decimal | None:
    """Of the revenue; nothing written is nothing said."""
    cleaned = written.replace("%", "").replace(",", ".").strip()
    if not cleaned:
        return None
    try:
        percent = Decimal(cleaned)
    except InvalidOperation:
        percent = Decimal(-1)
    if not percent.is_finite() or not 0 < percent <= 100:  # percent
        raise Refused(visit._("The margin is a number of percent, such as 40."))
    return round(percent, 2)


PAGES: Final[Sequence[Page]] = (
    get(HERE, page, Right.MANAGE_CHANNELS),
    post(HERE, save, Right.MANAGE_CHANNELS),
)
