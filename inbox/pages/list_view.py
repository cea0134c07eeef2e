"""The list as it is shown: its rows and what is said beside each, the tabs' counts, and what narrows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.at_once import at_once
from inbox.list_wish import ListWish, saved_wish
from inbox.pages.at_hand import AtHand, at_hand_of
from inbox.pages.conversation_view import snoozes
from inbox.rendering import channel_label, word
from inbox.visit import Visit
from storage.drafts import drafts_of
from storage.reading.colleagues import AccountRow, TeamRow, UserRow, list_accounts
from storage.reading.conversation_counts import TabCounts, count_tabs, unseen_mentions
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import (
    count_accounts,
    count_each,
    count_teams,
    list_conversations,
)
from storage.reading.list_choices import known_sources
from storage.reading.paging import BadCursor
from storage.reading.search_reasons import explained
from storage.saved_views import list_views


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One thing that narrows the list, and the list without it."""

    name: str
    href: str
    label: str = ""
    """Of a label: shown in its colour."""


async def list_of(visit: Visit, wish: ListWish, *, at_hand: AtHand | None = None) -> dict[str, Any]:
    """What `parts/list.html` and `parts/views.html` show; called without holding a connection."""

    async def rows(connection: AsyncConnection) -> dict[str, Any]:
        try:
            page = await list_conversations(
                connection, wish.filter, sight=visit.sight, sort=wish.sort, cursor=wish.cursor
            )
        except BadCursor:
            page = await list_conversations(
                connection, wish.filter, sight=visit.sight, sort=wish.sort
            )
        beside = await beside_rows(visit, connection, page.items, wish, instead=page.instead)
        return {"page": page, **beside}

    async def around(connection: AsyncConnection) -> dict[str, Any]:
        counts = await count_tabs(connection, me=visit.me, sight=visit.sight)
        hand = at_hand or await at_hand_of(visit, connection)
        accounts = await list_accounts(connection)
        return {
            "counts": shown_counts(counts),
            "rail_unread": counts.mine_unread,
            "accounts": accounts,
            "colleagues": hand.colleagues,
            "teams": hand.teams,
            "labels": hand.labels,
            "sources": visit.house.sources.choices(
                visit.language, await known_sources(connection, sight=visit.sight)
            ),
            "views": [
                (each, saved_wish(each.query, me=visit.me))
                for each in await list_views(connection, user_id=visit.me)
            ],
            "chips": chips_of(
                visit, wish, accounts=accounts, colleagues=hand.colleagues, teams=hand.teams
            ),
        }

    listed, narrowing = await at_once(visit.around.engine, rows, around)
    return {"wish": wish, "snoozes": snoozes(visit), **listed, **narrowing}


async def beside_rows(
    visit: Visit,
    connection: AsyncConnection,
    rows: Sequence[ConversationRow],
    wish: ListWish,
    *,
    instead: Sequence[str] = (),
) -> dict[str, Any]:
    """My drafts, where I was named, and why a search found it."""
    ids = [row.id for row in rows]
    return {
        "drafts": await drafts_of(connection, user_id=visit.me, conversation_ids=ids),
        "named": await unseen_mentions(connection, me=visit.me, ids=ids),
        "reasons": (
            await explained(connection, wish.filter.q, rows, instead=instead)
            if wish.filter.q
            else {}
        ),
    }


def shown_counts(counts: TabCounts) -> dict[str, str]:
    return {
        "mine": counts.shown(counts.mine),
        "unassigned": counts.shown(counts.unassigned),
        "all": counts.shown(counts.all),
        "mentions": counts.shown(counts.mentions),
        "failed": counts.shown(counts.failed),
    }


async def counted_views(visit: Visit, connection: AsyncConnection) -> Mapping[str, str]:
    """By what the pane calls each entry. A search is not counted: it would be made anew for a number."""
    wish = saved_wish("", me=visit.me)
    asked: dict[str, ListWish] = {
        name: saved_wish(wish.only(**filters).partition("?")[2], me=visit.me)
        for name, filters in _STANDING.items()
    }
    for view in await list_views(connection, user_id=visit.me):
        asked[f"view-{view.id}"] = saved_wish(view.query, me=visit.me)
    sight = visit.sight
    counted = await count_each(
        connection,
        {name: each.filter for name, each in asked.items() if not each.filter.q},
        sight=sight,
    )
    counted |= {
        f"account-{id_}": count
        for id_, count in (await count_accounts(connection, sight=sight)).items()
    }
    counted |= {
        f"team-{id_}": count for id_, count in (await count_teams(connection, sight=sight)).items()
    }
    return {name: TabCounts.shown(count) for name, count in counted.items()}


_STANDING: Mapping[str, Mapping[str, object]] = {
    "open": {},
    "waiting": {"waiting": True},
    "snoozed": {"statuses": "snoozed"},
    "failed": {"failed": True},
    "spam": {"statuses": "spam"},
}


def chips_of(
    visit: Visit,
    wish: ListWish,
    *,
    accounts: Sequence[AccountRow],
    colleagues: Sequence[UserRow],
    teams: Sequence[TeamRow],
) -> list[Chip]:
    _ = visit._
    filters = wish.filter
    kinds = {each.slug: channel_label(visit.language, each.kind) for each in accounts}
    names = {str(each.id): each.name or each.email for each in colleagues}
    queues = {str(each.id): each.name for each in teams}
    words: dict[str, Callable[[str], str]] = {
        "status": lambda key: (
            _("Any status") if key == "any" else word(visit.language, "status", key)
        ),
        "channel": lambda kind: channel_label(visit.language, kind),
        "account": lambda slug: f"{kinds[slug]} · {slug}" if slug in kinds else slug,
        "team": lambda id_: queues.get(id_, _("Team")),
        "manager": lambda id_: _("Nobody's") if filters.nobody else names.get(id_, _("Manager")),
        "label": lambda label: _("Label: {label}").format(label=label),
        "source": lambda key: _("Source: {source}").format(
            source=visit.house.sources.of_key(visit.language, key)
        ),
        "unread": lambda _one: _("Unread"),
        "waiting": lambda _one: _("Waiting for us"),
        "failed": lambda _one: _("Not sent"),
        "q": lambda q: (_("Exactly “{q}”") if filters.exact else _("“{q}”")).format(q=q),
    }
    return [
        Chip(
            name=words[field](value),
            href=wish.href(**dict.fromkeys(("q", "exact") if field == "q" else (field,))),
            label=value if field == "label" else "",
        )
        for field, value in wish.given
        if field in words
    ]
