"""The interface's languages: gettext catalogues read as they are written, without a compile step.

The words in the code are English; `translations/*.po` has the others. A person's own choice comes first, then what the
browser asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from inbox.sentences import sentences

LANGUAGES: Final = ("ru", "en")
NAMES: Final = {"ru": "Русский", "en": "English"}
_CATALOGUES: Final = Path(__file__).parent / "translations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language the interface speaks. `_` is where `pybabel extract` looks for words."""

    code: str
    locale: Locale
    translations: NullTranslations
    channels: NullTranslations
    """The words of the connectors, which do not know that they are translated: `channels.*.po`, kept by hand."""

    def _(self, message: str) -> str:
        return self.translations.gettext(message)

    def channel_words(self, message: str) -> str:
        return self.channels.gettext(message) if message else ""

    def sentence(self, text: str) -> str:
        """What the rest of Allo said in English, for a person."""
        return sentences(self.code).say(text)

    def n(self, singular: str, plural: str, count: int) -> str:
        return self.translations.ngettext(singular, plural, count)


@cache
def language(code: str) -> Language:
    """Raises KeyError for one we do not speak."""
    if code not in LANGUAGES:
        raise KeyError(code)
    return Language(
        code=code,
        locale=Locale(code),
        translations=_read(_CATALOGUES / f"{code}.po", code),
        channels=_read(_CATALOGUES / f"channels.{code}.po", code),
    )


def preferred(own: str, accept_language: str, *, default: str = "ru") -> Language:
    """The person's own language, or the first of the browser's that we speak, or the default."""
    if own in LANGUAGES:
        return language(own)
    found = negotiate_locale(_by_weight(accept_language), LANGUAGES, sep="-")
    return language(found or default)


def _read(path: Path, code: str) -> NullTranslations:
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def _by_weight(header: str) -> Sequence[str]:
    """RFC 9110, 12.5.4: "ru-RU,ru;q=0.9,en;q=0.8"."""
    weighed: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = parameters.strip().removeprefix("q=") or "1"
        try:
            weighed.append((-float(weight), tag))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighed, key=lambda pair: pair[0]) if weight and tag]
