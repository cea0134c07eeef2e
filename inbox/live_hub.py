"""Tells every open page what has just changed.

    fact broadcast ──▶ LiveHub.run ──▶ one small queue per open page ──▶ /live (SSE) ──▶ the page fetches what it shows

A hint names things by id and says nothing about them: the page asks for the same fragment it would have been given on
loading, with the reader's rights checked again. Push is the hint; catching up (on every reconnect, and whenever we lost
count ourselves) is the guarantee. So a slow page loses hints and not messages: when its queue is full, it is told to
refresh instead.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Final
from uuid import UUID

import msgspec
import structlog

from inbox.attendance import Attendance
from router import facts, wire

log = structlog.get_logger()

QUEUE: Final = 200
"""Hints a page may be behind. At a hundred messages a second that is two seconds of a frozen tab."""

Listen = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]


class Hint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a page is told. `kind` is the fact's; `refresh` means: ask for everything since you last looked."""

    kind: str
    conversation: UUID | None = None
    message: UUID | None = None
    seq: int | None = None
    contact: UUID | None = None
    lead: UUID | None = None
    manager: UUID | None = None
    by: UUID | None = None
    what: str = ""
    """Of `company`: looks, writes, left."""


REFRESH: Final = Hint(kind="refresh")


class Page:
    """An open page's queue."""

    def __init__(self) -> None:
        self._hints: asyncio.Queue[Hint] = asyncio.Queue(QUEUE)
        self._ended = False

    def tell(self, hint: Hint) -> None:
        try:
            self._hints.put_nowait(hint)
        except asyncio.QueueFull:
            while not self._hints.empty():
                self._hints.get_nowait()
            self._hints.put_nowait(REFRESH)

    def end(self) -> None:
        self._ended = True
        self.tell(REFRESH)  # so that whoever waits looks up

    def is_over(self) -> bool:
        """The process stops: the stream ends, and the page comes to another, or comes again."""
        return self._ended

    async def next(self) -> Hint:
        return await self._hints.get()

    def waiting(self) -> list[Hint]:
        """Those already there, without waiting: they travel in one packet."""
        hints: list[Hint] = []
        while not self._hints.empty():
            hints.append(self._hints.get_nowait())
        return hints


class LiveHub:
    """One per process. `run` it for as long as pages are served."""

    def __init__(self, *, listen: Listen) -> None:
        self._listen = listen
        self._pages: set[Page] = set()
        self._closed = False
        self.company = Attendance()

    async def run(self) -> None:
        async with self._listen() as bodies:
            async for body in bodies:
                self.hear(body)

    def hear(self, body: bytes) -> None:
        if not body:
            # The broker lost its connection for a while: nobody knows what was said meanwhile.
            self._tell(REFRESH)
            return
        try:
            told = [wire.decode_fact(each) for each in wire.unpack_facts(body)]
        except wire.Undecodable as error:
            # Written by a newer process of a rolling update: what it means is unknown, that something changed is not.
            log.warning("fact_not_understood", error=str(error)[:200])
            self._tell(REFRESH)
            return
        for fact in told:
            self.hear_fact(fact)

    def hear_fact(self, fact: facts.Fact | None) -> None:
        """None: some may have been missed."""
        if isinstance(fact, facts.Looking) and not self.company.hear(fact):
            return
        if isinstance(fact, facts.MessageQueued) and fact.conversation and fact.by:
            self.company.stopped_writing(fact.conversation, fact.by, now=fact.at)
        hint = REFRESH if fact is None else hint_of(fact)
        if hint is not None:
            self._tell(hint)

    def close(self) -> None:
        """Ends every page's stream at once: a process that stops does not wait for their next heartbeat."""
        self._closed = True
        for page in self._pages:
            page.end()

    @contextmanager
    def page(self) -> Generator[Page]:
        page = Page()
        if self._closed:
            page.end()
        self._pages.add(page)
        try:
            yield page
        finally:
            self._pages.discard(page)

    def _tell(self, hint: Hint) -> None:
        for page in self._pages:
            page.tell(hint)


def hint_of(fact: facts.Fact) -> Hint | None:  # noqa: C901, PLR0911  # one branch per kind of fact
    """What pages need to know of it; None for what concerns no page."""
    match fact:
        case facts.MessageReceived() | facts.MessageQueued() | facts.NoteAdded():
            return Hint(
                kind="message",
                conversation=fact.conversation,
                message=fact.message,
                seq=fact.seq,
                manager=fact.manager,
                by=fact.by,
            )
        case facts.MessageChanged() | facts.DeliveryChanged():
            return Hint(kind="changed", conversation=fact.conversation, message=fact.message)
        case facts.ConversationChanged() | facts.Assigned():
            return Hint(
                kind="conversation",
                conversation=fact.conversation,
                manager=fact.manager,
                by=fact.by,
            )
        case (
            facts.ContactChanged()
            | facts.ContactsMerged()
            | facts.ContactsUnmerged()
            | facts.SuggestionMade()
            | facts.TouchRecorded()
            | facts.TaskChanged()
        ):
            return Hint(kind="contact", contact=fact.contact, conversation=fact.conversation)
        case facts.LeadOpened() | facts.LeadChanged():
            return Hint(
                kind="lead", lead=fact.lead, contact=fact.contact, conversation=fact.conversation
            )
        case facts.PresenceChanged():
            return Hint(kind="presence", manager=fact.manager)
        case facts.LabelsChanged():
            return Hint(kind="labels")
        case facts.NoticeChanged():
            return Hint(kind="notice", manager=fact.user)
        case facts.Looking():
            return Hint(kind="company", conversation=fact.conversation, by=fact.by, what=fact.what)
        case (
            facts.MediaWanted()
            | facts.ButtonWasPressed()
            | facts.ContactCreated()
            | facts.ChannelChanged()
            | facts.ReplyBegun()
        ):
            return None
