"""What bots call: the HTTP side of the stand-in. https://core.telegram.org/bots/api#available-methods

Requests may be JSON, form-encoded or multipart, as at Telegram's. A method that is not here answers 404 like an unknown one.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp import web

from sandbox.faults import Faults
from sandbox.serving import Served
from sandbox.telegram.delivery import Delivery
from sandbox.telegram.faults import Fault, refusal_answer
from sandbox.telegram.limits import Limits
from sandbox.telegram.messages import (
    MEDIA,
    Refusal,
    edit_text,
    send_album,
    send_media,
    send_message,
)
from sandbox.telegram.world import Bot, Json, Webhook

UPLOADS: Final = 60_000_000
FETCH_LIMIT: Final = 20_000_000


class Telegram(Served):
    """`running()` serves it; `url` is then the `api_base` to give to a bot."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        tempo: float = 1.0,
        limits: Limits | None = None,
        strict_webhooks: bool = False,
    ) -> None:
        super().__init__()
        self.now = now
        self.limits = limits or Limits()
        self.strict_webhooks = strict_webhooks
        self.bots: dict[str, Bot] = {}
        self.faults: Faults[Fault] = Faults()
        self.delivery = Delivery(tempo=tempo)
        self.calls: list[str] = []
        self._group: asyncio.TaskGroup | None = None
        self._pushing: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession | None = None

    def add_bot(
        self,
        token: str,
        username: str = "allo_test_bot",
        *,
        first_update: int = 870_001,
        first_message: int = 1,
    ) -> Bot:
        """`first_…`: where to go on counting, for a bot that an earlier stand-in served."""
        bot = Bot(
            token,
            username,
            self.now,
            self.delivery.news.beat,
            self.limits,
            first_update=first_update,
            first_message=first_message,
        )
        self.bots[token] = bot
        self._push(bot)
        return bot

    def _push(self, bot: Bot) -> None:
        if self._group is not None and self._http is not None:
            self._pushing.append(self._group.create_task(self.delivery.push(bot, self._http)))

    def go_wrong(self, *faults: Fault) -> None:
        self.faults.waiting.extend(faults)

    @asynccontextmanager
    async def running(
        self, *, host: str = "127.0.0.1", port: int = 0, routes: Sequence[web.RouteDef] = ()
    ) -> AsyncGenerator["Telegram"]:
        app = web.Application(client_max_size=UPLOADS)
        app.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._call),
                web.get("/file/bot{token}/{path:.+}", self._file),
                *routes,
            ]
        )
        async with (
            self.serving(app, host, port),
            aiohttp.ClientSession() as self._http,
            asyncio.TaskGroup() as self._group,
        ):
            for bot in self.bots.values():
                self._push(bot)
            yield self
            for task in self._pushing:
                task.cancel()
            self._pushing.clear()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append(method)
        return await self.faults.between(request, method, self._do)

    async def _do(self, request: web.Request) -> web.Response:
        bot = self.bots.get(request.match_info["token"])
        if bot is None:
            return refusal_answer(401, "Unauthorized")
        method = request.match_info["method"].lower()
        fields, files = await _fields(request)
        try:
            result = await self._result(bot, method, fields, files)
        except Refusal as refusal:
            return refusal_answer(refusal.status, refusal.description, refusal.parameters)
        return web.json_response({"ok": True, "result": result})

    async def _result(
        self, bot: Bot, method: str, fields: Json, files: dict[str, tuple[str, bytes]]
    ) -> Any:
        if method in MEDIA:
            return await send_media(bot, MEDIA[method], fields, files)
        if method == "sendmediagroup":
            return await send_album(bot, fields, files)
        known: dict[str, Callable[[Bot, Json], Awaitable[Any]]] = {
            "getme": _get_me,
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": _get_webhook_info,
            "getfile": _get_file,
            "sendmessage": send_message,
            "editmessagetext": edit_text,
            "answercallbackquery": _answer,
            "sendchataction": _act,
        }
        if method not in known:
            raise Refusal(404, "Not Found: method not found")
        return await known[method](bot, fields)

    async def _get_updates(self, bot: Bot, fields: Json) -> list[Json]:
        if bot.webhook is not None:
            raise Refusal(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        if "allowed_updates" in fields:
            bot.allowed = frozenset(fields["allowed_updates"])
        updates = await self.delivery.get_updates(
            bot,
            offset=int(fields["offset"]) if "offset" in fields else None,
            limit=int(fields.get("limit", 100)),
            timeout=min(float(fields.get("timeout", 0)), 50),
        )
        if updates is None:
            raise Refusal(
                409,
                "Conflict: terminated by other getUpdates request; "
                "make sure that only one bot instance is running",
            )
        return updates

    async def _set_webhook(self, bot: Bot, fields: Json) -> bool:
        url = fields.get("url", "")
        if not url:
            return await self._delete_webhook(bot, fields)
        if self.strict_webhooks and not url.startswith("https://"):
            raise Refusal(
                400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
            )
        bot.webhook = Webhook(
            url, fields.get("secret_token", ""), int(fields.get("max_connections", 40))
        )
        bot.allowed = frozenset(fields.get("allowed_updates", ()))
        return self._forget(bot, fields)

    async def _delete_webhook(self, bot: Bot, fields: Json) -> bool:
        bot.webhook = None
        return self._forget(bot, fields)

    def _forget(self, bot: Bot, fields: Json) -> bool:
        if fields.get("drop_pending_updates") in {True, "true", "True"}:
            bot.pending.clear()
        self.delivery.news.beat()
        return True

    async def _file(self, request: web.Request) -> web.StreamResponse:
        bot = self.bots.get(request.match_info["token"])
        path = request.match_info["path"]
        file = (
            next((each for each in bot.files.values() if each.path == path), None) if bot else None
        )
        return refusal_answer(404, "Not Found") if file is None else web.Response(body=file.content)


async def _fields(request: web.Request) -> tuple[Json, dict[str, tuple[str, bytes]]]:
    """Nested values are JSON in strings, also in multipart and query."""
    fields: Json = {name: _value(value) for name, value in request.query.items()}
    files: dict[str, tuple[str, bytes]] = {}
    if request.content_type == "application/json":
        return fields | await request.json(), files
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = (value.filename, value.file.read())
        else:
            fields[name] = _value(str(value))
    return fields, files


def _value(text: str) -> Any:
    if text[:1] in {"{", "["}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


async def _get_me(bot: Bot, fields: Json) -> Json:
    return bot.me


async def _act(bot: Bot, fields: Json) -> bool:
    bot.actions.append((int(fields["chat_id"]), fields["action"]))
    return True


async def _get_webhook_info(bot: Bot, fields: Json) -> Json:
    info: Json = {
        "url": bot.webhook.url if bot.webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(bot.pending),
    }
    if bot.webhook and bot.webhook.last_error:
        info |= {"last_error_message": bot.webhook.last_error, "last_error_date": int(bot.now())}
    return info


async def _get_file(bot: Bot, fields: Json) -> Json:
    file = bot.files.get(fields.get("file_id", ""))
    if file is None:
        raise Refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
    if len(file.content) > FETCH_LIMIT:
        raise Refusal(400, "Bad Request: file is too big")
    return {
        "file_id": fields["file_id"],
        "file_unique_id": "u" + fields["file_id"],
        "file_size": len(file.content),
        "file_path": file.path,
    }


async def _answer(bot: Bot, fields: Json) -> bool:
    query = fields.get("callback_query_id", "")
    if not query.startswith("q"):
        raise Refusal(
            400,
            "Bad Request: query is too old and response timeout expired or query ID is invalid",
        )
    bot.answered.append(query)
    return True
