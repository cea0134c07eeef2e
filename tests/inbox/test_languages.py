"""The catalogues are complete, and follow the code."""

import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

import inbox
from connectors.registry import discover
from inbox.languages import LANGUAGES, language, preferred

FOLDER = Path(inbox.__file__).parent
CATALOGUES = FOLDER / "translations"
KEYWORDS = {"_": None, "N_": None, "n": (1, 2), "gettext": None, "ngettext": (1, 2)}


def words_in_the_code() -> set[str]:
    with (CATALOGUES / "babel.cfg").open(encoding="utf-8") as file:
        method_map, options_map = parse_mapping_cfg(file)
    found = extract_from_dir(
        FOLDER.parent,
        [(pattern, method) for pattern, method in method_map],
        options_map,
        keywords=KEYWORDS,
        directory_filter=lambda path: (
            Path(path) == FOLDER.parent or FOLDER in [Path(path), *Path(path).parents]
        ),
    )
    return {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}


def catalogue(name: str):
    with (CATALOGUES / name).open("rb") as file:
        return read_po(file)


def test_the_template_has_every_word_of_the_code():
    there = {
        m.id[0] if isinstance(m.id, tuple) else m.id for m in catalogue("messages.pot") if m.id
    }
    assert words_in_the_code() == there


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_catalogue_has_every_word_of_the_template(code):
    assert {m.id for m in catalogue(f"{code}.po")} == {m.id for m in catalogue("messages.pot")}


def test_everything_is_said_in_russian():
    assert [m.id for m in catalogue("ru.po") if m.id and not all(_said(m.string))] == []


def test_a_translation_fills_the_same_places():
    for message in catalogue("ru.po"):
        if message.id and isinstance(message.id, str):
            assert _places(message.string) == _places(message.id), message.id


def test_the_words_of_every_channel_are_said_in_russian():
    russian = language("ru")
    for connector in discover().values():
        words = {each.label for each in connector.fields} | {each.help for each in connector.fields}
        words |= {each.title for each in connector.steps} | {each.text for each in connector.steps}
        words |= {connector.hint, connector.first}
        if connector.entrance is not None:
            words |= {connector.entrance.label, connector.entrance.help}
        own = {"Telegram", "WhatsApp", "MAX", ""}
        for word in (words | {connector.label}) - own:
            if re.search(r"[A-Za-z]{3}", word):
                said = russian.channel_words(word)
                assert said != word or word in own, f"{connector.kind}: {word!r}"


def test_what_is_not_understood_of_a_browsers_wish_is_left_out():
    assert preferred("", "").code == "ru"
    assert preferred("", "de,fr;q=0.9", default="en").code == "en"
    assert preferred("", "en;q=x,,;q=,en-US;q=0.1").code == "en"
    assert preferred("", "en;q=0,ru;q=0.5").code == "ru"
    assert preferred("xx", "en").code == "en"
    assert preferred("ru", "en").code == "ru"


def _said(string) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string,)


def _places(text: str) -> list[str]:
    braces = [name for _, name, _, _ in Formatter().parse(text) if name] if "%(" not in text else []
    return sorted([*re.findall(r"%\((\w+)\)s", text), *braces])
