"""One request of Twilio's: proved, read, and answered with TwiML when it asks what to do.

What it is can be told by its fields alone, so callbacks that somebody configured by hand are read, too:

    RecordingSid      a recording                  DialCallStatus     everybody was rung: what next?
    ParentCallSid     one leg                      CallbackSource, or a call that is over: the call as a whole
    otherwise         a call comes in: what to do with it?
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from connectors.channels.twilio import reports, twiml
from connectors.channels.twilio.addresses import Whose, root
from connectors.channels.twilio.signature import Form, form_of, prove_origin
from connectors.connector import Account, Answer, Caller, Enquiry, Incoming, Received, Request
from connectors.errors import Malformed


class _Kept(msgspec.Struct, frozen=True):
    """The raw bytes beside an event: what was understood from body and address together."""

    fields: dict[str, str]
    query: dict[str, str]


_decode = msgspec.json.Decoder(_Kept).decode


def receive(account: Account, request: Request) -> Received:
    """Raises Unverified before anything is parsed, Malformed."""
    called = prove_origin(account, request)
    fields = _fields(form_of(request), request)
    query = dict(request.query)
    told = reports.Told(
        account=account,
        fields=fields,
        whose=Whose.read(query),
        received_at=request.received_at,
    )
    found, ignored = _read(told)
    raw = msgspec.json.encode(_Kept(dict(fields), query))
    received = Received(
        incoming=tuple(Incoming(event=each, raw=raw) for each in found),
        ignored=(ignored,) if ignored else (),
    )
    return _answered(received, told, root(account, called))


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """Raises Malformed."""
    try:
        kept = _decode(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed("not as it was kept") from error
    found, ignored = _read(
        reports.Told(
            account=account,
            fields=kept.fields,
            whose=Whose.read(kept.query),
            received_at=received_at,
        )
    )
    return Received(
        incoming=tuple(Incoming(event=each, raw=raw) for each in found),
        ignored=(ignored,) if ignored else (),
    )


def _read(told: reports.Told) -> reports.Read:
    if not told["CallSid"]:
        raise Malformed("no CallSid")
    if told["RecordingSid"]:
        return reports.recording(told)
    if told["DialCallStatus"]:
        return reports.dialled(told)
    if told["ParentCallSid"]:
        return reports.leg(told)
    if _asks(told):
        if _from_inside(told):
            return (), "internal: a telephone or an app of ours calls through Twilio"
        return reports.asked(told)
    return reports.status(told)


def _from_inside(told: reports.Told) -> bool:
    domain = told.account["sip_domain"]
    return told["From"].startswith("client:") or (
        bool(domain) and told["From"].partition(";")[0].endswith(f"@{domain}")
    )


def _asks(told: reports.Told) -> bool:
    return (
        told["Direction"] == "inbound"
        and not told["CallbackSource"]
        and told["CallStatus"] in reports.RINGING | reports.ANSWERED
        and not told["DialCallStatus"]
        and not told["RecordingSid"]
        and not told["ParentCallSid"]
    )


def _answered(received: Received, told: reports.Told, base: str) -> Received:
    """With what the caller shall hear."""
    account = told.account
    if told["DialCallStatus"]:
        missed = told["DialCallStatus"] in reports.UNANSWERED
        if missed and told.whose.then == "everyone" and twiml.everyone(account):
            whose = Whose(phone=told.whose.phone)
            answer = twiml.ring(account, twiml.everyone(account), whose, base=base)
        else:
            answer = twiml.hang_up()
        return _with(received, answer)
    if not _asks(told):
        return received
    if not received.incoming:
        return _with(received, twiml.hang_up())
    far = told.far(reports.call_of(told))

    def answer_for(caller: Caller | None) -> Answer:
        extension = caller.extension if caller is not None else ""
        if extension and twiml.can_ring(account, extension):
            whose = Whose(phone=far.number, then="everyone")
            return twiml.ring(account, (extension,), whose, base=base)
        whose = Whose(phone=far.number)
        return twiml.ring(account, twiml.everyone(account), whose, base=base)

    nobody_known = answer_for(None)
    if far.hidden or not far.number.startswith("+"):
        return _with(received, nobody_known)
    # `answer` too, for whoever cannot look the caller up.
    return Received(
        incoming=received.incoming,
        ignored=received.ignored,
        answer=nobody_known,
        enquiry=Enquiry(phone=far.number, answer=answer_for),
    )


def _with(received: Received, answer: Answer) -> Received:
    return Received(incoming=received.incoming, ignored=received.ignored, answer=answer)


def _fields(form: Form, request: Request) -> Mapping[str, str]:
    """A field's last value; of a request by GET the fields are in the address, of JSON in an object."""
    if request.method == "GET":
        return dict(request.query)
    if form:
        return {name: values[-1] for name, values in form.items()}
    if not request.body:
        return {}
    try:
        told = msgspec.json.decode(request.body)
    except (ValueError, RecursionError) as error:
        raise Malformed("neither a form nor JSON") from error
    if not isinstance(told, dict):
        raise Malformed("not an object")
    return {
        str(name): str(value)
        for name, value in told.items()
        if isinstance(value, str | int | float)
    }
