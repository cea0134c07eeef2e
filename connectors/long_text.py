"""Long texts, cut where a reader would pause: a paragraph, a line, a sentence, a word, and only then inside one.

Platforms count differently: Telegram in UTF-16 code units, most others in code points. A character outside the basic
plane is two units, and is never cut in half; neither is one that other characters are attached to (an accent, the
members of a family emoji, a flag, a skin tone).
"""

import re
import unicodedata
from typing import Final, Literal

Unit = Literal["utf16", "codepoints"]

_BORDERS: Final = (
    re.compile(r"\n[^\S\n]*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"(?<=[.!?…。！？])[\"»”’)\]]*\s+"),
    re.compile(r"\s+"),
)
_USED: Final = (0.5, 0.5, 0.3, 0.0)
"""How full a part must be to end at a border of that kind: a paragraph break after ten words is not worth a message."""

_JOINER: Final = "\u200d"


def length(text: str, unit: Unit = "codepoints") -> int:
    """As the platform counts."""
    if unit == "codepoints" or text.isascii():
        return len(text)
    return len(text) + sum(1 for char in text if char > "\uffff")


def split_text(text: str, *, limit: int, unit: Unit = "codepoints") -> list[str]:
    """`text` in parts of at most `limit`, none of them blank. Only white space at the borders is left out.

    A text without anything but white space has no parts.
    """
    if limit < 1 or (unit == "utf16" and limit < 2):
        raise ValueError("a part must have room for a character")
    parts: list[str] = []
    rest = text.strip()
    while len(rest) > limit or length(rest, unit) > limit:
        reach = _reach(rest, limit, unit)
        end = _border(rest, reach)
        part = rest[:end].rstrip()
        if part:
            parts.append(part)
        rest = rest[end:].lstrip()
    if rest:
        parts.append(rest)
    return parts


def _reach(text: str, limit: int, unit: Unit) -> int:
    """How many code points of `text` fit."""
    if unit == "codepoints":
        return limit
    used = 0
    for position, char in enumerate(text):
        used += 2 if char > "\uffff" else 1
        if used > limit:
            return position
    return len(text)


def _border(text: str, reach: int) -> int:
    """Where to cut: at least 1, at most `reach`."""
    # One character more, so that white space right behind the last that fits counts as a border.
    window = text[: reach + 1]
    for border, used in zip(_BORDERS, _USED, strict=True):
        last = 0
        for found in border.finditer(window):
            if 0 < found.start() <= reach:
                last = min(found.end(), reach)
        if last and last >= reach * used:
            return last
    return _between_characters(text, reach)


def _between_characters(text: str, reach: int) -> int:
    """The last place at or before `reach` that is not inside what a reader sees as one character."""
    end = reach
    while end > 0 and _attached(text, end):
        end -= 1
    return end or reach


def _attached(text: str, position: int) -> bool:
    if position >= len(text):
        return False
    after, before = text[position], text[position - 1]
    if _JOINER in {after, before} or "\ufe00" <= after <= "\ufe0f":
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or unicodedata.combining(after):
        return True
    if _is_flag_letter(before) and _is_flag_letter(after):
        letters = 1
        while position - letters > 0 and _is_flag_letter(text[position - letters - 1]):
            letters += 1
        return letters % 2 == 1
    return False


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
