"""Telegram's objects, as far as we read them: https://core.telegram.org/bots/api#available-types (Bot API 10.3).

Only declared fields are read, so that a new or odd one elsewhere costs nothing. Ids of chats and users have up to 52
significant bits; texts are positioned in UTF-16 code units; times are Unix seconds.
"""

from typing import Any

from msgspec import Struct


class User(Struct, frozen=True, kw_only=True):
    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None


class Chat(Struct, frozen=True, kw_only=True):
    id: int
    type: str = "private"
    title: str | None = None
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Entity(Struct, frozen=True, kw_only=True):
    type: str
    offset: int
    length: int
    url: str | None = None
    user: User | None = None


class File(Struct, frozen=True, kw_only=True):
    """Any of PhotoSize, Document, Video, Voice…: they differ in what they leave out. `length` is a video note's side."""

    file_id: str
    width: int | None = None
    height: int | None = None
    length: int | None = None
    duration: float | None = None
    file_name: str | None = None
    mime_type: str | None = None
    file_size: int | None = None
    emoji: str | None = None
    set_name: str | None = None
    is_animated: bool = False
    is_video: bool = False
    title: str | None = None
    performer: str | None = None


class PaidMedia(Struct, frozen=True, kw_only=True):
    """`preview` (not paid for yet) has no file."""

    type: str
    photo: list[File] | None = None
    video: File | None = None
    live_photo: File | None = None


class PaidMediaInfo(Struct, frozen=True, kw_only=True):
    star_count: int = 0
    paid_media: list[PaidMedia] = []


class Contact(Struct, frozen=True, kw_only=True):
    phone_number: str
    first_name: str = ""
    last_name: str | None = None
    user_id: int | None = None
    vcard: str | None = None


class Location(Struct, frozen=True, kw_only=True):
    latitude: float
    longitude: float
    horizontal_accuracy: float | None = None
    live_period: int | None = None


class Venue(Struct, frozen=True, kw_only=True):
    location: Location
    title: str = ""
    address: str = ""


class Option(Struct, frozen=True, kw_only=True):
    text: str = ""


class Poll(Struct, frozen=True, kw_only=True):
    question: str = ""
    options: list[Option] = []


class Dice(Struct, frozen=True, kw_only=True):
    emoji: str = "🎲"
    value: int = 0


class ChecklistTask(Struct, frozen=True, kw_only=True):
    text: str = ""
    completion_date: int | None = None


class Checklist(Struct, frozen=True, kw_only=True):
    title: str = ""
    tasks: list[ChecklistTask] = []


class WebAppData(Struct, frozen=True, kw_only=True):
    data: str = ""
    button_text: str = ""


class Titled(Struct, frozen=True, kw_only=True):
    """Game, Invoice: what a line in the inbox can say of them."""

    title: str = ""
    description: str = ""


class Quote(Struct, frozen=True, kw_only=True):
    text: str = ""


class Replied(Struct, frozen=True, kw_only=True):
    """The message answered, of which only the id is read; its own words are kept under that id."""

    message_id: int
    chat: Chat | None = None


class Button(Struct, frozen=True, kw_only=True):
    text: str = ""
    callback_data: str | None = None


class Keyboard(Struct, frozen=True, kw_only=True):
    inline_keyboard: list[list[Button]] = []


class Message(Struct, frozen=True, kw_only=True, rename={"from_user": "from"}):
    message_id: int
    chat: Chat
    date: int = 0
    edit_date: int | None = None
    from_user: User | None = None
    sender_chat: Chat | None = None
    author_signature: str | None = None
    business_connection_id: str | None = None
    sender_business_bot: User | None = None
    ephemeral_message_id: int | None = None
    guest_query_id: str | None = None
    message_thread_id: int | None = None
    is_topic_message: bool = False
    is_automatic_forward: bool = False
    is_from_offline: bool = False
    media_group_id: str | None = None
    forward_origin: dict[str, Any] | None = None
    reply_to_message: Replied | None = None
    external_reply: dict[str, Any] | None = None
    quote: Quote | None = None
    reply_markup: Keyboard | None = None

    text: str | None = None
    entities: list[Entity] | None = None
    caption: str | None = None
    caption_entities: list[Entity] | None = None
    animation: File | None = None
    audio: File | None = None
    document: File | None = None
    live_photo: File | None = None
    paid_media: PaidMediaInfo | None = None
    photo: list[File] | None = None
    sticker: File | None = None
    video: File | None = None
    video_note: File | None = None
    voice: File | None = None
    checklist: Checklist | None = None
    contact: Contact | None = None
    dice: Dice | None = None
    game: Titled | None = None
    invoice: Titled | None = None
    poll: Poll | None = None
    venue: Venue | None = None
    location: Location | None = None
    rich_message: dict[str, Any] | None = None
    web_app_data: WebAppData | None = None

    new_chat_title: str | None = None
    new_chat_members: list[User] | None = None
    left_chat_member: User | None = None
    migrate_to_chat_id: int | None = None
    migrate_from_chat_id: int | None = None


class CallbackMessage(Struct, frozen=True, kw_only=True):
    """The message of a pressed button; only `chat` and `message_id` when Telegram no longer has it (`date` is 0)."""

    message_id: int
    chat: Chat
    business_connection_id: str | None = None
    reply_markup: Keyboard | None = None


class CallbackQuery(Struct, frozen=True, kw_only=True, rename={"from_user": "from"}):
    """`data` comes from the person's program and may be anything, up to 64 bytes."""

    id: str
    from_user: User
    message: CallbackMessage | None = None
    inline_message_id: str | None = None
    data: str | None = None
    game_short_name: str | None = None


class ReactionType(Struct, frozen=True, kw_only=True):
    type: str = ""
    emoji: str | None = None


class MessageReaction(Struct, frozen=True, kw_only=True):
    chat: Chat
    message_id: int
    date: int = 0
    user: User | None = None
    actor_chat: Chat | None = None
    new_reaction: list[ReactionType] = []


class Membership(Struct, frozen=True, kw_only=True):
    status: str = ""
    user: User | None = None


class InviteLink(Struct, frozen=True, kw_only=True):
    invite_link: str = ""
    name: str | None = None


class ChatMemberUpdated(Struct, frozen=True, kw_only=True, rename={"from_user": "from"}):
    chat: Chat
    from_user: User | None = None
    date: int = 0
    old_chat_member: Membership = Membership()
    new_chat_member: Membership = Membership()
    invite_link: InviteLink | None = None


class ChatJoinRequest(Struct, frozen=True, kw_only=True, rename={"from_user": "from"}):
    chat: Chat
    from_user: User | None = None
    date: int = 0
    bio: str | None = None
    invite_link: InviteLink | None = None


class BusinessConnection(Struct, frozen=True, kw_only=True):
    id: str
    user: User
    user_chat_id: int
    date: int = 0
    is_enabled: bool = True


class DeletedBusinessMessages(Struct, frozen=True, kw_only=True):
    business_connection_id: str
    chat: Chat
    message_ids: list[int] = []


class Update(Struct, frozen=True, kw_only=True):
    """One of these is set, or none when the kind is newer than we are."""

    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    channel_post: Message | None = None
    edited_channel_post: Message | None = None
    business_message: Message | None = None
    edited_business_message: Message | None = None
    guest_message: Message | None = None
    deleted_business_messages: DeletedBusinessMessages | None = None
    business_connection: BusinessConnection | None = None
    callback_query: CallbackQuery | None = None
    message_reaction: MessageReaction | None = None
    my_chat_member: ChatMemberUpdated | None = None
    chat_member: ChatMemberUpdated | None = None
    chat_join_request: ChatJoinRequest | None = None
