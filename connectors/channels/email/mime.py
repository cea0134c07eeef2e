"""Bytes of a mail → `ParsedMail`: its words, its HTML, its files. Total: any bytes give a mail, however poor.

The tree is split by offsets into the bytes, every part at most once per level and at most `DEPTH` levels deep, so that
the time is linear in the size. What a limit cuts off is named in `notes`; the raw mail is kept beside the event anyway.

A body is what a client would show: of alternatives the text and the HTML side by side, of mixed parts all texts in their
order. Forwarded mails stay whole, as `.eml`. Of Outlook's `winmail.dat` come the files that it holds; one in which none are
found stays as it is.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from connectors.channels.email import html as html_parts
from connectors.channels.email.charsets import decode, unbase64, unquote, unuu
from connectors.channels.email.filenames import file_name, type_of
from connectors.channels.email.headers import Headers, parameters, read_headers
from connectors.channels.email.tnef import files_in
from router.clean_text import clean_text
from router.message import Attachment, MessageKind

DEPTH: Final = 10
PARTS: Final = 300
FILES: Final = 100
TEXT: Final = 200_000
"""Characters of a body that are kept as the message; the rest is in the raw mail."""
HTML: Final = 800_000
"""Characters of HTML that a message has: cut anywhere it would not be whole."""


@dataclass(slots=True)
class Part:
    """A node of the tree: `raw[start:end]` is its body, still encoded."""

    headers: Headers
    raw: bytes
    start: int
    end: int
    kind: str
    parameters: dict[str, str]
    alternative: int = 0
    """The outermost multipart/alternative it is in; 0: none."""
    related: bool = False
    children: list["Part"] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        return _decoded(
            self.raw[self.start : self.end], self.headers.token("content-transfer-encoding")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMail:
    headers: Headers
    kind: str = "text/plain"
    """Content-Type of the whole."""
    parameters: dict[str, str] = field(default_factory=dict)
    text: str = ""
    html: str = ""
    """Sanitised."""
    files: tuple[Attachment, ...] = ()
    parts: tuple[Part, ...] = ()
    """The leaves, in their order."""
    notes: tuple[str, ...] = ()


def read_mail(raw: bytes) -> ParsedMail:
    notes: list[str] = []
    leaves: list[Part] = []
    headers, body = read_headers(raw, 0, len(raw))
    root = _part(headers, raw, body, len(raw), notes)
    _split(root, 0, leaves, notes)
    bodies, files = _sorted(leaves, notes)
    text, html = _shown(bodies, files, notes)
    return ParsedMail(
        headers=headers,
        kind=root.kind,
        parameters=root.parameters,
        text=text,
        html=html,
        files=tuple(files),
        parts=tuple(leaves),
        notes=tuple(dict.fromkeys(notes)),
    )


def _part(headers: Headers, raw: bytes, start: int, end: int, notes: list[str]) -> Part:
    kind, found = parameters(headers.raw("content-type"))
    if not re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}", kind):
        if kind:
            notes.append("a Content-Type could not be read")
        kind = "text/plain" if kind in {"", "text"} or not kind else "application/octet-stream"
    return Part(headers, raw, start, end, kind, found)


# The tree


def _split(part: Part, depth: int, leaves: list[Part], notes: list[str]) -> None:
    if not part.kind.startswith("multipart/"):
        leaves.append(part)
        return
    if depth >= DEPTH:
        notes.append(f"nested deeper than {DEPTH} parts")
        part.kind = "application/octet-stream"
        leaves.append(part)
        return
    ranges = _between(part.raw, part.start, part.end, _delimiter(part))
    if not ranges:
        part.kind = "text/plain"
        notes.append("a multipart without parts")
        leaves.append(part)
        return
    default = "message/rfc822" if part.kind == "multipart/digest" else "text/plain"
    for start, end in ranges:
        if len(leaves) >= PARTS:
            notes.append(f"more than {PARTS} parts")
            return
        headers, body = read_headers(part.raw, start, end)
        child = _part(headers, part.raw, body, end, notes)
        if not headers.has("content-type"):
            child.kind = default
        child.alternative = part.alternative
        if part.kind == "multipart/alternative" and not part.alternative:
            child.alternative = part.start + 1
        child.related = part.related or part.kind == "multipart/related"
        _split(child, depth + 1, leaves, notes)


def split_at_boundaries(raw: bytes, boundary: str) -> list[tuple[int, int]]:
    """Where the parts of a multipart body begin and end."""
    return _between(raw, 0, len(raw), b"--" + boundary.encode("utf-8", "replace"))


def _delimiter(part: Part) -> bytes:
    boundary = part.parameters.get("boundary", "").rstrip()
    return b"--" + boundary.encode("utf-8", "replace") if boundary else _guessed(part)


def _between(raw: bytes, start: int, end: int, delimiter: bytes) -> list[tuple[int, int]]:
    if not delimiter:
        return []
    position = start
    ranges: list[tuple[int, int]] = []
    opened = -1
    while len(ranges) < PARTS:
        found = raw.find(delimiter, position, end)
        if found < 0:
            break
        position = found + len(delimiter)
        if found > start and raw[found - 1 : found] != b"\n":
            continue
        closing = raw[position : position + 2] == b"--"
        newline = raw.find(b"\n", position, end)
        line_end = end if newline < 0 else newline
        # The rest of the line is blank, or it is a longer boundary that begins like ours.
        if raw[position + 2 * closing : min(line_end, position + 200)].strip():
            continue
        if opened >= 0:
            ranges.append((opened, _without_newline(raw, opened, found)))
        opened = min(line_end + 1, end)
        if closing:
            return ranges
        position = max(position, opened - 1)
    if opened >= 0 and len(ranges) < PARTS:
        # Never closed: cut off on its way, and still worth reading.
        ranges.append((opened, end))
    return ranges


def _guessed(part: Part) -> bytes:
    found = re.compile(rb"--[^\r\n]{1,200}").match(part.raw, part.start, part.end)
    return found[0].rstrip() if found else b""


def _without_newline(raw: bytes, start: int, end: int) -> int:
    if end > start and raw[end - 1 : end] == b"\n":
        end -= 1
        if end > start and raw[end - 1 : end] == b"\r":
            end -= 1
    return end


def _decoded(body: bytes, encoding: str) -> bytes:
    match encoding.strip("\"'"):
        case "base64" | "x-base64" | "base-64":
            return unbase64(body)
        case "quoted-printable" | "quotedprintable":
            return unquote(body)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return unuu(body)
        case _:
            return body


# What is shown, and what is a file


@dataclass(slots=True)
class _Body:
    text: str = ""
    html: str = ""


def _sorted(leaves: list[Part], notes: list[str]) -> tuple[list[_Body], list[Attachment]]:
    bodies: list[_Body] = []
    of_alternative: dict[int, _Body] = {}
    files: list[Attachment] = []
    for part in leaves:
        if part.start >= part.end and not part.parameters.get("name"):
            continue
        disposition, details = parameters(part.headers.raw("content-disposition"))
        name = details.get("filename", "") or part.parameters.get("name", "")
        if _is_body(part, disposition, name):
            body = of_alternative.get(part.alternative) if part.alternative else None
            if body is None:
                body = _Body()
                bodies.append(body)
                if part.alternative:
                    of_alternative[part.alternative] = body
            words = clean_text(decode(part.content, part.parameters.get("charset", "")))
            if part.kind == "text/html":
                body.html += words
            elif part.parameters.get("format", "").lower() == "flowed":
                body.text += _unflowed(words, part.parameters.get("delsp", "").lower() == "yes")
            else:
                body.text += words.replace("\r\n", "\n")
        elif len(files) < FILES:
            enclosed = _enclosed(part, name)
            if enclosed:
                notes.append(f"files out of {name or 'winmail.dat'}")
            files += (enclosed or [_file(part, name)])[: FILES - len(files)]
        else:
            notes.append(f"more than {FILES} files")
    return bodies, files


def _enclosed(part: Part, name: str) -> list[Attachment]:
    """The files in Outlook's own wrapping, which goes under several names."""
    if part.kind not in {"application/ms-tnef", "application/vnd.ms-tnef"} and (
        name.lower() != "winmail.dat"
    ):
        return []
    found: list[Attachment] = []
    for each in files_in(part.content):
        name = clean_text(each.name)
        known = re.fullmatch(r"[a-z0-9.+-]{1,80}/[a-z0-9.+-]{1,80}", each.mime)
        mime = each.mime if known else type_of(name)
        found.append(
            Attachment(
                kind=_kind_of(mime),
                content=each.content,
                name=file_name(name, mime),
                mime=mime,
                size=len(each.content),
                cid="".join(clean_text(each.cid, limit=300).split()),
            )
        )
    return found


def _is_body(part: Part, disposition: str, name: str) -> bool:
    if part.kind not in {"text/plain", "text/html"} or disposition.startswith("attachment"):
        return False
    return not name or bool(part.alternative)


def _file(part: Part, name: str) -> Attachment:
    content = part.content
    if part.kind.startswith("message/") and not name and part.kind != "message/delivery-status":
        inner, _ = read_headers(content, 0, len(content))
        name = inner.text("subject", limit=100) or "mail"
        name += ".eml"
    cid = clean_text(decode(part.headers.raw("content-id")).strip().strip("<>"), limit=300)
    return Attachment(
        kind=_kind_of(part.kind),
        content=content,
        name=file_name(name, part.kind),
        mime=part.kind,
        size=len(content),
        cid="".join(cid.split()),
    )


def _kind_of(mime: str) -> MessageKind:
    match mime.partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"


def _shown(bodies: list[_Body], files: list[Attachment], notes: list[str]) -> tuple[str, str]:
    wild = False
    texts: list[str] = []
    htmls: list[str] = []
    with_html = any(each.html for each in bodies)
    for body in bodies:
        source = body.html
        if len(source) > html_parts.LIMIT:
            notes.append("the HTML is longer than a million characters")
        tame = source and not html_parts.too_wild(source[: html_parts.LIMIT])
        if source and not tame:
            wild = True
            notes.append("the HTML is nested beyond reason; it is kept as a file")
            files.append(_as_file(source))
        text = body.text.strip("\n")
        if not text.strip() and source:
            text = html_parts.to_text(source) if tame else html_parts.to_text_crudely(source)
        texts.append(text)
        if with_html:
            htmls.append(html_parts.sanitise(source) if tame else html_parts.as_html(text))
    text = "\n\n".join(each for each in texts if each.strip())
    if len(text) > TEXT:
        notes.append(f"the text is longer than {TEXT} characters")
        text = text[:TEXT]
    html = "" if wild else "\n".join(each for each in htmls if each)
    if len(html) > HTML:
        notes.append(f"the HTML is longer than {HTML} characters; it is kept as a file")
        files.append(_as_file(html))
        html = ""
    return text, html


def _as_file(html: str) -> Attachment:
    content = html.encode()
    return Attachment(content=content, name="message.html", mime="text/html", size=len(content))


def _unflowed(text: str, delsp: bool) -> str:  # noqa: FBT001  # the parameter of RFC 3676
    """RFC 3676: a line that ends in a space goes on in the next, when both are quoted alike."""
    found: list[list[str]] = []
    open_depth = -1
    for line in text.replace("\r\n", "\n").split("\n"):
        words = line.lstrip(">")
        depth = len(line) - len(words)
        words = words.removeprefix(" ")
        goes_on = words.endswith(" ") and words != "-- "
        words = words[:-1] if goes_on and delsp else words
        if depth == open_depth:
            found[-1].append(words)
        else:
            found.append([">" * depth + " " if depth else "", words])
        open_depth = depth if goes_on else -1
    return "\n".join("".join(pieces) for pieces in found)
