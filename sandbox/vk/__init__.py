"""A stand-in for VK: the API of its communities, and the people who write to them.

`world` is what VK knows: communities, chats, messages, files; people write, press, react there. `delivery` brings
events to communities as VK does: to callback servers, confirmed first and retried, or by Bots Long Poll. `server` is
the HTTP side, `methods` what communities call, `messages` what they send; `uploads` takes files and gives them;
`faults` is what can go wrong on the way; `control` an HTTP door for people and scripts.

    python -m sandbox.vk --port 8082 --community 222=vk1.a.TEST
    curl -d '{"user": 700, "text": "Здравствуйте"}' http://127.0.0.1:8082/control/222/write
    curl http://127.0.0.1:8082/control/222/sent

The behaviour is that of https://dev.vk.com; the long polls of vk_api and vkbottle work against it. `tempo` makes its waits shorter:
0.01 turns a minute into 0.6 seconds.
"""

from sandbox.vk.faults import Fault
from sandbox.vk.limits import Limits
from sandbox.vk.server import VK
from sandbox.vk.world import Community, Delivered

__all__ = ["VK", "Community", "Delivered", "Fault", "Limits"]
