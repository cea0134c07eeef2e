"""What the panel beside a conversation says about the person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.formats import Formats
from inbox.languages import Language
from inbox.pages.shown_fields import ShownField, shown_fields
from inbox.reasons import merged_because, suggested_because
from inbox.visit import Visit
from router.callbacks import attempts, last_attempt
from storage.reading.colleagues import UserRow
from storage.reading.contact_files import ContactFileRow, files_of_contact
from storage.reading.contact_keys import ClaimRow, claims_of
from storage.reading.contact_merges import MergeRow, merges_of
from storage.reading.contact_rows import ContactRow
from storage.reading.contacts import contact_by_id, resolve
from storage.reading.conversation_rows import ConversationRow
from storage.reading.conversations import STATUSES, ConversationFilter, list_conversations
from storage.reading.fields import list_fields
from storage.reading.lead_rows import LeadRow
from storage.reading.leads import leads_of
from storage.reading.paging import Page
from storage.reading.pipelines import PipelineRow, StageRow, list_pipelines
from storage.reading.suggestions import SuggestionRow, suggestions_of
from storage.reading.tasks import TaskRow, open_tasks_of
from storage.reading.touches import TouchRow, touches_of

LOCALES: Final = (
    "ru",
    "en",
    "be",
    "uk",
    "kk",
    "uz",
    "ky",
    "tg",
    "hy",
    "az",
    "ka",
    "tr",
    "zh",
    "de",
)
SHARABLE: Final = ("phone", "email")
FIRST_FILES: Final = 6
MOST_TALKS: Final = 20


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
    copy: str = ""
    key_id: UUID | None = None
    """What may be an office's, or is: a proved phone number or address."""
    claim_id: UUID | None = None
    """What may be taken away: it was only claimed."""


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
    lost_reasons: Sequence[str]
    earlier_leads: Sequence[LeadRow]
    chain: Sequence[Link]
    tasks: Sequence[ShownTask]
    can_be_called: bool
    """Whether a button can ring their numbers."""
    fields: Sequence[ShownField]
    colleagues: Sequence[UserRow]
    talks: Sequence[ConversationRow]
    files: Page[ContactFileRow]
    languages: Sequence[tuple[str, str]]
    """(code, name) of those they may be written to in."""


async def person_of(
    visit: Visit, connection: AsyncConnection, contact_id: UUID, *, colleagues: Sequence[UserRow]
) -> Person:
    living = await resolve(connection, contact_id)
    contact = await contact_by_id(connection, living, sight=visit.sight) if living else None
    if contact is None:
        raise web.HTTPNotFound
    leads = await leads_of(connection, contact.id, sight=visit.sight)
    lead = leads[0] if leads and leads[0].status == "open" else None
    pipeline = await pipeline_of(connection, lead.pipeline_id) if lead else None
    return Person(
        contact=contact,
        keys=_keys(
            contact,
            await claims_of(connection, contact.id, sight=visit.sight),
            spoken=visit.language,
        ),
        merges=[
            ShownMerge(row=each, because=merged_because(each.reason, spoken=visit.language))
            for each in await merges_of(connection, contact.id)
            if not each.undone_at
        ],
        suggestions=[
            suggested(each, contact.id, spoken=visit.language)
            for each in await suggestions_of(connection, contact.id, sight=visit.sight)
        ],
        lead=lead,
        stages=pipeline.stages if pipeline else (),
        lost_reasons=pipeline.lost_reasons if pipeline else (),
        earlier_leads=[each for each in leads if each is not lead],
        chain=_chain(await touches_of(connection, contact.id), formats=visit.formats),
        tasks=[
            shown_task(each, visit=visit)
            for each in await open_tasks_of(connection, contact.id, sight=visit.sight)
        ],
        can_be_called=visit.around.telephone.lines() and contact.erased_at is None,
        fields=shown_fields(
            await list_fields(connection, of="contact"), contact.fields, formats=visit.formats
        ),
        colleagues=colleagues,
        talks=(
            await list_conversations(
                connection,
                ConversationFilter(contact=contact.id, statuses=STATUSES),
                limit=MOST_TALKS,
                sight=visit.sight,
            )
        ).items,
        files=await files_of_contact(connection, contact.id, sight=visit.sight, limit=FIRST_FILES),
        languages=_languages(contact.locale, formats=visit.formats),
    )


def _languages(own: str, *, formats: Formats) -> list[tuple[str, str]]:
    names = formats.language.locale.languages
    codes = dict.fromkeys((*LOCALES, *([own] if own else ())))
    return [(code, names.get(code.partition("-")[0], code)) for code in codes]


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


async def pipeline_of(connection: AsyncConnection, pipeline_id: UUID) -> PipelineRow | None:
    found = (each for each in await list_pipelines(connection) if each.id == pipeline_id)
    return next(found, None)


async def stages_of(connection: AsyncConnection, pipeline_id: UUID) -> tuple[StageRow, ...]:
    pipeline = await pipeline_of(connection, pipeline_id)
    return pipeline.stages if pipeline else ()


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
            copy="" if kind == "visitor" else key.display or key.value,
            key_id=key.id if kind == key.kind and kind in SHARABLE else None,
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
                copy=claim.display or claim.value,
                claim_id=claim.id,
            )
    return list(found.values())


def _number(kind: str, value: str) -> str:
    digits = value.removeprefix("+")
    return digits if kind == "phone" and digits.isdecimal() else ""


def suggested(row: SuggestionRow, contact_id: UUID, *, spoken: Language) -> Suggested:
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
