"""Files made to hurt, and honest ones that are only huge, through real processes and in a real browser; by hand.

    python -m tests.journey.heavy_files

    a picture of 12 000 × 12 000 dots and more than 50 MB   by WhatsApp taken; by Telegram, by mail and from the composer
                                                           refused, and said why
    pictures of a few bytes that say they are gigapixels    files, not drawn
    zip bombs, flat and nested                              files, not opened

It says how much memory the server and the page's own process held before and at most, and fails when either grows with them.
"""

import asyncio
import io
import os
import smtplib
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
from playwright.async_api import Page, expect

from sandbox.telegram import Telegram
from sandbox.whatsapp import WhatsApp
from tests.inbox.chromium import WIDE
from tests.inbox.test_attacks import a_gif, a_png
from tests.journey.processes import Place, Process, eventually
from tests.journey.test_recovery_in_a_browser import a_page_of, query

TOKEN: Final = "800802:TEST"
APP_SECRET: Final = "heavy-files-app-secret"
CUSTOMER: Final = "79990000007"
SIDE: Final = 12_000
NOISY: Final = 4_500
"""Rows of noise, which no compression makes small."""
GROWN_AT_MOST_MB: Final = 120


def a_huge_picture() -> bytes:
    """A PNG that is what it says: one byte a dot, more than 50 MB."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    chance = Random(1)  # noise
    # Noise is not packed for long.
    packed = zlib.compressobj(1, strategy=zlib.Z_HUFFMAN_ONLY)
    dots = [packed.compress(b"\0" + chance.randbytes(SIDE)) for _ in range(NOISY)]
    dots += [packed.compress(b"\0" * (SIDE + 1)) for _ in range(SIDE - NOISY)]
    dots.append(packed.flush())
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", b"".join(dots))
        + chunk(b"IEND", b"")
    )


def a_flat_bomb() -> bytes:
    """Forty kilobytes that are four gigabytes: a hundred entries of the directory share one packed body."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("0.bin", bytes(40 << 20))
    whole = made.getvalue()
    at = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    entries = whole[at:end] * 100
    return (
        whole[:at]
        + entries
        + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 100, 100, len(entries), at, 0)
    )


def a_nested_bomb() -> bytes:
    """Sixteen in each of four levels, a quarter of a gigabyte at every end: some tens of kilobytes."""
    inner = _archive("bin", bytes(256 << 20), times=1)
    for _ in range(4):
        inner = _archive("zip", inner, times=16)
    return inner


def _archive(ending: str, content: bytes, *, times: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(times):
            archive.writestr(f"{number}.{ending}", content)
    return made.getvalue()


def held_mb(pid: int) -> float:
    """Of one process, now."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0  # it has ended since it was listed
    held = status.partition("VmRSS:")[2].split()
    return int(held[0]) / 1024 if held else 0.0


def renderers() -> list[int]:
    """The processes that draw pages for the browsers of this one."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            told = (each / "cmdline").read_bytes()
        except OSError:
            continue
        if each.name.isdecimal() and b"--type=renderer" in told and _is_ours(int(each.name)):
            found.append(int(each.name))
    return found


def _is_ours(pid: int) -> bool:
    while pid > 1 and pid != os.getpid():
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return False
        pid = int(status.partition("PPid:")[2].split()[0])
    return pid == os.getpid()


class Watch:
    """The most that something held while it was looked at."""

    def __init__(self, look: Callable[[], float]) -> None:
        self._look = look
        self.before = look()
        self.most = self.before
        self._task = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        while True:
            self.most = max(self.most, self._look())
            await asyncio.sleep(0.2)

    def end(self, of: str) -> None:
        self._task.cancel()
        self.says(of)

    def says(self, of: str) -> None:
        say(f"{of}: {self.before:.0f} MB before, {self.most:.0f} MB at most")
        assert self.most - self.before < GROWN_AT_MOST_MB, f"{of} grew"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def stored(place: Place, *, files: int) -> None:
    async def all_there() -> bool:
        rows = await query(place, "select state from attachment")
        return len(rows) == files and all(row.state != "wanted" for row in rows)

    await eventually(all_there, within=120, every=1)


async def drawn_well(page: Page) -> None:
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"the page is {wide} px too wide"


async def by_mail(place: Place, picture: bytes) -> str:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ivan@example.com", "shop@example.com", "Фото"
    mail.set_content("вот")
    mail.add_attachment(picture, maintype="image", subtype="png", filename="huge.png")
    host, _, port = place.smtp.partition(":")

    def send() -> str:
        try:
            with smtplib.SMTP(host, int(port), timeout=120) as smtp:
                smtp.send_message(mail)
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected) as refused:
            return repr(refused)
        return "taken"

    return await asyncio.to_thread(send)


async def uploaded(allo: Process, page: Page, content: bytes) -> str:
    """As the page does it, with its cookies and its token."""
    cookies = {each["name"]: each["value"] for each in await page.context.cookies()}
    headers = {
        "X-CSRF-Token": await page.get_attribute("meta[name=csrf]", "content") or "",
        "X-Fragment": "1",
        "X-File-Name": "huge.png",
        "Content-Type": "image/png",
        "Origin": allo.url,
    }
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(cookies=cookies, cookie_jar=jar) as http,
        http.post(f"{allo.url}/files", data=content, headers=headers) as answer,
    ):
        said = await answer.text()
        return str(answer.status) if answer.status == 201 else f"{answer.status} {said[:80]}"


async def story(  # noqa: PLR0915  # one customer's files, one after the other
    allo: Process, place: Place, telegram: Telegram, whatsapp: WhatsApp
) -> None:
    bot = telegram.add_bot(TOKEN)
    number = whatsapp.add_number("1001")
    await place.add_user("anna@example.com", name="Anna")
    await place.add_channel("telegram", "tg", token=TOKEN, mode="polling", api_base=telegram.url)
    await place.add_channel(
        *("whatsapp", "wa"),
        phone_number_id="1001",
        waba_id=number.waba,
        access_token=whatsapp.token,
        app_secret=APP_SECRET,
        verify_token="verify",  # of a stand-in
        api_base=whatsapp.url,
    )
    await place.add_channel("email", "post", address="shop@example.com", mode="smtp",
                            smtp_host="127.0.0.1", smtp_port="9", smtp_tls="none",
                            authserv_id="mx.example.com")  # fmt: skip
    number.writes(CUSTOMER, "сейчас пришлю")
    began = time.monotonic()
    huge = await asyncio.to_thread(a_huge_picture)
    flat = await asyncio.to_thread(a_flat_bomb)
    nested = await asyncio.to_thread(a_nested_bomb)
    say(
        f"made in {time.monotonic() - began:.0f} s: picture {len(huge) >> 20} MB, flat bomb "
        f"{len(flat) >> 10} KB, nested bomb {len(nested) >> 10} KB"
    )
    assert len(huge) > 50 << 20
    assert allo.running is not None
    pid = allo.running.pid
    async with a_page_of(allo) as page:
        await page.goto("/?tab=all")
        await page.locator("#rows .row__name").first.click()
        await expect(page.locator("#messages")).to_contain_text("сейчас пришлю")
        await asyncio.sleep(3)
        server = Watch(lambda: held_mb(pid))
        browser = Watch(lambda: max((held_mb(each) for each in renderers()), default=0.0))

        number.sends_file(CUSTOMER, huge, mime="image/png")
        for name, content, kind, mime in (
            ("bomb.png", a_png(50_000, 50_000), "image", "image/png"),
            ("bomb.gif", a_gif(1, 1, frame=(20_000, 20_000)), "document", "image/gif"),
            ("flat.zip", flat, "document", "application/zip"),
            ("nested.zip", nested, "document", "application/zip"),
        ):
            about = {"filename": name} if kind == "document" else {}
            number.sends_file(CUSTOMER, content, kind=kind, mime=mime, **about)
        await stored(place, files=5)
        rows = await query(place, "select name, mime, size, state from attachment order by size")
        for row in rows:
            say(f"by WhatsApp: {row.name or '(no name)'} {row.mime} {row.size} {row.state}")
        await expect(page.locator("#messages .file:visible")).to_have_count(5, timeout=60_000)
        await expect(page.locator("#messages .shot:visible")).to_have_count(0)
        said = await page.locator("#messages .file:visible").all_inner_texts()
        say(f"the page says: {[each.replace(chr(10), ' · ') for each in said]}")
        await drawn_well(page)
        await page.reload()
        await expect(page.locator("#messages .file:visible")).to_have_count(5, timeout=60_000)
        await drawn_well(page)
        await page.set_viewport_size({"width": 360, "height": 740})
        await drawn_well(page)
        await page.set_viewport_size(WIDE)
        began = time.monotonic()
        await page.locator("#reply").press_sequentially("всё получили")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#messages .msg--out[data-item]")).to_have_count(1)
        say(f"written and sent beside them in {time.monotonic() - began:.1f} s")

        server.says("the server")
        browser.says("the page")

        # Where it is more than is taken, it is said.
        bot.sends_document(8, huge, name="huge.png", mime="image/png")
        await stored(place, files=6)
        [row] = await query(place, "select error from attachment where state = 'failed'")
        say(f"by Telegram: {row.error}")
        say(f"by mail: {await by_mail(place, huge)}")
        for content in (huge[: 50 << 20], huge):
            say(f"uploaded {len(content) / 2**20:.1f} MB: {await uploaded(allo, page, content)}")
        too_large = place.directory / "huge.png"
        await asyncio.to_thread(too_large.write_bytes, huge)
        await page.locator("#composer input[type=file]").first.set_input_files(too_large)
        await expect(page.locator(".toast").last).to_contain_text("huge.png")
        say(f"the composer says: {await page.locator('.toast').last.inner_text()}")
        await drawn_well(page)
        server.end("the server, with what was refused")
        browser.end("the page, with what was refused")
    assert "Traceback" not in allo.log.read_text()


async def main() -> None:
    telegram = Telegram(now=time.time, tempo=0.01)
    whatsapp = WhatsApp(now=time.time, token="token", app_secret=APP_SECRET, tempo=0.01)
    with TemporaryDirectory() as directory:
        place = Place(Path(directory), ALLO_LANGUAGE="ru")
        async with telegram.running(), whatsapp.running(), place.process() as allo:
            await allo.ready()
            await story(allo, place, telegram, whatsapp)


if __name__ == "__main__":
    asyncio.run(main())
