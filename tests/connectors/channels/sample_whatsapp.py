"""Requests that WhatsApp really makes, for the checks that every channel passes."""

from tests.connectors.channels.whatsapp_world import (
    a_body,
    a_change,
    a_message,
    a_request,
    a_status,
    an_account,
)

ACCOUNT = an_account()
_PICTURE = a_message(
    id="wamid.IN2", type="image", image={"id": "1003383421387256", "mime_type": "image/jpeg"}
)
REQUESTS = (
    a_request(a_body(a_change(a_message("Здравствуйте")))),
    a_request(a_body(a_change(_PICTURE, a_message("вот", id="wamid.IN3"), statuses=[a_status()]))),
    a_request(a_body(a_change(statuses=[a_status("failed", errors=[{"code": 131047}])]))),
)
