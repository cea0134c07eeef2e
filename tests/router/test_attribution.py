"""Where a person came from, as their first and last touch say."""

from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from hypothesis import given, settings, strategies as st

from router.message import SourceKeys
from router.records import Lead, Touch
from tests.conftest import NOON
from tests.events import a_message, a_person
from tests.router.worlds import Shop


def touch(keys: SourceKeys) -> tuple[str, str, str] | None:
    """(source, medium, campaign) of the touch that the keys make."""
    shop = Shop()
    world = shop.world()
    shop.receive(world, a_message(source=keys))
    made = world.all_of(Touch)
    return (made[0].source, made[0].medium, made[0].campaign) if made else None


def base64url(query: str) -> str:
    return urlsafe_b64encode(query.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param(SourceKeys(), None, id="nothing said"),
        pytest.param(
            SourceKeys(utm={"source": "Yandex ", "medium": "CPC", "campaign": "Весна"}),
            ("yandex", "cpc", "весна"),
            id="utm, folded",
        ),
        pytest.param(
            SourceKeys(utm={"campaign": "spring"}), None, id="a campaign alone names no source"
        ),
        pytest.param(SourceKeys(click_ids={"yclid": "1"}), ("yandex", "cpc", ""), id="yclid"),
        pytest.param(SourceKeys(click_ids={"gclid": "1"}), ("google", "cpc", ""), id="gclid"),
        pytest.param(
            SourceKeys(click_ids={"fbclid": "1", "gclid": "2"}),
            ("google", "cpc", ""),
            id="what was paid goes before what is on every link",
        ),
        pytest.param(
            SourceKeys(click_ids={"ysclid": "1"}), ("yandex", "organic", ""), id="ysclid is organic"
        ),
        pytest.param(
            SourceKeys(utm={"source": "vk"}, click_ids={"yclid": "1"}),
            ("vk", "", ""),
            id="utm before click ids",
        ),
        pytest.param(
            SourceKeys(
                click_ids={"ctwa_clid": "A"}, referral={"source_type": "ad", "source_id": "120"}
            ),
            ("meta", "cpc", "120"),
            id="a click to WhatsApp, with the advertisement's id",
        ),
        pytest.param(
            SourceKeys(referral={"source_type": "post", "source_id": "7"}),
            ("meta", "social", "7"),
            id="a post that led to WhatsApp, without a click id",
        ),
        pytest.param(
            SourceKeys(click_ids={"gclid": "1"}, code="x", referrer="https://ya.ru/"),
            ("google", "cpc", ""),
            id="click ids before a code",
        ),
        pytest.param(
            SourceKeys(code="ad42_spring"),
            ("link", "telegram", "ad42_spring"),
            id="a deep link's code",
        ),
        pytest.param(
            SourceKeys(code=base64url("utm_source=vk&utm_campaign=spring&yclid=7")),
            ("vk", "", "spring"),
            id="a code that is a query string",
        ),
        pytest.param(
            SourceKeys(code=base64url("a=b")),
            ("link", "telegram", base64url("a=b").lower()),
            id="not one of ours",
        ),
        pytest.param(
            SourceKeys(code="привет"), ("link", "telegram", "привет"), id="a code that is no base64"
        ),
        pytest.param(
            SourceKeys(referral={"ref": "Post-7"}),
            ("ref", "telegram", "post-7"),
            id="the platform's referral",
        ),
        pytest.param(
            SourceKeys(code="a", referral={"ref": "b"}),
            ("link", "telegram", "a"),
            id="a code before a referral",
        ),
    ],
)
def test_what_says_most_wins(keys, expected):
    assert touch(keys) == expected


@pytest.mark.parametrize(
    ("referrer", "expected"),
    [
        ("https://yandex.ru/search/?text=x", ("yandex", "organic", "")),
        ("https://ya.ru/", ("yandex", "organic", "")),
        ("https://www.google.com/", ("google", "organic", "")),
        ("https://google.co.uk/url", ("google", "organic", "")),
        ("https://yandex.com.tr/", ("yandex", "organic", "")),
        ("https://go.mail.ru/search", ("mail.ru", "organic", "")),
        ("https://vk.com/wall-1", ("vk.com", "social", "")),
        ("https://m.vk.com/wall-1", ("m.vk.com", "social", "")),
        ("https://l.facebook.com/l.php", ("l.facebook.com", "social", "")),
        ("https://t.me/channel", ("t.me", "social", "")),
        ("https://drive2.ru/l/1", ("drive2.ru", "referral", "")),
        # Names that merely contain a known one.
        ("https://tanya.ru/", ("tanya.ru", "referral", "")),
        ("https://book.ru/", ("book.ru", "referral", "")),
        ("https://gift.media/", ("gift.media", "referral", "")),
        ("https://notgoogle.com/", ("notgoogle.com", "referral", "")),
        ("https://google.example.org/", ("google.example.org", "referral", "")),
        # Our own pages say nothing.
        ("https://shop.example/catalogue", None),
        ("https://www.shop.example/", None),
        ("https://blog.shop.example/", None),
        ("", None),
        ("about:blank", None),
        ("https://[broken", None),
    ],
)
def test_a_referrer_is_a_search_a_network_or_a_site(referrer, expected):
    assert touch(SourceKeys(referrer=referrer, landing="https://shop.example/brakes")) == expected


def test_the_code_stays_beside_what_it_opened_to():
    shop = Shop()
    world = shop.world()
    code = base64url("utm_source=vk&utm_content=Баннер&yclid=7")
    shop.receive(world, a_message(source=SourceKeys(code=code)))
    (made,) = world.all_of(Touch)
    assert (made.content, made.click_ids, made.raw["code"]) == ("баннер", {"yclid": "7"}, code)


def test_a_visit_whose_keys_come_with_every_message_is_one_touch():
    shop = Shop()
    world = shop.world()
    visit = SourceKeys(utm={"source": "yandex"}, visited_at=NOON - timedelta(minutes=3))
    for n in range(3):
        shop.receive(world, a_message(source=visit, at=NOON + timedelta(minutes=n)))
    assert [each.at for each in world.all_of(Touch)] == [NOON - timedelta(minutes=3)]


def test_touches_after_the_opening_do_not_change_the_leads_snapshot():
    shop = Shop()
    world = shop.world()
    for n, name in enumerate(("yandex", "vk")):
        shop.receive(
            world, a_message(source=SourceKeys(utm={"source": name}), at=NOON + timedelta(days=n))
        )
    (lead,) = world.all_of(Lead)
    assert lead.first_touch["source"] == lead.last_touch["source"] == "yandex"


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 6).map(lambda n: NOON + timedelta(hours=n)),
            st.sampled_from(["yandex", "vk", "google", ""]),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda each: each[0],
    ),
    st.data(),
)
def test_first_and_last_touch_are_the_same_in_whatever_order_messages_arrive(messages, data):
    def snapshot(order):
        shop = Shop()
        world = shop.world()
        for at, source in order:
            keys = SourceKeys(utm={"source": source}) if source else None
            shop.receive(world, a_message(by=a_person(1), at=at, source=keys))
        (lead,) = world.all_of(Lead)
        first, last = lead.first_touch, lead.last_touch
        return (
            lead.created_at,
            first and (first["at"], first["source"]),
            last and (last["at"], last["source"]),
        )

    assert snapshot(data.draw(st.permutations(messages))) == snapshot(sorted(messages))
