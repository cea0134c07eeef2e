import pytest

from router.message import Attachment
from tests.events import a_message, accepted

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8ffff3f0005fe02fea7d605cc0000000049454e44ae426082"
)


async def a_file(stage, content: bytes, *, name: str, mime: str, kind: str = "document"):
    account = await stage.shop.connect()
    sha256 = await stage.media.put(content)
    file = Attachment(kind=kind, sha256=sha256, name=name, mime=mime, size=len(content))
    await stage.receive(accepted(account, a_message(text="", attachments=(file,))))
    return (await stage.shop.one("select id from attachment")).id


async def test_a_picture_is_shown_and_cannot_run(stage, browser):
    await stage.hire("Anna")
    file = await a_file(stage, PNG, name="диск.png", mime="image/png", kind="image")
    anna = await browser("Anna")
    answer = await anna.get(f"/files/{file}")
    assert (answer.status, answer.body) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert "%D0%B4" in answer.headers["Content-Disposition"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (
        await anna.get(f"/files/{file}", **{"If-None-Match": answer.headers["ETag"]})
    ).status == 304
    download = await anna.get(f"/files/{file}?download=1")
    assert download.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("mime", ["text/html", "image/svg+xml", "application/pdf", "text/xml", ""])
async def test_what_could_run_is_a_download_whatever_it_calls_itself(stage, browser, mime):
    await stage.hire("Anna")
    file = await a_file(stage, b"<script>alert(1)</script>", name="x.html", mime=mime)
    answer = await (await browser("Anna")).get(f"/files/{file}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")


async def test_a_file_is_for_those_who_may_read_messages(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Mark", role="marketer")
    file = await a_file(stage, PNG, name="x.png", mime="image/png")
    assert (await (await browser("Anna")).get(f"/files/{file}")).status == 200
    assert (await (await browser("Mark")).get(f"/files/{file}")).status == 403
    assert (await (await browser()).get(f"/files/{file}")).status == 303


async def test_somebody_can_move_along_a_recording(stage, browser):
    await stage.hire("Anna")
    file = await a_file(stage, bytes(range(200)), name="x.mp3", mime="audio/mpeg", kind="audio")
    anna = await browser("Anna")
    part = await anna.get(f"/files/{file}", Range="bytes=10-19")
    assert (part.status, part.body) == (206, bytes(range(10, 20)))
    assert part.headers["Content-Range"] == "bytes 10-19/200"
    assert (await anna.get(f"/files/{file}", Range="bytes=-5")).body == bytes(range(195, 200))
    assert (await anna.get(f"/files/{file}", Range="bytes=500-")).body == bytes(range(200))


async def test_an_uploaded_file_goes_with_the_reply(stage, browser, count):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    anna = await browser("Anna")

    uploaded = await anna.upload(
        "%D0%A1%D0%BC%D0%B5%D1%82%D0%B0.pdf", b"%PDF-1.7", "application/pdf"
    )
    assert uploaded.status == 201
    ticket = uploaded.text.split('"')[3]
    sent = await anna.post(
        f"/conversations/{talk}/messages", [("file", ticket), ("text", ""), ("key", "k")]
    )
    assert sent.status == 303

    row = await stage.shop.one("select name, size, mime, sha256 from attachment")
    assert (row.name, row.size, row.mime) == ("Смета.pdf", 8, "application/pdf")
    assert await stage.media.get(row.sha256) == b"%PDF-1.7"


async def test_a_ticket_is_ones_own_and_cannot_be_made_up(stage, browser, count):
    await stage.hire("Anna")
    await stage.hire("Boris")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    anna, boris = await browser("Anna"), await browser("Boris")
    ticket = (await anna.upload("x.txt", b"hers", "text/plain")).text.split('"')[3]
    body, _, signature = ticket.partition(".")

    for forged in [f"{body[:-2]}7d.{signature[::-1]}", f"{body}.", "", ".", f"zz.{signature}"]:
        answer = await anna.post(
            f"/conversations/{talk}/messages", [("file", forged), ("text", "t")]
        )
        assert answer.status == 400, forged
    stolen = await boris.post(f"/conversations/{talk}/messages", [("file", ticket), ("text", "t")])
    assert stolen.status == 400
    assert await count("message", "direction = 'out'") == 0


async def test_names_of_uploads_are_tamed(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    anna = await browser("Anna")
    uploaded = await anna.upload("..%2F..%5Cetc%00%0Apasswd", b"x", "text/plain")
    ticket = uploaded.text.split('"')[3]
    await anna.post(f"/conversations/{talk}/messages", [("file", ticket), ("text", "")])
    assert (await stage.shop.one("select name from attachment")).name == ".._.._etcpasswd"


async def test_an_empty_file_and_one_without_end_are_refused(stage, browser, monkeypatch):
    await stage.hire("Anna")
    anna = await browser("Anna")
    assert (await anna.upload("x", b"", "text/plain")).status == 409
    monkeypatch.setattr("inbox.pages.uploads.UPLOAD_LIMIT", 1000)
    assert (await anna.upload("x", b"y" * 1001, "text/plain")).status == 413

    async def endless():
        for _ in range(100):
            yield b"y" * 100

    assert (await anna.upload("x", endless(), "text/plain")).status == 413
