"""What is made up: who writes, from where, what is said, and what becomes of it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from router.ids import id_of_then

CHANNELS: Final = ("telegram", "whatsapp", "vk", "site_chat", "email", "mango")
SHARES: Final = (34, 26, 12, 12, 10, 6)
SOURCES: Final = (
    ("yandex", "brakes"), ("yandex", "to-60"), ("vk", "podveska"), ("google", "winter tyres"),
    ("2gis", ""), ("yandex maps", ""), ("", ""), ("", ""),
)  # fmt: skip
LABELS: Final = ("юрлицо", "гарантия", "vip", "торгуется", "перезвонить", "запчасти")
SPAN: Final = timedelta(days=730)
LIVELY: Final = timedelta(days=5)
"""Conversations of these last days are still under way; older ones are resolved."""
LONG: Final = 20_000
"""Messages of the one conversation that never ends."""

_NAMES: Final = (
    "Анна", "Марина", "Ольга", "Ирина", "Елена", "Александр", "Дмитрий", "Сергей", "Андрей", "Алексей", "Руслан", "Тимур",
    "Виктор", "Павел", "Евгения", "Оксана", "Лариса", "Игорь", "Константин", "Юлия", "Emma", "John", "Aylin", "Gulnara",
)  # fmt: skip
_FAMILIES: Final = (
    "Иванов", "Петров", "Белозёров", "Кузнецов", "Орлов", "Ли", "Гайнутдинов", "Пономарёв", "Ткаченко", "Смирнов", "Соболев",
    "Чехов", "Захаров", "Асланов", "Аванесян", "Мельник", "Лебедев", "Кравец", "Smith", "Yilmaz", "Novak", "Константинопольский",
)  # fmt: skip
_CARS: Final = (
    "Киа Рио", "Шкода Октавия", "Тойота Камри", "Лада Веста", "Хендай Солярис", "Мазда 3", "БМВ Х3", "Ниссан Икстрейл",
    "Audi A4", "Ford Focus", "Haval Jolion", "Рено Логан", "Газель", "Volkswagen Polo",
)  # fmt: skip
_PARTS: Final = (
    "тормозные колодки", "тормозных дисков", "ремень ГРМ", "масло в коробке", "свечи зажигания", "рычаги подвески", "радиатор",
    "помпу", "лобовое стекло", "фары", "стойки амортизатора", "воздушный фильтр", "рулевую рейку", "аккумулятор", "winter tyres",
    "brake pads",
)  # fmt: skip
_ASKED: Final = (
    "Здравствуйте, сколько стоит поменять {part} на {car} {year} года?",
    "Добрый день! Есть в наличии {part} для {car}, артикул {code}?",
    "А когда можно подъехать? Мне удобно в субботу утром, часов в десять.",
    "Спасибо, понял. Оригинал или аналог?",
    "При торможении писк, посмотрите {part}. Машина {car}, пробег {code} км.",
    "Hello, how much is it to change {part} on a {car}?",
    "Хорошо, записывайте. Телефон тот же.",
    "Подскажите, готова ли машина? Заказ {code}",
    "Ок", "Да", "Спасибо!",
)  # fmt: skip
_ANSWERED: Final = (
    "Здравствуйте! {part} на {car} выйдет {code} рублей с работой, займёт полтора часа.",
    "Да, есть. Можем записать вас на завтра, на {hour}:30. Подойдёт?",
    "Машина готова, можно забирать до 20:00. Итого {code} рублей.",
    "Добрый день! Уточните, пожалуйста, VIN или год выпуска.",
    "Поставили бы аналог: дешевле на треть, ходит столько же.",
    "Записали вас. Адрес: Ленинский проспект, 12. Напомним за день.",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Said:
    """`direction` in, out or note."""

    id: UUID
    direction: str
    text: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Talk:
    """One person's conversation, and what is known of them. Places are numbers: who of the colleagues, which stage."""

    number: int
    id: UUID
    contact: UUID
    identity: UUID
    name: str
    channel: str
    phone: str
    email: str
    status: str
    manager: int | None
    team: int
    unread: int
    label: str
    source: str
    campaign: str
    touch: UUID
    lead: UUID | None
    lead_status: str
    stage: int
    value: int | None
    task: UUID | None
    said: list[Said]

    @property
    def waits(self) -> bool:
        return self.status in {"open", "waiting"} and self.said[-1].direction == "in"


def talks(
    *, conversations: int, messages: int, managers: int, teams: int, now: datetime, seed: int
) -> Iterator[Talk]:
    """The oldest first. About `messages` in all; the first of many is a conversation of LONG messages."""
    chance = random.Random(seed)  # noqa: S311  # reproducible, not secret
    long = LONG if messages > 10 * LONG else 0
    mean = max((messages - long) / conversations, 1.0)
    for number in range(conversations):
        begun = now - SPAN * (1 - number / conversations) + timedelta(seconds=chance.random() * 60)
        length = (
            long if long and number == 0 else 1 + int(chance.expovariate(1 / max(mean - 0.5, 0.5)))
        )
        yield _talk(number, begun, length, chance, managers=managers, teams=teams, now=now)


def _talk(
    number: int,
    begun: datetime,
    length: int,
    chance: random.Random,
    *,
    managers: int,
    teams: int,
    now: datetime,
) -> Talk:
    def made(at: datetime) -> UUID:
        return id_of_then(at, chance.getrandbits(74))

    channel = chance.choices(CHANNELS, SHARES)[0]
    said = _said(begun, length, chance, now=now)
    lively = now - said[-1].at < LIVELY
    status = (
        chance.choices(("open", "waiting", "snoozed", "resolved", "spam"), (40, 25, 10, 22, 3))[0]
        if lively
        else chance.choices(("resolved", "spam", "snoozed", "open"), (95, 3, 1, 1))[0]
    )
    source, campaign = chance.choice(SOURCES)
    leads = chance.random() < 0.45
    outcome = "open" if lively else chance.choices(("won", "lost", "open"), (30, 55, 15))[0]
    return Talk(
        number=number,
        id=made(begun),
        contact=made(begun),
        identity=made(begun),
        name=f"{chance.choice(_NAMES)} {chance.choice(_FAMILIES)}"
        if chance.random() < 0.94
        else "",
        channel=channel,
        phone=f"+79{100_000_000 + number * 7 % 900_000_000:09}" if chance.random() < 0.6 else "",
        email=f"person{number}@mail{chance.randint(1, 40)}.example"
        if chance.random() < 0.3
        else "",
        status=status,
        manager=None if status == "open" and chance.random() < 0.15 else chance.randrange(managers),
        team=chance.randrange(teams),
        unread=chance.randint(1, 4) if status == "open" and said[-1].direction == "in" else 0,
        label=chance.choice(LABELS) if chance.random() < 0.2 else "",
        source=source,
        campaign=campaign,
        touch=made(begun),
        lead=made(begun) if leads else None,
        lead_status=outcome,
        stage={"open": chance.randrange(3), "won": 3, "lost": 4}[outcome],
        value=chance.randint(10, 900) * 10_000 if chance.random() < 0.7 else None,
        task=made(begun) if leads and outcome == "open" and chance.random() < 0.5 else None,
        said=said,
    )


def _said(begun: datetime, length: int, chance: random.Random, *, now: datetime) -> list[Said]:
    found = []
    at = begun
    step = min(timedelta(minutes=40), (now - begun) / (length + 1))
    for place in range(length):
        direction = "in" if place == 0 else chance.choices(("in", "out", "note"), (50, 46, 4))[0]
        said = chance.choice(_ASKED if direction == "in" else _ANSWERED).format(
            part=chance.choice(_PARTS),
            car=chance.choice(_CARS),
            year=chance.randint(2004, 2026),
            code=chance.randint(1000, 99_999),
            hour=chance.randint(9, 19),
        )
        found.append(
            Said(id=id_of_then(at, chance.getrandbits(74)), direction=direction, text=said, at=at)
        )
        at += step * (0.2 + chance.random() * 0.8)
    return found
