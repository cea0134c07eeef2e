"""A source has one colour wherever it is named, and there is such a colour."""

import re
from pathlib import Path

import inbox
from inbox.source_colours import COLOURS, source_colour
from router.message import SourceKeys
from tests.events import a_message, accepted

SHEET = Path(inbox.__file__).parent / "static/css/components/colours.css"


def test_a_source_has_the_same_colour_however_it_is_written():
    assert source_colour("Яндекс  Карты") == source_colour("яндекс карты") in COLOURS


def test_no_source_has_no_colour():
    assert source_colour("") == ""


def test_common_sources_do_not_all_look_alike():
    common = ["yandex", "vk_ads", "google", "2gis", "авито", "telegram", "яндекс карты"]
    assert len({source_colour(each) for each in common}) >= 5


def test_every_colour_is_drawn():
    drawn = set(re.findall(r'\[data-colour="(\w+)"\]', SHEET.read_text()))
    assert set(COLOURS) <= drawn


async def test_the_board_the_list_and_the_contacts_agree(stage, browser):
    await stage.hire("Anna")
    account = await stage.shop.connect()
    keys = SourceKeys(utm={"source": "yandex", "campaign": "brakes"})
    await stage.receive(accepted(account, a_message(source=keys)))
    anna = await browser("Anna")
    colour = f'data-colour="{source_colour("yandex")}"'
    lead = (await stage.shop.one("select id from lead")).id
    for page in ["/leads", "/leads?view=list", "/contacts", f"/leads/{lead}", "/?tab=all"]:
        assert colour in (await anna.get(page)).text, page
