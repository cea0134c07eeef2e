"""`winmail.dat`: the files in what Outlook sends to those it takes for its own kind (TNEF; MS-OXTNEF).

A stream of attributes, each with its level, id and length; an attachment begins with its rendering data, and then come its
short name, its content, and a block of MAPI properties with the long name. The words of the mail stand beside it in
the mail itself. Own code: the Python decoder there is saw its last release in 2021 and reads whole objects recursively;
here offsets move forward only, nothing raises, and what is cut off or makes no sense ends the reading.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from connectors.channels.email.charsets import decode

_SIGNATURE: Final = b"\x78\x9f\x3e\x22"
FILES: Final = 100
PROPERTIES: Final = 500
DEPTH: Final = 3

# MS-OXTNEF 2.1.3.2
_CODEPAGE: Final = 0x00069007
_RENDERING: Final = 0x00069002
_TITLE: Final = 0x00018010
_DATA: Final = 0x0006800F
_ATTACHMENT: Final = 0x00069005

# MS-OXPROPS
_ATTACH_DATA: Final = 0x3701
_FILENAME: Final = 0x3704
_LONG_FILENAME: Final = 0x3707
_MIME_TAG: Final = 0x370E
_CONTENT_ID: Final = 0x3712

_FIXED: Final = {
    0x0002: 4, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 4, 0x0014: 8, 0x0040: 8,
    0x0048: 16,
}  # fmt: skip
"""Bytes of a value, filled up to four."""
_OBJECT: Final = 0x000D
_UNICODE: Final = 0x001F
_SIZED: Final = frozenset({_OBJECT, 0x001E, _UNICODE, 0x0102})


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    name: str
    content: bytes
    mime: str = ""
    cid: str = ""


@dataclass(slots=True)
class _Attachment:
    title: str = ""
    content: bytes = b""
    properties: dict[int, bytes] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)


def files_in(raw: bytes, *, depth: int = 0) -> list[Enclosed]:
    """Empty when it is no TNEF, or holds no files."""
    if not raw.startswith(_SIGNATURE) or depth >= DEPTH:
        return []
    charset = "cp1252"
    found: list[_Attachment] = []
    for attribute, value in _attributes(raw):
        if attribute == _CODEPAGE and len(value) >= 4:
            charset = f"cp{struct.unpack_from('<I', value)[0]}"
        elif attribute == _RENDERING:
            if len(found) >= FILES:
                break
            found.append(_Attachment())
        elif found:
            _told(found[-1], attribute, value, charset)
    enclosed: list[Enclosed] = []
    for each in found:
        nested = each.properties.get(_ATTACH_DATA, b"")
        # A mail inside: an object's data begins with the id of its interface.
        inner = files_in(nested[16:], depth=depth + 1) if nested[16:20] == _SIGNATURE else []
        content = each.content or nested
        if inner:
            enclosed += inner
        elif content:
            enclosed.append(
                Enclosed(
                    name=each.texts.get(_LONG_FILENAME) or each.texts.get(_FILENAME) or each.title,
                    content=content,
                    mime=each.texts.get(_MIME_TAG, "").lower(),
                    cid=each.texts.get(_CONTENT_ID, "").strip("<>"),
                )
            )
    return enclosed[:FILES]


def _told(attachment: _Attachment, attribute: int, value: bytes, charset: str) -> None:
    match attribute:
        case _ if attribute == _TITLE:
            attachment.title = decode(value.partition(b"\0")[0], charset)
        case _ if attribute == _DATA:
            attachment.content = value
        case _ if attribute == _ATTACHMENT:
            for number, kind, content in _properties(value):
                if kind == _UNICODE:
                    attachment.texts[number] = content.decode("utf-16-le", "replace").rstrip("\0")
                elif kind == 0x001E:
                    attachment.texts[number] = decode(content.partition(b"\0")[0], charset)
                else:
                    attachment.properties[number] = content


def _attributes(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Checksums are not looked at: real mailers write wrong ones, and the mail came over a connection that has its own."""
    position = 6
    while position + 9 <= len(raw):
        level, attribute, length = struct.unpack_from("<BII", raw, position)
        position += 9
        if level not in {1, 2} or position + length > len(raw):
            return
        yield attribute, raw[position : position + length]
        position += length + 2


def _properties(value: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, type, and the first value of each. Ends at the first that cannot be read."""
    try:
        (count,) = struct.unpack_from("<I", value)
        position = 4
        for _ in range(min(count, PROPERTIES)):
            kind, number = struct.unpack_from("<HH", value, position)
            position += 4
            if number >= 0x8000:
                position = _past_name(value, position)
            several, kind = bool(kind & 0x1000), kind & 0x0FFF
            amount = 1
            if several or kind in _SIZED:
                (amount,) = struct.unpack_from("<I", value, position)
                position += 4
            if amount > len(value):
                return
            first = b""
            for index in range(amount):
                size = _FIXED.get(kind, 0)
                if kind in _SIZED:
                    (size,) = struct.unpack_from("<I", value, position)
                    position += 4
                if not (size > 0 or kind in _SIZED) or position + size > len(value):
                    return
                if not index:
                    first = value[position : position + size]
                position += size + -size % 4
            yield number, kind, first
    except struct.error:
        return


def _past_name(value: bytes, position: int) -> int:
    """A named property: a GUID, and a number or a name."""
    (kind,) = struct.unpack_from("<I", value, position + 16)
    position += 20
    if kind != 1:
        return position + 4
    length = int(struct.unpack_from("<I", value, position)[0])
    return position + 4 + length + -length % 4
