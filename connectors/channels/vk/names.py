"""What people are called: https://dev.vk.com/ru/method/users.get

Events carry ids only, and receiving waits for nobody; so names are asked for afterwards, of many people at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp

from connectors.channels.vk.method_calls import call
from connectors.channels.vk.people import person
from connectors.connector import Account
from router.clean_text import clean_line
from router.message import Sender

AT_ONCE: Final = 500
"""users.get takes a thousand; groups.getById five hundred."""

SECONDS: Final = 15.0


async def describe(
    account: Account, values: Sequence[str], http: aiohttp.ClientSession
) -> Mapping[str, Sender]:
    """By id; negative ones are communities, which may write too. Whom VK does not know is left out. Raises a SendError."""
    numbers = [int(each) for each in values[:AT_ONCE] if each.removeprefix("-").isdecimal()]
    found: dict[str, Sender] = {}
    people = [str(each) for each in numbers if each > 0]
    if people:
        asked = {"user_ids": ",".join(people), "fields": "screen_name"}
        for told in _rows(await call(account, http, "users.get", asked, timeout=SECONDS), ""):
            name = f"{told.get('first_name') or ''} {told.get('last_name') or ''}"
            _keep(found, told, 1, name)
    communities = [str(-each) for each in numbers if each < 0]
    if communities:
        asked = {"group_ids": ",".join(communities)}
        answer = await call(account, http, "groups.getById", asked, timeout=SECONDS)
        for told in _rows(answer, "groups"):
            _keep(found, told, -1, str(told.get("name") or ""))
    return found


def _rows(answer: Any, name: str) -> list[dict[str, Any]]:
    """Since 5.139 groups.getById wraps its list."""
    rows = answer.get(name) if isinstance(answer, dict) else answer
    return [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []


def _keep(found: dict[str, Sender], told: dict[str, Any], sign: int, name: str) -> None:
    number = told.get("id")
    if not isinstance(number, int):
        return
    username = told.get("screen_name")
    sender = person(
        sign * number,
        name=clean_line(name),
        username=clean_line(username, limit=64) if isinstance(username, str) else "",
    )
    if sender is not None and sender.name:
        found[str(sign * number)] = sender
