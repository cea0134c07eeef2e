"""One request of a person to a page: who asks, in which language, and how the answer is made.

`guarded` is the door every page is behind. In this order: whose session is it; is a first password still to be changed;
has the person the right; did our own page ask (CSRF). Then the page, and on every answer, also the refused ones, the
security headers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import perf_counter
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox import csrf, security_headers, sessions, settings_map
from inbox.desk import NotFound, Refused
from inbox.formats import Formats
from inbox.house import Known
from inbox.in_sight import refuse_unseen
from inbox.languages import LANGUAGES, Language, preferred
from inbox.rendering import render
from inbox.rights import Right, home, may
from inbox.sessions import SignedIn
from inbox.surroundings import Surroundings
from storage.audit import WHENCE, write_audit
from storage.reading.sight import Sight

log = structlog.get_logger()

LANGUAGE_COOKIE: Final = "allo_language"
KEYS_COOKIE: Final = "allo_keys"
FIRST_PASSWORD: Final = "/profile/password"  # noqa: S105  # an address
_STAYS_OPEN: Final = {FIRST_PASSWORD, "/sign-out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedFile:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    around: Surroundings
    request: web.Request
    who: SignedIn | None
    language: Language
    now: datetime
    form: Mapping[str, str]
    """The fields of a posted form; empty for a GET and for an upload."""
    house: Known
    file: PostedFile | None = None
    """Of a form that has one."""

    @property
    def colleague(self) -> SignedIn:
        """Who asks; only on pages that need a right."""
        if self.who is None:
            raise web.HTTPUnauthorized
        return self.who

    @property
    def me(self) -> UUID:
        return self.colleague.user_id

    @property
    def sight(self) -> Sight:
        """What they see. Every question about conversations, people, leads and tasks takes it."""
        return self.colleague.sight

    @property
    def formats(self) -> Formats:
        return Formats(language=self.language, zone=ZoneInfo(self.time_zone), now=self.now)

    @property
    def time_zone(self) -> str:
        return self.house.company.time_zone or self.around.time_zone

    async def note_in_audit(
        self,
        connection: AsyncConnection,
        what: str,
        kind: str,
        id_: UUID,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Writes down that they did `what` with the thing `id_` of that kind, in the caller's transaction."""
        await write_audit(
            connection,
            by=self.me,
            what=what,
            object_kind=kind,
            object_id=id_,
            now=self.now,
            before=before,
            after=after,
        )

    @property
    def wants_fragment(self) -> bool:
        """Our script asks, not the address bar: a piece of the page, not all of it."""
        return self.request.headers.get("X-Fragment") == "1"

    def _(self, message: str) -> str:
        return self.language._(message)

    def may(self, right: Right) -> bool:
        return self.who is not None and may(self.who.role, right)

    def exists(self, path: str) -> bool:
        """Whether there is a page of this address."""
        return any(each.canonical == path for each in self.request.app.router.resources())

    def id(self, name: str = "id") -> UUID:
        """A UUID of the path."""
        try:
            return UUID(self.request.match_info[name])
        except ValueError as error:
            raise web.HTTPNotFound from error

    def html(self, template: str, **context: Any) -> Markup:
        return Markup(  # noqa: S704  # the template escaped it
            render(self.language, template, {**self._always(), **context})
        )

    def page(self, template: str, *, status: int = 200, **context: Any) -> web.Response:
        return web.Response(
            text=self.html(template, **context), content_type="text/html", status=status
        )

    def back(self, where: str) -> web.Response:
        """After a form: the browser goes on to a page it can reload; a script needs no page."""
        if self.wants_fragment:
            return web.Response(status=204)
        return web.Response(status=303, headers={"Location": where})

    def done(self, where: str, *, said: str, undo: "Undo | None" = None) -> web.Response:
        """As `back`; a script is told in a sentence what was done, and how it is taken back (`actions.js` shows it)."""
        if not self.wants_fragment:
            return self.back(where)
        told: dict[str, Any] = {"said": said}
        if undo is not None:
            told["undo"] = {"action": undo.action, "fields": dict(undo.fields)}
        return web.json_response(told)

    def _always(self) -> dict[str, Any]:
        return {
            "me": self.who,
            "csrf": self.who.csrf if self.who else "",
            "fmt": self.formats,
            "now": self.now,
            "may": lambda right: self.may(Right(right)),
            "path": self.request.path,
            "company": self.house.company,
            "label_colours": self.house.label_colours,
            "source_name": lambda touch: self.house.sources.of_touch(self.language, touch),
            "source_of_key": lambda key: self.house.sources.of_key(self.language, key),
            "settings_groups": lambda: settings_map.groups(self.may, self.exists),
            "home": home(self.who.role) if self.who else "/",
            "theme": self.who.theme if self.who else "",
            "keys_off": self.request.cookies.get(KEYS_COOKIE) == "off",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What takes back what has just been done: a form of ours that the toast's button posts."""

    action: str
    fields: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An address, what happens there, and the right it takes; `right` None is for everybody, signed in or not."""

    method: str
    path: str
    handler: Handler
    right: Right | None
    body_is_a_file: bool = False
    takes_a_file: bool = False
    """A form with a field `file`, which is read before its page and only for whoever is signed in."""


def get(path: str, handler: Handler, right: Right | None) -> Page:
    return Page(method="GET", path=path, handler=handler, right=right)


def post(path: str, handler: Handler, right: Right | None) -> Page:
    return Page(method="POST", path=path, handler=handler, right=right)


def guarded(
    around: Surroundings, page: Page
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        began, now = perf_counter(), around.now()
        WHENCE.set(request.remote or "")
        who = await sessions.whose(around, request, now=now)
        house = await around.house.known(around.engine, now=now)
        visit = Visit(
            around=around,
            request=request,
            who=who,
            language=preferred(
                (who.language if who else "") or request.cookies.get(LANGUAGE_COOKIE, ""),
                request.headers.get("Accept-Language", ""),
                default=house.company.language or around.language,
            ),
            now=now,
            form=await _form(page, request),
            house=house,
        )
        try:
            if page.takes_a_file and who is not None:
                visit = await _with_file(visit)
            response = await _admitted(visit, page)
        except web.HTTPException as refused:
            response = _error(visit, refused)
        except NotFound:
            response = _error(visit, web.HTTPNotFound())
        except Refused as refused:
            response = _error(visit, web.HTTPConflict(), said=visit.language.sentence(str(refused)))
        if not response.prepared:
            for name, value in security_headers.PAGE.items():
                response.headers.setdefault(name, value)
            response.headers.setdefault("Cache-Control", "no-store")
            # Browsers show it among a request's times; `allo bench inbox` judges by it.
            response.headers["Server-Timing"] = f"page;dur={(perf_counter() - began) * 1000:.1f}"
            if who is not None and who.renewed:
                sessions.renew_cookie(around, request, response)
        return response

    return answer


async def _admitted(visit: Visit, page: Page) -> web.StreamResponse:
    request = visit.request
    changes = request.method not in {"GET", "HEAD"}
    if changes and not csrf.comes_from_us(request, public_url=visit.around.public_url):
        raise web.HTTPForbidden
    if page.right is not None:
        if visit.who is None:
            return _to_sign_in(visit)
        if visit.who.must_change_password and request.path not in _STAYS_OPEN:
            return visit.back(FIRST_PASSWORD) if not visit.wants_fragment else _unauthorized()
        if not visit.may(page.right):
            raise web.HTTPForbidden
        given = request.headers.get(csrf.HEADER) or visit.form.get(csrf.FIELD, "")
        if changes and not csrf.token_is_right(given, visit.who.csrf):
            raise web.HTTPForbidden
        await refuse_unseen(
            visit.around.engine,
            visit.sight,
            request,
            path=page.path,
            posted=visit.form if page.takes_a_file else await request.post() if visit.form else {},
        )
    return await page.handler(visit)


async def _form(page: Page, request: web.Request) -> Mapping[str, str]:
    if request.method != "POST" or page.body_is_a_file:
        return {}
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    posted = await request.post()
    # NUL is in no word, and PostgreSQL refuses it.
    return {
        name: value.replace("\0", "") for name, value in posted.items() if isinstance(value, str)
    }


async def _with_file(visit: Visit) -> Visit:
    posted = await visit.request.post()
    fields = {
        name: value.replace("\0", "") for name, value in posted.items() if isinstance(value, str)
    }
    field = posted.get("file")
    if not isinstance(field, web.FileField):
        return replace(visit, form=fields)
    content = await asyncio.to_thread(field.file.read)
    return replace(visit, form=fields, file=PostedFile(name=field.filename, content=content))


def _to_sign_in(visit: Visit) -> web.Response:
    if visit.wants_fragment or visit.request.method != "GET":
        return _unauthorized()
    where = "" if visit.request.path == "/" else f"?to={quote(visit.request.path_qs, safe='')}"
    return web.Response(status=303, headers={"Location": f"/sign-in{where}"})


def _unauthorized() -> web.Response:
    return web.Response(status=401)


def _error(visit: Visit, error: web.HTTPException, *, said: str = "") -> web.StreamResponse:
    if error.status < 400:
        return web.Response(status=error.status, headers=error.headers)
    _ = visit._
    words = {
        403: (
            _("Not allowed"),
            _("Your role does not allow this, or the page is too old: reload it and try again."),
        ),
        404: (_("Not found"), _("There is no such thing here; perhaps it was merged or removed.")),
        409: (_("Not done"), said),
        413: (_("Too large"), said or _("That is more than can be taken at once.")),
    }
    if visit.who is not None and not visit.sight.whole:
        words[404] = (
            _("Not found"),
            _(
                "There is no such thing here, or it is not yours: you see only part of the conversations."
            ),
        )
    title, text = words.get(error.status, (_("Not done"), said or error.text or ""))
    if visit.wants_fragment:
        return web.Response(status=error.status, text=said or text)
    return visit.page("error.html", status=error.status, title=title, text=text)


def chosen_language(code: str) -> str:
    """A language we speak, or ""."""
    return code if code in LANGUAGES else ""


def own_address(given: str, *, otherwise: str) -> str:
    """An address of ours to go on to: never another site's, however it is written."""
    if given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable():
        return given[:500]
    return otherwise
