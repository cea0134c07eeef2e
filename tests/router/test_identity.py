"""Who is this: proved keys decide, claimed ones only suggest, and what people decided holds."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings, strategies as st

from router.identity import SHARED_BY, merge
from router.message import Key
from router.records import Claim, Contact, Lead, LeadEvent, Merge, Suggestion
from router.world import World
from tests.conftest import NOON
from tests.events import a_message, a_person, a_phone
from tests.router.worlds import Shop, a_contact

PHONE = "+79215551408"


def writes(shop: Shop, world: World, n: int, *keys: Key, minutes: float = 0) -> Contact:
    shop.receive(world, a_message(by=a_person(n, *keys), at=NOON + timedelta(minutes=minutes)))
    return world.contact(world.by_chat[shop.account, str(n)].contact_id)


def live(world: World) -> list[Contact]:
    return [each for each in world.contacts.values() if each.merged_into is None]


def test_a_proved_key_brings_the_event_to_its_contact():
    shop, world = (shop := Shop()), shop.world()
    one = writes(shop, world, 1, a_phone(PHONE))
    assert writes(shop, world, 2, a_phone(PHONE)) is one
    assert len(live(world)) == 1


def test_two_proved_keys_of_two_contacts_make_them_one_and_the_older_survives():
    shop, world = (shop := Shop()), shop.world()
    younger = writes(shop, world, 1, a_phone(PHONE), minutes=5)
    older = writes(shop, world, 2, minutes=1)
    survivor = writes(shop, world, 2, a_phone(PHONE), minutes=9)
    assert survivor is older
    assert younger.merged_into == older.id
    (record,) = world.all_of(Merge)
    assert PHONE in record.reason
    assert record.rule == "proved_keys"


def test_which_is_older_does_not_hang_on_what_arrived_first():
    shop, world = (shop := Shop()), shop.world()
    one = writes(shop, world, 1, a_phone(PHONE), minutes=5)
    other = writes(shop, world, 2, minutes=3)
    writes(shop, world, 1, minutes=1)  # late, and from before
    assert writes(shop, world, 2, a_phone(PHONE), minutes=9) is one
    assert other.merged_into == one.id


@pytest.mark.parametrize("claimed_first", [True, False])
def test_a_claimed_key_never_merges_and_a_person_is_asked_once(claimed_first):
    shop, world = (shop := Shop()), shop.world()
    steps = [(1, a_phone(PHONE)), (2, a_phone(PHONE, proved=False))]
    for n, key in reversed(steps) if claimed_first else steps:
        writes(shop, world, n, key)
    writes(shop, world, 2, a_phone(PHONE, proved=False))
    assert len(live(world)) == 2
    assert not world.all_of(Merge)
    (asked,) = world.all_of(Suggestion)
    assert asked.first_id < asked.second_id
    assert PHONE in asked.reasons[0]


def test_nobody_is_asked_about_a_claim_on_ones_own_key():
    shop, world = (shop := Shop()), shop.world()
    writes(shop, world, 1, a_phone(PHONE))
    writes(shop, world, 1, a_phone(PHONE, proved=False))
    assert not world.all_of(Suggestion)
    assert len(world.all_of(Claim)) == 1


def test_a_key_that_too_many_claim_identifies_nobody_any_more():
    shop, world = (shop := Shop()), shop.world()
    owner = writes(shop, world, 100, a_phone(PHONE))
    for n in range(SHARED_BY + 1):
        writes(shop, world, n, a_phone(PHONE, proved=False))
    assert ("phone", PHONE) in world.shared_keys
    stranger = writes(shop, world, 200, a_phone(PHONE))
    assert stranger is not owner
    assert not world.all_of(Merge)


def test_a_key_too_many_claimed_before_anybody_proved_it_is_shared_too():
    shop, world = (shop := Shop()), shop.world()
    for n in range(SHARED_BY + 1):
        writes(shop, world, n, a_phone(PHONE, proved=False))
    one, other = (writes(shop, world, n, a_phone(PHONE)) for n in (100, 200))
    assert one is not other


def test_under_the_ask_policy_nothing_merges_by_itself():
    shop, world = (shop := Shop()), shop.world()
    world.ask_before_merge = True
    one = writes(shop, world, 1, a_phone(PHONE))
    other = writes(shop, world, 2)
    assert writes(shop, world, 2, a_phone(PHONE)) is other
    assert one is not other
    (asked,) = world.all_of(Suggestion)
    assert asked.score == 100


def test_a_pair_told_apart_is_never_merged_and_not_asked_about():
    shop, world = (shop := Shop()), shop.world()
    one, other = writes(shop, world, 1, a_phone(PHONE)), writes(shop, world, 2)
    world.never_merge.add(frozenset((one.id, other.id)))
    assert writes(shop, world, 2, a_phone(PHONE)) is other
    assert len(live(world)) == 2
    assert not world.all_of(Suggestion)


def test_whom_one_was_told_apart_from_stays_apart_after_a_merge():
    """A and B are two. A becomes one with C: then B is not C either."""
    shop, world = (shop := Shop()), shop.world()
    a = writes(shop, world, 1, minutes=5)
    b = writes(shop, world, 2, a_phone(PHONE), minutes=2)
    c = writes(shop, world, 3, Key(kind="email", value="c@example.org"), minutes=1)
    world.never_merge.add(frozenset((a.id, b.id)))
    assert writes(shop, world, 1, Key(kind="email", value="c@example.org"), minutes=6) is c
    assert writes(shop, world, 3, a_phone(PHONE), minutes=7) is c
    assert {each.id for each in live(world)} == {b.id, c.id}


def test_a_group_is_nobody_and_its_members_are_themselves():
    shop, world = (shop := Shop()), shop.world()
    first = a_message(by=a_person(1), chat="-100")
    grouped = type(first)(
        **{
            **{f: getattr(first, f) for f in first.__struct_fields__},
            "chat": type(first.chat)(id="-100", kind="group", title="Ремонт"),
        }
    )
    shop.receive(world, grouped)
    conversation = world.by_chat[shop.account, "-100"]
    assert world.contacts[conversation.contact_id].kind == "group"
    assert conversation.contact_id != world.identities["telegram", "1"].contact_id
    assert not world.all_of(Lead)


# Merging


@settings(max_examples=100, deadline=None)
@given(st.permutations([(1, 2), (2, 3), (3, 4), (5, 6)]), st.data())
def test_merges_are_transitive_and_flat_in_every_order(pairs, data):
    """Who proved keys of both ends of a pair are one; the same pairs in any order give the same people."""
    shop, world = (shop := Shop()), shop.world()
    for n in data.draw(st.permutations(range(1, 8))):
        writes(shop, world, n, minutes=n)
    for one, other in pairs:
        writes(shop, world, one, Key(kind="telegram", value=str(other)), minutes=60)
    people: dict[object, set[str]] = {}
    for (_, value), identity in world.identities.items():
        people.setdefault(identity.contact_id, set()).add(value)
    assert sorted(map(sorted, people.values())) == [["1", "2", "3", "4"], ["5", "6"], ["7"]]
    assert {each.id for each in live(world)} == set(people)
    for contact in world.contacts.values():
        if contact.merged_into is not None:
            assert world.contacts[contact.merged_into].merged_into is None
    for conversation in world.conversations.values():
        assert conversation.contact_id in people
    # One open lead each, the oldest of all.
    assert set(world.open_leads) == set(people)
    for contact_id, lead in world.open_leads.items():
        assert lead.contact_id == contact_id
        assert lead.created_at == min(NOON + timedelta(minutes=int(n)) for n in people[contact_id])
    closed = [each for each in world.all_of(Lead) if each.status == "merged"]
    assert len(closed) == 7 - len(people)
    assert all(each.merged_into is not None and each.closed_at is not None for each in closed)


def test_a_merge_writes_down_all_that_it_moved_tombstones_too():
    shop, world = (shop := Shop()), shop.world()
    contacts = [writes(shop, world, n, minutes=n) for n in (1, 2, 3)]
    oldest, middle, youngest = contacts
    merge(world, middle, youngest, rule="by_hand", reason="", at=NOON)
    merge(world, oldest, middle, rule="by_hand", reason="", at=NOON)
    first, second = world.all_of(Merge)
    assert first.moved["identity"] == [world.identities["telegram", "3"].id]
    assert set(second.moved["identity"]) == {world.identities["telegram", n].id for n in "23"}
    assert second.moved["contact"] == [youngest.id]
    assert youngest.merged_into == middle.merged_into == oldest.id


def test_the_survivor_takes_the_name_and_the_manager_it_has_not():
    world = Shop().world()
    nameless, named = (
        a_contact(world),
        a_contact(world, minutes=1, name="Марина", manager_id=world.new_id()),
    )
    survivor = merge(world, named, nameless, rule="by_hand", reason="", at=NOON)
    assert survivor is nameless
    assert (survivor.name, survivor.manager_id) == ("Марина", named.manager_id)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2))))
def test_of_two_open_leads_the_older_stays_whoevers_it_was(order):
    shop, world = (shop := Shop()), shop.world()
    for n in order:
        writes(shop, world, n, minutes=n)
    # The younger contact's lead is the older one.
    younger = world.open_leads[world.identities["telegram", "2"].contact_id]
    younger.created_at = NOON - timedelta(days=1)
    survivor = writes(shop, world, 1, Key(kind="telegram", value="2"), minutes=9)
    assert world.open_leads == {survivor.id: younger}
    assert younger.contact_id == survivor.id
    assert [each.after for each in world.all_of(LeadEvent) if each.what == "merged"] == [
        str(younger.id)
    ]


def test_a_merged_person_is_no_first_contact_when_one_of_the_two_was_not():
    shop = Shop(lead_policy="first_contact")
    world = shop.world()
    one, other = a_contact(world), a_contact(world, minutes=1)
    world.last_closed[other.id] = NOON
    survivor = merge(world, one, other, rule="by_hand", reason="", at=NOON)
    assert world.last_closed[survivor.id] == NOON
