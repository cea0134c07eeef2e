"""HTML from templates, in a language. Everything is escaped unless it is marked as HTML."""

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from connectors.registry import discover
from inbox import static_files
from inbox.file_looks import is_drawn, tame
from inbox.formats import initials, linked, named
from inbox.languages import Language, language
from inbox.source_colours import source_colour
from inbox.wording import CHANNELS, WORDS

_TEMPLATES: Final = Path(__file__).parent / "templates"


@cache
def environment(code: str) -> Environment:
    """Templates compiled once per language."""
    spoken = language(code)
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]  # i18n extension
    made.filters |= {
        "initials": initials,
        "linked": linked,
        "tame": tame,
        "named": named,
        "source_colour": source_colour,
        "uid": str,
    }
    made.globals |= {
        "asset": asset,
        "modules_of": static_files.modules_of,
        "icon": icon,
        "is_drawn": is_drawn,
        "channel_icon": channel_icon,
        "lang": code,
        "channel_of": look_of,
        "channel_label": lambda kind: channel_label(spoken, kind),
        "key_text": lambda key: key_text(
            spoken, key.kind, getattr(key, "display", "") or key.value
        ),
        "words_of": spoken.channel_words,
        "said": spoken.sentence,
        "word": lambda kind, value: word(spoken, kind, value),
    }
    return made


def render(spoken: Language, template: str, context: dict[str, Any]) -> str:
    return environment(spoken.code).get_template(template).render(context)


def channel_label(spoken: Language, kind: str) -> str:
    """What the channel is called; its key when it is none of ours (any more)."""
    if kind == "site":
        return spoken._("Site")
    connector = discover().get(kind)
    return spoken.channel_words(connector.label) if connector else kind


def key_text(spoken: Language, kind: str, value: str) -> str:
    """A visitor's id says nothing to anybody but the browser that carries it."""
    return word(spoken, "identity", kind) if kind == "visitor" else value


def word(spoken: Language, kind: str, value: str) -> str:
    """What people call it; the key itself for one that has no word."""
    found = WORDS[kind].get(value)
    return spoken._(found) if found else value


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    return f"/static/{static_files.version()}/{name}"


@lru_cache(maxsize=500)
def icon(name: str, extra: str = "") -> Markup:
    """From the sprite; decoration: the words beside it say the same."""
    if not re.fullmatch(r"[a-z]+", name):
        raise ValueError(name)
    return Markup('<svg class="i {1}" aria-hidden="true"><use href="{0}#i-{2}"/></svg>').format(
        asset("icons.svg"), extra, name
    )


def look_of(kind: str) -> str:
    """The glyph and colour of a channel, or of a kind of identity."""
    connector = discover().get(kind)
    return CHANNELS.get(kind) or (connector.icon if connector else kind)


@lru_cache(maxsize=500)
def channel_icon(channel: str, label: str, extra: str = "") -> Markup:
    """The badge of a channel: colour, glyph and, for those who cannot see it, its name."""
    drawn = look_of(channel)
    return Markup(
        '<span class="ch {1} is-{0}"><svg aria-hidden="true"><use href="{2}#c-{0}"/></svg>'
        '<span class="vh">{3}</span></span>'
    ).format(drawn, extra, asset("icons.svg"), label)
