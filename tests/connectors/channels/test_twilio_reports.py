"""What Twilio's callbacks say of a call: answered means that a person answered."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from connectors.channels.twilio import connector
from connectors.errors import Malformed
from router.message import CallReported
from tests.connectors.channels.telephony_door import answered, by_key, story
from tests.connectors.channels.twilio_world import (
    ANNA,
    CALL,
    CUSTOMER,
    LEG,
    NOON,
    NUMBER,
    a_call,
    a_leg,
    a_progress,
    an_account,
    received,
    reports_of,
)

ANSWERED = (
    (a_call(), ""),
    (a_leg("initiated", 0), "leg"),
    (a_leg("ringing", 1), "leg"),
    (a_leg("in-progress", 2), "leg"),
    (a_leg("completed", 3, CallDuration="12"), "leg"),
    (a_call("in-progress", DialCallStatus="completed", DialCallSid=LEG, DialCallDuration="12"), "dialled"),
    (a_progress("completed", 9, CallDuration="25"), "status"),
)  # fmt: skip
MISSED = (
    (a_call(), ""),
    (a_leg("ringing", 1), "leg"),
    (a_leg("no-answer", 2), "leg"),
    (a_call("in-progress", DialCallStatus="no-answer", DialCallSid=LEG), "dialled"),
    (a_progress("completed", 9, CallDuration="30"), "status"),
)


def test_a_ring_says_who_calls_whom() -> None:
    (report,) = reports_of(a_call())
    assert report.phase == "ringing"
    assert (report.call, report.leg, report.direction) == (CALL, "", "in")
    assert (report.theirs, report.ours) == (CUSTOMER, NUMBER)
    assert report.chat.id == CUSTOMER
    assert report.sender is not None
    assert [(key.kind, key.value) for key in report.sender.keys] == [("phone", CUSTOMER)]
    assert report.started_at == NOON


@pytest.mark.parametrize("number", ["anonymous", "Restricted", "+266696687", ""])
def test_who_hides_their_number_has_a_chat_per_call_and_no_key(number: str) -> None:
    (report,) = reports_of(a_call(From=number))
    assert report.sender is None
    assert report.chat.id == f"call:{CALL}"
    assert report.theirs == ""


def test_a_sip_caller_with_a_number_is_that_number() -> None:
    (report,) = reports_of(a_call(From="sip:+79161234567@pbx.example;user=phone"))
    assert report.theirs == CUSTOMER


@pytest.mark.parametrize("caller", ["client:anna", "sip:101@shop.sip.twilio.com;user=phone"])
def test_a_telephone_of_ours_is_no_customer(caller: str) -> None:
    told = received(a_call(From=caller), account=an_account(sip_domain="shop.sip.twilio.com"))
    assert not told.incoming
    assert told.ignored[0].startswith("internal:")
    assert told.enquiry is None
    assert b"<Response" in told.answer.body


def test_a_forwarded_call_came_to_the_line_that_was_called() -> None:
    (report,) = reports_of(a_call(ForwardedFrom="+74951234567"))
    assert report.ours == "+74951234567"


def test_an_answered_call_is_told_from_its_leg() -> None:
    reports = [report for fields, path in ANSWERED for report in reports_of(fields, path)]
    talking = [each for each in reports if each.phase == "talking"]
    assert {each.leg for each in talking} == {LEG}
    first = talking[0]
    assert (first.answered_by, first.extension) == (ANNA, ANNA)
    assert first.answered_at == datetime(2026, 11, 21, 11, 59, 30, tzinfo=UTC)
    ended = [each for each in reports if each.phase == "ended" and not each.leg]
    assert [each.reason for each in ended] == ["completed"]
    assert all(each.chat.id == CUSTOMER for each in reports)


def test_a_parent_that_is_completed_was_not_answered_by_anybody() -> None:
    reports = [report for fields, path in MISSED for report in reports_of(fields, path)]
    assert not answered(reports)
    assert story(reports)[-1] == "call:ended"
    assert [each.reason for each in reports if each.leg and each.phase == "ended"] == [
        "no-answer"
    ] * 2


def test_that_the_parent_is_in_progress_is_no_answer() -> None:
    told = received(a_progress("in-progress", 1), "status")
    assert not told.incoming
    assert told.ignored[0].startswith("picked up:")


def test_a_lost_answer_is_known_by_the_legs_end() -> None:
    reports = reports_of(a_leg("completed", 3, CallDuration="12"), "leg")
    assert [each.phase for each in reports] == ["talking", "ended"]
    (talking, ended) = reports
    assert talking.duration == ended.duration == 12
    assert ended.ended_at is not None
    assert talking.answered_at == ended.ended_at - timedelta(seconds=12)


@pytest.mark.parametrize("status", ["in-progress", "completed"])
def test_an_answering_machine_is_no_person(status: str) -> None:
    told = received(a_leg(status, 2, AnsweredBy="machine_start", CallDuration="5"), "leg")
    assert not answered(
        each.event for each in told.incoming if isinstance(each.event, CallReported)
    )


@pytest.mark.parametrize("status", ["busy", "failed", "canceled", "no-answer"])
def test_a_leg_that_did_not_answer_ends_with_twilios_word(status: str) -> None:
    (report,) = reports_of(a_leg(status, 2), "leg")
    assert (report.phase, report.leg, report.reason) == ("ended", LEG, status)


def test_our_address_says_who_was_rung_and_for_whom() -> None:
    (report,) = reports_of(a_leg("ringing"), "leg", {"phone": CUSTOMER, "extension": "101"})
    assert (report.extension, report.theirs) == ("101", CUSTOMER)


def test_a_call_of_ours_is_answered_when_the_customer_answers() -> None:
    whose = {"phone": CUSTOMER, "extension": "101", "direction": "out", "initiated": "click-7"}
    own = {"From": NUMBER, "To": ANNA, "Direction": "outbound-api"}
    leg = {"From": NUMBER, "To": CUSTOMER}
    rings = reports_of(a_progress("ringing", 1, **own), "status", whose)
    picked_up = reports_of(a_progress("in-progress", 2, **own), "status", whose)
    talks = reports_of(a_leg("in-progress", 3, **leg), "leg", whose)
    over = reports_of(a_progress("completed", 5, CallDuration="70", **own), "status", whose)
    assert picked_up == []
    assert story([*rings, *talks, *over]) == ["call:ringing", "101:talking", "call:ended"]
    for each in (*rings, *talks, *over):
        assert (each.direction, each.theirs, each.ours) == ("out", CUSTOMER, NUMBER)
        assert (each.initiated, each.extension, each.answered_by) == ("click-7", "101", "")


def test_a_call_that_a_program_made_is_to_the_customer() -> None:
    own = {"From": NUMBER, "To": CUSTOMER, "Direction": "outbound-api"}
    (report,) = reports_of(a_progress("in-progress", 1, **own))
    assert (report.phase, report.direction, report.theirs) == ("talking", "out", CUSTOMER)
    assert not reports_of(a_progress("in-progress", 1, AnsweredBy="machine_start", **own))


def test_a_recording_is_of_the_whole_call() -> None:
    fields = {"CallSid": CALL, "RecordingSid": "RE1", "RecordingStatus": "completed"}
    (report,) = reports_of(fields, "recording", {"phone": CUSTOMER})
    assert (report.phase, report.call, report.leg, report.recording) == (
        "recorded",
        CALL,
        "",
        "RE1",
    )
    assert report.chat.id == CUSTOMER
    told = received(fields | {"RecordingStatus": "absent"}, "recording")
    assert told.ignored == ("recording: absent",)


def test_odd_values_are_no_reason_to_fall_over() -> None:
    (report,) = reports_of(a_progress("completed", CallDuration="-1") | {"Timestamp": "tomorrow"})
    assert (report.at, report.started_at) == (NOON, None)
    (future,) = reports_of(
        a_progress("completed") | {"Timestamp": "Sun, 21 Nov 2038 11:59:30 +0000"}
    )
    assert future.at == NOON
    told = received(a_progress("exploded"))
    assert told.ignored == ("unknown: a CallStatus we do not know",)
    with pytest.raises(Malformed):
        received({"From": CUSTOMER})


def test_what_was_kept_is_read_again_as_it_was() -> None:
    assert connector.reread is not None
    query = {"phone": CUSTOMER, "extension": "101"}
    told = received(a_leg("completed", 3, CallDuration="12"), "leg", query)
    (raw,) = {each.raw for each in told.incoming}
    assert raw is not None
    again = connector.reread(an_account(), raw, NOON)
    assert again is not None
    assert again.incoming == told.incoming
    with pytest.raises(Malformed):
        connector.reread(an_account(), b"{", NOON)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(), calls=st.sampled_from([ANSWERED, MISSED]))
def test_shuffled_and_doubled_they_say_the_same(
    seed: int, calls: tuple[tuple[dict[str, str], str], ...]
) -> None:
    def told(requests: list[tuple[dict[str, str], str]]) -> dict[str, CallReported]:
        return by_key(report for fields, path in requests for report in reports_of(fields, path))

    shuffled = [*calls, *calls]
    random.Random(seed).shuffle(shuffled)
    assert told(shuffled) == told(list(calls))
