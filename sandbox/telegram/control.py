"""The stand-in's own door: people act and one sees what arrived, over HTTP with JSON.

POST /control/{token}/bot       {"username"?}                                    makes the bot
POST /control/{token}/write     {"user", "text", "name"?}
POST /control/{token}/start     {"user", "payload"?, "name"?}
POST /control/{token}/contact   {"user", "phone", "owner"?}
POST /control/{token}/photo     {"user", "caption"?}         POST …/document     {"user", "name"}
POST /control/{token}/press     {"user", "message_id", "data"}
POST /control/{token}/block     {"user", "blocked"?}         POST …/update       {"kind", …}
GET  /control/{token}/sent      what the bot sent, and how often each text was seen in each chat
POST /control/fault             {"kind", "method"?, "times"?, "status"?, "description"?, "seconds"?}
POST /control/recover           no more faults
"""

from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from aiohttp import web

from sandbox.telegram.bot_api import Telegram
from sandbox.telegram.faults import Fault
from sandbox.telegram.world import Bot, Json

PICTURE: Final = b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////"
    "wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
"""One grey pixel, a JPEG."""

_DEEDS: Final[dict[str, Callable[[Bot, Json], Any]]] = {
    "write": lambda bot, told: bot.writes(told["user"], told["text"], name=told.get("name", "")),
    "start": lambda bot, told: bot.starts(
        told["user"], told.get("payload", ""), name=told.get("name", "")
    ),
    "contact": lambda bot, told: bot.shares_contact(
        told["user"], told["phone"], owner=told.get("owner")
    ),
    "photo": lambda bot, told: bot.sends_photo(
        told["user"], PICTURE, caption=told.get("caption", "")
    ),
    "document": lambda bot, told: bot.sends_document(
        told["user"], b"%PDF-1.4\n", name=told["name"], mime="application/pdf"
    ),
    "press": lambda bot, told: bot.presses(told["user"], told["message_id"], told["data"]),
    "block": lambda bot, told: bot.blocks(told["user"], blocked=told.get("blocked", True)),
    "update": lambda bot, told: bot.update(told.pop("kind"), told),
}


def routes(telegram: Telegram) -> Sequence[web.RouteDef]:
    async def deed(request: web.Request) -> web.Response:
        token, name = request.match_info["token"], request.match_info["deed"]
        told = await request.json() if request.can_read_body else {}
        if name == "bot":
            bot = telegram.add_bot(token, told.get("username", "allo_test_bot"))
            return web.json_response(bot.me)
        if token not in telegram.bots or name not in _DEEDS:
            raise web.HTTPNotFound(text="no such bot, or nothing that people do\n")
        try:
            return web.json_response(_DEEDS[name](telegram.bots[token], told))
        except KeyError as missing:
            raise web.HTTPBadRequest(text=f"missing: {missing}\n") from None

    async def sent(request: web.Request) -> web.Response:
        bot = telegram.bots.get(request.match_info["token"])
        if bot is None:
            raise web.HTTPNotFound(text="no such bot\n")
        seen = Counter((each.chat, each.text) for each in bot.sent)
        return web.json_response(
            {
                "sent": [asdict(each) for each in bot.sent],
                "seen": [
                    {"chat": chat, "text": text, "times": times}
                    for (chat, text), times in seen.items()
                ],
                "waiting": len(bot.pending),
                "throttled": bot.meter.refused,
            }
        )

    return (
        *telegram.faults.control(Fault),
        web.get("/control/{token}/sent", sent),
        web.post("/control/{token}/{deed}", deed),
    )
