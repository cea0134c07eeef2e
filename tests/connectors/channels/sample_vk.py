"""Requests that VK really makes, for the checks that every channel passes."""

from tests.connectors.channels.vk_world import (
    ANNA,
    GROUP,
    a_message_new,
    a_reply,
    a_request,
    an_account,
    an_event,
)

ACCOUNT = an_account()
PHOTO = {"type": "photo", "photo": {"id": 457, "owner_id": ANNA, "sizes": [{"type": "w", "width": 2560, "height": 1920, "url": "https://sun9-1.userapi.com/w.jpg"}]}}  # fmt: skip
REQUESTS = (
    a_request(a_message_new(text="Здравствуйте", ref="spring_ad", ref_source="vk_ads_77")),
    a_request(a_message_new(event_id="e1", attachments=[PHOTO])),
    a_request(a_reply(event_id="e2", text="Ответ", admin_author_id=42, random_id=77)),
    a_request(
        an_event(
            "message_event",
            {"user_id": ANNA, "peer_id": ANNA, "event_id": "55bca8", "payload": {"a": "yes"}},
            event_id="e3",
        )
    ),
    a_request(
        an_event(
            "message_reaction_event",
            {"reacted_id": ANNA, "peer_id": ANNA, "cmid": 58, "reaction_id": 4, "group": -GROUP},
            event_id="e4",
        )
    ),
)
