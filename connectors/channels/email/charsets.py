"""Bytes → text, whatever the mail says about itself.

A declared charset is tried first, under the names that mailers really write; when it does not fit, or none is declared,
the bytes decide: UTF-8 if they are UTF-8, the Cyrillic charset whose letters look like words, and last of all a guess.
Nothing here raises, and nothing costs more than linear time.
"""

import binascii
import codecs
import math
import re
from typing import Final

from charset_normalizer import from_bytes

_NAME = re.compile(r"[a-z0-9._:-]{1,40}")

_ALIASES: Final = {
    # What the WHATWG encoding standard does: the label promises less than mailers send under it.
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "gb2312": "gb18030",
    "x-gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac_cyrillic",
    "iso-8859-8-i": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
}
_TELLS_NOTHING: Final = frozenset(
    {"", "us-ascii", "ascii", "ansi_x3.4-1968", "x-unknown", "unknown-8bit", "unknown", "default"}
)
_NOT_CHARSETS: Final = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
)
"""Python codecs from str that no mail is written in; punycode and idna are not even linear."""

_SAMPLE: Final = 4096

# How often each letter is met among a thousand of Russian.
# fmt: off
_PER_MILLE: Final = {
    "о": 110, "е": 85, "а": 80, "и": 74, "н": 67, "т": 63, "с": 55, "р": 47, "в": 45, "л": 44, "к": 35,
    "м": 32, "д": 30, "п": 28, "у": 26, "я": 20, "ы": 19, "ь": 17, "г": 17, "з": 17, "б": 16, "ч": 14,
    "й": 12, "х": 10, "ж": 9, "ш": 7, "ю": 6, "ц": 5, "щ": 4, "ё": 4, "э": 3, "ф": 3, "ъ": 2,
}
# fmt: on
_LIKELY: Final = {each: math.log(often / 1000) for each, often in _PER_MILLE.items()}
_NO_LETTER: Final = -8.0
_RUSSIAN: Final = -3.7
"""Mean over the letters; Russian has -2.9 to -3.3, Greek or Japanese read as Russian -4 and below."""


def decode(raw: bytes, declared: str = "") -> str:
    name = _codec(declared)
    if name:
        try:
            return raw.decode(name)
        except (UnicodeError, LookupError, ValueError):
            # The label is wrong, or the text is cut; the bytes know better.
            pass
    if raw.isascii():
        return _without_escapes(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if name in {"utf-8", "utf_8"} and _mostly_utf8(raw):
        return raw.decode("utf-8", "replace")
    return raw.decode(name if _multibyte(name) else _guess(raw), "replace")


def unquote(raw: bytes) -> bytes:
    """Quoted-printable, tolerant of everything."""
    return binascii.a2b_qp(raw)


_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOISE: Final = bytes(sorted(set(range(256)) - set(_ALPHABET) - {ord("=")}))


def unbase64(raw: bytes) -> bytes:
    """Base64 with the noise left out; pieces that each end in padding are joined."""
    clean = raw.translate(None, _NOISE)
    if b"=" not in clean:
        return _unpadded(clean)
    return b"".join(_unpadded(piece) for piece in re.split(b"=+", clean))


def _unpadded(clean: bytes) -> bytes:
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def unuu(raw: bytes) -> bytes:
    """Uuencoded lines; one that is not is left out."""
    found = []
    for line in raw.splitlines():
        if line.startswith((b"begin ", b"end")):
            continue
        try:
            found.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(found)


def _codec(declared: str) -> str:
    name = declared.strip().strip("\"'").lower()
    name = _ALIASES.get(name, name)
    if name in _TELLS_NOTHING or not _NAME.fullmatch(name):
        return ""
    for spelling in (name, re.sub(r"^(?:x-)?(cp|windows|win)-?(?=\d)", "cp", name)):
        try:
            found = codecs.lookup(spelling).name
        except (LookupError, ValueError):
            continue
        return "" if found.replace("-", "_") in _NOT_CHARSETS else found
    return ""


def _multibyte(name: str) -> bool:
    return name.startswith(("gb", "big5", "cp93", "cp94", "euc", "shift", "iso2022", "iso-2022"))


def _without_escapes(raw: bytes) -> str:
    if b"\x1b$" in raw or b"\x1b(" in raw:
        return raw.decode("iso2022_jp", "replace")
    return raw.decode("ascii")


def _mostly_utf8(raw: bytes) -> bool:
    sample = raw[:_SAMPLE].decode("utf-8", "replace")
    high = sum(1 for each in sample if each > "\x7f")
    return high > 0 and sample.count("�") * 8 < high


def _guess(raw: bytes) -> str:
    sample = raw[:_SAMPLE]
    high = sum(1 for each in sample if each > 0x7F)
    letters = sum(1 for each in sample if 0x41 <= each & 0xDF <= 0x5A)
    if high * 3 < letters and not re.search(rb"[\xc0-\xff]{4}", sample):
        return "cp1252"
    best, name = max((_russian(sample, each), each) for each in ("koi8_r", "cp1251", "cp866"))
    # A word or two may have rare letters.
    if best >= _RUSSIAN - 4 / high:
        return name
    found = from_bytes(sample[:1024]).best()
    return found.encoding if found else "cp1252"


def _russian(sample: bytes, name: str) -> float:
    """How much the high bytes look like Russian: the mean of the letters' log-frequencies, less for misplaced capitals."""
    text = sample.decode(name, "replace")
    score, count, before_is_lower = 0.0, 0, False
    for each in text:
        if each > "\x7f":
            lower = each.lower()
            score += _LIKELY.get(lower, _NO_LETTER)
            count += 1
            if before_is_lower and each != lower:
                score -= 1
            before_is_lower = each == lower
        else:
            before_is_lower = False
    return score / count if count else _NO_LETTER
