"""Files of the chat: known by their content, kept in the media store, shown through links that expire.

Bytes go to the store first and come back as a ticket, which the message then names; so a message is small, and a
second try of it uploads nothing again. What a browser might run (HTML, SVG, scripts) keeps its name and loses its
type: nobody's page ever shows it.
"""

import re
from datetime import datetime
from typing import Final
from urllib.parse import quote
from uuid import UUID

import msgspec
import puremagic
from msgspec import Struct

from connectors.channels.site_chat.visitors import sign, unsign
from connectors.errors import Unverified
from router.clean_text import clean_line
from router.message import Attachment, MessageKind

TICKET_LIFE_S: Final = 24 * 3600
"""A message waits in a browser that is offline; after a day its file is uploaded again."""
LINK_LIFE_S: Final = 3600
HEAD: Final = 64 * 1024
_SHOWN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_ACTIVE: Final = re.compile(
    rb"<\s*(?:!doctype|html|svg|script|head|body|iframe|\?xml)", re.IGNORECASE
)
_ACTIVE_TYPES: Final = ("html", "svg", "xml", "javascript", "ecmascript", "x-httpd", "x-sh")
_PLAIN: Final = {
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".log": "text/plain",
    ".json": "application/json",
}
_UNKNOWN: Final = "application/octet-stream"


class Ticket(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored file that a visitor may put into a message."""

    visitor: UUID
    sha256: str
    name: str
    mime: str
    kind: MessageKind
    size: int
    until: int

    def attachment(self) -> Attachment:
        return Attachment(
            kind=self.kind, sha256=self.sha256, name=self.name, mime=self.mime, size=self.size
        )


class Link(Struct, frozen=True, kw_only=True):
    sha256: str
    name: str
    mime: str
    until: int


def mime_of(content: bytes, name: str) -> str:
    """By what the bytes are; the name decides only between kinds of plain text."""
    head = content[:HEAD]
    try:
        mime = puremagic.from_string(head, mime=True, filename=name or None)
    except (puremagic.PureError, ValueError):
        mime = ""
    if any(word in mime for word in _ACTIVE_TYPES) or _ACTIVE.search(head[:4096]):
        return _UNKNOWN
    if mime and not mime.startswith("text/"):
        return mime
    suffix = "." + name.rpartition(".")[2].lower()
    return _PLAIN.get(suffix, _UNKNOWN) if _is_text(head) else _UNKNOWN


def kind_of(mime: str) -> MessageKind:
    if mime in _SHOWN:
        return "image"
    family = mime.partition("/")[0]
    if family == "video":
        return "video"
    return "audio" if family == "audio" else "document"


def clean_name(name: str) -> str:
    """The last part of a path, on one line, short enough for every file system."""
    last = re.split(r"[/\\]", name)[-1]
    cleaned = clean_line(last, limit=255).strip(". ")
    stem, dot, suffix = cleaned.rpartition(".")
    if len(cleaned) > 120 and dot and len(suffix) <= 10:
        return f"{stem[: 119 - len(suffix)]}.{suffix}"
    return cleaned[:120] or "file"


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The head may end in the middle of a character.
        return error.start >= len(head) - 3
    return True


def ticket_for(
    content: bytes, *, sha256: str, name: str, visitor: UUID, secret: bytes, now: datetime
) -> tuple[Ticket, str]:
    mime = mime_of(content, name)
    ticket = Ticket(
        visitor=visitor,
        sha256=sha256,
        name=clean_name(name),
        mime=mime,
        kind=kind_of(mime),
        size=len(content),
        until=int(now.timestamp()) + TICKET_LIFE_S,
    )
    return ticket, sign(msgspec.json.encode(ticket), secret=secret, purpose="file")


def ticket_of(signed: str, *, visitor: UUID, secret: bytes, now: datetime) -> Ticket:
    """Raises Unverified."""
    ticket = msgspec.json.decode(unsign(signed, secret=secret, purpose="file"), type=Ticket)
    if ticket.visitor != visitor:
        raise Unverified("a file of another visitor")
    if ticket.until < now.timestamp():
        raise Unverified("a file uploaded too long ago")
    return ticket


def link_to(*, sha256: str, name: str, mime: str, secret: bytes, now: datetime) -> str:
    """The part of the URL. The same within the hour, so that a message read twice is the same message."""
    until = (int(now.timestamp()) // LINK_LIFE_S + 2) * LINK_LIFE_S
    link = Link(sha256=sha256, name=name, mime=mime, until=until)
    return sign(msgspec.json.encode(link), secret=secret, purpose="link")


def link_of(signed: str, *, secret: bytes, now: datetime) -> Link:
    """Raises Unverified."""
    link = msgspec.json.decode(unsign(signed, secret=secret, purpose="link"), type=Link)
    if link.until < now.timestamp():
        raise Unverified("a link that has expired")
    return link


def headers_of(link: Link) -> dict[str, str]:
    """Always a download, whatever the bytes turn out to be; pictures are shown by the frame's own <img>."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", link.name)
    return {
        "Content-Type": link.mime if link.mime in _SHOWN else _UNKNOWN,
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(link.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "private, max-age=3600",
        "Referrer-Policy": "no-referrer",
    }
