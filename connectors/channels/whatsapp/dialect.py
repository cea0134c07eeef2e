"""The Cloud API's webhook objects, as far as they are used. All else in them is passed over.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
Where sources disagree both shapes are taken: timestamps come as text and as numbers, coordinates too (netflie's samples).
"""

from typing import Any

from msgspec import Raw, Struct


class Profile(Struct, frozen=True, gc=False):
    name: str | None = None
    username: str | None = None


class Contact(Struct, frozen=True):
    """A person whom the messages are from. `wa_id` may be absent since usernames exist, `user_id` before 2026."""

    profile: Profile | None = None
    wa_id: str | None = None
    user_id: str | None = None


class Metadata(Struct, frozen=True, gc=False):
    """Of our number: the API's id of it, and the number itself."""

    phone_number_id: str | int = ""
    display_phone_number: str | int = ""


class Value(Struct, frozen=True):
    """What a change holds. The items stay bytes, so that a broken one costs nothing but itself."""

    metadata: Metadata | None = None
    contacts: tuple[Contact, ...] | None = None
    messages: tuple[Raw, ...] | None = None
    message_echoes: tuple[Raw, ...] | None = None
    statuses: tuple[Raw, ...] | None = None
    errors: tuple[Raw, ...] | None = None
    user_id_update: tuple[Raw, ...] | None = None
    user_preferences: tuple[Raw, ...] | None = None


class Change(Struct, frozen=True):
    field: str = ""
    value: Raw = Raw(b"{}")


class Entry(Struct, frozen=True):
    changes: tuple[Change, ...] = ()


class Body(Struct, frozen=True):
    entry: tuple[Entry, ...]
    object: str = ""


class Text(Struct, frozen=True, gc=False):
    body: str = ""


class Media(Struct, frozen=True, gc=False):
    id: str | int | None = None
    mime_type: str | None = None
    sha256: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool | None = None


class Location(Struct, frozen=True, gc=False):
    latitude: float | str | None = None
    longitude: float | str | None = None
    name: str | None = None
    address: str | None = None
    url: str | None = None


class CardName(Struct, frozen=True, gc=False):
    formatted_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class CardPhone(Struct, frozen=True, gc=False):
    phone: str | None = None
    wa_id: str | None = None


class CardEmail(Struct, frozen=True, gc=False):
    email: str | None = None


class Card(Struct, frozen=True):
    name: CardName | None = None
    phones: tuple[CardPhone, ...] | None = None
    emails: tuple[CardEmail, ...] | None = None


class Reaction(Struct, frozen=True, gc=False):
    """Without `emoji`, or with an empty one: taken back."""

    message_id: str = ""
    emoji: str | None = None


class Choice(Struct, frozen=True, gc=False):
    """A button pressed, or a row of a list chosen."""

    id: str | None = None
    title: str | None = None
    description: str | None = None


class Flow(Struct, frozen=True, gc=False):
    """`response_json` is JSON in a string."""

    name: str | None = None
    body: str | None = None
    response_json: str | None = None


class Interactive(Struct, frozen=True):
    type: str = ""
    button_reply: Choice | None = None
    list_reply: Choice | None = None
    nfm_reply: Flow | None = None


class Button(Struct, frozen=True, gc=False):
    """A quick-reply button of a template."""

    payload: str | None = None
    text: str | None = None


class Product(Struct, frozen=True, gc=False):
    product_retailer_id: str | None = None
    quantity: int | float | str | None = None
    item_price: int | float | str | None = None
    currency: str | None = None


class Order(Struct, frozen=True):
    catalog_id: str | None = None
    text: str | None = None
    product_items: tuple[Product, ...] | None = None


class System(Struct, frozen=True, gc=False):
    """`wa_id` (v12 and later) or `new_wa_id` is the new number, `user_id` the new user id, `customer` the old number."""

    type: str = ""
    body: str | None = None
    wa_id: str | None = None
    new_wa_id: str | None = None
    user_id: str | None = None
    customer: str | None = None


class ErrorData(Struct, frozen=True, gc=False):
    details: str | None = None


class Error(Struct, frozen=True):
    """In a failed status, an unsupported message, and the Graph API's answer."""

    code: int = 0
    title: str | None = None
    message: str | None = None
    details: str | None = None
    error_data: ErrorData | None = None


class Unsupported(Struct, frozen=True, gc=False):
    type: str | None = None


class Referral(Struct, frozen=True):
    source_url: str | None = None
    source_type: str | None = None
    source_id: str | None = None
    headline: str | None = None
    body: str | None = None
    media_type: str | None = None
    image_url: str | None = None
    video_url: str | None = None
    thumbnail_url: str | None = None
    ctwa_clid: str | None = None


class ReferredProduct(Struct, frozen=True, gc=False):
    catalog_id: str | None = None
    product_retailer_id: str | None = None


class Context(Struct, frozen=True):
    """The message answered; without `id` when it only says that it was forwarded."""

    id: str | None = None
    forwarded: bool | None = None
    frequently_forwarded: bool | None = None
    referred_product: ReferredProduct | None = None


class Edit(Struct, frozen=True):
    original_message_id: str = ""
    message: dict[str, Any] | None = None


class Revoke(Struct, frozen=True, gc=False):
    original_message_id: str = ""


class Message(Struct, frozen=True, rename={"from_number": "from"}):
    """One of a customer's messages, or an echo (`to`…) of what was written in the business's own app."""

    id: str = ""
    type: str = ""
    timestamp: str | int | None = None
    from_number: str | None = None
    from_user_id: str | None = None
    to: str | None = None
    to_user_id: str | None = None
    group_id: str | None = None
    text: Text | None = None
    image: Media | None = None
    video: Media | None = None
    audio: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    location: Location | None = None
    contacts: tuple[Card, ...] | None = None
    reaction: Reaction | None = None
    interactive: Interactive | None = None
    button: Button | None = None
    order: Order | None = None
    system: System | None = None
    edit: Edit | None = None
    revoke: Revoke | None = None
    unsupported: Unsupported | None = None
    errors: tuple[Error, ...] | None = None
    context: Context | None = None
    referral: Referral | None = None


class Status(Struct, frozen=True):
    """What became of a message of ours. Who got it may be missing in a failed one."""

    id: str = ""
    status: str = ""
    timestamp: str | int | None = None
    recipient_id: str | None = None
    recipient_user_id: str | None = None
    recipient_type: str | None = None
    recipient_participant_id: str | None = None
    recipient_participant_user_id: str | None = None
    biz_opaque_callback_data: str | None = None
    errors: tuple[Error, ...] | None = None


class ChangedUserId(Struct, frozen=True, gc=False):
    previous: str | None = None
    current: str | None = None


class UserIdUpdate(Struct, frozen=True):
    """`user_id` as the two of them; the flat form is taken too, for the reference is not clear about it."""

    wa_id: str | None = None
    user_id: ChangedUserId | str | None = None
    previous_user_id: str | None = None
    timestamp: str | int | None = None


class UserPreference(Struct, frozen=True, gc=False):
    """`value` is "stop" or "resume"; `category` "marketing_messages"."""

    wa_id: str | None = None
    user_id: str | None = None
    category: str = ""
    value: str = ""
    detail: str | None = None
    timestamp: str | int | None = None
