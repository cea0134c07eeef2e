"""What nobody would bring again waits on the disk: whole, in order, bounded, and whatever is killed."""

import asyncio
import errno
import os
import stat
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from connectors.connector import Account, Incoming, NotDurable
from router.message import Accepted, Attachment, InboundMessage
from tests.conftest import NOON
from tests.doubles.dying_spool import KEYS, a_spool
from tests.events import a_message
from workers import spool as spool_
from workers.doctor.spool import examine_spool
from workers.edge import Edge
from workers.spool import Spool
from workers.spool_folder import Folder, all_waiting, folders

ACCOUNT = Account(id=UUID(int=7), kind="lead_form", slug="landing")
PAUSED = Account(id=UUID(int=8), kind="lead_form", slug="paused")


class FakeEdge:
    """Away until `back`; `taken` in the order in which it was given."""

    def __init__(self) -> None:
        self.back = False
        self.taken: list[Accepted] = []
        self.stumbles: set[str] = set()

    async def accept_kept(self, kept: Sequence[Accepted]) -> None:
        if not self.back:
            raise NotDurable("away")
        if self.stumbles & {each.event.key for each in kept}:
            raise KeyError("a mistake of ours")
        self.taken += kept

    @property
    def keys(self) -> list[str]:
        return [each.event.key for each in self.taken]


class Stand:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.edge = FakeEdge()
        self.resting: set[UUID] = set()
        self.heard: list[tuple[UUID, datetime]] = []

    @asynccontextmanager
    async def spool(self, **more: Any) -> AsyncGenerator[Spool]:
        spool = Spool(
            self.directory,
            edge=cast("Edge", self.edge),
            now=lambda: NOON + timedelta(minutes=5),
            heard_from=lambda account, at: self.heard.append((account, at)),
            rests=lambda account: account in self.resting,
            **{"room": 0, **more},
        )
        await spool.open()
        yield spool
        await spool.close()

    def files(self) -> list[Path]:
        return [each.path for each in all_waiting(self.directory)]


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path / "var" / "spool")


async def keep(spool: Spool, key: str, *, account: Account = ACCOUNT, after: float = 0) -> None:
    incoming = [Incoming(event=a_message(key=key), raw=b"raw")]
    await spool.keep(account, incoming, received_at=NOON + timedelta(seconds=after))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # a file system: nothing to wait on
            await asyncio.sleep(0.01)


async def test_what_is_kept_goes_on_in_its_order_with_its_time(stand: Stand) -> None:
    async with stand.spool() as spool:
        for number, key in enumerate("cab"):
            await keep(spool, key, after=number)
        await spool.drain(asyncio.Event())
        assert stand.edge.taken == []
        assert len(stand.files()) == 3
        stand.edge.back = True
        await spool.drain(asyncio.Event())
    assert stand.edge.keys == ["c", "a", "b"]
    assert stand.edge.taken[2].received_at == NOON + timedelta(seconds=2)
    assert stand.edge.taken[0].raw == b"raw"
    assert stand.edge.taken[0].channel == "lead_form"
    assert stand.heard[0] == (ACCOUNT.id, NOON)
    assert folders(stand.directory) == [], "nothing is left, not even the folder"


async def test_it_drains_by_itself_when_the_broker_is_back(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_, "LOOK_S", 0.01)
    async with stand.spool() as spool, asyncio.TaskGroup() as group:
        stop = asyncio.Event()
        group.create_task(spool.run(stop))
        await keep(spool, "one")
        stand.edge.back = True
        await until(lambda: stand.edge.keys == ["one"] and not stand.files())
        stop.set()


async def test_files_that_came_along_come_out_again(stand: Stand) -> None:
    picture = Attachment(kind="image", content=b"\x00\xff\x89PNG", name="a.png")
    async with stand.spool() as spool:
        event = a_message(key="one", attachments=(picture,))
        await spool.keep(ACCOUNT, [Incoming(event=event)], received_at=NOON)
        stand.edge.back = True
        await spool.drain(asyncio.Event())
    event_out = stand.edge.taken[0].event
    assert isinstance(event_out, InboundMessage)
    assert event_out.attachments == (picture,)


async def test_only_we_can_read_it(stand: Stand) -> None:
    async with stand.spool() as spool:
        await keep(spool, "one")
        (file,) = stand.files()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_it_is_bounded_in_number_and_size(stand: Stand) -> None:
    async with stand.spool(requests=2) as spool:
        await keep(spool, "one")
        await keep(spool, "two")
        with pytest.raises(NotDurable):
            await keep(spool, "three")
        stand.edge.back = True
        await spool.drain(asyncio.Event())
        await keep(spool, "four")
    stand.edge.back = False
    async with stand.spool(size=100) as spool:
        with pytest.raises(NotDurable):
            await keep(spool, "five")


async def test_room_is_left_for_the_database(stand: Stand) -> None:
    async with stand.spool(room=1 << 60) as spool:
        with pytest.raises(NotDurable, match="disk is full"):
            await keep(spool, "one")


async def test_a_full_disk_is_told_and_leaves_nothing_half_written(stand: Stand) -> None:
    full = False

    def sync(file: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)

    async with stand.spool(sync=sync) as spool:
        await keep(spool, "one")
        full = True
        with pytest.raises(NotDurable):
            await keep(spool, "two")
        full = False
        assert len([each for each in stand.files()[0].parent.iterdir() if each.name != "lock"]) == 1
        stand.edge.back = True
        await spool.drain(asyncio.Event())
    assert stand.edge.keys == ["one"]


async def test_a_disk_that_cannot_be_written_is_told_and_stops_nothing(
    stand: Stand, tmp_path: Path
) -> None:
    stand.directory = tmp_path / "file"
    stand.directory.write_text("not a folder")
    async with stand.spool() as spool:
        with pytest.raises(NotDurable):
            await keep(spool, "one")
        stand.directory.unlink()
        await spool.open()
        await keep(spool, "two")
        stand.edge.back = True
        await spool.drain(asyncio.Event())
    assert stand.edge.keys == ["two"]


async def test_a_paused_channel_waits_and_holds_up_no_other(stand: Stand) -> None:
    stand.edge.back = True
    stand.resting = {PAUSED.id}
    async with stand.spool() as spool:
        await keep(spool, "waits", account=PAUSED)
        await keep(spool, "goes", after=1)
        await spool.drain(asyncio.Event())
        assert stand.edge.keys == ["goes"]
        stand.resting.clear()
        await spool.drain(asyncio.Event())
        assert stand.edge.keys == ["goes", "waits"]


async def test_a_damaged_file_is_set_aside_and_told(stand: Stand) -> None:
    stand.edge.back = True
    async with stand.spool() as spool:
        await keep(spool, "one")
        await keep(spool, "two", after=1)
        file = stand.files()[0]
        file.write_bytes(file.read_bytes()[:-1] + b"?")
        await spool.drain(asyncio.Event())
        assert stand.edge.keys == ["two"]
        (finding,) = await examine_spool(stand.directory, now=lambda: NOON)
        assert finding.level == "error"
        assert "1 files" in finding.text


async def test_a_file_we_stumble_over_stays_and_holds_up_no_other(stand: Stand) -> None:
    stand.edge.back = True
    stand.edge.stumbles = {"one"}
    async with stand.spool() as spool:
        await keep(spool, "one")
        await keep(spool, "two", after=1)
        await spool.drain(asyncio.Event())
        assert stand.edge.keys == ["two"]
        stand.edge.stumbles = set()
        await spool.drain(asyncio.Event())
        assert stand.edge.keys == ["two", "one"]


async def test_two_processes_have_two_folders_and_neither_takes_a_living_ones(stand: Stand) -> None:
    stand.edge.back = True
    async with stand.spool() as one, stand.spool() as other:
        await keep(one, "one")
        await keep(other, "two", after=1)
        assert len(folders(stand.directory)) == 2
        await other._take_over()
        await other.drain(asyncio.Event())
        assert stand.edge.keys == ["two"]
        await one.drain(asyncio.Event())
        assert stand.edge.keys == ["two", "one"]


async def test_a_folder_is_taken_over_by_one_only(tmp_path: Path) -> None:
    left = Folder.make(tmp_path, "left")
    left.write("00000000000000001-00000001-" + "0" * 32, b"x")
    left.give_back()
    taken = Folder.take_over(tmp_path / "left")
    assert taken is not None
    assert len(taken.waiting()) == 1
    assert Folder.take_over(tmp_path / "left") is None
    taken.give_back()


async def test_doctor_says_what_waits(stand: Stand) -> None:
    (finding,) = await examine_spool(stand.directory, now=lambda: NOON)
    assert finding.level == "ok"
    async with stand.spool() as spool:
        await keep(spool, "one")
        for later, level in ((10, "ok"), (3600, "warning")):
            now = NOON + timedelta(seconds=later)
            (finding,) = await examine_spool(stand.directory, now=lambda now=now: now)
            assert finding.level == level
            assert "1 requests" in finding.text


async def test_killed_before_any_of_its_steps_it_loses_nothing(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.doubles.dying_spool", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    died = int(output)
    assert died >= 20, "it dies at many steps, or this test means nothing"
    for step in range(1, died + 1):
        place = tmp_path / str(step)
        before = _lines(place / "broker")
        spool = a_spool(place)
        await spool.open()
        await spool._take_over()
        await spool.drain(asyncio.Event())
        await spool.close()
        answered, came = _lines(place / "answered"), _lines(place / "broker")
        assert set(answered) <= set(came), f"step {step}: answered, and lost"
        # In order; at most one, the one under way when it died, comes twice.
        assert list(dict.fromkeys(came)) == list(KEYS)[: len(set(came))], f"step {step}"
        assert len(came) - len(set(came)) <= 1, f"step {step}"
        assert came[: len(before)] == before
        assert folders(place / "spool") == [], f"step {step}: something is left"


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []
