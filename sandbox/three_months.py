"""The workshop's last three months, so that the reports have something true to tell.

Eight ways bring people, each with its price, its crowd and its quality; autumn brings tyres; three colleagues are of
different diligence, and what they let slip is seen in who buys. The same seed gives the same past, ending with the day
before the demo's first.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from router.ids import id_of_then
from sandbox.furnishings import HEARD
from storage.seeding.past import (
    Ends,
    PastCall,
    PastCustomer,
    PastLead,
    PastTask,
    PastTouch,
    PastWords,
)

DAYS: Final = 92
SEED: Final = "20261121"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What brings people. `a_day`: on an ordinary one; `serious`: of a hundred who turn to us, those who need the work
    (quality); `cost`: roubles for one who comes, or `fixed` a month; `worth`: what their orders are like.
    """

    source: str
    medium: str
    campaigns: Sequence[tuple[str, int, Sequence[str]]] = (("", 1, ("",)),)
    """Name, share, words they had searched for."""
    a_day: float
    serious: int
    cost: int = 0
    fixed: int = 0
    worth: float = 1.0
    autumn: float = 1.0
    """How many times as many in the season of tyres."""
    heard: str = ""
    """What most of them say when they are asked how they heard of the workshop; "": this or that."""


WAYS: Final = (
    Way(
        source="yandex", medium="cpc", a_day=3.4, serious=46, cost=1150, autumn=1.3, heard=HEARD[0],
        campaigns=(
            ("brakes", 4, ("замена колодок цена", "тормоза ремонт")),
            ("akpp", 2, ("ремонт акпп", "dsg адаптация")),
            ("grm", 3, ("замена грм", "ремень грм цена")),
            ("dvigatel-remont-spb", 2, ("капремонт двигателя",)),
        ),
    ),
    Way(
        source="vk", medium="cpc", a_day=2.1, serious=21, cost=1320, worth=0.7, autumn=1.6, heard=HEARD[0],
        campaigns=(("shinomontazh_zima", 3, ("",)), ("diagnostika_0", 2, ("",))),
    ),
    Way(source="yandex", medium="organic", a_day=1.5, serious=52, heard=HEARD[0]),
    Way(source="2gis", medium="referral", a_day=0.7, serious=44, fixed=9500, heard=HEARD[1]),
    Way(source="yandex_maps", medium="referral", a_day=1.0, serious=55, fixed=12000, heard=HEARD[1]),
    Way(source="avito", medium="referral", a_day=0.6, serious=18, fixed=14800, worth=0.6, heard=HEARD[0]),
    Way(source="direct", medium="none", a_day=0.8, serious=62, worth=1.3, heard=HEARD[4]),
    Way(source="", medium="", a_day=0.6, serious=40, heard=HEARD[2]),
)  # fmt: skip

CHANNELS: Final = (("telegram", 30), ("whatsapp", 26), ("vk", 12), ("site", 14), ("telephone", 18))
"""Slugs of the demo's accounts, and how many of a hundred come by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diligence:
    """Of a colleague. `answers`: median minutes; `convinces`: times the chance of a sale; `forgets`: of a hundred tasks;
    `misses`: of a hundred calls.
    """

    answers: int
    convinces: float
    forgets: int
    misses: int


COLLEAGUES: Final = (
    Diligence(answers=4, convinces=1.25, forgets=4, misses=6),
    Diligence(answers=14, convinces=1.0, forgets=18, misses=16),
    Diligence(answers=47, convinces=0.7, forgets=41, misses=34),
)
"""In the order of `premises.COLLEAGUES`."""

WORKS: Final = (
    ("замена колодок", 7_900, "brakes"), ("диагностика подвески", 4_200, ""), ("ТО с маслом", 12_400, ""),
    ("замена ГРМ", 21_500, "grm"), ("ремонт АКПП", 24_000, "akpp"), ("ремонт двигателя", 31_000, "dvigatel"),
    ("шиномонтаж", 4_400, "shinomontazh"), ("развал-схождение", 3_100, ""), ("замена аккумулятора", 9_300, ""),
)  # fmt: skip
REASONS: Final = ("Дорого", "Не отвечает", "Ушли к другим", "Передумали", "Не наш профиль")
_NAMES: Final = (
    "Алексей", "Мария", "Дмитрий", "Ольга", "Сергей", "Екатерина", "Игорь", "Наталья", "Павел", "Светлана", "Руслан", "Инна",
    "Виктор", "Полина", "Максим", "Татьяна",
)  # fmt: skip
_FAMILIES: Final = (
    "Кузьменко", "Ли", "Абрамченко", "Тихоненко", "Гринберг", "Шевчук", "Ким", "Лысенко", "Мартыненко", "Юрченко", "Бондарь",
    "Якименко", "Савчук", "Герц", "Франко", "Нечай",
)  # fmt: skip
_CARS: Final = (
    "Kia Rio",
    "Hyundai Solaris",
    "Škoda Octavia",
    "VW Polo",
    "Lada Vesta",
    "Toyota Camry",
    "Renault Duster",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """In roubles, on a campaign (or on a way without any)."""

    source: str
    medium: str
    campaign: str
    amount: Decimal


Status = Literal["open", "won", "lost"]


def customers(*, until: datetime, zone: ZoneInfo, seed: str, ends: Ends) -> Iterator[PastCustomer]:
    """Those who came in the days before `until`, oldest first."""
    number = 0
    for day in days_before(until, zone):
        chance = Random(f"{seed}:{day.date()}")  # noqa: S311  # stories, not secrets
        came = [
            (_moment(day, chance), way)
            for way in WAYS
            for _ in range(_poisson(way.a_day * _busy(day) * _season(way, day.date()), chance))
        ]
        for at, way in sorted(came, key=lambda each: each[0]):
            slug = chance.choices([name for name, _ in CHANNELS], [share for _, share in CHANNELS])[
                0
            ]
            manager = chance.choices(range(len(COLLEAGUES)), (40, 34, 26))[0]
            number += 1
            arrival = _Arrival(at=at, way=way, slug=slug, manager=manager, chance=chance)
            person = _customer(number, arrival, ends, until=until)
            if person.last < until:
                yield person


def spent_on(day: date, *, seed: str) -> list[Spent]:
    """What every way cost on a day, whoever asks and whenever."""
    chance = Random(f"{seed}:spend:{day}")  # noqa: S311  # stories, not secrets
    found = []
    for way in WAYS:
        if way.fixed:
            amount = round(Decimal(way.fixed) / Decimal("30.4"), 2)
            found.append(Spent(source=way.source, medium=way.medium, campaign="", amount=amount))
        elif way.cost:
            shares = sum(share for _, share, _ in way.campaigns)
            for name, share, _ in way.campaigns:
                usual = way.cost * way.a_day * _season(way, day) * share / shares
                amount = round(Decimal(usual * chance.uniform(0.7, 1.3)), 2)
                found.append(
                    Spent(source=way.source, medium=way.medium, campaign=name, amount=amount)
                )
    return found


def days_before(until: datetime, zone: ZoneInfo) -> list[datetime]:
    """Midnights of the company, the last that of the day before `until`."""
    today = until.astimezone(zone).date()
    return [
        datetime.combine(today - timedelta(days=back), time(), zone) for back in range(DAYS, 0, -1)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """Somebody comes: when, by which way, and who of ours has them."""

    at: datetime
    way: Way
    slug: str
    manager: int
    chance: Random

    @property
    def who(self) -> Diligence:
        return COLLEAGUES[self.manager]

    def made(self, when: datetime) -> UUID:
        """An id of that moment."""
        return id_of_then(when, self.chance.getrandbits(74))


def _customer(number: int, came: _Arrival, ends: Ends, *, until: datetime) -> PastCustomer:
    chance, at = came.chance, came.at
    campaign, _, terms = chance.choices(
        came.way.campaigns, [share for _, share, _ in came.way.campaigns]
    )[0]
    touches = _touches(came, campaign, chance.choice(list(terms)))
    fitting = [each for each in WORKS if each[2] and each[2] in campaign] or list(WORKS)
    work, price, _ = chance.choice(fitting)
    car = chance.choice(_CARS)
    wait = chance.lognormvariate(math.log(came.who.answers), 0.7)
    answered = at + timedelta(minutes=max(0.5, wait))
    calls = _calls(came, answered) if came.slug == "telephone" else []
    said = [] if calls else _said(came, answered, work=work, car=car, price=price)
    lead = _lead(
        came,
        ends,
        title=f"{work.capitalize()}: {car}",
        price=price,
        answered=answered,
        left_alone=len(calls) == 1 and not calls[0].talked,
        until=until,
    )
    return PastCustomer(
        contact=came.made(at),
        identity=came.made(at),
        conversation=came.made(at),
        key=_key(came.slug, number),
        name=f"{chance.choice(_NAMES)} {chance.choice(_FAMILIES)}",
        account=came.slug,
        manager=came.manager,
        inquiries=((calls[0].message if calls else said[0].id, at),),
        touches=touches,
        said=said,
        calls=calls,
        leads=(lead,),
    )


def _calls(came: _Arrival, called_back: datetime) -> list[PastCall]:
    """One that was taken; or one that was missed, and perhaps the one to them."""
    chance, made = came.chance, came.made
    missed = chance.randrange(100) < came.who.misses
    first = PastCall(
        id=made(came.at),
        message=made(came.at),
        direction="in",
        at=came.at,
        rang=chance.randint(4, 25),
        talked=0 if missed else chance.randint(40, 420),
    )
    if not missed or chance.randrange(100) < came.who.forgets:
        return [first]
    back = PastCall(
        id=made(called_back),
        message=made(called_back),
        direction="out",
        at=called_back,
        rang=9,
        talked=chance.randint(30, 300),
    )
    return [first, back]


def _said(
    came: _Arrival, answered: datetime, *, work: str, car: str, price: int
) -> list[PastWords]:
    roubles = f"{price:,}".replace(",", " ")
    return [
        PastWords(
            id=came.made(came.at),
            direction="in",
            at=came.at,
            text=f"Здравствуйте! {car}: {work}, сколько стоит и когда можно?",
        ),
        PastWords(
            id=came.made(answered),
            direction="out",
            at=answered,
            answers=came.at,
            text=f"Добрый день! {work.capitalize()}: от {roubles} ₽. Есть время на этой неделе, записать вас?",
        ),
    ]


def _lead(
    came: _Arrival,
    ends: Ends,
    *,
    title: str,
    price: int,
    answered: datetime,
    left_alone: bool,
    until: datetime,
) -> PastLead:
    """Who waits for an hour, or is never called back, buys half as often."""
    chance, way, at = came.chance, came.way, came.at
    slow = left_alone or answered - at > timedelta(hours=1)
    sure = way.serious / 100 * came.who.convinces * (0.55 if slow else 1.0)
    decided = answered + timedelta(hours=chance.uniform(3, 24 * 12))
    outcome = chance.random()
    status: Status = "won" if outcome < sure else "lost" if outcome < 0.93 else "open"
    if decided > until - timedelta(hours=1):
        status = "open"
    furthest = (
        ends.on_the_way
        if status == "won"
        else chance.choices(
            range(1, ends.on_the_way + 1), (5, 3, 1, *[1] * ends.on_the_way)[: ends.on_the_way]
        )[0]
    )
    steps = [(0, at)]
    for place in range(1, furthest):
        share = (place - chance.uniform(0, 0.6)) / furthest
        when = answered + (min(decided, until) - answered) * share
        if when < until:
            steps.append((place, when))
    if status != "open":
        steps.append((ends.won if status == "won" else ends.lost, decided))
    worth = round(price * way.worth * chance.uniform(0.8, 1.5), -2) * 100
    return PastLead(
        id=came.made(at),
        title=title,
        created_at=at,
        steps=steps,
        status=status,
        value=int(worth) if status == "won" or len(steps) > 1 else None,
        lost_reason=chance.choice(REASONS) if status == "lost" else "",
        tasks=(_task(came, answered, until=until),),
        heard=_heard(came),
    )


def _heard(came: _Arrival) -> str:
    """What they say when they are asked, which is not always what brought them."""
    if came.chance.random() < 0.35:
        return ""
    usual = came.way.heard or came.chance.choice(HEARD)
    return usual if came.chance.random() < 0.7 else came.chance.choice(HEARD)


def _task(came: _Arrival, answered: datetime, *, until: datetime) -> PastTask:
    chance = came.chance
    due_at = answered + timedelta(hours=chance.randint(2, 40))
    late = chance.randrange(100) < came.who.forgets
    done_at = due_at + (
        timedelta(hours=chance.randint(3, 60))
        if late
        else -timedelta(minutes=chance.randint(5, 90))
    )
    return PastTask(
        id=came.made(came.at),
        text="Перезвонить и записать",
        due_at=due_at,
        done_at=done_at if done_at < until else None,
    )


def _touches(came: _Arrival, campaign: str, term: str) -> list[PastTouch]:
    """The last that brought them; before it, for one in three, another way that had told them of us."""
    chance, way, at = came.chance, came.way, came.at
    if not way.source:
        return []
    found = []
    if chance.random() < 0.34:
        earlier = chance.choice([each for each in WAYS if each.source and each is not way])
        when = at - timedelta(days=chance.uniform(1, 30))
        name, _, terms = earlier.campaigns[0]
        found.append(_touch(came, earlier, when, campaign=name, term=terms[0]))
    when = at - timedelta(minutes=chance.randint(1, 40))
    return [*found, _touch(came, way, when, campaign=campaign, term=term)]


def _touch(came: _Arrival, way: Way, at: datetime, *, campaign: str, term: str) -> PastTouch:
    page = campaign.partition("_")[0].partition("-")[0]
    return PastTouch(
        id=came.made(at), at=at, channel="site_chat", source=way.source, medium=way.medium, campaign=campaign,
        term=term, landing=f"https://kolodka.example/{page}",
    )  # fmt: skip


def _key(slug: str, number: int) -> tuple[str, str]:
    kind = {"site": "visitor", "telephone": "phone"}.get(slug, slug)
    if kind == "visitor":
        return kind, str(UUID(int=number))
    return kind, f"+7921{7_000_000 + number}" if kind == "phone" else str(7_100_000_000 + number)


def _moment(day: datetime, chance: Random) -> datetime:
    """People write from morning to evening, most about noon and after work."""
    hour = chance.choice((chance.triangular(8, 17, 11.5), chance.triangular(15, 22.5, 18.5)))
    return (day + timedelta(hours=hour, seconds=chance.randrange(3600) / 60)).astimezone(UTC)


def _busy(day: datetime) -> float:
    return (1.15, 1.1, 1.0, 1.0, 1.05, 0.8, 0.55)[day.weekday()]


def _season(way: Way, day: date) -> float:
    """The first snow: from the middle of October to the middle of November, whoever needs tyres comes."""
    near = max(0.0, 1 - abs((day - date(day.year, 11, 1)).days) / 25)
    return 1 + (way.autumn - 1) * near


def _poisson(mean: float, chance: Random) -> int:
    """Knuth's way: how many come when `mean` do on the average."""
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count
