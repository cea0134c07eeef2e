"""Fetching files from Telegram: whole, named, and without giving the token away."""

import pytest

from connectors.channels.telegram import connector
from connectors.errors import Rejected, SendError, Unreachable
from sandbox.telegram import Fault
from tests.connectors.channels.telegram_stand import ANNA, Stand, a_stand
from tests.connectors.channels.telegram_world import TOKEN


async def fetched(stand: Stand, ref: str) -> tuple[bytes, str, str]:
    assert connector.fetch is not None
    file = await connector.fetch(stand.account, ref, stand.http)
    return b"".join([piece async for piece in file.chunks]), file.name, file.mime


async def test_a_file_comes_whole_with_a_name_and_type() -> None:
    async with a_stand() as stand:
        content = bytes(range(256)) * 1000
        update = stand.bot.sends_photo(ANNA, content)
        got, name, mime = await fetched(stand, update["message"]["photo"][-1]["file_id"])
    assert got == content
    assert (name.endswith(".jpg"), mime) == (True, "image/jpeg")


async def test_more_than_twenty_megabytes_is_said_in_words() -> None:
    async with a_stand() as stand:
        update = stand.bot.sends_document(ANNA, b"x" * 20_000_001, name="big.bin")
        with pytest.raises(Rejected, match="20 MB"):
            await fetched(stand, update["message"]["document"]["file_id"])


async def test_a_file_that_is_gone() -> None:
    async with a_stand() as stand:
        with pytest.raises(Rejected):
            await fetched(stand, "no such file")
        update = stand.bot.sends_document(ANNA, b"x", name="a.pdf")
        ref = update["message"]["document"]["file_id"]
        assert connector.fetch is not None
        file = await connector.fetch(stand.account, ref, stand.http)
        stand.bot.files.clear()
        with pytest.raises(Rejected, match="no longer") as caught:
            _ = [piece async for piece in file.chunks]
    assert TOKEN not in str(caught.value)


async def test_telegram_out_of_order_is_worth_another_try() -> None:
    async with a_stand() as stand:
        stand.telegram.go_wrong(Fault(kind="answer", status=502, description="Bad Gateway"))
        with pytest.raises(Unreachable):
            await fetched(stand, "x")
        update = stand.bot.sends_document(ANNA, b"x", name="a.pdf")
        assert connector.fetch is not None
        ref = update["message"]["document"]["file_id"]
        file = await connector.fetch(stand.account, ref, stand.http)
        await stand.telegram.go_down()
        with pytest.raises(Unreachable) as caught:
            _ = [piece async for piece in file.chunks]
    assert TOKEN not in repr(caught.value)


@pytest.mark.parametrize("path", ["/var/lib/telegram-bot-api/1:A/photos/1.jpg", "../../etc/passwd"])
async def test_a_path_on_somebodys_disk_is_not_opened(path: str) -> None:
    async with a_stand() as stand:
        update = stand.bot.sends_document(ANNA, b"x", name="a.pdf")
        ref = update["message"]["document"]["file_id"]
        stand.bot.files[ref].path = path
        with pytest.raises(SendError, match="keeps its files"):
            await fetched(stand, ref)
