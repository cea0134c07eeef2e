"""Where the visitor came from, by what came with the form.

What is said plainly wins: fields `utm_source`, `utm[source]`, `yclid`, whatever the builder calls the group they are in; then
the parameters of the page's address; then the cookies that Tilda sends along (`COOKIES`, and in it `TILDAUTM`, the UTM of
the visitor's first page: "utm_source=ya|||utm_medium=cpc|||", percent-encoded), counters' identifiers among them.

A parameter whose placeholder nobody filled in (`utm_term={keyword}`) says nothing about the visitor and is left out.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from connectors.channels.lead_form.service import COOKIES, PAGES, REFERRERS
from connectors.page_sources import CLICK_IDS, LONGEST, UTM, clean_url
from connectors.visit_trail import PARAMETER, trail_of
from router.clean_text import clean_line
from router.message import SourceKeys

PARAMETERS: Final = 100
"""Of one address."""
LONGEST_COOKIES: Final = 16_384
_UNFILLED: Final = re.compile(r"\{[^}]*\}|\[[a-z_]+\]", re.IGNORECASE)


def source_of(
    service: Mapping[str, str], *, query: Mapping[str, str], referrer: str, now: datetime
) -> SourceKeys | None:
    """`service` by dotted name; `query` and `referrer` are the request's own. None when they tell nothing.

    Where our own script stands on the page, it says more: the visits before this one.
    """
    found = _said(service, query=query, referrer=referrer)
    trail = trail_of(_trail(service), now=now)
    if not trail:
        return found
    if found is None or any(found.utm.items() <= each.utm.items() for each in trail):
        # The script has filled in those fields itself, as many of them as the form has.
        return msgspec.structs.replace(trail[-1], earlier=trail[:-1])
    return msgspec.structs.replace(found, earlier=trail)


def _trail(service: Mapping[str, str]) -> str:
    return next(
        (value for name, value in service.items() if name.rpartition(".")[2] == PARAMETER), ""
    )


def _said(
    service: Mapping[str, str], *, query: Mapping[str, str], referrer: str
) -> SourceKeys | None:
    cookies = _cookies(service)
    landing = _address(service, PAGES)
    told = (
        {name.rpartition(".")[2]: value for name, value in service.items()},
        {
            f"utm_{name.rpartition('.')[2]}": value
            for name, value in service.items()
            if ".utm." in f".{name}"
        },
        {name.lower(): value for name, value in query.items()},
        _parameters(landing),
        _parameters(referrer),
        _first_visit(cookies),
        cookies,
    )
    utm = {
        name: value
        for name in UTM
        if (value := _first(told, f"utm_{name}", *(("utm_name",) if name == "campaign" else ())))
    }
    click_ids = {name: value for name in sorted(CLICK_IDS) if (value := _first(told, name))}
    page = clean_url(landing) or clean_url(referrer)
    came_from = clean_url(_address(service, REFERRERS))
    if not (utm or click_ids or page or came_from):
        return None
    return SourceKeys(utm=utm, click_ids=click_ids, landing=page, referrer=came_from)


def _first(told: Iterable[Mapping[str, str]], *names: str) -> str:
    for each in told:
        for name in names:
            written = each.get(name)
            value = clean_line(written, limit=LONGEST) if written else ""
            if value and not _UNFILLED.fullmatch(value):
                return value
    return ""


def _address(service: Mapping[str, str], names: frozenset[str]) -> str:
    for name, value in service.items():
        if (name in names or name.rpartition(".")[2] in names) and "://" in value:
            return value
    return ""


def _parameters(address: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(urlsplit(address).query, max_num_fields=PARAMETERS)
    except ValueError:  # "http://[", or a page of parameters
        return {}
    return {name.lower(): value for name, value in reversed(pairs)}


def _cookies(service: Mapping[str, str]) -> dict[str, str]:
    """Tilda sends them as the header the browser would, Marquiz as a group of fields."""
    found = {
        name.rpartition(".")[2]: value
        for name, value in service.items()
        if ".cookies." in f".{name}"
    }
    for name, value in service.items():
        if name.rpartition(".")[2] in COOKIES:
            found |= _jar(value[:LONGEST_COOKIES])
    return found


def _jar(written: str) -> dict[str, str]:
    # Not http.cookies: one cookie with a character that RFC 6265 forbids would cost all the others.
    pairs = (each.strip().partition("=") for each in written.split(";"))
    return {name.lower(): unquote(value) for name, equals, value in pairs if equals}


def _first_visit(cookies: Mapping[str, str]) -> dict[str, str]:
    pairs = (each.partition("=") for each in unquote(cookies.get("tildautm", "")).split("|||"))
    return {name.strip().lower(): unquote(value) for name, equals, value in pairs if equals}
