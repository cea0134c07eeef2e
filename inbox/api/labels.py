"""/labels: what conversations can be labelled with. A conversation has the names."""

from uuid import UUID

from msgspec import Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, listed
from storage.reading.labels import LabelRow, list_labels
from storage.reading.paging import Page


class Label(Struct, frozen=True, kw_only=True):
    """`colour` is a name (red, amber, green, petrol, sky, violet, slate), empty for none."""

    id: UUID
    name: str
    colour: str
    position: int


def shown(row: LabelRow) -> Label:
    return Label(id=row.id, name=row.name, colour=row.colour, position=row.position)


async def list_all_labels(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        return listed(Page(items=tuple(await list_labels(connection))), shown)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/labels",
        tag="Directory",
        summary="Labels, in the order in which they are offered",
        scope="read",
        handler=list_all_labels,
        answers=ListOf[Label],
    ),
)
