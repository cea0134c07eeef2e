"""/fields: what the business wants to know of its contacts and leads."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from inbox.api.endpoints import Answer, Api, Call, Endpoint, Nothing
from storage.reading.fields import list_fields


class Field(Struct, frozen=True, kw_only=True):
    """The answers are in a contact's or a lead's `fields`, by `key`, as text: 2026-11-30, yes, 18.4."""

    id: UUID
    key: str
    name: str
    kind: Annotated[str, Meta(description="text, number, date, choice, yes_no or link.")]
    choices: list[str]


class Fields(Struct, frozen=True, kw_only=True):
    items: list[Field]


class FieldsQuery(Struct, frozen=True, kw_only=True):
    of: Literal["contact", "lead"] = "contact"


async def list_all_fields(api: Api, call: Call[FieldsQuery, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        rows = await list_fields(connection, of=call.query.of)
    return Answer(
        body=Fields(
            items=[
                Field(
                    id=row.id,
                    key=row.key,
                    name=row.name,
                    kind=row.kind,
                    choices=list(row.choices),
                )
                for row in rows
            ]
        )
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/fields",
        tag="Contacts",
        summary="What is asked of contacts or leads, in its order",
        scope="read",
        handler=list_all_fields,
        query=FieldsQuery,
        answers=Fields,
    ),
)
