"""Messages from communities: what VK checks before it shows one, and the answer it gives."""

import json
from typing import Any, Final

from sandbox.vk.world import CHATS, Chat, Community, Delivered, Json

TEXT_LIMIT: Final = 4096
FILES: Final = 10


class Refusal(Exception):
    """`error`, in VK's words."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


def send(community: Community, fields: Json) -> Any:
    """One peer by `peer_id` → the message's id; several by `peer_ids` → what became of each."""
    if "random_id" not in fields:
        raise Refusal(100, "One of the parameters specified was missing or invalid: random_id is a required parameter")  # fmt: skip
    if "peer_ids" not in fields:
        return _send_to(community, whole(fields, "peer_id"), fields)["message_id"]
    told: list[Json] = []
    for each in str(fields["peer_ids"]).split(",")[:100]:
        try:
            told.append(_send_to(community, int(each), fields))
        except Refusal as refusal:
            error = {"code": refusal.code, "description": refusal.description}
            told.append({"peer_id": int(each), "message_id": 0, "error": error})
    return told


def whole(fields: Json, name: str) -> int:
    try:
        return int(fields[name])
    except (KeyError, ValueError):
        raise Refusal(100, f"One of the parameters specified was missing or invalid: {name}") from None  # fmt: skip


def _send_to(community: Community, peer: int, fields: Json) -> Json:
    random_id = whole(fields, "random_id")
    if random_id and random_id in community.sent_as:
        return community.sent_as[random_id]
    chat = _writable(community, peer)
    text = str(fields.get("message", ""))
    files = _files(community, str(fields.get("attachment", "")))
    if not text.strip() and not files:
        raise Refusal(100, "One of the parameters specified was missing or invalid: message is empty or invalid")  # fmt: skip
    if len(text) > TEXT_LIMIT:
        raise Refusal(914, "Message is too long")
    answered = _answered(chat, fields)
    content: Json = {"random_id": random_id} if random_id else {}
    if answered is not None:
        content["reply_message"] = chat.messages[answered]
    event = community.says(chat, text, **content)
    message = event["object"]
    number = message["conversation_message_id"]
    community.sent.append(
        Delivered(
            peer=peer, number=number, text=text, files=files, random_id=random_id, reply_to=answered
        )
    )
    told = {"peer_id": peer, "message_id": message["id"], "conversation_message_id": number}
    if random_id:
        community.sent_as[random_id] = told
    return told


def _writable(community: Community, peer: int) -> Chat:
    chat = community.chats.get(peer)
    if chat is None and peer > CHATS:
        raise Refusal(917, "You don't have access to this chat")
    if chat is not None and chat.blacklisted:
        raise Refusal(900, "Can't send messages for users from blacklist")
    if chat is None or not chat.allowed:
        raise Refusal(901, "Can't send messages for users without permission")
    return chat


def _files(community: Community, attachment: str) -> tuple[str, ...]:
    files = tuple(each for each in attachment.split(",") if each)
    if len(files) > FILES:
        raise Refusal(100, "One of the parameters specified was missing or invalid: attachment")
    for each in files:
        if each not in community.kept:
            raise Refusal(100, f"One of the parameters specified was missing or invalid: {each}")
    return files


def _answered(chat: Chat, fields: Json) -> int | None:
    if not fields.get("forward"):
        return None
    forward = json.loads(fields["forward"])
    (number,) = forward["conversation_message_ids"]
    if forward["peer_id"] != chat.peer or number not in chat.messages:
        raise Refusal(921, "Can't forward these messages")
    return int(number)
