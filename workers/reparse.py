"""`allo reparse`: the raw payloads of a channel, read again by a parser that was mended, and what follows from it.

    page of kept events ─▶ reread ─▶ judged, event by event (router.rereading) ─┬▶ corrected in place, and told
                                                                                ├▶ its key given back, and published
                                                                                └▶ published: it was never known

An event that is new to us goes the way of all events, through the broker to the router, and is new there because its key
is. Its key is given back and the event is published inside one transaction that commits last: dying between the two leaves
the key where it was, and the router then knows the event as a repeat. So stopping anywhere loses nothing, and going
over the same again changes nothing.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.connector import Account, Media, Reread
from connectors.errors import ReceiveError
from router import wire
from router.ids import new_id
from router.message import Accepted, Event, InboundMessage, MessageEdited
from router.rereading import corrected, judge, missing_files, words_of
from storage.engine import transaction
from storage.reparsing import (
    Correction,
    Kept,
    Place,
    as_stored,
    correct,
    kept_events,
    known_keys,
    messages_named,
    release,
)
from workers.broker import Broker, Publication
from workers.clock import Clock
from workers.edge import without_content
from workers.topology import shard

BATCH: Final = 200
"""Events read together; the raw of one is at most 32 KB in the row, and larger ones are fetched one at a time."""

WINDOW: Final = timedelta(hours=1)
"""Of time, looked through at once to begin with."""

SHORTEST_WINDOW: Final = timedelta(seconds=1)
LONGEST_WINDOW: Final = timedelta(days=30)


@dataclass(slots=True, kw_only=True)
class Counts:
    """How many events came to what."""

    read: int = 0
    unchanged: int = 0
    corrected: int = 0
    """Stored messages that say something else now."""
    again: int = 0
    """Events that are no longer what they were taken for, told again as new."""
    new: int = 0
    """Events that the same payloads did not yield before."""
    left: int = 0
    """They read differently now, and what they became must not be touched: edited, deleted, or of another sort."""
    unreadable: int = 0
    gone: int = 0
    """Without a raw payload: forgotten by retention, or never kept."""


@dataclass(slots=True)
class _Findings:
    """What a page comes to."""

    corrections: list[tuple[Kept, Event]] = field(default_factory=list)
    again: list[tuple[Kept, Event]] = field(default_factory=list)
    new: list[tuple[Kept, Event]] = field(default_factory=list)
    """With the kept event that the same payload yielded before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reparser:
    """`accounts` are of one kind, `reread` is its channel's."""

    engine: AsyncEngine
    broker: Broker
    media: Media
    reread: Reread
    accounts: Mapping[UUID, Account]
    now: Clock

    async def run(
        self,
        *,
        since: datetime,
        dry_run: bool = False,
        progress: Callable[[datetime, Counts], None] | None = None,
    ) -> Counts:
        """Goes over what came from `since` until now. `dry_run` counts what would be done and does nothing.

        `progress` is told the moment up to which everything is done. Raises BrokerDown, MediaUnavailable.
        """
        counts = Counts()
        told: set[tuple[UUID, str]] = set()
        async for page in self._pages(since, self.now()):
            findings = await self._look_at(page, counts, told)
            if not dry_run:
                await self._mend(findings)
            counts.corrected += len(findings.corrections)
            counts.again += len(findings.again)
            counts.new += len(findings.new)
            if progress is not None:
                progress(page[-1].received_at, counts)
        return counts

    async def _pages(self, since: datetime, until: datetime) -> AsyncGenerator[list[Kept]]:
        after, window = Place(at=since), WINDOW
        while after.at < until:
            end = min(after.at + window, until)
            async with self.engine.connect() as connection:
                page = await kept_events(
                    connection, list(self.accounts), after=after, until=end, limit=BATCH
                )
            if len(page) < BATCH:
                # The window is empty now; the next one may be wider.
                after, window = Place(at=end), min(window * 2, LONGEST_WINDOW)
            else:
                page = _whole(page)
                after, window = page[-1].place, max(window / 2, SHORTEST_WINDOW)
            if page:
                yield page

    async def _look_at(
        self, page: Sequence[Kept], counts: Counts, told: set[tuple[UUID, str]]
    ) -> _Findings:
        """Reads each payload once, and judges what it says beside what it said then."""
        findings = _Findings()
        pairs: list[tuple[Kept, Event]] = []
        strangers: list[tuple[Kept, Event]] = []
        for (_, account_id), together in groupby(
            page, lambda each: (each.received_at, each.account)
        ):
            for payload, yielded in await self._payloads(list(together), counts):
                events = self._read(self.accounts[account_id], payload, yielded[0].received_at)
                if events is None:
                    counts.unreadable += len(yielded)
                    continue
                paired, unpaired, more = await self._pair(yielded, events)
                pairs += paired
                strangers += more
                lost = sum(each.message is not None for each in unpaired)
                counts.left += lost
                counts.unchanged += len(unpaired) - lost
        await self._judge(pairs, findings, counts)
        for kept, event in strangers:
            if (kept.account, event.key) not in told:
                told.add((kept.account, event.key))
                findings.new.append((kept, event))
        return findings

    async def _payloads(
        self, together: Sequence[Kept], counts: Counts
    ) -> list[tuple[bytes, list[Kept]]]:
        """The payloads of events that came at one moment, each with the events that it yielded."""
        by_payload: dict[bytes | str, list[Kept]] = {}
        for each in together:
            counts.read += 1
            if each.raw is None and not each.raw_ref:
                counts.gone += 1
            else:
                by_payload.setdefault(each.raw_ref if each.raw is None else each.raw, []).append(
                    each
                )
        payloads = []
        for name, yielded in by_payload.items():
            try:
                payload = name if isinstance(name, bytes) else await self.media.get(name)
            except KeyError:
                counts.gone += len(yielded)
                continue
            payloads.append((payload, yielded))
        return payloads

    def _read(
        self, account: Account, payload: bytes, received_at: datetime
    ) -> dict[str, Event] | None:
        """The events in it now, by key."""
        try:
            received = self.reread(account, payload, received_at)
        except ReceiveError:
            return None
        if received is None:
            return None
        return {each.event.key: _as_kept(each.event) for each in received.incoming}

    async def _pair(
        self, yielded: Sequence[Kept], events: Mapping[str, Event]
    ) -> tuple[list[tuple[Kept, Event]], list[Kept], list[tuple[Kept, Event]]]:
        """(what is the same event, what has none any more, events that nobody knew)."""
        pairs = [(each, events[each.key]) for each in yielded if each.key in events]
        unpaired = [each for each in yielded if each.key not in events]
        account = yielded[0].account
        strange = events.keys() - {each.key for each in yielded}
        if strange:
            async with self.engine.connect() as connection:
                known = await known_keys(connection, [(account, key) for key in strange])
            strange -= {key for _, key in known}
        if not unpaired:
            return pairs, [], [(yielded[0], events[key]) for key in events if key in strange]
        if len(unpaired) == len(strange) == 1:
            # Some keys are made of what the event says (email): read otherwise, the same event has another one.
            return [*pairs, (unpaired[0], events[strange.pop()])], [], []
        # Which of them is which cannot be told, and to tell one as new might double it.
        return pairs, unpaired, []

    async def _judge(
        self, pairs: Sequence[tuple[Kept, Event]], findings: _Findings, counts: Counts
    ) -> None:
        edits = {
            (kept.account, event.external_id)
            for kept, event in pairs
            if isinstance(event, MessageEdited)
        }
        async with self.engine.connect() as connection:
            edited = await messages_named(connection, edits)
        for kept, event in pairs:
            verdict = judge(
                event,
                came_as=kept.kind,
                outcome=kept.outcome,
                stored=kept.message,
                edits=edited.get((kept.account, event.external_id))
                if isinstance(event, MessageEdited)
                else None,
            )
            match verdict:
                case "corrected":
                    findings.corrections.append((kept, event))
                case "again":
                    findings.again.append((kept, event))
                case "left":
                    counts.left += 1
                case "unchanged":
                    counts.unchanged += 1

    async def _mend(self, findings: _Findings) -> None:
        corrections = [await self._correction(*each) for each in findings.corrections]
        if corrections:
            async with transaction(self.engine) as connection:
                await correct(connection, corrections, now=self.now())
        coming = [
            (kept, await without_content(event, self.media)) for kept, event in findings.again
        ]
        new = [(kept, await without_content(event, self.media)) for kept, event in findings.new]
        if not coming and not new:
            return
        async with transaction(self.engine) as connection:
            released = await release(connection, [kept for kept, _ in coming])
            new += [(kept, event) for kept, event in coming if kept.id in released]
            # In the order in which they came.
            new.sort(key=lambda each: (each[0].received_at, each[1].at))
            await self.broker.publish([self._publication(kept, event) for kept, event in new])

    async def _correction(self, kept: Kept, event: Event) -> Correction:
        said, stored = words_of(event), kept.message
        assert said is not None  # noqa: S101  # judged to be a message
        assert stored is not None  # noqa: S101  # judged to be stored
        wanting = missing_files(event, stored.files)
        if isinstance(event, InboundMessage):
            carried = await without_content(replace(event, attachments=wanting), self.media)
            wanting = carried.attachments if isinstance(carried, InboundMessage) else ()
        return Correction(message=stored.id, words=corrected(stored.words, said), files=wanting)

    def _publication(self, kept: Kept, event: Event) -> Publication:
        accepted = Accepted(
            id=new_id(),
            account=kept.account,
            channel=self.accounts[kept.account].kind,
            received_at=kept.received_at,
            event=event,
            raw=kept.raw,
            raw_ref=kept.raw_ref,
        )
        return Publication(
            queue=shard(kept.account, event.order_by), body=wire.encode_events([accepted])
        )


def _whole(page: list[Kept]) -> list[Kept]:
    """Without the last moment's events, of which more may follow: one payload's events come at one moment."""
    last = page[-1].received_at
    before = [each for each in page if each.received_at != last]
    return before or page


def _as_kept(event: Event) -> Event:
    """Its details as the database gives them back, so that both can be compared."""
    if isinstance(event, InboundMessage):
        return replace(event, details=as_stored(event.details))
    return event
