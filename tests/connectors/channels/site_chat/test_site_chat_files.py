"""Files of the site chat: what they are, and whose."""

import hashlib
from datetime import timedelta

import aiohttp
import pytest

from tests.doubles.site_chat import Chat
from tests.doubles.site_chat_browser import Browser, Clock

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64


@pytest.mark.parametrize(
    ("name", "content", "mime", "kind"),
    [
        ("a.txt", PNG, "image/png", "image"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "application/octet-stream", "document"),
        ("a.jpg", b"\n <!DOCTYPE html><script>1</script>", "application/octet-stream", "document"),
        ("a.pdf", b"%PDF-1.7\n...", "application/pdf", "document"),
        ("a.txt", "привет".encode(), "text/plain", "document"),
        ("a.exe", "привет".encode(), "application/octet-stream", "document"),
        ("a.txt", b"\x00\x01\x02", "application/octet-stream", "document"),
    ],
)  # fmt: skip
async def test_a_file_is_what_its_bytes_are(
    browser: Browser, name: str, content: bytes, mime: str, kind: str
) -> None:
    status, told = await browser.upload(name, content)
    assert (status, told["mime"], told["kind"]) == (200, mime, kind)


async def test_a_file_travels_as_a_ticket_and_comes_back_as_a_download(
    browser: Browser, chat: Chat, clock: Clock
) -> None:
    _, told = await browser.upload("../..\\фото  раз.png", PNG)
    assert (await browser.say("", files=[told["ticket"]]))[0] == 200
    (attachment,) = chat.intake.messages[0].attachments
    assert (attachment.name, attachment.size, attachment.sha256) == (
        "фото раз.png",
        len(PNG),
        hashlib.sha256(PNG).hexdigest(),
    )
    (message,) = await browser.read()
    link = message["files"][0]["link"]
    async with browser.http.get(f"/chat/site/{link}") as got:
        assert await got.read() == PNG
        assert got.headers["Content-Type"] == "image/png"
        assert got.headers["Content-Disposition"].startswith("attachment;")
        assert got.headers["X-Content-Type-Options"] == "nosniff"
    async with browser.http.get(f"/chat/site/{link[:-4]}AAAA") as got:
        assert got.status == 403
    clock.at += timedelta(hours=3)
    async with browser.http.get(f"/chat/site/{link}") as got:
        assert got.status == 403


async def test_a_ticket_is_its_owners_for_a_day(
    browser: Browser, http: aiohttp.ClientSession, clock: Clock
) -> None:
    _, told = await browser.upload("a.png", PNG)
    other = await Browser(http).begin()
    assert (await other.say("", files=[told["ticket"]]))[0] == 403
    # A visitor's token is no ticket, nor a ticket a link.
    assert (await browser.say("", files=[browser.token]))[0] == 403
    async with http.get(f"/chat/site/files/{told['ticket']}") as got:
        assert got.status == 403
    clock.at += timedelta(days=2)
    assert (await browser.say("", files=[told["ticket"]]))[0] == 403


async def test_twenty_megabytes_and_a_byte_are_too_large(browser: Browser, chat: Chat) -> None:
    assert (await browser.upload("a.bin", b"\x00" * (20 * 1024 * 1024 + 1)))[0] == 413
    assert (await browser.upload("a.bin", b""))[0] == 422
    assert chat.media.kept == {}
