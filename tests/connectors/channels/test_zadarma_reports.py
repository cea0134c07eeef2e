"""What Zadarma tells of calls, how it proves that it is Zadarma, and what it is answered."""

import hmac
import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from connectors.channels.zadarma import connector
from connectors.channels.zadarma.signing import signature, signed_query
from connectors.connector import Caller, Request
from connectors.errors import Malformed, ReceiveError, Unverified
from tests.connectors.channels.calls_world import (
    ANNA,
    NOON,
    SHOP,
    every_event_is_kept_for_rereading,
    posted,
    reports_of,
    shuffled_and_doubled,
)
from tests.connectors.channels.zadarma_world import (
    ANSWERED,
    CALL,
    CALLED,
    MISSED,
    OUT,
    RECORDING,
    SECRET,
    TRANSFERRED,
    Fields,
    a_request,
    an_account,
    ended,
    received,
    recorded,
    report_of,
    told,
)

PHONE = f"+{ANNA}"
EVERY = (*ANSWERED, *MISSED, *CALLED, *TRANSFERRED)
FIELDS = sorted({name for each in EVERY for name in each} - {"event"})


# Proof


def test_the_signature_is_the_official_one() -> None:
    text = "79161234567749512345672026-11-21 12:03:00"
    official = "MWJkMjA4MWY3ODJlOWVmMDJhMWY2NjY5ZDIxZGNmYjUyMTQ5NTNmNQ=="
    assert signature("secret", text) == official
    event = told("NOTIFY_START", caller_id=ANNA, call_start="2026-11-21 12:03:00")
    account = an_account(api_secret="secret")
    assert received(posted(event, Signature=official), account).incoming
    raw = "G9IIH3gunvAqH2Zp0h3PtSFJU/U="
    assert b64encode(hmac.digest(b"secret", text.encode(), "sha1")).decode() == raw
    with pytest.raises(Unverified):
        received(posted(event, Signature=raw), account)


@pytest.mark.parametrize("event", EVERY)
def test_each_event_is_signed_in_its_own_way(event: Fields) -> None:
    received(a_request(event))
    for name in ("caller_id", "called_did", "destination", "call_id_with_rec"):
        other = event | {name: "74990000000"}
        if other == event:
            continue
        try:
            received(a_request(other, Signature=a_request(event).headers["Signature"]))
        except Unverified:
            break
    else:
        pytest.fail("nothing of the event is signed")


@pytest.mark.parametrize("given", ["", "x", "ш", "\udcff", "x" * 10_000])
def test_a_wrong_signature_is_refused_and_none_is_missing(given: str) -> None:
    with pytest.raises(Unverified) as refused:
        received(a_request(told("NOTIFY_START"), Signature=given))
    assert refused.value.missing == (not given)


def test_the_signature_of_another_secret_is_refused() -> None:
    with pytest.raises(Unverified):
        received(a_request(told("NOTIFY_START")), an_account(api_secret="another"))


def test_nothing_signed_is_no_proof() -> None:
    """An event without the fields that would be signed: the signature of nothing proves nothing."""
    empty = signature(SECRET, "")
    for event in ("NOTIFY_START", "NOTIFY_NEW"):
        with pytest.raises(Unverified):
            received(posted({"event": event, "pbx_call_id": CALL}, Signature=empty))


def test_an_event_that_we_do_not_know_still_proves_itself() -> None:
    lookup = {"event": "NUMBER_LOOKUP", "result": '{"success":true}'}
    proof = signature(SECRET, lookup["result"])
    assert received(posted(lookup, Signature=proof)).ignored == ("unknown event: NUMBER_LOOKUP",)
    with pytest.raises(Unverified):
        received(posted(lookup, Signature=signature("x", lookup["result"])))


def test_only_from_the_listed_addresses_when_there_is_a_list() -> None:
    account = an_account(allowed_ips="185.45.152.42")
    request = a_request(told("NOTIFY_START"))
    assert received(replace(request, remote="185.45.152.42"), account).incoming
    with pytest.raises(Unverified):
        received(replace(request, remote="185.45.152.43"), account)


def test_the_address_is_tried_when_it_is_set() -> None:
    request = Request(
        method="GET", headers={}, body=b"", query={"zd_echo": "<b>42"}, received_at=NOON
    )
    answer = received(request, an_account(allowed_ips="185.45.152.42")).answer
    assert (answer.status, answer.body, answer.content_type) == (200, b"<b>42", "text/plain")
    with pytest.raises(Malformed):
        received(replace(request, query={"zd_echo": "x" * 10_000}))
    with pytest.raises(Unverified):
        received(replace(request, query={}))


def test_a_multipart_form_with_another_boundary_than_it_says() -> None:
    event = told("NOTIFY_START")
    parts = "".join(
        f'--real\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in event.items()
    )
    request = a_request(event, **{"Content-Type": "multipart/form-data; boundary=announced"})
    told_so = received(replace(request, body=f"{parts}--real--\r\n".encode()))
    assert [each.event for each in told_so.incoming] == [report_of(event)]


# Calls


def test_a_call_that_rings() -> None:
    report = report_of(told("NOTIFY_START"))
    assert (report.call, report.leg, report.phase, report.direction) == (CALL, "", "ringing", "in")
    assert (report.theirs, report.ours, report.chat.id) == (PHONE, f"+{SHOP}", PHONE)
    assert report.sender is not None
    (key,) = report.sender.keys
    assert (key.kind, key.value, key.proof) == ("phone", PHONE, "proved")
    assert report.at == NOON
    assert report.started_at == NOON - timedelta(minutes=2)


def test_an_answered_call() -> None:
    reports = reports_of(received, [a_request(each) for each in ANSWERED])
    said = [(each.leg, each.phase, each.extension, each.answered_by) for each in reports.values()]
    assert said == [
        ("", "ringing", "", ""),
        ("100", "ringing", "100", ""),
        ("101", "ringing", "101", ""),
        ("101", "talking", "101", "101"),
        ("", "ended", "101", "101"),
        ("", "recorded", "", ""),
    ]
    end = next(each for each in reports.values() if each.phase == "ended")
    assert (end.duration, end.ended_at) == (42, NOON)
    assert end.reason == "answered (16)"
    record = next(each for each in reports.values() if each.phase == "recorded")
    assert end.recording == record.recording == f"{CALL}/{RECORDING}"
    assert (record.sender, record.theirs, record.chat.id) == (None, "", f"call:{CALL}")


@pytest.mark.parametrize(
    "disposition",
    [
        "busy",
        "cancel",
        "no answer",
        "failed",
        "no money",
        "unallocated number",
        "no limit",
        "line limit",
        "",
    ],
)
def test_a_call_that_nobody_answered_was_missed(disposition: str) -> None:
    report = report_of(ended(disposition, internal="101"))
    assert (report.phase, report.duration) == ("missed", None)
    assert (report.extension, report.answered_by) == ("", "")


@pytest.mark.parametrize("disposition", ["busy", "no answer", "cancel"])
def test_a_call_to_a_customer_has_ended_and_was_not_missed(disposition: str) -> None:
    report = report_of(ended(disposition, "NOTIFY_OUT_END", caller_id=SHOP))
    assert (report.phase, report.direction, report.duration) == ("ended", "out", None)
    assert (report.theirs, report.ours, report.extension) == (PHONE, f"+{SHOP}", "101")


def test_a_call_to_a_customer() -> None:
    start, answer, end = (report_of(each) for each in CALLED)
    assert {each.call for each in (start, answer, end)} == {OUT}
    assert {each.chat.id for each in (start, answer, end)} == {PHONE}
    assert (answer.phase, answer.direction, answer.answered_by) == ("talking", "out", "")
    assert answer.extension == "101"
    assert (end.phase, end.duration) == ("ended", 42)


def test_a_number_as_a_colleague_dials_it() -> None:
    assert report_of(told("NOTIFY_OUT_START", destination="84951234567")).theirs == f"+{SHOP}"


def test_a_colleagues_own_telephone_answers() -> None:
    report = report_of(told("NOTIFY_ANSWER", destination="79031112233"))
    assert (report.leg, report.answered_by) == ("", "+79031112233")
    assert report_of(told("NOTIFY_ANSWER", destination="79034445566")).key != report.key


def test_a_transferred_call_is_one_with_two_who_talked() -> None:
    reports = reports_of(received, [a_request(each) for each in TRANSFERRED])
    assert [each.answered_by for each in reports.values() if each.phase == "talking"] == [
        "101",
        "102",
    ]
    assert len({each.call for each in reports.values()}) == 1


@pytest.mark.parametrize("number", ["", "anonymous", "Unavailable", "0", "restricted"])
def test_who_hides_their_number_is_somebody_else_at_each_call(number: str) -> None:
    report = report_of(told("NOTIFY_START", caller_id=number))
    assert (report.chat.id, report.sender, report.theirs) == (f"call:{CALL}", None, "")


def test_colleagues_among_themselves_are_no_call_of_a_customer() -> None:
    for event in (
        told("NOTIFY_OUT_START", destination="102"),
        ended("answered", "NOTIFY_OUT_END", destination="102"),
        told("NOTIFY_ANSWER", pbx_call_id=OUT, destination="102", internal="102"),
    ):
        assert received(a_request(event)).ignored == ("internal call: between colleagues",)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("UTC+3", "2026-11-21 14:58:00"),
        ("Asia/Yekaterinburg", "2026-11-21 16:58:00"),
        ("-03:30", "2026-11-21 08:28:00"),
    ],
)
def test_moments_are_in_the_accounts_zone(zone: str, start: str) -> None:
    report = report_of(told("NOTIFY_START", call_start=start), an_account(timezone=zone))
    assert report.started_at == NOON - timedelta(minutes=2)


@pytest.mark.parametrize("start", ["", "yesterday", "2026-11-21 18:58:00", "2024-01-01 00:00:00"])
def test_a_moment_that_cannot_be_is_left_out(start: str) -> None:
    assert report_of(told("NOTIFY_START", call_start=start)).started_at is None


@pytest.mark.parametrize("zone", ["Europe", "Nowhere/Else", "../etc/passwd", "UTC+99"])
def test_a_zone_that_is_none_is_moscows(zone: str) -> None:
    report = report_of(told("NOTIFY_START"), an_account(timezone=zone))
    assert report.started_at == NOON - timedelta(minutes=2)


@pytest.mark.parametrize("sequence", [ANSWERED, MISSED, CALLED, TRANSFERRED])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_order_and_repetition_do_not_matter(sequence: Any, data: st.DataObject) -> None:
    requests = [a_request(each) for each in sequence]
    shuffled = data.draw(shuffled_and_doubled(requests))
    assert reports_of(received, shuffled) == reports_of(received, requests)


@pytest.mark.parametrize("event", EVERY)
def test_what_is_kept_reads_the_same(event: Fields) -> None:
    every_event_is_kept_for_rereading(connector, received, a_request(event), an_account())


@settings(max_examples=200)
@given(
    event=st.sampled_from([each["event"] for each in EVERY]),
    fields=st.dictionaries(
        st.sampled_from(FIELDS),
        st.text(st.characters(codec="utf-8"), max_size=40),
    ),
)
def test_nothing_but_receive_errors(event: str, fields: Fields) -> None:
    try:
        received(a_request(told(event) | fields))
    except ReceiveError:
        return


def test_a_notification_that_says_too_little_is_malformed() -> None:
    with pytest.raises(Malformed):
        received(a_request(told("NOTIFY_START", pbx_call_id="")))
    with pytest.raises(Malformed):
        received(a_request(recorded() | {"call_id_with_rec": ""}))


# Where the call goes


def routed(caller: Caller | None, **fields: str) -> Any:
    enquiry = received(a_request(told("NOTIFY_START")), an_account(**fields)).enquiry
    assert enquiry is not None
    assert enquiry.phone == PHONE
    answer = enquiry.answer(caller)
    assert answer.status == 200
    return json.loads(answer.body) if answer.body else None


def test_a_known_caller_goes_to_their_manager() -> None:
    assert routed(Caller(name="Анна К", extension="101")) == {
        "redirect": "101",
        "return_timeout": 20,
        "caller_name": "Анна К",
    }
    assert routed(Caller(extension="101"), return_timeout="2") == {
        "redirect": "101",
        "return_timeout": 3,
    }
    assert routed(Caller(extension="101"), return_timeout="0")["return_timeout"] == 0
    assert routed(Caller(extension="101"), return_timeout="long")["return_timeout"] == 20


def test_what_is_no_extension_never_becomes_a_scenario() -> None:
    assert routed(Caller(name="Анна", extension="blacklist")) == {"caller_name": "Анна"}
    assert routed(Caller(extension="0-main")) is None


def test_nobody_known_changes_nothing() -> None:
    assert routed(None) is None
    assert routed(Caller()) is None


def test_only_the_start_of_a_call_asks_and_only_with_a_number() -> None:
    for event in EVERY:
        asks = received(a_request(event)).enquiry is not None
        assert asks == (event["event"] == "NOTIFY_START")
    assert received(a_request(told("NOTIFY_START", caller_id="anonymous"))).enquiry is None


def test_a_query_is_signed_with_its_path_and_digest() -> None:
    """Made with openssl and base64 by the recipe of the documentation."""
    query, proof = signed_query("secret", "/v1/request/callback/", {"to": "2", "from": "101"})
    assert query == "from=101&to=2"
    assert proof == "YjljNGZlYWFiYmNjODIxOGNmOTNjM2NiMjA5ZmFiNTQ5ZDhhNTcwYg=="
