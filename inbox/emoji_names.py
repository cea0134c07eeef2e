"""Emoji by their names in Russian and English, as Unicode's CLDR has them (from the package `emoji`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import emoji

_TONES: Final = frozenset("🏻🏼🏽🏾🏿")
_USUAL: Final = (
    "😀😁😂🤣😊🙂😉😍😘🤗🤔😎😅😇🥳😢😭😡😱🙄😴🤝👍👎👌✌👏🙏💪👋🤞☝👉👇"
    "❤🧡💛💚💙💜🔥✨⭐🎉🎁🎂💐🌹☀🌧❄☕🍕🚗🏠🏢✈🚚📦🛒💳💰📞📱💻📷📎📄📅📌📍⏰⏳🔑🔧🔨🛠⚙💡🔍✅❌❗❓⚠ℹ➡⬅⬆⬇💬📢🔔"
)
"""What people write to customers, in no worse an order than any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emoji:
    sign: str
    english: str
    russian: str


def usual_emoji() -> Sequence[Emoji]:
    known = _known()
    return [known[sign] for sign in _USUAL if sign in known]


def find_emoji(q: str, *, most: int) -> Sequence[Emoji]:
    """Every word of the question begins a word of the name; the shortest names first."""
    words = q.lower().replace("ё", "е").split()
    found = [
        each
        for each in _known().values()
        if any(
            all(any(part.startswith(word) for part in name) for word in words)
            for name in (
                each.english.lower().split(),
                each.russian.lower().replace("ё", "е").split(),
            )
        )
    ]
    return sorted(found, key=lambda each: (len(each.russian.split()), len(each.english)))[:most]


@cache
def _known() -> dict[str, Emoji]:
    """By their first sign without the variation selector, so that ❤ and ❤️ are one; none in several skins."""
    emoji.config.load_language("ru")
    known: dict[str, Emoji] = {}
    for sign, data in emoji.EMOJI_DATA.items():
        if data["status"] != emoji.STATUS["fully_qualified"] or _TONES.intersection(sign):
            continue
        bare = sign.removesuffix("\N{VARIATION SELECTOR-16}")
        english = data["en"].strip(":").replace("_", " ")
        known[bare] = Emoji(
            sign=sign,
            english=english,
            russian=data.get("ru", data["en"]).strip(":").replace("_", " "),
        )
    return known
