"""A stand-in for WhatsApp's Cloud API, and the people who use WhatsApp.

`world` is what Meta knows: an app, its numbers, people, messages, files, templates; people write, read, react there.
`delivery` brings webhooks as Meta does: signed, in no order, again and again until they are answered 200. `graph_api` is
what businesses call, `sending` what becomes of a message; `faults` what can go wrong, `control` an HTTP door for people
and scripts.

    python -m sandbox.whatsapp --port 8082 --number 106540352242922 --token T --app-secret S
    curl -d '{"from": "79161234567", "text": "Здравствуйте"}' http://127.0.0.1:8082/control/106540352242922/write
    curl http://127.0.0.1:8082/control/106540352242922/sent

`api_base` is then http://127.0.0.1:8082. The behaviour is that of the Cloud API's reference (Graph API v26.0); pywa works
against it as a client and accepts its webhooks. `tempo` makes its waits shorter: 0.01 turns a minute into 0.6 seconds.
"""

from sandbox.whatsapp.faults import Fault
from sandbox.whatsapp.graph_api import WhatsApp
from sandbox.whatsapp.limits import Limits
from sandbox.whatsapp.world import Delivered, Number, Person

__all__ = ["Delivered", "Fault", "Limits", "Number", "Person", "WhatsApp"]
