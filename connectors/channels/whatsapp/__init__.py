"""WhatsApp Business, by Meta's Cloud API (Graph API v26.0). https://developers.facebook.com/documentation/business-messaging/whatsapp/

In: `receive` takes a webhook's body apart, item by item; `messages`, `statuses` and `other_news` say what each means, with
`content` and `people`; the shapes are in `dialect`, and `salvage` saves what has another. Out: `sending`, through the one
door `graph_api`, whose errors `refusals` explains; `templates` lists what may be sent when the `window` is closed.

Facts, with their source:

| what | |
|---|---|
| text 4096, caption 1024 characters | Meta, text messages, media messages |
| pictures 5 MB, audio and video 16 MB, documents 100 MB | Meta, media |
| a free reply until 24 hours after the customer's last message, then templates only | Meta, customer service windows |
| 80 messages a second from a number; to one person one in 6 seconds, of which 45 may be borrowed | Meta, throughput, pair rate limits |
| a webhook of at most 3 MB is repeated for 7 days until it is answered 200; no order, no history to ask for | Meta, webhooks overview |
| no idempotency key: a message sent twice comes twice; a status names it by our id | Meta, biz_opaque_callback_data |
| a file's address lives 5 minutes, its id 7 days | Meta, media |
| no typing from customers, no blocked | – |
"""

from connectors.channels.whatsapp.files import fetch
from connectors.channels.whatsapp.gestures import show_typing
from connectors.channels.whatsapp.parts import CAPTION_LIMIT, FILE_LIMIT, TEXT_LIMIT, split
from connectors.channels.whatsapp.receive import BODY_LIMIT, receive, reread
from connectors.channels.whatsapp.sending import send
from connectors.channels.whatsapp.setup import check, connect
from connectors.channels.whatsapp.templates import templates
from connectors.channels.whatsapp.window import WINDOW
from connectors.connector import Capabilities, Connector, Field

connector = Connector(
    kind="whatsapp",
    label="WhatsApp",
    icon="whatsapp",
    identity="whatsapp",
    hook="whatsapp",
    body_limit=BODY_LIMIT,
    fields=(
        Field(
            name="phone_number_id",
            label="Phone number ID",
            required=True,
            help="From the app's WhatsApp page, API setup; not the number itself",
        ),
        Field(
            name="waba_id",
            label="WhatsApp Business account ID",
            help="From the same page; for templates, and so that Allo can tell Meta where to send messages",
        ),
        Field(
            name="access_token",
            label="Access token",
            secret=True,
            required=True,
            help="Of a system user, with whatsapp_business_messaging and whatsapp_business_management; the one on the page lives a day",
        ),
        Field(
            name="app_secret",
            label="App secret",
            secret=True,
            required=True,
            help="From the app's settings, Basic; it proves that a message comes from Meta",
        ),
        Field(
            name="verify_token",
            label="Verify token",
            secret=True,
            required=True,
            help="A word of your own; Meta repeats it once, to make sure that the address is yours",
        ),
        Field(
            name="api_base",
            label="Graph API server",
            default="https://graph.facebook.com",
            help="Another server than Meta's: a proxy or a stand-in",
        ),
    ),
    capabilities=Capabilities(
        text_limit=TEXT_LIMIT,
        caption_limit=CAPTION_LIMIT,
        attachments=True,
        attachment_limit=FILE_LIMIT,
        replies=True,
        edits=True,
        deletes=True,
        reactions=True,
        buttons=True,
        groups=True,
        typing=True,
        reports=frozenset({"delivered", "read"}),
        rate=80,
        chat_rate=1 / 6,
        chat_burst=45,
        window=WINDOW,
    ),
    receive=receive,
    reread=reread,
    send=send,
    split=split,
    fetch=fetch,
    templates=templates,
    show_typing=show_typing,
    check=check,
    connect=connect,
)
