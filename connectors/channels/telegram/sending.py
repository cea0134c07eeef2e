"""Replies to Telegram, one part at a time: https://core.telegram.org/bots/api#sendmessage

Texts go out without a parse mode, so that nothing a manager types can be misread as markup. The methods and their
types are aiogram's. Importing it builds the models of the whole Bot API, some 140 MB and seconds; so this module is
imported when the first reply goes out (see `first_send`), and a process that only receives never pays.
"""

from typing import Any, Final

import aiohttp
from aiogram import Bot
from aiogram.methods import (
    SendAnimation,
    SendAudio,
    SendDocument,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
    SendVideo,
    SendVoice,
)
from aiogram.types import (
    BufferedInputFile,
    InputMediaPhoto,
    InputMediaVideo,
    MediaUnion,
    Message,
    ReplyParameters,
)

from connectors.channels.telegram.aiogram_session import OurSession
from connectors.channels.telegram.bot_api import token_of
from connectors.channels.telegram.parts import is_photo, is_video
from connectors.channels.telegram.people import split_chat_id
from connectors.connector import Account, Outgoing, OutgoingFile, Sent
from connectors.errors import Rejected

UPLOAD_SECONDS: Final = 180
"""For 50 MB at about 3 Mbit/s."""

_UNFIT_PICTURES: Final = ("PHOTO_INVALID_DIMENSIONS", "IMAGE_PROCESS_FAILED", "PHOTO_EXT_INVALID")


async def send(account: Account, outgoing: Outgoing, http: aiohttp.ClientSession) -> Sent:
    """Raises a SendError. An album is one message to us: the first of its numbers stands for it."""
    bot = Bot(token_of(account), session=OurSession(account, http))
    where = _where(outgoing)
    if not outgoing.files:
        message = await bot(SendMessage(text=outgoing.text, **where))
    elif len(outgoing.files) == 1:
        message = await _send_file(bot, outgoing, outgoing.files[0], where)
    else:
        album = await bot(
            SendMediaGroup(media=await _album(outgoing), **where), request_timeout=UPLOAD_SECONDS
        )
        message = album[0]
    return Sent(external_id=f"{outgoing.chat}:{message.message_id}")


def _where(outgoing: Outgoing) -> dict[str, Any]:
    """The chat, its business account and topic, and what is answered; an answer to nothing is still sent."""
    chat, connection = split_chat_id(outgoing.chat)
    where: dict[str, Any] = {"chat_id": chat}
    if connection:
        where["business_connection_id"] = connection
    topic = outgoing.details.get("topic")
    if isinstance(topic, int):
        where["message_thread_id"] = topic
    answered = outgoing.reply_to.rpartition(":")[2]
    if answered.isdecimal():
        where["reply_parameters"] = ReplyParameters(
            message_id=int(answered), allow_sending_without_reply=True
        )
    return where


async def _send_file(
    bot: Bot, outgoing: Outgoing, file: OutgoingFile, where: dict[str, Any]
) -> Message:
    content = BufferedInputFile(await file.read(), filename=file.name or "file")
    words = where | {"caption": outgoing.text or None}
    if is_photo(file):
        try:
            return await bot(SendPhoto(photo=content, **words), request_timeout=UPLOAD_SECONDS)
        except Rejected as refusal:
            # A picture that Telegram cannot scale goes out as the file it is.
            if not any(each in str(refusal) for each in _UNFIT_PICTURES):
                raise
    return await bot(_method(file, content, words), request_timeout=UPLOAD_SECONDS)


def _method(
    file: OutgoingFile, content: BufferedInputFile, words: dict[str, Any]
) -> SendAnimation | SendAudio | SendDocument | SendVideo | SendVoice:
    """Bot API: voice is OGG/Opus, MP3 or M4A; audio MP3 or M4A; video MPEG4; all else is a document."""
    if is_video(file):
        return SendVideo(video=content, supports_streaming=True, **words)
    if file.kind == "animation" and file.mime in {"image/gif", "video/mp4"}:
        return SendAnimation(animation=content, **words)
    if file.kind == "voice" and file.mime in {"audio/ogg", "audio/mpeg", "audio/mp4"}:
        return SendVoice(voice=content, **words)
    if file.kind == "audio" and file.mime in {"audio/mpeg", "audio/mp4", "audio/x-m4a"}:
        return SendAudio(audio=content, **words)
    return SendDocument(document=content, disable_content_type_detection=True, **words)


async def _album(outgoing: Outgoing) -> list[MediaUnion]:
    album: list[MediaUnion] = []
    for file in outgoing.files:
        content = BufferedInputFile(await file.read(), filename=file.name or "file")
        # The caption of the first item is shown as the album's.
        caption = None if album else outgoing.text or None
        if is_video(file):
            album.append(InputMediaVideo(media=content, caption=caption))
        else:
            album.append(InputMediaPhoto(media=content, caption=caption))
    return album
