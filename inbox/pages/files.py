"""What customers sent: files, and mail as its sender made it. Both are strangers' content on our own address.

A file is shown by the browser only when it is of a kind that cannot run anything; every other is a download, whatever it
calls itself. Both carry a policy of their own (`security_headers`).
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import nh3
from aiohttp import web

from inbox import security_headers
from inbox.file_looks import LARGEST_SHOWN, SAFE_INLINE, tame
from inbox.picture_size import BEGINNING, can_be_drawn, can_be_drawn_here
from inbox.rights import Right
from inbox.visit import Page, Visit, get
from storage.reading.attachments import FileRow, file_by_id
from storage.reading.messages import message_by_id

_TAGS: Final = nh3.ALLOWED_TAGS | {"font", "center", "section", "header", "footer", "main"}
_ATTRIBUTES: Final = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"style", "class", "align", "valign", "bgcolor", "width", "height", "dir", "lang"},
    "font": {"color", "face", "size"},
    "table": {"border", "cellpadding", "cellspacing", "summary"},
    "td": {"colspan", "rowspan", "headers", "nowrap"},
    "th": {"colspan", "rowspan", "headers", "scope", "nowrap"},
    "img": {"src", "alt", "title"},
    "a": {"href", "title"},
}
_LEADS_ON: Final = re.compile(r"\s*(?:https?|mailto|tel):", re.IGNORECASE)
_HARMFUL: Final = re.compile(
    r"""\\|["'<>@]|url|image|expression|behavi|binding|attr\s*\(|^\s*(?:position|content|cursor|filter|z-index)\b""",
    re.IGNORECASE,
)
_PAGE: Final = (
    '<!doctype html><html><head><meta charset="utf-8"><base target="_blank">'
    "<style>html{{color-scheme:light;background:#fff;color:#161c1f;font:14px/20px system-ui,sans-serif}}"
    "body{{margin:12px;overflow-wrap:anywhere}}img{{max-width:100%;height:auto}}</style></head><body>{}</body></html>"
)


async def file(visit: Visit) -> web.StreamResponse:
    async with visit.around.engine.connect() as connection:
        row = await file_by_id(connection, visit.id())
    if row is None or row.state != "stored" or not row.sha256:
        raise web.HTTPNotFound
    inline = row.mime in SAFE_INLINE and "download" not in visit.request.query
    if inline and SAFE_INLINE[row.mime] == "image" and await _too_much(visit, row):
        if visit.request.headers.get("Sec-Fetch-Dest", "") == "image":
            # A browser draws a picture whatever its headers say: the page gets nothing, and shows a file instead.
            raise web.HTTPNotFound
        inline = False
    etag = f'"{row.sha256}"'
    headers = {
        **security_headers.FILE,
        "Content-Type": row.mime if inline else "application/octet-stream",
        "Content-Disposition": _disposition(row.name, inline=inline),
        # The address is the attachment's own and its content never changes; only for the one who was allowed to see it.
        "Cache-Control": "private, max-age=604800, immutable",
        "ETag": etag,
    }
    if visit.request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    try:
        size = await visit.around.media.size(row.sha256)
    except KeyError as error:
        raise web.HTTPNotFound from error
    start, end = _range(visit.request, size)
    response = web.StreamResponse(headers=headers)
    if (start, end) != (0, size):
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response.headers["Accept-Ranges"] = "bytes"
    response.content_length = end - start
    await response.prepare(visit.request)
    async for piece in visit.around.media.stream(row.sha256, start=start, end=end):
        await response.write(piece)
    return response


async def _too_much(visit: Visit, row: FileRow) -> bool:
    """Whether the picture could hurt who looks at it: too heavy, or a small file that unpacks into gigabytes of dots.

    Its beginning says how large it is; what does not say so is not drawn. Nothing is decoded here.
    """
    if row.size is not None and row.size > LARGEST_SHOWN:
        return True
    try:
        if await visit.around.media.size(row.sha256) > LARGEST_SHOWN:
            return True
        start = b"".join(
            [piece async for piece in visit.around.media.stream(row.sha256, end=BEGINNING)]
        )
    except KeyError as error:
        raise web.HTTPNotFound from error
    return not can_be_drawn(start)


async def mail(visit: Visit) -> web.Response:
    """An HTML message, cleaned, in a frame where nothing runs; pictures from the network only when asked for."""
    async with visit.around.engine.connect() as connection:
        row = await message_by_id(connection, visit.id(), sight=visit.sight)
    if row is None or not row.html or row.deleted_at is not None:
        raise web.HTTPNotFound
    by_cid = {each.cid: f"/files/{each.id}" for each in row.attachments if each.cid}

    with_images = visit.request.query.get("images") == "1"

    def rewritten(tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return _harmless(value)
        if tag == "a" and name == "href":
            return value if _LEADS_ON.match(value) else None
        if tag != "img" or name != "src":
            return value
        if value.startswith("cid:"):
            return by_cid.get(value.removeprefix("cid:").strip("<>"))
        if value.lower().lstrip().startswith("data:"):
            return value if can_be_drawn_here(value) else None
        # Without its source a picture shows what it is called instead of a broken frame.
        return value if with_images else None

    cleaned = nh3.clean(
        row.html,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=rewritten,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        link_rel="noopener noreferrer nofollow",
    )
    headers = security_headers.MAIL_WITH_IMAGES if with_images else security_headers.MAIL
    return web.Response(
        text=_PAGE.format(cleaned), content_type="text/html", charset="utf-8", headers=dict(headers)
    )


def _harmless(style: str) -> str | None:
    """Without what fetches something or leaves its place. The policy of the frame forbids the first as well; two lines
    of defence, and no complaint on the console of whoever reads.
    """
    kept = [
        each
        for each in re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL).split(";")
        if each.strip() and not _HARMFUL.search(each)
    ]
    return ";".join(kept) or None


def _range(request: web.Request, size: int) -> tuple[int, int]:
    """What part a player asks for when somebody moves along a recording; all of it when that makes no sense."""
    try:
        wanted = request.http_range
    except ValueError:
        return 0, size
    start = wanted.start or 0
    if start < 0:
        start = max(0, size + start)
    end = min(size, wanted.stop or size)
    return (start, end) if start < end else (0, size)


def _disposition(name: str, *, inline: bool) -> str:
    """RFC 6266: the name in UTF-8, and in ASCII for whoever does not read that."""
    name = tame(name)
    ascii_name = "".join(c if (c.isascii() and c.isalnum()) or c in "._- " else "_" for c in name)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{ascii_name or 'file'}\"; filename*=UTF-8''{quote(name or 'file')}"


PAGES: Final[Sequence[Page]] = (
    get("/files/{id}", file, Right.READ_MESSAGES),
    get("/messages/{id}/html", mail, Right.READ_MESSAGES),
)
