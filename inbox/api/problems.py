"""What went wrong, as RFC 9457 problem details: a sentence a person can act on, a type a program can."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

MEDIA_TYPE: Final = "application/problem+json"


class Fault(Struct, frozen=True, kw_only=True):
    """Where in the request, and what is wrong there."""

    where: str
    what: str


class ProblemDetails(Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    errors: tuple[Fault, ...] = ()


class Problem(Exception):
    """Ends the request with this answer."""

    def __init__(
        self,
        status: int,
        name: str,
        title: str,
        detail: str,
        *,
        errors: tuple[Fault, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.details = ProblemDetails(
            type=f"urn:allo:problem:{name}",
            title=title,
            status=status,
            detail=detail,
            errors=errors,
        )
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        return web.Response(
            status=self.details.status,
            body=msgspec.json.encode(self.details),
            headers={**self.headers, "Cache-Control": "no-store"},
            content_type=MEDIA_TYPE,
        )


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", "Not found", f"There is no {what} with this id.")


def no_such_page(path: str) -> Problem:
    return Problem(
        404,
        "no-such-resource",
        "No such resource",
        f"{path} is not a resource of this API; /api/v1/openapi.json lists those there are.",
    )


def wrong_method(allowed: list[str]) -> Problem:
    joined = ", ".join(allowed)
    return Problem(
        405,
        "wrong-method",
        "Wrong method",
        f"This resource understands {joined}.",
        headers={"Allow": joined},
    )


def refused(why: str, *, errors: tuple[Fault, ...] = ()) -> Problem:
    return Problem(409, "refused", "Not allowed now", why, errors=errors)


def bad_request(name: str, detail: str, *, errors: tuple[Fault, ...] = ()) -> Problem:
    return Problem(400, name, "The request cannot be understood", detail, errors=errors)


def invalid(where: str, error: msgspec.ValidationError) -> Problem:
    """`where` is "query" or "body". msgspec says "Expected `int`, got `str` - at `$.limit`"."""
    what, _, at = str(error).partition(" - at `")
    path = at.rstrip("`").removeprefix("$").removeprefix(".").removeprefix("key in ")
    place = f"{where}.{path}" if path else where
    return bad_request(
        "invalid",
        f"{what} ({place}).",
        errors=(Fault(where=place, what=what),),
    )


def unexpected() -> Problem:
    return Problem(
        500,
        "unexpected",
        "Something went wrong here",
        "It is not the request's fault and has been written to the log; trying again may help.",
    )


def unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The database does not answer",
        "Nothing was changed; try again in a few seconds.",
        headers={"Retry-After": "5"},
    )


PROBLEM_RESPONSE: Final[dict[str, Any]] = {
    "description": "What went wrong, and what to do about it.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
}
