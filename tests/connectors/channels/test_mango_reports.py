"""What Mango Office posts, and what it says of a call."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from connectors.channels.mango import connector
from connectors.channels.mango.reports import signature
from connectors.connector import Request
from connectors.errors import Malformed, ReceiveError, Unverified
from router.message import SourceKeys
from tests.connectors.channels.calls_world import (
    ANNA,
    AT,
    NOON,
    SHOP,
    every_event_is_kept_for_rereading,
    posted,
    reports_of,
    shuffled_and_doubled,
)
from tests.connectors.channels.mango_world import (
    ANSWERED,
    CONSULTED,
    ENTRY,
    KEY,
    MISSED,
    RECORDED,
    SALT,
    a_leg,
    a_request,
    a_summary,
    an_account,
    received,
    report_of,
    requests_of,
)

PHONE = f"+{ANNA}"


# Proof


def test_the_signature_is_the_documented_one() -> None:
    assert (
        signature("KEY", '{"entry_id":"E1","call_id":"C1"}', "SALT")
        == "9780c3c1eaea6a54794d88fbcf256c3492b78a2b2d2c9a26a4a6fe46d24935d0"
    )


def test_what_is_signed_is_the_json_as_it_was_written() -> None:
    told = json.dumps(a_leg("Appeared", 1), indent=1).replace("/", "\\/")
    assert received(a_request("events/call", told)).incoming


@pytest.mark.parametrize(
    ("request_", "missing"),
    [
        (a_request("events/call", a_leg("Appeared", 1), salt="another"), False),
        (a_request("events/call", a_leg("Appeared", 1), key="another"), False),
        (posted({"vpbx_api_key": KEY, "json": "{}"}, "events/call"), True),
        (posted({"vpbx_api_key": KEY, "json": "{}", "sign": ""}, "events/call"), False),
        (posted({"vpbx_api_key": KEY, "json": "{}", "sign": "ш"}, "events/call"), False),
        (posted({}, "events/call"), True),
    ],
)
def test_without_the_right_signature_nothing_is_read(request_: Request, *, missing: bool) -> None:
    with pytest.raises(Unverified) as refused:
        received(request_)
    assert refused.value.missing == missing


def test_another_exchanges_code_is_refused_though_the_signature_is_right() -> None:
    told = json.dumps(a_leg("Appeared", 1))
    fields = {"vpbx_api_key": "other", "json": told, "sign": signature(KEY, told, SALT)}
    with pytest.raises(Unverified):
        received(posted(fields, "events/call"))


def test_only_from_the_listed_addresses_when_there_is_a_list() -> None:
    account = an_account(allowed_ips="81.88.80.132, 81.88.82.32/28")
    request = a_request("events/call", a_leg("Appeared", 1))
    for remote in ("81.88.80.132", "81.88.82.45", "::ffff:81.88.80.132"):
        assert received(replace(request, remote=remote), account).incoming
    for remote in ("81.88.80.1", "", "2001:db8::1"):
        with pytest.raises(Unverified):
            received(replace(request, remote=remote), account)


def test_a_list_that_cannot_be_read_lets_nobody_in() -> None:
    request = a_request("events/call", a_leg("Appeared", 1), remote="81.88.80.132")
    with pytest.raises(Unverified):
        received(request, an_account(allowed_ips="mango"))


def test_the_cabinets_test_is_answered() -> None:
    for request in (posted({}, "ping"), a_request("ping", {})):
        assert received(request).ignored == ("ping: a test from the cabinet",)
        assert received(request).answer.status == 200


@pytest.mark.parametrize("told", ["", "null", "[]", '"x"', "{", "[" * 50_000])
def test_a_signed_body_that_is_no_event_is_malformed(told: str) -> None:
    with pytest.raises(Malformed):
        received(a_request("events/call", told))


# A call and its legs


def test_a_ringing_extension() -> None:
    report = report_of("events/call", a_leg("Appeared", 1))
    assert report.key == f"leg:{ENTRY}:L1:1"
    assert (report.call, report.leg) == (ENTRY, "L1")
    assert (report.phase, report.direction) == ("ringing", "in")
    assert (report.theirs, report.ours) == (PHONE, f"+{SHOP}")
    assert (report.extension, report.answered_by) == ("101", "")
    assert report.chat.id == PHONE
    assert report.sender is not None
    (key,) = report.sender.keys
    assert (key.kind, key.value, key.proof) == ("phone", PHONE, "proved")
    assert report.at == report.started_at == NOON - timedelta(minutes=1)


def test_an_answered_call() -> None:
    reports = reports_of(received, requests_of(ANSWERED))
    phases = [(each.leg, each.phase, each.extension, each.answered_by) for each in reports.values()]
    assert phases == [
        ("L1", "ringing", "", ""),
        ("L1", "ringing", "", ""),
        ("L1", "ringing", "", ""),
        ("L2", "ringing", "101", ""),
        ("L2", "talking", "101", "101"),
        ("L2", "ended", "101", ""),
        ("", "ended", "101", "101"),
        ("", "recorded", "", ""),
    ]
    summary = reports[f"summary:{ENTRY}"]
    assert summary.duration == 45
    assert summary.answered_at == NOON - timedelta(seconds=50)
    assert summary.ended_at == NOON - timedelta(seconds=5)
    assert summary.started_at == NOON - timedelta(seconds=60)
    assert summary.reason == "1110 the caller hung up"


@pytest.mark.parametrize("location", ["ivr", "queue", "", "somewhere"])
def test_a_menu_or_a_queue_that_connects_is_nobody_who_answered(location: str) -> None:
    report = report_of("events/call", a_leg("Connected", 2, location=location))
    assert report.phase == "ringing"
    assert not report.answered_by


def test_the_misspelt_location_of_the_examples_is_understood() -> None:
    told = a_leg("Connected", 2)
    told["locaton"] = told.pop("location")
    assert report_of("events/call", told).phase == "talking"


@pytest.mark.parametrize(
    ("seq", "more", "transferred"),
    [
        (2, {"from": {"number": ANNA, "taken_from_call_id": "L0"}}, ""),
        (3, {"from": {"number": ANNA, "taken_from_call_id": "L0"}}, "101"),
        (2, {"from": {"number": ANNA, "was_transferred": True}}, "101"),
        (2, {"to": {"extension": "101", "was_transferred": "1"}}, "101"),
        (2, {"to": {"extension": "101", "was_transferred": "false"}}, ""),
        (2, {"transfer": "blind"}, "101"),
        (4, {}, ""),
    ],
)
def test_what_is_a_transfer(seq: int, more: dict[str, Any], transferred: str) -> None:
    report = report_of("events/call", a_leg("Connected", seq, **more))
    assert (report.phase, report.transferred_to) == ("talking", transferred)


def test_numbers_that_are_written_as_texts() -> None:
    told = a_leg("Connected", 2)
    told |= {"seq": "2", "timestamp": str(told["timestamp"])}
    assert report_of("events/call", told) == report_of("events/call", a_leg("Connected", 2))


@pytest.mark.parametrize(
    "talk", [{"entry_result": 0, "talk_time": 0}, {"talk_time": 0}, {"entry_result": "0"}]
)
def test_a_missed_call_names_nobody_who_answered(talk: dict[str, Any]) -> None:
    report = report_of("events/summary", a_summary(**talk))
    assert report.phase == "missed"
    assert (report.answered_by, report.extension, report.duration) == ("", "", None)
    assert report.answered_at is None


def test_a_length_of_talk_that_is_one() -> None:
    report = report_of("events/summary", a_summary(talk_time=45))
    assert report.duration == 45
    assert report.answered_at == NOON - timedelta(seconds=50)


def test_a_consultation_before_a_transfer() -> None:
    """The official example: while 101 asks 102, the customer waits; then 102 has them."""
    reports = reports_of(received, requests_of(CONSULTED))
    legs = {key.removeprefix(f"leg:{ENTRY}:"): each for key, each in reports.items()}
    assert legs["L1:2"].phase == "talking"
    assert "L1:3" not in legs
    asked = legs["L2:2"]
    assert (asked.phase, asked.extension, asked.answered_by) == ("ringing", "102", "")
    assert (asked.chat.id, asked.theirs, asked.sender) == (f"call:{ENTRY}", "", None)
    assert (legs["L1:4"].phase, legs["L1:4"].leg) == ("ended", "L1")
    passed = legs["L2:3"]
    assert (passed.phase, passed.answered_by, passed.transferred_to) == ("talking", "102", "102")
    assert passed.chat.id == PHONE
    assert {each.call for each in reports.values()} == {ENTRY}


@pytest.mark.parametrize("sequence", [ANSWERED, MISSED, CONSULTED])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_order_and_repetition_do_not_matter(sequence: Any, data: st.DataObject) -> None:
    requests = requests_of(sequence)
    told = data.draw(shuffled_and_doubled(requests))
    assert reports_of(received, told) == reports_of(received, requests)


@pytest.mark.parametrize("request_", requests_of((*ANSWERED, *MISSED, *CONSULTED)))
def test_what_is_kept_reads_the_same(request_: Request) -> None:
    every_event_is_kept_for_rereading(connector, received, request_, an_account())


# Whose call it is


def test_a_call_to_a_customer() -> None:
    told = a_leg(
        "Connected",
        2,
        **{"from": {"extension": "101"}, "to": {"number": "89161234567", "line_number": SHOP}},
    )
    report = report_of("events/call", told)
    assert (report.direction, report.phase, report.theirs) == ("out", "talking", PHONE)
    assert (report.extension, report.answered_by) == ("101", "")
    summary = report_of(
        "events/summary",
        a_summary(call_direction=2, **{"from": {"extension": "101"}, "to": {"number": ANNA}}),
    )
    assert (summary.direction, summary.phase, summary.extension) == ("out", "ended", "101")
    assert summary.chat.id == PHONE


def test_a_call_to_a_customer_that_nobody_took_has_ended_and_was_not_missed() -> None:
    told = a_summary(
        call_direction=2,
        entry_result=0,
        talk_time=0,
        **{"from": {"extension": "101"}, "to": {"number": ANNA}},
    )
    report = report_of("events/summary", told)
    assert (report.phase, report.duration) == ("ended", None)


def test_a_call_that_was_asked_for_carries_our_name_of_it() -> None:
    """The colleague's telephone rings first: that is nobody who calls, and nobody who talks."""
    ours = {"command_id": "allo-42", "callback_initiator": "API"}
    first = report_of("events/call", a_leg("Connected", 2, **ours, **{"from": {"number": SHOP}}))
    assert (first.phase, first.direction, first.extension) == ("ringing", "out", "101")
    assert (first.chat.id, first.sender, first.initiated) == (f"call:{ENTRY}", None, "allo-42")
    second = report_of(
        "events/call",
        a_leg(
            "Connected",
            1,
            leg="L2",
            **ours,
            **{"from": {"extension": "101"}, "to": {"number": ANNA}},
        ),
    )
    assert (second.phase, second.direction, second.chat.id) == ("talking", "out", PHONE)


def test_a_call_that_came_in_and_was_moved_by_a_command_still_came_in() -> None:
    report = report_of("events/call", a_leg("Connected", 2, command_id="crm-7", transfer="blind"))
    assert (report.direction, report.chat.id, report.answered_by) == ("in", PHONE, "101")


def test_colleagues_among_themselves_are_no_call_of_a_customer() -> None:
    told = a_leg("Appeared", 1, **{"from": {"extension": "101"}, "to": {"extension": "102"}})
    assert received(a_request("events/call", told)).ignored == (
        "internal call: between colleagues",
    )
    assert received(a_request("events/summary", a_summary(call_direction=0))).ignored


@pytest.mark.parametrize(
    "number", ["", "anonymous", "Unknown", "0", "sip:anonymous@anonymous.invalid"]
)
def test_who_hides_their_number_is_somebody_else_at_each_call(number: str) -> None:
    one = report_of("events/call", a_leg("Connected", 2, **{"from": {"number": number}}))
    other = report_of(
        "events/call", a_leg("Connected", 2, entry_id="E2", **{"from": {"number": number}})
    )
    assert one.phase == "talking"
    assert (one.chat.id, other.chat.id) == (f"call:{ENTRY}", "call:E2")
    assert (one.sender, one.theirs) == (None, "")


def test_a_company_number_is_a_chat_and_nobodys_key() -> None:
    report = report_of("events/call", a_leg("Appeared", 1, **{"from": {"number": "78005553535"}}))
    assert (report.chat.id, report.sender) == ("+78005553535", None)


def test_a_colleagues_own_telephone_answers() -> None:
    told = a_leg("Connected", 2, to={"number": "79031112233", "line_number": SHOP})
    assert report_of("events/call", told).answered_by == "+79031112233"


def test_a_sip_caller_with_a_number() -> None:
    told = a_leg("Appeared", 1, **{"from": {"number": f"sip:{ANNA}@trunk.example"}})
    assert report_of("events/call", told).chat.id == PHONE


# When, and where from


def test_moments_shifted_by_their_zone_are_put_right() -> None:
    shifted = report_of("events/call", a_leg("Appeared", 1, at=-60 + 3 * 3600))
    assert shifted.at == NOON - timedelta(minutes=1)


def test_moments_in_milliseconds_and_none_at_all() -> None:
    assert report_of("events/call", a_leg("Appeared", 1, timestamp=(AT - 60) * 1000)).at == (
        NOON - timedelta(minutes=1)
    )
    for odd in ("soon", None, 0, -5, 1 << 70, [], float("1e300")):
        assert report_of("events/call", a_leg("Appeared", 1, timestamp=odd)).at == NOON


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (1, SourceKeys(referral={"dynamic_number": "+74957654321"})),
        ("2", SourceKeys(referral={"static_number": "+74957654321"})),
        (0, None),
        (None, None),
    ],
)
def test_call_tracking(kind: Any, source: SourceKeys | None) -> None:
    shown = {"number": "74957654321", "type": kind}
    assert report_of("events/call", a_leg("Appeared", 1, dct=shown)).source == source
    assert report_of("events/summary", a_summary(dct=shown)).source == source
    out = a_leg("Appeared", 1, dct=shown, **{"from": {"extension": "101"}, "to": {"number": ANNA}})
    assert report_of("events/call", out).source is None


def test_a_recording_that_can_be_had() -> None:
    report = report_of("events/record/added", RECORDED)
    assert report.phase == "recorded"
    assert report.recording == RECORDED["recording_id"]
    assert (report.call, report.sender) == (ENTRY, None)


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("events/recording", "recording: goes on, and is not a file yet"),
        ("events/record/tagged", "recording: was tagged"),
        ("events/dtmf", "key pressed: in a menu"),
        ("events/sms", "text message: was sent from the exchange"),
        ("result/callback", "result: of a command"),
        ("events/new", "unknown event: events/new"),
    ],
)
def test_what_is_no_call_is_named(path: str, ignored: str) -> None:
    assert received(a_request(path, {"entry_id": ENTRY})).ignored == (ignored,)


def test_the_address_may_have_a_path_of_its_own_and_a_slash_at_its_end() -> None:
    for path in ("vpbx/events/call", "events/call/", "/a/b/events/call"):
        assert received(a_request(path, a_leg("Appeared", 1))).incoming


@pytest.mark.parametrize("path", ["events/call", "events/summary", "events/record/added"])
@settings(max_examples=100)
@given(
    told=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["from", "to", "dct", "number", "extension", "timestamp", "type"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_nothing_but_receive_errors(path: str, told: Any) -> None:
    body = {"entry_id": "E", "call_id": "C", "call_state": "Connected"} | (
        told if isinstance(told, dict) else {"from": told, "to": told, "timestamp": told}
    )
    try:
        received(a_request(path, body))
    except ReceiveError:
        return
