"""/go/{code}: where it leads, what it remembers, whom it does not count, and that nothing but the business chooses the target."""

import json
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connectors.registry import discover
from connectors.tracked_links import CLICKS, TrackedLinks
from connectors.visit_trail import trail_of
from connectors.written_codes import take_code
from router.message import SourceKeys
from storage.engine import transaction
from storage.tracked_links import KeptLinks, archive_link, make_link
from tests.conftest import NOON
from tests.installation import Installation

PERSON = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140 Safari/537.36"
}
TRAIL = [
    [86400, "v1", "https://shop.example/sale", "https://yandex.ru/", {"source": "yandex", "campaign": "spring"}, {}],
    [60, "v2", "https://shop.example/", "", {}, {}],
]  # fmt: skip


def encoded(told):
    return urlsafe_b64encode(json.dumps({"t": told}).encode()).rstrip(b"=").decode()


@pytest.fixture
async def shop(database):
    return await Installation(database).found()


@pytest.fixture
async def browser(database):
    links = TrackedLinks(links=KeptLinks(database), connectors=discover(), now=lambda: NOON)
    application = web.Application()
    application.add_routes(links.routes())
    async with TestClient(TestServer(application)) as client:
        yield client


async def a_link(shop, kind="telegram", address="my_shop_bot", code="spring", **more):
    async with transaction(shop.engine) as connection:
        return await make_link(
            connection,
            name="Кнопка",
            kind=kind,
            account=None,
            address=address,
            code=code,
            utm=more.pop("utm", {}),
            by=None,
            now=NOON,
            **more,
        )


async def go(browser, path, **headers):
    return await browser.get(path, allow_redirects=False, headers={**PERSON, **headers})


async def clicks(shop):
    rows = await shop.sql("select code, keys from link_click order by id")
    return [(row.code, msgspec.convert(row.keys, SourceKeys, strict=False)) for row in rows]


@pytest.mark.parametrize(
    ("where", "more", "leads_to"),
    [
        (("telegram", "my_shop_bot"), {}, "https://t.me/my_shop_bot?start={code}"),
        (("vk", "club222"), {}, "https://vk.me/club222?ref={code}&ref_source=link"),
        (
            ("whatsapp", "+79161234567"),
            {"words": "Здравствуйте!"},
            "https://wa.me/79161234567?text=%D0%97%D0%B4%D1%80%D0%B0%D0%B2%D1%81%D1%82%D0%B2%D1%83%D0%B9%D1%82%D0%B5%21%20%5Bref%3A%20{code}%5D",
        ),
    ],
)
async def test_the_code_travels_in_the_messengers_own_parameter(
    shop, browser, where, more, leads_to
):
    await a_link(shop, *where, **more)
    answer = await go(browser, "/go/SPRING")
    assert answer.status == 302
    ((code, _),) = await clicks(shop)
    assert answer.headers["Location"] == leads_to.format(code=code)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    row = await shop.one("select clicks, last_click_at from tracked_link")
    assert tuple(row) == (1, NOON)


async def test_mail_and_telephone_are_shown_and_opened(shop, browser):
    await a_link(shop, "email", "sales@shop.example", code="mail", words="Вопрос")
    await a_link(shop, "email", "info@shop.example", code="mail2", manner="subject")
    await a_link(shop, "mango", "+74951234567", code="tel")
    mail = await (await go(browser, "/go/mail")).text()
    subject = await (await go(browser, "/go/mail2")).text()
    (first, _), (second, _) = await clicks(shop)
    assert f"url=mailto:sales+{first}@shop.example?subject=%D0%92" in mail
    assert f"mailto:info@shop.example?subject=%5Bref%3A%20{second}%5D" in subject
    call = await (await go(browser, "/go/tel")).text()
    assert '<a href="tel:+74951234567">+74951234567</a>' in call
    # Whoever calls that number soon is whoever clicked.
    assert (await shop.one("select number from number_lease")).number == "+74951234567"


async def test_a_click_remembers_what_its_address_and_the_script_say(shop, browser):
    await a_link(shop)
    page = "https://shop.example/x?utm_source=ignored"
    await go(
        browser,
        f"/go/spring?utm_source=VK&utm_campaign=May&yclid=77&x=1&allo={encoded(TRAIL)}",
        Referer=page,
    )
    ((_, keys),) = await clicks(shop)
    assert keys.utm == {"source": "VK", "campaign": "May"}
    assert keys.click_ids == {"yclid": "77"}
    assert [each.visit for each in keys.earlier] == ["v1", "v2"]
    assert keys.earlier[0].utm["campaign"] == "spring"
    assert (NOON - keys.earlier[0].visited_at).total_seconds() == 86400


async def test_without_the_script_the_page_that_is_sent_along_says_it(shop, browser):
    await a_link(shop)
    await go(browser, "/go/spring", Referer="https://shop.example/?utm_source=ya&utm_campaign=c")
    ((_, keys),) = await clicks(shop)
    assert keys.earlier[0].utm == {"source": "ya", "campaign": "c"}


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "TelegramBot (like TwitterBot)"},
        {"User-Agent": "WhatsApp/2.23.20.0"},
        {"User-Agent": "facebookexternalhit/1.1"},
        {"User-Agent": "Mozilla/5.0 (compatible; YandexBot/3.0)"},
        {"User-Agent": ""},
        {"Sec-Purpose": "prefetch;prerender"},
        {"X-Moz": "prefetch"},
        {"User-Agent": "Twitterbot/1.0 facebookexternalhit/1.1 Facebot"},
        {"User-Agent": "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)"},
    ],
    ids=lambda each: next(iter(each.values())) or "nameless",
)
async def test_machines_are_led_on_and_counted_as_nobody(shop, browser, headers):
    await a_link(shop)
    answer = await browser.get("/go/spring", allow_redirects=False, headers={**PERSON, **headers})
    assert answer.headers["Location"] == "https://t.me/my_shop_bot?start=spring"
    assert await clicks(shop) == []
    await go(browser, "/go/spring")
    assert len(await clicks(shop)) == 1


async def test_who_only_asks_what_is_there_is_led_on_and_counted_as_nobody(shop, browser):
    """HEAD: what messengers and mail programs send before they show a link."""
    await a_link(shop)
    answer = await browser.head("/go/spring", allow_redirects=False, headers=PERSON)
    assert answer.headers["Location"] == "https://t.me/my_shop_bot?start=spring"
    assert await clicks(shop) == []


async def test_a_flood_is_led_on_and_not_kept(shop, browser):
    await a_link(shop)
    for _ in range(CLICKS.burst + 5):
        answer = await go(browser, "/go/spring")
        assert answer.status == 302
    assert len(await clicks(shop)) == CLICKS.burst


async def test_a_page_gets_the_words_and_keeps_its_own(shop, browser):
    await a_link(
        shop,
        "site",
        "https://shop.example/sale?utm_medium=own&a=1#top",
        utm={"source": "flyer", "medium": "qr"},
    )
    answer = await go(browser, "/go/spring?gclid=9&next=https://evil.example&url=//evil.example")
    where = urlsplit(answer.headers["Location"])
    assert (where.scheme, where.netloc, where.path) == ("https", "shop.example", "/sale")
    assert parse_qs(where.query) == {
        "utm_medium": ["own"],
        "a": ["1"],
        "utm_source": ["flyer"],
        "gclid": ["9"],
    }


async def test_a_link_that_is_not_there_or_was_put_away_leads_nowhere(shop, browser):
    made = await a_link(shop)
    async with transaction(shop.engine) as connection:
        await archive_link(connection, made, archived=True, now=NOON)
    for path in (
        "/go/spring",
        "/go/other",
        f"/go/{'x' * 300}",
        "/go/%00",
        "/go/%2F%2Fevil.example",
    ):
        assert (await go(browser, path)).status == 404, path


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("!!!", id="not base64"),
        pytest.param("x" * 7000, id="too long"),
        pytest.param(encoded("no list"), id="another shape"),
        pytest.param(encoded([[-5, "v", "", "", {}, {}]]), id="from the future"),
        pytest.param(encoded([[1, "v", "", "", {"source": 7}, {}]]), id="numbers for words"),
        pytest.param(encoded([[1, "v"]] * 9), id="too many"),
        pytest.param("ж", id="not ASCII"),
    ],
)
def test_what_cannot_be_read_of_a_trail_is_nothing(written):
    assert trail_of(written, now=NOON) == ()


def test_a_trail_is_cleaned():
    told = [[5, "v" * 10, "javascript:alert(1)", "https://u:p@x.example/?token=1", {"source": "a\0b", "evil": "x"}, {"yclid": "1", "zz": "2"}]]  # fmt: skip
    (visit,) = trail_of(encoded(told), now=NOON)
    assert visit.landing == ""
    assert visit.referrer == "https://x.example/"
    assert visit.utm == {"source": "ab"}
    assert visit.click_ids == {"yclid": "1"}


def test_the_words_of_a_whatsapp_link_give_the_code_back_however_they_are_edited():
    url = discover()["whatsapp"].entrance.url
    from connectors.entrance import Way  # noqa: PLC0415  # beside what it is for

    text = parse_qs(urlsplit(url(Way(address="+7916", code="ab12cd", text="Привет!"))).query)[
        "text"
    ][0]
    for sent in (
        text,
        text.upper(),
        f"{text} Сколько стоит?",
        text.replace("[", "(").replace("]", ")"),
    ):
        code, rest = take_code(sent)
        assert code.lower() == "ab12cd", sent
        assert "ref" not in rest.lower()
