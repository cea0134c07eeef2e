"""Files for a reply: taken one by one while it is being written, and named in the form by a ticket."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from inbox.desk import NewFile, Refused
from inbox.pages.tickets import opened, ticket_for
from inbox.pages.ways import UPLOAD_LIMIT
from inbox.rights import Right
from inbox.visit import Page, Visit
from storage.media import TooLarge

MOST_FILES: Final = 10
LONGEST_NAME: Final = 200
_PURPOSE: Final = "upload"


async def upload(visit: Visit) -> web.Response:
    """The body is the file; X-File-Name its name, percent-encoded."""
    request = visit.request
    if (request.content_length or 0) > UPLOAD_LIMIT:
        raise web.HTTPRequestEntityTooLarge(
            max_size=UPLOAD_LIMIT, actual_size=request.content_length or 0
        )
    try:
        stored, size = await visit.around.media.put_stream(
            request.content.iter_chunked(1 << 16), limit=UPLOAD_LIMIT
        )
    except TooLarge as error:
        raise web.HTTPRequestEntityTooLarge(
            max_size=UPLOAD_LIMIT, actual_size=UPLOAD_LIMIT + 1
        ) from error
    if not size:
        raise Refused(visit._("The file is empty."))
    name = unquote(request.headers.get("X-File-Name", ""), errors="replace")
    name = "".join(c for c in name if c.isprintable()).replace("/", "_").replace("\\", "_").strip()
    file = NewFile(
        sha256=stored,
        name=name[-LONGEST_NAME:] or "file",
        mime=request.content_type[:100],
        size=size,
    )
    return web.json_response({"ticket": ticket_for(visit, file, purpose=_PURPOSE)}, status=201)


async def files_of(visit: Visit) -> Sequence[NewFile]:
    """The files that the posted form names. Raises HTTPBadRequest for a ticket that is not this person's."""
    posted = await visit.request.post()
    tickets = [value for value in posted.getall("file", []) if isinstance(value, str)]
    if len(tickets) > MOST_FILES:
        raise Refused(visit._("At most {n} files go with one message.").format(n=MOST_FILES))
    return [opened(visit, each, NewFile, purpose=_PURPOSE) for each in tickets]


def known_ticket(visit: Visit, written: str) -> dict[str, Any]:
    """What a draft keeps of a file. Raises HTTPBadRequest for a ticket that is not this person's."""
    file = opened(visit, written, NewFile, purpose=_PURPOSE)
    return {"ticket": written, "name": file.name, "size": file.size, "mime": file.mime}


PAGES: Final[Sequence[Page]] = (
    Page(method="POST", path="/files", handler=upload, right=Right.ANSWER, body_is_a_file=True),
)
