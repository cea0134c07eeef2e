"""The Reports service. https://yandex.ru/dev/direct/doc/ru/reports"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from aiohttp import web
from typing_extensions import override

from sandbox.exchange import Exchange
from sandbox.rates import Window

MOST_QUEUED: Final = 5
MICROS: Final = 1_000_000
CAMPAIGNS: Final = (("7001", "Тормоза Москва"), ("7002", "Масло и фильтры"))
PHRASES: Final = ("замена колодок", "---autotargeting")


@dataclass(slots=True)
class Report:
    params: dict[str, Any]
    waits: int
    tsv: str = ""


@dataclass(slots=True)
class Charge:
    """What a day of a phrase took, before it is restated."""

    clicks: int
    impressions: int
    cost: Decimal


Costs = Callable[[date, str], Decimal]
"""What a campaign takes on a day."""


@dataclass(slots=True)
class Books:
    """What was charged: the same for everybody who asks, and a little less after clicks are taken back."""

    restated: dict[date, Decimal] = field(default_factory=dict)
    costs: Costs | None = None

    def charge(self, day: date, campaign: int, phrase: int, *, name: str) -> Charge:
        number = day.toordinal() + 3 * campaign + 5 * phrase
        if self.costs is None:
            clicks = 5 + number % 17
            cost = Decimal(clicks * (3100 + number % 900)) / 100
        else:
            cost = self.costs(day, name) / len(PHRASES)
            clicks = 1 + int(cost) // 48
        return Charge(clicks, clicks * 23, cost * self.restated.get(day, Decimal(1)))


class YandexDirect(Exchange):
    """`queued`: how many answers say "not yet" before a report is there; 0 makes it at once. `names` are those asked for."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        token: str = "token",  # noqa: S107  # a stand-in's
        queued: int = 0,
        retry_in: int = 1,
        campaigns: Sequence[tuple[str, str]] = CAMPAIGNS,
        costs: Costs | None = None,
    ) -> None:
        super().__init__(now=now)
        self.token = token
        self.queued, self.retry_in = queued, retry_in
        self.campaigns = campaigns
        self.books = Books(costs=costs)
        self.reports: dict[str, Report] = {}
        self.names: list[str] = []
        self.rate = Window(20, 10.0)

    @override
    def routes(self) -> Sequence[web.RouteDef]:
        return (web.post("/json/v5/reports", self._report),)

    def restate(self, *days: date, by: Decimal = Decimal("0.5")) -> None:
        """Clicks of these days are found to be no customers', and are not charged."""
        for day in days:
            self.books.restated[day] = by

    def total(self, first: date, last: date) -> Decimal:
        """What all of it took."""
        return sum((row[1].cost for row in self._rows(first, last)), Decimal(0))

    async def _report(self, request: web.Request) -> web.Response:
        return self._refused(request) or self._made(
            (await request.json())["params"], request.headers
        )

    def _refused(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, 53, "Authorization error", "Invalid OAuth token")
        if self.rate.take(self.now()):
            return _error(400, 56, "Requests limit exceeded", "20 requests per 10 seconds")
        return None

    def _made(self, params: dict[str, Any], headers: Any) -> web.Response:
        missing = {"SelectionCriteria", "FieldNames", "ReportName", "IncludeVAT"} - params.keys()
        if missing:
            return _error(400, 8000, "Invalid request", f"Omitted {sorted(missing)}")
        name = params["ReportName"]
        self.names.append(name)
        known = self.reports.get(name)
        if known is None:
            waiting = sum(each.waits > 0 for each in self.reports.values())
            if self.queued and waiting >= MOST_QUEUED:
                return _error(400, 9000, "Queue is full", "Five reports are being made")
            known = self.reports[name] = Report(params, self.queued)
            if known.waits:
                return self._wait(201)
        elif known.params != params:
            return _error(400, 4000, "Invalid report", "Another report has this name")
        if known.waits:
            known.waits -= 1
        if known.waits:
            return self._wait(202)
        # A report stays what it was when it was made.
        known.tsv = known.tsv or self._tsv(params, headers)
        return web.Response(text=known.tsv, content_type="text/tab-separated-values")

    def _wait(self, status: int) -> web.Response:
        return web.Response(
            status=status, headers={"retryIn": str(self.retry_in), "reportsInQueue": "1"}
        )

    def _tsv(self, params: dict[str, Any], headers: Any) -> str:
        criteria = params["SelectionCriteria"]
        first, last = map(date.fromisoformat, (criteria["DateFrom"], criteria["DateTo"]))
        micros = headers.get("returnMoneyInMicros") != "false"
        names: list[str] = params["FieldNames"]
        lines = []
        if headers.get("skipReportHeader") != "true":
            lines.append(f'"{params["ReportName"]} ({first} - {last})"')
        if headers.get("skipColumnHeader") != "true":
            lines.append("\t".join(names))
        vat = Decimal("1.22") if params["IncludeVAT"] == "YES" else Decimal(1)
        rows = self._rows(first, last)
        for known, charge in rows:
            cost = round(charge.cost * vat, 2)
            row = known | {
                "Clicks": str(charge.clicks),
                "Impressions": str(charge.impressions),
                "Cost": str(int(cost * MICROS)) if micros else f"{cost:.2f}",
            }
            lines.append("\t".join(row.get(each, "--") for each in names))
        if headers.get("skipReportSummary") != "true":
            lines.append(f"Total rows: {len(rows)}")
        return "\n".join(lines) + "\n"

    def _rows(self, first: date, last: date) -> list[tuple[dict[str, str], Charge]]:
        return [
            (
                {
                    "Date": day.isoformat(),
                    "CampaignId": id_,
                    "CampaignName": name,
                    "AdGroupId": f"{id_}1",
                    "AdId": f"{id_}11",
                    "Criterion": phrase,
                },
                self.books.charge(day, number, place, name=name),
            )
            for day in (first + timedelta(days=each) for each in range((last - first).days + 1))
            for number, (id_, name) in enumerate(self.campaigns)
            for place, phrase in enumerate(PHRASES)
        ]


def _error(status: int, code: int, words: str, detail: str) -> web.Response:
    error = {
        "error_code": str(code),
        "error_string": words,
        "error_detail": detail,
        "request_id": "8695244274068608439",
    }
    return web.json_response({"error": error}, status=status)
