"""Advertising accounts: what they cost, how that comes to us, and what their links are marked with."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID
from zoneinfo import available_timezones

from aiohttp import web
from babel.numbers import get_currency_name, is_currency
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.advertising.credentials import CREDENTIALS
from inbox.desk import NotFound, Refused
from inbox.pages.settings_company import CURRENCIES
from inbox.rights import Right
from inbox.visit import Page, Visit, get, post
from router.spending import folded
from storage.ad_accounts import (
    CAMPAIGN_BY,
    LONGEST_NAME,
    PLATFORMS,
    AdAccountNameTaken,
    NoSuchAdAccount,
    TooManyAdAccounts,
    add_ad_account,
    archive_ad_account,
    change_ad_account,
    restore_ad_account,
)
from storage.audit import difference, write_audit
from storage.engine import transaction
from storage.reading.spending import AccountLine, list_ad_accounts, list_imports, missing_rates
from storage.spend_labels import relabel
from storage.spend_reckoning import reckoning, recount, set_vat

HERE: Final = "/settings/spend"
ACCOUNTS: Final = f"{HERE}/accounts"
SHOWN: Final = 10
"""Imports below an account, and on the front page."""
SOURCES: Final = {
    "yandex-direct": "yandex",
    "vk-ads": "vk",
    "google-ads": "google",
    "meta-ads": "facebook",
    "other": "",
}
"""What their links usually have as utm_source."""
USUAL_VAT: Final = {"RUB": "22", "KZT": "16", "BYN": "20"}
NOBODY: Final = UUID(int=0)


async def front(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        lines = await list_ad_accounts(connection)
        log = await list_imports(connection, limit=SHOWN)
        missing = await missing_rates(connection)
        how = await reckoning(connection)
    return visit.page(
        "settings/spend.html",
        lines=lines,
        log=log.items,
        missing=missing,
        how=how,
        **_choices(visit, how.currency),
    )


async def add(visit: Visit) -> web.Response:
    values = await _values(visit)
    try:
        async with transaction(visit.around.engine) as connection:
            made = await add_ad_account(connection, **values, now=visit.now)
            await _audit(visit, connection, "ad_account_added", made, after=_told(values))
    except (AdAccountNameTaken, TooManyAdAccounts) as refused:
        raise Refused(str(refused)) from refused
    return visit.back(f"{ACCOUNTS}/{made}")


async def one(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        line = await _line(connection, visit.id())
        log = await list_imports(connection, account=visit.id(), limit=SHOWN)
        how = await reckoning(connection)
    account = line.account
    known: Mapping[str, str] = {}
    if visit.may(Right.MANAGE_SPEND) and account.pulls:
        known = await visit.around.spend.known(account.id)
    return visit.page(
        "settings/spend_account.html",
        line=line,
        account=account,
        log=log.items,
        how=how,
        fields=CREDENTIALS.get(account.platform, ()),
        known=known,
        done="done" in visit.request.query,
        days_left=sum(
            (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
            for first, last in account.pull_state.get("pending", ())
        ),
        today=visit.formats.local_day(visit.now),
        **_choices(visit, how.currency),
    )


async def change(visit: Visit) -> web.Response:
    values = await _values(visit)
    try:
        async with transaction(visit.around.engine) as connection:
            was = (await _line(connection, visit.id())).account
            if was.pulls and values["platform"] != was.platform:
                raise Refused(
                    visit._("Disconnect the platform first: the credentials are of the other one.")
                )
            await change_ad_account(connection, visit.id(), **values)
            before, after = difference({name: getattr(was, name) for name in values}, dict(values))
            if {"source", "medium", "campaign_by"} & after.keys():
                await relabel(connection, visit.id(), now=visit.now)
            if {"vat_included", "vat_rate"} & after.keys():
                await recount(connection, account=visit.id())
            if after:
                await _audit(
                    visit,
                    connection,
                    "ad_account_changed",
                    visit.id(),
                    before=_told(before),
                    after=_told(after),
                )
    except AdAccountNameTaken as refused:
        raise Refused(str(refused)) from refused
    except NoSuchAdAccount as gone:
        raise NotFound from gone
    return visit.back(f"{ACCOUNTS}/{visit.id()}?done")


async def archive(visit: Visit) -> web.Response:
    return await _put(visit, away=True)


async def restore(visit: Visit) -> web.Response:
    return await _put(visit, away=False)


async def connect(visit: Visit) -> web.Response:
    await visit.around.spend.connect(visit.id(), visit.form, by=visit.me)
    return visit.back(f"{ACCOUNTS}/{visit.id()}")


async def disconnect(visit: Visit) -> web.Response:
    await visit.around.spend.disconnect(visit.id(), by=visit.me)
    return visit.back(f"{ACCOUNTS}/{visit.id()}")


async def ask_now(visit: Visit) -> web.Response:
    await visit.around.spend.ask_now(visit.id(), by=visit.me)
    return visit.done(
        f"{ACCOUNTS}/{visit.id()}",
        said=visit._("The platform is being asked; what it says appears here."),
    )


async def pause(visit: Visit) -> web.Response:
    await visit.around.spend.pause(visit.id(), by=visit.me)
    return visit.back(f"{ACCOUNTS}/{visit.id()}")


async def choose_vat(visit: Visit) -> web.Response:
    wish = visit.form.get("vat", "")
    if wish not in {"with", "without"}:
        raise web.HTTPBadRequest
    async with transaction(visit.around.engine) as connection:
        before = (await reckoning(connection)).with_vat
        await set_vat(connection, with_vat=wish == "with")
        if before != (wish == "with"):
            await _audit(
                visit,
                connection,
                "spend_vat_chosen",
                NOBODY,
                after={"vat_included": wish == "with"},
            )
    return visit.back(HERE)


async def _put(visit: Visit, *, away: bool) -> web.Response:
    try:
        async with transaction(visit.around.engine) as connection:
            if away:
                await archive_ad_account(connection, visit.id(), now=visit.now)
            else:
                await restore_ad_account(connection, visit.id())
            await _audit(
                visit,
                connection,
                "ad_account_archived" if away else "ad_account_restored",
                visit.id(),
            )
    except NoSuchAdAccount as gone:
        raise NotFound from gone
    return visit.back(HERE if away else f"{ACCOUNTS}/{visit.id()}")


async def _line(connection: AsyncConnection, id_: UUID) -> AccountLine:
    lines = await list_ad_accounts(connection, only=id_)
    if not lines:
        raise NotFound
    return lines[0]


def _choices(visit: Visit, currency: str) -> dict[str, Any]:
    return {
        "platforms": PLATFORMS,
        "sources": SOURCES,
        "campaign_by": CAMPAIGN_BY,
        "longest": LONGEST_NAME,
        "usual_vat": USUAL_VAT.get(currency, "0"),
        "currencies": [
            (each, get_currency_name(each, locale=visit.language.locale))
            for each in dict.fromkeys((currency, *CURRENCIES))
            if each
        ],
    }


async def _values(visit: Visit) -> dict[str, Any]:
    """Of the posted form. Raises Refused."""
    form, _ = visit.form, visit._
    name = " ".join(form.get("name", "").split())
    if not name:
        raise Refused(_("Give the advertising account a name."))
    currency = form.get("currency", "").strip().upper()
    if not is_currency(currency):
        raise Refused(_("A currency has three letters, such as RUB or EUR."))
    source = folded(form.get("source", ""))
    if not source:
        raise Refused(_("Say what its links have as utm_source: by that its cost meets the leads."))
    platform, campaign_by = form.get("platform", ""), form.get("campaign_by", "name")
    zone = form.get("time_zone", "")
    if platform not in PLATFORMS or campaign_by not in CAMPAIGN_BY:
        raise web.HTTPBadRequest
    if zone and zone not in available_timezones():
        raise Refused(_("There is no such time zone; Europe/Moscow is one."))
    return {
        "name": name[:LONGEST_NAME],
        "platform": platform,
        "external_id": " ".join(form.get("external_id", "").split())[:LONGEST_NAME],
        "currency": currency,
        "time_zone": zone,
        "vat_included": form.get("vat_included") == "yes",
        "vat_rate": _percent(visit, form.get("vat_rate", "")),
        "source": source,
        "medium": folded(form.get("medium", "")),
        "campaign_by": campaign_by,
    }


def _percent(visit: Visit, written: str) -> Decimal:
    try:
        rate = Decimal(written.strip().rstrip("%").replace(",", ".") or "0").quantize(
            Decimal("0.01")
        )
    except InvalidOperation as error:
        raise Refused(visit._("VAT is a number of per cent, such as 22.")) from error
    if not rate.is_finite() or not 0 <= rate < 100:
        raise Refused(visit._("VAT is a number of per cent, such as 22."))
    return rate


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the audit can keep it."""
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()
    }


async def _audit(
    visit: Visit,
    connection: AsyncConnection,
    what: str,
    id_: UUID,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    await write_audit(
        connection,
        by=visit.me,
        what=what,
        object_kind="company" if id_ == NOBODY else "ad_account",
        object_id=id_,
        now=visit.now,
        before=before,
        after=after,
    )


PAGES: Final[Sequence[Page]] = (
    get(HERE, front, Right.READ_SPEND),
    post(f"{HERE}/vat", choose_vat, Right.MANAGE_SPEND),
    post(ACCOUNTS, add, Right.MANAGE_SPEND),
    get(f"{ACCOUNTS}/{{id}}", one, Right.READ_SPEND),
    post(f"{ACCOUNTS}/{{id}}", change, Right.MANAGE_SPEND),
    post(f"{ACCOUNTS}/{{id}}/archive", archive, Right.MANAGE_SPEND),
    post(f"{ACCOUNTS}/{{id}}/restore", restore, Right.MANAGE_SPEND),
    post(f"{ACCOUNTS}/{{id}}/connect", connect, Right.MANAGE_SPEND),
    post(f"{ACCOUNTS}/{{id}}/disconnect", disconnect, Right.MANAGE_SPEND),
    post(f"{ACCOUNTS}/{{id}}/ask", ask_now, Right.MANAGE_SPEND),
    post(f"{ACCOUNTS}/{{id}}/pause", pause, Right.MANAGE_SPEND),
)
