"""Real events from a public test suite, and one of every kind in VK's schema: each becomes an event, or says why not."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.connector import Received
from router.message import Accepted, InboundMessage, ServiceEvent
from router.wire import decode_event, encode_event
from tests.connectors.channels.vk_world import (
    ANNA,
    AT,
    CONFIRMATION,
    GROUP,
    NOON,
    SECRET,
    a_message,
    an_account,
    an_event,
    received,
)

FOLDER = Path(__file__).parents[1] / "payloads" / "vk"
RECORDED = sorted((FOLDER / "vkwave").glob("*.json"))
SCHEMA = json.loads((FOLDER / "schema" / "objects.json").read_text())["definitions"]
KINDS: list[str] = SCHEMA["callback_type"]["enum"]

DEFINED_AS = {
    "message_reply": "callback_message",
    "message_edit": "callback_message",
    "messages_edit": "callback_message",
    "wall_reply_delete": "callback_wall_comment_delete",
    "market_comment_new": "callback_market_comment",
    "market_comment_edit": "callback_market_comment",
    "market_comment_restore": "callback_market_comment",
    "photo_comment_new": "callback_photo_comment",
    "photo_comment_edit": "callback_photo_comment",
    "photo_comment_restore": "callback_photo_comment",
    "video_comment_new": "callback_video_comment",
    "video_comment_edit": "callback_video_comment",
    "video_comment_restore": "callback_video_comment",
}
"""By what the schema itself says of a kind that has no definition of its name."""

IN_OTHER_FILES = {
    "messages_message": a_message(text="а"),
    "messages_foreign_message": {"from_id": ANNA, "date": AT, "text": "б", "attachments": []},
    "base_bool_int": 1,
    "messages_template_action_type_names": "text",
}
"""What the schema refers to and is not part of it; the rest is some object with a number."""


def an_instance(definition: dict[str, Any], depth: int = 6) -> Any:  # noqa: C901, PLR0911  # JSON Schema has so many cases
    """Something the definition describes, every property present, nested ones a few times."""
    told: dict[str, Any] = {}
    reference = definition.get("$ref", "")
    name = reference.rpartition("/")[2]
    if name and not reference.startswith("../callback/"):
        return IN_OTHER_FILES.get(name, {"id": 1, "owner_id": ANNA, "text": "в", "date": AT})
    if name:
        return an_instance(SCHEMA[name], depth - 1) if depth else None
    for part in definition.get("allOf", ()):
        value = an_instance(part, depth)
        told |= value if isinstance(value, dict) else {}
    for field, about in definition.get("properties", {}).items():
        value = an_instance(about, depth - 1) if depth else None
        if value is not None:
            told[field] = value
    if told:
        return told
    match definition.get("type"):
        case "integer":
            return definition.get("enum", [ANNA if definition.get("entity") else 1])[-1]
        case "number":
            return 1.5
        case "boolean":
            return True
        case "string":
            return definition.get("enum", ["текст"])[0]
        case "array":
            item = an_instance(definition["items"], depth - 1) if depth else None
            return [] if item is None else [item]
        case _:
            return {}


def of_the_schema(kind: str) -> bytes:
    name = DEFINED_AS.get(kind, f"callback_{kind}")
    return an_event(kind, an_instance(SCHEMA[name]) if name in SCHEMA else {"user_id": ANNA})


def recorded(path: Path) -> bytes:
    """As it came, under our own community and secret."""
    told = json.loads(path.read_text())
    own = json.dumps(told).replace(f'"from_id": -{told["group_id"]}', f'"from_id": -{GROUP}')
    return json.dumps(json.loads(own) | {"group_id": GROUP, "secret": SECRET}).encode()


def sound(found: Received) -> None:
    assert len(found.incoming) + len(found.ignored) == 1
    assert all(":" in each for each in found.ignored)
    assert found.answer.body in {b"ok", CONFIRMATION.encode()}
    for each in found.incoming:
        accepted = Accepted(
            id=an_account().id, account=an_account().id, channel="vk", received_at=NOON, event=each.event
        )  # fmt: skip
        assert decode_event(encode_event(accepted)) == accepted


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_event_becomes_an_event_or_says_why_not(path: Path) -> None:
    sound(received(recorded(path)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_of_every_kind_in_the_schema_becomes_one_or_says_why_not(kind: str) -> None:
    sound(received(of_the_schema(kind)))


def outcomes(bodies: Iterator[tuple[str, bytes]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for kind, body in bodies:
        took = received(body)
        for each in took.incoming:
            event = each.event
            outcome = type(event).__name__
            if isinstance(event, InboundMessage) and event.kind == "unsupported":
                outcome = "unsupported"
            if isinstance(event, ServiceEvent) and "unsupported" in event.details:
                outcome = "unreadable"
            found.setdefault(outcome, set()).add(kind)
        for reason in took.ignored:
            found.setdefault(f"ignored: {reason.partition(':')[0]}", set()).add(kind)
    return found


def test_what_people_tell_the_community_is_never_ignored() -> None:
    found = outcomes((kind, of_the_schema(kind)) for kind in KINDS)
    assert "unreadable" not in found
    assert "unsupported" not in found
    assert "ignored: unknown type" not in found
    assert found["InboundMessage"] == {"message_new", "message_reply", "lead_forms_new", "market_order_new"}  # fmt: skip
    assert found["MessageEdited"] == {"message_edit", "messages_edit"}
    assert found["ServiceEvent"] == {
        *("message_allow", "message_deny", "group_join", "group_leave", "user_block", "user_unblock")
    }  # fmt: skip
    assert found["ReactionChanged"] == {"message_reaction_event"}
    assert found["DeliveryReported"] == {"message_read"}


def test_the_recorded_ones_are_counted() -> None:
    counted = Counter[str]()
    for outcome, kinds in outcomes((path.stem, recorded(path)) for path in RECORDED).items():
        counted[outcome] += len(kinds)
    assert counted == {
        "InboundMessage": 2,
        "ServiceEvent": 5,
        "ignored: message_typing_state": 1,
        "ignored: group": 2,
        "ignored: photo": 3,
        "ignored: wall": 1,
        "ignored: poll": 1,
    }
