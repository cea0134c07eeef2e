"""/contacts: people, their keys, erasing.

An id of somebody who was merged into another answers with the other, with status 200 and their own id in the body: the
id still names the person, and a client that does not follow redirects (or drops its token on one) still gets them.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.email_addresses import normalise
from connectors.phone_numbers import e164
from inbox.api.endpoints import (
    Answer,
    Api,
    Call,
    Endpoint,
    ListOf,
    Nothing,
    Paged,
    Search,
    ShortText,
    listed,
)
from inbox.api.problems import bad_request, not_found
from router.field_answers import answered
from storage.reading.contact_rows import ContactRow
from storage.reading.contacts import ContactFilter, contact_by_id, list_contacts, resolve
from storage.reading.fields import list_fields
from storage.reading.sight import EVERYTHING


class Identity(Struct, frozen=True, kw_only=True):
    """A key: `proved` when the platform or a cryptographic check vouches for it; `shared` ones identify nobody."""

    kind: str
    value: str
    display: str
    proved: bool
    shared: bool
    how: str
    first_seen: datetime
    last_seen: datetime


class Contact(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    kind: str
    locale: str
    blocked: bool
    block_reason: str
    note: str
    fields: dict[str, Any]
    identities: list[Identity]
    manager_id: UUID | None
    created_at: datetime
    erased_at: datetime | None


def shown(row: ContactRow) -> Contact:
    return Contact(
        id=row.id,
        name=row.name,
        kind=row.kind,
        locale=row.locale,
        blocked=row.blocked,
        block_reason=row.block_reason,
        note=row.note,
        fields=row.fields,
        identities=[
            Identity(
                kind=each.kind,
                value=each.value,
                display=each.display,
                proved=each.proved,
                shared=each.shared,
                how=each.how,
                first_seen=each.first_seen,
                last_seen=each.last_seen,
            )
            for each in row.identities
        ],
        manager_id=row.manager_id,
        created_at=row.created_at,
        erased_at=row.erased_at,
    )


class ContactsQuery(Paged, frozen=True, kw_only=True):
    q: Annotated[
        Search, Meta(description="A part of the name, of a phone number or of an address.")
    ] = ""
    kind: Annotated[ShortText, Meta(description="With `value`: who has exactly this key.")] = ""
    value: ShortText = ""
    manager: UUID | None = None


class NewKey(Struct, frozen=True, kw_only=True):
    kind: Annotated[str, Meta(min_length=1, max_length=50)]
    value: Annotated[str, Meta(min_length=1, max_length=500)]


class NewContact(Struct, frozen=True, kw_only=True):
    """`identities` are taken as claimed: they are shown and suggest, and merge nobody. Phones are best in E.164; national
    ones are read as Russian.
    """

    name: Annotated[str, Meta(min_length=1, max_length=500)]
    identities: Annotated[list[NewKey], Meta(max_length=50)] = []  # msgspec copies it
    manager_id: UUID | None = None


class ContactChanges(Struct, frozen=True, kw_only=True):
    """What is not given stays. `fields` are merged key by key; null takes one away. What is given to one that was set up
    must be an answer of its kind (see /fields); every other is kept as it is.
    """

    name: Annotated[str, Meta(min_length=1, max_length=500)] | UnsetType = UNSET
    manager_id: UUID | UnsetType | None = UNSET
    fields: dict[Annotated[str, Meta(max_length=100)], Any] | UnsetType = UNSET
    blocked: bool | UnsetType = UNSET
    block_reason: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    note: Annotated[str, Meta(max_length=4000)] | UnsetType = UNSET
    locale: Annotated[str, Meta(max_length=35)] | UnsetType = UNSET


async def list_all_contacts(api: Api, call: Call[ContactsQuery, Nothing]) -> Answer:
    query = call.query
    if bool(query.kind) != bool(query.value):
        raise bad_request("invalid", "`kind` and `value` go together (query.kind, query.value).")
    wish = ContactFilter(q=query.q, kind=query.kind, value=query.value, manager=query.manager)
    async with api.engine.connect() as connection:
        page = await list_contacts(
            connection, wish, sight=EVERYTHING, cursor=query.cursor, limit=query.limit
        )
    return listed(page, shown)


async def create_contact(api: Api, call: Call[Nothing, NewContact]) -> Answer:
    new = call.body
    made = await api.desk.create_contact(
        by=None,
        name=new.name,
        keys=[(key.kind, normalised(key, number)) for number, key in enumerate(new.identities)],
        manager=new.manager_id,
    )
    async with api.engine.connect() as connection:
        contact = await living_contact(connection, made)
    return Answer(body=contact, headers={"Location": f"/api/v1/contacts/{made}"})


def normalised(key: NewKey, number: int) -> str:
    """As the channels write it, or it would never be recognised again."""
    match key.kind:
        case "phone":
            value = e164(key.value) or ""
        case "email":
            value = normalise(key.value)
        case _:
            value = key.value.strip()
    if not value:
        raise bad_request(
            "invalid",
            f"This is no {key.kind} that could be used (body.identities[{number}].value).",
        )
    return value


async def show_contact(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        return Answer(body=await living_contact(connection, call.id))


async def change_contact(api: Api, call: Call[Nothing, ContactChanges]) -> Answer:
    living = await living_id(api, call.id)
    wanted = call.body
    changes = {
        name: value
        for name in wanted.__struct_fields__
        if (value := getattr(wanted, name)) is not UNSET
    }
    if "fields" in changes:
        changes["fields"] = await _answers(api, changes["fields"])
    if changes:
        await api.desk.change_contact(living, changes, by=None)
    async with api.engine.connect() as connection:
        return Answer(body=await living_contact(connection, living))


async def _answers(api: Api, given: dict[str, Any]) -> dict[str, Any]:
    async with api.engine.connect() as connection:
        asked = {each.key: each for each in await list_fields(connection, of="contact")}
    return {
        key: value
        if value is None or key not in asked
        else answered(asked[key].kind, _as_written(value), choices=asked[key].choices) or None
        for key, value in given.items()
    }


def _as_written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


async def erase_contact(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.desk.erase_contact(await living_id(api, call.id), by=None)
    return Answer()


async def living_id(api: Api, id_: UUID) -> UUID:
    async with api.engine.connect() as connection:
        living = await resolve(connection, id_)
    if living is None:
        raise not_found("contact")
    return living


async def living_contact(connection: AsyncConnection, id_: UUID) -> Contact:
    living = await resolve(connection, id_)
    row = None if living is None else await contact_by_id(connection, living, sight=EVERYTHING)
    if row is None:
        raise not_found("contact")
    return shown(row)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/contacts",
        tag="Contacts",
        summary="People, the newest first",
        description="Those merged into somebody else are not listed.",
        scope="read",
        handler=list_all_contacts,
        query=ContactsQuery,
        answers=ListOf[Contact],
    ),
    Endpoint(
        method="POST",
        path="/contacts",
        tag="Contacts",
        summary="Add a person",
        scope="write",
        handler=create_contact,
        body=NewContact,
        status=201,
        refuses=True,
        answers=Contact,
    ),
    Endpoint(
        method="GET",
        path="/contacts/{id}",
        tag="Contacts",
        summary="One person",
        description="The id of somebody merged into another answers with the other.",
        scope="read",
        handler=show_contact,
        what="contact",
        answers=Contact,
    ),
    Endpoint(
        method="PATCH",
        path="/contacts/{id}",
        tag="Contacts",
        summary="Change a person",
        scope="write",
        handler=change_contact,
        body=ContactChanges,
        what="contact",
        refuses=True,
        answers=Contact,
    ),
    Endpoint(
        method="DELETE",
        path="/contacts/{id}",
        tag="Contacts",
        summary="Erase all personal data of a person, for good",
        scope="admin",
        handler=erase_contact,
        what="contact",
        refuses=True,
        answers=None,
        status=204,
    ),
)
