"""The rules an installation begins with: what most businesses here would write themselves, in the company's language."""

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["ru", "en"]

PAID: Final = "cpc|ppc|cpm|cpa|cpv|paid|paid*|ads|ad|banner|display|retargeting|target|*_cpc|cpc_*|rsya|search"
_NOTHING: Final = '""'


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    ru: str
    en: str
    kind: str
    source: str = ""
    medium: str = ""
    campaign: str = ""

    def name(self, language: Language) -> str:
        return self.ru if language == "ru" else self.en


DEFAULTS: Final = (
    Default(
        ru="Яндекс Маркет", en="Yandex Market", kind="paid", source="yandex_market|market.yandex*"
    ),
    Default(
        ru="Яндекс Карты",
        en="Yandex Maps",
        kind="organic",
        source="yandex_maps|ya_maps|yandexmaps|yandex.maps|maps.yandex*|yandex-maps|yamaps",
    ),
    Default(
        ru="Яндекс Карты",
        en="Yandex Maps",
        kind="organic",
        source="ya|yandex|yandex*",
        medium="maps|map|geo|cards",
    ),
    Default(
        ru="Яндекс Директ",
        en="Yandex Direct",
        kind="paid",
        source="ya|yandex|yd|yandex_direct|yandex.direct|yandex-direct|yadirect|yandexdirect|direct.yandex*|ya.direct|yandex_search|yandex_rsya",
        medium=PAID,
    ),
    Default(
        ru="Яндекс Директ",
        en="Yandex Direct",
        kind="paid",
        source="yd|yandex_direct|yandex.direct|yandex-direct|yadirect|yandexdirect|direct.yandex*",
    ),
    Default(
        ru="VK Реклама",
        en="VK Ads",
        kind="paid",
        source="vk|vkontakte|vk.com|vk_ads|vkads|vk-ads|mytarget|my_target|ads.vk.com|odnoklassniki|ok",
        medium=PAID,
    ),
    Default(
        ru="VK Реклама",
        en="VK Ads",
        kind="paid",
        source="vk_ads|vkads|vk-ads|mytarget|my_target|ads.vk.com",
    ),
    Default(
        ru="Google Ads",
        en="Google Ads",
        kind="paid",
        source="google|google_ads|googleads|google-ads|adwords|google_display|youtube",
        medium=PAID,
    ),
    Default(
        ru="Google Ads",
        en="Google Ads",
        kind="paid",
        source="google_ads|googleads|google-ads|adwords",
    ),
    Default(
        ru="Meta Ads",
        en="Meta Ads",
        kind="paid",
        source="meta|facebook|fb|instagram|ig|facebook_ads|meta_ads|facebook.com|instagram.com|an|msg",
        medium=PAID,
    ),
    Default(
        ru="Telegram Ads",
        en="Telegram Ads",
        kind="paid",
        source="telegram|tg|t.me|telegram_ads|tgads",
        medium=PAID,
    ),
    Default(
        ru="Яндекс поиск",
        en="Yandex search",
        kind="organic",
        source="yandex|ya|ya.ru|yandex.*",
        medium="organic|referral|seo",
    ),
    Default(
        ru="Google поиск",
        en="Google search",
        kind="organic",
        source="google|google.*",
        medium="organic|referral|seo",
    ),
    Default(ru="Другой поиск", en="Other search", kind="organic", medium="organic|seo"),
    Default(ru="2ГИС", en="2GIS", kind="organic", source="2gis|2gis.*|2гис|dgis|*.2gis.*"),
    Default(ru="Авито", en="Avito", kind="paid", source="avito|avito.*|авито|*.avito.ru"),
    Default(
        ru="Email-рассылка",
        en="Email",
        kind="email",
        medium="email|e-mail|mail|newsletter|mailing|sms_email",
    ),
    Default(
        ru="Email-рассылка",
        en="Email",
        kind="email",
        source="email|e-mail|newsletter|mailing|unisender|sendpulse|mailchimp|mindbox",
    ),
    Default(
        ru="Telegram", en="Telegram", kind="messenger", source="telegram|tg|t.me|*.t.me|telegram.*"
    ),
    Default(
        ru="Соцсети",
        en="Social networks",
        kind="social",
        source="vk|vk.com|vk.ru|*.vk.com|vkontakte|ok|ok.ru|*.ok.ru|facebook|fb|facebook.*|*.facebook.com|instagram|ig"
        "|instagram.*|*.instagram.com|youtube|youtube.*|*.youtube.com|dzen.ru|dzen|tiktok|tiktok.*|*.tiktok.com|pinterest*|x.com|twitter*",
    ),
    Default(
        ru="Соцсети",
        en="Social networks",
        kind="social",
        medium="social|smm|social-network|social_network",
    ),
    Default(
        ru="Офлайн", en="Offline", kind="offline", medium="qr|offline|print|flyer|banner_offline"
    ),
    Default(
        ru="Прямые заходы",
        en="Direct",
        kind="direct",
        source="direct|(direct)",
        medium=f"none|{_NOTHING}",
    ),
    Default(
        ru="Звонок: источник неясен", en="Call, origin unclear", kind="phone", source="ambiguous"
    ),
    Default(ru="Указано вручную", en="Set by hand", kind="other", medium="by_hand"),
    Default(ru="Ссылки с других сайтов", en="Links on other sites", kind="referral", medium="referral"),
)  # fmt: skip
"""In their order: what is paid for before what is not, since both come from the same places."""
