"""Only Twilio is believed, whatever proxy stands in between."""

import hashlib
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from multidict import CIMultiDict
from twilio.request_validator import HMAC_SHA256, RequestValidator

from connectors.channels.twilio import connector
from connectors.channels.twilio.signature import prove_origin
from connectors.connector import Request
from connectors.errors import Malformed, Unverified
from tests.connectors.channels.twilio_world import (
    BASE,
    HOST,
    NOON,
    TOKEN,
    a_call,
    a_request,
    an_account,
)

PATH = "/hooks/telephony/shop"


def test_twilios_own_example_is_accepted() -> None:
    """The vector of https://www.twilio.com/docs/usage/security"""
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    request = Request(
        method="POST",
        headers=CIMultiDict(
            {"Host": "mycompany.com", "X-Twilio-Signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
        ),
        body=urlencode(fields).encode(),
        query={"foo": "1", "bar": "2"},
        target="/myapp.php?foo=1&bar=2",
        received_at=NOON,
    )
    account = an_account(auth_token="12345")
    assert prove_origin(account, request) == "https://mycompany.com/myapp.php"
    with pytest.raises(Unverified):
        prove_origin(account, replace(request, target="/myapp.php?bar=2&foo=1"))
    with pytest.raises(Unverified):
        prove_origin(account, replace(request, body=request.body + b"&more=1"))


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        pytest.param(f"https://{HOST}{PATH}", {}, id="TLS ends at a proxy"),
        pytest.param(f"https://{HOST}:443{PATH}", {}, id="the standard port, signed"),
        pytest.param(f"http://{HOST}{PATH}", {}, id="no TLS"),
        pytest.param(f"http://{HOST}:80{PATH}", {}, id="no TLS, the standard port"),
        pytest.param(f"https://{HOST}:8443{PATH}", {"Host": f"{HOST}:8443"}, id="another port"),
        pytest.param(
            f"https://{HOST}{PATH}", {"Host": f"{HOST}:8443"}, id="a port that was not signed"
        ),
        pytest.param(
            f"https://{HOST}:8443{PATH}", {"X-Forwarded-Port": "8443"}, id="a port the proxy tells"
        ),
        pytest.param(
            f"https://{HOST}{PATH}",
            {"Host": "127.0.0.1:8080", "X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https"},
            id="a proxy that changes the host and says so",
        ),
    ],
)
def test_the_address_may_have_changed_on_the_way(url: str, headers: dict[str, str]) -> None:
    assert prove_origin(an_account(), a_request(a_call(), url=url, headers=headers)) == url


def test_a_proxy_that_hides_the_address_is_made_good_by_the_setting() -> None:
    public = "https://front.example/tel/allo"
    account = an_account(webhook_url=public)
    request = a_request(
        a_call(),
        "status",
        {"phone": "+1"},
        url=f"{public}/status?phone=%2B1",
        headers={"Host": "inner"},
    )
    assert prove_origin(account, request) == f"{public}/status"
    with pytest.raises(Unverified):
        prove_origin(an_account(), request)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"headers": CIMultiDict({"Host": HOST})}, id="no signature"),
        pytest.param(
            {"headers": CIMultiDict({"Host": HOST, "X-Twilio-Signature": ""})}, id="empty"
        ),
        pytest.param({"body": b""}, id="another body"),
        pytest.param({"target": f"{PATH}/status"}, id="another path"),
        pytest.param({"target": f"{PATH}?x=1"}, id="another query"),
    ],
)
def test_what_is_not_signed_so_is_refused(change: dict[str, Any]) -> None:
    request = a_request(a_call())
    prove_origin(an_account(), request)
    with pytest.raises(Unverified):
        prove_origin(an_account(), replace(request, **change))


def test_another_accounts_token_is_refused() -> None:
    with pytest.raises(Unverified):
        prove_origin(an_account(), a_request(a_call(), token="another"))


def test_values_are_signed_as_they_are() -> None:
    """Spaces at the ends, empty values, plus signs, Cyrillic, fields that are new: all of it counts."""
    fields = a_call(CallerName="  Анна + К ", Empty="", SomethingNew="1&2=3%")
    prove_origin(an_account(), a_request(fields))


def test_json_is_proved_by_its_hash() -> None:
    body = json.dumps(a_call()).encode()
    query = {"bodySHA256": hashlib.sha256(body).hexdigest()}
    target = f"{PATH}?{urlencode(query)}"
    signature = RequestValidator(TOKEN).compute_signature(f"https://{HOST}{target}", {})
    assert RequestValidator(TOKEN).validate(f"https://{HOST}{target}", body.decode(), signature)
    request = Request(
        method="POST",
        headers=CIMultiDict(
            {"Host": HOST, "Content-Type": "application/json", "X-Twilio-Signature": signature}
        ),
        body=body,
        query=query,
        target=target,
        received_at=NOON,
    )
    assert prove_origin(an_account(), request) == BASE
    with pytest.raises(Unverified):
        prove_origin(an_account(), replace(request, body=body + b" "))


def test_a_request_by_get_is_proved_and_read_by_its_address() -> None:
    fields = a_call(CallerName="Анна К")
    target = f"{PATH}?{urlencode(fields)}"
    signature = RequestValidator(TOKEN).compute_signature(f"https://{HOST}{target}", {})
    request = Request(
        method="GET",
        headers=CIMultiDict({"Host": HOST, "X-Twilio-Signature": signature}),
        body=b"",
        query=fields,
        target=target,
        received_at=NOON,
    )
    assert prove_origin(an_account(), request) == BASE
    assert connector.receive is not None
    (incoming,) = connector.receive(an_account(), request).incoming
    assert incoming.event.chat.id == fields["From"]
    with pytest.raises(Unverified):
        prove_origin(an_account(), replace(request, target=target + "&From=%2B1"))


def test_a_body_that_nothing_covers_is_refused() -> None:
    signature = RequestValidator(TOKEN).compute_signature(BASE, {})
    request = Request(
        method="POST",
        headers=CIMultiDict(
            {"Host": HOST, "Content-Type": "application/json", "X-Twilio-Signature": signature}
        ),
        body=b'{"CallSid": "CA1"}',
        target=PATH,
        received_at=NOON,
    )
    with pytest.raises(Unverified):
        prove_origin(an_account(), request)


def test_a_shared_keys_signature_is_accepted_when_the_key_is_set() -> None:
    fields = a_call()
    told = {
        "X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
        "X-Twilio-Signature": RequestValidator("shared").compute_signature(
            BASE, fields, HMAC_SHA256
        ),
    }
    request = a_request(fields, headers=told)
    assert prove_origin(an_account(signing_key="shared"), request) == BASE
    with pytest.raises(Unverified):
        prove_origin(an_account(), request)
    odd = a_request(
        fields, headers=told | {"X-Twilio-Webhooks-Signature-Settings": "algorithm=NONE"}
    )
    with pytest.raises(Unverified):
        prove_origin(an_account(signing_key="shared"), odd)


def test_a_form_that_is_none_is_malformed() -> None:
    with pytest.raises(Malformed):
        prove_origin(an_account(), replace(a_request(a_call()), body=b"a=%ff"))
