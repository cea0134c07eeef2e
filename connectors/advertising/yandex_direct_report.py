"""Yandex Direct: reports of its Reports service, TSV. https://yandex.ru/dev/direct/doc/ru/report-format

    "name (2026-11-01 - 2026-11-02)"
    Date    CampaignId    CampaignName    Clicks    Cost
    2026-11-01    12345    brakes    37    1523450000
    Total rows: 1

Costs are in millionths unless the report was asked for with `returnMoneyInMicros: false`, which the file does not say: then
they have two decimals, so whole figures throughout are millionths. Empty values are `--`.
"""

from types import MappingProxyType
from typing import Final

from connectors.advertising.ledger import Dialect

DIALECT: Final = Dialect(
    format="yandex-direct",
    marks=frozenset(
        {"campaignid", "campaignname", "adgroupid", "adgroupname", "criterionid", "adid"}
    ),
    columns=MappingProxyType(
        {
            "day": ("date",),
            "cost": ("cost",),
            "campaign": ("campaignname",),
            "campaign_id": ("campaignid",),
            "ad_group": ("adgroupname",),
            "ad_group_id": ("adgroupid",),
            "ad_id": ("adid",),
            "term": ("criterion", "criteria", "query"),
            "clicks": ("clicks",),
            "impressions": ("impressions",),
        }
    ),
)
