"""Updates → events: what Telegram pushes to a webhook, or hands out to a long poll, in Allo's words.

`read_update` never fails on an update: what Telegram says in a way we do not know becomes an "unsupported" message
where somebody wrote it, or a service event otherwise, so that the inbox shows that there was something and the raw
update waits for a better parser. Refusing it would be worse than useless: Telegram repeats an update until it is
taken, and holds back everything later in the same chat for up to a day (tdlib/telegram-bot-api, WebhookActor).

An update's key is its `update_id`, unique within the bot. A message's id is unique within its chat only.
"""

from collections.abc import Callable
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final, NamedTuple

import msgspec

from connectors.channels.telegram.dialect import (
    BusinessConnection,
    CallbackQuery,
    ChatJoinRequest,
    ChatMemberUpdated,
    DeletedBusinessMessages,
    InviteLink,
    MessageReaction,
    Update,
)
from connectors.channels.telegram.messages import Reading, edited, external_id, written
from connectors.channels.telegram.people import (
    chat_as_author,
    chat_id,
    chat_of,
    moment,
    person,
    private_chat,
)
from connectors.channels.telegram.salvage import readable_json, salvage
from connectors.connector import Account, Incoming, Received, Request
from connectors.errors import Malformed, Unverified
from router.clean_text import clean_line, clean_text
from router.message import (
    ButtonPressed,
    Event,
    MessageDeleted,
    ReactionChanged,
    ServiceEvent,
    SourceKeys,
)

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  # a header's name

ALLOWED_UPDATES: Final = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction",
    "callback_query",
    "purchased_paid_media",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "subscription",
)
"""Named one by one: without a list Telegram leaves out chat_member and message_reaction (Bot API, getUpdates)."""

OF_NO_INTEREST: Final = {
    "inline_query": "typing in the inline mode, not to us",
    "chosen_inline_result": "an inline result was chosen",
    "message_reaction_count": "anonymous totals of reactions",
    "poll": "a poll's totals",
    "chat_boost": "a boost",
    "removed_chat_boost": "a boost",
}


class Read(NamedTuple):
    """An event, or else why the update is of no interest."""

    number: int
    event: Event | None = None
    ignored: str = ""


_decode = msgspec.json.Decoder(Update).decode


def receive(account: Account, request: Request) -> Received:
    """One update per request; any 2xx takes it. Raises Unverified before anything is parsed, Malformed."""
    prove_origin(account, request)
    return reread(account, request.body, request.received_at)


def reread(account: Account, raw: bytes, received_at: datetime) -> Received:
    """The update in `raw`, from the webhook or a long poll alike. Raises Malformed."""
    read = read_update(account, raw, received_at)
    if read.event is None:
        return Received(ignored=(read.ignored,))
    return Received(incoming=(Incoming(event=read.event, raw=raw),))


def prove_origin(account: Account, request: Request) -> None:
    """Telegram repeats the secret of setWebhook in a header; there is no signature (Bot API, setWebhook)."""
    expected = account["webhook_secret"]
    if not expected:
        raise Unverified("the account has no webhook_secret", missing=True)
    given = request.headers.get(SECRET_HEADER)
    if given is None:
        raise Unverified(f"no {SECRET_HEADER}", missing=True)
    # As bytes: compare_digest raises TypeError on a str that is not ASCII, and a forger may send one.
    if not compare_digest(given.encode(errors="surrogateescape"), expected.encode()):
        raise Unverified(f"a wrong {SECRET_HEADER}")


def read_update(account: Account, body: bytes, received_at: datetime) -> Read:
    """Raises Malformed when the body is no update at all: not a JSON object with an `update_id`."""
    try:
        update = _decode(body)
    except (ValueError, RecursionError):
        # Oddly typed, not quite JSON, or not an update: slow, rare, and careful.
        return _read_by_hand(account, body, received_at)
    reading = Reading(
        key=str(update.update_id), received_at=received_at, account=account, body=body
    )
    # Nearly every update is a message.
    if update.message is not None:
        return Read(update.update_id, written(update.message, "message", reading))
    for kind, read in _KINDS:
        told = getattr(update, kind)
        if told is not None:
            return Read(update.update_id, read(told, kind, reading))
    return _read_by_hand(account, body, received_at)


def _read_by_hand(account: Account, body: bytes, received_at: datetime) -> Read:
    update = readable_json(body)
    number = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) >= 1 << 63:
        raise Malformed("not an update: a JSON object with an update_id")
    kind = next((name for name, told in update.items() if isinstance(told, dict)), "")
    if kind in OF_NO_INTEREST:
        return Read(number, ignored=f"{kind}: {OF_NO_INTEREST[kind]}")
    if kind in Update.__struct_fields__:
        # Perhaps it is only the bytes that were odd: NUL, a lone surrogate, broken UTF-8.
        try:
            mended = msgspec.json.encode(update)
            if mended != body and _decode(mended) is not None:
                return read_update(account, mended, received_at)
        except (ValueError, RecursionError):
            pass
    return Read(number, salvage(kind, update, key=str(number), received_at=received_at))


def _button(query: CallbackQuery, kind: str, reading: Reading) -> Event:
    """`message` is absent for buttons under inline results, and only named when Telegram has forgotten it."""
    shown = query.message
    data = clean_text(query.data or query.game_short_name or "", limit=256)
    chat = private_chat(query.from_user)
    under = label = ""
    if shown is not None:
        chat = chat_of(shown.chat, shown.business_connection_id)
        under = f"{chat.id}:{shown.message_id}"
        keys = shown.reply_markup.inline_keyboard if shown.reply_markup else []
        pressed = (key.text for row in keys for key in row if key.callback_data == query.data)
        label = clean_line(next(pressed, ""))
    return ButtonPressed(
        key=reading.key,
        chat=chat,
        at=reading.received_at,
        sender=person(query.from_user),
        data=data,
        label=label,
        callback=clean_text(query.id),
        external_id=under,
    )


def _reaction(change: MessageReaction, kind: str, reading: Reading) -> Event:
    sender = None
    if change.user is not None:
        sender = person(change.user)
    elif change.actor_chat is not None:
        sender = chat_as_author(change.actor_chat)
    return ReactionChanged(
        key=reading.key,
        chat=chat_of(change.chat),
        at=moment(change.date, reading.received_at),
        sender=sender,
        external_id=f"{change.chat.id}:{change.message_id}",
        # A custom emoji is a picture of its own; ⭐ stands for a paid reaction.
        emoji=tuple(
            clean_text(each.emoji or ("⭐" if each.type == "paid" else "❔"), limit=16)
            for each in change.new_reaction
        ),
    )


def _own_membership(change: ChatMemberUpdated, kind: str, reading: Reading) -> Event:
    """In a private chat the bot's own status says whether the person lets it write (Bot API, Update.my_chat_member)."""
    status = change.new_chat_member.status
    gone = status in {"kicked", "left"}
    if change.chat.type == "private":
        name = "blocked" if gone else "unblocked"
    else:
        name = "bot_removed" if gone else "bot_added"
    return _membership_event(name, change, reading)


def _membership(change: ChatMemberUpdated, kind: str, reading: Reading) -> Event:
    before, after = change.old_chat_member.status, change.new_chat_member.status
    outside = {"left", "kicked", ""}
    name = "member_changed"
    if (before in outside) != (after in outside):
        name = "member_joined" if before in outside else "member_left"
    return _membership_event(name, change, reading)


def _membership_event(name: str, change: ChatMemberUpdated, reading: Reading) -> Event:
    member = change.new_chat_member.user
    details = {"status": clean_line(change.new_chat_member.status)}
    if member is not None and not member.is_bot:
        details["member"] = person(member).name
    return ServiceEvent(
        key=reading.key,
        chat=chat_of(change.chat),
        at=moment(change.date, reading.received_at),
        sender=person(change.from_user) if change.from_user else None,
        name=name,
        details=details,
        source=_invitation(change.invite_link),
    )


def _join_request(request: ChatJoinRequest, kind: str, reading: Reading) -> Event:
    return ServiceEvent(
        key=reading.key,
        chat=chat_of(request.chat),
        at=moment(request.date, reading.received_at),
        sender=person(request.from_user) if request.from_user else None,
        name="join_requested",
        text=clean_text(request.bio or "", limit=255),
        source=_invitation(request.invite_link),
    )


def _invitation(link: InviteLink | None) -> SourceKeys | None:
    """An invite link is made for one place to advertise in, so it names the source."""
    if link is None or not link.invite_link:
        return None
    referral = {"invite_link": clean_line(link.invite_link, limit=255)}
    if link.name:
        referral["invite_link_name"] = clean_line(link.name)
    return SourceKeys(referral=referral)


def _connection(connection: BusinessConnection, kind: str, reading: Reading) -> Event:
    return ServiceEvent(
        key=reading.key,
        chat=private_chat(connection.user),
        at=moment(connection.date, reading.received_at),
        name="business_connected" if connection.is_enabled else "business_disconnected",
        details={"connection": clean_line(connection.id), "owner": person(connection.user).name},
    )


def _deleted(deleted: DeletedBusinessMessages, kind: str, reading: Reading) -> Event:
    connection = deleted.business_connection_id
    chat = chat_id(deleted.chat.id, connection)
    return MessageDeleted(
        key=reading.key,
        chat=chat_of(deleted.chat, connection),
        at=reading.received_at,
        external_ids=tuple(external_id(chat, number) for number in deleted.message_ids),
    )


_KINDS: Final[tuple[tuple[str, Callable[[Any, str, Reading], Event]], ...]] = (
    ("callback_query", _button),
    ("edited_message", edited),
    ("message_reaction", _reaction),
    ("my_chat_member", _own_membership),
    ("business_message", written),
    ("edited_business_message", edited),
    ("deleted_business_messages", _deleted),
    ("business_connection", _connection),
    ("guest_message", written),
    ("channel_post", written),
    ("edited_channel_post", edited),
    ("chat_member", _membership),
    ("chat_join_request", _join_request),
)
