"""VK's objects, as far as we read them: https://dev.vk.com/ru/api/community-events/json-schema (API 5.199).

Only declared fields are read, so that a new or odd one elsewhere costs nothing; `null` stands for absent in some of
what VK sends. Ids are positive for people, negative for communities, 2000000000 and more for group chats; times are
Unix seconds. An attachment is read by hand (`attachments`): there are some thirty kinds of them.
"""

from typing import Any

from msgspec import Raw, Struct


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What surrounds every event. `secret` comes by Callback API only; `event_id` not in versions before 5.103."""

    type: str = ""
    object: Raw = Raw(b"null")
    group_id: int = 0
    event_id: str | None = None
    v: str | None = None
    secret: str | None = None


class Message(Struct, frozen=True, kw_only=True):
    """A message, whole or quoted, of any version: before 5.80 `user_id`, `body` and `chat_id` stood for the later names.

    `id` is 0 in group chats and counts per community; `conversation_message_id` counts per chat.
    """

    id: int | None = None
    conversation_message_id: int | None = None
    date: int | None = None
    update_time: int | None = None
    peer_id: int | None = None
    from_id: int | None = None
    user_id: int | None = None
    chat_id: int | None = None
    out: int | bool | None = None
    text: str | None = None
    body: str | None = None
    random_id: int | None = None
    admin_author_id: int | None = None
    payload: Any = None
    ref: str | None = None
    ref_source: str | None = None
    attachments: list[Any] | None = None
    fwd_messages: list[Any] | None = None
    reply_message: Any = None
    geo: Any = None
    action: Any = None
    is_cropped: bool | None = None


class MessageNew(Struct, frozen=True, kw_only=True):
    """Since 5.103 the message is wrapped; before, it was the object itself."""

    message: Raw = Raw(b"null")


class Notice(Struct, frozen=True, kw_only=True):
    """Any smaller event: what people do besides writing. Which fields are there depends on the event."""

    user_id: int | None = None
    from_id: int | None = None
    peer_id: int | None = None
    reacted_id: int | None = None
    conversation_message_id: int | None = None
    cmid: int | None = None
    read_message_id: int | None = None
    reaction_id: int | None = None
    event_id: str | None = None
    payload: Any = None
    key: str | None = None
    join_type: str | None = None
    self: int | bool | None = None
    comment: str | None = None


class LeadForm(Struct, frozen=True, kw_only=True):
    """lead_forms_new. Each answer: {key, question, answer}; `answer` is a list where several could be chosen."""

    lead_id: int | None = None
    user_id: int | None = None
    form_id: int | None = None
    form_name: str | None = None
    ad_id: int | None = None
    answers: list[Any] | None = None


class Order(Struct, frozen=True, kw_only=True):
    """market_order_new: an order in the community's shop."""

    id: int | None = None
    user_id: int | None = None
    date: int | None = None
    display_order_id: str | None = None
    comment: str | None = None
    total_price: Any = None
    recipient: Any = None
    preview_order_items: list[Any] | None = None
