"""/contacts/{id}/merge and its preview: two contacts that are one person, and two after all."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from inbox.api.contacts import Contact, living_contact, living_id
from inbox.api.endpoints import Answer, Api, Call, Endpoint, Nothing, ShortText
from inbox.api.problems import not_found, refused
from storage.reading.contact_merges import live_merge
from storage.reading.contacts import resolve
from storage.reading.merging import merge_preview


class MergeWish(Struct, frozen=True, kw_only=True):
    """`contact_id` is the other one. The older of the two survives.

    `keep`: whose `name`, `manager_id` and `fields.<key>` the one contact has; what is not named is the survivor's, or the
    other's where the survivor has none. /merge-preview says where they disagree.
    """

    contact_id: UUID
    reason: ShortText = ""
    keep: dict[Annotated[str, Meta(max_length=120)], UUID] = {}  # msgspec copies it


class Merged(Struct, frozen=True, kw_only=True):
    merge_id: UUID
    contact: Contact


class PreviewQuery(Struct, frozen=True, kw_only=True, rename={"other": "with"}):
    other: Annotated[UUID, Meta(description="The other contact.")]


class MergedLeads(Struct, frozen=True, kw_only=True):
    """Of two open leads of one pipeline the older stays open."""

    kept_id: UUID
    closed_id: UUID


class Disagreement(Struct, frozen=True, kw_only=True):
    """`what` as a key of `keep`. The survivor's stands unless chosen otherwise."""

    what: str
    survivors: str
    others: str


class MergePreview(Struct, frozen=True, kw_only=True):
    """What would become of the two. `moves`: how many of each kind become the survivor's."""

    survivor_id: UUID
    absorbed_id: UUID
    moves: dict[str, int]
    leads: list[MergedLeads]
    disagreements: list[Disagreement]
    told_apart: Annotated[bool, Meta(description="Somebody has said before that they are two.")]


class UnmergeWish(Struct, frozen=True, kw_only=True):
    """Without `merge_id`: the latest merge this contact had a part in."""

    merge_id: UUID | None = None


class Unmerged(Struct, frozen=True, kw_only=True):
    """`restored` is there again, with what was its own."""

    contact: Contact
    restored: Contact


async def show_merge_preview(api: Api, call: Call[PreviewQuery, Nothing]) -> Answer:
    one, other = await living_id(api, call.id), await living_id(api, call.query.other)
    async with api.engine.connect() as connection:
        preview = await merge_preview(connection, one, other)
    if preview is None:
        raise refused("These are one contact already, or one of them was erased.")
    return Answer(
        body=MergePreview(
            survivor_id=preview.survivor.id,
            absorbed_id=preview.absorbed.id,
            moves=dict(preview.moves),
            leads=[
                MergedLeads(kept_id=each.kept_id, closed_id=each.closed_id)
                for each in preview.leads
            ],
            disagreements=[
                Disagreement(what=each.what, survivors=each.ours, others=each.theirs)
                for each in preview.disagreements
            ],
            told_apart=preview.told_apart,
        )
    )


async def merge_contact(api: Api, call: Call[Nothing, MergeWish]) -> Answer:
    one, other = await living_id(api, call.id), await living_id(api, call.body.contact_id)
    if one == other:
        raise refused("These are one contact already.")
    merge = await api.desk.merge(one, other, by=None, reason=call.body.reason, keep=call.body.keep)
    async with api.engine.connect() as connection:
        contact = await living_contact(connection, one)
    return Answer(body=Merged(merge_id=merge, contact=contact))


async def unmerge_contact(api: Api, call: Call[Nothing, UnmergeWish]) -> Answer:
    async with api.engine.connect() as connection:
        if await resolve(connection, call.id) is None:
            raise not_found("contact")
        merge = await live_merge(connection, call.id, merge_id=call.body.merge_id)
    if merge is None:
        raise refused("There is no merge of this contact to take back.")
    restored = await api.desk.unmerge(merge.id, by=None)
    async with api.engine.connect() as connection:
        return Answer(
            body=Unmerged(
                contact=await living_contact(connection, merge.survivor_id),
                restored=await living_contact(connection, restored),
            )
        )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/contacts/{id}/merge-preview",
        tag="Contacts",
        summary="What would move if two were one person",
        scope="read",
        handler=show_merge_preview,
        query=PreviewQuery,
        what="contact",
        refuses=True,
        answers=MergePreview,
    ),
    Endpoint(
        method="POST",
        path="/contacts/{id}/merge",
        tag="Contacts",
        summary="These two are one person",
        scope="write",
        handler=merge_contact,
        body=MergeWish,
        what="contact",
        refuses=True,
        answers=Merged,
    ),
    Endpoint(
        method="POST",
        path="/contacts/{id}/unmerge",
        tag="Contacts",
        summary="They are two after all",
        scope="write",
        handler=unmerge_contact,
        body=UnmergeWish,
        what="contact",
        refuses=True,
        answers=Unmerged,
    ),
)
