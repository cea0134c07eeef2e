"""Mail that no person wrote: auto-replies, bulk, bounces, receipts, and mail of our own that came back.

RFC 3834 (Auto-Submitted), RFC 3464 (delivery status), RFC 8098 (read receipts), and the headers that mailers used before
them. A delivery report is about a message of ours and never a customer's message; what merely looks like one, without the
standard's parts, is filed as an automatic mail.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from connectors.channels.email.charsets import decode
from connectors.channels.email.headers import Headers, message_ids, read_headers
from connectors.channels.email.mime import ParsedMail
from router.clean_text import clean_line
from router.message import Automatic

OUR_HEADER: Final = "X-Allo-Account"
"""On every mail of ours, with the account's id: one that comes back to the account is a loop."""
HOPS: Final = 50

_DAEMONS = re.compile(
    r"(?:mailer-daemon|postmaster|mail-daemon|maildaemon)(?:[+.-].*)?@", re.IGNORECASE
)
_NO_REPLY = re.compile(
    r"(?:[^@]{0,40}[-_.+])?(?:no|do-?not)[-_.]?reply(?:[-_.+][^@]*)?@|(?:robot|bounces?)(?:[+-][^@]*)?@",
    re.IGNORECASE,
)
_AUTO_SUBJECT = re.compile(
    r"(?:re:\s?)?(?:auto(?:matic)?[ -]?(?:reply|response|antwort)|автоответ|автоматический ответ|out of (?:the )?office"
    r"|вне офиса|нет на работе|нахожусь в отпуске|abwesen|réponse automatique|respuesta automática)",
    re.IGNORECASE,
)
_LIST: Final = frozenset({"list-id", "list-unsubscribe", "list-post", "list-help"})


@dataclass(frozen=True, slots=True)
class Judgement:
    automatic: Automatic | None = None
    because: str = ""


def judge(mail: ParsedMail, *, sender: str, envelope_from: str | None) -> Judgement:
    """Whether a machine wrote it, and what says so: the first that does."""
    headers = mail.headers
    if (
        mail.kind == "multipart/report"
        or _DAEMONS.match(sender)
        or headers.has("x-failed-recipients")
    ):
        return Judgement("bounce", "a mail system's report")
    because = _replied_by_machine(headers)
    if because:
        return Judgement("auto_reply", because)
    because = _sent_to_many(headers, sender)
    if because:
        return Judgement("bulk", because)
    because = _asks_for_no_answer(headers, envelope_from)
    return Judgement("auto_reply", because) if because else Judgement()


def _replied_by_machine(headers: Headers) -> str:
    if headers.token("auto-submitted") == "auto-replied":
        return "Auto-Submitted: auto-replied"
    if headers.token("precedence") in {"auto_reply", "auto-reply"}:
        return "Precedence: auto_reply"
    if _AUTO_SUBJECT.match(headers.text("subject")):
        return "the subject says so"
    named = ("x-autoreply", "x-autorespond", "x-autoresponder")
    return next((each for each in named if headers.has(each) and headers.token(each) != "no"), "")


def _sent_to_many(headers: Headers, sender: str) -> str:
    listed = next((name for name in headers.names() if name in _LIST), "")
    if listed:
        return listed.title()
    precedence = headers.token("precedence")
    if precedence in {"bulk", "list", "junk"}:
        return f"Precedence: {precedence}"
    return "nobody reads the sender's address" if _NO_REPLY.match(sender) else ""


def _asks_for_no_answer(headers: Headers, envelope_from: str | None) -> str:
    submitted = headers.token("auto-submitted")
    if submitted and submitted != "no":
        return f"Auto-Submitted: {submitted}"
    suppress = decode(headers.raw("x-auto-response-suppress")[:200]).lower()
    if re.search(r"\b(?:all|oof|autoreply)\b", suppress):
        return "X-Auto-Response-Suppress"
    empty = envelope_from == "" or headers.raw("return-path") == b"<>"
    return "sent from <>" if empty else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a mail of ours."""

    state: Literal["failed", "delayed", "delivered", "read", "other"]
    message_ids: tuple[str, ...]
    reason: str = ""


def report(mail: ParsedMail) -> Report | None:
    """A delivery status or a read receipt; None: the mail is none, or does not say about which message."""
    statuses = [part.content for part in mail.parts if part.kind == "message/delivery-status"]
    receipts = [
        part.content for part in mail.parts if part.kind == "message/disposition-notification"
    ]
    if not statuses and not receipts:
        return None
    about = _original(mail)
    if receipts:
        fields = _blocks(receipts[0])[0]
        about = about or message_ids(fields.raw("original-message-id"), limit=1)
        shown = "displayed" in fields.text("disposition").lower()
        return Report(state="read" if shown else "other", message_ids=tuple(about))
    recipients = [block for status in statuses for block in _blocks(status) if block.has("action")]
    actions = [block.token("action") for block in recipients]
    for action in ("failed", "delayed"):
        if action in actions:
            worst = recipients[actions.index(action)]
            return Report(
                state="failed" if action == "failed" else "delayed",
                message_ids=tuple(about),
                reason=_reason(worst),
            )
    reached = any(action == "delivered" for action in actions)
    return Report(state="delivered" if reached else "other", message_ids=tuple(about))


def _blocks(content: bytes) -> list[Headers]:
    """The groups of fields of a delivery status, which blank lines part."""
    found: list[Headers] = []
    position = 0
    while position < len(content) and len(found) < 50:
        headers, after = read_headers(content, position, len(content))
        found.append(headers)
        if after <= position:
            break
        position = after
    return found or [Headers()]


def _original(mail: ParsedMail) -> list[str]:
    for part in mail.parts:
        if part.kind in {
            "message/rfc822",
            "message/global",
            "text/rfc822-headers",
            "message/rfc822-headers",
        }:
            content = part.content
            headers, _ = read_headers(content, 0, len(content))
            found = message_ids(headers.raw("message-id"), limit=1)
            if found:
                return found
    # Without the original, some servers name it in the report's own headers.
    return message_ids(mail.headers.raw("x-failed-message-id"), limit=1) or message_ids(
        mail.headers.raw("in-reply-to"), limit=1
    )


def _reason(block: Headers) -> str:
    """`smtp; 550 5.1.1 No such user` → "550 5.1.1 No such user"."""
    said = block.text("diagnostic-code", limit=400)
    said = said.partition(";")[2].strip() or said
    status = block.text("status", limit=20)
    whom = block.text("final-recipient", limit=300).partition(";")[2].strip(" <>")
    reason = said or f"the mail server answered {status}"
    return clean_line(f"{whom}: {reason}" if whom and whom not in reason else reason, limit=500)


def looped(headers: Headers, *, account: str) -> str:
    """Why the mail must be one of ours that came back; "" when it is not."""
    if any(decode(each).strip() == account for each in headers.all(OUR_HEADER.lower())):
        return "our own mail came back"
    if len(headers.all("received")) > HOPS:
        return f"passed through more than {HOPS} servers"
    return ""
