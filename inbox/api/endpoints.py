"""What an endpoint is, and the one way a request goes through it.

    authenticate ─▶ decode path, query and body (typed) ─▶ handler ─▶ encode the answer
           └────────────── a Problem raised anywhere becomes the answer ──────────────┘

The table of endpoints is the single source of the routes and of the OpenAPI document, so that they cannot disagree.
A query parameter's or a body's type is a msgspec Struct: what it does not name is ignored, what has the wrong type is
answered 400 with its place.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar, get_origin
from uuid import UUID

import msgspec
import structlog
from aiohttp import web
from msgspec import Meta, Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.api.authentication import Scope, authenticate
from inbox.api.problems import (
    Fault,
    Problem,
    bad_request,
    invalid,
    not_found,
    refused,
    unavailable,
    unexpected,
)
from inbox.call_desk import CallDesk
from inbox.channel_desk import ChannelDesk
from inbox.dead_letter_desk import DeadLetterDesk
from inbox.desk import Desk, NotFound, Refused
from inbox.live_hub import LiveHub
from inbox.webhook_desk import WebhookDesk
from storage.absence import is_database_away
from storage.api_tokens import Token
from storage.media import MediaStore
from storage.reading.paging import DEFAULT_LIMIT, LONGEST_CURSOR, MOST, BadCursor, Page

log = structlog.get_logger()

PREFIX: Final = "/api/v1"
MOST_BYTES: Final = 1024 * 1024
BODY_TIMEOUT_S: Final = 30
_FOREIGN_KEY: Final = "23503"

Limit = Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[
    str, Meta(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before.")
]
Search = Annotated[str, Meta(max_length=200)]
ShortText = Annotated[str, Meta(max_length=500)]
OfSource = Annotated[
    str,
    Meta(
        max_length=500,
        description=(
            "Where the (open) lead last came from: a `key` of the report of sources, or the bare word that links say."
        ),
    ),
]


class Nothing(Struct, frozen=True):
    """No parameters, or no body."""


class Paged(Struct, frozen=True, kw_only=True):
    cursor: Cursor = ""
    limit: Limit = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What handlers may use; the composition root fills it in."""

    engine: AsyncEngine
    desk: Desk
    dead_letters: DeadLetterDesk
    channels: ChannelDesk
    media: MediaStore
    hub: LiveHub
    telephone: CallDesk
    webhooks: WebhookDesk
    now: Callable[[], datetime]
    time_zone: str = "Europe/Moscow"
    """The installation's, for a company that has not said its own."""


Q = TypeVar("Q", bound=Struct)
B = TypeVar("B", bound=Struct)
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Q, B]):
    """A request that was understood. `id` is the {id} of the path."""

    request: web.Request
    token: Token
    query: Q
    body: B
    path_id: UUID | None = None

    @property
    def id(self) -> UUID:
        if self.path_id is None:
            raise AssertionError("this path has no {id}")
        return self.path_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` is a Struct, None for 204."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Api, Call[Any, Any]], Awaitable[Answer | web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`what` names the thing {id} is of, for "There is no … with this id". `answers` is the type of a success, None
    for an empty one; or a media type, for what is not JSON.
    """

    method: str
    path: str
    summary: str
    scope: Scope
    handler: Handler
    answers: Any
    status: int = 200
    what: str = "thing"
    query: type[Struct] = Nothing
    body: type[Struct] = Nothing
    tag: str = ""
    description: str = ""
    refuses: bool = False
    """Answers 409 when the rules do not allow it."""
    headers: tuple[tuple[str, str], ...] = ()
    """(name, description) of request headers it understands."""

    @property
    def operation_id(self) -> str:
        return self.handler.__name__


_json = msgspec.json.Encoder()


async def run(endpoint: Endpoint, api: Api, request: web.Request) -> web.StreamResponse:
    """The whole way of a request. Never raises but for cancellation."""
    try:
        token = await authenticate(request, engine=api.engine, scope=endpoint.scope, now=api.now)
        call: Call[Any, Any] = Call(
            request=request,
            token=token,
            path_id=_id(request, endpoint),
            query=_query(endpoint.query, request),
            body=await _body(endpoint.body, request),
        )
        answer = await endpoint.handler(api, call)
    except Exception as error:  # noqa: BLE001  # the edge: the client gets a problem, the log the trace
        problem = _problem_of(error, endpoint)
        if request.writer.output_size and request.transport is not None:
            # A stream that has begun can only be broken off: its reader sees that, and resumes.
            request.transport.abort()
        return problem.response()
    if isinstance(answer, web.StreamResponse):
        return answer
    headers = {"Cache-Control": "no-store", **answer.headers}
    if answer.body is None:
        return web.Response(status=204, headers=headers)
    return web.Response(
        status=answer.status if answer.status != 200 else endpoint.status,
        body=_json.encode(answer.body),
        content_type="application/json",
        headers=headers,
    )


def _problem_of(error: Exception, endpoint: Endpoint) -> Problem:  # noqa: PLR0911  # one per kind
    match error:
        case Problem():
            return error
        case BadCursor():
            return bad_request("cursor", f"This cursor is of no use: {error}. Start without one.")
        case NotFound():
            return not_found(endpoint.what)
        case Refused():
            return refused(str(error))
        case IntegrityError() if getattr(error.orig, "sqlstate", "") == _FOREIGN_KEY:
            return bad_request("invalid", "An id in the body is of nothing that is there (body).")
        case _ if is_database_away(error):
            # Without its trace: while it lasts every request says the same.
            log.warning(
                "api_database_unavailable",
                operation=endpoint.operation_id,
                error=repr(error)[:300],
            )
            return unavailable()
        case _:
            log.error("api_request_failed", operation=endpoint.operation_id, exc_info=error)
            return unexpected()


class ListOf(Struct, Generic[R], frozen=True, kw_only=True):
    items: list[R]
    next_cursor: str | None = None


def listed(page: Page[T], shown: Callable[[T], R]) -> Answer:
    """A page as the API shows it."""
    return Answer(
        body=ListOf(items=[shown(item) for item in page.items], next_cursor=page.next_cursor)
    )


def _id(request: web.Request, endpoint: Endpoint) -> UUID | None:
    given = request.match_info.get("id")
    if given is None:
        return None
    try:
        return UUID(given)
    except ValueError:
        raise not_found(endpoint.what) from None


def _query(shape: type[Struct], request: web.Request) -> Any:
    """Repeated parameters and comma-separated ones are both lists; an empty value is one not given. Those that nobody knows
    are passed over, unless the shape forbids them.
    """
    given: dict[str, Any] = {}
    fields = msgspec.structs.fields(shape)
    if shape.__struct_config__.forbid_unknown_fields:
        _only({known.encode_name for known in fields}, request.query)
    for known in fields:
        values = [value for value in request.query.getall(known.encode_name, []) if value != ""]
        if not values:
            continue
        if is_list(known.type):
            given[known.encode_name] = [each for value in values for each in value.split(",")]
        elif "\x00" in values[-1]:
            raise bad_request("invalid", f"No NUL characters, please (query.{known.encode_name}).")
        else:
            given[known.encode_name] = values[-1]
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise invalid("query", error) from None


def _only(known: Collection[str], given: Collection[str]) -> None:
    faults = tuple(
        Fault(where=f"query.{name}", what="There is no such parameter here")
        for name in dict.fromkeys(given)
        if name not in known
    )
    if faults:
        told = ", ".join(f"{each.what} ({each.where})" for each in faults)
        raise bad_request("invalid", f"{told}.", errors=faults)


def is_list(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return is_list(annotation.__origin__)
    return get_origin(annotation) is tuple


async def _body(shape: type[Struct], request: web.Request) -> Any:
    if shape is Nothing:
        return Nothing()
    raw = await _read(request)
    if b"\\u0000" in raw or b"\x00" in raw:
        # PostgreSQL keeps no NUL in a text; said here, where the sender can be told.
        raise bad_request("invalid", "No NUL characters, please (body).")
    try:
        return msgspec.json.decode(raw or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise invalid("body", error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request("json", f"The body is not JSON: {error}.") from None


async def _read(request: web.Request) -> bytes:
    """At most MOST_BYTES, whatever the application around us allows."""
    too_large = Problem(
        413, "too-large", "Too large", f"A body may have {MOST_BYTES} bytes at most."
    )
    if (request.content_length or 0) > MOST_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.content.iter_chunked(64 * 1024):
                body += piece
                if len(body) > MOST_BYTES:
                    raise too_large
    except (web.RequestPayloadError, ConnectionResetError):
        raise bad_request(
            "encoding", "The body is not as long, or not compressed, as its headers say."
        ) from None
    except TimeoutError:
        raise Problem(
            408, "too-slow", "Too slow", f"The body did not come within {BODY_TIMEOUT_S} seconds."
        ) from None
    return bytes(body)
