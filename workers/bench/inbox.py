"""`allo bench inbox`: the pages a manager opens all day, on a large installation, and the plan of every query behind them.

    seed ──▶ allo serve ──▶ each page, many times: its server time ──▶ once more in this process: its queries, explained

Server time is what the pages say of themselves (`Server-Timing`): from the session's look-up to the last byte of HTML.
The floor is a page that asks the database for nothing but the session.
"""

import random
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import aiohttp
import asyncpg
import click
import uvloop
from sqlalchemy.engine import make_url

from inbox.passwords import hash_password
from storage.seeding.filling import fill
from workers.bench import stage
from workers.bench.plans import Explained, explained
from workers.bench.served import Served, installed
from workers.cli.installation import records
from workers.settings import Settings, load_settings

PAGE_MS: Final = 80.0
SEARCH_MS: Final = 250.0
"""What was promised, at the 95th percentile."""
EMAIL: Final = "seed-1@example.com"
PASSWORD: Final = "correct horse battery"  # noqa: S105  # the bench's own
WARM_UP: Final = 5

SOUGHT: Final = {
    "a word everybody says": "колодки",
    "another form of a word": "тормозным диском",
    "an English word": "brake pad",
    "a rare number": "48213",
    "two words": "ремень октавия",
    "a name": "Белозёров",
    "a name with an error": "Билозёров",
    "a phone as dialled": "8 (910) 001-4",
    "four digits of a phone": "4321",
    "part of an address": "person1234",
    "a mistyped word": "тормзные",
    "two mistyped words": "ременьь октавя",
    "the other keyboard": "njhvjpyst rjkjlrb",
    "nothing there": "абракадабра",
}


@click.command()
@click.option("--conversations", default=200_000, show_default=True, type=click.IntRange(100))
@click.option("--messages", default=1_000_000, show_default=True, type=click.IntRange(100))
@click.option("--times", default=100, show_default=True, help="How often each page is asked for.")
@click.option(
    "--plans",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write every query's whole plan into this file.",
)
@click.option(
    "--seeded",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The data directory of an installation that `allo seed --password '…'` has filled already.",
)
def bench(
    *, conversations: int, messages: int, times: int, plans: Path | None, seeded: Path | None
) -> None:
    """Server time of the inbox's pages with a large installation; no sequential scan of a large table."""
    with tempfile.TemporaryDirectory(prefix="allo-bench-") as folder:
        # The embedded database may run as another user, who must find its way in.
        Path(folder).chmod(0o755)
        uvloop.run(
            _measure(
                Path(folder),
                conversations=conversations,
                messages=messages,
                times=times,
                plans=plans,
                seeded=seeded,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A page, and the addresses it is asked for by."""

    name: str
    paths: Sequence[str]
    most: float = PAGE_MS
    fragment: bool = False
    """As a script asks, for the piece that it puts into its page."""

    @property
    def headers(self) -> Mapping[str, str]:
        return {"X-Fragment": "1"} if self.fragment else {}


@dataclass(slots=True)
class Times:
    server: list[float] = field(default_factory=list)

    def at(self, percent: int) -> float:
        return quantiles(self.server, n=100, method="inclusive")[percent - 1]


async def _measure(
    directory: Path,
    *,
    conversations: int,
    messages: int,
    times: int,
    plans: Path | None,
    seeded: Path | None,
) -> None:
    environment = {"ALLO_DATA_DIR": str(seeded)} if seeded else {}
    async with installed(directory, roles=(), environment=environment) as served:
        settings = _settings_of(served)
        if seeded is None:
            await _seed(settings, conversations=conversations, messages=messages)
        await served.start()
        async with records(settings) as here:
            dsn = (
                make_url(here.url)
                .set(drivername="postgresql")
                .render_as_string(hide_password=False)
            )
            database = await asyncpg.connect(dsn)
            try:
                pages = [each async for each in _pages(database, served.urls["inbox"])]
            finally:
                await database.close()
            await _time(served.urls["inbox"], pages, times=times)
        await served.stop()
        found = await explained(settings, pages, sign_in=_sign_in)
    _tell_plans(found, plans)


async def _seed(settings: Settings, *, conversations: int, messages: int) -> None:
    async with records(settings) as here:
        with click.progressbar(length=conversations, label="Seeding") as bar:
            made = 0
            async for done in fill(
                here.engine,
                conversations=conversations,
                messages=messages,
                now=here.now(),
                password=await hash_password(PASSWORD),
            ):
                bar.update(done - made)
                made = done


def _settings_of(served: Served) -> Settings:
    given = {
        name.removeprefix("ALLO_").lower(): value for name, value in served.environment.items()
    }
    return load_settings(**given, http=served.addresses[0])


# What is asked for.


async def _pages(database: asyncpg.Connection, url: str) -> AsyncGenerator[Asked]:
    """Addresses that stand for what there is, chosen the same way in every run."""
    chance = random.Random(1)  # noqa: S311  # reproducible, not secret
    ids = [
        row["id"]
        for row in await database.fetch(
            "select id from conversation order by last_message_at desc limit 3000"
        )
    ]
    long = await database.fetchval("select id from conversation order by seq desc limit 1")
    manager = await database.fetchval(
        "select id from user_account where email = 'seed-2@example.com'"
    )
    yield Asked(name="floor: a page of the session alone", paths=["/profile/password"])
    for tab in ("mine", "unassigned", "all"):
        for sort in ("newest", "waiting"):
            yield Asked(name=f"list: {tab}, {sort}", paths=[f"/?tab={tab}&sort={sort}"])
    yield Asked(name="list: mentions", paths=["/?tab=mentions&status=any"])
    yield Asked(name="list: not sent", paths=["/?tab=all&status=any&failed=1"])
    async with _browser(url) as browser:
        yield Asked(name="list: next page", paths=await _further(browser, "/?tab=all&status=any"))
    filters = {
        "resolved": "status=resolved",
        "any status": "status=any",
        "an account": "account=seed-vk&status=any",
        "a manager": f"manager={manager}&status=any",
        "unread": "unread=1",
        "waiting for us": "waiting=1&sort=waiting",
        "a label": "label=vip&status=any",
        "a source": "source=yandex&status=any",
        "a channel and a label": "channel=telegram&label=гарантия&status=any",
    }
    for name, query in filters.items():
        yield Asked(name=f"filter: {name}", paths=[f"/?tab=all&{query}"], fragment=True)
    yield Asked(name="views: the page", paths=["/views"])
    yield Asked(name="views: how many in each", paths=["/views/counts"], fragment=True)
    some = [f"/conversations/{each}" for each in chance.sample(ids, min(len(ids), 300))]
    yield Asked(name="open a conversation", paths=some, fragment=True)
    yield Asked(name="open by its address", paths=some)
    yield Asked(
        name="open the longest conversation", paths=[f"/conversations/{long}"], fragment=True
    )
    parts = {"head": "head", "person": "person", "canned replies: /": "canned?q="}
    parts |= {"canned replies: words": "canned?q=завтра", "macros": "macros"}
    for name, part in parts.items():
        paths = [f"{each}/{part}" for each in some]
        yield Asked(name=f"conversation: {name}", paths=paths, fragment=True)
    async with _browser(url) as browser:
        yield Asked(name="earlier messages", paths=await _earlier(browser, long))
    few = [
        "/conversations/changed?tab=all&ids=" + ",".join(map(str, chance.sample(ids, 10)))
        for _ in range(50)
    ]
    yield Asked(name="live: ten rows", paths=few)
    yield Asked(name="live: catching up", paths=["/conversations/changed?tab=all"])
    for name, words in SOUGHT.items():
        yield Asked(
            name=f"search: {name}", paths=[f"/?tab=all&status=any&q={words}"], most=SEARCH_MS
        )
    typing = [f"{each}&q=колодки" for each in few]
    yield Asked(name="live: ten rows while searching", paths=typing)
    async for page in _other_pages(database, chance, manager):
        yield page


async def _other_pages(
    database: asyncpg.Connection, chance: random.Random, manager: Any
) -> AsyncGenerator[Asked]:
    newest = "select id from {} order by created_at desc limit 3000"
    leads = [row["id"] for row in await database.fetch(newest.format("lead"))]
    people = [row["id"] for row in await database.fetch(newest.format("contact"))]
    some_leads, some_people = chance.sample(leads, 300), chance.sample(people, 300)
    yield Asked(name="leads: the board", paths=["/leads"])
    yield Asked(name="leads: the board of a manager", paths=[f"/leads?manager={manager}"])
    yield Asked(name="leads: the board of a source", paths=["/leads?source=yandex"])
    cards = ["/leads/cards?ids=" + ",".join(map(str, chance.sample(leads, 10))) for _ in range(50)]
    yield Asked(name="leads: ten cards", paths=cards, fragment=True)
    yield Asked(name="leads: the list", paths=["/leads?view=list"])
    yield Asked(name="leads: the list, dearest", paths=["/leads?view=list&sort=value"])
    yield Asked(name="leads: search", paths=["/leads?view=list&q=колодки"], most=SEARCH_MS)
    yield Asked(name="a lead", paths=[f"/leads/{each}" for each in some_leads])
    yield Asked(name="contacts", paths=["/contacts"])
    yield Asked(name="contacts: by last message", paths=["/contacts?sort=contact"])
    yield Asked(name="contacts: a channel", paths=["/contacts?channel=vk"])
    yield Asked(name="contacts: without a lead", paths=["/contacts?lead=none"])
    yield Asked(name="contacts: search", paths=["/contacts?q=Белозёров"], most=SEARCH_MS)
    yield Asked(name="a contact", paths=[f"/contacts/{each}" for each in some_people])
    yield Asked(name="find anything", paths=["/contacts/find?q=Белоз"], most=SEARCH_MS)
    yield Asked(name="tasks: mine", paths=["/tasks"])
    yield Asked(name="tasks: done", paths=["/tasks?show=done"])
    yield Asked(name="tasks: leads without one", paths=["/tasks?show=leads"])
    yield Asked(name="notices", paths=["/notices"])
    yield Asked(name="notices: under the bell", paths=["/notices"], fragment=True)
    yield Asked(name="notices: news", paths=["/notices/news"], fragment=True)


async def _further(browser: aiohttp.ClientSession, first: str) -> list[str]:
    """The pages behind it, one after another."""
    found: list[str] = []
    path = first
    while len(found) < 30:
        async with browser.get(path) as answer:
            more = _attribute(await answer.text(), "data-more")
        if not more:
            break
        found.append(more)
        path = more
    return found


async def _earlier(browser: aiohttp.ClientSession, conversation: Any) -> list[str]:
    async with browser.get(f"/conversations/{conversation}") as answer:
        path = _attribute(await answer.text(), "data-more", after='id="older"')
    found: list[str] = []
    while path and len(found) < 30:
        found.append(path)
        async with browser.get(path) as answer:
            path = answer.headers.get("X-Earlier", "")
    return found


def _attribute(html: str, name: str, *, after: str = "") -> str:
    _, _, rest = html.partition(after) if after else ("", "", html)
    _, found, value = rest.partition(f'{name}="')
    return value.partition('"')[0].replace("&amp;", "&") if found else ""


# Asking.


def _browser(url: str) -> "_Browser":
    return _Browser(url)


class _Browser:
    """Signed in, and asking for fragments where a script would."""

    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession(
            url, cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=60)
        )

    async def __aenter__(self) -> aiohttp.ClientSession:
        await _sign_in(self._session)
        return self._session

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()


async def _sign_in(browser: aiohttp.ClientSession) -> None:
    form = {"email": EMAIL, "password": PASSWORD}
    async with browser.post("/sign-in", data=form, allow_redirects=False) as answer:
        if answer.status != 303:
            raise AssertionError(f"the sign-in form answered {answer.status}")


async def _time(url: str, pages: Sequence[Asked], *, times: int) -> None:
    floor = 0.0
    stage.say(["", f"  {'server time':<36}{'p50':>8}{'p95':>8}   of the floor"])
    async with _Browser(url) as browser:
        for page in pages:
            if not page.paths:
                continue
            measured = await _asked(browser, page, times=times)
            floor = floor or measured.at(50)
            judged = (
                "" if measured.at(95) < page.most else f"   NOT AS PROMISED: p95 < {page.most:g} ms"
            )
            ratio = measured.at(50) / floor
            stage.say(
                [
                    f"  {page.name:<36}{measured.at(50):8.1f}{measured.at(95):8.1f} ms{ratio:9.1f}{judged}"
                ]
            )


async def _asked(browser: aiohttp.ClientSession, page: Asked, *, times: int) -> Times:
    measured = Times()
    for n in range(times + WARM_UP):
        path = page.paths[n % len(page.paths)]
        async with browser.get(path, headers=page.headers) as answer:
            await answer.read()
            if answer.status != 200:
                raise AssertionError(f"{path} answered {answer.status}")
            if n >= WARM_UP:
                measured.server.append(_server_time(answer.headers))
    return measured


def _server_time(headers: Mapping[str, str]) -> float:
    """Milliseconds."""
    return float(headers["Server-Timing"].partition("dur=")[2])


# Plans.


def _tell_plans(found: Sequence[Explained], into: Path | None) -> None:
    stage.say(
        ["", f"  {'queries':<36}{'of them':>8}{'slowest':>10}   sequential scans of large tables"]
    )
    for page, some in _by_page(found):
        scans = sorted({scan for each in some for scan in each.scans})
        slowest = max(each.milliseconds for each in some)
        stage.say(
            [
                f"  {page:<36}{len(some):8}{slowest:8.1f} ms   {', '.join(scans) if scans else 'none'}"
            ]
        )
    if into is not None:
        into.write_text("\n".join(each.told() for each in found), encoding="utf-8")
        stage.say([f"  The plans are in {into}."])


def _by_page(found: Sequence[Explained]) -> Iterator[tuple[str, list[Explained]]]:
    for name in dict.fromkeys(each.page for each in found):
        yield name, [each for each in found if each.page == name]
