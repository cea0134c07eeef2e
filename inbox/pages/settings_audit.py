"""The audit: who did what to what, when, from where, and what it was before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from connectors.registry import discover
from inbox.audit_words import (
    Change,
    Lookup,
    changes,
    day_of,
    done_words,
    kind_words,
    things_in,
    where_it_is,
)
from inbox.rights import Right
from inbox.uuids import uuid_or_none
from inbox.visit import Page, Visit, get
from storage.reading.audit_lines import (
    AuditFilter,
    AuditLine,
    currencies_of,
    field_names,
    kinds_of_objects,
    list_audit,
    names_of,
)
from storage.reading.colleagues import list_users
from storage.reading.paging import BadCursor

_FILTERS: Final = ("user", "kind", "object", "since", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`about` is what it was done to, `where` the page of that, "" when there is none."""

    line: AuditLine
    words: str
    kind: str
    about: str
    where: str
    changes: Sequence[Change]


async def audit(visit: Visit) -> web.Response:
    query = visit.request.query
    given = {name: query[name][:64] for name in _FILTERS if query.get(name)}
    until = day_of(given.get("until", ""), formats=visit.formats)
    wish = AuditFilter(
        user=uuid_or_none(given.get("user", "")),
        kind=given.get("kind", ""),
        object=uuid_or_none(given.get("object", "")),
        since=day_of(given.get("since", ""), formats=visit.formats),
        # The last day is shown whole.
        until=until + timedelta(days=1) if until else None,
    )
    async with visit.around.engine.connect() as connection:
        try:
            page = await list_audit(connection, wish, cursor=query.get("cursor", ""))
        except BadCursor as error:
            raise web.HTTPNotFound from error
        things = {
            (each.object_kind, each.object_id) for each in page.items if each.object_id is not None
        }
        for each in page.items:
            things.update(things_in(each.before, each.after))
        names = await names_of(connection, things)
        currencies = await currencies_of(connection, things)
        fields = await field_names(connection)
        users = await list_users(connection)
        kinds = await kinds_of_objects(connection)
    formats = visit.formats
    fields = _of_channels(visit) | fields
    return visit.page(
        "settings/audit.html",
        lines=[
            Shown(
                line=each,
                words=done_words(each.what, formats=formats),
                kind=kind_words(each.object_kind, formats=formats),
                about=names.get(each.object_id, "") if each.object_id else "",
                where=where_it_is(
                    each.object_kind,
                    each.object_id,
                    names.get(each.object_id, "") if each.object_id else "",
                ),
                changes=changes(
                    each.what,
                    each.object_kind,
                    each.before,
                    each.after,
                    known=Lookup(
                        formats=formats,
                        names=names,
                        fields=fields,
                        currency=currencies.get(each.object_id, "") if each.object_id else "",
                    ),
                ),
            )
            for each in page.items
        ],
        more=urlencode({**given, "cursor": page.next_cursor}) if page.next_cursor else "",
        given={name: given.get(name, "") for name in _FILTERS},
        narrowed=bool(given),
        only=names.get(wish.object, "") if wish.object else "",
        users=users,
        kinds=[(each, kind_words(each, formats=formats)) for each in kinds],
    )


def _of_channels(visit: Visit) -> dict[str, str]:
    """What the settings of channels are called, by their keys."""
    return {
        each.name: visit.language.channel_words(each.label)
        for connector in discover().values()
        for each in connector.fields
    }


PAGES: Final[Sequence[Page]] = (get("/settings/audit", audit, Right.READ_AUDIT),)
