"""What the panel beside a conversation says about the person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.formats import Formats
from inbox.languages import Language
from inbox.reasons import merged_because, suggested_because
from inbox.visit import Visit
from router.callbacks import attempts, last_attempt
from storage.reading.contacts import (
    ClaimRow,
    ContactRow,
    MergeRow,
    claims_of,
    contact_by_id,
    merges_of,
    resolve,
)
from storage.reading.leads import LeadRow, leads_of
from storage.reading.pipelines import StageRow, list_pipelines
from storage.reading.suggestions import SuggestionRow, suggestions_of
from storage.reading.tasks import TaskRow, open_tasks_of
from storage.reading.touches import TouchRow, touches_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """Probably the same person."""

    row: SuggestionRow
    other_id: UUID
    other_name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One place on the way to us."""

    at: datetime
    source: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """A number, address or account of the person. `proof`: proved, claimed or shared; `how` it became known."""

    kind: str
    value: str
    proof: Literal["proved", "claimed", "shared"]
    how: str = ""
    proved_by: UUID | None = None
    """Somebody else, who has proved it."""
    proved_by_name: str = ""
    number: str = ""
    """The digits to call, of a telephone number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTask:
    """`words`: what to do; `more`: what else is known of it; `late`: it should have been done by now."""

    row: TaskRow
    words: str
    more: str
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMerge:
    row: MergeRow
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    contact: ContactRow
    keys: Sequence[ShownKey]
    merges: Sequence[ShownMerge]
    suggestions: Sequence[Suggested]
    lead: LeadRow | None
    """The open one."""
    stages: Sequence[StageRow]
    earlier_leads: Sequence[LeadRow]
    chain: Sequence[Link]
    tasks: Sequence[ShownTask]
    can_be_called: bool
    """Whether a button can ring their numbers."""


async def person_of(visit: Visit, connection: AsyncConnection, contact_id: UUID) -> Person:
    living = await resolve(connection, contact_id)
    contact = await contact_by_id(connection, living) if living else None
    if contact is None:
        raise web.HTTPNotFound
    leads = await leads_of(connection, contact.id)
    lead = leads[0] if leads and leads[0].status == "open" else None
    return Person(
        contact=contact,
        keys=_keys(contact, await claims_of(connection, contact.id), spoken=visit.language),
        merges=[
            ShownMerge(row=each, because=merged_because(each.reason, spoken=visit.language))
            for each in await merges_of(connection, contact.id)
            if not each.undone_at
        ],
        suggestions=[
            _suggested(each, contact.id, spoken=visit.language)
            for each in await suggestions_of(connection, contact.id)
        ],
        lead=lead,
        stages=await stages_of(connection, lead.pipeline_id) if lead else (),
        earlier_leads=[each for each in leads if each is not lead],
        chain=_chain(await touches_of(connection, contact.id), formats=visit.formats),
        tasks=[
            shown_task(each, visit=visit) for each in await open_tasks_of(connection, contact.id)
        ],
        can_be_called=visit.around.telephone.lines(),
    )


def shown_task(row: TaskRow, *, visit: Visit) -> ShownTask:
    words, more = row.text, ""
    if row.kind == "callback":
        words, tried = visit._("Call back"), attempts(row.details)
        last = last_attempt(row.details)
        if last is not None:
            said = visit.language.n(
                "{n} missed call, {when}", "{n} missed calls, the last {when}", tried
            )
            more = said.format(n=tried, when=visit.formats.moment(last))
        else:
            words = row.text
    return ShownTask(row=row, words=words, more=more, late=row.due_at < visit.now)


async def stages_of(connection: AsyncConnection, pipeline_id: UUID) -> tuple[StageRow, ...]:
    found = (each.stages for each in await list_pipelines(connection) if each.id == pipeline_id)
    return next(found, ())


def _keys(
    contact: ContactRow, claims: Sequence[ClaimRow], *, spoken: Language
) -> Sequence[ShownKey]:
    """Each once: a mail's sender that nobody vouched for is kept both as a key of its own kind and as a claim."""
    found: dict[tuple[str, str], ShownKey] = {}
    for key in contact.identities:
        kind = key.kind.removesuffix("_unverified")
        proof: Literal["proved", "claimed", "shared"] = (
            "shared" if key.shared else "proved" if key.proved and kind == key.kind else "claimed"
        )
        found[kind, key.value] = ShownKey(
            kind=kind,
            value=key.display or key.value,
            proof=proof,
            how=spoken.sentence(key.how),
            number=_number(kind, key.value),
        )
    for claim in claims:
        known = found.get((claim.kind, claim.value))
        if known is None or (claim.proved_by and known.proof == "claimed"):
            found[claim.kind, claim.value] = ShownKey(
                kind=claim.kind,
                value=claim.display or claim.value,
                proof="claimed",
                how=known.how if known else "",
                proved_by=claim.proved_by,
                proved_by_name=claim.proved_by_name,
                number=_number(claim.kind, claim.value),
            )
    return list(found.values())


def _number(kind: str, value: str) -> str:
    digits = value.removeprefix("+")
    return digits if kind == "phone" and digits.isdecimal() else ""


def _suggested(row: SuggestionRow, contact_id: UUID, *, spoken: Language) -> Suggested:
    other_id, other_name = row.other(contact_id)
    return Suggested(
        row=row,
        other_id=other_id,
        other_name=other_name,
        reasons=tuple(suggested_because(_reason(each), spoken=spoken) for each in row.reasons),
    )


def _reason(reason: Any) -> str:
    if isinstance(reason, dict):
        return str(reason.get("text") or reason.get("reason") or next(iter(reason.values()), ""))
    return str(reason)


def _chain(touches: Sequence[TouchRow], *, formats: Formats) -> list[Link]:
    """First touch → last touch; those between are shown too, the same place twice in a row once."""
    _ = formats.language._
    shown: list[TouchRow] = []
    for each in touches:
        if not shown or (each.source, each.campaign) != (shown[-1].source, shown[-1].campaign):
            shown.append(each)
    links: list[Link] = []
    for place, each in enumerate(shown):
        said = [each.campaign, f"«{each.term}»" if each.term else "", each.landing]
        if len(shown) > 1 and place in {0, len(shown) - 1}:
            said.insert(0, _("First touch") if place == 0 else _("Last touch"))
        links.append(
            Link(
                at=each.at,
                source=each.source or _("Direct"),
                words=" · ".join(word for word in said if word),
            )
        )
    return links
