"""A mail's header fields, read from raw bytes: encoded words, parameters, mailboxes, ids.

Own code rather than `email.policy`, which raises on headers that real mailers write (cpython #94306, #114906, #151857)
and loses raw 8-bit bytes. Every function is total, and bounds what it looks at.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from connectors.channels.email.charsets import decode, unbase64, unquote
from router.clean_text import clean_line, clean_text

HEADER_BYTES: Final = 256 * 1024
HEADER_FIELDS: Final = 1000
VALUE_BYTES: Final = 64 * 1024
MAILBOXES: Final = 200

_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:")
_BLANK = re.compile(rb"\r?\n(?=\r?\n)|\r?\n\Z")
_WORD = re.compile(rb"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_ID = re.compile(r"<([^<>\s]{1,900})>")


@dataclass(frozen=True, slots=True)
class Headers:
    """The fields in their order: lower-cased name, unfolded raw value."""

    fields: tuple[tuple[str, bytes], ...] = ()

    def raw(self, name: str) -> bytes:
        """The first field of the name; b"" when there is none."""
        return next((value for each, value in self.fields if each == name), b"")

    def all(self, name: str) -> list[bytes]:
        return [value for each, value in self.fields if each == name]

    def text(self, name: str, *, limit: int = 1000) -> str:
        return clean_line(decode_words(self.raw(name)), limit=limit)

    def token(self, name: str) -> str:
        """The value's first word, lower-cased: of `Precedence: Bulk (list)`, "bulk"."""
        words = re.split(r"[;\s(]", decode(self.raw(name)[:200]).strip().lower(), maxsplit=1)
        return words[0]

    def has(self, name: str) -> bool:
        return any(each == name for each, _ in self.fields)

    def names(self) -> Iterator[str]:
        return (name for name, _ in self.fields)


@dataclass(frozen=True, slots=True)
class Mailbox:
    name: str
    address: str


def read_headers(raw: bytes, start: int, end: int) -> tuple[Headers, int]:
    """The fields of the block at `start`, and where the body begins.

    A block whose first line is no field has no header at all. A line in the middle that is none is left out.
    """
    if raw.startswith(b"From ", start) or raw.startswith(b">From ", start):
        newline = raw.find(b"\n", start, end)
        start = end if newline < 0 else newline + 1
    position, fields, name, value = start, list[tuple[str, bytes]](), "", list[bytes]()
    while position < end:
        newline = raw.find(b"\n", position, end)
        after = end if newline < 0 else newline + 1
        line = raw[position : min(after, position + VALUE_BYTES)].rstrip(b"\r\n")
        if not line.strip(b"\r"):
            if fields or name or position > start:
                position = after
                break
            return Headers(), after
        if line[:1] in {b" ", b"\t"}:
            value.append(line)
        else:
            found = _FIELD.match(line)
            if not found and not fields and not name:
                return Headers(), start
            if name:
                fields.append((name, _joined(value)))
            name = found[1].decode("ascii").lower() if found else ""
            value = [line[found.end() :]] if found else []
        position = after
        if position - start > HEADER_BYTES or len(fields) >= HEADER_FIELDS:
            blank = _BLANK.search(raw, position, end)
            position = end if blank is None else _after_blank(raw, blank.end(), end)
            break
    if name:
        fields.append((name, _joined(value)))
    return Headers(tuple(fields)), position


def _joined(value: list[bytes]) -> bytes:
    return b"".join(value)[:VALUE_BYTES].strip()


def _after_blank(raw: bytes, position: int, end: int) -> int:
    newline = raw.find(b"\n", position, end)
    return end if newline < 0 else newline + 1


def decode_words(raw: bytes) -> str:
    """RFC 2047, with what mailers really do: raw 8-bit bytes, spaces inside words, characters split across words."""
    if b"=?" not in raw:
        return clean_text(decode(raw))
    pieces: list[tuple[str, bytes]] = []
    position = 0
    for word in _WORD.finditer(raw):
        between = raw[position : word.start()]
        # Blanks between two encoded words belong to neither of them.
        if between.strip() or (between and not (pieces and pieces[-1][0])):
            pieces.append(("", between))
        charset = word[1].decode("ascii", "replace").partition("*")[0].lower() or "x-unknown"
        content = unbase64(word[3]) if word[2] in b"bB" else unquote(word[3].replace(b"_", b"=20"))
        if pieces and pieces[-1][0] == charset and not charset.startswith("iso-2022"):
            pieces[-1] = (charset, pieces[-1][1] + content)
        else:
            pieces.append((charset, content))
        position = word.end()
    pieces.append(("", raw[position:]))
    return clean_text("".join(decode(content, charset) for charset, content in pieces))


_PARAMETER = re.compile(rb';\s*([^\s=;"]{1,100})\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)


def parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """`text/plain; charset=utf-8` → the lower-cased value and its parameters, RFC 2231 and RFC 2047 decoded."""
    raw = raw[:8192]
    value, _, _ = raw.partition(b";")
    plain: dict[str, bytes] = {}
    parts: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for found in _PARAMETER.finditer(raw):
        name = found[1].decode("ascii", "replace").lower()
        content = found[3].strip() if found[2] is None else _unescaped(found[2])
        base, star, section = name.partition("*")
        if not star:
            plain.setdefault(base, content)
            continue
        encoded = section.endswith("*") or not section
        index = section.rstrip("*")
        number = int(index) if index.isascii() and index.isdigit() and len(index) < 4 else 0
        parts.setdefault(base, {}).setdefault(number, (encoded, content))
    decoded = {name: decode_words(content) for name, content in plain.items()}
    decoded |= {name: _continued(sections) for name, sections in parts.items()}
    return decode(value).strip().lower(), decoded


def _unescaped(content: bytes) -> bytes:
    # Outlook writes `C:\path\name` with bare backslashes: only quotes and backslashes are escaped on purpose.
    return _QUOTED_PAIR.sub(lambda pair: pair[1] if pair[1] in b'"\\' else pair[0], content)


def _continued(sections: dict[int, tuple[bool, bytes]]) -> str:
    charset, content = "", b""
    for number in sorted(sections):
        encoded, piece = sections[number]
        if encoded and number == min(sections) and piece.count(b"'") >= 2:
            declared, _, piece = piece.split(b"'", 2)
            charset = declared.decode("ascii", "replace")
        content += unquote_to_bytes(piece) if encoded else piece
    return clean_text(decode(content, charset))


_TOKEN = re.compile(
    rb'"(?:[^"\\]|\\.)*"?|\((?:[^()\\]|\\.)*\)?|<[^<>]*>?|[,;:()]|\\.?|>|[^",;:<>()\\]+', re.DOTALL
)


_COMMENT = re.compile(rb"\([^()]*\)")


def mailboxes(raw: bytes) -> Sequence[Mailbox]:
    """The mailboxes of a From, To or Cc: names decoded, addresses as written; groups opened, comments left out."""
    found: list[Mailbox] = []
    words: list[bytes] = []
    angle = b""
    comment = b""

    def close() -> None:
        nonlocal angle, comment
        text = b"".join(words).strip()
        if angle or text:
            found.append(_mailbox(text, angle, comment))
        words.clear()
        angle = comment = b""

    for token in _TOKEN.findall(raw[:VALUE_BYTES]):
        if token in {b",", b";"}:
            close()
            if len(found) >= MAILBOXES:
                break
        elif token == b":":
            words.clear()
        elif token[:1] == b"<":
            # `"a" <b> <c@d>`: the last one with an @ is the address.
            angle = token if b"@" in token or not angle else angle
        elif token[:1] == b"(":
            comment = comment or token[1:].rstrip(b")")
        elif token not in {b")", b">"}:
            words.append(token)
    close()
    return found[:MAILBOXES]


def _mailbox(text: bytes, angle: bytes, comment: bytes) -> Mailbox:
    if angle:
        address, name = _COMMENT.sub(b"", angle.strip(b"<>")), text or comment
    elif b"@" in text:
        pieces = text.split()
        address = next((piece for piece in pieces if b"@" in piece), text)
        name = b" ".join(piece for piece in pieces if piece is not address) or comment
    else:
        address, name = b"", text or comment
    if name[:1] == b'"':
        name = _unescaped(name.strip(b'"'))
    written = clean_text(decode_words(address) if b"=?" in address else decode(address))
    return Mailbox(
        clean_line(decode_words(name)).strip("\"' "), "".join(written.split()).strip("\"'<>.,;")
    )


def message_ids(raw: bytes, *, limit: int = 100) -> list[str]:
    """The ids in a Message-ID, In-Reply-To or References, without their brackets, in the order written."""
    ids = _ID.findall(clean_text(decode(raw)))
    if not ids and b"<" not in raw:
        # Some mailers leave the brackets out.
        ids = [each for each in re.split(r"[\s,;]+", decode(raw).strip()) if "@" in each[:900]]
    return list(dict.fromkeys(clean_text(each, limit=900) for each in ids))[:limit]
