"""Which advertising account somebody means who has no page before them: the command line, the API."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from router.spending import folded
from storage.ad_accounts import (
    LONGEST_NAME,
    PLATFORMS,
    AdAccount,
    NoSuchAdAccount,
    ad_account_by_id,
    ad_account_named,
    add_ad_account,
    all_ad_accounts,
)
from storage.audit import write_audit
from storage.spend_reckoning import reckoning


async def choose_ad_account(
    connection: AsyncConnection,
    *,
    name: str,
    platform: str,
    source: str,
    medium: str,
    currency: str,
    now: datetime,
) -> AdAccount:
    """The one that is named; without a name the only one it can be; made when it is named with its source and not there.

    Raises NoSuchAdAccount, TooManyAdAccounts.
    """
    name = " ".join(name.split())[:LONGEST_NAME]
    if not name:
        return await _only(connection, platform)
    there = await ad_account_named(connection, name)
    if there is not None:
        return there
    if not folded(source):
        raise NoSuchAdAccount(
            f"There is no advertising account {name}: with its source (what its links have as utm_source) it is made."
        )
    currency = currency or (await reckoning(connection)).currency
    made = await add_ad_account(
        connection,
        name=name,
        platform=platform if platform in PLATFORMS else "other",
        source=folded(source),
        medium=folded(medium) or "cpc",
        currency=currency,
        now=now,
    )
    await write_audit(
        connection,
        by=None,
        what="ad_account_added",
        object_kind="ad_account",
        object_id=made,
        now=now,
        after={"name": name, "source": folded(source), "currency": currency},
    )
    return await ad_account_by_id(connection, made)


async def _only(connection: AsyncConnection, platform: str) -> AdAccount:
    open_ones = [each for each in await all_ad_accounts(connection) if each.archived_at is None]
    fitting = [each for each in open_ones if each.platform == platform]
    for found in (fitting, open_ones):
        if len(found) == 1:
            return found[0]
    if not open_ones:
        raise NoSuchAdAccount(
            "There is no advertising account yet: name one and its source, and it is made."
        )
    names = ", ".join(each.name for each in fitting or open_ones)
    raise NoSuchAdAccount(f"There are several advertising accounts ({names}): say which.")
