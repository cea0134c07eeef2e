"""Stylesheets, scripts and icons: read once, served from memory under an address that changes with their content."""

import gzip
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from aiohttp import web

_FOLDER: Final = Path(__file__).parent / "static"
_WORTH_COMPRESSING: Final = 1024
_IMPORT: Final = re.compile(r'^import\b[^;]*?"\./([\w.]+)";', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    content: bytes
    zipped: bytes
    mime: str


@cache
def static_files() -> dict[str, StaticFile]:
    """By their path below `static/`."""
    found: dict[str, StaticFile] = {}
    for path in sorted(_FOLDER.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        zipped = gzip.compress(content, mtime=0) if len(content) > _WORTH_COMPRESSING else b""
        mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[path.relative_to(_FOLDER).as_posix()] = StaticFile(
            content=content, zipped=zipped, mime=mime
        )
    return found


@cache
def modules_of(name: str) -> tuple[str, ...]:
    """A script and all that it imports, however deep: named in the page, they are fetched at once and not one after the other."""
    found: dict[str, None] = {}
    asked = [name]
    while asked:
        one = asked.pop()
        if one in found or one not in static_files():
            continue
        found[one] = None
        imported = _IMPORT.findall(static_files()[one].content.decode())
        asked += [f"{one.rpartition('/')[0]}/{each}" for each in imported]
    return tuple(found)


@cache
def version() -> str:
    digest = blake2b(digest_size=6)
    for name, file in static_files().items():
        digest.update(name.encode() + b"\0" + file.content)
    return digest.hexdigest()


async def serve(request: web.Request) -> web.Response:
    """Any version in the address is answered with the files there are: a page kept open over an update goes on."""
    file = static_files().get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    headers = {
        "Content-Type": file.mime + ("; charset=utf-8" if file.mime.startswith("text/") else ""),
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
        "Cache-Control": (
            "public, max-age=31536000, immutable"
            if request.match_info["version"] == version()
            else "no-cache"
        ),
    }
    if file.zipped and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=file.zipped, headers=headers)
    return web.Response(body=file.content, headers=headers)
