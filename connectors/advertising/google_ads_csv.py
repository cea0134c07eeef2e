"""Google Ads: what its pages download as CSV, in the language of whoever downloads it.

    Campaign report                         a title, and the days: the report may have no column for them
    "November 1, 2026 - November 7, 2026"
    Day,Campaign,Currency code,Clicks,Impr.,Cost
    2026-11-01,brakes,RUB,37,"1,024","1,523.45"
    Total: Account, --,RUB,37,"1,024","1,523.45"

Decimal commas and thousands' no-break spaces as the language has them.
"""

from types import MappingProxyType
from typing import Final

from connectors.advertising.ledger import Dialect

DIALECT: Final = Dialect(
    format="google-ads",
    english=True,
    marks=frozenset(
        {
            *("impr.", "currency code", "avg. cpc", "campaign status", "interactions"),
            *("код валюты", "показы", "ср. цена за клик", "статус кампании", "взаимодействия"),
        }
    ),
    columns=MappingProxyType(
        {
            "day": ("day", "date", "день", "дата"),
            "cost": ("cost", "стоимость", "расходы", "kosten", "coût", "costo", "coste"),
            "currency": ("currency code", "currency", "код валюты", "валюта"),
            "campaign": ("campaign", "campaign name", "кампания", "название кампании"),
            "campaign_id": ("campaign id", "идентификатор кампании"),
            "ad_group": ("ad group", "ad group name", "группа объявлений"),
            "ad_group_id": ("ad group id", "идентификатор группы объявлений"),
            "ad": ("ad name", "название объявления"),
            "ad_id": ("ad id", "идентификатор объявления"),
            "term": (
                *("keyword", "search keyword", "ключевое слово"),
                "ключевое слово в поисковой сети",
            ),
            "clicks": ("clicks", "клики"),
            "impressions": ("impr.", "impressions", "показы"),
        }
    ),
)
