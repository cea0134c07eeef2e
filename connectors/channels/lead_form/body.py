"""Bytes → what was filled in: JSON, form-encoded or multipart, as it says or as it looks.

Builders are careless with Content-Type (a body of JSON as text/plain, no type at all), so what it looks like decides when
what it says does not fit. `payment[products][0][name]=…`, the way of PHP, becomes the same tree that JSON has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

from connectors.connector import Request
from connectors.errors import Malformed
from router.clean_text import clean_line

FIELDS: Final = 500
"""Fields of one body; the largest quiz has some dozens."""
SUBMISSIONS: Final = 100
"""In one body: builders send one, a script that catches up may send a list."""
DEPTH: Final = 8
_CHARSETS: Final = frozenset({"utf-8", "utf8", "windows-1251", "cp1251", "koi8-r", "iso-8859-1"})

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """`submissions` in the body's order; `files` are the names of files that came along and are not taken."""

    submissions: Sequence[Any]
    files: Sequence[str] = ()


def read(request: Request) -> Body:
    """Raises Malformed."""
    kind, charset, boundary = _content_type(request.headers.get("Content-Type", ""))
    if kind == "multipart/form-data":
        pairs, files = _parts(request.body, boundary, charset)
        return Body(submissions=[tree(pairs)], files=files)
    if request.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return Body(submissions=_json(request.body, charset))
    return Body(submissions=[tree(_form(request.body, charset))])


def tree(pairs: Sequence[tuple[str, str]]) -> Tree:
    """`a[b][]=1&a[b][]=2` as {"a": {"b": ["1", "2"]}}; a name that comes twice keeps both, as a list."""
    found: Tree = {}
    for name, value in pairs:
        place, steps = found, _steps(name)
        for step in steps[:-1]:
            inside = place.setdefault(step, {})
            if not isinstance(inside, dict):  # `a=1&a[b]=2`
                inside = place[step] = {"": inside}
            place = inside
        last = steps[-1]
        # A dict where a value is wanted: `a[b]=2&a=1`.
        if isinstance(place.get(last), dict):
            place, last = place[last], ""
        if last not in place:
            place[last] = value
        elif isinstance(place[last], list):
            place[last].append(value)
        else:
            place[last] = [place[last], value]
    return found


def _steps(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    if not bracket or not head or not rest.endswith("]"):
        return [name]
    steps = [head, *rest[:-1].split("][")]
    if steps[-1] == "":
        steps.pop()
    return steps[:DEPTH]


def _content_type(header: str) -> tuple[str, str, bytes]:
    """(type, charset, boundary); the charset "" when it is none we know."""
    kind, *parameters = header.split(";")
    charset, boundary = "", ""
    for each in parameters:
        name, _, value = each.strip().partition("=")
        value = value.strip().strip('"')
        if name.lower() == "charset" and value.lower() in _CHARSETS:
            charset = value.lower()
        elif name.lower() == "boundary":
            boundary = value
    return kind.strip().lower(), charset, boundary.encode("utf-8", "replace")


def _json(body: bytes, charset: str) -> Sequence[Any]:
    try:
        told = msgspec.json.decode(_text(body, charset).lstrip("\ufeff").encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Malformed("looks like JSON and is none") from error
    if not isinstance(told, list):
        return [told]
    # What Make and n8n call a bundle; also a form's fields as a list of name and value, which is one submission.
    if told and all(isinstance(each, dict) and "value" in each for each in told):
        return [{"fields": told}]
    if len(told) > SUBMISSIONS:
        raise Malformed(f"{len(told)} submissions in one body, {SUBMISSIONS} allowed")
    return told


def _form(body: bytes, charset: str) -> Sequence[tuple[str, str]]:
    # A character for each byte, also of what is not percent-encoded; which letters they are is judged field by field.
    try:
        pairs = parse_qsl(
            body.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=FIELDS,
        )
    except ValueError as error:
        raise Malformed(f"more than {FIELDS} fields") from error
    return [
        (_text(name.encode("latin-1"), charset), _text(value.encode("latin-1"), charset))
        for name, value in pairs
    ]


def _text(content: bytes, charset: str) -> str:
    """UTF-8, unless it says otherwise or is not: then what Russian pages were written in before."""
    if charset in {"", "utf-8", "utf8"}:
        try:
            return content.decode()
        except UnicodeDecodeError:
            charset = "windows-1251"
    return content.decode(charset, "replace")


def _parts(
    body: bytes, boundary: bytes, charset: str
) -> tuple[Sequence[tuple[str, str]], Sequence[str]]:
    """The fields, and the names of the files; RFC 7578."""
    if not boundary:
        raise Malformed("multipart without a boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, FIELDS + 2)
    if len(pieces) < 2:
        raise Malformed("multipart, and nothing between its boundaries")
    if len(pieces) > FIELDS + 2:
        raise Malformed(f"more than {FIELDS} parts")
    pairs: list[tuple[str, str]] = []
    files: list[str] = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head, gap, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, file = _disposition(head)
        if not gap or name is None:
            continue
        if file is not None:
            # An input of files that was left empty comes as a file without a name.
            if file or content:
                files.append(f"{name}: {file}" if file else name)
        else:
            pairs.append((name, _text(content, charset)))
    return pairs, files


def _disposition(head: bytes) -> tuple[str | None, str | None]:
    """(the field's name, the file's); the file's is None when it is a plain field."""
    headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
    name = headers.get_param("name", header="content-disposition")
    if headers.get_content_disposition() != "form-data" or name is None:
        return None, None
    file = headers.get_param("filename", header="content-disposition")
    return (
        collapse_rfc2231_value(name),
        None if file is None else clean_line(unquote(collapse_rfc2231_value(file)), limit=200),
    )
