"""Replies to WhatsApp, one part at a time. https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages

The answer says only that the message was accepted; what became of it comes as statuses, with our own name for it
(`biz_opaque_callback_data`), which is how a message is recognised whose request had no answer. There is no idempotency
key: the same request twice is two messages.
"""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from msgspec import Struct

from connectors.channels.whatsapp.graph_api import call, own_number
from connectors.channels.whatsapp.parts import family_of
from connectors.channels.whatsapp.people import is_user_id
from connectors.channels.whatsapp.refusals import MediaNotTaken, NotByUserId
from connectors.channels.whatsapp.templates import components_of
from connectors.connector import Account, Outgoing, OutgoingFile, Sent
from connectors.errors import OutcomeUnknown, Rejected, Unreachable

UPLOAD_S: Final = 40
"""Seconds for one file: the deliverer allows a message 45."""


class _MessageId(Struct, frozen=True):
    id: str


class _Accepted(Struct, frozen=True):
    messages: tuple[_MessageId, ...]


class _Uploaded(Struct, frozen=True):
    id: str


async def send(account: Account, outgoing: Outgoing, http: aiohttp.ClientSession) -> Sent:
    """Raises a SendError."""
    try:
        return await _send(account, outgoing, http)
    except (NotByUserId, MediaNotTaken) as refused:
        # What is special about them was tried; outside they are refusals like any other.
        raise Rejected(str(refused)) from refused


async def _send(account: Account, outgoing: Outgoing, http: aiohttp.ClientSession) -> Sent:
    recipient = _recipient(outgoing.chat, outgoing.chat_kind)
    message = await _message(account, outgoing, http)
    try:
        return await _post(account, http, recipient | message)
    except NotByUserId:
        number = _number(outgoing.to)
        if not number:
            raise
        return await _post(account, http, _recipient(number, "private") | message)
    except MediaNotTaken:
        if not outgoing.files:
            raise
        # Meta: upload it again, once.
        message = await _message(account, outgoing, http)
        return await _post(account, http, recipient | message)


async def _post(account: Account, http: aiohttp.ClientSession, message: dict[str, Any]) -> Sent:
    accepted = await call(
        account,
        http,
        "POST",
        f"{own_number(account)}/messages",
        _Accepted,
        json={"messaging_product": "whatsapp", **message},
    )
    if not accepted.messages:
        raise OutcomeUnknown("WhatsApp's answer names no message")
    return Sent(external_id=accepted.messages[0].id)


def _recipient(chat: str, chat_kind: str) -> dict[str, str]:
    """A group and a number are `to`, a person known by their user id `recipient` (business-scoped-user-ids)."""
    if chat_kind == "group":
        return {"recipient_type": "group", "to": chat}
    who = {"recipient": chat} if is_user_id(chat) else {"to": chat}
    return {"recipient_type": "individual", **who}


def _number(address: str) -> str:
    """The digits of a contact's number; "" when the address is none."""
    digits = address.removeprefix("+")
    return digits if digits.isascii() and digits.isdecimal() else ""


async def _message(
    account: Account, outgoing: Outgoing, http: aiohttp.ClientSession
) -> dict[str, Any]:
    message: dict[str, Any] = {"biz_opaque_callback_data": str(outgoing.id)}
    if outgoing.reply_to:
        message["context"] = {"message_id": outgoing.reply_to}
    template = outgoing.details.get("template")
    if isinstance(template, Mapping):
        return message | {"type": "template", "template": components_of(template)}
    if outgoing.files:
        (file,) = outgoing.files
        return message | await _media(account, outgoing, file, http)
    return message | {"type": "text", "text": {"body": outgoing.text, "preview_url": False}}


async def _media(
    account: Account, outgoing: Outgoing, file: OutgoingFile, http: aiohttp.ClientSession
) -> dict[str, Any]:
    family = family_of(file)
    media: dict[str, Any] = {"id": await _upload(account, file, http)}
    if outgoing.text and family != "audio":
        media["caption"] = outgoing.text
    if family == "document":
        media["filename"] = file.name or "file"
    return {"type": family, family: media}


async def _upload(account: Account, file: OutgoingFile, http: aiohttp.ClientSession) -> str:
    """The file's id at WhatsApp, good for 30 days. Nobody sees an upload, so one without an answer may be repeated."""
    form = aiohttp.FormData(quote_fields=False)
    mime = file.mime or "application/octet-stream"
    form.add_field("messaging_product", "whatsapp")
    form.add_field("type", mime)
    form.add_field("file", await file.read(), filename=_header_safe(file.name), content_type=mime)
    try:
        uploaded = await call(
            account,
            http,
            "POST",
            f"{own_number(account)}/media",
            _Uploaded,
            data=form,
            timeout=UPLOAD_S,
        )
    except OutcomeUnknown as error:
        raise Unreachable(str(error)) from error
    return uploaded.id


def _header_safe(name: str) -> str:
    return (
        "".join(char for char in name if char.isprintable() and char not in '"\\')[:200] or "file"
    )
