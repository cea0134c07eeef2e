"""Recordings are fetched when the exchange has them, and not given up because it has them late."""

import asyncio
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.errors import Rejected, Throttled, Unreachable
from connectors.registry import discover
from inbox.file_looks import SAFE_INLINE
from storage.media import open_media
from storage.sealing import Sealer
from tests.conftest import NOON
from tests.doubles.exchange import a_recording, an_exchange_among_the_channels
from tests.events import a_call_report, accepted
from tests.installation import Installation
from tests.workers.test_call_desk import connected
from workers.account_book import AccountBook
from workers.fetch_media import MediaFetcher


@pytest.fixture(autouse=True)
def exchange() -> Iterator[Any]:
    with an_exchange_among_the_channels() as state:
        yield state


class Fetching:
    """A fetcher whose clock the test moves; `turn` is one look at what is due."""

    def __init__(self, shop: Installation, fetcher: MediaFetcher) -> None:
        self.shop = shop
        self.fetcher = fetcher
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    async def file(self) -> Any:
        return await self.shop.one("select * from attachment")

    async def turn(self, *, seconds: float) -> Any:
        """Later by so much, one look; gives the file once it has been tried."""
        self.time = NOON + timedelta(seconds=seconds)
        before = (await self.file()).attempts
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.fetcher.run(stop))
            async with asyncio.timeout(10):
                while (await self.file()).attempts == before:
                    self.fetcher.wake()
                    await asyncio.sleep(0.01)
            stop.set()
        return await self.file()


@pytest.fixture
async def fetching(database: AsyncEngine, tmp_path: Path) -> Any:
    shop = await Installation(database).found()
    await shop.hire("Anna", extension="101")
    office = await connected(shop, "office")
    for phase, more in (
        ("ringing", {}),
        ("ended", {"after": 9}),
        ("recorded", {"recording": "r1"}),
    ):
        await shop.route(accepted(office, a_call_report(phase, **more), channel="exchange"))
    book = AccountBook(database, connectors=discover(), sealer=Sealer(b"s" * 32), secret=b"s" * 32)
    await book.load()
    async with aiohttp.ClientSession() as http:
        made = Fetching(shop, None)  # type: ignore[arg-type]  # it needs the clock
        made.fetcher = MediaFetcher(
            engine=database,
            connectors=discover(),
            accounts=book,
            media=open_media(f"file://{tmp_path}/media"),
            http=http,
            now=made.now,
        )
        yield made


async def test_a_recording_that_is_not_ready_is_asked_for_again_until_it_is(fetching, exchange):
    exchange.recordings["r1"] = Throttled("The recording is not ready yet", retry_after=40)
    file = await fetching.turn(seconds=1)
    assert (file.state, file.error) == ("wanted", "The recording is not ready yet")
    assert file.next_attempt_at == NOON + timedelta(seconds=41)
    exchange.recordings["r1"] = Unreachable("503")
    file = await fetching.turn(seconds=42)
    assert file.state == "wanted"
    exchange.recordings["r1"] = a_recording()
    file = await fetching.turn(seconds=4000)
    assert (file.state, file.name, file.kind) == ("stored", "r1.wav", "audio")
    assert SAFE_INLINE[file.mime] == "audio"  # the page plays it
    assert await fetching.fetcher.media.size(file.sha256) == len(a_recording())
    told = await fetching.shop.sql("select id from outbox where kind = 'message_changed'")
    assert len(told) >= 2


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xfb\x90\x64",
        b"\xff\xf3\x40\xc4",
        b"ID3\x03",
        b"OggS\0\x02" + b"\0" * 22 + b"\x01\x1eOpusHead",
    ],
    ids=["mp3", "mp3 of a low rate", "mp3 with a tag", "ogg"],
)
async def test_whatever_exchanges_record_in_is_played(fetching, exchange, head):
    exchange.recordings["r1"] = head + b"\0" * 4000
    file = await fetching.turn(seconds=1)
    assert SAFE_INLINE[file.mime] == "audio"


async def test_one_that_will_never_be_says_why(fetching, exchange):
    exchange.recordings["r1"] = Rejected("The recording was shorter than the exchange keeps")
    file = await fetching.turn(seconds=1)
    assert (file.state, file.error) == (
        "failed",
        "The recording was shorter than the exchange keeps",
    )


@pytest.mark.parametrize(
    "said",
    [
        "application/zip",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ],
)
async def test_what_is_packed_is_what_it_was_sent_as(fetching, exchange, said):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("0.bin", bytes(5000))
    exchange.recordings["r1"] = packed.getvalue()
    exchange.mime = said
    file = await fetching.turn(seconds=1)
    assert (file.state, file.mime) == ("stored", said)
