"""Fields that nobody filled in: what the builder, the counters and the captcha add, and what must not be kept.

Where the form stands and the visit's source are read out of them (sources.py); the manager sees none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.channels.lead_form.fields import Filled
from connectors.page_sources import CLICK_IDS

TRANSACTIONS: Final = frozenset(
    {
        "tranid",  # Tilda: "1234567:7654321", the same at every attempt
        "submission_id",
        "_submission",  # our own snippet's
    }
)
"""What names a submission and stays the same when it is brought again."""

FORM_NAMES: Final = frozenset({"formname", "form_name", "form.name", "quiz.name", "form.title"})
PAGES: Final = frozenset(
    {
        "page", "page_url", "page url", "pageurl", "url", "href", "landing", "location", "landing_page", "source_url", "_page",
        "page.url", "extra.href", "meta.page_url", "data.page.url", "referer_page", "_wp_http_referer", "page_link",
    }
)  # fmt: skip
REFERRERS: Final = frozenset(
    {
        "referrer",
        "referer",
        "extra.referrer",
        "utm_referrer",
        "_referrer",
        "http_referer",
        "ref_url",
    }
)
COOKIES: Final = frozenset({"cookies", "cookie", "_cookies"})
CONSENTS: Final = frozenset(
    {"consent", "agree", "agreement", "acceptance", "privacy", "policy", "gdpr", "согласие", "checkbox", "_consent"}
)  # fmt: skip

_HIDDEN: Final = frozenset(
    {
        "formid", "form_id", "form.id", "quiz.id", "id", "created", "created_at", "ip", "remote_ip", "extra.ip",
        "user_agent", "useragent", "test", "form-spec-comments", "tildaspec", "lang", "extra.lang", "timezone",
        "extra.timezone", "post_id", "queried_id", "action", "nonce", "_seconds", "_next", "submit", "hook", "secret",
        "allo", "powered by", "user agent", "remote ip", "data.num", "data.time", "data.status", "data.status.name",
    }
)  # fmt: skip
_HIDDEN_STARTS: Final = (
    "utm_", "_wp", "wpcf7", "tildaspec", "g-recaptcha", "h-captcha", "cf-turnstile", "smart-token", "csrf", "_csrf", "_token",
    "meta.", "extra.", "raw.", "form-spec",
)  # fmt: skip
_KNOWN: Final = TRANSACTIONS | FORM_NAMES | PAGES | REFERRERS | COOKIES | CLICK_IDS | _HIDDEN
_NEVER_KEPT: Final = (
    "password",
    "passwd",
    "пароль",
    "cvv",
    "cvc",
    "card_number",
    "cardnumber",
    "номер карты",
)


@dataclass(slots=True, kw_only=True)
class Sorted:
    """What the fields are for. `said` are those that the visitor filled in; `service` by lower-cased dotted name."""

    said: list[Filled] = field(default_factory=list)
    service: dict[str, str] = field(default_factory=dict)
    consents: list[Filled] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    """Names of what must not be kept: passwords, numbers of cards."""


def sort_out(fields: Sequence[Filled], *, traps: frozenset[str]) -> Sorted:
    """`traps`: names of fields that people do not see."""
    found = Sorted()
    for each in fields:
        name = each.name.casefold()
        dotted = ".".join(each.path).casefold()
        if any(map(_must_not_be_kept, (*each.path, each.label))):
            found.struck.append(each.shown)
        elif name in PAGES and "://" not in each.value and not each.value.startswith("/"):
            found.said.append(each)  # "url" may be asked of the visitor, and "page" count pages
        elif name in traps or _is_service(name, dotted):
            found.service.setdefault(dotted, each.value)
        elif name in CONSENTS or name.startswith("соглас") or name.endswith("consent"):
            found.consents.append(each)
        else:
            found.said.append(each)
    return found


def without_secrets(told: Any) -> Any:
    """`told` without the fields that must not be kept."""
    match told:
        case dict():
            return {
                name: without_secrets(value)
                for name, value in told.items()
                if not _must_not_be_kept(str(name))
            }
        case list():
            return [without_secrets(each) for each in told]
        case _:
            return told


def _must_not_be_kept(name: str) -> bool:
    name = name.casefold()
    return any(word in name for word in _NEVER_KEPT)


def _is_service(name: str, dotted: str) -> bool:
    return (
        name.startswith(_HIDDEN_STARTS)
        or dotted.startswith(_HIDDEN_STARTS)
        or name in _KNOWN
        or dotted in _KNOWN
        or any(group in f".{dotted}" for group in (".utm.", ".cookies."))
    )
