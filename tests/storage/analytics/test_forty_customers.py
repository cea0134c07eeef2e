"""Forty customers, ten channels, six sources, two currencies: every cell of the source report is worked out here from the
story itself, with fractions and another way of thinking, under every model and on both bases.

They come through the doors: visits, messages and calls are routed, colleagues win, lose and merge at the desk, the recorder
hears of it as it always does, and spend is written as an import writes it. Where a source travels in what the platform sends
(mail, forms, exchanges), it does so here: the payloads are read by the channels themselves.
"""

import json
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channels.email.events import understand
from connectors.connector import Account
from router.ids import new_id
from router.message import Key, SourceKeys
from router.spending import Spending, SpendRow
from storage.ad_accounts import add_ad_account
from storage.analytics.figures import Sums, Terms, values
from storage.analytics.models import ALL
from storage.analytics.source_report import Wish, source_report
from storage.call_numbers import add_number
from storage.spend_reckoning import set_rate
from storage.spending import write_spending
from storage.tracked_links import make_link
from tests.connectors.channels import call_hook_world, lead_form_world, uis_world
from tests.events import a_call_report, a_message, a_person
from tests.storage.analytics.business import Business

pytestmark = pytest.mark.timeout(300)
"""Three months of work: of a busy machine it takes a while."""

DAY = timedelta(days=1)
BEGAN = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
FIRST, LAST = date(2026, 6, 1), date(2026, 7, 31)
CHANNELS = (
    "telegram", "vk", "whatsapp", "site_chat", "mango", "email", "lead_form", "call_hook", "uis", "twilio",
)  # fmt: skip
CALLS = ("mango", "call_hook", "uis", "twilio")
NO_BROWSER = (*CALLS, "email")
SOURCES = (
    ("yandex", "cpc", "brakes"),
    ("yandex", "cpc", "tyres"),
    ("google", "cpc", "spring"),
    ("vk", "cpc", "promo"),
    ("yandex", "organic", ""),
    ("direct", "none", ""),
    ("avito", "referral", ""),
)
UNKNOWN = ("", "", "")
# 7 kopecks times 3 times 5 times 8: whatever a model makes of it, there is no rest.
PENNY = 840

Whence = tuple[str, str, str]
Touch = tuple[datetime, Whence]


@dataclass(slots=True)
class Lead:
    """What the story says became of it."""

    at: datetime
    snapshot: list[Touch]
    outcome: str = "open"
    closed_at: datetime | None = None
    value: int = 0
    merged: bool = False


@dataclass(slots=True)
class Customer:
    number: int
    channel: str
    touches: list[Touch] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    inquiries: list[datetime] = field(default_factory=list)


def origin(number: int) -> tuple[str, str, str]:
    return SOURCES[number % len(SOURCES)]


class Story:
    def __init__(self, business: Business) -> None:
        self.business = business
        self.people: list[Customer] = []
        self.contacts: dict[int, UUID] = {}

    async def tell(self) -> None:
        await self.business.begin()
        for kind in CHANNELS:
            if kind not in self.business.accounts:
                self.business.accounts[kind] = await self.business.connect(kind, kind=kind)
        await self._print_addresses_and_numbers()
        for number in range(40):
            await self._comes(number)
        await self._are_one(6, 20, both_open=False)
        await self._are_one(3, 31, both_open=True)
        await self._are_taken_for_one(1, 5)
        await self._spend()
        await self.business.settle()

    async def _comes(self, number: int) -> None:
        who = Customer(number=number, channel=CHANNELS[number % 10])
        self.people.append(who)
        at = BEGAN + DAY * number + timedelta(hours=number % 14)
        # None to two visits before, a week apart, and one too long ago to count. Who calls has shown us no browser.
        visits = [(at - 7 * DAY * week, origin(number + week)) for week in (2, 1)[: number % 3]]
        if number % 9 == 4:
            visits.append((at - 120 * DAY, origin(number + 5)))
        earlier = [] if who.channel in NO_BROWSER else visits
        # A form tells of them itself.
        key = await self._visits(who, earlier) if who.channel != "lead_form" else None
        touched = origin(number) if number % 8 != 7 else None
        if touched is not None:
            who.touches.append((at, touched))
        await self._turns_to_us(who, at, touched, key, earlier)
        who.touches += earlier
        who.leads.append(Lead(at=at, snapshot=list(who.touches)))
        who.inquiries.append(at)
        self.contacts[number] = (
            await self.business.one("select contact_id from lead order by id desc limit 1")
        ).contact_id
        if (
            number % 5 == 2 and who.channel not in CALLS
        ):  # a touch after the lead: of it nothing is the lead's
            late = at + timedelta(hours=3)
            who.touches.append((late, origin(number + 3)))
            await self._turns_to_us(who, late, origin(number + 3), None)
        match number % 4:
            case 0:
                await self._closes(who, "won", after=4 + number % 9, value=PENNY * (number + 1))
            case 1:
                await self._closes(who, "lost", after=2 + number % 5)
            case 2 if number % 8 == 2:
                await self._closes(who, "won", after=1, value=PENNY * 3 * (number + 1))
            case _:
                pass
        if number % 16 == 8:
            await self._returns(who, at + 21 * DAY)

    async def _visits(self, who: Customer, visits: Iterable[Touch]) -> Key | None:
        """As the site's script tells of them, before anybody knows who it is."""
        visits = list(visits)
        if not visits:
            return None
        visitor = new_id()
        sql = self.business.sql
        await sql(
            "insert into visitor (id, account_id, token, first_seen, last_seen) values (:id, :account, :token, :at, :at)",
            id=visitor, account=self.business.accounts["site_chat"], token=uuid4().hex, at=BEGAN,
        )  # fmt: skip
        for at, (source, medium, campaign) in visits:
            await sql(
                "insert into touch (id, visitor_id, at, channel, source, medium, campaign)"
                " values (:id, :visitor, :at, 'site_chat', :source, :medium, :campaign)",
                id=new_id(), visitor=visitor, at=at, source=source, medium=medium, campaign=campaign,
            )  # fmt: skip
        return Key(kind="visitor", value=str(visitor))

    async def _turns_to_us(
        self,
        who: Customer,
        at: datetime,
        touched: tuple[str, str, str] | None,
        key: Key | None,
        earlier: Sequence[Touch] = (),
    ) -> None:
        self.business.now = at + timedelta(seconds=1)
        if who.channel in SENDS:
            event = SENDS[who.channel](who.number, at, touched, earlier)
            await self.business._route(who.channel, event)
            return
        keys = (key,) if key is not None else ()
        source = None
        if touched is not None:
            source = SourceKeys(utm=utm_of(touched))
        if who.channel == "mango":
            call = a_call_report(
                "ringing", call=uuid4().hex, at=at, who=phone_of(who.number), ours="+74950000001", source=source,
            )  # fmt: skip
            await self.business._route("mango", call)
            return
        by = a_person(who.number + 100, *keys, channel=who.channel)
        await self.business._route(who.channel, a_message(by=by, at=at, source=source))

    async def _print_addresses_and_numbers(self) -> None:
        """Of each source there is an address for mail, and a number that an exchange rings."""
        now = BEGAN - 30 * DAY
        async with self.business.engine.begin() as connection:
            for place, (source, medium, campaign) in enumerate(SOURCES):
                utm = {"source": source, "medium": medium, "campaign": campaign}
                await make_link(
                    connection, name=f"Mail {place}", kind="email", account=self.business.accounts["email"],
                    address=address_of(place), utm=utm, by=None, now=now,
                )  # fmt: skip
                await add_number(
                    connection, number=number_of(place), kind="static", name=f"Number {place}", pool="", utm=utm, now=now,
                )  # fmt: skip

    async def _closes(self, who: Customer, outcome: str, *, after: int, value: int = 0) -> None:
        lead = who.leads[-1]
        business = self.business
        business.now = lead.closed_at = lead.at + DAY * after
        lead.outcome, lead.value = outcome, value
        open_one = await business.one(
            "select id from lead where contact_id = :contact and status = 'open'",
            contact=self.contacts[who.number],
        )
        changes: dict[str, Any] = (
            {"status": "won", "value": value}
            if outcome == "won"
            else {"status": "lost", "lost_reason": "Дорого"}
        )
        await business.desk.change_lead(open_one.id, changes, by=business.managers[0])
        await business.record()

    async def _returns(self, who: Customer, at: datetime) -> None:
        """With another advertisement; buys again."""
        touched = origin(who.number + 2)
        await self._turns_to_us(who, at, touched, None)
        who.touches.append((at, touched))
        who.leads.append(Lead(at=at, snapshot=[each for each in who.touches if each[0] <= at]))
        who.inquiries.append(at)
        await self._closes(who, "won", after=3, value=PENNY * 2)

    async def _are_one(self, one: int, other: int, *, both_open: bool) -> None:
        """The older contact stays; of two open leads the older goes on."""
        desk, contacts = self.business.desk, self.contacts
        self.business.now += DAY
        await desk.merge(contacts[one], contacts[other], by=self.business.managers[0])
        first, second = self.people[one], self.people[other]
        assert both_open == all(who.leads[-1].outcome == "open" for who in (first, second))
        first.touches += second.touches
        second.touches = first.touches
        if both_open:
            second.leads[-1].merged = True
        first.leads += second.leads
        first.inquiries += second.inquiries
        second.leads, second.inquiries = [], []

    async def _are_taken_for_one(self, one: int, other: int) -> None:
        """And then they are two again: nothing has changed."""
        desk, by = self.business.desk, self.business.managers[0]
        merge = await desk.merge(self.contacts[one], self.contacts[other], by=by)
        await self.business.record()
        await desk.unmerge(merge, by=by)

    async def _spend(self) -> None:
        now = self.business.now
        async with self.business.engine.begin() as connection:
            await set_rate(connection, currency="USD", day=FIRST, rate=Decimal("90.5"))
            for currency, rows in SPEND.items():
                account = await add_ad_account(
                    connection, name=currency, platform="other", source="yandex", medium="cpc",
                    currency=currency, now=now,
                )  # fmt: skip
                said = Spending(format="csv", rows=rows, covered=(FIRST, LAST))
                await write_spending(
                    connection, account, said, how="file", file_hash=currency, by=None, now=now
                )


# What the platforms send.


def phone_of(number: int) -> str:
    return f"+7916{1_000_000 + number}"


def utm_of(touched: Whence | None) -> dict[str, str]:
    names = ("source", "medium", "campaign")
    return {name: word for name, word in zip(names, touched or (), strict=False) if word}


def address_of(place: int) -> str:
    return f"ads{place}@shop.example"


def number_of(place: int) -> str:
    return f"+7495777000{place}"


def sends_mail(number: int, at: datetime, touched: Whence | None, earlier: Sequence[Touch]) -> Any:
    mail = EmailMessage()
    mail["From"] = f"Customer <box{number}@post.example>"
    mail["To"] = address_of(SOURCES.index(touched)) if touched else "sales@shop.example"
    mail["Message-ID"] = f"<{uuid4().hex}@post.example>"
    mail["Subject"] = "Brakes"
    mail.set_content("How much is it?")
    account = Account(
        id=uuid4(), kind="email", slug="email", fields={"address": "sales@shop.example"}
    )
    return understand(mail.as_bytes(), account=account, received_at=at).event


def sends_form(number: int, at: datetime, touched: Whence | None, earlier: Sequence[Touch]) -> Any:
    """With what the script on the page has put into its hidden fields."""
    visits = [
        [(at - when).total_seconds(), uuid4().hex, "https://shop.example/", "", utm_of(whence), {}]
        for when, whence in earlier
    ]
    trail = urlsafe_b64encode(json.dumps({"t": visits}).encode()).decode().rstrip("=")
    fields = {"name": "Customer", "phone": phone_of(number), "allo": trail}
    fields |= {f"utm_{name}": word for name, word in utm_of(touched).items()}
    request = lead_form_world.a_request(urlencode(fields).encode())
    return lead_form_world.enquiry(replace(request, received_at=at))


def calls_a_hook(
    number: int, at: datetime, touched: Whence | None, earlier: Sequence[Touch]
) -> Any:
    told = call_hook_world.a_report(
        call=uuid4().hex, customer=phone_of(number), line="+74950000001", at=at.isoformat(),
        started_at=at.isoformat(), source={"utm": utm_of(touched)},
    )  # fmt: skip
    (report,) = call_hook_world.reports_of(told)
    return report


def calls_by_uis(
    number: int, at: datetime, touched: Whence | None, earlier: Sequence[Touch]
) -> Any:
    body = uis_world.filled(
        "incoming", call_session_id=str(uuid4().int % 10**10), contact_phone_number=phone_of(number)[1:],
        start_time=f"{at + timedelta(hours=3):%Y-%m-%d %H:%M:%S}",
        **{f"utm_{name}": word for name, word in utm_of(touched).items()},
    )  # fmt: skip
    request = replace(uis_world.a_request(body), received_at=at)
    ((report,),) = [[each.event for each in uis_world.received(request).incoming]]
    return report


def calls_a_printed_number(
    number: int, at: datetime, touched: Whence | None, earlier: Sequence[Touch]
) -> Any:
    ours = number_of(SOURCES.index(touched)) if touched else "+74950000001"
    return a_call_report("ringing", call=uuid4().hex, at=at, who=phone_of(number), ours=ours)


SENDS: Mapping[str, Callable[[int, datetime, Whence | None, Sequence[Touch]], Any]] = {
    "email": sends_mail,
    "lead_form": sends_form,
    "call_hook": calls_a_hook,
    "uis": calls_by_uis,
    "twilio": calls_a_printed_number,
}


def row(source: str, campaign: str, amount: str, *days: date) -> SpendRow:
    return SpendRow(
        first_day=days[0], last_day=days[-1], amount=Decimal(amount), level="campaign", object_id=f"{source}{campaign}",
        object_name=campaign, campaign=campaign, source=source, medium="cpc",
    )  # fmt: skip


SPEND: Mapping[str, list[SpendRow]] = {
    "RUB": [
        row("yandex", "brakes", "12345.67", FIRST, LAST),
        row("yandex", "tyres", "999.99", date(2026, 7, 2)),
        row("vk", "promo", "5000", date(2026, 6, 10), date(2026, 6, 12)),
        row("vk", "promo", "-120.50", date(2026, 6, 20)),
    ],
    "USD": [row("google", "spring", "310.20", date(2026, 6, 5), date(2026, 6, 24))],
}
SPENT = {
    ("yandex", "cpc", "brakes"): 1_234_567,
    ("yandex", "cpc", "tyres"): 99_999,
    ("vk", "cpc", "promo"): 500_000 - 12_050,
    # Twenty days of 15.51 dollars at 90.5.
    ("google", "cpc", "spring"): 20 * 140_366,
}


# The other way of thinking.


def weights(model: str, touches: list[Touch], at: datetime) -> dict[tuple[str, str, str], Fraction]:
    counted = sorted(each for each in touches if at - 90 * DAY <= each[0] <= at)
    if not counted:
        return {UNKNOWN: Fraction(1)}
    n = len(counted)
    ages = [(at - when) / (7 * DAY) for when, _ in counted]

    def last_known() -> list[Fraction]:
        known = [k for k in range(n) if counted[k][1][0] != "direct"]
        return only(known[-1] if known else n - 1)

    def only(place: int) -> list[Fraction]:
        return [Fraction(k == place) for k in range(n)]

    def by_position(first: int, last: int) -> list[Fraction]:
        if n == 1:
            return [Fraction(1)]
        if n == 2:
            return [Fraction(first, first + last), Fraction(last, first + last)]
        middle = Fraction(100 - first - last, 100 * (n - 2))
        return [Fraction(first, 100), *[middle] * (n - 2), Fraction(last, 100)]

    def decay() -> list[Fraction]:
        parts = [Fraction(1, 2) ** int(age) for age in ages]
        assert all(age == int(age) for age in ages), "the story keeps to whole weeks"
        return [part / sum(parts) for part in parts]

    ways: dict[str, Callable[[], list[Fraction]]] = {
        "last": lambda: only(n - 1),
        "first": lambda: only(0),
        "last_non_direct": last_known,
        "linear": lambda: [Fraction(1, n)] * n,
        "time_decay": decay,
        "position_40_20_40": lambda: by_position(40, 40),
        "position_20_60_20": lambda: by_position(20, 20),
        "position_10_50_40": lambda: by_position(10, 40),
    }
    found: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for (_, whence), weight in zip(counted, ways[model](), strict=True):
        found[whence] += weight
    return found


def snapshot(name: str, lead: Lead) -> dict[tuple[str, str, str], Fraction]:
    known = sorted(each for each in lead.snapshot if each[0] <= lead.at)
    if not known:
        return {UNKNOWN: Fraction(1)}
    return {known[-1 if name == "snapshot_last" else 0][1]: Fraction(1)}


def moscow(at: datetime) -> date:
    return (at + timedelta(hours=3)).date()


Cells = dict[Whence, dict[str, Fraction]]


def count(
    cells: Cells, name: str, day: date, parts: Mapping[Whence, Fraction], much: int = 1
) -> None:
    if FIRST <= day <= LAST:
        for whence, part in parts.items():
            cells[whence][name] += part * much


def count_lead(
    cells: Cells, lead: Lead, parts: Mapping[Whence, Fraction], basis: str, *, first_win: bool
) -> None:
    created = moscow(lead.at)
    count(cells, "leads", created, parts)
    if lead.outcome == "open":
        if basis == "cohort":
            count(cells, "open", created, parts)
        return
    then = created if basis == "cohort" or lead.closed_at is None else moscow(lead.closed_at)
    count(cells, lead.outcome, then, parts)
    if lead.outcome == "won":
        count(cells, "qualified", then, parts)
        count(cells, "revenue", then, parts, lead.value)
        if first_win:
            count(cells, "new_customers", then, parts)


def expected(people: list[Customer], model: str, basis: str) -> Cells:
    cells: Cells = defaultdict(lambda: defaultdict(Fraction))
    as_asked = {"snapshot_last": "last", "snapshot_first": "first"}.get(model, model)
    for who in people:
        for at in who.inquiries:
            count(cells, "inquiries", moscow(at), weights(as_asked, who.touches, at))
        kept = [lead for lead in who.leads if not lead.merged]
        wins = sorted(lead.closed_at for lead in kept if lead.outcome == "won" and lead.closed_at)
        for lead in kept:
            parts = (
                snapshot(model, lead)
                if model.startswith("snapshot")
                else weights(model, who.touches, lead.at)
            )
            count_lead(cells, lead, parts, basis, first_win=lead.closed_at in wins[:1])
    for whence, spent in SPENT.items():
        cells[whence]["spend"] += spent
    return cells


@pytest.fixture
async def story(database: AsyncEngine) -> Story:
    told = Story(Business(database))
    await told.tell()
    return told


COUNTS = ("inquiries", "leads", "qualified", "won", "lost", "open", "new_customers")


async def test_every_cell_equals_what_the_story_says(story: Story) -> None:
    names = {
        (each.source, each.medium): each.key
        for each in await story.business.sql(
            "select source, medium, coalesce(cast(source_id as text), source || ' / ' || medium) as key from origin"
        )
    }
    looked_at = 0
    async with story.business.engine.connect() as connection:
        for model in ALL:
            for basis in ("cohort", "event"):
                cells = expected(story.people, model, basis)
                for by in ("source", "campaign"):
                    wanted: dict[str, dict[str, Fraction]] = defaultdict(
                        lambda: defaultdict(Fraction)
                    )
                    for (source, medium, campaign), cell in cells.items():
                        key = names[source, medium] if by == "source" else campaign
                        for name, value in cell.items():
                            wanted[key][name] += value
                    wish = Wish(first=FIRST, last=LAST, by=by, basis=basis, model=model)
                    report = await source_report(connection, wish)
                    found = {
                        each.key: each.sums for each in report.rows if each.sums != wish.nothing
                    }
                    assert found.keys() == wanted.keys(), (model, basis, by)
                    for key, cell in wanted.items():
                        looked_at += the_same(found[key], cell, where=(model, basis, by, key))
                    whole: dict[str, Fraction] = defaultdict(Fraction)
                    for cell in wanted.values():
                        for name, value in cell.items():
                            whole[name] += value
                    looked_at += the_same(report.total, whole, where=(model, basis, by, "total"))
    assert looked_at > 3000


def the_same(sums: Sums, cell: Mapping[str, Fraction], *, where: tuple[str, ...]) -> int:
    """Counts to a millionth of a lead each, money to the kopeck; and what is made of them. How many cells."""
    got = values(sums, Terms(margin=Fraction(40, 100)))
    for name in COUNTS:
        if name == "open" and "event" in where:
            assert got[name] is None, where
        else:
            assert got[name] == pytest.approx(cell.get(name, 0), abs=4e-5), (where, name)
    assert got["spend"] == cell.get("spend", 0), where
    # A kopeck is not divided: of a sale in thirteenths, each part is the whole kopeck below or above. The total has no rest.
    apart = abs(Fraction(sums.revenue) - cell.get("revenue", Fraction(0)))
    whole = "time_decay" not in where or "total" in where
    assert apart == 0 if whole else apart < 1 + cell.get("won", 0), where
    spend, revenue = cell.get("spend", Fraction(0)), cell.get("revenue", Fraction(0))
    made = {
        "cpl": _per(spend, cell.get("leads")),
        "cpql": _per(spend, cell.get("qualified")),
        "cac": _per(spend, cell.get("new_customers")),
        "romi": (revenue - spend) / spend if spend else None,
        "romi_margin": (revenue * Fraction(2, 5) - spend) / spend if spend else None,
        "roas": revenue / spend if spend else None,
        "spend_share": spend / revenue if revenue else None,
        "average_sale": _per(revenue, cell.get("won")),
        "conversion": _per(cell.get("won", Fraction(0)), cell.get("leads")),
    }
    for name, value in made.items():
        if value is None:
            assert got[name] is None, (where, name)
        else:
            assert float(got[name] or 0) == pytest.approx(float(value), rel=2e-4), (where, name)
    return len(COUNTS) + 2 + len(made)


def _per(what: Fraction, pieces: Fraction | None) -> Fraction | None:
    return what / pieces if pieces else None


async def test_counting_it_all_anew_changes_nothing(story: Story) -> None:
    before = await story.business.kept()

    assert await story.business.counted_anew() == before
