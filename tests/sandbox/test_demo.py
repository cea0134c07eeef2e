"""`allo demo` as a newcomer meets it: one command, and within a minute the inbox moves. Real processes."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from sandbox.phrasebook import Phrasebook
from sandbox.premises import DIRECTORY, demo_settings, open_premises
from sandbox.stories import STORIES
from sandbox.telling import somebody, tell
from tests.journey.processes import Api, Place, Process, api_of, eventually
from workers.settings import load_settings

BUSY = 1.5
"""A machine that runs other tests as well is that much slower."""

SLUGS = ["landing", "mail", "service", "site", "telegram", "telephone", "vk", "whatsapp"]
WRITTEN_IN = {"telegram", "vk", "whatsapp", "site_chat", "email"}
NOT_WRITTEN_IN = {"call_hook", "lead_form"}
ARRIVED = {"sent", "delivered", "read"}


@asynccontextmanager
async def a_demo(place: Place) -> AsyncGenerator[Process]:
    process = Process(
        name="demo",
        arguments=("demo",),
        environment=place.settings(ALLO_HTTP=place.front, ALLO_SMTP_LISTEN=place.smtp),
        url=f"http://{place.front}",
        log=place.directory / "demo.log",
    )
    try:
        await process.start()
        yield await process.ready()
    except BaseException as failure:
        failure.add_note(process.last_words())
        raise
    finally:
        await process.stop()


def _password(process: Process) -> str:
    shown = re.findall(r"password\s+(\S+)", process.log.read_text())
    assert shown, "no password was printed"
    return str(shown[-1])


async def _signs_in(process: Process, email: str, password: str) -> bool:
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{process.url}/sign-in",
            data={"email": email, "password": password},
            headers={"Origin": process.url},
            allow_redirects=False,
        ) as answer,
    ):
        return answer.status == 303 and "sign-in" not in answer.headers["Location"]


async def _said(api: Api) -> list[dict[str, Any]]:
    return await api.all("/messages")


@pytest.mark.timeout(300)
async def test_within_a_minute_people_of_every_channel_have_written_and_been_answered(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path)
    async with a_demo(place) as demo:
        token = await place.token()
        async with api_of(demo, token=token) as api:

            async def somebody_wrote() -> bool:
                return any(each["direction"] == "in" for each in await _said(api))

            # The command line that makes the token takes a few of the five seconds itself.
            await eventually(somebody_wrote, within=20)

            async def answered_everywhere() -> bool:
                said = await _said(api)
                inward = {each["channel"] for each in said if each["direction"] == "in"}
                outward = {
                    each["channel"]
                    for each in said
                    if each["direction"] == "out" and each["state"] in ARRIVED
                }
                assert inward == WRITTEN_IN | NOT_WRITTEN_IN, inward
                assert outward - NOT_WRITTEN_IN == WRITTEN_IN, outward
                return True

            await eventually(answered_everywhere, within=60 * BUSY, every=1)

            async def colleagues_work() -> bool:
                told = await api.all("/events")
                kinds = {each["type"] for each in told}
                moved = {each["data"]["what"] for each in told if each["type"] == "lead_changed"}
                failed = [each for each in await _said(api) if each["state"] == "failed"]
                wanted = {"assigned", "lead_opened", "note_added", "contacts_merged"}
                assert wanted <= kinds, wanted - kinds
                assert {"stage", "value"} <= moved, moved
                assert any("blocked" in each["error"] for each in failed), failed
                return True

            await eventually(colleagues_work, within=60 * BUSY, every=1)

            async def advertising_costs() -> bool:
                imported = await api.all("/spend/imports")
                assert {each["account"] for each in imported} == {
                    "Яндекс Директ",
                    "VK Реклама",
                    "Карты и каталоги",
                }
                return True

            await eventually(advertising_costs, within=60 * BUSY, every=1)

            async def telephones_ring() -> bool:
                calls = await api.all("/calls")
                phases = {each["phase"] for each in calls}
                assert {"ended", "missed"} <= phases, phases
                assert any(each["user_id"] and each["recordings"] for each in calls), calls
                assert any(each["kind"] == "callback" for each in await api.all("/tasks"))
                return True

            await eventually(telephones_ring, within=60 * BUSY, every=1)

            leads = await api.all("/leads")
            sources = {(each["first_touch"] or {}).get("source") for each in leads}
            assert {each["status"] for each in leads} >= {"open"}
            assert sources - {None}, "nobody came from anywhere"
            assert await api.all("/dead-letters") == []
        password = _password(demo)
        assert await _signs_in(demo, "olga@kolodka.example", password)
        assert await _signs_in(demo, "admin@localhost", password)
        assert not await _signs_in(demo, "olga@kolodka.example", "another password")

        assert await demo.stop() == 0
        said = demo.log.read_text()
        assert "Traceback" not in said
        assert "job_waits" not in said


@pytest.mark.timeout(300)
async def test_a_second_demo_goes_on_with_the_same_workshop_and_new_people(tmp_path: Path) -> None:
    place = Place(tmp_path)

    async def somebody_was_answered(api: Api, *, but: set[str]) -> set[str]:
        return {
            each["contact_id"]
            for each in await _said(api)
            if each["direction"] == "out"
            and each["state"] in ARRIVED
            and each["contact_id"] not in but
            and each["channel"] == "telegram"
        }

    async with a_demo(place) as demo:
        token = await place.token()
        async with api_of(demo, token=token) as api:
            first = await eventually(
                lambda: somebody_was_answered(api, but=set()), within=60 * BUSY
            )
            known = {each["contact_id"] for each in await _said(api)}
        password, accounts = _password(demo), (await place.cli("channel", "list", "--json")).out
        users = (await place.cli("user", "list", "--json")).out
        assert await demo.stop() == 0
    assert first

    async with a_demo(place) as demo:
        async with api_of(demo, token=token) as api:
            assert await eventually(lambda: somebody_was_answered(api, but=known), within=60 * BUSY)
        assert _password(demo) == password
        again = (await place.cli("channel", "list", "--json")).out
        assert _slugs(again) == _slugs(accounts) == SLUGS
        assert _emails((await place.cli("user", "list", "--json")).out) == _emails(users)
        assert await demo.stop() == 0


def _slugs(listed: str) -> list[str]:
    return re.findall(r'"slug": "([^"]*)"', listed)


def _emails(listed: str) -> list[str]:
    return re.findall(r'"email": "([^"]*)"', listed)


async def test_a_directory_with_a_real_installation_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "var" / "postgres").mkdir(parents=True)
    said = await place.cli("demo", check=False)
    assert said.status == 1
    assert "no demo's" in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "var" / "demo.json").exists()


def test_a_demo_uses_none_of_the_services_of_an_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "allo.env").write_text(
        "ALLO_DATA_DIR=/srv/allo\nALLO_DATABASE_URL=postgresql://db/allo\nALLO_BROKER_URL=amqp://mq\n"
        "ALLO_MEDIA_URL=s3://bucket\nALLO_PUBLIC_URL=https://allo.example.com\nALLO_LANGUAGE=en\n"
    )
    settings = demo_settings(load_settings())
    assert settings.data_dir == DIRECTORY
    assert settings.embedded
    assert not settings.broker_url
    assert settings.media_location.startswith("file://")
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.language == "en"


def test_the_demo_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    earlier = {"password": "abcd", "identity_secret": "secret", "run": 3}
    (tmp_path / "demo.json").write_text(json.dumps(earlier))
    kept = open_premises(tmp_path)
    assert (kept.password, kept.identity_secret, kept.run) == ("abcd", "secret", 4)
    assert kept.hook_secret
    assert open_premises(tmp_path).hook_secret == kept.hook_secret


def test_a_demo_lives_where_its_starter_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALLO_DATA_DIR", str(tmp_path / "elsewhere"))
    assert demo_settings(load_settings()).data_dir == tmp_path / "elsewhere"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_is_told_without_a_blank_and_the_same_again(story: Any) -> None:
    tellings = {}
    for number in range(20):
        person = somebody(number, Random(number), abroad=story.abroad)
        telling = tell(story, person, Random(number))
        assert "{" not in repr(telling.turns)
        assert telling == tell(story, person, Random(number))
        tellings[number] = telling
    # A colleague recognises every line that is answered, a mail's signature under it or not.
    for telling in tellings.values():
        for turn in telling.turns:
            phrasebook = Phrasebook()
            asked = phrasebook.begin(turn, "Пётр")
            words = [each for each in turn.says if isinstance(each, str)]
            assert words
            assert phrasebook.find([f"{words[-1]}\n\n-- \nПётр"], "Пётр") is asked
            phrasebook.forget(asked)
            assert phrasebook.find(words, "Пётр") is None
