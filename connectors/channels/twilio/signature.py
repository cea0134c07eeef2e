"""Whether a request comes from Twilio, and under which address Twilio knows us.

https://www.twilio.com/docs/usage/security#validating-requests. `X-Twilio-Signature` is base64 of the HMAC over the full
address that Twilio called, followed by each of the form's fields, sorted by name, name and value; with HMAC-SHA1 and the
account's primary auth token, or, when X-Twilio-Webhooks-Signature-Settings says so, with HMAC-SHA256 and a shared key
(twilio-python 9.13, request_validator.py). A JSON body is not in it: `bodySHA256` in the query is its hash.

The address is the difficulty. A proxy in front of us may have ended TLS, changed the port or the host; and Twilio signs
the standard port in some places and leaves it out in others. So every address that this request can have had is tried; what
a stranger writes into Host or X-Forwarded-Host gains nothing, because they cannot sign that either.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode

from connectors.connector import Account, Request
from connectors.errors import Malformed, Unverified

HEADER: Final = "X-Twilio-Signature"
SETTINGS_HEADER: Final = "X-Twilio-Webhooks-Signature-Settings"
FIELDS_LIMIT: Final = 500
"""Twilio sends some forty; what a Studio flow adds is far below."""

_STANDARD: Final = {"https": "443", "http": "80"}
_LONGEST_HOST: Final = 255

Form = Mapping[str, Sequence[str]]


def form_of(request: Request) -> Form:
    """The body's fields; empty for GET, whose fields are part of the address, and for JSON. Raises Malformed."""
    if request.method != "POST" or _is_json(request):
        return {}
    try:
        return parse_qs(
            request.body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=FIELDS_LIMIT,
            # Twilio: do not trim or otherwise change a value; what is not UTF-8 is not Twilio's.
            errors="strict",
        )
    except ValueError as error:
        raise Malformed("not a form as Twilio sends it") from error


def prove_origin(account: Account, request: Request) -> str:
    """The address, without its query, under which Twilio called. Raises Unverified, Malformed."""
    secret, algorithm = _how(account, request)
    if not secret:
        raise Unverified("the account has no secret for this kind of signature", missing=True)
    given = request.headers.get(HEADER)
    if given is None:
        raise Unverified(f"no {HEADER}", missing=True)
    proof = given.encode(errors="surrogateescape")
    target = _target(account, request)
    query = target.partition("?")[2]
    hashed = next((value for name, value in parse_qsl(query) if name == "bodySHA256"), "")
    signs_the_body = bool(hashed) and _is_json(request)
    fields = b"" if signs_the_body else joined(form_of(request))
    for origin in _origins(account, request):
        mac = hmac.new(secret.encode(), _bytes(origin + target) + fields, algorithm)
        if hmac.compare_digest(b64encode(mac.digest()), proof):
            if signs_the_body and not hmac.compare_digest(
                hashlib.sha256(request.body).hexdigest().encode(), _bytes(hashed.lower())
            ):
                raise Unverified("the body is not the one that was signed")
            if request.body and request.method == "POST" and not fields and not signs_the_body:
                raise Unverified("the body is not covered by the signature")
            return (origin + target).partition("?")[0]
    raise Unverified(f"a wrong {HEADER}")


def joined(form: Form) -> bytes:
    """The fields as they are signed: sorted by name, a field's several values once each and sorted, too."""
    return "".join(
        name + value for name in sorted(form) for value in sorted(set(form[name]))
    ).encode()


def _how(account: Account, request: Request) -> tuple[str, str]:
    """The secret and the hash's name. Raises Unverified."""
    told = request.headers.get(SETTINGS_HEADER, "")
    named = [part.partition("=")[2].strip().upper() for part in told.split(",") if part.strip().startswith("algorithm=")]  # fmt: skip
    match named[:1]:
        case [] | ["HMAC_SHA1"]:
            return account["auth_token"], "sha1"
        case ["HMAC_SHA256"]:
            return account["signing_key"], "sha256"
        case _:
            raise Unverified("signed in a way we do not know")


def _is_json(request: Request) -> bool:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower() in {
        "application/json",
        "text/json",
    }


def _target(account: Account, request: Request) -> str:
    """Path and query as Twilio wrote them."""
    if request.target:
        written = request.target
    else:
        path = f"/hooks/telephony/{account.slug}" + (f"/{request.path}" if request.path else "")
        written = path + (f"?{urlencode(dict(request.query))}" if request.query else "")
    if not account["webhook_url"]:
        return written
    # The proxy changes the path, too: what follows our slug is all that can be known of what came.
    own = f"/hooks/telephony/{account.slug}"
    return written[written.find(own) + len(own) :] if own in written else written


def _origins(account: Account, request: Request) -> Iterator[str]:
    """What can have stood before the target, the likeliest first, each once."""
    if account["webhook_url"]:
        yield account["webhook_url"].rstrip("/")
        return
    headers = request.headers
    hosts = [
        headers.get(name, "").partition(",")[0].strip() for name in ("X-Forwarded-Host", "Host")
    ]
    schemes = [headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower(), "https", "http"]  # fmt: skip
    port = headers.get("X-Forwarded-Port", "").partition(",")[0].strip()
    seen = set()
    for host in hosts:
        if not host or len(host) > _LONGEST_HOST:
            continue
        for scheme in schemes:
            if scheme not in _STANDARD:
                continue
            bare = _without_port(host)
            for authority in (host, bare, f"{bare}:{_STANDARD[scheme]}", f"{bare}:{port}"):
                origin = f"{scheme}://{authority}"
                if origin not in seen:
                    seen.add(origin)
                    yield origin


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
