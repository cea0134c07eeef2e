"""Files on their way in, at the address a method has named, and out again, at addresses open to whoever knows them."""

import json
from typing import Final
from uuid import uuid4

from aiohttp import web

from sandbox.vk.world import Community, File

PHOTO_LIMIT: Final = 50_000_000
DOCUMENT_LIMIT: Final = 200_000_000
PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")
FORBIDDEN: Final = frozenset({"exe", "apk", "bat"})


async def take(community: Community, kind: str, request: web.Request) -> web.Response:
    """Photos → {server, photo, hash}; documents → {file}, or {error} for what VK does not take."""
    form = await request.post()
    given = form.get("photo" if kind == "photo" else "file", form.get("file0"))
    if not isinstance(given, web.FileField):
        return web.json_response({"error": "no_file", "error_descr": "No file"})
    content = given.file.read()
    token = uuid4().hex
    if kind == "photo":
        good = content.startswith(PICTURES) and len(content) <= PHOTO_LIMIT
        if good:
            community.uploaded[token] = File(given.filename, content, "image/jpeg")
        told = json.dumps([{"photo": token}] if good else [])
        return web.json_response({"server": 626627, "photo": told, "hash": uuid4().hex})
    ending = given.filename.rpartition(".")[2].lower()
    if not content or len(content) > DOCUMENT_LIMIT or ending in FORBIDDEN:
        return web.json_response({"error": "unknown error", "error_descr": "file not uploaded"})
    community.uploaded[token] = File(given.filename, content, "application/octet-stream")
    return web.json_response({"file": f"{token}|{kind}"})


def give(file: File | None) -> web.Response:
    if file is None or file.expired:
        return web.Response(status=404)
    if file.restricted:
        return web.Response(text="<html>Доступ ограничен</html>", content_type="text/html")
    return web.Response(body=file.content, content_type=file.mime)
