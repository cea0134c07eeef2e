"""VK Реклама, asked for statistics by day. https://ads.vk.com/doc/api

    POST /api/v2/oauth2/token.json (client_credentials) ─▶ a token for a day; a client has only a few at a time, so it is kept
    GET /api/v2/ad_plans.json ─▶ the campaigns, page by page
    GET /api/v2/statistics/ad_plans/day.json ─▶ at most 92 days and 50 campaigns in one answer

Quotas are by the hour and the day; 429 says that one is used up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import aiohttp
import msgspec

from connectors.errors import AccountBroken, Rejected, Throttled, Unreachable
from connectors.outgoing import Reply, exchange

API_BASE: Final = "https://ads.vk.com"
MOST_DAYS: Final = 92
MOST_IDS: Final = 50
PAGE: Final = 250
MOST_CAMPAIGNS: Final = 20_000
TIMEOUT_S: Final = 60.0
LIFE_S: Final = 86_400.0
LONGEST_LIFE_S: Final = 366 * LIFE_S
RETRY_S: Final = 300.0
LONGEST_WAIT_S: Final = 86_400.0


class TokenGone(AccountBroken):
    """The token has run out or was taken back; the credentials may still be good."""


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    lives: float
    """Seconds."""


async def take_token(http: aiohttp.ClientSession, fields: Mapping[str, str]) -> Token:
    """Raises Throttled, Unreachable, OutcomeUnknown, Rejected, AccountBroken."""
    reply = await exchange(
        http,
        "POST",
        f"{_base(fields)}/api/v2/oauth2/token.json",
        timeout=TIMEOUT_S,
        data={
            "grant_type": "client_credentials",
            "client_id": fields["client_id"],
            "client_secret": fields["client_secret"],
        },
    )
    if reply.status in {400, 401, 403}:
        raise AccountBroken(
            f"VK Ads does not let us in: {_words(reply)}. Look at client_id and client_secret."
        )
    said = _answer(reply)
    try:
        lives = float(said.get("expires_in") or LIFE_S)
        return Token(str(said["access_token"]), lives if 0 < lives <= LONGEST_LIFE_S else LIFE_S)
    except (KeyError, TypeError, ValueError) as error:
        raise Rejected("VK Ads gave no token") from error


async def list_campaigns(
    http: aiohttp.ClientSession, fields: Mapping[str, str], token: str
) -> dict[str, str]:
    """Names by id. Raises as `take_token`, and TokenGone."""
    names: dict[str, str] = {}
    while True:
        said = _answer(
            await _get(
                http,
                fields,
                token,
                "ad_plans.json",
                {"fields": "id,name", "limit": str(PAGE), "offset": str(len(names))},
            )
        )
        items = said.get("items") if isinstance(said, dict) else None
        if not isinstance(items, list):
            raise Rejected("VK Ads answered something else than its campaigns")
        before = len(names)
        for each in items:
            if isinstance(each, dict) and "id" in each:
                names[str(each["id"])] = str(each.get("name") or "")
        if len(items) < PAGE or len(names) == before:
            return names
        if len(names) > MOST_CAMPAIGNS:
            raise Rejected(
                f"VK Ads has more than {MOST_CAMPAIGNS} campaigns: use an account of its own for some"
            )


async def statistics(
    http: aiohttp.ClientSession,
    fields: Mapping[str, str],
    token: str,
    ids: Sequence[str],
    *,
    first: date,
    last: date,
) -> bytes:
    """The items of all of them, as one answer would have them. Raises as `list_campaigns`."""
    items: list[Any] = []
    for at in range(0, len(ids), MOST_IDS):
        said = _answer(
            await _get(
                http,
                fields,
                token,
                "statistics/ad_plans/day.json",
                {
                    "id": ",".join(ids[at : at + MOST_IDS]),
                    "date_from": first.isoformat(),
                    "date_to": last.isoformat(),
                    "metrics": "base",
                },
            )
        )
        found = said.get("items") if isinstance(said, dict) else None
        if not isinstance(found, list):
            raise Rejected("VK Ads answered something else than statistics")
        items += found
    return msgspec.json.encode({"items": items})


async def _get(
    http: aiohttp.ClientSession,
    account: Mapping[str, str],
    token: str,
    what: str,
    query: Mapping[str, str],
) -> Reply:
    return await exchange(
        http,
        "GET",
        f"{_base(account)}/api/v2/{what}",
        timeout=TIMEOUT_S,
        params=query,
        headers={"Authorization": f"Bearer {token}"},
    )


def _answer(reply: Reply) -> Any:
    if reply.status == 401:
        raise TokenGone(
            f"VK Ads does not let us in: {_words(reply)}. Look at client_id and client_secret."
        )
    if reply.status == 403:
        raise AccountBroken(
            f"VK Ads does not let us in: {_words(reply)}. Look at client_id and client_secret."
        )
    if reply.status == 429:
        raise Throttled(f"VK Ads asks us to wait: {_words(reply)}", retry_after=_retry_after(reply))
    if reply.status >= 500:
        raise Unreachable(f"VK Ads is out of order: {_words(reply)}")
    if reply.status != 200:
        raise Rejected(f"VK Ads refuses: {_words(reply)}")
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("VK Ads answered something else than JSON") from error


def _retry_after(reply: Reply) -> float:
    asked = reply.headers.get("Retry-After", "")
    return min(max(float(asked), 1.0), LONGEST_WAIT_S) if asked.isdecimal() else RETRY_S


def _words(reply: Reply) -> str:
    try:
        said = msgspec.json.decode(reply.body)
        error = said.get("error", said)
        if isinstance(error, dict):
            found = error.get("message") or error.get("error_description") or error.get("code")
        else:
            found = said.get("error_description") or error
        return " ".join(str(found or "").split())[:300] or "no reason given"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
        return "no reason given"


def _base(fields: Mapping[str, str]) -> str:
    return (fields.get("api_base") or API_BASE).rstrip("/")
