"""What the widget asks: a session, to post a message or a file, to say who somebody is and what they have seen.

A message is answered after it is durable, and posting it again changes nothing: its key is the id the browser gave it.
"""

from typing import Annotated, Final

import msgspec
import structlog
from aiohttp import BodyPartReader, web
from msgspec import Meta, Struct

from connectors.channels.site_chat import files as files_, receive
from connectors.channels.site_chat.door import Door, Guest, as_json, body_of, parsed
from connectors.channels.site_chat.identify import Identification, as_known, identify
from connectors.channels.site_chat.receive import Posted, Unfit
from connectors.channels.site_chat.storefront import FILE_BYTES
from connectors.channels.site_chat.visitors import (
    Visitor,
    needs_renewal,
    new_visitor,
    renewed,
    token_of,
)
from connectors.channels.site_chat.visits import Visit, kept, source_of
from connectors.connector import Incoming, Surroundings
from connectors.errors import Malformed, TooLarge, Unverified
from connectors.rates import Rate
from router.ids import new_id
from router.message import Event

MESSAGES: Final = Rate(count=1, seconds=1, burst=5)
FILES: Final = Rate(count=10, seconds=3600, burst=10)
VISITS: Final = Rate(count=20, seconds=3600, burst=10)
REPORTS: Final = Rate(count=1, seconds=1, burst=20)
IDENTIFICATIONS: Final = Rate(count=60, seconds=3600, burst=20)

log = structlog.get_logger()


class SessionAsked(Struct, frozen=True, kw_only=True):
    visit: Visit | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """Greatest `seq` that the browser has, and that somebody has looked at."""

    delivered: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    read: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class Talk:
    def __init__(self, surroundings: Surroundings, door: Door) -> None:
        self._surroundings = surroundings
        self._door = door

    async def session(self, guest: Guest) -> web.Response:
        """A token for who has none, or none that is good; and the visit, if one begins here.

        Nothing is stored for a visitor without a visit: most of them never write.
        """
        asked = parsed(await body_of(guest), SessionAsked)
        now = self._surroundings.now()
        try:
            visitor, fresh = self._door.visitor(guest), False
        except Unverified:
            a_minute = guest.shop.ip_rate
            self._door.limit_address(
                "visitor", guest, Rate(count=a_minute * 20, seconds=3600, burst=a_minute * 4)
            )
            visitor, fresh = new_visitor(guest.account.id, id=new_id(), now=now), True
        if needs_renewal(visitor, now=now):
            visitor, fresh = renewed(visitor, now=now), True
        if asked.visit is not None and self._door.allows("visit", visitor.chat, VISITS):
            source = kept(asked.visit, now=now)
            await self._surroundings.threads.visitor_seen(
                guest.account.id, visitor.chat, source=source
            )
        return as_json({"token": self._token(visitor) if fresh else None})

    async def message(self, guest: Guest) -> web.Response:
        visitor = self._door.visitor(guest)
        posted = parsed(await body_of(guest), Posted)
        self._door.limit("message", visitor.chat, MESSAGES)
        self._limit_address(guest)
        accepted = {"accepted": posted.client_msg_id, "token": None}
        if posted.website:
            log.info("site_chat_robot_ignored", slug=guest.account.slug, visitor=visitor.chat)
            return as_json(accepted)
        threads, account = self._surroundings.threads, guest.account
        if (
            guest.shop.form == "required"
            and posted.form is None
            and not self._known(visitor)
            and not await threads.before(account.id, visitor.chat, None, limit=1)
        ):
            raise Unfit("form", "missing")
        now = self._surroundings.now()
        event = receive.message(
            posted,
            account=account,
            shop=guest.shop,
            visitor=visitor,
            tickets=[
                files_.ticket_of(
                    each, visitor=visitor.id, secret=self._surroundings.secret, now=now
                )
                for each in posted.files
            ],
            source=source_of(await threads.last_touch(account.id, visitor.chat)),
            now=now,
        )
        await self._accept(guest, event)
        if posted.form is not None and not visitor.asked:
            visitor = msgspec.structs.replace(visitor, asked=True)
            return as_json({**accepted, "token": self._token(visitor)})
        return as_json(accepted)

    async def file(self, guest: Guest) -> web.Response:
        """multipart/form-data with one part, `file`."""
        visitor = self._door.visitor(guest)
        self._door.limit("file", visitor.chat, FILES)
        self._limit_address(guest)
        name, content = await self._upload(guest)
        sha256 = await self._surroundings.media.put(content)
        ticket, signed = files_.ticket_for(
            content,
            sha256=sha256,
            name=name,
            visitor=visitor.id,
            secret=self._surroundings.secret,
            now=self._surroundings.now(),
        )
        return as_json(
            {
                "ticket": signed,
                "name": ticket.name,
                "mime": ticket.mime,
                "kind": ticket.kind,
                "size": ticket.size,
            }
        )

    async def identify(self, guest: Guest) -> web.Response:
        """Who the site says this is. Somebody else than before is a new visitor, who sees nothing of the other's.

        Who had not written yet becomes a new visitor too, so that a token copied from a shared computer before the
        log-in opens nothing of what is said after it.
        """
        visitor = self._door.visitor(guest)
        said = parsed(await body_of(guest), Identification)
        self._door.limit("identify", visitor.chat, IDENTIFICATIONS)
        threads, now, account = self._surroundings.threads, self._surroundings.now(), guest.account
        signed = identify(account, said, now=now)
        written = bool(await threads.before(account.id, visitor.chat, None, limit=1))
        known = as_known(visitor, signed)
        if visitor.external and visitor.external != signed.external:
            known = as_known(new_visitor(account.id, id=new_id(), now=now), signed)
        elif not visitor.external and not written and not said.begun:
            known = as_known(new_visitor(account.id, id=new_id(), now=now), signed)
            if touch := await threads.last_touch(account.id, visitor.chat):
                source = {**touch, "visit": f"of {visitor.id}"}
                await threads.visitor_seen(account.id, known.chat, source=source)
        # Before the first word there is nobody to tell about: the message will say who it is from.
        if written and known.id == visitor.id and (known != visitor or signed.claims):
            await self._accept(guest, receive.identified(known, signed.claims, now=now))
        return as_json({"token": self._token(known) if known != visitor else None})

    async def seen(self, guest: Guest) -> web.Response:
        visitor = self._door.visitor(guest)
        told = parsed(await body_of(guest), Seen)
        self._door.limit("seen", visitor.chat, REPORTS)
        events = []
        for seq, read in ((told.read, True), (told.delivered, False)):
            if seq <= 0 or (not read and told.delivered <= told.read):
                continue
            before = await self._surroundings.threads.before(
                guest.account.id, visitor.chat, seq + 1, limit=50
            )
            answers = [each for each in before if each.direction == "out"]
            reported = {"read", "failed"} if read else {"delivered", "read", "failed"}
            if answers and answers[-1].state not in reported:
                now = self._surroundings.now()
                events.append(receive.seen(answers[-1], visitor=visitor, read=read, now=now))
        if events:
            await self._accept(guest, *events)
        return web.Response(status=204, headers={"Cache-Control": "no-store"})

    async def _upload(self, guest: Guest) -> tuple[str, bytes]:
        try:
            reader = await guest.request.multipart()
            part = await reader.next()
            while part is not None and (
                not isinstance(part, BodyPartReader) or part.name != "file"
            ):
                part = await reader.next()
        except (ValueError, AssertionError) as error:  # not multipart, or a broken one
            raise Malformed("not a multipart body") from error
        if part is None:
            raise Malformed("no file in the body")
        content = bytearray()
        while chunk := await part.read_chunk(64 * 1024):
            content += chunk
            if len(content) > FILE_BYTES:
                raise TooLarge("a file of the site chat")
        if not content:
            raise Unfit("file", "empty")
        return part.filename or "", bytes(content)

    async def _accept(self, guest: Guest, *events: Event) -> None:
        await self._surroundings.intake.accept(
            guest.account, [Incoming(event=event) for event in events]
        )

    def _limit_address(self, guest: Guest) -> None:
        rate = guest.shop.ip_rate
        self._door.limit_address("message", guest, Rate(count=rate, seconds=60, burst=rate))

    def _token(self, visitor: Visitor) -> str:
        return token_of(visitor, secret=self._surroundings.secret)

    @staticmethod
    def _known(visitor: Visitor) -> bool:
        return visitor.asked or bool(visitor.external)
