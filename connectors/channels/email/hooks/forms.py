"""A posted form, urlencoded or multipart, as bytes: its fields have charsets of their own and hold whole mails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from connectors.channels.email.charsets import decode
from connectors.channels.email.headers import parameters, read_headers
from connectors.channels.email.mime import split_at_boundaries
from connectors.connector import Request
from connectors.errors import Malformed

FIELDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    name: str
    content: bytes
    filename: str = ""
    mime: str = ""
    charset: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    fields: Sequence[FormField]

    def field(self, name: str) -> FormField | None:
        return next((each for each in self.fields if each.name == name), None)

    def bytes(self, name: str) -> bytes:
        """b"" when there is no such field."""
        found = self.field(name)
        return found.content if found else b""

    def text(self, name: str, charset: str = "") -> str:
        found = self.field(name)
        return decode(found.content, charset or found.charset) if found else ""

    def files(self) -> Sequence[FormField]:
        return [each for each in self.fields if each.filename]


def form_of(request: Request) -> Form:
    """Raises Malformed."""
    content_type = request.headers.get("Content-Type", "").encode("utf-8", "replace")
    kind, details = parameters(content_type)
    if kind == "multipart/form-data":
        boundary = details.get("boundary", "")
        if not boundary:
            raise Malformed("a form without a boundary")
        return Form(_multipart(request.body, boundary))
    if kind == "application/x-www-form-urlencoded":
        return Form(_urlencoded(request.body))
    raise Malformed("not a form")


def _multipart(body: bytes, boundary: str) -> list[FormField]:
    fields: list[FormField] = []
    for start, end in split_at_boundaries(body, boundary):
        headers, content = read_headers(body, start, end)
        _, disposition = parameters(headers.raw("content-disposition"))
        mime, details = parameters(headers.raw("content-type"))
        fields.append(
            FormField(
                name=disposition.get("name", ""),
                content=body[content:end],
                filename=disposition.get("filename", ""),
                mime=mime,
                charset=details.get("charset", ""),
            )
        )
    return fields


def _urlencoded(body: bytes) -> list[FormField]:
    pairs = body.split(b"&", FIELDS)[:FIELDS]
    fields: list[FormField] = []
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        fields.append(FormField(name=decode(_plain(name)), content=_plain(value)))
    return fields


def _plain(encoded: bytes) -> bytes:
    return unquote_to_bytes(encoded.replace(b"+", b" "))
