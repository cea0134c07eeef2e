"""What a browser keeps after a long day: hundreds of conversations opened, ten thousand rows scrolled through; by hand.

    python -m tests.journey.long_day [--opened 500] [--rows 10000]

It says what Chromium holds after every fifty conversations and every thousand rows, each time with the garbage collected, and
fails when a row is missing, there twice or not in its place, or when what is held grows with what has been seen.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.async_api import CDPSession, Page, async_playwright, expect

from tests.inbox.chromium import CHROMIUM, FLAGS, PATIENCE_MS, WIDE
from tests.journey.processes import PASSWORD, Place
from tests.journey.test_recovery_in_a_browser import query

EMAIL: Final = "seed-1@example.com"
EVERY_TALKS: Final = 50
EVERY_ROWS: Final = 1000
MOST_ROWS_IN_DOCUMENT: Final = 300
GROWN_AT_MOST: Final = 1.25
"""Of nodes and listeners, once everything there is has been loaded: what comes later grows none."""
HEAP_GROWN_AT_MOST_MB: Final = 2.0
"""Of a row that has been seen, its id and what it is sorted by are kept, by the page and by this proof: a hundred bytes."""

_NEXT_TALK: Final = """async (nth) => {
    const list = document.getElementById("list");
    const tall = document.querySelector("#rows > .row").offsetHeight;
    list.scrollTop = Math.max(0, nth * tall - list.clientHeight / 2);
    for (;;) {
        const row = document.elementsFromPoint(200, list.getBoundingClientRect().y + nth * tall - list.scrollTop + tall / 2)
            .map((each) => each.closest("#rows > .row")).find(Boolean);
        if (row) {
            row.querySelector(".row__name").click();
            return row.dataset.id;
        }
        await new Promise(requestAnimationFrame);
    }
}"""
_SCROLL: Final = """async ({ until }) => {
    const list = document.getElementById("list");
    const seen = window.seen ??= new Map();
    let most = 0, twice = 0;
    const frame = () => new Promise(requestAnimationFrame);
    for (;;) {
        const rows = [...document.querySelectorAll("#rows > .row")];
        most = Math.max(most, rows.length);
        twice += rows.length - new Set(rows.map((row) => row.dataset.id)).size;
        for (const row of rows) {
            const at = row.getAttribute("aria-posinset");
            if (at) seen.set(Number(at), row.dataset.id);
            else if (!seen.has(rows.indexOf(row) + 1)) seen.set(rows.indexOf(row) + 1, row.dataset.id);
        }
        const edge = list.getBoundingClientRect();
        const drawn = [edge.top + 4, (edge.top + edge.bottom) / 2, edge.bottom - 4]
            .every((y) => document.elementFromPoint(edge.left + 100, y)?.closest(".row"));
        const end = list.scrollTop + list.clientHeight >= list.scrollHeight - 2;
        if (end && !document.getElementById("more") && drawn) break;
        if (seen.size >= until) break;
        if (drawn) list.scrollTop += list.clientHeight * 0.8;
        await frame();
    }
    return { seen: seen.size, most, twice, end: !document.getElementById("more") };
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    heap_mb: float
    nodes: int
    listeners: int
    in_document: int


async def held(page: Page, cdp: CDPSession) -> Held:
    await cdp.send("HeapProfiler.collectGarbage")
    found = await cdp.send("Performance.getMetrics")
    metrics = {each["name"]: each["value"] for each in found["metrics"]}
    return Held(
        heap_mb=round(metrics["JSHeapUsedSize"] / 2**20, 2),
        nodes=int(metrics["Nodes"]),
        listeners=int(metrics["JSEventListeners"]),
        in_document=await page.evaluate("document.getElementsByTagName('*').length"),
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def open_many(page: Page, cdp: CDPSession, *, many: int) -> list[Held]:
    await page.goto("/?tab=all&status=any")
    await expect(page.locator("#rows .row").first).to_be_visible()
    opened: set[str] = set()
    measured = []
    for nth in range(many):
        talk = await page.evaluate(_NEXT_TALK, nth)
        await expect(page.locator(f'#talk[data-id="{talk}"] #messages .msg').last).to_be_attached()
        opened.add(talk)
        if (nth + 1) % EVERY_TALKS == 0:
            measured.append(await held(page, cdp))
            say(f"opened {nth + 1}: {measured[-1]}")
    assert len(opened) == many, "each of them another one"
    return measured


async def scroll_through(page: Page, cdp: CDPSession, *, rows: int) -> tuple[list[Held], list[str]]:
    await page.goto("/?tab=all&status=any")
    await expect(page.locator("#rows .row").first).to_be_visible()
    measured, most = [], 0
    until = 0
    while True:
        until += EVERY_ROWS
        told = await page.evaluate(_SCROLL, {"until": until})
        most = max(most, told["most"])
        assert told["twice"] == 0, "a row is in the document twice"
        measured.append(await held(page, cdp))
        say(f"scrolled to {told['seen']}, at most {told['most']} rows at once: {measured[-1]}")
        if (told["end"] and told["seen"] < until) or told["seen"] >= rows:
            break
    # The rest of what the last piece brought.
    await page.evaluate(_SCROLL, {"until": 10**9})
    assert most <= MOST_ROWS_IN_DOCUMENT
    seen: list[list[Any]] = await page.evaluate("[...window.seen].sort((a, b) => a[0] - b[0])")
    assert [each[0] for each in seen] == list(range(1, len(seen) + 1)), "every place has been seen"
    return measured, [each[1] for each in seen]


def judge(measured: list[Held], *, of: str) -> None:
    """From the first measuring after warming up to the last."""
    first, last = measured[1], measured[-1]
    for name in ("nodes", "listeners"):
        before, after = getattr(first, name), getattr(last, name)
        assert after <= before * GROWN_AT_MOST, f"{of}: {name} grew from {before} to {after}"
    grown = last.heap_mb - first.heap_mb
    assert grown <= HEAP_GROWN_AT_MOST_MB, f"{of}: the heap grew by {grown:.2f} MB"


async def main(*, opened: int, rows: int) -> None:
    with TemporaryDirectory() as directory:
        place = Place(Path(directory), ALLO_LANGUAGE="ru")
        async with place.process() as allo:
            await allo.ready()
            await place.cli(
                *("seed", "--conversations", str(rows), "--messages", str(rows * 4)),
                *("--password", PASSWORD),
            )
            async with async_playwright() as playwright:
                chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                context = await chromium.new_context(base_url=allo.url, viewport=WIDE)
                page = await context.new_page()
                page.set_default_timeout(PATIENCE_MS)
                complaints: list[str] = []
                page.on("pageerror", lambda error: complaints.append(str(error)))
                await page.goto("/sign-in")
                await page.fill("#email", EMAIL)
                await page.fill("#password", PASSWORD)
                await page.click("button.btn--main")
                await expect(page.locator("#rows")).to_be_visible()
                cdp = await context.new_cdp_session(page)
                await cdp.send("Performance.enable")
                talks = await open_many(page, cdp, many=opened)
                scrolled, seen = await scroll_through(page, cdp, rows=rows)
                assert complaints == []
                await chromium.close()
        there = await query(
            place,
            "select id from conversation order by last_message_at desc, id desc",
        )
        kept = [str(row.id) for row in there]
        say(f"seen {len(seen)}, different {len(set(seen))}, in the database {len(kept)}")
        assert len(set(seen)) == len(seen)
        assert set(seen) == set(kept)
        assert seen == kept, "and in their order"
        judge(talks, of="opened")
        judge(scrolled, of="scrolled")


if __name__ == "__main__":
    given = argparse.ArgumentParser()
    given.add_argument("--opened", type=int, default=500)
    given.add_argument("--rows", type=int, default=10_000)
    wanted = given.parse_args()
    asyncio.run(main(opened=wanted.opened, rows=wanted.rows))
