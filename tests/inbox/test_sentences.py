"""What the rest of Allo says in English is read in Russian."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import inbox
from connectors.channels.telegram.bot_api import _PLAIN
from connectors.outgoing import _WORDS
from inbox.languages import language
from inbox.sentences import Sentences

ROOT = Path(inbox.__file__).parent.parent
SAID_TO_PEOPLE = {
    *("Refused", "Finding", "_ok", "_warning", "_error"),
    *("Throttled", "Unreachable", "OutcomeUnknown", "Rejected", "Blocked"),
    *("AccountBroken", "WindowClosed", "Verdict"),
    *("CannotWrite", "NoSuchDay", "Unreadable", "whole"),
}
NOT_ON_PAGES = ("workers/cli", "workers/doctor", "workers/bench")


def sentences_of(path: Path) -> Iterator[str]:
    """What is said with these words, an inserted value as "7x7"."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if call.func.id not in SAID_TO_PEOPLE:
            continue
        given = [*call.args, *(each.value for each in call.keywords if each.arg in {"text", "how"})]
        for each in given:
            if isinstance(each, ast.JoinedStr):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) else "7x7" for part in each.values
                )
            elif isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value:
                yield each.value


def everything_said() -> list[tuple[str, str]]:
    found = []
    for folder in ("router", "storage", "connectors", "workers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(NOT_ON_PAGES):
                found += [(name, each) for each in sentences_of(path)]
    found += [("connectors", each) for each in (*_PLAIN.values(), *(said for _, said in _WORDS))]
    return found


def test_whatever_people_are_told_is_told_in_russian():
    russian = language("ru")
    said = everything_said()
    assert len(said) > 60
    # Words for a machine ("ok", a level) are no sentences, and a platform's own words are its own.
    sentences = [(where, each) for where, each in said if len(each.replace("7x7", "").split()) > 1]
    assert [pair for pair in sentences if russian.sentence(pair[1]) == pair[1]] == []


def test_what_was_inserted_is_put_back_or_translated_itself():
    ru = language("ru").sentence
    assert ru(
        "The mail server refuses our login: 535 no. Check smtp_host, smtp_port and smtp_tls"
    ) == (
        "Почтовый сервер не принимает наш вход: 535 no. Проверьте сервер, порт и шифрование исходящей почты"
    )
    assert ru("Telegram: bot was blocked by the user") == "Telegram: клиент заблокировал бота"
    assert ru("The note is empty") == "Заметка пуста"
    assert ru("The note is empty.") == "Заметка пуста."
    assert ru("Telegram: <b>{words}</b>") == "Telegram: <b>{words}</b>"


@pytest.mark.parametrize("text", ["", "Something nobody ever said", "Уже по-русски.", "x" * 5000])
def test_what_is_not_known_stays_as_it_is(text):
    assert language("ru").sentence(text) == text
    assert language("en").sentence(text) == text


def test_the_most_particular_sentence_wins():
    said = Sentences({"Telegram: {words}": "1 {words}", "Telegram: gone ({n})": "2 {n}"})
    assert said.say("Telegram: gone (7)") == "2 7"
    assert said.say("Telegram: other") == "1 other"


def test_a_translation_fills_the_same_places():
    with (Path(inbox.__file__).parent / "translations/sentences.ru.po").open("rb") as file:
        for message in read_po(file):
            if message.id:
                assert set(_places(message.string)) == set(_places(message.id)), message.id


def _places(text: str) -> list[str]:
    return [part.partition("}")[0] for part in text.split("{")[1:]]
