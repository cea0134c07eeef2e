"""What a link's code and a called number say about where somebody came from."""

from datetime import timedelta

import pytest

from router.ids import new_id
from router.message import CallReported, Chat, Key, Sender, SourceKeys
from router.records import CallLine, LinkClick, NumberLease, Touch, TrackedLink
from tests.conftest import NOON
from tests.events import a_message, a_person
from tests.router.worlds import Shop


def a_link(**columns):
    given = {"id": new_id(), "code": "lnk", "name": "Кнопка", "address": "", "utm": {}}
    return TrackedLink(**{**given, **columns})


def ago(minutes):
    return NOON - timedelta(minutes=minutes)


def a_visit(minutes, visit, **keys):
    return SourceKeys(visited_at=ago(minutes), visit=visit, landing="https://shop.example/", **keys)


AD = a_visit(90, "v1", utm={"source": "yandex", "medium": "cpc", "campaign": "spring"})
DIRECT = a_visit(5, "v2")


def a_click(link, *earlier, code="clk", utm=None, **columns):
    keys = SourceKeys(utm=utm or {}, visited_at=ago(1), earlier=earlier)
    return LinkClick(id=new_id(), code=code, at=ago(1), keys=keys, link=link, **columns)


@pytest.fixture
def shop():
    made = Shop()
    made.hire("Anna")
    return made


@pytest.fixture
def world(shop):
    return shop.world()


def touches(world):
    return [
        (each.channel, each.source, each.medium, each.campaign)
        for each in sorted(world.all_of(Touch), key=lambda touch: touch.at)
    ]


def lead(world):
    (found,) = world.open_leads.values()
    return found


def test_a_button_on_the_site_tells_of_the_visits_before_it(shop, world):
    click = a_click(a_link(), AD, DIRECT)
    world.tracks.clicks["clk"] = click
    shop.receive(world, a_message(source=SourceKeys(code="CLK")))
    assert touches(world) == [
        ("site", "yandex", "cpc", "spring"),
        ("site", "direct", "none", ""),
    ]
    assert lead(world).first_touch["campaign"] == "spring"
    assert lead(world).last_touch["source"] == "direct"
    assert click.contact_id == lead(world).contact_id


def test_a_link_with_words_of_its_own_is_the_last_touch(shop, world):
    link = a_link(utm={"source": "newsletter", "medium": "email", "campaign": "may"})
    world.tracks.clicks["clk"] = a_click(link, AD)
    shop.receive(world, a_message(source=SourceKeys(code="clk")))
    assert touches(world)[-1] == ("telegram", "newsletter", "email", "may")
    assert lead(world).first_touch["source"] == "yandex"


def test_the_click_itself_says_more_than_the_link(shop, world):
    link = a_link(utm={"source": "newsletter"})
    world.tracks.clicks["clk"] = a_click(link, utm={"source": "vk", "campaign": "summer"})
    shop.receive(world, a_message(source=SourceKeys(code="clk")))
    assert touches(world) == [("telegram", "vk", "", "summer")]


def test_a_link_read_off_paper_is_known_by_its_own_code(shop, world):
    world.tracks.links["lnk"] = a_link(utm={"source": "flyer", "medium": "qr"})
    shop.receive(world, a_message(source=SourceKeys(code="lnk")))
    assert touches(world) == [("telegram", "flyer", "qr", "")]


def test_a_link_without_words_is_called_by_its_name(shop, world):
    world.tracks.clicks["clk"] = a_click(a_link(name="Листовка у кассы"))
    shop.receive(world, a_message(source=SourceKeys(code="clk")))
    assert touches(world) == [("telegram", "link", "telegram", "листовка у кассы")]


def test_a_code_nobody_knows_stays_a_code(shop, world):
    shop.receive(world, a_message(source=SourceKeys(code="elsewhere")))
    assert touches(world) == [("telegram", "link", "telegram", "elsewhere")]


def test_a_code_that_is_used_twice_is_one_touch(shop, world):
    world.tracks.clicks["clk"] = a_click(a_link(utm={"source": "vk"}), AD)
    person = a_person(1)
    for n in range(2):
        at = NOON + timedelta(minutes=n)
        shop.receive(world, a_message(by=person, at=at, source=SourceKeys(code="clk")))
    assert len(touches(world)) == 2


def test_a_code_passed_on_says_nothing_of_the_first_ones_visits(shop, world):
    world.tracks.clicks["clk"] = a_click(a_link(utm={"source": "vk"}), AD)
    shop.receive(world, a_message(by=a_person(1), source=SourceKeys(code="clk")))
    first = len(touches(world))
    shop.receive(world, a_message(by=a_person(2), source=SourceKeys(code="clk")))
    assert touches(world)[first:] == [("telegram", "vk", "", "")]


def test_mail_to_an_address_of_a_link_is_that_links(shop, world):
    link = a_link(address="ads@shop.example", utm={"source": "magazine"})
    world.tracks.links["ads@shop.example"] = link
    shop.receive(world, a_message(source=SourceKeys(alias="ads@shop.example")))
    assert touches(world) == [("telegram", "magazine", "", "")]
    shop.receive(world, a_message(by=a_person(9), source=SourceKeys(alias="other@shop.example")))
    assert len(touches(world)) == 1


# Calls.

OURS = "+74951234567"


def a_lease(*earlier, began=10, until=0, **columns):
    return NumberLease(
        id=new_id(),
        number=OURS,
        at=ago(began),
        until=ago(until),
        keys=SourceKeys(earlier=earlier),
        **columns,
    )


def call(shop, world, *, ours="74951234567", source=None, key="call-1", phase="ringing"):
    sender = Sender(keys=(Key(kind="phone", value="+79161234567"),))
    event = CallReported(
        key=f"{key}:{phase}:{source is not None}",
        chat=Chat(id="+79161234567"),
        at=NOON,
        sender=sender,
        call=key,
        phase=phase,
        ours=ours,
        theirs="+79161234567",
        source=source,
    )
    shop.receive(world, event, channel="mango")


def test_a_printed_number_says_where_the_caller_saw_it(shop, world):
    world.tracks.lines[OURS] = CallLine(
        number=OURS, name="Щит на трассе", utm={"source": "billboard", "campaign": "m4"}
    )
    call(shop, world)
    assert touches(world) == [("mango", "billboard", "", "m4")]
    call(shop, world, phase="talking")
    call(shop, world, phase="ended")
    assert len(touches(world)) == 1


def test_a_lent_number_is_whose_it_was(shop, world):
    world.tracks.lines[OURS] = CallLine(number=OURS, name="", utm={})
    world.tracks.leases[OURS] = [a_lease(AD, DIRECT)]
    call(shop, world)
    assert [each[1] for each in touches(world)] == ["yandex", "direct"]
    assert lead(world).first_touch["campaign"] == "spring"


def test_two_who_could_have_called_are_nobody(shop, world):
    other = a_visit(20, "v9", utm={"source": "vk", "medium": "cpc", "campaign": "x"})
    world.tracks.leases[OURS] = [a_lease(AD, began=60, until=20), a_lease(other)]
    call(shop, world)
    assert touches(world) == [("mango", "ambiguous", "phone", "")]
    (touch,) = world.all_of(Touch)
    assert [each["source"] for each in touch.raw["ambiguous"]] == ["vk", "yandex"]


def test_two_who_came_from_the_same_place_are_no_question(shop, world):
    again = a_visit(20, "v9", utm=AD.utm)
    world.tracks.leases[OURS] = [a_lease(AD, began=60, until=20), a_lease(again)]
    call(shop, world)
    assert touches(world) == [("mango", "yandex", "cpc", "spring")]


def test_a_number_that_was_shown_long_ago_says_nothing(shop, world):
    world.tracks.leases[OURS] = [a_lease(AD, began=200, until=120)]
    call(shop, world)
    assert touches(world) == []
    assert lead(world).first_touch is None


def test_what_the_exchange_says_itself_wins_also_when_it_says_it_late(shop, world):
    world.tracks.leases[OURS] = [a_lease(AD)]
    call(shop, world)
    told = SourceKeys(utm={"source": "google", "medium": "cpc", "campaign": "own"})
    call(shop, world, source=told, phase="ended")
    assert lead(world).last_touch["campaign"] == "own"
    # And no hint after it changes that.
    call(shop, world, source=SourceKeys(referral={"line": "7"}), phase="recorded")
    assert lead(world).last_touch["campaign"] == "own"


def test_an_outgoing_call_comes_from_nowhere(shop, world):
    world.tracks.lines[OURS] = CallLine(number=OURS, name="", utm={"source": "billboard"})
    sender = Sender(keys=(Key(kind="phone", value="+79161234567"),))
    event = CallReported(
        key="out",
        chat=Chat(id="+79161234567"),
        at=NOON,
        sender=sender,
        call="out",
        direction="out",
        phase="ringing",
        ours=OURS,
        theirs="+79161234567",
    )
    shop.receive(world, event, channel="mango")
    assert touches(world) == []
