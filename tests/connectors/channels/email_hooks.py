"""Forms as providers post them."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from connectors.connector import Request
from tests.conftest import NOON

BOUNDARY = "xYzZY"


def mailgun_proof(
    key: str, *, at: float = NOON.timestamp(), token: str = "t" * 50
) -> dict[str, str]:
    timestamp = str(int(at))
    signed = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
    return {"timestamp": timestamp, "token": token, "signature": signed.hexdigest()}


def form(
    fields: Mapping[str, str | bytes],
    *,
    path: str,
    multipart: bool = False,
    files: Sequence[tuple[str, str, str, bytes]] = (),
    headers: Mapping[str, str] | None = None,
) -> Request:
    """`files`: the field's name, the file's name, its type, its content."""
    if multipart or files:
        kind, body = f"multipart/form-data; boundary={BOUNDARY}", _multipart(fields, files)
    else:
        kind, body = "application/x-www-form-urlencoded", urlencode(fields).encode()
    return Request(
        method="POST",
        headers={"Content-Type": kind} | dict(headers or {}),
        body=body,
        path=path,
        received_at=NOON,
    )


def _multipart(
    fields: Mapping[str, str | bytes], files: Sequence[tuple[str, str, str, bytes]]
) -> bytes:
    lines: list[bytes] = []
    for name, value in fields.items():
        content = value if isinstance(value, bytes) else value.encode()
        lines += [
            f"--{BOUNDARY}".encode(),
            f'Content-Disposition: form-data; name="{name}"'.encode(),
            b"",
            content,
        ]
    for name, file, mime, content in files:
        lines += [
            f"--{BOUNDARY}".encode(),
            f'Content-Disposition: form-data; name="{name}"; filename="{file}"'.encode(),
            f"Content-Type: {mime}".encode(),
            b"",
            content,
        ]
    return b"\r\n".join([*lines, f"--{BOUNDARY}--".encode(), b""])
