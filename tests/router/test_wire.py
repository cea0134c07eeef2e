"""What travels: every event and fact as bytes and back, samples of every version, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from router import wire
from router.facts import Fact
from router.message import Accepted, Event
from tests.events import a_message, accepted

SAMPLES = Path(__file__).parent / "wire_samples"

# What PostgreSQL and JSON can hold; lone surrogates never get so far (router.clean_text).
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  # the strategy wants it naive and adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
details = st.dictionaries(
    words,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
        max_leaves=3,
    ),
    max_size=2,
)


def a_value(type_: Any) -> st.SearchStrategy[Any]:
    """A strategy for a field's type, built from the Structs themselves: a new field is tested the day it is added."""
    origin, inner = get_origin(type_), get_args(type_)
    simple = {
        str: words,
        int: st.integers(-(2**53), 2**53),
        float: st.floats(allow_nan=False, allow_infinity=False, width=32),
        bool: st.booleans(),
        bytes: st.binary(max_size=8),
        datetime: moments,
        UUID: st.uuids(),
        type(None): st.none(),
        Any: details,
    }
    if type_ in simple:
        return simple[type_]
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is UnionType or str(origin) == "typing.Union":
        return st.one_of(*map(a_value, inner))
    if origin is tuple:
        return st.lists(a_value(inner[0]), max_size=2).map(tuple)
    if origin is dict:
        return details if inner[1] is Any else st.dictionaries(words, a_value(inner[1]), max_size=2)
    return a_struct(type_)


def a_struct(kind: type[Any]) -> st.SearchStrategy[Any]:
    """One that holds its own kind (visits before a visit) holds those that hold none."""
    hints = get_type_hints(kind)
    own = {name for name, type_ in hints.items() if type_ == tuple[kind, ...]}
    names = [field.name for field in msgspec.structs.fields(kind) if field.name not in own]
    fields = {name: a_value(hints[name]) for name in names}
    inner = st.builds(kind, **fields)
    return st.builds(
        kind, **fields, **{name: st.lists(inner, max_size=2).map(tuple) for name in own}
    )


EVENTS = get_args(Event)
FACTS = get_args(Fact)
by_name = {"ids": lambda kind: kind.__name__}


@pytest.mark.parametrize("kind", EVENTS, **by_name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_event_comes_back_as_it_went(kind, data):
    event = data.draw(a_struct(kind))
    sent = Accepted(
        id=data.draw(st.uuids()),
        account=data.draw(st.uuids()),
        channel=data.draw(words),
        received_at=data.draw(moments),
        event=event,
        raw=data.draw(st.none() | st.binary(max_size=20)),
        raw_ref=data.draw(words),
    )
    (body,) = wire.split_events(wire.encode_events([sent]))
    assert wire.decode_event(body) == sent


@pytest.mark.parametrize("kind", FACTS, **by_name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_fact_comes_back_as_it_went(kind, data):
    fact = data.draw(a_struct(kind))
    assert wire.decode_fact(wire.encode_fact(fact)) == fact


def test_every_kind_has_its_own_name():
    for kinds in (EVENTS, FACTS):
        names = [kind.__struct_config__.tag for kind in kinds]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "path", sorted(SAMPLES.glob("v1-event-*.json")), ids=lambda path: path.stem
)
def test_what_an_earlier_allo_wrote_is_still_read_the_same(path):
    batch = wire.split_events(path.read_bytes())
    events = [wire.decode_event(body) for body in batch]
    assert {type(each.event).__name__ for each in events} == {path.stem.rpartition("-")[2]}
    # Nothing of it is forgotten: what is written now says at least what was written then.
    for before, event in zip(json.loads(path.read_bytes())["events"], events, strict=True):
        assert json.loads(wire.encode_event(event)) == before


def test_every_event_has_a_sample():
    there = {path.stem.removeprefix("v1-event-") for path in SAMPLES.glob("v1-event-*.json")}
    assert there == {kind.__name__ for kind in EVENTS}


def test_facts_of_an_earlier_allo_are_still_read_the_same():
    lines = wire.unpack_facts((SAMPLES / "v1-facts.jsonl").read_bytes().rstrip(b"\n"))
    facts = [wire.decode_fact(line) for line in lines]
    assert {type(each) for each in facts} == set(FACTS)
    assert [json.loads(wire.encode_fact(each)) for each in facts] == [
        json.loads(line) for line in lines
    ]


def test_a_field_from_the_future_is_passed_over():
    """A newer process of the same version may say more; the older one reads what it knows."""
    body = json.loads(wire.encode_event(accepted(UUID(int=1), a_message())))
    body["event"]["mood"] = "curious"
    assert wire.decode_event(json.dumps(body).encode()).event.text == "hi"


def test_a_newer_version_is_refused_whole():
    body = wire.encode_events([accepted(UUID(int=1), a_message())])
    newer = body.replace(b'{"v":1,', b'{"v":%d,' % (wire.VERSION + 1), 1)
    with pytest.raises(wire.UnknownVersion, match=r"event\.v2"):
        wire.split_events(newer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"v":1}',
        b'{"v":"1","events":[]}',
        b'{"v":1,"events":{}}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_batch_is_undecodable(body):
    with pytest.raises(wire.Undecodable):
        wire.split_events(body)


@pytest.mark.parametrize(
    "bad",
    [
        b"{}",
        b"7",
        b'{"event":{"type":"no such event"}}',
        b'"words"',
        b'{"id":"not a uuid","account":"x","channel":"","received_at":"never","event":{}}',
    ],
)
def test_an_event_that_does_not_decode_does_not_cost_its_neighbours(bad):
    before, after = (accepted(UUID(int=n), a_message(text=str(n))) for n in (1, 2))
    body = wire.pack_events([wire.encode_event(before), bad, wire.encode_event(after)])

    first, broken, last = wire.split_events(body)

    assert wire.decode_event(first) == before
    assert wire.decode_event(last) == after
    with pytest.raises(wire.Undecodable):
        wire.decode_event(broken)


def test_a_time_without_a_zone_is_no_event_of_ours():
    body = wire.encode_event(accepted(UUID(int=1), a_message()))
    naive = json.loads(body)
    naive["event"]["at"] = "2026-11-21T12:00:00"
    with pytest.raises(wire.Undecodable):
        wire.decode_event(json.dumps(naive).encode())


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), max_size=40),
    limit=st.integers(30, 90),
)
def test_facts_are_packed_in_order_into_as_few_bodies_as_will_do(sizes, limit):
    facts = [b"%d" % (n % 10) * size for n, size in enumerate(sizes)]
    bodies = wire.pack_facts(facts, limit=limit)

    assert all(len(body) <= limit for body in bodies)
    assert [fact for body in bodies for fact in wire.unpack_facts(body)] == facts
    for one, other in pairwise(bodies):
        # Greedy: the first fact of the next body would not have fitted into this one.
        assert len(one) + 1 + len(wire.unpack_facts(other)[0]) > limit


def test_nothing_packs_to_nothing():
    assert wire.pack_facts([], limit=10) == []
    assert wire.unpack_facts(b"") == []


@settings(max_examples=60, deadline=None)
@given(offset=st.integers(-14, 14))
def test_times_of_any_zone_are_the_same_moments(offset):
    body = json.loads(wire.encode_event(accepted(UUID(int=1), a_message())))
    moment = datetime.fromisoformat(body["event"]["at"])
    sign = "-" if offset < 0 else "+"
    shifted = (moment + timedelta(hours=offset)).strftime("%Y-%m-%dT%H:%M:%S")
    body["event"]["at"] = f"{shifted}{sign}{abs(offset):02}:00"
    assert wire.decode_event(json.dumps(body).encode()).event.at == moment
