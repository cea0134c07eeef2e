"""Meta Ads Manager: its CSV export.

    Reporting starts,Reporting ends,Campaign name,Campaign ID,Amount spent (RUB),Impressions,Link clicks
    2026-11-01,2026-11-01,brakes,1200,1523.45,1024,37

Broken down by day, both ends of a line are that day, or there is a column "Day"; otherwise a line is for its whole range.
The currency is in the heading. The first line below the headings may be the total: it has no campaign.
"""

from types import MappingProxyType
from typing import Final

from connectors.advertising.ledger import Dialect

DIALECT: Final = Dialect(
    format="meta-ads",
    english=True,
    nameless_is_total=True,
    marks=frozenset(
        {
            *("reporting starts", "reporting ends", "amount spent", "ad set name", "link clicks"),
            *("начало отчетности", "дата начала отчетности", "окончание отчетности"),
            *("дата окончания отчетности", "название группы объявлений"),
        }
    ),
    columns=MappingProxyType(
        {
            "day": ("day", "день"),
            "first_day": (
                *("reporting starts", "date start", "начало отчетности"),
                "дата начала отчетности",
            ),
            "last_day": (
                *("reporting ends", "date stop", "окончание отчетности"),
                "дата окончания отчетности",
            ),
            "cost": (
                *("amount spent", "spend", "потраченная сумма", "сумма затрат"),
                *("израсходованная сумма", "затраченная сумма"),
            ),
            "currency": ("currency", "account currency", "валюта"),
            "campaign": ("campaign name", "название кампании"),
            "campaign_id": ("campaign id", "id кампании", "идентификатор кампании"),
            "ad_group": ("ad set name", "название группы объявлений"),
            "ad_group_id": ("ad set id", "adset id", "id группы объявлений"),
            "ad": ("ad name", "название объявления"),
            "ad_id": ("ad id", "id объявления", "идентификатор объявления"),
            "clicks": ("link clicks", "clicks (all)", "clicks", "клики по ссылке", "клики (все)"),
            "impressions": ("impressions", "показы"),
        }
    ),
)
