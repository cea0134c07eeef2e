"""Replies to VK, one part at a time: https://dev.vk.com/ru/method/messages.send

Sent with `random_id`, which is made of the reply's own id and the part's number: VK answers a repetition with the
message that is there, and shows nothing twice. How long it remembers is told differently (an hour, or for ever).
With `peer_ids`, even of one, the answer has the message's number within its chat, which events name it by. VK shows
text as it is typed; there is no markup to escape.
"""

import json
from typing import Any, Final

import aiohttp

from connectors.channels.vk.method_calls import call, upload
from connectors.channels.vk.parts import PART, is_photo, is_voice
from connectors.channels.vk.people import external_id, peer_of
from connectors.channels.vk.refusals import Refusal, Refused, refused
from connectors.connector import Account, Outgoing, OutgoingFile, Sent
from connectors.errors import OutcomeUnknown, Rejected
from router.ids import sending_number

_UNFIT_ANSWER: Final = frozenset({100, 921})
"""Said of an answer to a message that is gone or cannot be answered, among other things."""


async def send(account: Account, outgoing: Outgoing, http: aiohttp.ClientSession) -> Sent:
    """Raises a SendError."""
    peer = peer_of(outgoing.chat)
    values: dict[str, Any] = {
        "peer_ids": peer,
        "random_id": sending_number(outgoing.id, _part(outgoing)),
        "message": outgoing.text,
    }
    if outgoing.files:
        kept = [await _kept(account, http, peer, file) for file in outgoing.files]
        values["attachment"] = ",".join(kept)
    answered = _answered(outgoing, peer)
    if answered is None:
        return await _send(account, http, peer, values)
    try:
        return await _send(account, http, peer, values | {"forward": answered})
    except Refused as refusal:
        # An answer to nothing is still sent; whatever else VK does not like, it says again.
        if refusal.code not in _UNFIT_ANSWER:
            raise
        return await _send(account, http, peer, values)


def _part(outgoing: Outgoing) -> int:
    part = outgoing.details.get(PART, 0)
    return part if isinstance(part, int) else 0


def _answered(outgoing: Outgoing, peer: int) -> str | None:
    chat, _, number = outgoing.reply_to.rpartition(":")
    if chat != str(peer) or not number.isdecimal():
        return None
    return json.dumps(
        {"peer_id": peer, "conversation_message_ids": [int(number)], "is_reply": True}
    )


async def _send(
    account: Account, http: aiohttp.ClientSession, peer: int, values: dict[str, Any]
) -> Sent:
    answer = await call(account, http, "messages.send", values)
    # [{"peer_id", "message_id", "conversation_message_id"} or {"peer_id", "error": {"code", "description"}}]
    told = answer[0] if isinstance(answer, list) and answer else answer
    if isinstance(told, dict) and "error" in told:
        raise refused(Refusal.of(told["error"]))
    if isinstance(told, dict):
        numbers = (told.get("conversation_message_id"), told.get("message_id"))
        own_id = external_id(peer, *(each if isinstance(each, int) else None for each in numbers))
    else:
        own_id = external_id(peer, None, told if isinstance(told, int) else None)
    if not own_id:
        raise OutcomeUnknown("VK took it, but its answer could not be read")
    return Sent(external_id=own_id)


async def _kept(
    account: Account, http: aiohttp.ClientSession, peer: int, file: OutgoingFile
) -> str:
    """The file as a message names it: photo-222_457_key."""
    content, name = await file.read(), file.name or "file"
    if is_photo(file):
        try:
            saved = await upload(account, http, "photo", peer=peer, content=content, name=name)
            return _named("photo", saved[0] if isinstance(saved, list) and saved else None)
        except Rejected:
            # A picture that VK cannot read or scale goes out as the file it is.
            pass
    how = "audio_message" if is_voice(file) else "doc"
    saved = await upload(account, http, how, peer=peer, content=content, name=name)
    if isinstance(saved, list):
        # Before 5.92 docs.save answered with a list of documents.
        return _named("doc", saved[0] if saved else None)
    kind = saved.get("type") if isinstance(saved, dict) else None
    return _named("doc", saved.get(kind) if isinstance(kind, str) else None)


def _named(kind: str, saved: Any) -> str:
    if not isinstance(saved, dict) or not {"owner_id", "id"} <= saved.keys():
        raise Rejected("VK did not take the file")
    key = f"_{saved['access_key']}" if saved.get("access_key") else ""
    return f"{kind}{saved['owner_id']}_{saved['id']}{key}"
