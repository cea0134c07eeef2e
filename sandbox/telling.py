"""What a story is made of, and one telling of it: who it is about, which car, which price.

A story is a few turns: the customer says something, a colleague answers and does something besides (a label, a stage of
the lead, a note). The same `random` tells the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

Way = Literal["telegram", "vk", "whatsapp", "site", "email"]


@dataclass(frozen=True, slots=True)
class Photo:
    caption: str = ""


@dataclass(frozen=True, slots=True)
class SharesPhone:
    """The button that sends one's own number."""


@dataclass(frozen=True, slots=True)
class Mends:
    """The last message was mistyped; now it says this."""

    text: str


@dataclass(frozen=True, slots=True)
class Likes:
    """A reaction to the last answer."""

    emoji: str = "👍"


@dataclass(frozen=True, slots=True)
class Leaves:
    """Blocks the bot."""


Line = str | Photo | SharesPhone | Mends | Likes | Leaves


@dataclass(frozen=True, slots=True)
class Note:
    text: str


@dataclass(frozen=True, slots=True)
class Label:
    name: str


@dataclass(frozen=True, slots=True)
class Move:
    """The lead goes to a stage. `value`: roubles, as written in the story; "" leaves it."""

    to: Literal["qualified", "in_work", "won", "lost"]
    value: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """To the colleague who knows better; `why` is the note they find."""

    why: str


@dataclass(frozen=True, slots=True)
class Resolve:
    pass


Deed = Note | Label | Move | HandOver | Resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    says: tuple[Line, ...]
    answer: str = ""
    """Empty: there is nothing to answer, and the conversation is over."""
    then: tuple[Deed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    name: str
    ways: tuple[Way, ...]
    turns: tuple[Turn, ...]
    subject: str = ""
    prices: tuple[int, ...] = (3500,)
    wrong_address: bool = False
    """The mail that answers comes back."""
    abroad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the town. `number` is their own, over all tellings."""

    number: int
    name: str
    phone: str
    email: str


CARS: Final = (
    *(
        "Kia Rio 2019",
        "Skoda Octavia A7",
        "Lada Vesta",
        "Hyundai Solaris",
        "VW Polo 2020",
        "Toyota Camry",
    ),
    *(
        "Renault Duster",
        "Lada Granta",
        "Mazda CX-5",
        "Ford Focus 3",
        "Haval Jolion",
        "Nissan Qashqai",
    ),
)
DAYS: Final = ("завтра", "в четверг", "в пятницу", "в субботу", "в понедельник")
TIMES: Final = ("9:00", "10:30", "12:00", "14:30", "16:00", "17:30")

_HIS: Final = (
    *(
        "Алексей",
        "Михаил",
        "Сергей",
        "Андрей",
        "Павел",
        "Николай",
        "Игорь",
        "Роман",
        "Артём",
        "Виктор",
    ),
    *("Денис", "Максим", "Егор", "Тимур", "Константин"),
)
_HERS: Final = (
    *(
        "Мария",
        "Елена",
        "Наталья",
        "Светлана",
        "Юлия",
        "Татьяна",
        "Ксения",
        "Полина",
        "Вера",
        "Алина",
    ),
)
_FAMILIES: Final = (
    *(
        "Кузнецов",
        "Смирнов",
        "Волков",
        "Орлов",
        "Зайцев",
        "Морозов",
        "Лебедев",
        "Козлов",
        "Никитин",
    ),
    *("Фролов", "Громов", "Титов", "Макаров", "Ершов", "Суханов", "Гусев", "Платонов", "Королёв"),
)
_ABROAD: Final = ("Anna Schmidt", "Marco Rossi", "Claire Dubois", "Jonas Berg", "Emma Novak")
_LATIN: Final = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "e",
            "zh",
            "z",
            "i",
            "y",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "h",
            "ts",
            "ch",
            "sh",
            "sch",
            "",
            "y",
            "",
            "e",
            "yu",
            "ya",
        ],
        strict=True,
    )
)
_HOMES: Final = ("pochta.example", "yashchik.example", "inbox.example.org", "post.example.net")


def somebody(number: int, random: Random, *, abroad: bool = False) -> Person:
    her = random.random() < 0.4
    first = random.choice(_HERS if her else _HIS)
    family = random.choice(_FAMILIES) + ("а" if her else "")
    if abroad:
        first, family = random.choice(_ABROAD).split()
    login = "".join(_LATIN.get(each, each) for each in f"{first[0]}.{family}".lower())
    return Person(
        number=number,
        name=f"{first} {family}",
        phone=f"+7999{random.randrange(10**7):07d}",
        email=f"{login}{number % 1000}@{random.choice(_HOMES)}",
    )


def tell(story: Story, person: Person, random: Random) -> Story:
    """One telling: every blank is filled."""
    day = random.choice(DAYS)
    blanks = {
        "car": random.choice(CARS),
        "day": day,
        "day_": day[0].upper() + day[1:],
        "time": random.choice(TIMES),
        "price": f"{random.choice(story.prices):,}".replace(",", " "),
        "phone": person.phone,
        "name": person.name,
    }
    return replace(story, turns=tuple(_filled(turn, blanks) for turn in story.turns))


def _filled(turn: Turn, blanks: Mapping[str, str]) -> Turn:
    return Turn(
        says=tuple(_filled_line(line, blanks) for line in turn.says),
        # A price is never broken over two lines.
        answer=re.sub(
            r"(?<=\d) (?=\d{3}\b|₽)", "\N{NO-BREAK SPACE}", turn.answer.format_map(blanks)
        ),
        then=tuple(
            replace(deed, value=deed.value.format_map(blanks)) if isinstance(deed, Move) else deed
            for deed in turn.then
        ),
    )


def _filled_line(line: Line, blanks: Mapping[str, str]) -> Line:
    match line:
        case str():
            text = line.format_map(blanks)
            return text[:1].upper() + text[1:]
        case Mends():
            return Mends(line.text.format_map(blanks))
        case _:
            return line


def kopecks(written: str) -> int | None:
    """Of "3 600"; None of ""."""
    digits = "".join(each for each in written if each.isdigit())
    return int(digits) * 100 if digits else None
