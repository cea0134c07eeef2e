"""What is looked up while one writes: colleagues to name, emoji."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from inbox.emoji_names import find_emoji, usual_emoji
from inbox.mentions import readers
from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Visit, get
from storage.reading.colleagues import list_teams, list_users
from storage.reading.sight import who_sees

MOST_NAMES: Final = 12
MOST_EMOJI: Final = 96


async def names(visit: Visit) -> web.Response:
    """Colleagues and teams whose name, or a word of it, begins with what was typed behind the @.

    Of those who have the conversation of the note in sight: to call somebody who finds a closed door helps nobody.
    """
    q = " ".join(visit.request.query.get("q", "").lower().split())[:80]
    async with visit.around.engine.connect() as connection:
        talk = uuid_or_none(visit.request.query.get("conversation", ""))
        seeing = await who_sees(connection, talk) if talk else None
        users = readers(await list_users(connection), seeing=seeing)
        teams = await list_teams(connection)
    able = {each.id for each in users}
    people = [each for each in users if each.id != visit.me and _begins(each.name, q)]
    groups = [
        each for each in teams if _begins(each.name, q) and able.intersection(each.member_ids)
    ]
    order = ("here", "away", "off")
    people.sort(key=lambda each: (order.index(each.presence), each.name))
    return visit.page(
        "parts/names.html", people=people[:MOST_NAMES], teams=groups[: MOST_NAMES // 2]
    )


def _begins(name: str, q: str) -> bool:
    lowered = name.lower()
    return lowered.startswith(q) or any(word.startswith(q) for word in lowered.split())


async def emoji(visit: Visit) -> web.Response:
    """Without a question the usual ones; with one those whose name, in Russian or English, has its words."""
    q = visit.request.query.get("q", "")[:80]
    shown = find_emoji(q, most=MOST_EMOJI) if q.strip() else usual_emoji()
    return visit.page("parts/emoji.html", shown=shown)


PAGES: Final[Sequence[Page]] = (
    get("/colleagues/names", names, Right.READ_MESSAGES),
    get("/emoji", emoji, Right.READ_MESSAGES),
)
