"""The stand-in's own door: people act and one sees what arrived, over HTTP with JSON.

POST /control/{number}/webhook   {"url", "verify_token"?}                       where events go
POST /control/{number}/write     {"from", "text", "name"?, …}                   POST …/click  {"from", "text", …}
POST /control/{number}/photo     {"from", "caption"?}                           POST …/react  {"from", "id", "emoji"?}
POST /control/{number}/read      {"id"}                                         POST …/revoke {"from", "id"}
POST /control/{number}/post      {"from", "content": {…}}                       any message, as in the webhook
POST /control/{number}/template  {"name", "body", "language"?, "status"?}
GET  /control/{number}/sent      what the number sent, how often each text was seen, how often it was too fast
POST /control/fault              {"kind", "what"?, "times"?, "status"?, "code"?, "retry_after"?, "seconds"?}
POST /control/recover            no more faults
"""

from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiohttp import web

from sandbox.whatsapp.faults import Fault
from sandbox.whatsapp.graph_api import WhatsApp
from sandbox.whatsapp.world import Json, Number, Template, Webhook

PICTURE: Final = b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////"
    "wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
"""One grey pixel, a JPEG."""


def _set_webhook(number: Number, told: Json) -> Json:
    number.webhook = Webhook(told["url"], told.get("verify_token", ""))
    return {"success": True}


def _add_template(number: Number, told: Json) -> Json:
    number.templates.append(Template(**told))
    return number.templates[-1].about


def _without_from(told: Json) -> Json:
    return {name: value for name, value in told.items() if name not in {"from", "text"}}


_DEEDS: Final[dict[str, Callable[[Number, Json], Any]]] = {
    "webhook": _set_webhook,
    "template": _add_template,
    "write": lambda number, told: number.writes(told["from"], told["text"], **_without_from(told)),
    "click": lambda number, told: number.clicks_advertisement(
        told["from"], told["text"], **_without_from(told)
    ),
    "photo": lambda number, told: number.sends_file(
        told["from"], PICTURE, **({"caption": told["caption"]} if "caption" in told else {})
    ),
    "post": lambda number, told: number.posts(told["from"], told["content"]),
    "react": lambda number, told: number.reacts(told["from"], told["id"], told.get("emoji", "")),
    "revoke": lambda number, told: number.revokes(told["from"], told["id"]),
    "read": lambda number, told: number.reads(told["id"]),
}


def routes(whatsapp: WhatsApp) -> Sequence[web.RouteDef]:
    async def deed(request: web.Request) -> web.Response:
        number = whatsapp.numbers.get(request.match_info["number"])
        act = _DEEDS.get(request.match_info["deed"])
        if number is None or act is None:
            raise web.HTTPNotFound(text="no such number, or nothing that people do\n")
        try:
            return web.json_response(act(number, await request.json()))
        except (KeyError, StopIteration) as missing:
            raise web.HTTPBadRequest(text=f"missing: {missing}\n") from None

    async def sent(request: web.Request) -> web.Response:
        number = whatsapp.numbers.get(request.match_info["number"])
        if number is None:
            raise web.HTTPNotFound(text="no such number\n")
        seen = Counter((each.to, each.text) for each in number.sent)
        return web.json_response(
            {
                "sent": [
                    {
                        "id": each.id,
                        "to": each.to,
                        "kind": each.kind,
                        "text": each.text,
                        "file": each.file,
                        "reply_to": each.reply_to,
                        "template": each.template,
                    }
                    for each in number.sent
                ],
                "seen": [
                    {"to": to, "text": text, "times": times} for (to, text), times in seen.items()
                ],
                "waiting": whatsapp.waiting,
                "throttled": number.meter.refused,
            }
        )

    return (
        *whatsapp.faults.control(Fault),
        web.get("/control/{number}/sent", sent),
        web.post("/control/{number}/{deed}", deed),
    )
