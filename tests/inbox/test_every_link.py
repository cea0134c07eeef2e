"""From where each role begins, through every link and past every button: none leads to a refusal."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

import pytest
from typing_extensions import override

from inbox.app import PAGES
from inbox.rights import home, may
from inbox.visit import Page
from tests.inbox.browser import Browser
from tests.inbox.furnished import furnish

ELSEWHERE: Final = ("/api/", "/chat/", "/hooks/", "/static/")
"""Served by others than the inbox."""

ENOUGH: Final = 2
"""Pages of one kind, with the same words in the query, that are opened: the hundredth card has the links of the second."""

MOST: Final = 5
"""Of one page, whatever the query: filters lead to filters."""

ENDLESS: Final = frozenset({"/live", "/live/me"})

ASKED: Final = frozenset(
    {"href", "src", "hx-get", "data-src", "data-more", "data-further", "data-finder"}
)
SENT: Final = frozenset({"data-post", "data-order", "data-preview", "data-take", "data-try"})


@dataclass
class Doors(HTMLParser):
    """What a page leads to: `opened` by asking, `pressed` by sending a form."""

    opened: list[str] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        for name, value in named.items():
            if name in ASKED:
                self.opened.append(value)
            elif name in SENT or name == "formaction":
                self.pressed.append(value)
        if tag == "form" and "action" in named:
            posted = named.get("method", "get").lower() == "post"
            (self.pressed if posted else self.opened).append(named["action"])


def inside(links: list[str], page: str) -> Iterator[str]:
    """Addresses of our own, in full."""
    for link in links:
        where = urlsplit(urljoin(f"http://allo{page}", link))
        if (
            where.netloc == "allo"
            and where.scheme == "http"
            and not where.path.startswith(ELSEWHERE)
        ):
            yield where.path + (f"?{where.query}" if where.query else "")


def page_of(method: str, path: str) -> Page | None:
    for page in PAGES:
        pattern = re.sub(r"\{\w+:(?:[^{}]|\{[^{}]*\})*\}|\{\w+\}", "[^/]+", page.path)
        if page.method == method and re.fullmatch(pattern, path):
            return page
    return None


@dataclass
class Walk:
    """From page to page, as one colleague; `wrong` is what refused them, or would."""

    browser: Browser
    role: str
    ahead: deque[str]
    seen: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, ...]] = field(default_factory=Counter)
    wrong: set[str] = field(default_factory=set)

    def is_new(self, page: Page, query: str) -> bool:
        kind = (page.path, *sorted(re.findall(r"(\w+)=", query)))
        if self.kinds[kind] == ENOUGH or self.seen[page.path] == MOST:
            return False
        self.kinds[kind] += 1
        self.seen[page.path] += 1
        return True

    async def go(self) -> None:
        known = set(self.ahead)
        while self.ahead:
            address = self.ahead.popleft()
            path, _, query = address.partition("?")
            page = page_of("GET", path)
            if page is None:
                self.wrong.add(f"GET {address}: there is no such page")
            elif page.path not in ENDLESS and self.is_new(page, query):
                links = await self.opened(address)
                self.ahead.extend(dict.fromkeys(each for each in links if each not in known))
                known.update(links)

    async def opened(self, address: str) -> list[str]:
        answer = await self.browser.get(address)
        if answer.status >= 400:
            self.wrong.add(f"GET {address}: {answer.status}")
        doors = Doors()
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            doors.feed(answer.text)
        for link in inside(doors.pressed, address):
            target = page_of("POST", link.partition("?")[0])
            if target is None:
                self.wrong.add(f"POST {link} on {address}: there is no such page")
            elif target.right and not may(self.role, target.right):
                self.wrong.add(f"POST {link} on {address}: takes {target.right}")
        return list(inside(doors.opened, address))


@pytest.mark.parametrize(
    ("role", "pages"), [("admin", 40), ("lead", 30), ("manager", 20), ("marketer", 4)]
)
async def test_no_link_or_button_of_a_role_leads_to_a_refusal(stage, browser, role, pages):
    await stage.hire("Olga", role="admin")
    await stage.hire("Anna")
    await furnish(stage)
    await stage.hire("Mark", role=role)
    walk = Walk(browser=await browser("Mark"), role=role, ahead=deque([home(role)]))
    await walk.go()
    assert len(walk.seen) >= pages, "need pages with links for this test to mean anything"
    assert not walk.wrong, "\n".join(sorted(walk.wrong))


async def test_a_mistyped_address_is_a_page_that_leads_on(stage, browser):
    await stage.hire("Anna")
    for who in ["", "Anna"]:
        answer = await (await browser(who, **{"Accept-Language": "en"})).get("/laeds")
        assert answer.status == 404
        assert "To the start" in answer.text
    assert "To the start" not in (await (await browser()).get("/api/v1/nothing")).text
