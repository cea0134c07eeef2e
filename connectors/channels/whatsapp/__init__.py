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

from connectors import entrance
from connectors.channels.whatsapp.files import fetch
from connectors.channels.whatsapp.gestures import show_typing
from connectors.channels.whatsapp.parts import CAPTION_LIMIT, FILE_LIMIT, TEXT_LIMIT, split
from connectors.channels.whatsapp.receive import BODY_LIMIT, receive, reread
from connectors.channels.whatsapp.sending import send
from connectors.channels.whatsapp.setup import check, connect
from connectors.channels.whatsapp.templates import templates
from connectors.channels.whatsapp.window import WINDOW
from connectors.connector import Capabilities, Connector, Field, Step

connector = Connector(
    kind="whatsapp",
    label="WhatsApp",
    icon="whatsapp",
    identity="whatsapp",
    hint="Meta's Cloud API",
    steps=(
        Step(
            title="Open your app at Meta",
            text="An app of the type Business with the product WhatsApp. Its page API setup shows two numbers: the phone "
            "number ID and the business account ID. They are not the telephone number.",
            link="https://developers.facebook.com/apps",
            fields=("phone_number_id", "waba_id"),
        ),
        Step(
            title="The app's secret",
            text="App settings, Basic, App secret. It proves that a message comes from Meta.",
            fields=("app_secret",),
        ),
        Step(
            title="A token that lasts",
            text="Business settings, System users: make one, give it the app and the WhatsApp account, generate a token with "
            "whatsapp_business_messaging and whatsapp_business_management. The token on the page API setup lives for a day.",
            link="https://business.facebook.com/settings/system-users",
            fields=("access_token",),
            tries=True,
        ),
        Step(
            title="Where Meta sends messages",
            text="Meta calls Allo, so ALLO_PUBLIC_URL must be an https address. Allo gives Meta this address by itself; to do it "
            "by hand: WhatsApp, Configuration, callback URL and verify token. There the field messages must be switched on.",
            fields=("verify_token",),
            shows="webhook",
        ),
    ),
    first="Write to your number from another telephone.",
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
            made_up=True,
            help="A word of your own; Meta repeats it once, to make sure that the address is yours",
        ),
        Field(
            name="api_base",
            label="Graph API server",
            default="https://graph.facebook.com",
            help="Another server than Meta's: a proxy or a stand-in",
        ),
    ),
    entrance=entrance.WHATSAPP,
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
