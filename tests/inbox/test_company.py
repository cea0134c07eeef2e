"""Who else is at a conversation: said by their pages, heard by every process, forgotten by itself."""

import asyncio
from datetime import timedelta

import pytest

from inbox.company import LOOKS_FOR, MOST, WRITES_FOR, Company
from router.facts import Looking
from router.ids import new_id
from tests.conftest import NOON
from tests.events import a_message, accepted
from tests.inbox.test_live import listening

TALK, ANNA, BORIS = new_id(), new_id(), new_id()


def looking(what: str = "looks", *, by=BORIS, talk=TALK, after: float = 0) -> Looking:
    at = NOON + timedelta(seconds=after)
    return Looking(id=new_id(), at=at, conversation=talk, by=by, what=what)


def there(company: Company, *, after: float = 0, me=ANNA) -> list[tuple[object, bool]]:
    now = NOON + timedelta(seconds=after)
    return [(each.user, each.writes) for each in company.at(TALK, now=now, but=me)]


def test_only_what_changes_is_worth_telling():
    company = Company()
    assert company.hear(looking())
    assert not company.hear(looking(after=20))
    assert company.hear(looking("writes", after=21))
    assert not company.hear(looking("writes", after=24))
    assert there(company, after=24) == [(BORIS, True)]
    assert company.hear(looking("looks", after=25))
    assert there(company, after=25) == [(BORIS, False)]
    assert company.hear(looking("left", after=26))
    assert there(company, after=26) == []
    assert not company.hear(looking("left", after=27))


def test_a_browser_that_died_is_gone_by_itself_and_first_stops_writing():
    company = Company()
    company.hear(looking("writes"))
    writes, looks = WRITES_FOR.total_seconds(), LOOKS_FOR.total_seconds()
    assert there(company, after=writes - 1) == [(BORIS, True)]
    assert there(company, after=writes) == [(BORIS, False)]
    assert there(company, after=looks) == []
    assert company.hear(looking(after=looks + 1))


def test_nobody_is_told_of_themselves_and_what_is_remembered_has_a_bound():
    company = Company()
    company.hear(looking())
    assert there(company, me=BORIS) == []
    for _ in range(MOST):
        company.hear(looking(talk=new_id()))
    assert there(company) == []


@pytest.fixture
async def talk(stage):
    await stage.hire("Anna")
    await stage.hire("Boris")
    await stage.hire("Mark", role="marketer")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    return (await stage.shop.one("select id from conversation")).id


async def test_a_page_says_it_looks_and_others_are_told_who(stage, browser, talk, count):
    stop = asyncio.Event()
    anna, boris, mark = await browser("Anna"), await browser("Boris"), await browser("Mark")
    before = await count("audit"), await count("outbox")
    async with asyncio.TaskGroup() as group, listening(anna) as hers, listening(mark) as his:
        group.create_task(stage.typing.run(stop))
        assert (await boris.post(f"/conversations/{talk}/looking", {"what": "looks"})).status == 204
        [hint] = await hers.hints()
        assert hint == {
            "kind": "company",
            "conversation": str(talk),
            "by": str(stage.shop.managers[1]),
            "what": "looks",
        }
        # What concerns no messages reaches the marketer too, and nothing else has.
        await stage.desk.set_presence(stage.shop.managers[0], "away", by=None)
        await stage.publish()
        assert {each["kind"] for each in await his.hints()} == {"presence"}
        stop.set()
    drawn = (await anna.get(f"/conversations/{talk}/company")).text
    assert "Сейчас смотрит Boris" in drawn
    assert "Сейчас смотрит" not in (await boris.get(f"/conversations/{talk}/company")).text
    assert "Сейчас смотрит Boris" in (await anna.get(f"/conversations/{talk}")).text
    assert (await count("audit"), await count("outbox") - 1) == before, "nothing is stored"


async def test_a_page_that_says_it_all_the_time_is_passed_on_once_in_a_while(stage, browser, talk):
    boris = await browser("Boris")
    for _ in range(5):
        await boris.post(f"/conversations/{talk}/looking", {"what": "writes"})
    assert stage.typing._begun.qsize() == 1
    await boris.post(f"/conversations/{talk}/looking", {"what": "left"})
    assert stage.typing._begun.qsize() == 2
    stage.time += timedelta(seconds=3)
    await boris.post(f"/conversations/{talk}/looking", {"what": "left"})
    assert stage.typing._begun.qsize() == 3


async def test_who_may_not_read_says_and_hears_nothing(stage, browser, talk):
    mark, boris = await browser("Mark"), await browser("Boris")
    assert (await mark.post(f"/conversations/{talk}/looking", {"what": "looks"})).status == 403
    assert (await mark.get(f"/conversations/{talk}/company")).status == 403
    assert (await boris.post(f"/conversations/{talk}/looking", {"what": "hides"})).status == 400
    assert (
        await boris.post(f"/conversations/{talk}/looking", {"what": "looks"}, token="x")
    ).status == 403
    assert stage.typing._begun.empty()
