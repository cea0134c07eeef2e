"""Who answers: fair turns, the least to do, nobody idle while somebody waits, and a reason for everything."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from router import assignment, deciding
from router.records import CLOSED, Assignment, Conversation
from tests.conftest import NOON
from tests.events import a_message, a_person
from tests.router.worlds import NINE_TO_SIX, Shop, a_contact, a_conversation


def arrives(shop: Shop, world: Any, n: int, **message: Any) -> Conversation:
    """A new person writes; their conversation."""
    shop.receive(world, a_message(by=a_person(n), **message))
    return world.by_chat[shop.account, str(n)]


def reason(world: Any, conversation: Conversation) -> Assignment:
    return next(
        each for each in world.all_of(Assignment) if each.conversation_id == conversation.id
    )


# Round robin


@settings(max_examples=60, deadline=None)
@given(people=st.integers(1, 6), messages=st.integers(1, 40))
def test_turns_differ_by_one_at_most_in_every_window(people, messages):
    shop = Shop()
    for n in range(people):
        shop.hire(f"M{n}")
    world = shop.world()
    taken = [arrives(shop, world, n).manager_id for n in range(messages)]
    for begin in range(messages):
        for end in range(begin + 1, messages + 1):
            counts = Counter(dict.fromkeys(shop.managers, 0))
            counts.update(taken[begin:end])
            assert max(counts.values()) - min(counts.values()) <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.just("message"),
            st.tuples(st.sampled_from(["here", "away", "hire"]), st.integers(0, 5)),
        ),
        max_size=60,
    )
)
def test_turns_stay_fair_while_people_come_and_go(story):
    """Whoever is chosen has waited longest since their last turn, whoever else left, came or came back meanwhile."""
    shop = Shop()
    for n in range(3):
        shop.hire(f"M{n}")
    world = shop.world()
    last: dict[Any, int] = {}
    stable: list[Any] = []
    for n, step in enumerate(story):
        if step == "message":
            present = [each for each in shop.managers.values() if each.presence == "here"]
            chosen = arrives(shop, world, n).manager_id
            if not present:
                assert chosen is None
                continue
            assert last.get(chosen, -1) == min(last.get(each.id, -1) for each in present)
            last[chosen] = n
            stable.append(chosen)
            counts = Counter({each.id: 0 for each in present})
            counts.update(
                stable[-2 * len(present) :] if len(stable) >= 2 * len(present) else stable
            )
            assert max(counts.values()) - min(counts.values()) <= 1
        else:
            what, who = step
            if what == "hire":
                if len(shop.managers) < 6:
                    shop.hire(f"N{n}")
            else:
                # Shop.managers stands for the rows: the world sees what a colleague sets.
                list(shop.managers.values())[who % len(shop.managers)].presence = what
            stable = []


def test_a_newcomer_is_next_once_and_then_like_everybody():
    shop = Shop()
    anna, boris = shop.hire("Anna"), shop.hire("Boris")
    world = shop.world()
    for n in range(6):
        arrives(shop, world, n)
    vera = shop.hire("Vera")
    taken = [arrives(shop, world, n).manager_id for n in range(6, 12)]
    assert taken[0] == vera.id
    assert Counter(taken) == {anna.id: 2, boris.id: 2, vera.id: 2}


# Least loaded


@settings(max_examples=80, deadline=None)
@given(
    team=st.lists(
        st.tuples(st.integers(1, 8) | st.none(), st.integers(0, 8)), min_size=1, max_size=5
    ),
    messages=st.integers(1, 25),
)
def test_the_least_loaded_never_has_more_to_do_than_somebody_who_could(team, messages):
    shop = Shop()
    shop.team.strategy = "least_loaded"
    for n, (capacity, busy) in enumerate(team):
        shop.hire(f"M{n}", capacity=capacity, open_conversations=busy)
    world = shop.world()

    def load(manager: Any) -> float:
        return manager.open_conversations / (manager.capacity or assignment.USUAL_CAPACITY)

    for n in range(messages):
        before = {each.id: load(each) for each in shop.managers.values()}
        able = {
            each.id
            for each in shop.managers.values()
            if each.capacity is None or each.open_conversations < each.capacity
        }
        chosen = arrives(shop, world, n).manager_id
        assert (chosen is None) == (not able)
        if chosen is not None:
            assert chosen in able
            assert before[chosen] == min(before[each] for each in able)


def test_equal_loads_take_turns():
    shop = Shop()
    shop.team.strategy = "least_loaded"
    managers = [shop.hire(name, capacity=50) for name in ("Anna", "Boris", "Vera")]
    world = shop.world()
    taken = []
    for n in range(9):
        conversation = arrives(shop, world, n)
        taken.append(conversation.manager_id)
        deciding.set_status(world, conversation, "resolved", by=None)
    assert Counter(taken) == {each.id: 3 for each in managers}


# Capacity, availability, and nobody idle while somebody waits


@settings(max_examples=80, deadline=None)
@given(
    capacities=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    strategy=st.sampled_from(["round_robin", "least_loaded"]),
    story=st.lists(
        st.sampled_from(["message", "resolve", "reopen", "away", "here", "hand out"]), max_size=60
    ),
    choose=st.randoms(use_true_random=False),
)
def test_capacity_holds_counters_agree_and_nobody_is_idle_while_somebody_waits(
    capacities, strategy, story, choose
):
    shop = Shop()
    shop.team.strategy = strategy
    for n, capacity in enumerate(capacities):
        shop.hire(f"M{n}", capacity=capacity)
    world = shop.world()
    people = 0
    for step in story:
        existing = sorted(world.conversations.values(), key=lambda each: each.chat)
        match step:
            case "message":
                arrives(shop, world, people)
                people += 1
            case "resolve" if existing:
                deciding.set_status(world, choose.choice(existing), "resolved", by=None)
            case "reopen" if existing:
                chat = choose.choice(existing).chat
                shop.receive(world, a_message(by=a_person(int(chat))))
            case "away" | "here":
                choose.choice(list(shop.managers.values())).presence = (
                    "off" if step == "away" else "here"
                )
            case "hand out":
                deciding.hand_out(world, list(world.conversations.values()))
            case _:
                continue
        for manager in shop.managers.values():
            theirs = [
                each
                for each in world.conversations.values()
                if each.manager_id == manager.id and each.status not in CLOSED
            ]
            assert manager.open_conversations == len(theirs) <= manager.capacity
        live = Counter(each.conversation_id for each in world.all_of(Assignment))
        assert max(live.values(), default=0) <= 1
    deciding.hand_out(world, list(world.conversations.values()))
    waiting = [each for each in world.conversations.values() if assignment.needs_somebody(each)]
    idle = [
        each
        for each in shop.managers.values()
        if each.presence == "here" and each.open_conversations < each.capacity
    ]
    assert not (waiting and idle)


def test_what_waits_is_handed_out_oldest_first():
    shop = Shop()
    anna = shop.hire("Anna", capacity=0)
    world = shop.world()
    late, early, middle = (
        arrives(shop, world, n, at=NOON + timedelta(minutes=m)) for n, m in ((1, 9), (2, 1), (3, 5))
    )
    anna.capacity = 2
    assert deciding.hand_out(world, [late, early, middle]) == 2
    assert (early.manager_id, middle.manager_id, late.manager_id) == (anna.id, anna.id, None)


def test_a_reopened_conversation_counts_once_for_its_manager():
    shop = Shop()
    anna = shop.hire("Anna", capacity=1)
    world = shop.world()
    conversation = arrives(shop, world, 1)
    deciding.set_status(world, conversation, "resolved", by=None)
    assert anna.open_conversations == 0
    arrives(shop, world, 1)
    assert (conversation.manager_id, anna.open_conversations) == (anna.id, 1)


def test_a_reopened_conversation_leaves_its_manager_who_has_gone():
    shop = Shop()
    anna, boris = shop.hire("Anna"), shop.hire("Boris")
    world = shop.world()
    conversation = arrives(shop, world, 1)
    deciding.set_status(world, conversation, "resolved", by=None)
    anna.presence = "off"
    arrives(shop, world, 1)
    assert conversation.manager_id == boris.id
    assert (anna.open_conversations, boris.open_conversations) == (0, 1)
    # Why not Anna is kept with the answer.
    assert {"manager": str(anna.id), "why": "is off"} in reason(world, conversation).refused


@pytest.mark.parametrize(
    ("seen", "can"),
    [
        pytest.param(None, False, id="never seen"),
        pytest.param(timedelta(minutes=3), False, id="gone"),
        pytest.param(timedelta(seconds=90), True, id="here"),
    ],
)
def test_a_team_may_ask_for_a_live_session(seen, can):
    shop = Shop()
    shop.team.needs_session = True
    anna = shop.hire("Anna", seen_at=None if seen is None else NOON - seen)
    conversation = arrives(shop, shop.world(), 1)
    assert (conversation.manager_id == anna.id) is can


def test_outside_working_hours_it_waits_and_the_reason_says_so():
    shop = Shop()
    shop.team.hours = NINE_TO_SIX
    anna = shop.hire("Anna")
    world = shop.world()
    conversation = arrives(shop, world, 1)
    assert conversation.manager_id is None
    made = reason(world, conversation)
    assert made.rule == "queue"
    assert made.refused == [{"manager": str(anna.id), "why": "is outside working hours"}]


# Returning customers


@pytest.mark.parametrize(
    ("presence", "minutes", "returns"),
    [
        pytest.param("here", 0, True, id="here"),
        pytest.param("away", 29, True, id="away for less than the patience"),
        pytest.param("away", 30, False, id="away for as long as the patience"),
        pytest.param("off", 1, False, id="off"),
    ],
)
def test_a_returning_customer_waits_for_their_manager_only_so_long(presence, minutes, returns):
    shop = Shop()
    anna, boris = shop.hire("Anna"), shop.hire("Boris")
    world = shop.world()
    conversation = arrives(shop, world, 1)
    assert conversation.manager_id == anna.id
    deciding.set_status(world, conversation, "resolved", by=None)
    anna.presence, anna.presence_since = presence, NOON - timedelta(minutes=minutes)
    arrives(shop, world, 1)
    assert conversation.manager_id == (anna.id if returns else boris.id)
    assert reason(world, conversation).rule == (
        "returning_customer" if returns else "team_round_robin"
    )


def test_a_returning_customer_does_not_use_up_their_managers_turn():
    shop = Shop()
    anna, boris = shop.hire("Anna"), shop.hire("Boris")
    world = shop.world()
    first = arrives(shop, world, 1)
    assert first.manager_id == anna.id
    deciding.set_status(world, first, "resolved", by=None)
    arrives(shop, world, 1)
    assert arrives(shop, world, 2).manager_id == boris.id
    assert arrives(shop, world, 3).manager_id == anna.id


# Broadcast, and who is left when there is nobody


def test_broadcast_is_everybodys_until_somebody_answers():
    shop = Shop()
    shop.team.strategy = "broadcast"
    shop.hire("Anna")
    world = shop.world()
    conversation = arrives(shop, world, 1)
    assert conversation.manager_id is None
    assert reason(world, conversation).rule == "broadcast"
    assert deciding.hand_out(world, [conversation]) == 0


def test_without_a_single_manager_the_administrator_answers():
    shop = Shop()
    root = shop.hire("Root", role="admin", in_team=False)
    world = shop.world()
    conversation = arrives(shop, world, 1)
    assert conversation.manager_id == root.id
    assert reason(world, conversation).rule == "administrator"


def test_a_busy_team_does_not_fall_to_the_administrator():
    shop = Shop()
    shop.hire("Root", role="admin", in_team=False)
    shop.hire("Anna", capacity=0)
    assert arrives(shop, shop.world(), 1).manager_id is None


# Silence


def silent(shop: Shop, world: Any) -> Conversation:
    contact = a_contact(world)
    conversation = a_conversation(world, shop.account, contact, team_id=shop.team.id)
    assignment.assign(world, conversation, contact=contact, lead=None)
    return conversation


def test_silence_moves_it_on_to_the_next_and_then_to_the_lead():
    shop = Shop(silence_minutes=10, silence_moves=2)
    anna, boris, vera = (shop.hire(name) for name in ("Anna", "Boris", "Vera"))
    chief = shop.hire("Chief", is_lead=True, capacity=0)
    world = shop.world()
    conversation = silent(shop, world)
    assert conversation.manager_id == anna.id
    assert conversation.silence_due_at == NOON + timedelta(minutes=10)

    went = []
    for _ in range(3):
        world.now += timedelta(minutes=10)
        assignment.move_on(world, conversation, lead=None)
        went.append((conversation.manager_id, reason(world, conversation).rule))
    assert went == [(boris.id, "silence"), (vera.id, "silence"), (chief.id, "silence_lead")]
    assert conversation.silence_due_at is None
    assert "Vera did not answer within 10 working minutes" in reason(world, conversation).reason
    assert [each.open_conversations for each in (anna, boris, vera, chief)] == [0, 0, 0, 1]


def test_silence_goes_straight_to_the_lead_when_there_is_nobody_next():
    shop = Shop(silence_minutes=10, silence_moves=2)
    shop.hire("Anna")
    chief = shop.hire("Chief", is_lead=True, capacity=0)
    world = shop.world()
    conversation = silent(shop, world)
    assignment.move_on(world, conversation, lead=None)
    assert conversation.manager_id == chief.id


def test_silence_without_anybody_else_is_looked_at_again():
    shop = Shop(silence_minutes=10)
    anna = shop.hire("Anna")
    world = shop.world()
    conversation = silent(shop, world)
    world.now += timedelta(minutes=10)
    assignment.move_on(world, conversation, lead=None)
    assert conversation.manager_id == anna.id
    assert conversation.silence_due_at == NOON + timedelta(minutes=20)
    assert anna.open_conversations == 1


def test_silence_counts_working_minutes():
    shop = Shop(silence_minutes=10)
    shop.team.hours = NINE_TO_SIX
    anna = shop.hire("Anna")
    world = shop.world(now=NOON - timedelta(days=1, minutes=-175))  # Friday, 17:55 in Moscow
    contact = a_contact(world)
    conversation = a_conversation(world, shop.account, contact, at=world.now)
    assignment.assign(world, conversation, contact=contact, lead=None)
    assert conversation.manager_id == anna.id
    # Five minutes on Friday, five on Monday from nine o'clock.
    assert conversation.silence_due_at == NOON + timedelta(days=1, hours=18, minutes=5)


def test_silence_that_was_switched_off_moves_nothing():
    shop = Shop(silence_minutes=None)
    anna, _ = shop.hire("Anna"), shop.hire("Boris")
    world = shop.world()
    conversation = silent(shop, world)
    conversation.silence_due_at = NOON
    assignment.move_on(world, conversation, lead=None)
    assert (conversation.manager_id, conversation.silence_due_at) == (anna.id, None)


@settings(max_examples=40, deadline=None)
@given(
    strategy=st.sampled_from(["round_robin", "least_loaded", "broadcast"]),
    open_=st.booleans(),
    capacities=st.lists(st.integers(0, 2) | st.none(), max_size=3),
    messages=st.integers(1, 6),
)
def test_every_assignment_has_its_reason(strategy, open_, capacities, messages):
    shop = Shop()
    shop.team.strategy = strategy
    shop.team.hours = None if open_ else NINE_TO_SIX
    for n, capacity in enumerate(capacities):
        shop.hire(f"M{n}", capacity=capacity)
    world = shop.world()
    for n in range(messages):
        made = reason(world, arrives(shop, world, n))
        assert made.rule
        assert made.reason
        if made.manager_id is not None:
            assert shop.managers[made.manager_id].name in made.reason
        elif strategy != "broadcast":
            assert {each["manager"] for each in made.refused} == {
                str(each) for each in shop.managers
            }
            assert all(each["why"] for each in made.refused)
