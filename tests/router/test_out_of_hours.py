"""What the customer is told when the team is closed: once, and without anybody having answered."""

from datetime import UTC, datetime, timedelta

import pytest

from router import deciding, replies
from router.message import CallReported, Chat
from router.out_of_hours import words
from router.records import Delivery, Message, Team
from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone, a_service, a_shared_contact
from tests.router.worlds import NINE_TO_SIX, Shop

AWAY = "Мы закрыты и ответим {{opens}}."


@pytest.fixture
def shop() -> Shop:
    """Closed at NOON, a Saturday."""
    shop = Shop()
    shop.team.hours, shop.team.away_text = NINE_TO_SIX, AWAY
    shop.hire("Anna")
    return shop


def told(world) -> list[str]:
    return [each.text for each in world.all_of(Message) if each.direction == "out"]


def test_a_customer_who_writes_to_a_closed_team_is_told_when_it_opens(shop):
    world = shop.world()
    shop.receive(world, a_message())

    (answer,) = [each for each in world.all_of(Message) if each.direction == "out"]
    assert answer.text == "Мы закрыты и ответим в понедельник в 09:00."
    assert (answer.author_user, answer.author_name, answer.state) == (None, "Sales", "queued")
    # The channel marks it so (email: Auto-Submitted), that no machine answers it.
    assert answer.details == {"automatic": "out_of_hours"}
    assert [each.message_id for each in world.all_of(Delivery)] == [answer.id]
    assert "message_queued" in {each.__struct_config__.tag for each in world.facts}


def test_telling_answers_nothing(shop):
    world = shop.world()
    shop.receive(world, a_message(text="Сколько стоит?"))
    (conversation,) = world.conversations.values()
    assert (conversation.waiting_since, conversation.unread) == (NOON, 1)
    assert (conversation.preview, conversation.preview_direction) == ("Сколько стоит?", "in")
    assert (conversation.status, conversation.manager_id, conversation.seq) == ("open", None, 2)


def test_it_is_said_once_for_an_opening(shop):
    world = shop.world()
    for n in range(3):
        shop.receive(world, a_message(at=NOON + timedelta(minutes=n)))
    assert len(told(world)) == 1


def test_a_conversation_that_is_opened_again_another_night_is_told_again(shop):
    world = shop.world()
    shop.receive(world, a_message())
    (conversation,) = world.conversations.values()
    deciding.set_status(world, conversation, "resolved", by=None)
    world.told_away.clear()  # as the next batch, another night, loads it
    shop.receive(world, a_message(at=NOON + timedelta(days=1)))
    assert len(told(world)) == 2


def test_a_person_with_several_conversations_in_one_night_is_told_once(shop):
    world = shop.world()
    for n in range(3):
        shop.receive(world, a_message(by=a_person(1), chat=f"thread {n}"))
    assert len(world.conversations) == 3
    assert len(told(world)) == 1


@pytest.mark.parametrize("automatic", ["auto_reply", "bounce", "bulk"])
def test_machines_are_told_nothing(shop, automatic):
    world = shop.world()
    shop.receive(world, a_message(automatic=automatic))
    assert told(world) == []


def test_the_blocked_and_spam_are_told_nothing(shop):
    world = shop.world()
    shop.receive(world, a_message(automatic="bulk"))
    (conversation,) = world.conversations.values()
    conversation.status = "spam"
    shop.receive(world, a_message())
    conversation.status = "resolved"
    world.contact(conversation.contact_id).blocked = True
    shop.receive(world, a_message())
    assert told(world) == []
    world.contact(conversation.contact_id).blocked = False
    shop.receive(world, a_message())
    assert len(told(world)) == 1


def test_groups_are_told_nothing(shop):
    world = shop.world()
    message = a_message(chat="-1")
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    shop.receive(world, type(message)(**fields | {"chat": Chat(id="-1", kind="group")}))
    assert len(world.conversations) == 1
    assert told(world) == []


def test_a_caller_is_not_answered_in_writing_and_a_blocked_bot_not_at_all(shop):
    world = shop.world()
    call = CallReported(
        key="1", chat=Chat(id="7"), at=NOON, sender=a_person(7), call="c", phase="missed"
    )
    shop.receive(world, call, a_service("blocked", by=a_person(7)))
    assert told(world) == []


def test_nothing_is_queued_for_a_channel_that_only_receives(shop):
    """A web form: the customer waits all the same."""
    shop.policy["sends"] = False
    world = shop.world()
    shop.receive(world, a_message())
    assert told(world) == []
    (conversation,) = world.conversations.values()
    assert conversation.waiting_since == NOON


def test_a_shared_number_is_told_like_words(shop):
    world = shop.world()
    shop.receive(world, a_shared_contact(a_person(1), a_phone("+79215551408")))
    assert len(told(world)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"away_text": ""}, id="nothing to say"),
        pytest.param({"away_text": "  \n"}, id="only spaces"),
        pytest.param({"hours": None}, id="always open"),
        pytest.param({"hours": {"sat": [["00:00", "24:00"]]}}, id="open now"),
    ],
)
def test_otherwise_nothing_is_said(shop, changes):
    for name, value in changes.items():
        setattr(shop.team, name, value)
    world = shop.world()
    shop.receive(world, a_message())
    assert told(world) == []


def test_an_open_team_in_which_everybody_is_busy_says_nothing(shop):
    shop.team.hours = None
    for manager in shop.managers.values():
        manager.capacity = 0
    world = shop.world()
    shop.receive(world, a_message())
    assert next(iter(world.conversations.values())).manager_id is None
    assert told(world) == []


def test_the_first_answer_by_a_colleague_still_counts_as_the_first(shop):
    world = shop.world()
    shop.receive(world, a_message())
    (conversation,) = world.conversations.values()
    anna = next(iter(shop.managers.values()))
    replies.reply(world, conversation, by=anna.id, author="Anna", text="Добрый день")
    assert (conversation.waiting_since, conversation.unread, conversation.manager_id) == (
        None,
        0,
        anna.id,
    )


@pytest.mark.parametrize(
    ("hours", "now", "language", "said"),
    [
        pytest.param({"sat": [["18:00", "20:00"]]}, NOON, "ru", "сегодня в 18:00", id="today"),
        pytest.param({"sun": [["10:30", "20:00"]]}, NOON, "ru", "завтра в 10:30", id="tomorrow"),
        pytest.param(
            {"tue": [["09:00", "20:00"]]}, NOON, "ru", "во вторник в 09:00", id="this week"
        ),
        pytest.param(
            {"sat": [["09:00", "12:00"]]}, NOON, "ru", "28 ноября в 09:00", id="in a week"
        ),
        pytest.param({}, NOON, "ru", "позже", id="never"),
        pytest.param({"sat": [["18:00", "20:00"]]}, NOON, "en", "today at 18:00", id="English"),
        pytest.param(
            {"mon": [["09:00", "20:00"]]}, NOON, "en", "on Monday at 09:00", id="a weekday"
        ),
        pytest.param(
            {"sat": [["09:00", "12:00"]]}, NOON, "en", "on 28 November at 09:00", id="a date"
        ),
        pytest.param(
            {"mon": [["09:00", "20:00"]]}, NOON, "fr", "on Monday at 09:00", id="another language"
        ),
        pytest.param(
            {"sun": [["09:00", "18:00"]]},
            datetime(2026, 11, 21, 21, 30, tzinfo=UTC),
            "ru",
            "сегодня в 09:00",
            id="after midnight in the team's own zone",
        ),
    ],
)
def test_the_opening_is_said_in_the_teams_zone_and_the_accounts_language(
    hours, now, language, said
):
    team = Team(
        id=Shop().team.id, name="Sales", hours=hours, away_text="{{opens}}|{{ opens }}|{{other}}"
    )
    assert words(team, now, language=language) == f"{said}|{said}|{{{{other}}}}"
