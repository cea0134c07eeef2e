"""A colleague asks for a report in Telegram: they press Start in the bot, and get it; no customer came of it, and no campaign."""

import re
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from sandbox.telegram import Telegram
from tests.inbox.browser import Browser
from tests.journey.processes import PASSWORD, Place, api_of, eventually

pytestmark = pytest.mark.timeout(180)

TOKEN: Final = "700700:TEST"
COLLEAGUE, CUSTOMER = 700, 701


async def test_who_presses_start_for_a_digest_gets_it_and_is_no_customer(
    tmp_path: Path, telegram: Telegram
) -> None:
    place = Place(tmp_path)
    async with place.process() as allo:
        await allo.ready()
        bot = telegram.add_bot(TOKEN)
        await place.add_user("mark@example.com", name="Mark", role="marketer")
        await place.add_channel(
            *("telegram", "bot"),
            token=TOKEN,
            webhook_secret="s3cret",
            mode="webhook",
            api_base=telegram.url,
        )
        async with (
            aiohttp.ClientSession(
                allo.url,
                cookie_jar=aiohttp.CookieJar(unsafe=True),
                headers={"Accept-Language": "en", "Origin": allo.url},
            ) as session,
            api_of(allo, token=await place.token()) as api,
        ):
            mark = Browser(session)
            assert (await mark.sign_in("mark@example.com", PASSWORD)).status == 303
            where, digest, code = await a_digest(mark)

            bot.starts(COLLEAGUE, code, name="Mark")

            async def is_met() -> bool:
                return code not in (await mark.get(where)).text

            await eventually(is_met)
            assert (await mark.post(f"/reports/digests/{digest}/now")).status == 303

            async def is_sent() -> bool:
                return [each.chat for each in bot.sent if "Mornings" in each.text] == [COLLEAGUE]

            await eventually(is_sent, within=100)
            # Whoever comes after them by the same bot is the first customer that there is.
            bot.writes(CUSTOMER, "Hello", name="Ivan")

            async def has_come() -> bool:
                return bool(await api.all("/leads"))

            await eventually(has_come)
            assert [each["name"] for each in await api.all("/contacts")] == ["Ivan"]
            assert len(await api.all("/conversations")) == 1
            assert await api.all("/touches") == []
        assert "Traceback" not in allo.log.read_text()


async def a_digest(mark: Browser) -> tuple[str, str, str]:
    """Its page, its id, and the code of the link to the bot."""
    saved = await mark.post("/reports/saved", {"report": "sources", "name": "Mornings"})
    assert saved.status == 303, saved.text
    where = f"{saved.headers['Location'].partition('?')[0]}/sending"
    (account,) = re.findall(
        r'<option value="([0-9a-f-]{36})">Telegram', (await mark.get(where)).text
    )
    made = await mark.post(where, {"account": account, "every": "day", "hour": "9", "on_day": "1"})
    assert made.status == 303, made.text
    page = (await mark.get(where)).text
    (code,) = set(re.findall(r"digest_[A-Za-z0-9_-]+", page))
    (digest,) = re.findall(r"/reports/digests/([0-9a-f-]{36})/now", page)
    return where, digest, code
