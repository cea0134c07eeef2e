"""The envelope, kept on top of the mail it came with: a field of our own, as a server that delivers writes Return-Path.

Whom a mail was for and who sent it is said in SMTP and not in the mail, and reading it needs both: a reply token may stand
in the recipient alone, and a mail from nobody is a machine's.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_FIELD: Final = b"X-Allo-Envelope: "


@dataclass(frozen=True, slots=True)
class Envelope:
    """`sender` "" is the empty one of bounces, None: not known."""

    sender: str | None = None
    recipients: tuple[str, ...] = ()
    checked: str = ""
    """What the provider that received the mail found about its sender, as in Authentication-Results; "" when it says so
    in the mail."""


def in_envelope(
    raw: bytes, *, sender: str | None, recipients: Sequence[str], checked: str = ""
) -> bytes:
    """The bytes to keep. JSON's escapes leave nothing in the line that could end it."""
    told = {"from": sender, "to": list(recipients)} | ({"checked": checked} if checked else {})
    written = json.dumps(told)
    return b"%b%b\r\n%b" % (_FIELD, written.encode(), raw)


def out_of_envelope(kept: bytes) -> tuple[bytes, Envelope]:
    """The mail as it came. What a sender wrote in a field of this name stands below ours, and is no envelope."""
    if not kept.startswith(_FIELD):
        return kept, Envelope()
    line, _, raw = kept.partition(b"\r\n")
    try:
        written = json.loads(line.removeprefix(_FIELD))
        sender = written["from"]
        return raw, Envelope(
            None if sender is None else str(sender),
            tuple(map(str, written["to"])),
            str(written.get("checked", "")),
        )
    except (ValueError, LookupError, TypeError):
        return kept, Envelope()
