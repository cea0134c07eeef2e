"""One mailbox, one spelling: what an address is compared by. What was written is kept beside it, and is what we send to.

    ivan.petrov+shop@googlemail.com   ivanpetrov@gmail.com     Gmail: dots and +tags mean nothing (support.google.com)
    Ivan.Petrov@ya.ru                 ivan-petrov@yandex.ru    Yandex: one login under all its domains, `.` is `-`
    Buh@Завод.рф                      buh@xn--80aegj1b.xn--p1ai
    petr+x@bk.ru                      petr+x@bk.ru             mail.ru, bk.ru, list.ru and inbox.ru are four mailboxes

Elsewhere only case is folded: no provider tells mailboxes apart by case, and a company's own +tag may be anything.
"""

import re
import unicodedata
from typing import Final

LENGTH: Final = 254
"""RFC 5321: the longest address that fits a path."""

_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})
_YANDEX: Final = frozenset(
    {"yandex.ru", "ya.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua", "narod.ru"}
)
_LOCAL = re.compile(r"[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]{1,64}")
_DOMAIN = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.){0,10}[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


def normalise(written: str) -> str:
    """The spelling to compare by; "" when it is no address."""
    text = unicodedata.normalize("NFC", written.strip().strip("<>")[: 2 * LENGTH])
    local, at, domain = text.rpartition("@")
    local, domain = local.strip('"').lower(), _ascii(domain.rstrip("."))
    if not at or len(local) + len(domain) > LENGTH:
        return ""
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return ""
    if domain in _GMAIL:
        base = local.partition("+")[0].replace(".", "")
        return f"{base or local}@gmail.com"
    if domain in _YANDEX:
        base = local.partition("+")[0].replace(".", "-")
        return f"{base or local}@yandex.ru"
    return f"{local}@{domain}"


def domain_of(address: str) -> str:
    """The domain in ASCII and lower case; "" when there is none."""
    return _ascii(address.rpartition("@")[2].rstrip("."))


def _ascii(domain: str) -> str:
    domain = domain.lower()
    if domain.isascii() or len(domain) > LENGTH:
        return domain
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain
