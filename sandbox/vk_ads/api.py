"""The API. https://ads.vk.com/doc/api"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from aiohttp import web
from typing_extensions import override

from sandbox.exchange import Exchange
from sandbox.rates import Window

MOST_TOKENS: Final = 5
MOST_IDS: Final = 50
MOST_DAYS: Final = 92
LIFE: Final = 86_400


class VkAds(Exchange):
    """`asked` are the (ids, first, last) of statistics that were answered."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        client_id: str = "client",
        client_secret: str = "secret",  # noqa: S107  # a stand-in's
        campaigns: Sequence[str] | int = 3,
        quota: int = 1000,
        costs: Callable[[date, str], Decimal] | None = None,
    ) -> None:
        super().__init__(now=now)
        self.client_id, self.client_secret = client_id, client_secret
        names = (
            [f"Кампания {number + 1}" for number in range(campaigns)]
            if isinstance(campaigns, int)
            else campaigns
        )
        self.campaigns = {5000 + number: name for number, name in enumerate(names)}
        self.costs = costs
        self.tokens: dict[str, float] = {}
        self.given = 0
        self.asked: list[tuple[int, date, date]] = []
        self.rate = Window(quota, 3600.0)
        self.restated: dict[date, Decimal] = {}

    @override
    def routes(self) -> Sequence[web.RouteDef]:
        return (
            web.post("/api/v2/oauth2/token.json", self._token),
            web.get("/api/v2/ad_plans.json", self._ad_plans),
            web.get("/api/v2/statistics/ad_plans/day.json", self._statistics),
        )

    def take_back_tokens(self) -> None:
        self.tokens.clear()

    def restate(self, *days: date, by: Decimal = Decimal("0.5")) -> None:
        for day in days:
            self.restated[day] = by

    def spent(self, id_: int, day: date) -> Decimal:
        if self.costs is not None:
            cost = self.costs(day, self.campaigns[id_])
        else:
            cost = Decimal(1000 + (day.toordinal() * 7 + id_) % 5000) / 100
        return round(cost * self.restated.get(day, Decimal(1)), 2)

    def total(self, first: date, last: date) -> Decimal:
        days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
        return sum((self.spent(id_, day) for id_ in self.campaigns for day in days), Decimal(0))

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        known = (form.get("client_id"), form.get("client_secret"))
        if known != (self.client_id, self.client_secret):
            return _error(401, "invalid_client", "Unknown client")
        self.tokens = {token: until for token, until in self.tokens.items() if until > self.now()}
        if len(self.tokens) >= MOST_TOKENS:
            return _error(403, "token_limit_exceeded", "Active access token limit reached")
        self.given += 1
        token = f"token-{self.given}"
        self.tokens[token] = self.now() + LIFE
        return web.json_response(
            {"access_token": token, "token_type": "bearer", "expires_in": LIFE}
        )

    async def _ad_plans(self, request: web.Request) -> web.Response:
        self._admit(request)
        offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", 20))
        items = [{"id": id_, "name": name} for id_, name in self.campaigns.items()]
        return web.json_response(
            {"count": len(items), "offset": offset, "items": items[offset : offset + limit]}
        )

    async def _statistics(self, request: web.Request) -> web.Response:
        self._admit(request)
        ids = [int(each) for each in request.query["id"].split(",")]
        first, last = (date.fromisoformat(request.query[each]) for each in ("date_from", "date_to"))
        if len(ids) > MOST_IDS or (last - first).days >= MOST_DAYS:
            return _error(400, "bad_request", "Too many objects or days")
        self.asked.append((len(ids), first, last))
        days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
        return web.json_response(
            {
                "items": [
                    {"id": id_, "rows": [self._row(id_, day) for day in days], "total": {}}
                    for id_ in ids
                    if id_ in self.campaigns
                ],
                "total": {},
            }
        )

    def _row(self, id_: int, day: date) -> dict[str, Any]:
        spent = self.spent(id_, day)
        clicks = int(spent) // 9
        base = {"shows": clicks * 40, "clicks": clicks, "goals": 0, "spent": f"{spent:.2f}"}
        return {"date": day.isoformat(), "base": base}

    def _admit(self, request: web.Request) -> None:
        """Raises an HTTP error for a token that is none, and when a quota is used up."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) <= self.now():
            raise web.HTTPUnauthorized(
                text='{"error": {"code": "expired_token", "message": "Access token is expired"}}',
                content_type="application/json",
            )
        if wait := self.rate.take(self.now()):
            raise web.HTTPTooManyRequests(
                text='{"error": {"code": "throttled", "message": "Hourly limit is used up"}}',
                content_type="application/json",
                headers={"Retry-After": str(int(wait) + 1)},
            )


def _error(status: int, code: str, words: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": words}}, status=status)
