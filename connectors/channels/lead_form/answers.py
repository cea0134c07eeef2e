"""What a builder, a page's script and a visitor's browser are told.

a builder's server     200 ok                      what Tilda, Marquiz and the others wait for
fetch from a page      {"ok": true}, with the headers that let the page read it
a plain HTML form      a page that says thank you, or, with a field `_next`, the page it names on an allowed site
"""

import html
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from connectors.connector import Account, Answer, Request
from connectors.page_origins import LOCAL, NotAnOrigin, allows, origin_of, read_origins

_HERE: Final = "Allo takes forms here, by POST."
_THANKS: Final[Mapping[str, tuple[str, str]]] = {
    "ru": ("Спасибо! Заявка принята.", "Вернуться на сайт"),
    "en": ("Thank you! We have your request.", "Back to the site"),
}
_PAGE: Final = (
    '<!doctype html><html lang="{language}"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>{said}</title>'
    '<body style="font:18px/1.5 system-ui,sans-serif;max-width:32em;margin:15vh auto;padding:0 1em">'
    '<p role="status">{said}</p>{back}'
)
_SAFE: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def here() -> Answer:
    return Answer(body=_HERE.encode())


def thanks(account: Account, request: Request, *, next_page: str) -> Answer:
    wants = request.headers.get("Accept", "")
    if "text/html" in wants and request.headers.get("Origin"):
        if _may_lead_to(account, next_page):
            return Answer(status=303, headers={"Location": next_page, "Cache-Control": "no-store"})
        return Answer(
            body=_page(account, request).encode(),
            content_type="text/html; charset=utf-8",
            headers=_SAFE,
        )
    if "application/json" in wants or request.headers.get("Origin"):
        return Answer(body=b'{"ok": true}', content_type="application/json")
    return Answer(body=b"ok")


def admits(account: Account, origin: str) -> bool:
    """Whether a page of this origin may post. Raises NotAnOrigin, UnicodeError."""
    return allows(read_origins(account["allowed_origins"]) or LOCAL, origin)


def cors(account: Account, headers: Mapping[str, str]) -> Mapping[str, str]:
    origin = headers.get("Origin", "")
    try:
        admitted = bool(origin) and admits(account, origin)
    except (NotAnOrigin, UnicodeError):
        admitted = False
    if not admitted:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Expose-Headers": "Retry-After",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _may_lead_to(account: Account, page: str) -> bool:
    """Anybody can write a form that posts here; only to the business's own pages does it lead."""
    try:
        return bool(page) and page.isprintable() and admits(account, origin_of(page))
    except (ValueError, NotAnOrigin):
        return False


def _page(account: Account, request: Request) -> str:
    said, back = _THANKS.get(account.language, _THANKS["en"])
    came_from = request.headers.get("Referer", "")
    try:
        # The browser named both; a link elsewhere would be somebody's trick.
        known = origin_of(came_from) == request.headers.get("Origin") and urlsplit(came_from).path
    except ValueError:
        known = ""
    link = f'<p><a href="{html.escape(came_from, quote=True)}">{back}</a></p>' if known else ""
    return _PAGE.format(language=html.escape(account.language), said=said, back=link)
