"""A whole minute without a network in the middle of typing, and again with the server killed meanwhile; by hand.

    python -m tests.journey.lost_minute

Customers go on writing through the webhook all the while. It says how many messages each of the two minutes brought, and
fails when one is lost or there twice, when what was typed is not what is there, or when what is read moves.
"""

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.async_api import Page, expect

from sandbox.telegram import Bot, Telegram
from tests.journey.processes import Place, Process, eventually
from tests.journey.test_recovery_in_a_browser import a_page_of, query

TOKEN: Final = "800801:TEST"
MARINA: Final = 901
OTHERS: Final = 8
EARLIER: Final = 30
MINUTE_S: Final = 60.0
EVERY_S: Final = 1.5

_WATCH: Final = """(message) => {
    const from = message.getBoundingClientRect().y;
    window.moved = 0;
    window.frames = 0;
    const look = () => {
        window.frames += 1;
        window.moved = Math.max(window.moved, Math.abs(message.getBoundingClientRect().y - from));
        if (message.isConnected) requestAnimationFrame(look);
    };
    look();
}"""


class Customers:
    """Marina, whose conversation is open, and others, whose rows are in the list."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.said: list[str] = []
        self.others: list[str] = []

    def marina(self, words: str) -> None:
        self._bot.writes(MARINA, words, name="Марина")
        self.said.append(words)

    def another(self, words: str) -> None:
        number = len(self.others) % OTHERS
        self._bot.writes(MARINA + 1 + number, words, name=f"Сосед {number}")
        self.others.append(words)

    async def go_on(self, which: str, *, until: float) -> None:
        while time.monotonic() < until:
            self.marina(f"{which}: {len(self.said):03}")
            self.another(f"{which}, сосед: {len(self.others):03}")
            await asyncio.sleep(EVERY_S)


async def lost_minute(
    page: Page, allo: Process, customers: Customers, *, which: str, typed: str, kills: bool
) -> dict[str, Any]:
    """What is typed before, and in the middle, is `typed`; nothing of it is sent."""
    field = page.locator("#reply")
    await page.locator("#messages .msg", has_text="раньше 015").evaluate(
        "(message) => message.scrollIntoView({ block: 'center' })"
    )
    half = len(typed) // 2
    await field.press_sequentially(typed[:half])
    await page.locator("#messages .msg", has_text="раньше 015").evaluate(_WATCH)
    began = time.monotonic()
    before = (len(customers.said), len(customers.others))
    await page.context.set_offline(True)
    writing = asyncio.create_task(customers.go_on(which, until=began + MINUTE_S))
    await field.press_sequentially(typed[half:], delay=250)
    await expect(page.locator(".offline")).to_be_visible()
    if kills:
        await allo.kill()
        await asyncio.sleep(15)
        await allo.start()
        await allo.ready()
    await writing
    was_lost = time.monotonic() - began
    await page.context.set_offline(False)
    back = time.monotonic()
    await expect(page.locator(".offline")).to_have_count(0, timeout=60_000)
    connected = time.monotonic() - back
    words = page.locator("#messages .msg[data-direction=in] .words")
    await expect(words).to_have_count(len(customers.said), timeout=60_000)
    caught_up = time.monotonic() - back
    shown = await words.all_inner_texts()
    assert shown == customers.said, "all of hers, each once, in their order"
    await expect(field).to_have_value(typed)
    moved, frames = await page.evaluate("[window.moved, window.frames]")
    assert moved < 2, f"what is read moved by {moved} px"
    await field.fill("")
    return {
        "offline_s": round(was_lost, 1),
        "hers": len(customers.said) - before[0],
        "others": len(customers.others) - before[1],
        "back_after_s": round(connected, 2),
        "caught_up_after_s": round(caught_up, 2),
        "moved_px": round(moved, 2),
        "frames_watched": frames,
        "shown": len(shown),
    }


async def main() -> None:
    telegram = Telegram(now=time.time, tempo=0.05)
    with TemporaryDirectory() as directory:
        async with telegram.running():
            bot = telegram.add_bot(TOKEN)
            customers = Customers(bot)
            place = Place(Path(directory), ALLO_LANGUAGE="ru")
            async with place.process() as allo:
                await allo.ready()
                await place.add_user("anna@example.com", name="Anna")
                await place.add_channel(
                    *("telegram", "shop"),
                    token=TOKEN,
                    mode="webhook",
                    webhook_secret="lost-minute-s3cret",
                    api_base=telegram.url,
                )
                for _ in range(EARLIER):
                    customers.marina(f"раньше {len(customers.said):03}")
                for _ in range(OTHERS):
                    customers.another(f"раньше, сосед: {len(customers.others):03}")
                async with a_page_of(allo) as page:
                    await page.goto("/?tab=all")
                    await page.evaluate("window.sameDocument = true")
                    await expect(page.locator("#rows .row")).to_have_count(OTHERS + 1)
                    await page.locator("#rows .row__name", has_text="Марина").click()
                    await expect(page.locator("#messages")).to_contain_text(customers.said[-1])
                    for which, kills in (("без сети", False), ("без сервера", True)):
                        figures = await lost_minute(
                            page,
                            allo,
                            customers,
                            which=which,
                            typed=f"Пишу, и пропала связь ({which}), а я всё пишу",
                            kills=kills,
                        )
                        sys.stdout.write(f"{which} {figures}\n")

                    newest = customers.others[-OTHERS:]
                    for each in newest:
                        await expect(page.locator("#rows .row", has_text=each)).to_have_count(1)
                    await expect(page.locator("#rows .row")).to_have_count(OTHERS + 1)
                    assert await page.evaluate("window.sameDocument === true")

                async def all_taken() -> bool:
                    return not bot.pending

                await eventually(all_taken)
            rows = await query(place, "select text from message where direction = 'in'")
            stored = Counter(row.text for row in rows)
            assert stored == Counter([*customers.said, *customers.others])
            out = await query(place, "select text from message where direction = 'out'")
            assert not out, "nothing that was only typed has been sent"
            sys.stdout.write(f"stored {sum(stored.values())}, each once\n")


if __name__ == "__main__":
    asyncio.run(main())
