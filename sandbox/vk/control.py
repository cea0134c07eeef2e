"""The stand-in's own door: people act and one sees what arrived, over HTTP with JSON.

POST /control/{group}/community  {"token"}                                       makes the community
POST /control/{group}/write      {"user", "text", "name"?, "peer"?, "ref"?, "ref_source"?, "payload"?}
POST /control/{group}/photo      {"user", "text"?}            POST …/document    {"user", "name"}
POST /control/{group}/edit       {"user", "number", "text"}   POST …/react       {"user", "number", "reaction"}
POST /control/{group}/press      {"user", "number", "payload"}
POST /control/{group}/allow      {"user", "key"?}             POST …/deny        {"user"}
POST /control/{group}/read       {"user"}                     POST …/join        {"user"}
POST /control/{group}/answer     {"user", "text"}             a colleague answers in VK's own window
POST /control/{group}/event      {"kind", …}                  any event
GET  /control/{group}/sent       what the community sent, and how often each text was seen in each chat
POST /control/fault              {"kind", "method"?, "times"?, "code"?, "description"?, "status"?, "seconds"?}
POST /control/recover            no more faults
"""

from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from aiohttp import web

from sandbox.vk.faults import Fault
from sandbox.vk.server import VK
from sandbox.vk.world import Community, Json

PICTURE: Final = b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////"
    "wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
"""One grey pixel, a JPEG."""

_DEEDS: Final[dict[str, Callable[[Community, Json], Any]]] = {
    "write": lambda community, told: community.writes(told.pop("user"), told.pop("text", ""), **told),
    "photo": lambda community, told: community.sends_photo(
        told["user"], PICTURE, text=told.get("text", "")
    ),
    "document": lambda community, told: community.sends_document(
        told["user"], b"%PDF-1.4\n", name=told["name"]
    ),
    "edit": lambda community, told: community.edits(told["user"], told["number"], told["text"]),
    "react": lambda community, told: community.reacts(
        told["user"], told["number"], told.get("reaction")
    ),
    "press": lambda community, told: community.presses(
        told["user"], told["number"], told["payload"]
    ),
    "allow": lambda community, told: community.allows(told["user"], key=told.get("key", "")),
    "deny": lambda community, told: community.denies(told["user"]),
    "read": lambda community, told: community.reads(told["user"]),
    "join": lambda community, told: community.joins(told["user"]),
    "answer": lambda community, told: community.answers_in_vk(told["user"], told["text"]),
    "event": lambda community, told: community.tells(told.pop("kind"), told),
}  # fmt: skip


def routes(vk: VK) -> Sequence[web.RouteDef]:
    async def deed(request: web.Request) -> web.Response:
        number, name = int(request.match_info["group"]), request.match_info["deed"]
        told = await request.json() if request.can_read_body else {}
        if name == "community":
            vk.add_community(number, told["token"])
            return web.Response(status=204)
        if number not in vk.communities or name not in _DEEDS:
            raise web.HTTPNotFound(text="no such community, or nothing that people do\n")
        try:
            return web.json_response(_DEEDS[name](vk.communities[number], told))
        except KeyError as missing:
            raise web.HTTPBadRequest(text=f"missing: {missing}\n") from None

    async def sent(request: web.Request) -> web.Response:
        community = vk.communities.get(int(request.match_info["group"]))
        if community is None:
            raise web.HTTPNotFound(text="no such community\n")
        seen = Counter((each.peer, each.text) for each in community.sent)
        return web.json_response(
            {
                "sent": [asdict(each) for each in community.sent],
                "seen": [
                    {"peer": peer, "text": text, "times": times}
                    for (peer, text), times in seen.items()
                ],
                "throttled": community.meter.refused,
                "most_in_a_second": community.meter.most,
                "confirmation": community.confirmation,
            }
        )

    return (
        *vk.faults.control(Fault),
        web.get("/control/{group:[0-9]+}/sent", sent),
        web.post("/control/{group:[0-9]+}/{deed}", deed),
    )
