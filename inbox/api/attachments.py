"""/attachments/{id}: the file itself, always as a download and never as something a browser would run."""

from typing import Final
from urllib.parse import quote

from aiohttp import web

from inbox.api.endpoints import Api, Call, Endpoint, Nothing
from inbox.api.problems import Problem, not_found
from storage.media import MediaUnavailable
from storage.reading.attachments import file_by_id

BINARY: Final = "application/octet-stream"


async def read_attachment(api: Api, call: Call[Nothing, Nothing]) -> web.StreamResponse:
    async with api.engine.connect() as connection:
        file = await file_by_id(connection, call.id)
    if file is None:
        raise not_found("attachment")
    if file.state != "stored":
        raise Problem(
            404,
            "not-stored",
            "Not here",
            "The file has not been fetched from the platform yet."
            if file.state == "wanted"
            else "The platform would not give the file.",
        )
    try:
        size = await api.media.size(file.sha256)
    except KeyError:
        raise Problem(
            404, "not-stored", "Not here", "The file is no longer kept; its retention has ended."
        ) from None
    except MediaUnavailable:
        raise Problem(
            503,
            "unavailable",
            "The store of files does not answer",
            "Try again in a few seconds.",
            headers={"Retry-After": "5"},
        ) from None
    response = web.StreamResponse(
        headers={
            "Content-Type": file.mime or BINARY,
            "Content-Length": str(size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name or 'file', safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
            "ETag": f'"{file.sha256}"',
        }
    )
    await response.prepare(call.request)
    if call.request.method != "HEAD":
        async for piece in api.media.stream(file.sha256):
            await response.write(piece)
    await response.write_eof()
    return response


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/attachments/{id}",
        tag="Messages",
        summary="A file of a message",
        scope="read",
        handler=read_attachment,
        what="attachment",
        answers=BINARY,
    ),
)
