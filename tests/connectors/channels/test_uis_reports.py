"""What UIS notifies of by our template, how it proves itself, and what its scenarios are answered."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings, strategies as st

from connectors.channels.uis import connector
from connectors.connector import Caller, Request
from connectors.errors import Malformed, ReceiveError, Unverified
from router.message import SourceKeys
from tests.connectors.channels.calls_world import (
    ANNA,
    NOON,
    SHOP,
    every_event_is_kept_for_rereading,
    reports_of,
    shuffled_and_doubled,
)
from tests.connectors.channels.uis_world import (
    ANSWERED,
    CALLED,
    LINK,
    MISSED,
    SECRET,
    SESSION,
    a_request,
    an_account,
    filled,
    received,
    report_of,
)

PHONE = f"+{ANNA}"


# Proof


@pytest.mark.parametrize("path", [SECRET, f"/{SECRET}/", f"calls/{SECRET}"])
def test_the_secret_ends_the_address(path: str) -> None:
    assert received(a_request(filled("incoming"), path=path)).incoming


def test_the_secret_may_be_in_a_header() -> None:
    request = a_request(filled("incoming"), path="", headers={"X-Allo-Secret": SECRET})
    assert received(request).incoming


@pytest.mark.parametrize(
    ("path", "missing"),
    [("", True), ("/", True), ("x", False), (f"{SECRET}/more", False), ("\ud800ш", False)],
)
def test_without_the_secret_nothing_is_read(path: str, *, missing: bool) -> None:
    with pytest.raises(Unverified) as refused:
        received(a_request(filled("incoming"), path=path))
    assert refused.value.missing == missing


def test_an_account_without_a_secret_takes_nothing() -> None:
    with pytest.raises(Unverified):
        received(a_request(filled("incoming"), path=""), an_account(path_secret=""))


def test_only_from_the_listed_addresses_when_there_is_a_list() -> None:
    account = an_account(allowed_ips="195.211.120.0/22")
    request = a_request(filled("incoming"))
    assert received(replace(request, remote="195.211.121.7"), account).incoming
    with pytest.raises(Unverified):
        received(replace(request, remote="10.0.0.1"), account)


# Calls


def test_a_call_that_rings() -> None:
    report = report_of("incoming")
    assert (report.call, report.leg, report.phase) == (SESSION, "", "ringing")
    assert (report.direction, report.theirs, report.ours) == ("in", PHONE, f"+{SHOP}")
    assert report.chat.id == PHONE
    assert report.sender is not None
    (key,) = report.sender.keys
    assert (key.kind, key.value, key.proof) == ("phone", PHONE, "proved")
    assert report.at == NOON
    assert report.started_at == NOON - timedelta(minutes=2) + timedelta(milliseconds=123)
    assert report.source is None


def test_an_answered_and_transferred_call() -> None:
    reports = reports_of(received, [a_request(body) for body in ANSWERED])
    said = [
        (each.leg, each.phase, each.extension, each.answered_by, each.transferred_to)
        for each in reports.values()
    ]
    assert said == [
        ("", "ringing", "", "", ""),
        ("8031", "ringing", "101", "", ""),
        ("8031", "talking", "101", "101", ""),
        ("8032", "talking", "102", "102", "102"),
        ("", "ended", "102", "102", ""),
        ("", "recorded", "", "", ""),
    ]
    end = next(each for each in reports.values() if each.phase == "ended")
    assert (end.duration, end.reason, end.ended_at) == (42, "subscriber_disconnects", NOON)
    record = next(each for each in reports.values() if each.phase == "recorded")
    assert (record.recording, record.chat.id, record.sender) == (LINK, f"call:{SESSION}", None)


@pytest.mark.parametrize(
    "values",
    [
        {"is_lost": "true", "talk_duration": "7"},
        {"is_lost": "1"},
        {"talk_duration": "0"},
        {"is_lost": "true", "finish_reason": "operator_disconnects"},
    ],
)
def test_lost_is_what_uis_says_or_nobody_talked(values: dict[str, str]) -> None:
    report = report_of("ended", employee_id="8031", **values)
    assert (report.phase, report.duration) == ("missed", None)
    assert (report.extension, report.answered_by) == ("", "")
    assert report_of("lost").phase == "missed"


def test_the_reason_of_the_end_is_not_who_was_missed() -> None:
    report = report_of("ended", is_lost="false", talk_duration="5", finish_reason="timeout")
    assert (report.phase, report.reason) == ("ended", "timeout")


def test_a_call_to_a_customer() -> None:
    start, talk, end = reports_of(received, [a_request(body) for body in CALLED]).values()
    assert (start.direction, start.phase, start.extension) == ("out", "ringing", "101")
    assert start.initiated == "allo-42"
    assert (talk.phase, talk.answered_by, talk.extension) == ("talking", "", "101")
    assert (end.phase, end.leg, end.duration, end.theirs) == ("ended", "", 42, PHONE)
    lost = report_of("lost", direction="out")
    assert lost.phase == "ended"


def test_an_employee_who_is_not_listed_has_their_id_for_an_extension() -> None:
    assert report_of("talking", employee_id="9000").answered_by == "9000"


def test_colleagues_among_themselves_are_no_call_of_a_customer() -> None:
    assert received(a_request(filled("incoming", is_internal="true"))).ignored == (
        "internal call: between colleagues",
    )


@pytest.mark.parametrize("number", ["", "anonymous", "{{contact_phone_number}}", "null"])
def test_who_hides_their_number_is_somebody_else_at_each_call(number: str) -> None:
    report = report_of("incoming", contact_phone_number=number)
    assert (report.chat.id, report.sender, report.theirs) == (f"call:{SESSION}", None, "")


def test_the_caller_by_another_name_when_there_is_no_contact() -> None:
    report = report_of("incoming", contact_phone_number="", calling_phone_number=ANNA)
    assert report.chat.id == PHONE


def test_several_recordings_and_a_hash_for_a_link() -> None:
    links = f"{LINK}, https://app.uiscom.ru/system/media/talk/1482390123/ffff/ 0a0b0c"
    found = received(a_request(filled("recorded", full_record_file_link=links)))
    assert [each.event.recording for each in found.incoming] == [  # type: ignore[union-attr]
        LINK,
        "https://app.uiscom.ru/system/media/talk/1482390123/ffff/",
        f"{SESSION}/0a0b0c",
    ]
    assert received(a_request(filled("recorded"))).ignored


@pytest.mark.parametrize(
    ("told", "zone"),
    [
        ("2026-11-21 14:58:00", ""),
        ("2026-11-21T11:58:00+00:00", ""),
        ("1795262280", ""),
        ("2026-11-21 16:58:00", "Asia/Yekaterinburg"),
    ],
)
def test_moments_are_in_the_accounts_zone_unless_they_say(told: str, zone: str) -> None:
    report = report_of("incoming", an_account(timezone=zone), start_time=told)
    assert report.started_at == NOON - timedelta(minutes=2)


# Where from


def test_what_call_tracking_knows() -> None:
    report = report_of(
        "incoming",
        utm_source="yandex",
        utm_medium="cpc",
        utm_campaign="brakes",
        utm_term='колодки "bosch"',
        yclid="12345",
        campaign_name="Директ",
        visitor_id="777",
        ym_client_id="1699",
        entrance_page="https://shop.example/brakes?utm_source=yandex",
        referrer="https://yandex.ru/",
    )
    assert report.source == SourceKeys(
        utm={
            "source": "yandex",
            "medium": "cpc",
            "campaign": "brakes",
            "term": 'колодки "bosch"',
        },
        click_ids={"yclid": "12345"},
        landing="https://shop.example/brakes?utm_source=yandex",
        referrer="https://yandex.ru/",
        referral={
            "campaign_name": "Директ",
            "visitor_id": "777",
            "ym_client_id": "1699",
            "virtual_phone_number": SHOP,
        },
    )


def test_static_tags_stand_in_for_a_visit() -> None:
    source = report_of("incoming", eq_utm_source="2gis", eq_utm_medium="card").source
    assert source is not None
    assert source.utm == {"source": "2gis", "medium": "card"}


def test_a_call_to_a_customer_has_no_source() -> None:
    assert report_of("outgoing", direction="out", utm_source="yandex").source is None


# The template


def test_a_quotation_mark_in_a_name_breaks_nothing() -> None:
    body = filled("incoming", contact_full_name='ООО "Ромашка", {Анна}', utm_source="yandex")
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(body)
    (incoming,) = received(a_request(body)).incoming
    assert incoming.event.sender is not None
    assert incoming.event.sender.name == 'ООО "Ромашка", {Анна}'
    report = report_of("incoming", contact_full_name='"', utm_source="yandex")
    assert report.source is not None


def test_json_as_a_program_writes_it_a_form_and_a_query_say_the_same() -> None:
    fields = {
        "event": "talking",
        "call_session_id": int(SESSION),
        "contact_phone_number": ANNA,
        "employee_id": 8031,
        "is_internal": False,
    }
    form = urlencode(fields).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    query = {name: str(value) for name, value in fields.items()}
    events = [
        received(request).incoming[0].event
        for request in (
            a_request(json.dumps(fields).encode()),
            a_request(b"\xef\xbb\xbf" + json.dumps(fields, indent=2).encode()),
            a_request(form, headers=headers),
            a_request(b"", method="GET", headers={}, query=query),
        )
    ]
    assert events.count(events[0]) == 4


@pytest.mark.parametrize("body", [b"{", b'{"a"', b"[" * 50_000, b"\xff", b"{" * 50_000])
def test_a_body_that_is_no_template_is_malformed_or_named(body: bytes) -> None:
    try:
        assert received(a_request(body)).ignored
    except Malformed:
        return


def test_an_event_of_no_interest_is_named() -> None:
    assert received(a_request(filled("chat"))).ignored == ("unknown event: chat",)
    with pytest.raises(Malformed):
        received(a_request(filled("incoming", call_session_id="")))


@pytest.mark.parametrize("sequence", [ANSWERED, MISSED, CALLED])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_order_and_repetition_do_not_matter(sequence: Any, data: st.DataObject) -> None:
    requests = [a_request(body) for body in sequence]
    shuffled = data.draw(shuffled_and_doubled(requests))
    assert reports_of(received, shuffled) == reports_of(received, requests)


@pytest.mark.parametrize("body", [*ANSWERED, *MISSED[2:], *CALLED])
def test_what_is_kept_reads_the_same(body: bytes) -> None:
    every_event_is_kept_for_rereading(connector, received, a_request(body), an_account())


@settings(max_examples=200)
@given(
    values=st.dictionaries(
        st.sampled_from(["call_session_id", "contact_phone_number", "employee_id", "start_time"]),
        st.text(st.characters(codec="utf-8"), max_size=40),
    ),
    event=st.sampled_from(["incoming", "talking", "ended", "recorded", "outgoing"]),
)
def test_nothing_but_receive_errors(values: dict[str, str], event: str) -> None:
    try:
        received(a_request(filled(event, **values)))
    except ReceiveError:
        return


# Where the call goes


def asked(numa: str, *, method: str = "GET") -> Request:
    told = {"cdr_id": "1", "start_time": "x", "input_result": "", "numa": numa, "numb": SHOP}
    if method == "GET":
        return a_request(b"", method="GET", headers={}, query=told)
    return a_request(urlencode(told).encode(), headers={})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_known_caller_goes_to_their_manager(method: str) -> None:
    found = received(asked(ANNA, method=method))
    assert not found.incoming
    assert found.enquiry is not None
    assert found.enquiry.phone == PHONE
    answer = found.enquiry.answer
    assert json.loads(answer(Caller(extension="101")).body) == {"phones": ["79031112233"]}
    assert json.loads(answer(Caller(extension="103")).body) == {"phones": ["103"]}
    for nobody in (None, Caller(name="Анна")):
        assert json.loads(answer(nobody).body) == {"returned_code": 1}
    assert answer(None).content_type == "application/json"


def test_who_hides_their_number_goes_where_the_scenario_says() -> None:
    found = received(asked("anonymous"))
    assert found.enquiry is None
    assert json.loads(found.answer.body) == {"returned_code": 1}
