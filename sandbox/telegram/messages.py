"""Messages from bots: what Telegram checks before it shows one, and the answer it gives."""

from typing import Any, Final

from sandbox.telegram.world import Bot, Chat, Delivered, Json

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
PHOTO_LIMIT: Final = 10_000_000
FILE_LIMIT: Final = 50_000_000

MEDIA: Final = {
    "sendphoto": "photo",
    "senddocument": "document",
    "sendvideo": "video",
    "sendaudio": "audio",
    "sendvoice": "voice",
    "sendanimation": "animation",
}
Files = dict[str, tuple[str, bytes]]


class Refusal(Exception):
    """`ok: false`, in Telegram's words."""

    def __init__(self, status: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


async def send_message(bot: Bot, fields: Json) -> Json:
    text = fields.get("text", "")
    if not text.strip():
        raise Refusal(400, "Bad Request: message text is empty")
    if units(text) > TEXT_LIMIT:
        raise Refusal(400, "Bad Request: message is too long")
    return _show(bot, _chat(bot, fields), fields, "sendMessage", {"text": text})


async def send_media(bot: Bot, kind: str, fields: Json, files: Files) -> Json:
    chat = _chat(bot, fields)
    content, kept = _file(bot, kind, fields.get(kind, ""), files, kind)
    method = f"send{kind.capitalize()}"
    return _show(bot, chat, fields, method, _captioned(content, fields), files=(kept,))


async def send_album(bot: Bot, fields: Json, files: Files) -> list[Json]:
    items: list[Json] = fields.get("media") or []
    if not 2 <= len(items) <= 10:
        raise Refusal(400, "Bad Request: wrong number of messages to send: 2-10 are allowed")
    chat = _chat(bot, fields)
    ready = [(item, _file(bot, item["type"], item["media"], files, "media")) for item in items]
    album = f"{bot.now():.0f}{len(bot.sent)}"
    return [
        _show(
            bot,
            chat,
            fields,
            "sendMediaGroup",
            _captioned(content, item) | {"media_group_id": album},
            files=(kept,),
        )
        for item, (content, kept) in ready
    ]


async def edit_text(bot: Bot, fields: Json) -> Json:
    chat = _chat(bot, fields)
    message = chat.messages.get(int(fields.get("message_id", 0)))
    if message is None:
        raise Refusal(400, "Bad Request: message to edit not found")
    if message.get("text") == fields.get("text"):
        raise Refusal(
            400, "Bad Request: message is not modified: specified new message content is the same"
        )
    message |= {"text": fields["text"], "edit_date": int(bot.now())}
    bot.edited.append((chat.id, message["message_id"], fields["text"]))
    return message


def _chat(bot: Bot, fields: Json) -> Chat:
    try:
        number = int(fields["chat_id"])
    except (KeyError, ValueError):
        raise Refusal(400, "Bad Request: chat_id is empty") from None
    chat = bot.chats.get(number)
    if chat is None:
        raise Refusal(400, "Bad Request: chat not found")
    if chat.moved_to is not None:
        raise Refusal(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            {"migrate_to_chat_id": chat.moved_to},
        )
    if chat.blocked:
        raise Refusal(403, "Forbidden: bot was blocked by the user")
    wait = bot.meter.wait(number, bot.now())
    if wait:
        raise Refusal(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})
    return chat


def _file(bot: Bot, kind: str, given: Any, files: Files, field: str) -> tuple[Json, str]:
    """What the message says of the file, and the name it came under."""
    name, content = files.get(str(given).removeprefix("attach://"), ("", None))
    if content is None:
        if field in files:
            name, content = files[field]
        elif given in bot.files:
            content = bot.files[given].content
        else:
            raise Refusal(400, "Bad Request: wrong file identifier/HTTP URL specified")
    if len(content) > (PHOTO_LIMIT if kind == "photo" else FILE_LIMIT):
        raise Refusal(413, "Request Entity Too Large")
    if not content:
        raise Refusal(400, "Bad Request: file must be non-empty")
    about = bot.keep(content, f"{kind}s", name.rpartition(".")[2] or "bin")
    if kind == "photo":
        return {"photo": [about | {"width": 640, "height": 480}]}, name
    if kind in {"video", "animation"}:
        about |= {"width": 640, "height": 480, "duration": 1}
    if kind in {"audio", "voice"}:
        about |= {"duration": 1}
    return {kind: about | ({} if kind == "voice" else {"file_name": name})}, name


def _captioned(content: Json, fields: Json) -> Json:
    caption = fields.get("caption") or ""
    if units(caption) > CAPTION_LIMIT:
        raise Refusal(400, "Bad Request: message caption is too long")
    return content | ({"caption": caption} if caption else {})


def _show(
    bot: Bot, chat: Chat, fields: Json, method: str, content: Json, *, files: tuple[str, ...] = ()
) -> Json:
    reply = fields.get("reply_parameters") or {}
    answered = reply.get("message_id")
    if answered is not None and int(answered) not in chat.messages:
        if not reply.get("allow_sending_without_reply"):
            raise Refusal(400, "Bad Request: message to be replied not found")
        answered = None
    number = next(chat.numbers)
    message: Json = {
        "message_id": number,
        "date": int(bot.now()),
        "chat": chat.about,
        "from": bot.me,
    } | content
    chat.messages[number] = message
    bot.sent.append(
        Delivered(
            chat=chat.id,
            message_id=number,
            method=method,
            text=content.get("text") or content.get("caption") or "",
            files=files,
            reply_to=int(answered) if answered is not None else None,
            business=fields.get("business_connection_id", ""),
        )
    )
    return message
