"""Edits, deletions, reactions and delivery states: the same end in whatever order they are told."""

import itertools
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from router.message import Chat, ReactionChanged
from router.records import Message
from router.world import World
from tests.conftest import NOON
from tests.events import (
    a_deletion,
    a_message,
    a_person,
    a_phone,
    a_report,
    a_shared_contact,
    an_edit,
)
from tests.router.worlds import Shop


def final(world: World, shop: Shop, message):
    return world.stored[shop.account, message.external_id]


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(5)), st.lists(st.sampled_from("ab"), min_size=4, max_size=4))
def test_the_latest_edit_stands_whatever_came_first(order, words):
    """Also a change that was taken back: the text is then what it was, and yet an edit."""
    message = a_message(text="a")
    events = [message, *(an_edit(message, text, later=10 * n) for n, text in enumerate(words, 1))]
    shop = Shop()
    world = shop.world()
    shop.receive(world, *(events[n] for n in order))
    assert final(world, shop, message).text == words[-1]
    assert world.to_wait == []


def test_an_edit_that_changes_nothing_is_not_told():
    shop = Shop()
    world = shop.world()
    message = a_message(text="a")
    shop.receive(world, message)
    told = len(world.facts)
    shop.receive(world, an_edit(message, "a"))
    assert len(world.facts) == told
    assert final(world, shop, message).edited_at is None


def test_the_words_before_the_first_edit_are_kept():
    shop = Shop()
    world = shop.world()
    message = a_message(text="a")
    shop.receive(world, message, an_edit(message, "b", later=1), an_edit(message, "c", later=2))
    assert final(world, shop, message).details["before_edit"] == "a"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_persons_reactions_are_the_latest(order):
    message = a_message()
    by = a_person(1)

    def reacts(emoji: str, second: float) -> ReactionChanged:
        return ReactionChanged(
            key=f"{emoji}{second}",
            chat=message.chat,
            at=NOON + timedelta(seconds=second),
            sender=by,
            external_id=message.external_id,
            emoji=(emoji,),
        )

    events = [message, reacts("👍", 1), reacts("🔥", 1.5)]
    shop = Shop()
    world = shop.world()
    shop.receive(world, *(events[n] for n in order))
    (reaction,) = final(world, shop, message).reactions.values()
    assert reaction["emoji"] == ["🔥"]


STATES = ("sent", "delivered", "read", "failed")
_FAR = {"sent": 1, "failed": 2, "delivered": 3, "read": 4}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=5))
def test_a_reply_comes_as_far_as_the_furthest_report(reports):
    shop = Shop()
    world = shop.world()
    ours = a_message()
    shop.receive(world, ours)
    stored = final(world, shop, ours)
    stored.direction, stored.state = "out", "sent"
    shop.receive(world, *(a_report(ours.external_id, state) for state in reports))
    assert stored.state == max(["sent", *reports], key=_FAR.__getitem__)


def test_what_came_before_a_shared_contact_is_applied_to_it():
    shop = Shop()
    world = shop.world()
    card = a_shared_contact(a_person(1), a_phone("+79215551408"))
    shop.receive(world, a_deletion(card), card)
    assert final(world, shop, card).deleted_at is not None
    assert world.to_wait == []


def test_an_event_about_several_messages_waits_until_the_last_of_them_came():
    one, other = a_message(), a_message()
    both = type(a_deletion(one))(
        key="both", chat=Chat(id="1"), at=NOON, external_ids=(one.external_id, other.external_id)
    )
    shop = Shop()
    world = shop.world()
    shop.receive(world, both, one)
    assert world.outcomes[shop.account, "both"] == "waiting for its message"
    shop.receive(world, other)
    assert (shop.account, "both") not in world.outcomes
    assert {each.external_id for each in world.all_of(Message)} == {
        one.external_id,
        other.external_id,
    }
    assert all(final(world, shop, each).deleted_at for each in (one, other))


def test_a_late_word_from_a_colleague_does_not_answer_what_came_after_it():
    """Written in the platform's own app at 12:05, told of after the customer's message of 12:10."""
    shop = Shop()
    world = shop.world()
    shop.receive(world, a_message(at=NOON), a_message(at=NOON + timedelta(minutes=10)))
    shop.receive(world, a_message(direction="out", at=NOON + timedelta(minutes=5)))
    (conversation,) = world.conversations.values()
    assert conversation.waiting_since == NOON + timedelta(minutes=10)
    assert conversation.unread > 0
    shop.receive(world, a_message(direction="out", at=NOON + timedelta(minutes=15)))
    assert (conversation.waiting_since, conversation.unread) == (None, 0)


def test_a_report_with_our_own_name_for_a_message_does_not_wait_twice():
    """It waits by both names, and is over with the first of them that is found."""
    shop = Shop()
    world = shop.world()
    message = a_message(text="a", direction="out")
    report = replace(a_report(message.external_id, "delivered"), own=str(UUID(int=7)))
    shop.receive(world, report)
    assert {external_id for external_id, _ in world.to_wait} == {
        message.external_id,
        f"own:{UUID(int=7)}",
    }
    shop.receive(world, message)
    assert world.to_wait == []
    assert final(world, shop, message).state == "delivered"


def test_what_is_no_name_of_ours_is_not_waited_for():
    shop = Shop()
    world = shop.world()
    report = replace(a_report("wamid.x", "delivered"), own="outbox-17")
    shop.receive(world, report)
    assert len(world.to_wait) == 1


def test_a_reply_whose_sending_had_no_answer_is_found_by_our_own_name():
    shop = Shop()
    world = shop.world()
    message = a_message(text="a", direction="out")
    shop.receive(world, message)
    lost = world.stored.pop((shop.account, message.external_id))
    lost.external_id, lost.state = None, "unknown"
    world.unanswered[lost.id] = lost
    told = replace(
        a_report(message.external_id, "sent"), external_ids=("wamid.1",), own=str(lost.id)
    )
    shop.receive(world, told)
    assert (lost.external_id, lost.state) == ("wamid.1", "sent")
    assert world.to_wait == []
