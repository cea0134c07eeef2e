"""Files from WhatsApp, against the stand-in: an address of five minutes, asked for when it is needed."""

import pytest

from connectors.channels.whatsapp import connector
from connectors.errors import Rejected, SendError, Unreachable
from sandbox.whatsapp import Fault
from tests.connectors.channels.whatsapp_stand import ANNA, Stand, a_stand

CONTENT = b"\xff\xd8" + b"x" * 100_000


async def fetched(stand: Stand, ref: str) -> bytes:
    assert connector.fetch is not None
    file = await connector.fetch(stand.account, ref, stand.http)
    return b"".join([piece async for piece in file.chunks])


async def test_a_file_is_fetched_by_its_id_with_the_token():
    async with a_stand() as stand:
        item = stand.number.sends_file(ANNA, CONTENT)
        assert await fetched(stand, item["image"]["id"]) == CONTENT
        assert connector.fetch is not None
        file = await connector.fetch(stand.account, item["image"]["id"], stand.http)
        assert file.mime == "image/jpeg"


async def test_an_address_that_is_over_is_asked_for_again():
    moment = [1_763_700_000.0]
    async with a_stand(now=lambda: moment[0]) as stand:
        ref = stand.number.keep(CONTENT, "image/jpeg")
        assert connector.fetch is not None
        file = await connector.fetch(stand.account, ref, stand.http)
        moment[0] += 301
        with pytest.raises(Unreachable):
            _ = [piece async for piece in file.chunks]
        assert await fetched(stand, ref) == CONTENT


async def test_a_file_that_broke_off_or_came_damaged_is_fetched_again():
    async with a_stand() as stand:
        ref = stand.number.keep(CONTENT, "image/jpeg")
        # aiohttp asks a second time by itself when a kept connection turns out to be closed.
        stand.whatsapp.go_wrong(Fault(kind="drop_before", what="file", times=2))
        with pytest.raises(Unreachable):
            await fetched(stand, ref)
        file = stand.number.files[ref]
        assert connector.fetch is not None
        begun = await connector.fetch(stand.account, ref, stand.http)
        file.content = b"damaged"
        with pytest.raises(Unreachable, match="SHA-256"):
            _ = [piece async for piece in begun.chunks]


@pytest.mark.parametrize("ref", ["404", "../me", "", "a b"])
async def test_a_file_that_is_not_there_is_not_asked_for_forever(ref):
    async with a_stand() as stand:
        with pytest.raises(Rejected):
            await fetched(stand, ref)


async def test_the_token_does_not_travel_in_the_clear_where_the_api_is_encrypted():
    async with a_stand() as stand:
        ref = stand.number.keep(CONTENT, "image/jpeg")
        stand.whatsapp.url = "ftp://files.example"
        with pytest.raises(SendError, match="not safe"):
            await fetched(stand, ref)
