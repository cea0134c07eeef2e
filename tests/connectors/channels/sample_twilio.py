"""Requests that Twilio really makes, for the checks that every channel passes."""

from tests.connectors.channels.twilio_world import (
    a_call,
    a_leg,
    a_progress,
    a_request,
    an_account,
)

ACCOUNT = an_account()
REQUESTS = (
    a_request(a_call()),
    a_request(a_call(From="anonymous")),
    a_request(a_leg("completed", 3, CallDuration="12"), "leg", {"extension": "101"}),
    a_request(a_call("in-progress", DialCallStatus="no-answer", DialCallSid="CA3"), "dialled"),
    a_request(a_progress("completed", 9, CallDuration="20"), "status"),
    a_request(
        {"CallSid": "CA1", "RecordingSid": "RE1", "RecordingStatus": "completed"},
        "recording",
        {"phone": "+79161234567"},
    ),
)
