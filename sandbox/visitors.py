"""People who use the chat on a site, over HTTP as their browsers would: they land, write, wait for the answer, read it.

`SiteVisitor` is one browser; `visit_the_shop` is what a person does with it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import aiohttp

TIMEOUT: Final = aiohttp.ClientTimeout(total=40)
LONG_POLL_S: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """An advertisement that brings people: what its link carries."""

    utm: dict[str, str]
    click_ids: dict[str, str] = field(default_factory=dict)
    referrer: str = ""


CAMPAIGNS: Final[Sequence[Campaign]] = (
    Campaign(
        utm={"source": "yandex", "medium": "cpc", "campaign": "brakes", "term": "замена колодок"},
        click_ids={"yclid": "7340012345678901234"},
        referrer="https://yandex.ru/",
    ),
    Campaign(
        utm={"source": "vk", "medium": "cpc", "campaign": "shinomontazh_zima", "content": "video-1"}
    ),
    Campaign(utm={}, click_ids={"ysclid": "m3k1"}, referrer="https://yandex.ru/search/"),
    Campaign(utm={}, referrer="https://2gis.ru/"),
    Campaign(utm={}),
)

STORIES: Final[Sequence[Sequence[str]]] = (
    ("Здравствуйте! Сколько стоит замена колодок на Киа Рио?", "2019, седан", "А сегодня можно?"),
    ("Добрый день, вы меняете тормозную жидкость?", "Спасибо, запишите на субботу"),
    ("Скрипят тормоза, что делать?", "Шкода Октавия, передние"),
    ("Вы работаете в воскресенье?",),
    ("Нужен счёт на юрлицо, возможно?", "ООО «Ромашка», ИНН вышлю", "Когда можно подъехать?"),
)


@dataclass(slots=True, kw_only=True)
class SiteVisitor:
    """A browser on a shop's page that carries the chat of the account `slug`."""

    http: aiohttp.ClientSession
    base_url: str
    slug: str
    origin: str
    random: Random
    token: str = ""
    seen: int = 0

    async def land(self, page: str, campaign: Campaign) -> None:
        query = {f"utm_{name}": value for name, value in campaign.utm.items()} | campaign.click_ids
        visit = {
            "id": self._uuid(),
            "url": f"{self.origin}{page}?{urlencode(query)}" if query else f"{self.origin}{page}",
            "referrer": campaign.referrer,
            "utm": campaign.utm,
            "click_ids": campaign.click_ids,
        }
        told = await self._post("session", {"visit": visit})
        self.token = told["token"] or self.token

    async def identify(self, token: str) -> None:
        """The shop's page says who is logged in there: a JWT signed with the account's identity_secret."""
        told = await self._post("identify", {"token": token})
        self.token = told["token"] or self.token

    async def write(
        self, text: str, *, page: str = "/", form: Mapping[str, str] | None = None
    ) -> None:
        """Posts until it is taken, under the same id, as a browser with a bad connection does.

        `form`: what the visitor typed into the form before the first message.
        """
        message: dict[str, Any] = {
            "client_msg_id": self._uuid(),
            "text": text,
            "page": {"url": f"{self.origin}{page}", "title": "Тормоза"},
            "language": "ru-RU",
        }
        if form is not None:
            message["form"] = dict(form)
        told = await self._post("messages", message)
        self.token = told["token"] or self.token

    async def next_answers(self) -> list[str]:
        """What a colleague wrote since the last look; waits for half a minute at most, then []."""
        while True:
            path = f"messages?after={self.seen}&wait={LONG_POLL_S}"
            async with self.http.get(
                self._url(path), headers=self._headers(), timeout=TIMEOUT
            ) as got:
                got.raise_for_status()
                messages = (await got.json())["messages"]
            new = [each for each in messages if each["seq"] > self.seen]
            if new:
                self.seen = new[-1]["seq"]
            answers = [each["text"] for each in new if not each["mine"]]
            # Of what is new, the visitor's own words are no answer.
            if answers or not new:
                return answers

    async def read_it(self) -> None:
        await self._post("seen", {"delivered": self.seen, "read": self.seen})

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        for _ in range(10):
            try:
                async with self.http.post(
                    self._url(path), json=body, headers=self._headers(), timeout=TIMEOUT
                ) as got:
                    if got.status == 204:
                        return None
                    if got.status not in {429, 503}:
                        got.raise_for_status()
                        return await got.json()
                    pause = float(got.headers.get("Retry-After", "2"))
            except (aiohttp.ClientConnectionError, TimeoutError):
                pause = 2.0
            await asyncio.sleep(pause)
        raise TimeoutError(f"{self.base_url} did not take {path}")

    def _url(self, path: str) -> str:
        return f"{self.base_url.rstrip('/')}/chat/{self.slug}/{path}"

    def _headers(self) -> dict[str, str]:
        headers = {"Origin": self.origin}
        return headers | {"Authorization": f"Bearer {self.token}"} if self.token else headers

    def _uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))


@asynccontextmanager
async def a_visitor(
    base_url: str, *, slug: str = "site", origin: str = "http://localhost", random: Random
) -> AsyncGenerator[SiteVisitor]:
    async with aiohttp.ClientSession() as http:
        yield SiteVisitor(http=http, base_url=base_url, slug=slug, origin=origin, random=random)


async def visit_the_shop(
    base_url: str,
    *,
    slug: str = "site",
    origin: str = "http://localhost",
    random: Random,
    patience: int = 4,
    typing_s: float = 4.0,
) -> int:
    """A person comes, asks, reads the answers and asks on; leaves after `patience` waits in vain.

    Returns the number of answers read.
    """
    answers = 0
    async with a_visitor(base_url, slug=slug, origin=origin, random=random) as visitor:
        campaign, story = random.choice(CAMPAIGNS), random.choice(STORIES)
        await visitor.land("/", campaign)
        for line in story:
            await asyncio.sleep(random.uniform(0.3, 1) * typing_s)
            await visitor.write(line)
            for _ in range(patience):
                news = await visitor.next_answers()
                if news:
                    answers += len(news)
                    await visitor.read_it()
                    break
            else:
                return answers
    return answers
