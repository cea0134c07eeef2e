"""/views: the saved views everybody has, as filters for /conversations."""

from uuid import UUID

from msgspec import Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, listed
from storage.reading.paging import Page
from storage.saved_views import SavedView, list_views


class View(Struct, frozen=True, kw_only=True):
    """`query` is the list's address: what stands behind `/?`."""

    id: UUID
    name: str
    query: str


def shown(view: SavedView) -> View:
    return View(id=view.id, name=view.name, query=view.query)


async def list_shared_views(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        found = await list_views(connection, user_id=None)
    return listed(Page(items=tuple(found)), shown)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/views",
        tag="Conversations",
        summary="The saved views of the conversations list that everybody has",
        scope="read",
        handler=list_shared_views,
        answers=ListOf[View],
    ),
)
