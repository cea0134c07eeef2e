"""How an account's chat looks and behaves, read from its fields.

A field that cannot be read costs its own effect and never the chat; `allo channel check` names it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from connectors.connector import Account
from connectors.page_origins import LOCAL, NotAnOrigin, allows, read_origins

COLOUR: Final = "#0f666f"
FORM_FIELDS: Final = ("name", "phone", "email", "topic")
IP_RATE: Final = 30
"""Messages a minute from one address; offices and mobile operators put many people behind one."""

LANGUAGES: Final = ("ru", "en")
_CONSENT: Final = {
    "ru": "Согласен на обработку персональных данных",
    "en": "I agree to the processing of my personal data",
}

TEXT_BYTES: Final = 8 * 1024
FILE_BYTES: Final = 20 * 1024 * 1024
FILES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Storefront:
    title: str
    greeting: str
    teaser: str
    colour: str
    language: str
    form: Literal["none", "optional", "required"]
    form_fields: tuple[str, ...]
    consent_text: str
    privacy_url: str
    origins: tuple[str, ...]
    ip_rate: int

    @property
    def ink(self) -> str:
        """What can be read on the colour."""
        return "#ffffff" if contrast(self.colour, "#ffffff") >= 4.5 else "#161c1f"

    def admits(self, origin: str, *, own: frozenset[str]) -> bool:
        return origin in own or allows(self.origins or LOCAL, origin)

    def consent(self, language: str) -> str:
        """What the visitor is asked to agree to; "" when nothing is asked."""
        if self.consent_text or not self.privacy_url:
            return self.consent_text
        return _CONSENT.get(language, _CONSENT["en"])

    def shown(self) -> dict[str, Any]:
        """What the widget is told."""
        return {
            "title": self.title,
            "greeting": self.greeting,
            "teaser": self.teaser,
            "colour": self.colour,
            "ink": self.ink,
            "language": self.language,
            "form": self.form,
            "form_fields": list(self.form_fields),
            "consent": {language: self.consent(language) for language in LANGUAGES},
            "privacy_url": self.privacy_url,
            "limits": {"text": TEXT_BYTES, "files": FILES, "file": FILE_BYTES},
            # Whether somebody is there to answer now; None: not known, and the widget promises nothing.
            "available": None,
        }


def storefront(account: Account) -> Storefront:
    form = account["prechat"] if account["prechat"] in {"optional", "required"} else "none"
    wanted = account["prechat_fields"].replace(",", " ").split()
    return Storefront(
        title=account["title"],
        greeting=account["greeting"],
        teaser=account["teaser"],
        colour=account["colour"].lower() if is_colour(account["colour"]) else COLOUR,
        language=account.language,
        form=cast("Literal['none', 'optional', 'required']", form),
        form_fields=tuple(each for each in FORM_FIELDS if each in wanted) or ("name", "phone"),
        consent_text=account["consent_text"],
        privacy_url=account["privacy_url"] if is_link(account["privacy_url"]) else "",
        origins=_origins(account["allowed_origins"]),
        ip_rate=int(account["ip_rate"]) if account["ip_rate"].isdecimal() else IP_RATE,
    )


def is_colour(written: str) -> bool:
    return re.fullmatch(r"#[0-9a-fA-F]{6}", written) is not None


def is_link(written: str) -> bool:
    return re.match(r"https?://[^\s/]+", written) is not None


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _origins(written: str) -> tuple[str, ...]:
    try:
        return read_origins(written)
    except (NotAnOrigin, UnicodeError):
        # One entry mistyped must not open the chat to everybody, nor to localhost: what can be read counts.
        readable: list[str] = []
        for word in written.replace(",", " ").split():
            try:
                readable += read_origins(word)
            except (NotAnOrigin, UnicodeError):
                continue
        return tuple(readable) or ("https://invalid.invalid",)
