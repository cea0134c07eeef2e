"""What Asterisk's events say of a call: against captures of real ones, Asterisk 16.28."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings, strategies as st

from connectors.channels.asterisk.calls import MOST_CALLS, Calls
from router.message import CallReported
from sandbox.asterisk import Event, abandoned, answered as answered_scene, missed
from tests.connectors.channels.asterisk_world import (
    CUSTOMER,
    LATER,
    REAL,
    a_message,
    an_account,
    told,
)
from tests.connectors.channels.telephony_door import answered, by_key, story

STORIES = {
    "inbound_answered_direct": [
        "call:ringing", "101:ringing", "101:talking", "101:ended", "call:ended", "call:recorded",
    ],
    "inbound_missed_timeout": ["call:ringing", "101:ringing", "call:ended", "101:ended"],
    "inbound_caller_cancel": ["call:ringing", "101:ringing", "call:ended", "101:ended"],
    "queue_abandon": [
        "call:ringing", "101:ringing", "102:ringing", "101:ended", "102:ended", "call:ended",
    ],
    "queue_answered_blind_transfer": [
        "call:ringing", "101:ringing", "102:ringing", "101:ended", "102:talking", "102:transferred", "102:ended",
        "101:ringing", "101:talking", "101:ended", "call:ended",
    ],
    "click_to_call_ok": ["call:ringing", "101:talking", "101:ended", "call:ended"],
    "click_to_call_agent_no_answer": [],
    "attended_transfer": [
        "call:ringing", "101:ringing", "101:talking", "102:ringing", "102:talking", "101:transferred", "101:ended",
        "call:ended", "102:ended", "call:recorded",
    ],
}  # fmt: skip
"""The last of click-to-call is nobody's: it was asked for by another program, and no customer was ever called."""


def test_every_capture_has_its_story() -> None:
    assert STORIES.keys() == REAL.keys()


@pytest.mark.parametrize("scenario", STORIES)
def test_a_real_call_is_told_as_a_person_would(scenario: str) -> None:
    calls = Calls(an_account())
    assert story(told(REAL[scenario], calls)) == STORIES[scenario]
    assert calls.going_on == {}


def test_an_answered_call_says_who_and_how_long() -> None:
    reports = told(REAL["inbound_answered_direct"])
    for each in reports:
        assert (each.direction, each.theirs, each.ours) == ("in", CUSTOMER, "+74951234567")
        assert each.chat.id == CUSTOMER
        assert each.sender is not None
        assert each.sender.keys[0].value == CUSTOMER
    whole = reports[4]
    assert (whole.answered_by, whole.reason) == ("101", "Normal Clearing")
    assert whole.duration == pytest.approx(3.0, abs=0.1)
    assert whole.started_at == datetime(2026, 11, 21, 20, 29, 5, 683415, tzinfo=UTC)
    assert reports[5].recording.endswith("/monitor/testpbx-1795292945.72.wav")


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("inbound_missed_timeout", "noanswer"),
        ("inbound_caller_cancel", "cancel"),
        ("queue_abandon", "abandoned"),
    ],
)
def test_a_missed_call_was_not_answered_whatever_its_cause_and_cdr_say(
    scenario: str, reason: str
) -> None:
    reports = told(REAL[scenario])
    assert not answered(reports)
    (whole,) = [each for each in reports if each.phase == "ended" and not each.leg]
    assert (whole.reason, whole.answered_by, whole.duration) == (reason, "", None)
    # The Cdr that would say otherwise is there, and for one of them twice.
    fields = [dict(event) for event in REAL[scenario]]
    cdrs = [each for each in fields if each.get("Event") == "Cdr"]
    assert cdrs
    if scenario == "queue_abandon":
        assert [each["BillableSeconds"] for each in cdrs] == ["3", "2"]


def test_who_loses_the_race_did_not_miss_a_call() -> None:
    reports = told(REAL["queue_answered_blind_transfer"])
    loser = next(each for each in reports if each.extension == "101" and each.phase == "ended")
    assert loser.reason == "answered elsewhere"


@pytest.mark.parametrize(
    ("scenario", "from_", "to"),
    [("queue_answered_blind_transfer", "102", "101"), ("attended_transfer", "101", "102")],
)
def test_a_transfer_names_both_and_the_call_stays_one(scenario: str, from_: str, to: str) -> None:
    reports = told(REAL[scenario])
    (transfer,) = [each for each in reports if each.phase == "transferred"]
    assert (transfer.extension, transfer.transferred_to) == (from_, to)
    assert len({each.call for each in reports}) == 1
    assert [each.extension for each in reports if each.phase == "talking"] == [from_, to]
    assert reports[-2 if scenario == "attended_transfer" else -1].answered_by in {from_, ""}


def test_a_call_of_ours_is_talking_when_the_customer_answers() -> None:
    reports = told(REAL["click_to_call_ok"])
    for each in reports:
        assert (each.direction, each.theirs, each.ours) == ("out", CUSTOMER, "+74951234567")
        assert (each.extension, each.call, each.answered_by) == ("101", "crm-42-a", "")
    assert reports[1].duration is None
    assert reports[-1].duration == pytest.approx(1.1, abs=0.1)


def renamed(events: list[Event], old: str, new: str) -> list[Event]:
    return [[(name, value.replace(old, new)) for name, value in event] for event in events]


def test_a_call_that_we_asked_for_says_what_it_was_called() -> None:
    ours = renamed(REAL["click_to_call_ok"], "crm-42-a", "allo-0198-abc")
    assert {each.initiated for each in told(ours)} == {"0198-abc"}


def test_a_colleague_who_does_not_pick_up_ends_the_call_we_asked_for() -> None:
    failed = renamed(REAL["click_to_call_agent_no_answer"], "crm-43-a", "allo-0199-abc")
    failed = renamed(failed, "c2c-43", "allo-0199-abc")
    (report,) = told(failed)
    assert (report.phase, report.leg, report.reason) == ("ended", "", "noanswer")
    assert (report.initiated, report.theirs, report.extension) == ("0199-abc", CUSTOMER, "101")
    assert not answered([report])


def a_failure(id_: str, uniqueid: str = "<unknown>") -> Event:
    return [
        ("Event", "OriginateResponse"), ("ActionID", id_), ("Response", "Failure"), ("Channel", "PJSIP/999"),
        ("Exten", "79161234567"), ("Reason", "0"), ("Uniqueid", uniqueid),
    ]  # fmt: skip


def test_a_call_that_could_not_even_begin_is_told_by_its_action() -> None:
    (report,) = told([a_failure("allo-0200")])
    assert (report.call, report.reason, report.extension) == (
        "allo-0200",
        "no such extension",
        "999",
    )
    assert told([a_failure("another-programs")]) == []


@pytest.mark.parametrize("uniqueid", ["allo-0198", "<unknown>"])
def test_a_repeated_request_that_was_refused_does_not_end_the_call_that_is_going_on(
    uniqueid: str,
) -> None:
    """Measured: Asterisk says Success to the second Originate with the same ChannelId, and then Failure."""
    ours = renamed(REAL["click_to_call_ok"], "crm-42-a", "allo-0198")
    again = [*ours[:3], a_failure("allo-0198", uniqueid), *ours[3:]]
    assert told(again) == told(ours)


def test_the_answer_to_originate_may_come_after_the_hangup() -> None:
    failed = renamed(REAL["click_to_call_agent_no_answer"], "crm-43-a", "allo-0199-abc")
    failed = renamed(failed, "c2c-43", "allo-0199-abc")
    response = next(each for each in failed if dict(each).get("Event") == "OriginateResponse")
    late = [each for each in failed if each is not response] + [response]
    (report,) = told(late)
    assert (report.phase, report.theirs, report.reason) == ("ended", CUSTOMER, "noanswer")


def test_an_older_call_between_colleagues_does_not_swallow_a_customers() -> None:
    """Bridged together, Asterisk calls all of it by the oldest: the customer's call is told to its end under its own name."""
    events = REAL["inbound_answered_direct"]
    inside: Event = [
        ("Event", "Newchannel"), ("Channel", "PJSIP/102-0000000f"), ("Context", "from-internal"),
        ("Uniqueid", "0.1"), ("Linkedid", "0.1"),
    ]  # fmt: skip
    merged = [
        [(n, "0.1" if n == "Linkedid" else v) for n, v in event] if number > 60 else event
        for number, event in enumerate(events)
    ]
    assert told([inside, *merged]) == told(events)


def test_a_consultation_that_becomes_a_transfer_joins_the_customers_call() -> None:
    """As telephones do it that transfer by themselves: 101 calls 102 apart, and both calls become one."""
    events = REAL["inbound_answered_direct"]
    apart = [
        [("Event", "Newchannel"), ("Channel", f"PJSIP/{who}-0000001{n}"), ("Context", "from-internal"),
         ("Uniqueid", f"9.{n}"), ("Linkedid", "9.1")]
        for n, who in ((1, "101"), (2, "102"))
    ]  # fmt: skip
    joined: Event = [
        ("Event", "BridgeEnter"), ("Uniqueid", "9.2"), ("BridgeUniqueid", "b"), ("BridgeTechnology", "simple_bridge"),
        ("Linkedid", dict(events[52])["Linkedid"]),
    ]  # fmt: skip
    reports = told([*events[:53], *apart, joined])
    assert story(reports)[-1] == "102:talking"
    assert {each.call for each in reports} == {dict(events[52])["Linkedid"]}


def test_calls_between_colleagues_are_nobodys_business() -> None:
    inside = [
        [(name, "from-internal" if name.endswith("Context") else value) for name, value in event]
        for event in REAL["inbound_answered_direct"]
    ]
    assert told(inside) == []


def test_a_trunk_of_freepbx_has_a_context_of_its_own() -> None:
    event: Event = [
        ("Event", "Newchannel"), ("Channel", "PJSIP/mts-00000001"), ("CallerIDNum", "89161234567"),
        ("Context", "from-trunk-sip-mts"), ("Exten", "s"), ("Uniqueid", "1.1"), ("Linkedid", "1.1"),
    ]  # fmt: skip
    (report,) = told([event])
    assert (report.theirs, report.ours) == (CUSTOMER, "")


@pytest.mark.parametrize("number", ["anonymous", "<unknown>", "", "asterisk"])
def test_who_hides_their_number_has_a_chat_per_call(number: str) -> None:
    hidden = [
        [(name, number if name == "CallerIDNum" and value == "79161234567" else value) for name, value in event]
        for event in REAL["inbound_missed_timeout"]
    ]  # fmt: skip
    reports = told(hidden)
    assert {(each.chat.id, each.sender, each.theirs) for each in reports} == {
        ("call:testpbx-1795292951.90", None, "")
    }


def test_the_prefix_to_dial_outside_is_no_part_of_the_number() -> None:
    dialled = renamed(REAL["click_to_call_ok"], "79161234567", "979161234567")
    calls = Calls(an_account(dial_prefix="9"))
    assert {each.theirs for each in told(dialled, calls)} == {CUSTOMER}


def test_waiting_in_a_holding_bridge_is_no_conversation() -> None:
    parked = [
        [(n, "holding_bridge" if n == "BridgeTechnology" else v) for n, v in event]
        for event in REAL["inbound_answered_direct"]
    ]
    assert not answered(told(parked))


def test_recordings_that_nobody_could_fetch_are_not_told() -> None:
    reports = told(REAL["inbound_answered_direct"], Calls(an_account(recordings_url="")))
    assert "call:recorded" not in story(reports)


def test_without_timestamps_the_moment_of_reading_counts() -> None:
    bare = [
        [(n, v) for n, v in event if n != "Timestamp"] for event in REAL["inbound_missed_timeout"]
    ]
    assert {each.at for each in told(bare)} == {LATER}
    early = datetime(2026, 1, 1, tzinfo=UTC)
    assert {each.at for each in told(REAL["inbound_missed_timeout"], now=early)} == {early}


# What must not matter


@given(seed=st.integers())
@settings(max_examples=30, deadline=None)
def test_calls_at_the_same_time_do_not_mix(seed: int) -> None:
    chance = random.Random(seed)
    waiting = [list(events) for events in REAL.values()]
    together: list[Event] = []
    while waiting:
        one = chance.choice(waiting)
        together.append(one.pop(0))
        waiting = [each for each in waiting if each]
    alone = by_key(report for events in REAL.values() for report in told(events))
    assert by_key(told(together)) == alone


@pytest.mark.parametrize("scenario", STORIES)
def test_events_that_come_twice_are_told_once(scenario: str) -> None:
    doubled = [event for event in REAL[scenario] for _ in range(2)]
    reports = told(doubled)
    assert reports == told(REAL[scenario])
    assert len(by_key(reports)) == len(reports)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_shuffled_and_doubled_reports_are_the_same_set(data: st.DataObject) -> None:
    reports = told(REAL[data.draw(st.sampled_from(sorted(STORIES)))])
    shuffled = data.draw(st.permutations([*reports, *reports]))
    assert by_key(shuffled) == by_key(reports)
    assert len(by_key(reports)) == len(reports)


@pytest.mark.parametrize("scenario", STORIES)
def test_the_order_of_cdr_does_not_matter(scenario: str) -> None:
    def name(event: Event) -> str:
        return dict(event).get("Event", "")

    without = [event for event in REAL[scenario] if name(event) not in {"Cdr", "CEL"}]
    assert told(without) == told(REAL[scenario])


@pytest.mark.parametrize("scenario", STORIES)
def test_another_process_goes_on_where_one_stopped(scenario: str) -> None:
    whole = told(REAL[scenario])
    for cut in range(0, len(REAL[scenario]), 7):
        first = Calls(an_account())
        before = told(REAL[scenario][:cut], first)
        second = Calls(an_account())
        second.restore(first.keep())
        assert [*before, *told(REAL[scenario][cut:], second)] == whole


@given(st.lists(st.lists(st.tuples(st.sampled_from(
    ["Event", "Uniqueid", "Linkedid", "DestUniqueid", "Channel", "Context", "CallerIDNum", "Timestamp", "BridgeUniqueid",
     "Response", "ActionID", "Reason", "Exten", "Variable", "Value", "Result"]),
    st.one_of(st.sampled_from(["Newchannel", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup", "VarSet",
     "OriginateResponse", "CoreShowChannel", "BlindTransfer", "1", "2", "allo-1", "Failure", "Success", "from-trunk",
     "PJSIP/101-00000001", "MIXMONITOR_FILENAME", "1e400", "nan"]), st.text(max_size=5))), max_size=10), max_size=40))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_whatever_comes_nothing_falls_over(events: list[Event]) -> None:
    calls = Calls(an_account())
    reports = told(events, calls)
    assert all(each.at <= LATER for each in reports)
    again = Calls(an_account())
    again.restore(calls.keep())
    assert again.going_on == calls.going_on


@pytest.mark.parametrize("kept", ["", "{", "[]", "null", '[{"id": 1}]'])
def test_a_cursor_that_cannot_be_read_is_as_none(kept: str) -> None:
    calls = Calls(an_account())
    calls.restore(kept)
    assert calls.going_on == {}


def test_ghosts_make_room_for_the_living() -> None:
    calls = Calls(an_account())
    for number in range(0, (MOST_CALLS + 5) * 10, 10):
        ring = next(iter(missed(number, caller="79161234567", did="74951234567", extension="101")))
        last = calls.take(a_message(ring), now=LATER)
    assert len(calls.going_on) == MOST_CALLS
    assert story(last) == ["call:ended", "call:ringing"]
    assert last[0].reason == "lost sight of"


def test_the_scenes_of_the_stand_in_are_as_real_ones() -> None:
    def shown(scene: list[Event]) -> list[str]:
        return story(told(scene, Calls(an_account(recordings_url=""))))

    who = {"caller": "79161234567", "did": "74951234567", "extension": "101"}
    assert shown(list(answered_scene(10, **who))) == STORIES["inbound_answered_direct"][:-1]
    assert shown(list(missed(10, **who))) == STORIES["inbound_missed_timeout"]
    assert not answered(told(abandoned(10, **who)))


def test_a_report_says_when_it_all_was() -> None:
    reports: list[CallReported] = told(REAL["inbound_answered_direct"])
    talking, whole = reports[2], reports[4]
    assert whole.started_at is not None
    assert whole.answered_at is not None
    assert whole.ended_at is not None
    assert whole.started_at < whole.answered_at < whole.ended_at
    assert talking.answered_at == whole.answered_at
