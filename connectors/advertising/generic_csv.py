"""A table that somebody made: a day and a cost, and whatever else is known, under the names people give to it."""

from types import MappingProxyType
from typing import Final

from connectors.advertising.ledger import Dialect

DIALECT: Final = Dialect(
    format="csv",
    empty_is_nothing=False,
    columns=MappingProxyType(
        {
            "day": ("date", "day", "дата", "день", "spend date", "дата расхода"),
            "first_day": ("date from", "from", "start", "start date", "с", "дата с", "начало"),
            "last_day": (
                *("date to", "date till", "till", "to", "end", "end date"),
                *("по", "дата по", "конец", "окончание"),
            ),
            "cost": (
                *("cost", "spend", "spent", "amount", "expense", "expenses", "costs"),
                *("расход", "расходы", "затраты", "стоимость", "сумма", "потрачено", "бюджет"),
                *("сумма расхода", "расход всего", "общий расход"),
            ),
            "currency": ("currency", "currency code", "валюта", "код валюты"),
            "source": ("utm source", "source", "источник"),
            "medium": ("utm medium", "medium", "канал", "тип трафика"),
            "campaign": (
                *("utm campaign", "campaign", "campaign name"),
                *("кампания", "название кампании", "рекламная кампания"),
            ),
            "campaign_id": (
                *("campaign id", "campaignid", "№ кампании", "id кампании"),
                *("номер кампании", "идентификатор кампании"),
            ),
            "ad_group": ("ad group", "adgroup", "группа", "группа объявлений", "название группы"),
            "ad_group_id": ("ad group id", "adgroupid", "№ группы", "id группы", "номер группы"),
            "ad": ("ad", "ad name", "объявление", "заголовок объявления"),
            "ad_id": ("ad id", "adid", "№ объявления", "id объявления", "номер объявления"),
            "content": ("utm content", "content", "содержание"),
            "term": ("utm term", "term", "keyword", "ключевое слово", "фраза", "условие показа"),
            "vat_included": ("vat included", "vat", "ндс", "с ндс", "ндс включен"),
            "clicks": ("clicks", "клики", "переходы"),
            "impressions": ("impressions", "impr.", "shows", "показы"),
        }
    ),
)
